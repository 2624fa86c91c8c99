"""Stable Audio Open's modules, as diffusers has them, from words and a guide to sound.

The library's pipeline encodes the words, and no more of it is called: it needs torchsde for its noise, decodes all
47.55 s of every take, and adds init audio to noise 500 times as loud, where it means nothing (diffusers#10861).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioPipeline, StableAudioProjectionModel
from diffusers.models.embeddings import get_1d_rotary_pos_embed
from transformers import T5EncoderModel

from ..devices import placed
from ..guides import loop_of_guide, repeated
from ..neural import Check, LoadedModel, OnStep, Plan, Sampled
from ..stable_audio_open import SAMPLE_RATE
from .numerics import fold_weight_norm
from .oobleck import decode_start, encode_pieces
from .sampling import cosine_sampler, guided_call, sample
from .streams import TakeStreams


class StableAudioModel(LoadedModel):
    """Transformer and decoder stay loaded; the text encoder is loaded for the words and dropped."""

    word_tokens: int | None = None  # how many the text encoder reads; None: as many as its tokenizer says

    def load(self, check: Check) -> None:
        self.transformer, self.vae = self._read(check)
        fold_weight_norm(self.vae)
        check()
        for part in (self.transformer, self.vae):
            part.eval().requires_grad_(False)
        # float16 on any GPU: bfloat16 would put its rounding noise within hearing.
        is_half = self.device.kind == "cuda" and self.device.precision != "float32"
        self.vae.decoder.to(self.device.kind, torch.float16 if is_half else torch.float32)
        self.sampling_parts, self.codec_parts = (self.transformer,), (self.vae.decoder,)
        self.reload()
        self.hop = int(self.vae.hop_length)
        self._words: dict[tuple[str, str], Any] = {}

    def _read(self, check: Check) -> tuple[Any, Any]:
        """The transformer in the device's precision and the codec in float32, on the CPU; also the projection."""
        self._projection = self.read(StableAudioProjectionModel, self.folder, subfolder="projection_model")
        transformer = self.read(
            StableAudioDiTModel, self.folder, subfolder="transformer", torch_dtype=self.device.dtype
        )
        check()
        return transformer, self.read(AutoencoderOobleck, self.folder, subfolder="vae")

    def frames(self, plan: Plan) -> int:
        """Latent frames of the canvas: all that the model knows, or no more than is kept."""
        whole = int(self.transformer.config.sample_size)
        if plan.settings.get("canvas") == "full":
            return whole
        return min(whole, -int(-plan.seconds * SAMPLE_RATE // self.hop))

    def prepare(self, plan: Plan) -> dict[str, Any]:
        """Conditioning of the guided and the unconditional half, and the guide's latents."""
        with torch.inference_mode():
            context, durations = self._conditioning(plan)
            init = self._encode_guide(plan) if plan.guide is not None else None
        return {"context": context, "durations": durations, "init": init}

    def _conditioning(self, plan: Plan) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-attention context (2, tokens + 2, width), global states (2, 1, 2 width): unconditional half first."""
        words = self._encode_words(plan.prompt, plan.negative_prompt.strip())
        times = self._projection(
            start_seconds=torch.zeros(1), end_seconds=torch.tensor([float(math.ceil(plan.seconds))])
        )
        start, end = times.seconds_start_hidden_states, times.seconds_end_hidden_states
        context = torch.cat([words, *(time.expand(len(words), -1, -1) for time in (start, end))], dim=1)
        if len(words) == 1:
            # Without negative words the unconditional half is all zeros, durations included, as the model was trained.
            context = torch.cat([torch.zeros_like(context), context])
        durations = torch.cat([start, end], dim=2).repeat(2, 1, 1)
        place = dict(device=self.device.kind, dtype=self.transformer.dtype)
        return context.to(**place), durations.to(**place)

    def _encode_words(self, prompt: str, negative: str) -> torch.Tensor:
        """The library's own encoding (1 or 2, tokens, width), float32 on the CPU; negative words come first."""
        if (prompt, negative) not in self._words:
            tokenizer, encoder = self._text_encoder()
            reader = StableAudioPipeline(self.vae, encoder, self._projection, tokenizer, self.transformer, None)
            with placed(self.device, encoder, self._projection):
                words = reader.encode_prompt(prompt, self.device.kind, True, negative or None)
            self._words = {(prompt, negative): words.cpu()}
        return self._words[prompt, negative]

    def _text_encoder(self) -> tuple[Any, Any]:
        tokenizer_folder, encoder_folder = self._word_folders()
        tokenizer = self.read_tokenizer(tokenizer_folder)
        tokenizer.model_max_length = self.word_tokens or tokenizer.model_max_length
        # float32 whatever the rest runs in: T5 overflows in half precision, and it reads two sentences only.
        encoder = self.read(T5EncoderModel, encoder_folder, dtype=torch.float32)
        return tokenizer, encoder.eval().requires_grad_(False)

    def _word_folders(self) -> tuple[Path, Path]:
        """Where the tokenizer and the text encoder lie."""
        return self.folder / "tokenizer", self.folder / "text_encoder"

    def _encode_guide(self, plan: Plan) -> Any:
        """The guide, repeated over what is rendered, as latents (channels, frames) float32; the rest is silence."""
        assert plan.guide is not None
        wanted = round(plan.seconds * SAMPLE_RATE)
        sound = repeated(loop_of_guide(plan.guide, plan.request, SAMPLE_RATE, 2), wanted)
        # A few frames of real silence follow, so that the last of them stands for the rest of the canvas.
        silence = 24 * self.hop
        canvas = self.frames(plan)
        frames = min(canvas, (wanted + silence) // self.hop)
        padded = np.zeros((2, frames * self.hop), dtype=np.float32)
        padded[:, : min(wanted, padded.shape[1])] = sound[:, : padded.shape[1]]
        with placed(self.device, self.vae.encoder):
            mean = encode_pieces(self.vae, torch.from_numpy(padded).to(self.device.kind))
        rest = mean[:, -12:-11].expand(-1, canvas - frames)
        return torch.cat([mean, rest], dim=1)

    def bytes_per_take(self, plan: Plan) -> int:
        config = self.transformer.config
        width = config.num_attention_heads * config.attention_head_dim
        size = 2 if self.transformer.dtype.itemsize == 2 else 4
        # 20 at once, by a trace of live tensors (benchmarks/engines/memory.py); half as many again for workspaces.
        return 33 * 2 * (self.frames(plan) + 1) * width * size

    def sample(self, prepared: dict[str, Any], plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Sampled:
        """Latents (takes, channels, frames), float32."""
        return make_latents(
            self.transformer,
            prepared["context"],
            prepared["durations"],
            seeds,
            plan.values["levels"],
            guidance=plan.settings["guidance"],
            frames=self.frames(plan),
            init=prepared["init"],
            on_step=on_step,
        )

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        stop = min(round(plan.seconds * SAMPLE_RATE), sampled.shape[-1] * self.hop)
        return decode_start(self.vae, sampled, stop).cpu().numpy()


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

    ``context`` is (2, length, width): what the unconditional half attends to, then the words; ``durations`` is (2, 1,
    2 width), as the pipeline conditions.
    ``guidance`` 1 leaves out the unconditional half. ``frames`` of the canvas: the model's own (47.55 s) by default;
    fewer is another distribution. ``init``: latents of a guide, (channels, frames), for levels that start below the
    full noise. Raises NotFinite.
    """
    config, parameter = transformer.config, next(transformer.parameters())
    device, dtype = parameter.device, parameter.dtype
    shape = (config.in_channels, frames or config.sample_size)
    tables = get_1d_rotary_pos_embed(
        config.attention_head_dim // 2, shape[1] + 1, use_real=True, repeat_interleave_real=False
    )
    rows = {"encoder_hidden_states": context, "global_hidden_states": durations}
    rotary = tuple(table.to(device) for table in tables)
    call = guided_call(transformer, rows, len(seeds), guidance, rotary_embedding=rotary)

    def predict(seen: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        def features(module: Any, *_: Any) -> torch.Tensor:
            """The embedded noise level in float32: in half precision the first levels are all the same."""
            angles = 2 * math.pi * time[:, None] * module.weight.float()
            return torch.cat([angles.cos(), angles.sin()], dim=-1).to(dtype)

        hook = transformer.time_proj.register_forward_hook(features)
        try:
            return call(seen, time)
        finally:
            hook.remove()

    with torch.no_grad():
        sampler = cosine_sampler(levels, TakeStreams(seeds, "stable-audio-open"), shape, device, init)
        return sample(sampler, predict, device, dtype, on_step)
