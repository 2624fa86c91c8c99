"""The fields of the fit card, one row each: the only place for label, unit, format, limit, reason and weight.

Reports, badges, the page's rows, the README's table, the limits and the ranking read this table. A new field is a row
here and the code that measures it (``helpers/loops/proof.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = float | int | str | None
OBEYS, FITS = "obeys", "fits"  # the request; the idea
NONE = float("inf")  # a limit that is never passed
HIGH, LOW, ZERO, EQUAL = "at least", "at most", "at most, either way,", "exactly as asked"


@dataclass(frozen=True)
class FitField:
    """A row of the card.

    Attributes
    ----------
    name, label, unit, form
        In the JSON, on cards, and how a value is written: ``f"{value:{form}}{unit}"``.
    group
        ``obeys`` the request or ``fits`` the idea.
    meaning
        One line for the documentation.
    good
        The direction of the limit: HIGH, LOW, ZERO (nearness to it) or EQUAL (to what was asked).
    limit, why
        A loop fails beyond ``limit``; ``why`` is the musician's reason for the number. None: the field cannot fail.
    failure
        The sentence of a loop that fails, of ``{value}``, ``{limit}`` and the ``{detail}`` that was measured with it.
    badge
        The short label on the loop's card; empty for a row of the full table only.
    asked
        The name under which the card holds what was asked for.
    weight, worst, best
        Share of the ranking's score, and the values that count as 0 and as 1 there.
    others_limit
        The limit for a loop that somebody else made; beyond the row's own it is a remark then. None: the row's own.
    shown
        Whether people see it; the JSON holds every field.
    """

    name: str
    label: str
    unit: str
    form: str
    group: str
    meaning: str
    good: str = ""
    limit: float | None = None
    why: str = ""
    failure: str = ""
    badge: str = ""
    asked: str = ""
    weight: float = 0.0
    worst: float = 0.0
    best: float = 1.0
    others_limit: float | None = None
    shown: bool = True

    def text(self, value: Value) -> str:
        """The value with its unit, or ``unknown``."""
        if value is None:
            return "unknown"
        return value if isinstance(value, str) else f"{value:{self.form}}{self.unit}"

    def limit_text(self) -> str:
        """``at most 0.5 %``; empty where the field cannot fail."""
        if self.good == EQUAL:
            return EQUAL
        return "" if self.limit is None else f"{self.good} {self.text(self.limit)}".replace("+", "")

    def fails(self, values: Mapping[str, Value], *, others: bool = False) -> bool:
        """Whether the card's values break this row's limit (that of ``others``); what was not measured does not."""
        value = values.get(self.name)
        if self.good == EQUAL:
            return value is not None and value != values.get(self.asked)
        limit = self.others_limit if others and self.others_limit is not None else self.limit
        if limit is None or value is None or isinstance(value, str):
            return False
        return value < limit if self.good == HIGH else (abs(value) if self.good == ZERO else value) > limit

    def failing(self, values: Mapping[str, Value], detail: str = "") -> str:
        """The sentence for a loop that fails here."""
        limit = self.text(values.get(self.asked) if self.good == EQUAL else self.limit).replace("+", "")
        return self.failure.format(value=self.text(values[self.name]), limit=limit, detail=detail)

    def share(self, value: Value) -> float | None:
        """The value as the ranking counts it, 0 (worst) to 1 (best); None where it was not measured."""
        if value is None or isinstance(value, str):
            return None
        value = abs(value) if self.good == ZERO else value
        return min(1.0, max(0.0, (value - self.worst) / (self.best - self.worst)))


_ROWS = (
    FitField(
        name="samples", label="Length", unit=" samples", form="d", group=OBEYS, good=EQUAL, asked="samples_expected",
        badge="Length", meaning="it must be `round(bars × beats × 60 / bpm × rate)` to the sample",
        why="a loop one sample off drifts against every other track",
        failure="The loop is {value} long instead of {limit}.",
    ),
    FitField(
        name="bpm_measured", label="Tempo", unit=" BPM", form=".2f", group=OBEYS, asked="bpm_requested",
        meaning="measured on its onsets",
    ),
    FitField(
        name="tempo_error_percent", label="Tempo error", unit=" %", form="+.2f", group=OBEYS, badge="Tempo",
        meaning="against the tempo asked for; a loop that strays less than 45 ms in all is let pass",
        good=ZERO, limit=0.5, why="over eight bars at 120 BPM half a percent is 80 ms, heard as dragging",
        failure="It plays {value} off the tempo asked for, {detail}; {limit} is let pass.", others_limit=1.0,
    ),
    FitField(
        name="astray_ms", label="Astray by its end", unit=" ms", form=".0f", group=OBEYS,
        meaning="what the tempo error comes to over the whole loop",
        weight=0.02, worst=80.0, best=8.0,
    ),
    FitField(
        name="grid_error_ms", label="Off the grid", unit=" ms", form=".1f", group=OBEYS, badge="Grid",
        meaning="median distance of its strong onsets from the nearest sixteenth",
        good=LOW, limit=35.0, why="beyond a sixteenth's third at 120 BPM the part is not on this grid",
        failure="Half its notes lie {value} or more off the grid of sixteenths; {limit} is let pass.",
        weight=0.06, worst=35.0, best=2.0, others_limit=NONE,
    ),
    FitField(
        name="downbeat_offset_ms", label="Bar 1 off by", unit=" ms", form="+.1f", group=OBEYS,
        meaning="where its strongest onset near beat 1 falls",
    ),
    FitField(
        name="key_measured", label="Key", unit="", form="", group=OBEYS, asked="key_requested",
        meaning="the key heard in the loop by itself",
    ),
    FitField(
        name="key_score", label="Key score", unit="", form=".1f", group=OBEYS,
        meaning="nearness of the key heard: 1 the one asked for, 0.5 a fifth off, 0.3 its relative", shown=False,
    ),
    FitField(
        name="in_key_share", label="On the scale", unit="", form=".0%", group=OBEYS, badge="In key",
        meaning="share of its energy on the seven notes of the key", good=HIGH, limit=0.60,
        why="seven of twelve notes hold 58 % of anything by chance",
        failure="Only {value} of what sounds is in {detail}; {limit} is asked, and chance gives 58 %.",
        weight=0.05, worst=7 / 12, best=0.9,
    ),
    FitField(
        name="chord_agreement", label="On the chords", unit="", form=".0%", group=OBEYS,
        meaning="share of its energy on the chords asked for, half bar by half bar",
    ),
    FitField(
        name="seam", label="Seam", unit="", form=".2f", group=OBEYS, badge="Seam",
        meaning="the wrap against the loop's own inside: 1 = as abrupt as its 99th percentile",
        good=LOW, limit=1.5,
        why="half again as abrupt as the loop's own most abrupt moments is heard as a click or a gap",
        failure="The wrap {detail}: {value} times as abrupt as the loop's own moments.",
        weight=0.09, worst=2.5, best=1.0, others_limit=4.0,
    ),
    FitField(
        name="purity", label="Purity", unit="", form=".2f", group=OBEYS, badge="Purity",
        meaning="how much it is only the instrument asked for", good=HIGH, limit=0.1,
        why="one pure recording in 80 lies below this, and six in ten with another instrument 6 dB under",
        failure="{detail}: purity {value} of 1, {limit} is asked.",
        weight=0.10, worst=0.05, best=0.8, others_limit=-NONE,
    ),
    FitField(
        name="loudness_lufs", label="Loudness", unit=" LUFS", form=".1f", group=OBEYS,
        meaning="integrated, ITU-R BS.1770", good=HIGH, limit=-40.0,
        why="quieter is not usable beside other tracks",
        failure="It is too quiet: {value}, {limit} is the least.",
    ),
    FitField(
        name="true_peak_dbtp", label="True peak", unit=" dBTP", form=".1f", group=OBEYS,
        meaning="ITU-R BS.1770", good=LOW, limit=-0.1, why="nearer to full scale lossy players clip",
        failure="It clips: its true peak is {value}, {limit} is the most.", others_limit=NONE,
    ),
    FitField(
        name="infrasound_share", label="Below 20 Hz", unit="", form=".1%", group=OBEYS,
        meaning="share of its energy that nobody hears, direct current included", good=LOW, limit=0.10,
        why="it takes headroom and moves loudspeakers; of 68 loops by people none holds more than 8 %",
        failure="{value} of its energy is direct current or below 20 Hz; {limit} is let pass.", others_limit=NONE,
    ),
    FitField(
        name="harmony", label="Harmony with the idea", unit="", form=".0%", group=FITS, badge="Harmony",
        meaning="how sure it is, by both sounds half bar by half bar, that the part was written over these bars",
        good=HIGH, limit=0.50, why="below it is likelier that the part was written for something else",
        failure="Its notes do not fit the idea: {detail}.",
        weight=0.05, worst=0.1, best=0.9,
    ),
    FitField(
        name="agreement", label="Notes shared", unit="", form=".2f", group=FITS,
        meaning="agreement minus semitone clash with the idea: 0 by chance, 1 and more shared notes",
        weight=0.20, worst=0.0, best=2.5,
    ),
    FitField(
        name="of_best", label="Of what the idea agrees with itself", unit="", form=".0%", group=FITS,
        meaning="notes shared, against what the idea's own notes reach over the same bars",
        weight=0.10, worst=0.0, best=1.0,
    ),
    FitField(
        name="moved_semitones", label="Would agree best moved by", unit=" semitones", form="+d", group=FITS,
        meaning="the transposition that would share most with the idea; 0 is where it lies",
    ),
    FitField(
        name="variety", label="Different notes", unit="", form=".1f", group=FITS,
        meaning="how many pitch classes it spreads over; a drone has 1 to 3", weight=0.05, worst=2.0, best=5.5,
    ),
    FitField(
        name="place", label="Place", unit="", form=".0%", group=FITS, badge="Place",
        meaning="how likely its place is, of all within a beat either way, by onsets, accents and notes of both",
        good=HIGH, limit=0.17, why="of loops half a beat off 4 in 5 lie below, of those in place 1 in 30",
        failure="It seems to lie {detail} against the idea.",
        weight=0.04, worst=0.1, best=0.9,
    ),
    FitField(
        name="place_steps", label="Seems late by", unit=" sixteenths", form="+d", group=FITS,
        meaning="the place within a beat where it would fit best; 0 is where it lies",
    ),
    FitField(
        name="groove", label="Accents shared", unit="", form=".2f", group=FITS,
        meaning="correlation of its onsets with the idea's, sixteenth by sixteenth", weight=0.04, worst=0.0, best=0.7,
    ),
    FitField(
        name="pocket_ms", label="Off the idea's pocket", unit=" ms", form="+.0f", group=FITS, badge="Pocket",
        meaning="how far its strokes lie off both the straight grid and the idea's own feel, late above 0",
        good=ZERO, limit=18.0, why="players sit up to 15 ms off a grid on purpose; twice that is heard as a delay",
        failure="It plays {value} off the beat, beyond the idea's own feel; {limit} is let pass.",
        weight=0.03, worst=18.0, best=2.0,
    ),
    FitField(
        name="looseness_ms", label="Looseness", unit=" ms", form=".0f", group=FITS,
        meaning="how much strokes at the same place of the bar differ from one another",
        good=LOW, limit=13.0, why="steady players keep within 10 ms; a groove that repeats is no looseness",
        failure="Its strokes stray by {value} from bar to bar; {limit} is let pass.",
        weight=0.01, worst=13.0, best=3.0,
    ),
    FitField(
        name="low_end", label="Low end apart", unit="", form=".0%", group=FITS,
        meaning="share of its notes below 120 Hz that sound while the idea holds another low note",
        weight=0.03, worst=0.5, best=0.0,
    ),
    FitField(
        name="masked_share", label="Hidden under the idea", unit="", form=".0%", group=FITS,
        meaning="share of its power in beats and ERB bands where the idea is 6 dB louder, both equally loud",
        weight=0.02, worst=0.8, best=0.2,
    ),
    FitField(
        name="tuning_cents", label="Tuning against the idea", unit=" cents", form="+.0f", group=FITS,
        meaning="difference of the two tunings", good=ZERO, limit=35.0,
        why="beyond a third of a semitone every shared note beats",
        failure="It is tuned {value} against the idea; {limit} is let pass.",
    ),
    FitField(
        name="level_db", label="Level beside the idea", unit=" dB", form="+.1f", group=FITS,
        meaning="its loudness minus that of the idea's bars",
    ),
)  # fmt: skip
FIT_FIELDS = {row.name: row for row in _ROWS}
ASKED = tuple(field.asked for field in FIT_FIELDS.values() if field.asked)
