"""The sampler of Stable Audio Open: DPM-Solver++ (2M, SDE) on the EDM-preconditioned cosine schedule.

Lu et al., "DPM-Solver++" (2022), eq. for SDE-DPM-Solver++(2M), with the preconditioning of Karras et al. (2022), as
``CosineDPMSolverMultistepScheduler`` of diffusers. Two things differ, neither in the law of what comes out:

- The noise of a step is drawn directly. diffusers asks a Brownian tree for the increment between two noise levels and
  divides by the root of its length; increments over disjoint intervals, so divided, *are* independent standard
  normals, and bisecting a tree down to each of them costs some sixty full-size draws a step.
- All coefficients are worked out in float64 before the first step (:func:`plan_cosine_steps`). A step is then
  ``x <- keep x + now m + before m_last + stir noise`` with ``m = skip x + out v``, without a host-device copy.

    plan = plan_cosine_steps(100)                              # or plan_guided_steps(100, strength)
    solver = Solver(plan, streams, shape=(64, 1024), device=device)
    solver.start(init)                                         # init: encoded guide (64, frames) or None
    for step in range(plan.steps):
        solver.load_noise(step)
        solver.update(model(solver.model_input(), solver.timestep()))
    solver.latents                                             # (takes, 64, 1024) float32
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ...errors import InvalidInput
from .graphs import OnStep, Sampled, run_steps
from .numerics import check_finite
from .streams import TakeStreams

SIGMA_MIN, SIGMA_MAX = 0.3, 500.0
# With a guide the noise to begin with is lower, so that some of the guide survives: the range that tools around this
# model offer (0.1 to 6), whose own defaults lie between 0.1 and 0.9. See benchmarks/engines/guide_sweep.py.
FREEST_START, CLOSEST_START = 6.0, 0.25
LEAST_FALL = 8.0  # a run that begins near SIGMA_MIN ends this much lower than it began, or it would change nothing


@dataclass(frozen=True, eq=False)
class StepPlan:
    """Coefficients of every step, each (steps,) float32; ``sigmas`` is (steps + 1,) and ends in zero.

    A step turns the model's output ``v`` into ``m = skip * x + out * v`` and moves the latents to
    ``keep * x + now * m + before * m_last + stir * noise``. The model sees ``scale * x`` and ``timesteps``.
    """

    sigmas: np.ndarray
    timesteps: np.ndarray
    scale: np.ndarray
    skip: np.ndarray
    out: np.ndarray
    keep: np.ndarray
    now: np.ndarray
    before: np.ndarray
    stir: np.ndarray
    start: float  # what unit noise is multiplied with to begin

    @property
    def steps(self) -> int:
        return len(self.timesteps)


def start_sigma(strength: float) -> float:
    """Noise level to begin with so that a guide is followed with ``strength`` in 0..1 (at 0 hardly, at 1 closely).

    Geometric: half the strength is the geometric mean of both ends (1.2). At level s the guide has 1 / (1 + s**2) of
    the variance that the model is given.
    """
    return float(FREEST_START * (CLOSEST_START / FREEST_START) ** min(max(strength, 0.0), 1.0))


def plan_guided_steps(steps: int, strength: float) -> StepPlan:
    """The part of the schedule of ``steps`` steps that lies below the guide's noise level.

    Truncated, not squeezed: the steps are as close as in the whole schedule, so there are two to four times fewer.
    """
    start = start_sigma(strength)
    end = min(SIGMA_MIN, start / LEAST_FALL)
    share = np.log(start / end) / np.log(SIGMA_MAX / SIGMA_MIN)
    return plan_cosine_steps(max(2, 1 + round((steps - 1) * share)), sigma_min=end, sigma_max=start)


def plan_cosine_steps(
    steps: int, *, sigma_min: float = SIGMA_MIN, sigma_max: float = SIGMA_MAX, sigma_data: float = 1.0
) -> StepPlan:
    """Plan ``steps`` steps from ``sigma_max`` down to ``sigma_min``, evenly spaced in log sigma, then to zero.

    Raises
    ------
    InvalidInput
        If ``steps`` is below 2 or the noise levels do not fall.
    """
    if steps < 2:
        raise InvalidInput(f"{steps} sampling steps are too few; ask for 2 or more (100 is the model's own setting).")
    if not 0 < sigma_min < sigma_max:
        raise InvalidInput(f"Noise from {sigma_max:g} down to {sigma_min:g} does not fall; start above {sigma_min:g}.")
    sigmas = np.append(np.geomspace(sigma_max, sigma_min, steps), 0.0)
    here, there = sigmas[:-1], sigmas[1:]
    norm = np.sqrt(here**2 + sigma_data**2)
    # h is the step in log signal-to-noise; the last one is infinite: its latents are the model's estimate itself.
    with np.errstate(divide="ignore"):
        h = np.log(here) - np.log(there)
    share = -np.expm1(-2.0 * h)
    # Second order: extrapolate with the estimate before, in proportion to the two step sizes (midpoint rule).
    ratio = np.zeros(steps)
    ratio[1:-1] = h[1:-1] / h[:-2]
    tables = dict(
        sigmas=sigmas,
        timesteps=np.arctan(here) * 2.0 / np.pi,
        scale=1.0 / norm,
        skip=(sigma_data / norm) ** 2,
        out=-here * sigma_data / norm,
        keep=there / here * np.exp(-h),
        now=share * (1.0 + 0.5 * ratio),
        before=-0.5 * share * ratio,
        stir=there * np.sqrt(share),
    )
    # Without init audio the data itself adds unit variance to the first noise level.
    start = float(np.sqrt(sigma_max**2 + 1.0))
    return StepPlan(**{name: table.astype(np.float32) for name, table in tables.items()}, start=start)


class Solver:
    """The latents of a group of takes on their way from noise to music.

    All state lives in tensors that never move (``latents``, ``estimate``, ``noise``, ``index``), so that
    :meth:`model_input` to :meth:`update` can be captured in a CUDA graph; :meth:`load_noise` runs before each replay.

    Parameters
    ----------
    plan
        From :func:`plan_cosine_steps`.
    streams
        One a take.
    shape
        Of one take's latents: (channels, frames).
    """

    def __init__(
        self, plan: StepPlan, streams: TakeStreams, shape: tuple[int, ...], device: torch.device | str = "cpu"
    ) -> None:
        self.plan = plan
        self.shape = shape
        self._streams = streams
        names = ("timesteps", "scale", "skip", "out", "keep", "now", "before", "stir")
        self._table = torch.from_numpy(np.stack([getattr(plan, name) for name in names], axis=1)).to(device)
        whole = (len(streams), *shape)
        self.latents = torch.zeros(whole, dtype=torch.float32, device=device)
        self.estimate = torch.zeros_like(self.latents)
        self._fresh = torch.zeros_like(self.latents)
        self.noise = torch.zeros_like(self.latents)
        self.index = torch.zeros(1, dtype=torch.long, device=device)

    def start(self, init: torch.Tensor | None = None) -> None:
        """Set the latents to the first noise level, around ``init`` (channels, frames) or (takes, ...) if given."""
        first = self._streams.normal(0, self.shape, self.latents.device)
        self.latents.copy_(first * (self.plan.start if init is None else float(self.plan.sigmas[0])))
        if init is not None:
            self.latents += init.to(self.latents)
        self.estimate.zero_()
        self.index.zero_()

    def coefficients(self) -> tuple[torch.Tensor, ...]:
        """This step's row of the plan, eight (1,) tensors: timestep, scale, skip, out, keep, now, before, stir."""
        return self._table.index_select(0, self.index)[0].split(1)

    def model_input(self) -> torch.Tensor:
        """The latents as the model wants to see them, (takes, *shape) float32."""
        return self.latents * self.coefficients()[1]

    def timestep(self) -> torch.Tensor:
        """The model's time for this step, (1,) float32 in 0..1."""
        return self.coefficients()[0]

    def load_noise(self, step: int) -> None:
        """Put the noise of step ``step`` (from 0) in place; a step that stirs nothing (the last) needs none."""
        if self.plan.stir[step] > 0:
            self._streams.normal_(step + 1, self.noise)  # block 0 is the starting noise

    def update(self, velocity: torch.Tensor) -> None:
        """Move the latents one step with the model's output (takes, *shape) and the noise that was loaded."""
        _, _, skip, out, keep, now, before, stir = self.coefficients()
        torch.mul(self.latents, skip, out=self._fresh).addcmul_(velocity.float(), out)
        self.latents.mul_(keep).addcmul_(self._fresh, now).addcmul_(self.estimate, before).addcmul_(self.noise, stir)
        self.estimate.copy_(self._fresh)
        self.index += 1

    def run(
        self,
        step: Callable[[], object],
        dtype: torch.dtype,
        on_step: OnStep,
        *,
        init: torch.Tensor | None = None,
        graph: bool = True,
    ) -> Sampled:
        """Start (around ``init``) and go through the plan with ``step``, which calls :meth:`update`.

        Raises
        ------
        NotFinite
            If the latents became infinite or NaN.
        """
        order, device = [0] * self.plan.steps, self.latents.device
        self.start(init)
        runner = run_steps(
            {0: step}, order, lambda: self.start(init), device, on_step, graph=graph, before=self.load_noise
        )
        check_finite(self.latents, "The sampled latents")
        return runner.sampled(self.latents, f"{self.plan.steps} steps on {self.shape[1]} latent frames", dtype)
