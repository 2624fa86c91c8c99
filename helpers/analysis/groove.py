"""How does it move, and which room does it leave? Accents folded onto one bar, density, registers, levels."""

from __future__ import annotations

import numpy as np

from ..music.meter import MOST_BARS
from ..records import Clip, Groove, Tempo
from .listening import Listening, listen

QUIETEST_DB = -60.0
REACH = 0.4  # of a step either way: an onset within counts for the step
WHOLE_BAR = 0.1  # a last bar may lack this share of itself
LEAST_STRENGTH = 0.1  # of the strongest onset, to count for density and timing
LEAST_ONSETS, MOST_TIMING_MS = 3, 30.0  # onsets that tell a step's own place, and how far off it can be


def estimate_groove(sound: Clip | Listening, tempo: Tempo) -> Groove:
    """Fold the onsets of a clip onto one bar of its grid; an empty Groove when there is no tempo or no sound."""
    heard = listen(sound)
    if heard.is_silent or tempo.bpm is None or not tempo.downbeats:
        return Groove(octaves=_octaves(heard))
    steps = tempo.meter.steps_per_bar
    step_seconds = 60.0 / tempo.bpm / tempo.meter.steps_per_beat
    first = tempo.downbeats[0] % (steps * step_seconds)
    before = 1 + round((tempo.downbeats[0] - first) / (steps * step_seconds))
    bars = int((heard.seconds - tempo.downbeats[0]) / (steps * step_seconds) + WHOLE_BAR)
    whole = slice(before, before + max(0, min(MOST_BARS, bars)))
    every, low = (_peaks(heard, name, first, step_seconds, steps) for name in ("all", "low"))
    strengths = heard.onsets[1]
    beats = heard.seconds * tempo.bpm / 60.0
    return Groove(
        accents=tuple(_scaled(_folded(every)).tolist()),
        low_accents=tuple(_scaled(_folded(low)).tolist()),
        bar_accents=tuple(map(tuple, _scaled(np.nan_to_num(every[whole])).tolist())),
        bar_low_accents=tuple(map(tuple, _scaled(np.nan_to_num(low[whole])).tolist())),
        density=float((strengths > LEAST_STRENGTH).sum() / max(beats, 1e-9)),
        octaves=_octaves(heard),
        bar_levels_db=_bar_levels(heard, tempo),
        timing_ms=_timing(heard, tempo, step_seconds),
    )


def _peaks(heard: Listening, register: str, first: float, step_seconds: float, steps: int) -> np.ndarray:
    """The strongest onset near each step (bars, steps), from the bar before ``first`` to the end; NaN outside."""
    envelope, rate, reach = getattr(heard.bands, register), heard.bands.rate, REACH * step_seconds

    def peak(at: float) -> float:
        lo, hi = round((at - reach) * rate), round((at + reach) * rate) + 1
        return np.nan if hi <= 0 or lo >= envelope.size else float(envelope[max(0, lo) : hi].max(initial=0.0))

    count = 1 + int(np.ceil((heard.seconds - first) / step_seconds / steps + WHOLE_BAR))
    return np.array([peak(first + i * step_seconds) for i in range(-steps, count * steps)]).reshape(-1, steps)


def _folded(peaks: np.ndarray) -> np.ndarray:
    """Mean over the bars of what is inside the clip; 0 for a step that never is."""
    return np.nansum(peaks, axis=0) / np.maximum(1, np.isfinite(peaks).sum(axis=0))


def _scaled(values: np.ndarray) -> np.ndarray:
    """So that the strongest is 1."""
    top = float(values.max(initial=0.0))
    return values / top if top > 0 else values


def _timing(heard: Listening, tempo: Tempo, step_seconds: float) -> tuple[float, ...]:
    """Median place of the onsets of each step of a bar against beat 1's, in ms; a step that was struck too seldom takes
    the place of its like in the other beats, and 0 where those were too."""
    times, strengths = heard.onsets
    if tempo.drift_bpm is not None:
        return ()
    at = (times[strengths > LEAST_STRENGTH] - tempo.downbeats[0]) / step_seconds
    step = np.round(at).astype(int)
    off = 1000 * step_seconds * (at - step)
    steps, beat = tempo.meter.steps_per_bar, tempo.meter.steps_per_beat
    out = []
    for s in range(steps):
        struck = (off[step % size == s % size] for size in (steps, beat) if steps % size == 0)
        out.append(next((float(np.median(own)) for own in struck if own.size >= LEAST_ONSETS), np.nan))
    return tuple(float(v) for v in np.clip(np.nan_to_num(np.array(out) - out[0]), -MOST_TIMING_MS, MOST_TIMING_MS))


def _octaves(heard: Listening) -> tuple[float, ...]:
    """Share of note energy in the octaves C1..B1 up to C7..B7; empty for silence."""
    energy = (heard.notes.frames.astype(float) ** 2).sum(axis=1).reshape(7, 12).sum(axis=1)
    return tuple((energy / energy.sum()).tolist()) if energy.sum() > 0 else ()


def _bar_levels(heard: Listening, tempo: Tempo) -> tuple[float, ...]:
    """RMS level of each whole bar against the loudest, dB, not below -60."""
    rate = heard.clip.sample_rate
    bar = tempo.meter.beats_per_bar * 60.0 / float(tempo.bpm or 1.0)
    starts = [d for d in tempo.downbeats if d + bar <= heard.seconds + 0.02]
    power = np.array(
        [float(np.mean(heard.mono[round(d * rate) : round((d + bar) * rate)].astype(float) ** 2)) for d in starts]
    )
    if not power.size or power.max() <= 0:
        return ()
    return tuple(float(v) for v in np.clip(10 * np.log10(power / power.max() + 1e-12), QUIETEST_DB, 0.0))
