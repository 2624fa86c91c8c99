"""The tempo to a tenth of a percent: onsets regressed on a grid, and the file's own length when it is a whole loop.

Half a percent of error over eight bars is a sixteenth note; an estimate that merely counts as right will not do for a
loop that has to run along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .evidence import TIGHT_START_SECONDS
from .listening import Listening
from .phase import rest_before

_STEPS = (3, 4)  # a beat is divided into so many steps for the regression: triplets or sixteenths
_NEAR_STEP = 0.22  # an onset further from its step than this share of a step says nothing
_LEAST_ERROR = 0.0008  # relative; what onsets can promise at best
_WORST_ERROR = 0.02  # beyond this the onsets say nothing about the tempo
_PADDING_SAMPLES = 2646  # two frames of MP3 or AAC and a decoder's delay; at low rates as many samples last longer
_PADDED_BPM = 0.0015
_WHOLE_BPM = 0.003  # a free take within this of a whole number of BPM is taken to be made to it


@dataclass(frozen=True)
class BeatLine:
    """Onsets on a straight line: ``bpm``, ``phase_seconds`` of a beat, the relative standard error of the tempo, and
    ``agreement``, how well all onsets keep to the line's grid (mean resultant length, 0..1)."""

    bpm: float
    phase_seconds: float
    error: float
    agreement: float


def fit_beat_line(heard: Listening, bpm: float) -> BeatLine | None:
    """Regress onset times on the steps of a grid near ``bpm``; None when the onsets are too few or on no grid.

    The start is the tempo within 2.5 % at which the onsets, as points, agree best in phase at the beat and its
    divisions; then each onset is given the number of its nearest step, and time against number is a straight line
    whose slope is the step, by least squares weighted with onset strength.
    """
    times, strengths = heard.onsets
    use = strengths > 0.08
    times, weights = times[use], np.sqrt(strengths[use])
    if times.size < 4:
        return None
    trial = bpm * np.exp(np.linspace(-0.025, 0.025, 251))
    turns = np.exp(-2j * np.pi * np.outer(trial / 60.0, times))
    agreement = sum(w * np.abs((turns**k) @ weights) for k, w in ((1, 0.7), (2, 1.0), (3, 0.4), (4, 1.0)))
    agreement = agreement * (1.0 - 0.1 * np.abs(np.linspace(-1, 1, trial.size)))
    start = int(agreement.argmax())
    lines = [_regress(times, weights, float(trial[start]), steps) for steps in _STEPS]
    found = [line for line in lines if line is not None and abs(line.bpm / bpm - 1) < 0.035]
    best = min(found, key=lambda line: line.error, default=None)
    return best if best is not None and best.error < _WORST_ERROR else None


def _regress(times: np.ndarray, weights: np.ndarray, bpm: float, steps: int) -> BeatLine | None:
    step = 60.0 / bpm / steps
    turn = np.sum(weights * np.exp(2j * np.pi * times / step))
    phase = float(np.angle(turn)) / (2 * np.pi) * step
    for _ in range(4):
        place = (times - phase) / step
        number = np.round(place)
        near = np.abs(place - number) < _NEAR_STEP
        if near.sum() < 4 or np.ptp(number[near]) < steps:
            return None
        w, n, t = weights[near], number[near], times[near]
        step, phase = (float(x) for x in np.polyfit(n, t, 1, w=np.sqrt(w)))
        if step <= 0:
            return None
    residual = t - (phase + step * n)
    spread = np.sum(w * (n - np.average(n, weights=w)) ** 2)
    variance = np.sum(w * residual**2) / w.sum() * n.size / max(1, n.size - 2)
    # onsets that lie anywhere would leave a small residual too, since only the near ones count: what all of them agree
    # on (mean resultant length, 1 = all on the grid) says how far the line is to be believed
    agreement = float(np.abs(np.sum(weights * np.exp(2j * np.pi * (times - phase) / step))) / weights.sum())
    error = float(np.sqrt(variance * w.sum() / n.size / spread)) / step / max(agreement, 0.05) ** 3
    return BeatLine(60.0 / (step * steps), phase, max(error, _LEAST_ERROR), agreement)


@dataclass(frozen=True)
class PreciseTempo:
    """``bpm`` by the onsets, a whole number where it can be; ``agreement`` of the onsets, 0..1.

    ``beats`` of the whole file when its length is a whole number of bars, else None, and ``loop_bpm`` the tempo that
    this length means; ``padding_seconds`` is what a codec added to that length, and ``rest_from`` where the grid begins
    if the loop begins with a rest. Whether the file is an exact loop is for the beats to say: a crop may be as long.
    """

    bpm: float
    beats: float | None
    loop_bpm: float | None
    padding_seconds: float
    agreement: float
    rest_from: float | None = None


def settle_tempo(heard: Listening, bpm: float, beats_per_bar: float) -> PreciseTempo:
    """Make a tempo exact: from the length of the file, from the onsets, or as the whole number it must be.

    A file that starts with sound, or with a rest before a step of the beat, may be an exact loop when a whole number of
    bars at its length agrees with the onsets' own tempo within three standard errors (at least 0.4 %, at most 3 %).
    Where the onsets contradict the length (a loop cut carelessly), the onsets are believed. A whole tempo that the
    onsets fit as well (a half one: better) and that makes the file longer than its bars by no more than codecs add (two
    frames), is the tempo, and the rest is padding. ``beats_per_bar`` 0 asks the onsets alone.
    """
    line = fit_beat_line(heard, bpm)
    rough = line.bpm if line else bpm
    error, agreement = (line.error, line.agreement) if line else (0.008, 0.0)
    whole = float(round(rough))
    is_whole = abs(rough / whole - 1) < max(_WHOLE_BPM, min(2.0 * error, 0.005))
    free = whole if is_whole else rough
    if beats_per_bar <= 0:
        return PreciseTempo(free, None, None, 0.0, agreement)
    rests = heard.sound_span[0] > TIGHT_START_SECONDS
    beats = beats_per_bar * max(1, round(heard.seconds * rough / 60.0 / beats_per_bar))
    by_length = 60.0 * beats / heard.seconds
    allowed = float(np.clip(3.0 * error, 0.004, 0.03))
    for made, slack in ((whole, error), (round(2 * rough) / 2, 0.0)):  # few loops are made to half a BPM
        padding = heard.seconds - 60.0 * beats / made
        off = abs(rough / made - 1)
        fits = off < max(_PADDED_BPM, min(2.0 * error, 0.004)) and off <= abs(rough / by_length - 1) + slack
        if fits and 0.0 < padding <= _PADDING_SAMPLES / min(heard.clip.sample_rate, 44_100):
            rest = rest_before(heard, made, 2, padding) if rests else None
            if not rests or rest is not None:
                return PreciseTempo(free, beats, made, padding, agreement, rest)
    if abs(by_length / rough - 1) > allowed:
        return PreciseTempo(free, None, None, 0.0, agreement)
    if rests:
        is_exact = abs(by_length / round(by_length) - 1) < 1.0 / heard.clip.length
        if not is_exact or rest_before(heard, by_length, 4, 0.0) is None:
            return PreciseTempo(free, None, None, 0.0, agreement)
        return PreciseTempo(free, beats, by_length, 0.0, agreement, 0.0)
    return PreciseTempo(free, beats, by_length, 0.0, agreement)
