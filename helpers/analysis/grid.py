"""Where are the beats and the bar lines? A constant grid for a tempo that is already known.

Conventions: the grid covers the whole clip, from its first beat at or after 0 to its end; times in seconds. ``phase``
is the time of the first beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..music.meter import Meter, bar_seconds
from .listening import Listening
from .phase import (
    BAR_NAMES,
    BEAT_NAMES,
    WHOLE_BARS,
    bar_evidence,
    beat_candidates,
    beat_evidence,
    cut_in,
    first_bar,
    first_beat,
    length_evidence,
    plays_off_beat,
    probabilities,
    unheard_start,
    weights_of,
)
from .precise import PreciseTempo, fit_beat_line

AT_START_SECONDS = 0.02  # a first beat so near the file's start is at it
# For a file to be called an exact loop: the confidence that its beats are right; how near the onsets on its beats lie,
# unless its first attack is whole; by ear, the log odds of a bar line at its start against every other place, in the
# whole file (less against a place where the same is played, as drums play 1 and 3) and in each half.
# Chosen on 66 loops of 22 songs (33 are claimed) and 132 crops as long, half of them cut at another beat (10); of 123
# loops of 41 others 81 are claimed, and 13 of 246 such crops.
LEAST_LOOP_CONFIDENCE = 0.75
_LEAST_AS_LONG = 0.93  # where a loop's length has spoken for the beats at the start already
_LOOP_START_SECONDS, _WHOLE_ATTACK = 0.006, 0.5
_LEAST_LEAD, _LEAST_LEAD_ALIKE, _LEAST_LEAD_IN_HALF = 0.55, -0.25, -1.5
_ALIKE = 0.5  # sum of the differences, as weighed, of two places where the same is played


@dataclass(frozen=True)
class Grid:
    """Beat times, and the downbeats among them, in seconds; the meter they are counted in.

    ``phase_confidence`` is the probability that the beats lie where a listener would tap them, and ``bar_confidence``
    that bar 1 is where it is said, given the beats; ``starts`` says that the first bar begins with the file.
    """

    beats: tuple[float, ...]
    downbeats: tuple[float, ...]
    meter: Meter
    phase_confidence: float
    bar_confidence: float
    starts: bool


def estimate_grid(heard: Listening, bpm: float, meter: Meter, exact: PreciseTempo) -> Grid:
    """Place the beats, then choose which of them open a bar, each by a model of what falls there."""
    period = 60.0 / bpm
    line = fit_beat_line(heard, bpm)
    rest = exact.rest_from
    candidates = beat_candidates(heard, period, *([] if rest is None else [rest]))
    evidence = beat_evidence(heard, period, candidates, line.phase_seconds if line else None)
    length = length_evidence("beat", heard, bpm, meter, candidates)
    # of a loop that plays beside its beats the ear knows where the strokes are, and its start where the beats are
    is_long_as_loop = exact.beats is not None and bool(length.any())
    is_beside = rest is not None or (is_long_as_loop and plays_off_beat(heard, period, 0.0))
    told = first_beat(heard, period, candidates) + length
    if is_beside:
        evidence, told = 0.0 * evidence, unheard_start(candidates, rest or 0.0, period)
    probability = probabilities("beat", BEAT_NAMES, evidence, told)
    best = int(probability.argmax())
    phase = float(candidates[best])
    beside = min(phase, period - phase)
    early, late = period - phase < AT_START_SECONDS, phase < AT_START_SECONDS
    if early or late:
        phase = 0.0
    delayed = phase <= exact.padding_seconds > 0
    count = max(1, int(np.ceil((heard.seconds - phase) / period - 1e-3)))
    beats = phase + period * np.arange(count)
    openers = bar_evidence(heard, beats, meter.pulses_per_bar)
    more = length_evidence("bar", heard, bpm, meter, beats[:1]) * (np.arange(len(openers)) == 0)
    more = more + first_bar(heard, beats, len(openers))
    if is_beside:
        openers, more = 0.0 * openers, unheard_start(beats[: len(openers)], rest or 0.0, np.inf)
    bars = probabilities("bar", BAR_NAMES, openers, more)
    first = int(bars.argmax())
    if float(meter.beats_per_bar).is_integer():
        lines = beats[first :: int(meter.beats_per_bar)]
    else:  # in 7/8 every other bar begins between two beats
        lines = np.arange(beats[0] + first * period, heard.seconds - 0.05 * period, bar_seconds(bpm, meter))
    sure = float(probability[best])
    starts = (
        first == 0
        and sure >= (_LEAST_AS_LONG if length.any() and not is_beside else LEAST_LOOP_CONFIDENCE)
        and (delayed or (phase == 0.0 and (beside <= _LOOP_START_SECONDS or cut_in(heard) < _WHOLE_ATTACK)))
        and (is_beside or _opens_a_bar(heard, beats, len(openers)))
    )
    return Grid(tuple(beats.tolist()), tuple(lines.tolist()), meter, sure, float(bars[first]), starts)


def _opens_a_bar(heard: Listening, beats: np.ndarray, beats_per_bar: int) -> bool:
    """Whether bar 1 is heard at the first beat of the file, whatever its length, and from four bars on in each half."""
    half = beats.size // beats_per_bar // 2 * beats_per_bar
    halves = (beats[:half], beats[half:]) if half >= 2 * beats_per_bar else ()
    by_ear = weights_of("bar", BAR_NAMES) * [name != WHOLE_BARS for name in BAR_NAMES]
    for part, least in ((beats, _LEAST_LEAD), *((part, _LEAST_LEAD_IN_HALF) for part in halves)):
        weighed = bar_evidence(heard, part, beats_per_bar) * by_ear
        lead = weighed[0] - weighed[1:]
        alike = np.abs(lead).sum(axis=1) <= _ALIKE
        if (lead.sum(axis=1) < np.where(alike, min(least, _LEAST_LEAD_ALIKE), least)).any():
            return False
    return True


def estimate_swing(heard: Listening, grid: Grid) -> float | None:
    """Share of a beat that the first of two eighths takes (0.5 straight, 0.667 triplet); None without off-beat onsets.

    The strength-weighted median place of the onsets between 0.42 and 0.75 of a beat; at least four of them.
    """
    if len(grid.beats) < 4 or grid.meter.steps_per_beat != 4:
        return None
    times, strengths = heard.onsets
    period = grid.beats[1] - grid.beats[0]
    place = ((times - grid.beats[0]) / period) % 1.0
    inside = (place > 0.42) & (place < 0.75) & (strengths > 0.1)
    if inside.sum() < 4:
        return None
    order = np.argsort(place[inside])
    weight = np.cumsum(strengths[inside][order])
    return float(place[inside][order][int(np.searchsorted(weight, 0.5 * weight[-1]))])
