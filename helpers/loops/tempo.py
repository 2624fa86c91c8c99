"""How fast is a take, really? Its tempo near the one asked for, the grid of sixteenths it plays on, its drift.

The tempo asked for is known, so nothing is tracked freely: onsets are tested against grids. A grid fits as well as the
onsets gather at one phase of it, measured by the length of their mean vector on the circle (0 scattered, 1 all at one
phase) at the level of the beat, its half and the sixteenth; the three together keep a stream of off-beats or of
triplets from passing for another tempo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..music.meter import step_seconds
from ..records import Request
from ..sound.features import Onsets

# Searched either side of the request, so that a take 10 % off is seen to be so, and dotted rhythms, which fit three
# quarters of their tempo, are not.
SEARCH_PERCENT = 20.0
FEWEST_ONSETS = 5
LEAST_FIT = 0.30  # below this the onsets gather nowhere: sustained sound, free time or noise
AT_REQUEST_PERCENT = 0.25
# Another tempo must fit this much better than the one asked for: loose playing and soft attacks gather anywhere a bit.
LEAD = 0.06
WINDOW_SECONDS = 12.0  # tempo is searched within stretches this long, so that slow drift does not blur it
LEVEL_SHARES = (0.3, 0.3, 0.4)  # beat, half beat, sixteenth


@dataclass(frozen=True)
class TakeTempo:
    """The tempo of a take. ``bpm`` is None where it cannot be measured and ``reason`` says why.

    ``fit`` 0..1 is how well the onsets gather on that grid; ``step_offset_seconds`` is the time of one of its
    sixteenths; ``margin_percent`` is two standard errors of the tempo.
    """

    bpm: float | None
    fit: float = 0.0
    step_offset_seconds: float = 0.0
    margin_percent: float = 0.0
    reason: str = ""

    def error_percent(self, bpm_requested: float) -> float | None:
        """How much faster than requested, in percent."""
        return None if self.bpm is None else (self.bpm / bpm_requested - 1) * 100


@dataclass(frozen=True)
class Drift:
    """Slow departure of a take from its mean tempo: seconds late at time t is the polynomial ``coefficients`` (highest
    first) of t. ``worst_seconds`` is its largest magnitude in the take; no coefficients is no drift."""

    coefficients: tuple[float, ...] = ()
    worst_seconds: float = 0.0

    def late_seconds(self, times: np.ndarray) -> np.ndarray:
        return np.polyval(self.coefficients, times) if self.coefficients else np.zeros_like(times)


def estimate_take_tempo(onsets: Onsets, request: Request, near_percent: float = AT_REQUEST_PERCENT) -> TakeTempo:
    """Find the tempo of a take near the tempo asked for, to about 0.05 %.

    Parameters
    ----------
    onsets
        Those of the take.
    request
        Names the tempo and the meter.
    near_percent
        Tempi farther than this from the request must fit clearly better than those within.

    Returns
    -------
    TakeTempo
        ``bpm`` is within 20 % of the request; None where fewer than five onsets sound or none of the grids fits.
    """
    times, weights = onsets.times, onsets.strengths
    if times.size < FEWEST_ONSETS:
        return TakeTempo(None, reason="sustained")
    span = max(1.0, min(WINDOW_SECONDS, float(times[-1] - times[0])))
    per_step = request.time.steps_per_beat * request.bpm / 60
    # Fine enough that the sixteenths at both ends of a window move by less than a tenth of their length.
    resolution = 0.1 / (per_step * span)
    stretches = np.arange(-SEARCH_PERCENT / 100, SEARCH_PERCENT / 100 + resolution, resolution)
    fits = grid_fit(times, weights, request, stretches)
    # A whisker of preference for the tempo asked for settles ties on short or sparse takes.
    value = fits - 0.25 * np.abs(stretches)
    best = int(np.argmax(np.where(np.abs(stretches) <= near_percent / 100, value + LEAD, value)))
    if fits[best] < LEAST_FIT:
        return TakeTempo(None, float(fits[best]), reason="sustained, no steady pulse")
    asked = np.linspace(-AT_REQUEST_PERCENT / 100, AT_REQUEST_PERCENT / 100, 11)
    fits_asked = grid_fit(times, weights, request, asked)
    if fits[best] - fits_asked.max() < LEAD:
        start = float(asked[np.argmax(fits_asked)])
        return _refined(times, weights, request, request.bpm * (1 + start), float(fits_asked.max()))
    return _refined(times, weights, request, request.bpm * (1 + stretches[best]), float(fits[best]))


def refine_take_tempo(onsets: Onsets, request: Request) -> TakeTempo:
    """The tempo of onsets that are known to keep to the grid asked for, by regression on it."""
    fit = float(grid_fit(onsets.times, onsets.strengths, request, np.zeros(1))[0])
    return _refined(onsets.times, onsets.strengths, request, request.bpm, fit)


def grid_fit(times: np.ndarray, weights: np.ndarray, request: Request, stretches: np.ndarray) -> np.ndarray:
    """How well onsets gather on grids at ``bpm * (1 + stretches)``: (n,) values 0..1."""
    per_beat = request.time.steps_per_beat
    starts = np.arange(times[0], max(times[0] + 1e-6, times[-1] - WINDOW_SECONDS / 2), WINDOW_SECONDS / 2)
    total = np.zeros(stretches.size)
    mass = 0.0
    for start in starts:
        inside = (times >= start) & (times < start + WINDOW_SECONDS)
        if inside.sum() < min(FEWEST_ONSETS, times.size):
            continue
        t, w = times[inside], weights[inside]
        mass += w.sum()
        for level, share in zip((1, per_beat // 2, per_beat), LEVEL_SHARES, strict=True):
            hz = request.bpm / 60 * level * (1 + stretches)
            total += share * np.abs(np.exp(2j * np.pi * np.outer(hz, t)) @ w)
    return total / mass if mass else total


def _refined(times: np.ndarray, weights: np.ndarray, request: Request, bpm: float, fit: float) -> TakeTempo:
    """Regress the onsets on the sixteenths they are nearest to."""
    step = step_seconds(bpm, request.time)
    offset = grid_phase(times, weights, step, request.time.steps_per_beat)
    margin = 0.1  # of a regression that could not be made: what the search resolves
    for tolerance in (0.3, 0.2, 0.2):
        number = np.round((times - offset) / step)
        away = times - offset - number * step
        near = np.abs(away) < tolerance * step
        if near.sum() < FEWEST_ONSETS or np.ptp(number[near]) < 8:
            break
        slope, intercept = np.polyfit(number[near], times[near], 1, w=np.sqrt(weights[near]))
        if abs(slope / step - 1) > 0.02:
            break
        step, offset = float(slope), float(intercept)
        left = times[near] - offset - number[near] * step
        margin = 200 * float(left.std() / (number[near].std() * step * np.sqrt(near.sum())))
    return TakeTempo(60 / step / request.time.steps_per_beat, fit, offset, margin)


def grid_phase(times: np.ndarray, weights: np.ndarray, step: float, steps_per_beat: int) -> float:
    """Time in seconds, 0 <= t < one beat, at which the onsets gather best on a grid of beats, half beats and steps.

    The sixteenths alone would be led astray by swing, which pulls every other one of them late.
    """
    phases = np.arange(64 * steps_per_beat) / 64 * step
    score = np.zeros(phases.size)
    for level, share in zip((1, steps_per_beat // 2, steps_per_beat), LEVEL_SHARES, strict=True):
        turn = 2j * np.pi * level / (steps_per_beat * step)
        score += share * np.real(np.sum(weights * np.exp(turn * times)) * np.exp(-turn * phases))
    return float(phases[np.argmax(score)])


LEAST_DRIFT_SECONDS = 0.006  # less is within how well onsets can be placed
LEAST_DRIFT_GAIN = 0.7  # following the drift must bring the onsets this much nearer to the grid
MOST_BEND = 0.03  # a local tempo farther than 3 % from the mean is no drift but a change of tempo


def estimate_drift(onsets: Onsets, tempo: TakeTempo, request: Request) -> Drift:
    """Find slow drift: the phase of the grid bar by bar, unwrapped from bar to bar, smoothed by a cubic."""
    if tempo.bpm is None:
        return Drift()
    times, weights = onsets.times, onsets.strengths
    step = step_seconds(tempo.bpm, request.time)
    bar = step * request.time.steps_per_bar
    centres = np.arange(times[0], times[-1] + bar / 2, bar / 2)
    if centres.size < 7:
        return Drift()
    around = np.exp(-0.5 * ((times[None, :] - centres[:, None]) / (0.6 * bar)) ** 2) * weights
    turns = around @ np.exp(2j * np.pi * (times - tempo.step_offset_seconds) / step)
    mass = around.sum(axis=1)
    trust = np.abs(turns) ** 2 / np.maximum(mass, 1e-9)
    late = np.unwrap(np.angle(turns)) / (2 * np.pi) * step
    late -= step * np.round(np.average(late, weights=trust) / step)
    curve = np.poly1d(np.polyfit(centres, late, 3, w=np.sqrt(trust)))
    straight = np.poly1d(np.polyfit(centres, late, 1, w=np.sqrt(trust)))

    def misfit(bend: np.poly1d) -> float:
        off = times - tempo.step_offset_seconds - bend(times)
        return float(np.average(np.abs((off + step / 2) % step - step / 2), weights=weights))

    spread = curve(centres) - straight(centres)
    worst = float(np.abs(spread).max())
    bend = float(np.abs(np.polyder(curve)(centres)).max())
    if worst < LEAST_DRIFT_SECONDS or bend > MOST_BEND or misfit(curve) > LEAST_DRIFT_GAIN * misfit(straight):
        return Drift()
    return Drift(tuple(float(c) for c in curve.coefficients), worst)
