"""AudioLDM2-Music: mono at 16 kHz, steered by words and by what to avoid. It cannot hear audio.

The library's pipeline is not called: it wants text encoders in memory while sampling, re-ranks several takes so that
they come back out of order, cuts the negative words to the length of the prompt, and fails outright with the language
model that the released repository names. Words are encoded here once, each encoder loaded, used and dropped in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..records import Clip, EngineInfo, Request
from .devices import Device, free_memory, placed
from .fast.presets import describe_presets
from .hub.sources import SOURCES, ModelSource
from .neural import LoadedModel, NeuralEngine, OnStep, Plan
from .options import (
    DIFFUSION_STEPS,
    NEGATIVE_PROMPT,
    PROMPT,
    RUNNING,
    planned_seconds,
    read_settings,
    written_prompt,
)

SAMPLE_RATE = 16_000
CANVAS_SECONDS = 20.48  # any length runs; the model was trained on half of this
TRAINED_SECONDS = 10.24


class AudioLDM2MusicEngine(NeuralEngine):
    """AudioLDM2-Music through diffusers' and transformers' modules."""

    drafts_in_half = True
    presets: ClassVar = {
        "reference": {"steps": 200, "guidance": 3.5, "sampler": "ddim"},
        "balanced": {"steps": 25, "sampler": "dpm"},
        "draft": {"steps": 12, "sampler": "dpm"},
    }
    info = EngineInfo(
        name="audioldm2-music",
        prompt_style="audioldm2-music",
        packages="diffusers",
        title="AudioLDM2-Music",
        sample_rate=SAMPLE_RATE,
        channels=1,
        max_seconds=CANVAS_SECONDS,
        licence=SOURCES["audioldm2-music"].licence,
        memory_gib=3.2,
        hears=frozenset({"text", "negative"}),
        good_at="Pads and textures; dark (nothing above 8 kHz), and only its words carry tempo and key.",
        hub_id=SOURCES["audioldm2-music"].hub_id,
        download_gib=SOURCES["audioldm2-music"].download_gib,
        options={
            **PROMPT,
            **NEGATIVE_PROMPT,
            "preset": describe_presets(presets),
            **DIFFUSION_STEPS,
            "sampler": "ddim (as published) or dpm (DPM-Solver++, for 12 to 50 steps)",
            "guidance": "how closely the words are followed, 1 to 20; default 3.5",
            **RUNNING,
        },
    )

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        prompt, negative = written_prompt(request, self.info.title)
        settings, labels = read_settings(self.presets, request)
        seconds = planned_seconds(request, CANVAS_SECONDS)
        long = seconds > TRAINED_SECONDS
        notes = (f"{seconds:.1f} s is more than the {TRAINED_SECONDS:g} s the model was trained on.",) if long else ()
        return Plan(
            source=self._source(request),
            prompt=prompt,
            negative_prompt=negative,
            seconds=seconds,
            steps=int(settings["steps"]),
            guide=None,
            settings=settings,
            labels=labels,
            notes=notes,
        )

    def _load(self, source: ModelSource, folder: Path, device: Device, check: Callable[[], None]) -> LoadedModel:
        return AudioLDM2Model(source, folder, device, check)


class AudioLDM2Model(LoadedModel):
    """UNet, decoder and vocoder stay loaded; the three text models come and go."""

    def __init__(self, source: ModelSource, folder: Path, device: Device, check: Callable[[], None]) -> None:
        super().__init__(source, folder, device)
        import torch
        from diffusers import AudioLDM2UNet2DConditionModel, AutoencoderKL
        from transformers import SpeechT5HifiGan

        from .fast.audioldm2 import AudioLDM2Runner

        found = dict(use_safetensors=True, local_files_only=True)
        self.unet = AudioLDM2UNet2DConditionModel.from_pretrained(
            folder, subfolder="unet", torch_dtype=device.dtype, **found
        )
        check()
        # Decoder and vocoder are small and run once a take: float32 costs nothing and cannot overflow.
        self.vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", **found)
        self.vocoder = SpeechT5HifiGan.from_pretrained(folder / "vocoder", dtype=torch.float32, **found)
        for part in (self.unet, self.vae, self.vocoder):
            part.eval().requires_grad_(False)
            part.to(device.kind)
        check()
        self.runner: Any = AudioLDM2Runner(self.unet)
        self._words: dict[tuple[str, str], Any] = {}

    def prepare(self, plan: Plan) -> Any:
        """What the UNet attends to: language model states, T5 states and their mask; free half first."""
        import torch

        key = (plan.prompt, plan.negative_prompt)
        if key not in self._words:
            with torch.inference_mode():
                self._words = {key: self._encode_words(*key)}
        return self._words[key]

    def _encode_words(self, prompt: str, negative: str) -> Any:
        import torch
        from diffusers import AudioLDM2ProjectionModel
        from transformers import AutoTokenizer, ClapModel, GPT2LMHeadModel, T5EncoderModel

        from .fast.audioldm2 import Context, continue_words

        # float32 whatever the UNet runs in: T5 overflows in half precision, and two sentences are quickly read.
        found = dict(use_safetensors=True, local_files_only=True)
        texts, device = (negative, prompt), self.device.kind
        tokenizer = AutoTokenizer.from_pretrained(self.folder / "tokenizer", local_files_only=True)
        clap = ClapModel.from_pretrained(self.folder / "text_encoder", dtype=torch.float32, **found).eval()
        with placed(self.device, clap):
            tokens = tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt").to(device)
            joint = clap.get_text_features(tokens.input_ids, attention_mask=tokens.attention_mask)
            joint = getattr(joint, "pooler_output", joint)[:, None].cpu()
        del clap
        tokenizer = AutoTokenizer.from_pretrained(self.folder / "tokenizer_2", local_files_only=True)
        t5 = T5EncoderModel.from_pretrained(self.folder / "text_encoder_2", dtype=torch.float32, **found).eval()
        with placed(self.device, t5):
            # As in the library the negative words are padded to the length of the prompt; they are never cut to it.
            tokens = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(device)
            states = t5(tokens.input_ids, attention_mask=tokens.attention_mask)[0].cpu()
            mask = tokens.attention_mask.cpu()
        del t5
        projection = AudioLDM2ProjectionModel.from_pretrained(self.folder, subfolder="projection_model", **found).eval()
        # The released repository names GPT2Model, which the pipeline cannot use (diffusers#12630); same weights.
        language_model = GPT2LMHeadModel.from_pretrained(
            self.folder / "language_model", dtype=torch.float32, **found
        ).eval()
        said = []
        with placed(self.device, language_model):
            for row in range(2):
                # Alone and without padding after the prompt's own, as the prompt is read by the library.
                length = int(mask[1].sum()) if row == 1 else states.shape[1]
                projected = projection(
                    hidden_states=joint[row : row + 1],
                    hidden_states_1=states[row : row + 1, :length],
                    attention_mask=torch.ones(1, 1, dtype=torch.long),
                    attention_mask_1=mask[row : row + 1, :length],
                )
                said.append(
                    continue_words(
                        language_model, projected.hidden_states.to(device), projected.attention_mask.to(device)
                    )
                )
        return Context(torch.cat(said), states, mask)

    def bytes_per_take(self, plan: Plan) -> int:
        """From a live-tensor trace at full size: 35 MiB a take for 10 s in half precision, in proportion to both.

        Twice that, because it holds only for attention without a table of weights and convolutions without workspace.
        """
        widest = self.unet.config.block_out_channels[0]
        size = 2 if self.unet.dtype.itemsize == 2 else 4
        return int(70 * 2**20 * plan.seconds / 10.0 * widest / 128 * size / 2)

    def sample(self, prepared: Any, plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Any:
        """Latents (takes, channels, frames, bins), float32."""
        from .fast.audioldm2 import count_frames
        from .fast.ddim import plan_ddim_steps, plan_dpm_steps

        steps = plan_dpm_steps if plan.settings["sampler"] == "dpm" else plan_ddim_steps
        result = self.runner.generate(
            prepared,
            seeds,
            count_frames(plan.seconds),
            steps(plan.steps),
            guidance=plan.settings["guidance"],
            on_step=lambda done, steps: on_step(done),
        )
        self.note = result.note
        return result.latents

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        from .fast.audioldm2 import decode

        sound = decode(self.vae, self.vocoder, sampled).cpu().numpy()
        return sound[:, : round(plan.seconds * SAMPLE_RATE)]

    def codec_parts(self) -> tuple[Any, ...]:
        return (self.vae, self.vocoder)

    def offload(self) -> None:
        self.runner = None  # it holds the fused weights
        self.unet.to("cpu")
        free_memory()

    def reload(self) -> None:
        from .fast.audioldm2 import AudioLDM2Runner

        self.unet.to(self.device.kind)
        self.runner = AudioLDM2Runner(self.unet)

    def to_float32(self) -> None:
        self.runner = None  # it holds the weights in half precision, which would stay beside those in full
        self.unet.float()
        self.reload()
