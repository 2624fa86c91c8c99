"""Does the loop play with the idea's feel? Its accents, its distance from the idea's pocket, how steady it is."""

from __future__ import annotations

import numpy as np

from ...records import Request
from ..findings import Findings
from ..pulse import grid_distances_seconds, sharp_onsets, stroke_distances_seconds
from .bars import Bars, likeness, returns_alike
from .place import FEWEST_ONSETS

FEWEST_BARS = 2  # of one bar no half can return
FEWEST_PAIRS = 2  # of strokes at the same place of the bar
LEAST_ALIKE = 0.4  # correlation of two strokes that can be laid over each other
AROUND_SECONDS, MOST_APART_SECONDS = 0.09, 0.06  # what is laid over each other; how far it is moved
SHAMOS = 1.0483  # the standard deviation of a normal spread over its median distance of two
LOCK_SECONDS = 0.008  # how wide a stroke is made: strokes farther apart than two of these share little
# How far a loop is moved over its idea; what is no feel any more, and what moving it must gain. Of 387 takes that fit
# none is called late by these, of parts 30 ms late eight in a hundred more.
MOST_LATE_SECONDS, LEAST_LATE_SECONDS, LEAST_GAINED = 0.05, 0.018, 0.1
STEP_SHARE = 0.4  # of a sixteenth: farther from it lie thirty-seconds, which are placed elsewhere on purpose


def measure_timing(loop: Bars, idea: Bars, request: Request) -> Findings:
    """The fields ``lock``, ``groove``, ``form``, ``pocket_ms`` and ``looseness_ms``."""
    values: dict[str, float | None] = {}
    if min(loop.struck.times.size, idea.struck.times.size) >= FEWEST_ONSETS:
        locks = _locks(loop, idea)
        values["lock"] = float(locks[locks.size // 2])
        values["groove"] = float(likeness(loop.accents["all"][None], idea.accents["all"])[0])
        if loop.bars >= FEWEST_BARS:
            values["form"] = returns_alike(*(x.accents["all"].reshape(2 * loop.bars, -1).T for x in (loop, idea)))
    # A melody may play across the accents, a kit not; what swells behind the idea's kick was asked to begin late.
    may_break = {"groove": request.role != "drums", "pocket_ms": request.duck > 0}
    excused = tuple(name for name, holds in may_break.items() if holds)
    values["looseness_ms"] = _looseness_ms(loop)
    times = strong_times(loop)
    if times.size < FEWEST_ONSETS:
        return Findings(values, excused=excused, notes=("Pocket was not measured: too few notes have a clear start.",))
    away = stroke_distances_seconds(times, loop.clip, request)
    late = float(np.median(away))
    theirs = stroke_distances_seconds(strong_times(idea), idea.clip, request, loop.clip.seconds / idea.clip.seconds)
    pocket = float(np.median(theirs)) if theirs.size >= FEWEST_ONSETS else 0.0
    # On the straight grid, in the idea's own pocket or between the two is in time.
    beyond = late - float(np.clip(late, min(0.0, pocket), max(0.0, pocket)))
    if "lock" in values:
        # A slow attack is let pass, but not a part that begins late and would lock with the idea earlier.
        surely = _surely_late_seconds(locks, loop.bands.rate, float(np.median(grid_distances_seconds(times, request))))
        beyond = max(beyond, surely, key=abs)
    values["pocket_ms"] = beyond * 1000
    return Findings(
        values, {"pocket_ms": f"{abs(beyond) * 1000:.0f} ms {'late' if beyond > 0 else 'early'}"}, excused=excused
    )


def _locks(loop: Bars, idea: Bars) -> np.ndarray:
    """Correlation of the two curves of onsets moment by moment, -1..1, the mean of the middle and the high register.

    As the loop lies, in the middle, and moved up to MOST_LATE_SECONDS later or earlier, frame by frame (n,). Finer than
    the sixteenths of ``groove``: it tells a shared swing, a flam or 20 ms of delay.
    """
    from scipy.ndimage import gaussian_filter1d

    count, rate = loop.bands.all.size, loop.bands.rate
    most = round(MOST_LATE_SECONDS * rate)

    def curve(sound: Bars, name: str) -> np.ndarray:
        strengths = np.log1p(getattr(sound.bands, name))
        moments = (np.arange(count) + 0.5) / count * strengths.size
        laid_over = np.interp(moments, np.arange(strengths.size) + 0.5, strengths, period=strengths.size)
        return gaussian_filter1d(laid_over, LOCK_SECONDS * rate, mode="wrap")

    earlier = (np.arange(count) + np.arange(-most, most + 1)[:, None]) % count
    return np.mean([likeness(curve(loop, name)[earlier], curve(idea, name)) for name in ("mid", "high")], axis=0)


def _surely_late_seconds(locks: np.ndarray, rate: float, off_grid: float) -> float:
    """How late the loop is by the idea's strokes and by the grid alike; 0 where they do not say so."""
    middle = locks.size // 2
    late = min((int(np.argmax(locks)) - middle) / rate, off_grid)
    return late if late >= LEAST_LATE_SECONDS and locks.max() - locks[middle] >= LEAST_GAINED else 0.0


def strong_times(sound: Bars) -> np.ndarray:
    """Times in seconds of the strong onsets that have a clear start (n,)."""
    return sound.strong.times[sharp_onsets(sound.strong, sound.clip)]


def _looseness_ms(loop: Bars) -> float | None:
    """How much strokes at the same place of the bar, or else of the beat, differ, as a standard deviation in ms.

    Two of them are laid over each other where their onsets in three registers correlate most, so that a slow attack is
    placed as well as a click. The median distance of two (Shamos 1976) lets a fill, a flam or a grace note pass.
    """
    times = loop.strong.times
    steps = np.round(times / loop.step_seconds).astype(int)
    on_step = np.abs(times / loop.step_seconds - steps) < STEP_SHARE
    steps = np.unique(steps[on_step] % loop.steps)
    first, second = np.triu_indices(steps.size, 1)
    for period in (loop.meter.steps_per_bar, loop.meter.steps_per_beat):
        same = (steps[first] - steps[second]) % period == 0
        apart = _apart_seconds(loop, steps[first[same]], steps[second[same]])
        if apart.size >= FEWEST_PAIRS:
            return 1000 * SHAMOS * float(np.median(np.abs(apart)))
    return None


def _apart_seconds(loop: Bars, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How much later the stroke at each step of ``second`` is than the one at ``first``; pairs that are alike only."""
    rate = loop.bands.rate
    around = round(min(AROUND_SECONDS, 0.9 * loop.step_seconds) * rate)
    most = round(min(MOST_APART_SECONDS, 0.5 * loop.step_seconds) * rate)
    registers = np.sqrt([loop.bands.low, loop.bands.mid, loop.bands.high])

    def cut(steps: np.ndarray, later: int) -> np.ndarray:
        at = np.round(steps * loop.step_seconds * rate).astype(int)[:, None] + np.arange(-around, around + 1) + later
        strokes = registers[:, at % registers.shape[1]]  # the loop is a circle
        strokes = strokes - strokes.mean(axis=2, keepdims=True)
        return strokes / (np.linalg.norm(strokes, axis=(0, 2), keepdims=True) + 1e-9)

    one = cut(first, 0)
    alike = np.array([(one * cut(second, later)).sum(axis=(0, 2)) for later in range(-most, most + 1)])
    best, pair = alike.argmax(axis=0), np.arange(first.size)
    before, at, after = (alike[np.clip(best + d, 0, 2 * most), pair] for d in (-1, 0, 1))
    between = np.clip((after - before) / (2 * (2 * at - before - after) + 1e-9), -0.5, 0.5)  # top of the parabola
    return ((best - most + between) / rate)[at >= LEAST_ALIKE]
