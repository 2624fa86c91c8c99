"""Does the loop lie where it should, to the sixteenth? Each place within a beat either way is tried against the idea.

A conditional logit (McFadden 1974) over the places: each cue says how well the loop would fit the idea if it were moved
there. ``benchmarks/fit/fit.py --write`` learns the weights of each role from loops that are known to lie right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...machine.weights import load_weights
from ..find import metre_template
from ..findings import Findings
from .bars import Bars, likeness
from .harmony import LEAST_TONAL

CUES = (
    "mid", "high",  # likeness of the onsets, sixteenth by sixteenth, by register
    "long",  # strokes that are long until the next come where the metre has its strong places
    "new_bar", "new_half",  # the half bar's notes change on bar lines; the eighth's on those and half-way
    "new_notes",  # likeness of the notes that begin, sixteenth by sixteenth
    "first",  # low onsets on beat 1, of a part that sounds low
)  # fmt: skip
FEWEST_ONSETS = 4
EIGHTH = 2  # sixteenths
HIGH = ("lead", "arpeggio", "pad")  # roles of which nothing but noise sounds low
# An off-beat part: so little of its accents on the beats, so much half-way between them, and strokes in every beat.
MOST_ON_BEAT, LEAST_HALF_WAY = 0.15, 0.5
PLAYED = 0.25  # of the strongest accent of the mean bar: a softer one is an echo
SHARED = 0.25  # likeness of its accents with the idea's, from which an off-beat part plays where the idea does
BETWEEN = (
    "Place was not judged: the part plays between the beats, and nothing tells it from one that is half a beat late."
)


def measure_place(loop: Bars, idea: Bars, *, role: str) -> Findings:
    """The fields ``place`` (0..1, at least a half where none is likelier) and ``place_steps`` (seems late by)."""
    if not role:  # each role has weights of its own
        return Findings(notes=("Place was not judged: no instrument was named.",))
    few = [who for who, x in (("loop", loop), ("idea", idea)) if x.struck.times.size < FEWEST_ONSETS]
    if few and not _both_tonal(loop, idea):
        return Findings(notes=(f"Place was not compared: the {few[0]} has no pulse.",))
    if role != "drums" and _off_beat(loop, idea):
        return Findings(notes=(BETWEEN,))
    lags, table = place_cues(loop, idea, role=role)
    probabilities = place_probabilities(table, load_weights("helpers.loops", "place")[role])
    best = int(lags[np.argmax(probabilities)])
    return Findings(
        {"place": against_best_rival(probabilities, lags), "place_steps": best},
        {"place": _said(best, loop.meter.steps_per_beat)},
    )


def _both_tonal(loop: Bars, idea: Bars) -> bool:
    return min(loop.notes.tonal_share, idea.notes.tonal_share) > LEAST_TONAL


def _off_beat(loop: Bars, idea: Bars) -> bool:
    """Whether the loop plays half-way between the beats, as house chords and trance basses do.

    Only where the idea accents the same places, or kicks on every beat and on beats alone, which such a part answers.
    """
    bar, kick = _mean_bar(loop, "low", "mid", "high"), _mean_bar(idea, "low")
    number, place = np.divmod(np.arange(bar.size), loop.meter.steps_per_beat)
    on, half_way = place == 0, place == loop.meter.steps_per_beat // 2
    played = np.unique(number[(place > 0) & (bar > PLAYED * bar.max())]).size
    whole = bar.sum()
    enough = bar[half_way].sum() >= LEAST_HALF_WAY * whole > 0 and played >= loop.meter.beats_per_bar
    if not enough or bar[on].sum() > MOST_ON_BEAT * whole:
        return False
    pulse = kick[on].min() > PLAYED * kick.max() and kick[half_way].sum() <= MOST_ON_BEAT * kick.sum()
    return bool(pulse or likeness(loop.accents["all"][None], idea.accents["all"])[0] >= SHARED)


def _mean_bar(sound: Bars, *names: str) -> np.ndarray:
    """The accents of the registers ``names`` in the mean bar (steps of a bar,)."""
    return sum(np.expm1(sound.accents[name]) for name in names).reshape(sound.bars, -1).mean(axis=0)


def place_probabilities(table: np.ndarray, learnt: Mapping[str, float]) -> np.ndarray:
    """How likely the ``learnt`` weights of the cues make each place of ``table`` (n, CUES): (n,), 1 in all."""
    scores = table @ np.array([learnt[name] for name in CUES])
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def against_best_rival(probabilities: np.ndarray, lags: np.ndarray) -> float:
    """How likely the loop's place is of this and the likeliest other: a part that goes round in a beat has many."""
    here = float(probabilities[lags == 0][0])
    return here / (here + float(probabilities[lags != 0].max()))


def _said(steps: int, per_beat: int) -> str:
    names = {per_beat: "a beat", per_beat // 2: "half a beat", 1: "a sixteenth"}
    size = names.get(abs(steps), f"{abs(steps)} sixteenths")
    return f"{size} {'late' if steps > 0 else 'early'}"


def place_cues(loop: Bars, idea: Bars, *, role: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps by which the loop may be late, a beat early to a beat late (n,), and what each cue says of it (n, CUES).

    Each cue is relative to its mean over the places.
    """
    meter, steps = loop.meter, loop.steps
    lags = np.arange(-meter.steps_per_beat, meter.steps_per_beat + 1)
    back = (np.arange(steps)[None, :] + lags[:, None]) % steps  # the loop's steps when it is moved earlier by the lag
    bar, half = meter.steps_per_bar, meter.steps_per_bar // 2
    columns = [likeness(loop.accents[name][back], idea.accents[name]) for name in ("mid", "high")]
    columns += [likeness(_lengths(loop)[back], np.tile(metre_template(meter), loop.bars))]
    none = np.zeros(lags.size)
    for reach, lines in ((half, bar), (EIGHTH, half)):
        columns += [none if role == "drums" else loop.note_change(reach)[back][:, ::lines].mean(axis=1)]
    columns += [none if role == "drums" else likeness(loop.new_notes[back], idea.new_notes)]
    columns += [none if role in HIGH else loop.accents["low"][back][:, ::bar].mean(axis=1)]
    table = np.array(columns).T
    return lags, table - table.mean(axis=0)


def _lengths(loop: Bars) -> np.ndarray:
    """Sixteenths from each that has a stroke to the next stroke, at most a bar (steps,); 0 between strokes.

    A note that is long till the next is heard as an accent (Povel & Essens 1985).
    """
    lengths = np.zeros(loop.steps)
    struck = np.unique(np.round(loop.strong.times / loop.step_seconds).astype(int) % loop.steps)
    if struck.size:
        apart = np.diff(struck, append=struck[0] + loop.steps)
        lengths[struck] = np.minimum(apart, loop.meter.steps_per_bar)
    return lengths
