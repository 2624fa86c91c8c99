"""AudioLDM2 on diffusers' weights: words encoded once, the UNet's step captured, one take decoded at a time.

    generated = continue_words(language_model, projected, mask)     # (1, 8, width), once a prompt
    context = Context(generated, words, mask)                       # each (2, ...): free half first, then the words
    runner = AudioLDM2Runner(unet)
    result = runner.generate(context, seeds, count_frames(8.0), ddim.plan_ddim_steps(200), guidance=3.5)
    for latents in result.values:                                   # (takes, 8, frames, 16) float32
        audio = decode(vae, vocoder, latents)                       # (1, samples) float32 at 16 kHz

The UNet is the library's own forward; only its attention is exchanged while a group is sampled: keys and values of
the words, which never change, are worked out in the first step and kept, and self-attention is one product instead of
three. Latent lengths are multiples of eight frames (0.32 s), because every other length is padded and resized on the
way, which also no graph can capture; the surplus is trimmed from the audio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from ...errors import InvalidInput
from .graphs import OnStep, Sampled
from .noise import Solver, StepPlan
from .numerics import check_finite, fuse_weights
from .streams import TakeStreams

FRAME_RATE = 25  # latent frames a second: 16 kHz, hop 160, four mel frames each


@dataclass(frozen=True, eq=False)
class Context:
    """What the UNet attends to, free half first: ``generated`` (2, 8, width) by the language model, ``words``
    (2, length, width) by the text encoder, and ``mask`` (2, length), 1 where there is a word."""

    generated: torch.Tensor
    words: torch.Tensor
    mask: torch.Tensor


def count_frames(seconds: float, multiple: int = 8) -> int:
    """Latent frames that cover ``seconds``, rounded up to what the UNet halves evenly."""
    return -int(-seconds * FRAME_RATE // multiple) * multiple


@torch.no_grad()
def continue_words(language_model: Any, projected: torch.Tensor, mask: torch.Tensor, tokens: int = 8) -> torch.Tensor:
    """Let GPT-2 continue a sequence of embeddings, as AudioLDM2 makes its second conditioning.

    Own loop, because the pipeline's calls a method that newer transformers releases took away (diffusers#12630), and
    because only the body of the model is needed: the projection to its vocabulary, a third of the work, is not used.

    Parameters
    ----------
    language_model
        ``GPT2Model`` or ``GPT2LMHeadModel``.
    projected, mask
        (batch, length, width) from the projection model and its mask (batch, length).
    tokens
        How many embeddings to add.

    Returns
    -------
    torch.Tensor
        The added embeddings, (batch, tokens, width).
    """
    body = getattr(language_model, "transformer", language_model)
    added, past, seen = [], None, projected.to(body.dtype)
    for _ in range(tokens):
        out = body(inputs_embeds=seen, attention_mask=mask, past_key_values=past, use_cache=True)
        past, seen = out.past_key_values, out.last_hidden_state[:, -1:]
        added.append(seen)
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
    return torch.cat(added, dim=1)


@torch.no_grad()
def decode(vae: Any, vocoder: Any, latents: torch.Tensor) -> torch.Tensor:
    """Turn one take's latents (channels, frames, width) into audio (1, samples), float32.

    There are 640 samples a frame and a few more, which the vocoder's convolutions add at the end.

    Raises
    ------
    NotFinite
        If the decoder or the vocoder returned values that are not finite.
    """
    parameter = next(vae.parameters())
    mel = vae.decode(latents[None].to(parameter) / vae.config.scaling_factor).sample[:, 0]
    audio = vocoder(mel.to(next(vocoder.parameters()).dtype)).reshape(1, -1).float()
    check_finite(audio, "The decoded audio")
    return audio


class AudioLDM2Runner:
    """Samples with an ``AudioLDM2UNet2DConditionModel`` in its precision, on its device.

    Matrices of its self-attention become views of one, and the model goes on working by itself; its attention is
    exchanged only while :meth:`generate` runs. Make a new runner after moving or casting it.
    """

    def __init__(self, unet: Any) -> None:
        self.unet = unet
        self.channels, self.multiple = unet.config.in_channels, 2 ** (len(unet.config.block_out_channels) - 1)
        parameter = next(unet.parameters())
        self.dtype, self.device = parameter.dtype, parameter.device
        # An attention block that never sees words has keys of the same width as its queries: it can be fused.
        self._fused = {
            block: fuse_weights([block.to_q, block.to_k, block.to_v])
            for block in _attention_blocks(unet)
            if not block.is_cross_attention and block.to_q.bias is None
        }

    @torch.no_grad()
    def generate(
        self,
        context: Context,
        seeds: Sequence[int],
        frames: int,
        plan: StepPlan,
        *,
        guidance: float = 3.5,
        width: int = 16,
        graph: bool = True,
        on_step: OnStep = lambda done: None,
    ) -> Sampled:
        """Sample one take for each of ``seeds``, as one batch: latents (takes, channels, frames, width) float32.

        ``frames`` are those of :func:`count_frames`, else InvalidInput is raised; ``width`` is mel bins over four.
        ``guidance`` 1 leaves out the free half. ``graph`` false runs the steps one by one on CUDA too. Raises
        NotFinite.
        """
        if frames % self.multiple:
            raise InvalidInput(
                f"{frames} latent frames are not a multiple of {self.multiple}; round up and trim after."
            )
        takes, guided = len(seeds), guidance > 1
        shape = (self.channels, frames, width)
        solver = Solver(plan, TakeStreams(seeds, "audioldm2"), shape, self.device)
        halves = slice(0 if guided else 1, 2)
        generated, words = (
            part[halves].to(self.device, self.dtype).repeat_interleave(takes, dim=0)
            for part in (context.generated, context.words)
        )
        mask = context.mask[halves].to(self.device).repeat_interleave(takes, dim=0)

        def step() -> None:
            seen = solver.model_input().to(self.dtype)
            noise = self.unet(
                torch.cat([seen, seen]) if guided else seen,
                solver.timestep().expand(len(words)),
                encoder_hidden_states=generated,
                encoder_hidden_states_1=words,
                encoder_attention_mask_1=mask,
                return_dict=False,
            )[0].float()
            solver.update(torch.lerp(*noise.chunk(2), guidance) if guided else noise)

        with self._exchanged_attention():
            return solver.run(step, self.dtype, on_step, graph=graph)

    @contextmanager
    def _exchanged_attention(self) -> Iterator[None]:
        blocks = _attention_blocks(self.unet)
        before = [block.processor for block in blocks]
        try:
            for block in blocks:
                block.set_processor(_KeptAttention(self._fused.get(block)))
            yield
        finally:
            for block, processor in zip(blocks, before, strict=True):
                block.set_processor(processor)


def _attention_blocks(unet: Any) -> list[torch.nn.Module]:
    return [module for module in unet.modules() if hasattr(module, "processor") and hasattr(module, "to_q")]


class _KeptAttention:
    """An attention processor for as long as the words stay the same: their keys and values are made once."""

    def __init__(self, fused: torch.Tensor | None) -> None:
        self._fused = fused
        self._words: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(
        self, attn: Any, hidden_states: Any, encoder_hidden_states: Any = None, attention_mask: Any = None, **_: Any
    ) -> Any:
        heads = (attn.heads, -1)
        if encoder_hidden_states is None and self._fused is not None:
            mixed = F.linear(hidden_states, self._fused).unflatten(2, (3, attn.heads, -1))
            query, key, value = mixed.permute(2, 0, 3, 1, 4)
        else:
            query = attn.to_q(hidden_states).unflatten(2, heads).transpose(1, 2)
            if self._words is None or encoder_hidden_states is None:
                states = hidden_states if encoder_hidden_states is None else encoder_hidden_states
                key, value = (make(states).unflatten(2, heads).transpose(1, 2) for make in (attn.to_k, attn.to_v))
                if encoder_hidden_states is not None:
                    self._words = key.contiguous(), value.contiguous()
            else:
                key, value = self._words
        # The UNet hands over 0 for a word and a large negative number for padding, (rows, 1, length).
        mask = None if attention_mask is None else attention_mask[:, None]
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        out = attn.to_out[0](mixed.transpose(1, 2).flatten(2))
        return out / attn.rescale_output_factor
