"""The three model families as benchmark cases: the same weights, once run by us and once as their library runs them.

Every case offers ``ours(takes, steps)`` and ``theirs(takes, steps)`` (both from encoded words to audio on the host),
and ``agreement()``: how far our steps are from the library's on the same input, relative to the largest value.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from helpers.engines.registry import get_engine

from . import models

WORDS = 16  # tokens of the made-up prompt


class Case(ABC):
    """One family at one size. ``engine`` and ``variant`` name it; ``full_steps`` is the published number of steps."""

    engine: str
    variant = ""
    full_steps: int

    def __init__(self, size: str, device: str, dtype, seconds: float) -> None:
        self.size, self.device, self.dtype, self.seconds = size, device, dtype, seconds
        self.how = ""

    @abstractmethod
    def ours(self, takes: int, steps: int) -> list:
        """Make takes with our runner; sets ``how``. Returns arrays (channels, samples)."""

    @abstractmethod
    def theirs(self, takes: int, steps: int) -> list:
        """Make the same kind of takes the library's way."""

    def place(self, side: str) -> None:  # noqa: B027  a hook: most cases share all their parts
        """Put what ``side`` ("ours" or "theirs") needs on the device, and nothing else."""

    @abstractmethod
    def agreement(self) -> float:
        """Largest difference of one step's output, relative to its largest value."""

    def settings(self, steps: int) -> dict:
        reference = get_engine(self.engine).presets["reference"]
        return {**reference, **({"steps": steps} if "steps" in reference else {})}


def _relative(ours, theirs) -> float:
    ours, theirs = ours.float(), theirs.float()
    return float((ours - theirs).abs().max() / theirs.abs().max())


class StableAudioCase(Case):
    engine, full_steps = "stable-audio-open", 100

    def __init__(self, size, device, dtype, seconds):
        super().__init__(size, device, dtype, seconds)
        import torch

        from helpers.engines.fast.numerics import fold_weight_norm

        parts = models.build_stable_audio(size, device, torch.float32)
        self.transformer = parts["transformer"].to(dtype)
        self.vae, self.their_vae = parts["vae"], type(parts["vae"]).from_config(parts["vae"].config).eval()
        self.their_vae.load_state_dict(self.vae.state_dict())
        fold_weight_norm(self.vae)
        for vae in (self.vae, self.their_vae):
            vae.requires_grad_(False).to(dtype)
        config = self.transformer.config
        self.shape = (config.in_channels, config.sample_size)
        self.samples = min(round(seconds * 44_100), config.sample_size * 2048)
        generator = torch.Generator().manual_seed(0)
        context = torch.randn(2, 130, config.cross_attention_input_dim, generator=generator)
        context[0] = 0.0
        durations = torch.randn(1, 1, config.global_states_input_dim, generator=generator).repeat(2, 1, 1)
        self.context, self.durations = context.to(device, dtype), durations.to(device, dtype)

    def ours(self, takes, steps):
        from helpers.engines.fast.oobleck import decode_start
        from helpers.engines.fast.sampling import cosine_levels
        from helpers.engines.fast.stable_audio import make_latents

        levels = cosine_levels(steps)
        result = make_latents(self.transformer, self.context, self.durations, range(takes), levels)
        self.how = result.how
        return [decode_start(self.vae, latents, self.samples).cpu() for latents in result.values]

    def place(self, side):
        self.vae.to(self.device if side == "ours" else "cpu")
        self.their_vae.to(self.device if side == "theirs" else "cpu")

    def theirs(self, takes, steps):
        """As ``StableAudioPipeline``: its scheduler with the Brownian tree, the whole canvas decoded, all at once."""
        import torch
        from diffusers import CosineDPMSolverMultistepScheduler

        scheduler = CosineDPMSolverMultistepScheduler(sigma_min=0.3, sigma_max=500, sigma_schedule="exponential")
        scheduler.set_timesteps(steps, device=self.device)
        seeds = [torch.Generator(self.device).manual_seed(take) for take in range(takes)]
        latents = [torch.randn(self.shape, generator=s, device=self.device, dtype=self.dtype) for s in seeds]
        latents = torch.stack(latents) * scheduler.init_noise_sigma
        inputs = self._inputs(takes)
        with torch.no_grad():
            for time in scheduler.timesteps:
                seen = scheduler.scale_model_input(torch.cat([latents] * 2), time)
                velocity = self.transformer(seen, time.unsqueeze(0), **inputs)[0]
                free, guided = velocity.chunk(2)
                latents = scheduler.step(free + 7.0 * (guided - free), time, latents, generator=seeds).prev_sample
            audio = self.their_vae.decode(latents).sample[:, :, : self.samples]
        return list(audio.float().cpu())

    def _inputs(self, takes):
        from diffusers.models.embeddings import get_1d_rotary_pos_embed

        length = self.shape[1] + 1
        rotary = get_1d_rotary_pos_embed(
            self.transformer.config.attention_head_dim // 2, length, use_real=True, repeat_interleave_real=False
        )  # fmt: skip
        return dict(
            encoder_hidden_states=self.context.repeat_interleave(takes, dim=0),
            global_hidden_states=self.durations.repeat_interleave(takes, dim=0),
            rotary_embedding=tuple(table.to(self.device) for table in rotary),
            return_dict=False,
        )

    def agreement(self):
        """Of one step from the first noise level to zero, so that no further noise is drawn."""
        import torch

        from helpers.engines.fast.sampling import SIGMA_MAX
        from helpers.engines.fast.stable_audio import make_latents
        from helpers.engines.fast.streams import TakeStreams

        levels = (SIGMA_MAX, 0.0)
        ours = make_latents(self.transformer, self.context, self.durations, [0, 1], levels).values
        norm = math.hypot(SIGMA_MAX, 1.0)
        x = TakeStreams([0, 1], "stable-audio-open").normal(0, self.shape, self.device) * norm
        time = torch.tensor([2 * math.atan(SIGMA_MAX) / math.pi], device=self.device)
        with torch.inference_mode():
            both = torch.cat([(x / norm).to(self.dtype)] * 2)
            free, guided = self.transformer(both, time, **self._inputs(2))[0].float().chunk(2)
        velocity = free + 7.0 * (guided - free)
        return _relative(ours, x / norm**2 - velocity * (SIGMA_MAX / norm))


class AudioLDM2Case(Case):
    engine, full_steps = "audioldm2-music", 200

    def __init__(self, size, device, dtype, seconds):
        super().__init__(size, device, dtype, seconds)
        import torch

        from helpers.engines.fast.audioldm2 import count_frames

        parts = models.build_audioldm2(size, device, dtype)
        self.unet, self.vae, self.vocoder = parts["unet"], parts["vae"], parts["vocoder"]
        config = self.unet.config
        self.shape = (config.in_channels, count_frames(seconds), self.vocoder.config.model_in_dim // 4)
        generator = torch.Generator().manual_seed(0)
        _, said, read = config.cross_attention_dim[0]
        parts = [torch.randn(2, length, width, generator=generator) for length, width in ((8, said), (WORDS, read))]
        mask = torch.ones(2, WORDS, dtype=torch.long)
        mask[0, 1:] = 0
        names = ("encoder_hidden_states", "encoder_hidden_states_1")
        self.context = {name: part.to(device, dtype) for name, part in zip(names, parts, strict=True)}
        self.context["encoder_attention_mask_1"] = mask.to(device)

    def ours(self, takes, steps):
        from helpers.engines.fast.audioldm2 import decode, make_latents, make_scheduler

        scheduler, (_, frames, width) = make_scheduler("ddim", steps), self.shape
        result = make_latents(self.unet, self.context, range(takes), frames, scheduler, width=width)
        self.how = result.how
        return [decode(self.vae, self.vocoder, latents).cpu() for latents in result.values]

    def theirs(self, takes, steps):
        """As ``AudioLDM2Pipeline``, from embeddings, all takes decoded at once."""
        import torch
        from diffusers import DDIMScheduler

        scheduler = DDIMScheduler(
            beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False,
            set_alpha_to_one=False, steps_offset=1,
        )  # fmt: skip
        scheduler.set_timesteps(steps, device=self.device)
        seeds = [torch.Generator(self.device).manual_seed(take) for take in range(takes)]
        latents = [torch.randn(self.shape, generator=s, device=self.device, dtype=self.dtype) for s in seeds]
        latents, inputs = torch.stack(latents), self._inputs(takes)
        with torch.no_grad():
            for time in scheduler.timesteps:
                free, guided = self.unet(torch.cat([latents] * 2), time, **inputs)[0].chunk(2)
                latents = scheduler.step(free + 3.5 * (guided - free), time, latents).prev_sample
            mel = self.vae.decode(latents / self.vae.config.scaling_factor).sample
            audio = self.vocoder(mel.squeeze(1))
        return list(audio.reshape(takes, 1, -1).float().cpu())

    def _inputs(self, takes):
        rows = {name: part.repeat_interleave(takes, dim=0) for name, part in self.context.items()}
        return rows | {"return_dict": False}

    def agreement(self):
        import torch

        from helpers.engines.fast.audioldm2 import make_latents, make_scheduler
        from helpers.engines.fast.streams import TakeStreams

        scheduler, (_, frames, width) = make_scheduler("ddim", 2), self.shape
        ours = make_latents(self.unet, self.context, [0, 1], frames, scheduler, width=width).values
        x = TakeStreams([0, 1], "audioldm2").normal(0, self.shape, self.device)
        with torch.inference_mode():
            for time in scheduler.timesteps:
                free, guided = self.unet(torch.cat([x.to(self.dtype)] * 2), time, **self._inputs(2))[0].float().chunk(2)
                x = scheduler.step(free + 3.5 * (guided - free), time, x).prev_sample
        return _relative(ours, x)


class MusicgenCase(Case):
    engine = "musicgen"

    def __init__(self, variant, size, device, dtype, seconds):
        super().__init__(size, device, dtype, seconds)
        import torch

        from helpers.engines.fast.musicgen import MusicgenRunner

        self.variant = variant
        self.model = models.build_musicgen(variant, size, device, dtype)
        self.runner = MusicgenRunner(self.model)
        self.prompt = torch.arange(2, 2 + WORDS)
        self.text = self.runner.encode_text(self.prompt)
        self.full_steps = math.ceil(50 * seconds) + 3  # frames, and the last codebook lags three behind

    def ours(self, takes, steps):
        result = self.runner.generate(self.text, range(takes), steps - 3)
        self.how = result.how
        return [self.runner.decode(codes).cpu() for codes in result.values]

    def theirs(self, takes, steps):
        """``model.generate`` with the published settings."""
        import torch

        ids = self.prompt.to(self.device).repeat(takes, 1)
        audio = self.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=True, guidance_scale=3.0, top_k=250,
            max_new_tokens=steps,
        )  # fmt: skip
        return list(audio.float().cpu())

    def agreement(self):
        import torch

        from helpers.engines.fast.musicgen_step import Sampling

        with torch.inference_mode():
            state = self.runner._prepare(self.text, [0], 30, Sampling(guidance=1.0), None, None)
            ours = []
            for step in range(state.steps):
                ours.append(state.logits(state.window_of(step)))
                state.step(state.window_of(step))
            tokens = state.tokens[state.lead : -1].permute(1, 2, 0).flatten(0, 1)
            text = (
                self.runner._melody_prefix(self.text, None, 1, Sampling(1.0)) if self.runner.melody else self.text[None]
            )
            theirs = self.model.decoder(input_ids=tokens, encoder_hidden_states=text).logits[:, -tokens.shape[1] :]
        return _relative(torch.cat(ours).transpose(0, 1), theirs)


CASES = ("stable-audio-open", "audioldm2-music", *(f"musicgen-{variant}" for variant in models.MUSICGEN))


def make_case(name: str, size: str, device: str, dtype, seconds: float) -> Case:
    """Build a case of :data:`CASES`."""
    if name.startswith("musicgen-"):
        return MusicgenCase(name.removeprefix("musicgen-"), size, device, dtype, seconds)
    return {"stable-audio-open": StableAudioCase, "audioldm2-music": AudioLDM2Case}[name](size, device, dtype, seconds)
