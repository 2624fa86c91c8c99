"""Stable Audio Open's diffusion transformer on diffusers' weights, one step at a time, captured where CUDA allows.

    runner = StableAudioRunner(transformer)                       # StableAudioDiTModel, on its device
    plan = noise.plan_cosine_steps(100)                           # or noise.plan_guided_steps(100, strength)
    result = runner.generate(context, durations, seeds, plan, guidance=7.0, init=None)
    for latents in result.values:                                 # (takes, channels, frames) float32
        audio = oobleck.decode_span(vae, latents, 0, samples)
    result.note                                                   # which path ran, for the notes of a take

``context`` is (2, length, width): what the free half attends to, then the words; ``durations`` (2, 1, 2 width), as the
pipeline conditions. Both are encoded once for all takes.

The same arithmetic as ``StableAudioDiTModel.forward``, less what does not change between steps: keys and values of
the cross-attention, the projected durations and the embedded noise levels are worked out once; query, key and value
are one product; the 1x1 convolutions at both ends are part of the projections beside them. Where the free half sees
no words at all (zeros: no negative prompt) its cross-attention is exactly zero and is left out. Preconditioning,
guidance and the solver's update belong to the step, so that one graph replay is one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from .graphs import OnStep, Sampled
from .noise import Solver, StepPlan
from .numerics import fuse_weights
from .streams import TakeStreams


class StableAudioRunner:
    """The transformer with fused weights, shared with the model it came from.

    Parameters
    ----------
    transformer
        ``StableAudioDiTModel`` in its precision, on its device. Its query, key and value matrices become views of
        one; it keeps working by itself. Make a new runner after moving or casting it.
    """

    def __init__(self, transformer: Any) -> None:
        self.model = transformer
        config = transformer.config
        self.heads, self.head_width = config.num_attention_heads, config.attention_head_dim
        self.channels, self.frames = config.in_channels, config.sample_size
        self.blocks = list(transformer.transformer_blocks)
        self._qkv = [fuse_weights([b.attn1.to_q, b.attn1.to_k, b.attn1.to_v]).t() for b in self.blocks]
        self.dtype, self.device = self._qkv[0].dtype, self._qkv[0].device
        # (convolution + identity) and projection are both linear: one matrix, worked out in float32.
        before, after = (conv.weight.data.float()[..., 0] for conv in self._convolutions())
        one = torch.eye(len(before), device=self.device)
        self._enter = (transformer.proj_in.weight.data.float() @ (before + one)).t().to(self.dtype)
        self._leave = ((after + one) @ transformer.proj_out.weight.data.float()).t().to(self.dtype)

    def _convolutions(self) -> Any:
        return self.model.preprocess_conv, self.model.postprocess_conv

    @torch.no_grad()
    def generate(
        self,
        context: torch.Tensor,
        durations: torch.Tensor,
        seeds: Sequence[int],
        plan: StepPlan,
        *,
        guidance: float = 7.0,
        frames: int | None = None,
        init: torch.Tensor | None = None,
        graph: bool = True,
        on_step: OnStep = lambda done: None,
    ) -> Sampled:
        """Sample one take for each of ``seeds``, as one batch: latents (takes, channels, frames) float32.

        ``guidance`` 1 leaves out the free half. ``frames`` of the canvas: the model's own (47.55 s) by default; fewer
        is another distribution. ``init``: latents of a guide, (channels, frames), for a plan that starts below the full
        noise level. ``graph`` false runs the steps one by one on CUDA too. Raises NotFinite.
        """
        shape = (self.channels, frames or self.frames)
        solver = Solver(plan, TakeStreams(seeds, "stable-audio-open"), shape, self.device)
        step = _Step(self, solver, context, durations, guidance)
        return solver.run(step, self.dtype, on_step, init=init, graph=graph)


class _Step:
    """One step of a group of takes; calling it moves ``solver`` on by one."""

    def __init__(
        self, runner: StableAudioRunner, solver: Solver, context: Any, durations: Any, guidance: float
    ) -> None:
        self.runner, self.solver, self.guidance = runner, solver, guidance
        model, place = runner.model, dict(device=runner.device, dtype=runner.dtype)
        self.takes = len(solver.latents)
        guided = guidance > 1
        context, durations = context[0 if guided else 1 :].to(**place), durations[0 if guided else 1 :].to(**place)
        # The words come first here: rows that attend to something are then the first so many.
        context, durations = context.flip(0), durations.flip(0)
        self.rows = self.takes * len(context)
        hears = [half for half in context if bool(half.any())]
        self.hearing = self.takes * len(hears)
        words = model.cross_attention_proj(torch.stack(hears)) if hears else None
        self._cross = [None if words is None else self._keys_and_values(block, words) for block in runner.blocks]
        times = self._embed_times(torch.from_numpy(solver.plan.timesteps).to(runner.device))
        # Row `step` of this table is the token before the latents: how noisy they are, and which seconds they show.
        self._lead = times[:, None] + model.global_proj(durations)[:, 0][None]
        self._cos, self._sin = self._rotations(solver.shape[1] + 1)

    def __call__(self) -> None:
        velocity = self.velocity()
        if self.rows > self.takes:
            guided, free = velocity.split(self.takes)
            velocity = torch.lerp(free, guided, self.guidance)
        self.solver.update(velocity)

    def velocity(self) -> torch.Tensor:
        """The model's output for the solver's latents, (rows, channels, frames) float32: with the words, then free."""
        runner = self.runner
        lead = self._lead.index_select(0, self.solver.index)[0].repeat_interleave(self.takes, dim=0)
        sound = self.solver.model_input().to(runner.dtype).transpose(1, 2) @ runner._enter
        hidden = torch.cat([lead[:, None], sound.repeat(self.rows // self.takes, 1, 1)], dim=1)
        length = hidden.shape[1]
        hidden = hidden.flatten(0, 1)
        for block, qkv, cross in zip(runner.blocks, runner._qkv, self._cross, strict=True):
            hidden = self._block(block, qkv, cross, hidden, length)
        hidden = hidden.unflatten(0, (self.rows, length))[:, 1:]
        return (hidden @ runner._leave).transpose(1, 2).float()

    def _block(self, block: Any, qkv: Any, cross: Any, hidden: Any, length: int) -> Any:
        heads = (self.runner.heads, self.runner.head_width)
        mixed = (block.norm1(hidden) @ qkv).view(self.rows, length, 3, *heads)
        query, key, value = self._rotate(mixed).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        hidden.addmm_(mixed.transpose(1, 2).reshape(len(hidden), -1), block.attn1.to_out[0].weight.t())
        if cross is not None:
            hearing = hidden[: self.hearing * length]
            query = block.attn2.to_q(block.norm2(hearing)).view(self.hearing, length, *heads).transpose(1, 2)
            mixed = F.scaled_dot_product_attention(query, *cross)
            hearing.addmm_(mixed.transpose(1, 2).reshape(len(hearing), -1), block.attn2.to_out[0].weight.t())
        return hidden.add_(block.ff(block.norm3(hidden)))

    def _keys_and_values(self, block: Any, words: Any) -> Any:
        """Keys and values of the words, (hearing rows, heads, length, width) each; takes share memory."""
        attention, out = block.attn2, []
        for project in (attention.to_k, attention.to_v):
            states = project(words).unflatten(2, (-1, self.runner.head_width)).transpose(1, 2)
            states = states.repeat_interleave(self.runner.heads // states.shape[1], dim=1)  # grouped heads, spread out
            out.append(states[:, None].expand(-1, self.takes, -1, -1, -1).flatten(0, 1))
        return out

    def _embed_times(self, timesteps: Any) -> Any:
        """Embedded noise levels of all steps, (steps, width); the features in float32, where half would be coarse."""
        model = self.runner.model
        angles = 2 * np.pi * timesteps[:, None].float() * model.time_proj.weight.float()
        features = torch.cat([angles.cos(), angles.sin()], dim=-1)
        return model.timestep_proj(features.to(self.runner.dtype))

    def _rotations(self, length: int) -> Any:
        """Cosine and sine of the rotary embedding, (length, 1, 1, quarter of a head) each, float32."""
        rotated = self.runner.head_width // 2
        rates = 10_000.0 ** (-torch.arange(0, rotated, 2, dtype=torch.float32) / rotated)
        angles = (torch.arange(length, dtype=torch.float32)[:, None] * rates)[:, None, None].to(self.runner.device)
        return angles.cos(), angles.sin()

    def _rotate(self, mixed: Any) -> Any:
        """Rotate the first half of every query and key (rows, length, 3, heads, width) in place, in float32."""
        quarter = self._cos.shape[-1]
        turning = mixed[:, :, :2, :, : 2 * quarter]
        left, right = turning.float().split(quarter, dim=-1)
        turned = torch.addcmul(left * self._cos, right, self._sin, value=-1.0)
        turning[..., quarter:] = torch.addcmul(right * self._cos, left, self._sin)
        turning[..., :quarter] = turned
        return mixed
