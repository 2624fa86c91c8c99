"""ACE-Step through diffusers' ``AceStepPipeline``, one take at a time, each from its own random stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers import AceStepPipeline, AutoencoderOobleck

from ..ace_step import SAMPLE_RATE, track_name
from ..guides import loop_of_guide, repeated
from ..neural import Check, LoadedModel, OnStep, Plan, Sampled
from .numerics import check_finite, fold_weight_norm
from .oobleck import decode_start
from .streams import TakeStreams


class AceStepModel(LoadedModel):
    """diffusers' pipeline, its codec in float32; takes are made one by one."""

    most_takes = 1

    def load(self, check: Check) -> None:
        vae = self.read(AutoencoderOobleck, self.folder, subfolder="vae", torch_dtype=torch.float32)
        fold_weight_norm(vae)
        check()
        # The parts that only covers need are left out, whether the repository holds them or not.
        spare = dict(audio_tokenizer=None, audio_token_detokenizer=None)
        self.pipe = AceStepPipeline.from_pretrained(
            self.folder, vae=vae, torch_dtype=self.device.dtype, use_safetensors=True, local_files_only=True, **spare
        )
        check()
        self.pipe.set_progress_bar_config(disable=True)
        for name in ("transformer", "condition_encoder", "text_encoder", "vae"):
            getattr(self.pipe, name).eval().requires_grad_(False)
        self.pipe.to(self.device.kind)
        # The codec is none of the parts that may rest: sampling needs its encoder.
        self.sampling_parts = (self.pipe.transformer, self.pipe.condition_encoder, self.pipe.text_encoder)

    def prepare(self, plan: Plan) -> dict[str, Any]:
        """The idea on its grid over the whole canvas, (2, samples); None without one."""
        if plan.guide is None:
            return {"context": None}
        loop = loop_of_guide(plan.guide, plan.request, SAMPLE_RATE, 2)
        return {"context": torch.from_numpy(repeated(loop, round(plan.seconds * SAMPLE_RATE)).copy())}

    def bytes_per_take(self, plan: Plan) -> int:
        return 2**30  # takes are made one by one, so nothing is planned with it

    def sample(self, prepared: dict[str, Any], plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Sampled:
        """Latents (takes, channels, frames), float32."""
        request = plan.request
        frames = -int(-plan.seconds * self.pipe.latents_per_second // 1)
        if prepared["context"] is not None:
            frames = prepared["context"].shape[-1] // int(SAMPLE_RATE / self.pipe.latents_per_second)
        shape = (frames, self.pipe.transformer.config.audio_acoustic_hidden_dim)
        noise = TakeStreams(seeds, "ace-step").normal(0, shape, torch.device(self.device.kind))
        made = []
        for first in noise.split(1):
            # The pipeline draws the context's latents from the global generator: the same ones for every take.
            devices = [torch.cuda.current_device()] if self.device.kind == "cuda" else []
            with torch.random.fork_rng(devices=devices), torch.inference_mode():
                torch.manual_seed(0)
                out = self.pipe(
                    prompt=plan.prompt,
                    lyrics="[Instrumental]",
                    audio_duration=plan.seconds,
                    num_inference_steps=plan.steps,
                    guidance_scale=plan.settings["guidance"],
                    latents=first,
                    output_type="latent",
                    bpm=round(request.bpm),
                    keyscale=request.key.name if request.key else None,
                    timesignature=request.meter.split("/")[0],
                    task_type="lego" if prepared["context"] is not None else "text2music",
                    track_name=track_name(request),
                    src_audio=prepared["context"],
                    callback_on_step_end=lambda pipe, step, time, tensors: on_step(step + 1),
                )
            made.append(out.audios.float().transpose(1, 2))
        latents = torch.cat(made)
        check_finite(latents, "The latents")
        precision = str(self.pipe.transformer.dtype).removeprefix("torch.")
        return Sampled(latents, "plain", f"Sampled in {precision}, step by step.")

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        stop = min(round(plan.seconds * SAMPLE_RATE), sampled.shape[-1] * int(self.pipe.vae.hop_length))
        sound = decode_start(self.pipe.vae, sampled, stop)
        return (sound / sound.abs().max().clamp(min=1.0)).cpu().numpy()
