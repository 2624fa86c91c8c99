"""Samplers of AudioLDM2 as plans of coefficients: DDIM, as published, and DPM-Solver++ in few steps.

DDIM (Song et al., 2021, eq. 12 with eta = 0) is what the model was published with, at 200 steps. DPM-Solver++ (2M) of
Lu et al. (2022) needs some 25 for a similar result: another trajectory, so another distribution and a label. Both
follow diffusers' ``DDIMScheduler`` and ``DPMSolverMultistepScheduler`` on the model's own noise schedule, and neither
adds noise on the way. The plans run in the solver of :mod:`.noise`.
"""

from __future__ import annotations

import numpy as np

from ...errors import InvalidInput
from .noise import StepPlan

TRAIN_STEPS, BETA_START, BETA_END = 1000, 0.0015, 0.0195


def plan_ddim_steps(steps: int) -> StepPlan:
    """Plan ``steps`` DDIM steps, evenly spaced in time ("leading", offset 1). Raises InvalidInput outside 2..1000."""
    _check(steps)
    spacing = TRAIN_STEPS // steps
    times = np.arange(steps)[::-1] * spacing + 1
    kept = _signal_kept()
    here = kept[times]
    before_first = times - spacing < 0  # the last step lands on the first entry: set_alpha_to_one is off
    there = np.where(before_first, kept[0], kept[np.maximum(times - spacing, 0)])
    keep = np.sqrt(there / here)
    zero, one = np.zeros(steps), np.ones(steps)
    # The model's output is the noise itself: x <- sqrt(there) * estimate(x, noise) + sqrt(1 - there) * noise.
    now = np.sqrt(1 - there) - keep * np.sqrt(1 - here)
    return _plan(times, _sigma(here), skip=zero, out=one, keep=keep, now=now, before=zero)


def plan_dpm_steps(steps: int) -> StepPlan:
    """Plan ``steps`` DPM-Solver++ steps, second order, to zero noise. Raises InvalidInput outside 2..1000."""
    _check(steps)
    times = np.linspace(0, TRAIN_STEPS - 1, steps + 1).round().astype(int)[:0:-1]  # the first step sees pure noise
    kept = _signal_kept()[times]
    sigma = np.append(_sigma(kept), 0.0)
    scale = 1 / np.sqrt(1 + sigma**2)  # alpha in the paper; alpha * sigma is its sigma
    here, there = slice(None, -1), slice(1, None)
    with np.errstate(divide="ignore"):
        h = np.log(sigma[here]) - np.log(sigma[there])
    share = -np.expm1(-h)
    ratio = np.zeros(steps)
    ratio[1:-1] = h[1:-1] / h[:-2]
    return _plan(
        times,
        sigma[here],
        skip=1 / scale[here],
        out=-sigma[here],
        keep=scale[there] * sigma[there] / (scale[here] * sigma[here]),
        now=scale[there] * share * (1 + 0.5 * ratio),
        before=-0.5 * scale[there] * share * ratio,
    )


def _check(steps: int) -> None:
    if not 2 <= steps <= TRAIN_STEPS:
        raise InvalidInput(
            f"{steps} sampling steps cannot be made; ask for 2 to {TRAIN_STEPS} (200 is the model's own)."
        )


def _signal_kept() -> np.ndarray:
    """Share of the signal's variance left at each training step, (1000,): the scaled-linear schedule."""
    return np.cumprod(1 - np.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_STEPS) ** 2)


def _sigma(kept: np.ndarray) -> np.ndarray:
    return np.sqrt((1 - kept) / kept)


def _plan(times: np.ndarray, sigmas: np.ndarray, **tables: np.ndarray) -> StepPlan:
    tables |= dict(
        sigmas=np.append(sigmas, 0.0), timesteps=times, scale=np.ones(len(times)), stir=np.zeros(len(times))
    )  # fmt: skip
    return StepPlan(**{name: np.asarray(table, dtype=np.float32) for name, table in tables.items()}, start=1.0)
