"""Stable Audio Open 1.0: stereo at 44.1 kHz, steered by words, by what to avoid, and by a guide as init audio.

The library's pipeline is not called: it needs torchsde for its noise, decodes all 47.55 s of every take, and adds init
audio to noise 500 times as loud, where it means nothing (diffusers#10861). The same weights, conditioning and sampler
run here from :mod:`.fast`: with a guide the schedule begins at a noise level the guide survives, and only what is kept
is decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..records import Clip, Request
from .devices import Device, placed
from .guides import loop_of_guide, repeated
from .neural import Check, LoadedModel, NeuralEngine, OnStep, Plan
from .options import declare

DECLARED = declare("stable-audio-open")
SAMPLE_RATE = DECLARED[0].sample_rate


class StableAudioModel(LoadedModel):
    """Transformer and decoder stay loaded; the text encoder is loaded for the words and dropped."""

    word_tokens: int | None = None  # how many the text encoder reads; None: as many as its tokenizer says

    def load(self, check: Check) -> None:
        from .fast.numerics import fold_weight_norm

        self.transformer, self.vae = self._read(check)
        fold_weight_norm(self.vae)
        check()
        for part in (self.transformer, self.vae):
            part.eval().requires_grad_(False)
        self.vae.decoder.to(self.device.kind, _decoder_dtype(self.device))
        self.sampling_parts, self.codec_parts = (self.transformer,), (self.vae.decoder,)
        self.reload()
        self.hop = int(self.vae.hop_length)
        self._words: dict[tuple[str, str], Any] = {}

    def _read(self, check: Check) -> tuple[Any, Any]:
        """The transformer in the device's precision and the codec in float32, on the CPU; also the projection."""
        from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioProjectionModel

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
        import torch

        with torch.inference_mode():
            context, durations = self._conditioning(plan)
            init = self._encode_guide(plan) if plan.guide is not None else None
        return {"context": context, "durations": durations, "init": init}

    def _conditioning(self, plan: Plan) -> tuple[Any, Any]:
        """Cross-attention context (2, tokens + 2, width), global states (2, 1, 2 width): unconditional half first."""
        import torch

        words, negative = self._encode_words(plan.prompt, plan.negative_prompt)
        end = torch.tensor([float(math.ceil(plan.seconds))])
        times = self._projection(start_seconds=torch.zeros(1), end_seconds=end)
        start, end = times.seconds_start_hidden_states, times.seconds_end_hidden_states
        with_words = torch.cat([words, start, end], dim=1)
        # Without negative words the unconditional half is all zeros, durations included, as the model was trained.
        free = torch.zeros_like(with_words) if negative is None else torch.cat([negative, start, end], dim=1)
        durations = torch.cat([start, end], dim=2).repeat(2, 1, 1)
        place = dict(device=self.device.kind, dtype=self.transformer.dtype)
        return torch.cat([free, with_words]).to(**place), durations.to(**place)

    def _encode_words(self, prompt: str, negative: str) -> tuple[Any, Any]:
        """Projected hidden states (1, tokens, width) of both texts, float32 on the CPU; None for no negative words."""
        import torch

        if (prompt, negative) not in self._words:
            tokenizer, encoder = self._text_encoder()
            found = []
            with placed(self.device, encoder):
                for text in (prompt, negative):
                    length = dict(padding="max_length", truncation=True, max_length=self.word_tokens)
                    tokens = tokenizer(text, return_tensors="pt", **length)
                    mask = tokens.attention_mask.to(self.device.kind)
                    states = encoder(tokens.input_ids.to(self.device.kind), attention_mask=mask)[0].float().cpu()
                    found.append((states, mask.cpu().unsqueeze(-1)))
            del encoder
            (words, kept), (free, free_kept) = found
            words = self._projection(text_hidden_states=words).text_hidden_states * kept
            # Masked negative tokens are nulled before the projection and after it, as in the library's pipeline.
            free = self._projection(text_hidden_states=torch.where(free_kept.bool(), free, 0.0)).text_hidden_states
            self._words = {(prompt, negative): (words, free * free_kept if negative.strip() else None)}
        return self._words[prompt, negative]

    def _text_encoder(self) -> tuple[Any, Any]:
        import torch
        from transformers import T5EncoderModel

        tokenizer_folder, encoder_folder = self._word_folders()
        tokenizer = self.read_tokenizer(tokenizer_folder)
        # float32 whatever the rest runs in: T5 overflows in half precision, and it reads two sentences only.
        encoder = self.read(T5EncoderModel, encoder_folder, dtype=torch.float32)
        return tokenizer, encoder.eval().requires_grad_(False)

    def _word_folders(self) -> tuple[Path, Path]:
        """Where the tokenizer and the text encoder lie."""
        return self.folder / "tokenizer", self.folder / "text_encoder"

    def _encode_guide(self, plan: Plan) -> Any:
        """The guide, repeated over what is rendered, as latents (channels, frames) float32; the rest is silence."""
        import torch

        from .fast.oobleck import encode_pieces

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

    def sample(self, prepared: dict[str, Any], plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Any:
        """Latents (takes, channels, frames), float32."""
        from .fast.stable_audio import make_latents

        result = make_latents(
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
        self.note = result.note
        return result.values

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        from .fast.oobleck import decode_start

        stop = min(round(plan.seconds * SAMPLE_RATE), sampled.shape[-1] * self.hop)
        return decode_start(self.vae, sampled, stop).cpu().numpy()


def _decoder_dtype(device: Device) -> Any:
    """float16 for the decoder on any GPU: bfloat16 would put its rounding noise within hearing; float32 on a CPU."""
    import torch

    return torch.float16 if device.kind == "cuda" and device.precision != "float32" else torch.float32


class StableAudioOpenEngine(NeuralEngine):
    """Stable Audio Open 1.0 through diffusers' modules."""

    info, presets, rows = DECLARED
    model_class = StableAudioModel

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        from .fast.sampling import cosine_levels, guided_levels

        plan, strength = super()._plan(request, guide), request.guide_strength
        levels = guided_levels(plan.steps, strength) if guide else cosine_levels(plan.steps)
        steps = len(levels) - 1
        level = f"noise level {levels[0]:.2f}, {steps} of {plan.steps} steps"
        notes = (f"Follows the guide at strength {strength:g}: {level}.",) if guide else ()
        return replace(plan, steps=steps, values={"levels": levels}, notes=notes)
