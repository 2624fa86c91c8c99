"""Does the loop play with the idea's feel? Its accents, its distance from the idea's pocket, how steady it is."""

from __future__ import annotations

import numpy as np

from ...records import Request
from ..findings import Findings
from ..pulse import grid_distances_seconds, sharp_onsets
from .bars import Bars
from .place import FEWEST_ONSETS, likeness

# Onsets at least this strong, of the 90th percentile and of the strongest, have a start that can be placed.
STRONG, LEAST_STRENGTH = 0.25, 0.15
FEWEST_REPEATS = 4  # strokes beyond the first at each place of the bar
STEP_SHARE = 0.4  # of a sixteenth: farther from it lie thirty-seconds, which are placed elsewhere on purpose


def measure_timing(loop: Bars, idea: Bars, request: Request) -> Findings:
    """The fields ``groove``, ``pocket_ms`` and ``looseness_ms``."""
    values: dict[str, float | None] = {}
    if min(loop.onsets.times.size, idea.onsets.times.size) >= FEWEST_ONSETS:
        values["groove"] = float(likeness(loop.accents["all"][None], idea.accents["all"])[0])
    times = strong_times(loop)
    if times.size < FEWEST_ONSETS:
        return Findings(values, notes=("Pocket was not measured: too few notes have a clear start.",))
    away = grid_distances_seconds(times, request)
    late = float(np.median(away))
    pocket = 0.0
    if idea.onsets.times.size >= FEWEST_ONSETS:
        scale = loop.clip.seconds / idea.clip.seconds
        pocket = float(np.median(grid_distances_seconds(strong_times(idea) * scale, request)))
    # On the straight grid, in the idea's own pocket or between the two is in time.
    beyond = late - float(np.clip(late, min(0.0, pocket), max(0.0, pocket)))
    values |= {"pocket_ms": beyond * 1000, "looseness_ms": _looseness_ms(times, away, loop)}
    return Findings(values, {"pocket_ms": "late" if beyond > 0 else "early"})


def strong_times(sound: Bars) -> np.ndarray:
    """Times in seconds of the onsets that are placed on purpose (n,)."""
    onsets = sound.onsets
    if onsets.times.size == 0:
        return onsets.times
    strong = onsets.strengths >= max(STRONG * np.percentile(onsets.strengths, 90), LEAST_STRENGTH)
    return onsets.times[strong & sharp_onsets(onsets, sound.clip)]


def _looseness_ms(times: np.ndarray, away: np.ndarray, loop: Bars) -> float | None:
    """Standard deviation of strokes at the same place of the bar, in ms: a groove that repeats is steady."""
    on_step = np.abs(away) < STEP_SHARE * loop.step_seconds
    times, away = times[on_step], away[on_step]
    place = np.round((times - away) / loop.step_seconds).astype(int) % loop.meter.steps_per_bar
    squares, free = 0.0, 0
    for at in np.unique(place):
        same = away[place == at]
        squares += float(np.square(same - same.mean()).sum())
        free += same.size - 1
    return 1000 * float(np.sqrt(squares / free)) if free >= FEWEST_REPEATS else None
