"""The noise diffusers draws, to compare ours with."""

import pytest


def tree_noise(plan, seeds, like):
    """diffusers' Brownian tree as the noise of a step: the same law, other bits, slow; skips without torchsde."""
    pytest.importorskip("torchsde")
    from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler

    # The tree is queried at its very ends; without a margin float rounding falls outside them (diffusers#13274).
    sampler = BrownianTreeNoiseSampler(like, sigma_min=0.0, sigma_max=float(plan.sigmas[0]) * 1.001, seed=seeds)
    return lambda step, out: out.copy_(sampler(plan.sigmas[step], plan.sigmas[step + 1]))
