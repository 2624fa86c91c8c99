"""Does the loop play with the idea's feel? Its accents, its distance from the idea's pocket, how steady it is."""

from __future__ import annotations

import numpy as np

from ...records import Request
from ..findings import Findings
from ..pulse import sharp_onsets, stroke_distances_seconds
from .bars import Bars
from .place import FEWEST_ONSETS, likeness

# Onsets at least this strong, of the 90th percentile and of the strongest, have a start that can be placed.
STRONG, LEAST_STRENGTH = 0.25, 0.15
FEWEST_REPEATS = 2  # strokes beyond the first at each place of the bar
SHAMOS = 1.0483  # the standard deviation of a normal spread over its median distance of two
STEP_SHARE = 0.4  # of a sixteenth: farther from it lie thirty-seconds, which are placed elsewhere on purpose


def measure_timing(loop: Bars, idea: Bars, request: Request) -> Findings:
    """The fields ``groove``, ``pocket_ms`` and ``looseness_ms``."""
    values: dict[str, float | None] = {}
    if min(loop.onsets.times.size, idea.onsets.times.size) >= FEWEST_ONSETS:
        values["groove"] = float(likeness(loop.accents["all"][None], idea.accents["all"])[0])
    times = strong_times(loop)
    if times.size < FEWEST_ONSETS:
        return Findings(values, notes=("Pocket was not measured: too few notes have a clear start.",))
    away = stroke_distances_seconds(times, loop.clip, request)
    late = float(np.median(away))
    theirs = stroke_distances_seconds(strong_times(idea), idea.clip, request, loop.clip.seconds / idea.clip.seconds)
    pocket = float(np.median(theirs)) if theirs.size >= FEWEST_ONSETS else 0.0
    # On the straight grid, in the idea's own pocket or between the two is in time.
    beyond = late - float(np.clip(late, min(0.0, pocket), max(0.0, pocket)))
    # How steady it is shows in the attacks themselves; half of a swell is let pass, since its start is hard to place.
    spread = stroke_distances_seconds(times, loop.clip, request, early=0.5, late=0.5)
    values |= {"pocket_ms": beyond * 1000, "looseness_ms": _looseness_ms(times, spread, loop)}
    return Findings(values, {"pocket_ms": f"{abs(beyond) * 1000:.0f} ms {'late' if beyond > 0 else 'early'}"})


def strong_times(sound: Bars) -> np.ndarray:
    """Times in seconds of the onsets that are placed on purpose (n,)."""
    onsets = sound.onsets
    if onsets.times.size == 0:
        return onsets.times
    strong = onsets.strengths >= max(STRONG * np.percentile(onsets.strengths, 90), LEAST_STRENGTH)
    return onsets.times[strong & sharp_onsets(onsets, sound.clip)]


def _looseness_ms(times: np.ndarray, away: np.ndarray, loop: Bars) -> float | None:
    """How much strokes at the same place of the bar differ, as a standard deviation in ms: what repeats is steady.

    From the median distance of two of them (Shamos 1976): a fill, a flam or a grace note is no unsteady hand.
    """
    on_step = np.abs(away) < STEP_SHARE * loop.step_seconds
    times, away = times[on_step], away[on_step]
    place = np.round((times - away) / loop.step_seconds).astype(int) % loop.meter.steps_per_bar
    alike = [away[place == at] for at in np.unique(place)]
    if sum(same.size - 1 for same in alike) < FEWEST_REPEATS:
        return None
    pairs = [np.abs(same[:, None] - same)[np.triu_indices(same.size, 1)] for same in alike]
    return 1000 * SHAMOS * float(np.median(np.concatenate(pairs)))
