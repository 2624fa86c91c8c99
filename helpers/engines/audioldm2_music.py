"""AudioLDM2-Music: mono at 16 kHz, steered by words and by what to avoid. It cannot hear audio.

The library's pipeline is not called: it wants text encoders in memory while sampling, re-ranks several takes so that
they come back out of order, cuts the negative words to the length of the prompt, and fails outright with the language
model that the released repository names. Words are encoded here once, each encoder loaded, used and dropped in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..records import Clip, Request
from .devices import placed
from .neural import Check, LoadedModel, NeuralEngine, OnStep, Plan
from .options import declare

DECLARED = declare("audioldm2-music")
SAMPLE_RATE = DECLARED[0].sample_rate
TRAINED_SECONDS = 10.24


class AudioLDM2Model(LoadedModel):
    """UNet, decoder and vocoder stay loaded; each of the three text models is loaded for the words and dropped."""

    def load(self, check: Check) -> None:
        import torch
        from diffusers import AudioLDM2UNet2DConditionModel, AutoencoderKL
        from transformers import SpeechT5HifiGan

        self.unet = self.read(
            AudioLDM2UNet2DConditionModel, self.folder, subfolder="unet", torch_dtype=self.device.dtype
        )
        check()
        # Decoder and vocoder are small and run once a take: float32 costs nothing and cannot overflow.
        self.vae = self.read(AutoencoderKL, self.folder, subfolder="vae")
        self.vocoder = self.read(SpeechT5HifiGan, self.folder / "vocoder", dtype=torch.float32)
        for part in (self.unet, self.vae, self.vocoder):
            part.eval().requires_grad_(False)
            part.to(self.device.kind)
        check()
        self.sampling_parts, self.codec_parts = (self.unet,), (self.vae, self.vocoder)
        self._words: dict[tuple[str, str], Any] = {}

    def prepare(self, plan: Plan) -> Any:
        """What the UNet attends to: language model states, T5 states and their mask; unconditional half first."""
        import torch

        key = (plan.prompt, plan.negative_prompt)
        if key not in self._words:
            with torch.inference_mode():
                self._words = {key: self._encode_words(*key)}
        return self._words[key]

    def _encode_words(self, prompt: str, negative: str) -> Any:
        import torch
        from diffusers import AudioLDM2ProjectionModel
        from transformers import ClapModel, GPT2LMHeadModel, T5EncoderModel

        from .fast.audioldm2 import Context, continue_words

        # float32 whatever the UNet runs in: T5 overflows in half precision, and two sentences are quickly read.
        texts, device = (negative, prompt), self.device.kind
        tokenizer = self.read_tokenizer(self.folder / "tokenizer")
        clap = self.read(ClapModel, self.folder / "text_encoder", dtype=torch.float32).eval()
        with placed(self.device, clap):
            tokens = tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt").to(device)
            joint = clap.get_text_features(tokens.input_ids, attention_mask=tokens.attention_mask)
            joint = getattr(joint, "pooler_output", joint)[:, None].cpu()
        del clap
        tokenizer = self.read_tokenizer(self.folder / "tokenizer_2")
        t5 = self.read(T5EncoderModel, self.folder / "text_encoder_2", dtype=torch.float32).eval()
        with placed(self.device, t5):
            # As in the library the negative words are padded to the length of the prompt; they are never cut to it.
            tokens = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(device)
            states = t5(tokens.input_ids, attention_mask=tokens.attention_mask)[0].cpu()
            mask = tokens.attention_mask.cpu()
        del t5
        projection = self.read(AudioLDM2ProjectionModel, self.folder, subfolder="projection_model").eval()
        # The released repository names GPT2Model, which the pipeline cannot use (diffusers#12630); same weights.
        language_model = self.read(GPT2LMHeadModel, self.folder / "language_model", dtype=torch.float32).eval()
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
        from .fast.audioldm2 import count_frames, make_latents, make_scheduler

        scheduler, frames = make_scheduler(plan.settings["sampler"], plan.steps), count_frames(plan.seconds)
        guidance = plan.settings["guidance"]
        result = make_latents(self.unet, prepared, seeds, frames, scheduler, guidance=guidance, on_step=on_step)
        self.note = result.note
        return result.values

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        from .fast.audioldm2 import decode

        sound = decode(self.vae, self.vocoder, sampled).cpu().numpy()
        return sound[:, : round(plan.seconds * SAMPLE_RATE)]


class AudioLDM2MusicEngine(NeuralEngine):
    """AudioLDM2-Music through diffusers' and transformers' modules."""

    info, presets, rows = DECLARED
    model_class = AudioLDM2Model

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        plan = super()._plan(request, guide)
        if plan.seconds <= TRAINED_SECONDS:
            return plan
        note = f"{plan.seconds:.1f} s is more than the {TRAINED_SECONDS:g} s the model was trained on."
        return replace(plan, notes=(note,))
