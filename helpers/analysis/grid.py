"""Where are the beats and the bar lines? A constant grid for a tempo that is already known.

Conventions: the grid covers the whole clip, from its first beat at or after 0 to its end; times in seconds. ``phase``
is the time of the first beat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..music.meter import Meter
from .listening import NOTE_HOP_SECONDS, Listening
from .pulse import sharpened


@dataclass(frozen=True)
class Grid:
    """Beat times, and the downbeats among them, in seconds; the meter they are counted in."""

    beats: tuple[float, ...]
    downbeats: tuple[float, ...]
    meter: Meter


def estimate_grid(heard: Listening, bpm: float, *, is_loop: bool, meter: Meter) -> Grid:
    """Place the beats, then choose which of them open a bar.

    An exact loop starts on its own first beat unless its onsets say clearly otherwise; the same holds for its bar line.
    """
    period = 60.0 / bpm
    phase = _beat_phase(heard, period, is_loop)
    count = max(1, int(np.ceil((heard.seconds - phase) / period - 1e-3)))
    beats = phase + period * np.arange(count)
    first = _bar_phase(heard, beats, meter.pulses_per_bar, is_loop)
    return Grid(tuple(beats.tolist()), tuple(beats[first :: meter.pulses_per_bar].tolist()), meter)


def _beat_phase(heard: Listening, period: float, is_loop: bool) -> float:
    """Offset in seconds (0 <= phase < period) of the beats: a comb over the onsets, low sounds counted twice."""
    bands = heard.bands
    envelope = sharpened(bands.all + bands.low, bands.rate)
    offsets = np.arange(0.0, period, 0.5 / bands.rate)
    beats = np.arange(max(1, int((heard.seconds - 1e-6) / period)))
    at = (offsets[:, None] + beats * period) * bands.rate
    comb = np.interp(at, np.arange(envelope.size), envelope, right=0.0).mean(axis=1)
    half = np.roll(comb, offsets.size // 2)
    score = comb + 0.25 * half
    # a loop starts on its first beat and a phrase mostly on one, however much it syncopates afterwards
    times, strengths = heard.onsets
    strong = times[strengths > 0.2]
    start, trust = (0.0, 1.5) if is_loop else (float(strong[0]) if strong.size else 0.0, 0.6)
    away = np.abs(offsets - start % period)
    distance = np.minimum(away, period - away)
    score = score + trust * float(score.max() - score.mean()) * np.exp(-((distance / 0.03) ** 2))
    best = float(offsets[int(score.argmax())])
    if is_loop and min(best, period - best) < 0.05:
        return 0.0  # the file's own start is the loop's first beat
    return best if period - best > 0.02 else 0.0


def _bar_phase(heard: Listening, beats: np.ndarray, beats_per_bar: int, is_loop: bool) -> int:
    """Index of the first beat that opens a bar: low accents, note changes, and the start of the sound vote."""
    if beats.size < 2:
        return 0
    bands = heard.bands
    low = _strongest_near(bands.low, beats * bands.rate, 0.03 * bands.rate)
    loud = _strongest_near(bands.all, beats * bands.rate, 0.03 * bands.rate)
    change = note_change_at(heard, beats)
    pitched = min(1.0, heard.notes.tonal_share / 0.15)  # drums have no chords to change
    evidence = 0.6 * _standard(low) + 0.2 * _standard(loud) + pitched * _standard(change)
    votes = np.array(
        [evidence[k::beats_per_bar].mean() if evidence[k::beats_per_bar].size else -9.0 for k in range(beats_per_bar)]
    )
    times, strengths = heard.onsets
    strong = times[strengths > 0.2]
    if strong.size:
        first = int(np.abs(beats - strong[0]).argmin())
        votes[first % beats_per_bar] += 2.5 if is_loop else 1.5  # most phrases start on one
    return int(votes.argmax())


def note_change_at(heard: Listening, moments: np.ndarray) -> np.ndarray:
    """How much the sounding notes differ between the beat before and the beat after each moment, 0..1."""
    notes = heard.notes
    chroma = notes.chroma()
    span = max(1, round(float(np.diff(moments).mean()) / NOTE_HOP_SECONDS)) if moments.size > 1 else 4
    sums = np.cumsum(np.c_[np.zeros(12), chroma], axis=1)
    at = np.clip(np.round(moments / NOTE_HOP_SECONDS).astype(int), 0, chroma.shape[1])
    before = sums[:, at] - sums[:, np.maximum(0, at - span)]
    after = sums[:, np.minimum(chroma.shape[1], at + span)] - sums[:, at]
    norm = np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=0)
    cosine = (before * after).sum(axis=0) / (norm + 1e-9)
    return np.where(norm > 1e-9, 1.0 - cosine, 0.5 * (np.linalg.norm(after, axis=0) > 1e-6))


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


def _strongest_near(envelope: np.ndarray, at: np.ndarray, reach: float) -> np.ndarray:
    return np.array([envelope[max(0, int(a - reach)) : int(a + reach) + 2].max(initial=0.0) for a in at])


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / (values.std() + 1e-9)
