"""Diffusion sampling: the model's call captured as a CUDA graph, the small arithmetic between two calls run as it is.

A *sampler* is a generator: it yields what the model is to see (latents, time), is sent the model's output, and returns
the finished latents. Stable Audio Open's (:func:`cosine_sampler`) is DPM-Solver++ (2M, SDE) of Lu et al. (2022) with
the preconditioning of Karras et al. (2022), as ``CosineDPMSolverMultistepScheduler`` of diffusers; but the noise of a
step is drawn directly. diffusers asks a Brownian tree for the increment between two noise levels and divides by the
root of its length. Increments over disjoint intervals, so divided, *are* independent standard normals, and bisecting a
tree down to each of them costs some sixty full-size draws a step. Other models run diffusers' own schedulers
(:func:`scheduler_sampler`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import count, pairwise
from typing import Any

import numpy as np
import torch

from ..neural import OnStep, Sampled
from .graphs import Pace, capture_steps
from .numerics import check_finite
from .streams import TakeStreams

Sampler = Generator[tuple[torch.Tensor, float], torch.Tensor, torch.Tensor]
Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # latents (takes, ...) and time (1,) -> output, float32

SIGMA_MIN, SIGMA_MAX = 0.3, 500.0
# With a guide the noise to begin with is lower, so that some of the guide survives: the range that tools around this
# model offer (0.1 to 6), whose own defaults lie between 0.1 and 0.9. See benchmarks/engines/guide_sweep.py.
FREEST_START, CLOSEST_START = 6.0, 0.25
LEAST_FALL = 8.0  # a run that begins near SIGMA_MIN ends this much lower than it began, or it would change nothing


def start_sigma(strength: float) -> float:
    """Noise level to begin with so that a guide is followed with ``strength`` in 0..1 (at 0 hardly, at 1 closely).

    Geometric: half the strength is the geometric mean of both ends (1.2). At level s the guide has 1 / (1 + s**2) of
    the variance that the model is given.
    """
    return float(FREEST_START * (CLOSEST_START / FREEST_START) ** min(max(strength, 0.0), 1.0))


def cosine_levels(steps: int, start: float = SIGMA_MAX, end: float = SIGMA_MIN) -> tuple[float, ...]:
    """Noise levels of two or more steps from ``start`` down to ``end``, evenly spaced in their logarithm, then zero."""
    return (*np.geomspace(start, end, steps).tolist(), 0.0)


def guided_levels(steps: int, strength: float) -> tuple[float, ...]:
    """The part of the schedule of ``steps`` steps that lies below the guide's noise level.

    Truncated, not squeezed: the steps are as close as in the whole schedule, so there are two to four times fewer.
    """
    start = start_sigma(strength)
    end = min(SIGMA_MIN, start / LEAST_FALL)
    share = math.log(start / end) / math.log(SIGMA_MAX / SIGMA_MIN)
    return cosine_levels(max(2, 1 + round((steps - 1) * share)), start, end)


def cosine_sampler(
    levels: Sequence[float], streams: TakeStreams, shape: tuple[int, ...], device: Any, init: torch.Tensor | None = None
) -> Sampler:
    """Stable Audio Open's sampler over ``levels``, from noise or from ``init`` (a guide's latents, ``shape``)."""
    x = streams.normal(0, shape, device)
    # Without init audio the data itself adds unit variance to the first noise level.
    x = x * math.hypot(levels[0], 1.0) if init is None else x * levels[0] + init.to(x)
    last, last_fall = None, 0.0
    for step, (here, there) in enumerate(pairwise(levels)):
        norm = math.hypot(here, 1.0)
        velocity = yield x / norm, math.atan(here) * 2 / math.pi
        clean = x / norm**2 - velocity * (here / norm)  # the model's estimate of the finished latents
        if there == 0.0:
            return clean
        fall = math.log(here / there)
        share = -math.expm1(-2 * fall)
        # Second order: extrapolate with the estimate before, in proportion to the two step sizes (midpoint rule).
        ahead = clean if last is None else clean + (clean - last) * (0.5 * fall / last_fall)
        noise = streams.normal(step + 1, shape, device)  # block 0 is the starting noise
        x = x * (there / here * math.exp(-fall)) + ahead * share + noise * (there * math.sqrt(share))
        last, last_fall = clean, fall
    raise AssertionError("the last level is zero")


def scheduler_sampler(scheduler: Any, streams: TakeStreams, shape: tuple[int, ...], device: Any) -> Sampler:
    """A scheduler of diffusers that adds no noise on the way and has been told its steps."""
    x = streams.normal(0, shape, device) * float(scheduler.init_noise_sigma)
    for time in scheduler.timesteps:
        output = yield x, float(time)
        x = scheduler.step(output, time, x).prev_sample
    return x


def guided_call(model: Any, rows: Mapping[str, torch.Tensor], takes: int, guidance: float, **given: Any) -> Predict:
    """A call of ``model`` for a group of takes with classifier-free guidance.

    ``rows`` is what it is conditioned on, by the names of its arguments, unconditional half first: (2, ...) each.
    ``guidance`` 1 leaves that half out. ``given`` is handed on as it is.
    """
    weight, halves = next(model.parameters()), range(0 if guidance > 1 else 1, 2)
    for name, part in rows.items():
        here = part.to(weight) if part.is_floating_point() else part.to(weight.device)
        given[name] = here[halves.start :].repeat_interleave(takes, dim=0)

    def predict(seen: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        both = torch.cat([seen.to(weight.dtype)] * len(halves))
        output = model(both, time.expand(len(both)), **given, return_dict=False)[0].float()
        return torch.lerp(*output.chunk(2), guidance) if guidance > 1 else output

    return predict


@torch.no_grad()
def sample(sampler: Sampler, predict: Predict, device: torch.device, dtype: torch.dtype, on_step: OnStep) -> Sampled:
    """Run a sampler to its end, the model's call as a CUDA graph where there is one.

    Raises NotFinite if the latents became infinite or NaN.
    """
    first, time = next(sampler)
    seen, now, out = first.clone(), torch.full((1,), time, device=device), torch.empty_like(first)
    runner = capture_steps({0: lambda: out.copy_(predict(seen, now))}, lambda: None, device)
    pace = Pace(device)
    for done in count(1):
        runner(0)
        pace.tick()
        try:
            latents, time = sampler.send(out)
        except StopIteration as end:
            on_step(done)
            check_finite(end.value, "The sampled latents")
            return runner.sampled(end.value, f"{done} steps on {seen.shape[2]} latent frames", dtype)
        seen.copy_(latents)
        now.fill_(time)
        on_step(done)
    raise AssertionError("a sampler ends")
