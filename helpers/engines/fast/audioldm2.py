"""AudioLDM2 on diffusers' weights: words encoded once, the UNet's call captured, one take decoded at a time.

Latent lengths are multiples of eight frames (0.32 s), because every other length is padded and resized on the way,
which also no graph can capture; the surplus is trimmed from the audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .graphs import OnStep, Sampled
from .numerics import check_finite
from .sampling import sample, scheduler_sampler
from .streams import TakeStreams

FRAME_RATE = 25  # latent frames a second: 16 kHz, hop 160, four mel frames each


@dataclass(frozen=True, eq=False)
class Context:
    """What the UNet attends to, unconditional half first: ``generated`` (2, 8, width) by the language model, ``words``
    (2, length, width) by the text encoder, and ``mask`` (2, length), 1 where there is a word."""

    generated: torch.Tensor
    words: torch.Tensor
    mask: torch.Tensor


def count_frames(seconds: float) -> int:
    """Latent frames that cover ``seconds``, rounded up to what the UNet halves evenly."""
    return -int(-seconds * FRAME_RATE // 8) * 8


@torch.no_grad()
def continue_words(language_model: Any, projected: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Let GPT-2 continue a sequence of embeddings, as AudioLDM2 makes its second conditioning: (batch, 8, width) more.

    ``language_model`` is a ``GPT2Model`` or ``GPT2LMHeadModel``; ``projected`` (batch, length, width) and ``mask``
    (batch, length) come from the projection model. Own loop, because the pipeline's calls a method that newer
    transformers releases took away (diffusers#12630), and because only the body of the model is needed: the projection
    to its vocabulary, a third of the work, is not used.
    """
    body = getattr(language_model, "transformer", language_model)
    added, past, seen = [], None, projected.to(body.dtype)
    for _ in range(8):
        out = body(inputs_embeds=seen, attention_mask=mask, past_key_values=past, use_cache=True)
        past, seen = out.past_key_values, out.last_hidden_state[:, -1:]
        added.append(seen)
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
    return torch.cat(added, dim=1)


@torch.no_grad()
def decode(vae: Any, vocoder: Any, latents: torch.Tensor) -> torch.Tensor:
    """Turn one take's latents (channels, frames, width) into audio (1, samples), float32.

    There are 640 samples a frame and a few more, which the vocoder's convolutions add at the end. Raises NotFinite if
    the decoder or the vocoder returned values that are not finite.
    """
    parameter = next(vae.parameters())
    mel = vae.decode(latents[None].to(parameter) / vae.config.scaling_factor).sample[:, 0]
    audio = vocoder(mel.to(next(vocoder.parameters()).dtype)).reshape(1, -1).float()
    check_finite(audio, "The decoded audio")
    return audio


def make_scheduler(sampler: str, steps: int) -> Any:
    """A scheduler of diffusers on the model's own noise schedule, told its steps.

    ``ddim`` (Song et al., 2021, without noise on the way) is what the model was published with, at 200 steps; ``dpm``
    (DPM-Solver++ 2M, Lu et al., 2022) needs some 25 for a similar result.
    """
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

    schedule = dict(num_train_timesteps=1000, beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear")
    if sampler == "dpm":
        made: Any = DPMSolverMultistepScheduler(**schedule)
    else:
        made = DDIMScheduler(**schedule, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    made.set_timesteps(steps)
    return made


def make_latents(
    unet: Any,
    context: Context,
    seeds: Sequence[int],
    frames: int,
    scheduler: Any,
    *,
    guidance: float = 3.5,
    width: int = 16,
    on_step: OnStep = lambda done: None,
) -> Sampled:
    """Sample one take for each of ``seeds``, as one batch: latents (takes, channels, frames, width) float32.

    ``frames`` are those of :func:`count_frames`; ``width`` is mel bins over four.
    ``guidance`` 1 leaves out the unconditional half. Raises NotFinite.
    """
    parameter = next(unet.parameters())
    device, dtype, halves = parameter.device, parameter.dtype, slice(0 if guidance > 1 else 1, 2)

    def rows(part: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
        return part[halves].to(device, kind).repeat_interleave(len(seeds), dim=0)

    given = {
        "encoder_hidden_states": rows(context.generated, dtype),
        "encoder_hidden_states_1": rows(context.words, dtype),
        "encoder_attention_mask_1": rows(context.mask, context.mask.dtype),
    }

    def predict(seen: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        both = seen.to(dtype).repeat(2 if guidance > 1 else 1, 1, 1, 1)
        noise = unet(both, time.expand(len(both)), **given, return_dict=False)[0].float()
        return torch.lerp(*noise.chunk(2), guidance) if guidance > 1 else noise

    streams = TakeStreams(seeds, "audioldm2")
    with torch.no_grad():
        sampler = scheduler_sampler(scheduler, streams, (unet.config.in_channels, frames, width), device)
        return sample(sampler, predict, device, dtype, on_step)
