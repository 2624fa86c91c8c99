"""Stable Audio Open's diffusion transformer, as diffusers has it, from encoded words to latents.

``context`` is (2, length, width): what the unconditional half attends to, then the words; ``durations`` is (2, 1,
2 width), as the pipeline conditions. Both are encoded once for all takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from .graphs import OnStep, Sampled
from .sampling import cosine_sampler, sample
from .streams import TakeStreams


def make_latents(
    transformer: Any,
    context: torch.Tensor,
    durations: torch.Tensor,
    seeds: Sequence[int],
    levels: Sequence[float],
    *,
    guidance: float = 7.0,
    frames: int | None = None,
    init: torch.Tensor | None = None,
    on_step: OnStep = lambda done: None,
) -> Sampled:
    """Sample one take for each of ``seeds``, as one batch: latents (takes, channels, frames) float32.

    ``guidance`` 1 leaves out the unconditional half. ``frames`` of the canvas: the model's own (47.55 s) by default;
    fewer is another distribution. ``init``: latents of a guide, (channels, frames), for levels that start below the
    full noise. Raises NotFinite.
    """
    config, parameter = transformer.config, next(transformer.parameters())
    device, dtype = parameter.device, parameter.dtype
    shape = (config.in_channels, frames or config.sample_size)
    halves = slice(0 if guidance > 1 else 1, 2)
    rows: dict[str, Any] = {
        "encoder_hidden_states": context[halves].to(device, dtype).repeat_interleave(len(seeds), dim=0),
        "global_hidden_states": durations[halves].to(device, dtype).repeat_interleave(len(seeds), dim=0),
        "rotary_embedding": _rotations(config.attention_head_dim // 2, shape[1] + 1, device),
    }

    def predict(seen: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        def features(module: Any, *_: Any) -> torch.Tensor:
            """The embedded noise level in float32: in half precision the first levels are all the same."""
            angles = 2 * math.pi * time[:, None] * module.weight.float()
            return torch.cat([angles.cos(), angles.sin()], dim=-1).to(dtype)

        hook = transformer.time_proj.register_forward_hook(features)
        try:
            both = seen.to(dtype).repeat(len(context[halves]), 1, 1)
            velocity = transformer(both, time, **rows, return_dict=False)[0].float()
        finally:
            hook.remove()
        return torch.lerp(*velocity.chunk(2), guidance) if guidance > 1 else velocity

    with torch.no_grad():
        sampler = cosine_sampler(levels, TakeStreams(seeds, "stable-audio-open"), shape, device, init)
        return sample(sampler, predict, device, dtype, on_step)


def _rotations(width: int, length: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    from diffusers.models.embeddings import get_1d_rotary_pos_embed

    tables = get_1d_rotary_pos_embed(width, length, use_real=True, repeat_interleave_real=False)
    return tuple(table.to(device) for table in tables)
