"""What is heard in an idea. What could not be measured is None or empty."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..music.meter import METERS, Meter, bar_seconds
from ..music.pitch import NO_CHORD, Key
from .clip import Note

# Tempo ratios that are another reading of the same sound (half, double, ...), not another speed.
SAME_SOUND_RATIOS = (0.5, 2 / 3, 0.75, 1.0, 4 / 3, 1.5, 2.0)
RATIO_TOLERANCE = 0.03
CLEAR_TAG = 0.3  # a genre or mood heard less clearly is shown, and steers nothing that was not asked for


@dataclass(frozen=True)
class TempoAlternative:
    """Another reading of the tempo; ``relation`` is ``half``, ``double``, ``2/3``, ``3/2`` or ``other``."""

    bpm: float
    relation: str


@dataclass(frozen=True, eq=False)
class Tempo:
    """The steady tempo of an idea.

    ``bpm`` is None when nothing could be measured. ``beats`` and ``downbeats`` are seconds, rising. ``is_loop``: the
    file is an exact number of ``bars`` long and begins with bar 1; where only the length says so, ``bars`` is given and
    ``is_loop`` is not. ``swing`` is the share of a beat (or half beat) the first of two notes takes: 0.5 straight,
    0.667 triplet; None when it cannot be told. ``confidence`` is of the tempo alone;
    ``phase_confidence`` of the beats lying where a listener taps them, ``bar_confidence`` of bar 1 among them,
    ``meter_confidence`` of the metre (0 where a rule found it that nobody has measured), and ``meter_alternatives``
    are the names of the metres it may be instead, likeliest first.
    ``drift_bpm``: the tempo at the start and at the end where it moves; the beats follow it.
    """

    bpm: float | None
    confidence: float
    alternatives: tuple[TempoAlternative, ...] = ()
    beats: tuple[float, ...] = ()
    downbeats: tuple[float, ...] = ()
    meter: Meter = METERS["4/4"]
    is_loop: bool = False
    bars: int | None = None
    swing: float | None = None
    phase_confidence: float = 0.0
    bar_confidence: float = 0.0
    drift_bpm: tuple[float, float] | None = None
    meter_confidence: float = 0.0
    meter_alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeyAlternative:
    """A key that was considered, by name, with its score (higher is better; the winner's alternatives are ranked)."""

    name: str
    score: float


@dataclass(frozen=True)
class KeyEstimate:
    """The key of an idea; ``tuning_cents`` is the deviation from A4 = 440 Hz, -50..50."""

    key: Key
    confidence: float
    alternatives: tuple[KeyAlternative, ...] = ()
    tuning_cents: float = 0.0


@dataclass(frozen=True)
class ChordSpan:
    """A chord that sounds from ``start`` to ``end`` seconds; ``label`` is readable by ``pitch.parse_chord``."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Span:
    """A stretch of an idea that loops, from ``start`` to ``end`` seconds, of whole ``bars``.

    ``section`` is the letter of the section it lies in; ``score`` is how well it returns to its start, 0..1.
    """

    start: float
    end: float
    bars: int
    section: str
    score: float


@dataclass(frozen=True)
class Tag:
    """A genre or mood word with a score in 0..1."""

    label: str
    score: float

    @property
    def steers(self) -> bool:
        """Whether it was heard clearly enough to steer a part that nobody chose a genre or mood for."""
        return self.score >= CLEAR_TAG


def clear_label(tags: tuple[Tag, ...]) -> str | None:
    """The genre or mood that steers, the likeliest of those heard clearly enough; None where none was."""
    return next((tag.label for tag in tags if tag.steers), None)


@dataclass(frozen=True)
class Groove:
    """Rhythm and register of the idea, folded onto one bar of its grid.

    ``accents`` and ``low_accents`` have one value 0..1 per step of a bar (``Meter.steps_per_bar``): mean onset strength
    of the whole sound and of the band below 150 Hz. ``bar_accents`` and ``bar_low_accents`` are the same bar by bar
    from the first downbeat on, as many bars as the idea fills (at most 16), 1 being the strongest onset of all.
    ``density`` is onsets per beat. ``octaves`` is the share of energy in the octaves C1..B1 up to C7..B7 (7 values,
    sum 1). ``bar_levels_db`` is the loudness of each bar against the loudest. ``timing_ms`` is how far behind its place
    on the grid (below 0: ahead of it) each step of a bar is played, against beat 1; 0 also where too little was heard.
    """

    accents: tuple[float, ...] = ()
    low_accents: tuple[float, ...] = ()
    bar_accents: tuple[tuple[float, ...], ...] = ()
    bar_low_accents: tuple[tuple[float, ...], ...] = ()
    density: float = 0.0
    octaves: tuple[float, ...] = ()
    bar_levels_db: tuple[float, ...] = ()
    timing_ms: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that was heard in an idea.

    ``melody`` holds notes in seconds when one voice sounds, else nothing; ``played`` all notes that were heard.
    """

    file: str
    sha256: str
    seconds: float
    sample_rate: int
    channels: int
    tempo: Tempo
    key: KeyEstimate | None
    chords: tuple[ChordSpan, ...] = ()
    genres: tuple[Tag, ...] = ()
    moods: tuple[Tag, ...] = ()
    loudness_lufs: float | None = None
    melody: tuple[Note, ...] = ()
    played: tuple[Note, ...] = ()
    spans: tuple[Span, ...] = ()
    groove: Groove = Groove()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The shape that ``python -m helpers analyze --json`` prints."""
        data = _rounded(asdict(self))
        del data["groove"]
        meter = self.tempo.meter
        data["tempo"] |= {"beats_per_bar": meter.beats_per_bar, "meter": meter.name}
        if self.key is not None:
            key = data["key"].pop("key")
            data["key"] |= {"tonic": self.key.key.tonic_name, "mode": key["mode"], "name": self.key.key.name}
        return data


# Digits behind the point where they are not three.
_DIGITS = {"seconds": 4, "bpm": 4, "beats": 4, "downbeats": 4, "drift_bpm": 2, "tuning_cents": 1, "loudness_lufs": 2}


def _rounded(value: Any, name: str = "") -> Any:
    """The value as JSON has it, its numbers rounded by the name of their field."""
    if isinstance(value, dict):
        return {key: _rounded(item, key) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_rounded(item, name) for item in value]
    return round(value, _DIGITS.get(name, 3)) if isinstance(value, float) else value


def tempo_ratio(bpm: float, heard_bpm: float) -> float | None:
    """How many times ``heard_bpm`` another reading of the same sound is; None where ``bpm`` is another speed."""
    same = min(SAME_SOUND_RATIOS, key=lambda same: abs(bpm / heard_bpm / same - 1))
    return same if abs(bpm / heard_bpm / same - 1) < RATIO_TOLERANCE else None


def bars_of_chords(analysis: Analysis, bpm: float, meter: Meter, bars: int) -> tuple[tuple[str, ...], ...]:
    """The idea's chords from its first downbeat on, two labels (half bars) a bar, at most ``bars`` bars.

    Read on the grid of ``bpm`` where that is another reading of the idea's own tempo, else bar by bar on the idea's
    grid. Only bars that the idea fills are returned; half bars without a chord take the one before. Empty when nothing
    was heard.
    """
    if not analysis.chords or analysis.tempo.bpm is None:
        return ()
    reread = tempo_ratio(bpm, analysis.tempo.bpm) is not None
    bar = bar_seconds(bpm if reread else analysis.tempo.bpm, meter)
    start = analysis.tempo.downbeats[0] if analysis.tempo.downbeats else analysis.chords[0].start
    whole = int((analysis.seconds - start) / bar + 0.1)
    halves: list[str] = []
    for index in range(2 * max(1, min(bars, whole))):
        begin, end = start + index * bar / 2, start + (index + 1) * bar / 2
        overlap: dict[str, float] = {}
        for chord in analysis.chords:
            shared = min(end, chord.end) - max(begin, chord.start)
            if shared > 0:
                overlap[chord.label] = overlap.get(chord.label, 0.0) + shared
        halves.append(max(overlap, key=overlap.__getitem__) if overlap else NO_CHORD)
    heard = [label for label in halves if label != NO_CHORD]
    if not heard:
        return ()
    last = heard[0]
    for index, label in enumerate(halves):
        halves[index] = last = label if label != NO_CHORD else last
    return tuple((halves[i], halves[i + 1]) for i in range(0, len(halves), 2))
