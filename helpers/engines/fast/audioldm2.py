"""AudioLDM2 on diffusers' weights: words encoded once, the UNet's call captured, one take decoded at a time.

The library's pipeline is not called as a whole: it wants text encoders in memory while sampling, re-ranks several takes
so that they come back out of order, cuts the negative words to the length of the prompt, and fails outright with the
language model that the released repository names. Words are encoded here once, each encoder loaded, used and dropped in
turn.

Latent lengths are multiples of eight frames (0.32 s), because every other length is padded and resized on the way,
which also no graph can capture; the surplus is trimmed from the audio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import (
    AudioLDM2Pipeline,
    AudioLDM2ProjectionModel,
    AudioLDM2UNet2DConditionModel,
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
)
from transformers import ClapModel, GPT2LMHeadModel, SpeechT5HifiGan, T5EncoderModel

from ..audioldm2_music import SAMPLE_RATE
from ..devices import placed
from ..neural import Check, LoadedModel, OnStep, Plan, Sampled
from .numerics import check_finite
from .sampling import guided_call, sample, scheduler_sampler
from .streams import TakeStreams

FRAME_RATE = 25  # latent frames a second: 16 kHz, hop 160, four mel frames each


class AudioLDM2Model(LoadedModel):
    """UNet, decoder and vocoder stay loaded; each of the three text models is loaded for the words and dropped."""

    def load(self, check: Check) -> None:
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
        key = (plan.prompt, plan.negative_prompt)
        if key not in self._words:
            with torch.inference_mode():
                self._words = {key: self._encode_words(*key)}
        return self._words[key]

    def _encode_words(self, prompt: str, negative: str) -> Any:
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
        ours = dict(vae=self.vae, unet=self.unet, vocoder=self.vocoder)
        rest = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "feature_extractor", "scheduler")
        reader = AudioLDM2Pipeline(
            projection_model=projection, language_model=language_model, **ours, **dict.fromkeys(rest)
        )
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
                heard, given = projected.hidden_states.to(device), projected.attention_mask.to(device)
                said.append(reader.generate_language_model(heard, attention_mask=given, max_new_tokens=8))
        return {
            "encoder_hidden_states": torch.cat(said),
            "encoder_hidden_states_1": states,
            "encoder_attention_mask_1": mask,
        }

    def bytes_per_take(self, plan: Plan) -> int:
        """From a live-tensor trace at full size: 35 MiB a take for 10 s in half precision, in proportion to both.

        Twice that, because it holds only for attention without a table of weights and convolutions without workspace.
        """
        widest = self.unet.config.block_out_channels[0]
        size = 2 if self.unet.dtype.itemsize == 2 else 4
        return int(70 * 2**20 * plan.seconds / 10.0 * widest / 128 * size / 2)

    def sample(self, prepared: Any, plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Sampled:
        """Latents (takes, channels, frames, bins), float32."""
        scheduler, frames = make_scheduler(plan.settings["sampler"], plan.steps), count_frames(plan.seconds)
        guidance = plan.settings["guidance"]
        return make_latents(self.unet, prepared, seeds, frames, scheduler, guidance=guidance, on_step=on_step)

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        sound = decode(self.vae, self.vocoder, sampled).cpu().numpy()
        return sound[:, : round(plan.seconds * SAMPLE_RATE)]


def count_frames(seconds: float) -> int:
    """Latent frames that cover ``seconds``, rounded up to what the UNet halves evenly."""
    return -int(-seconds * FRAME_RATE // 8) * 8


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
    schedule = dict(num_train_timesteps=1000, beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear")
    if sampler == "dpm":
        made: Any = DPMSolverMultistepScheduler(**schedule)
    else:
        made = DDIMScheduler(**schedule, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    made.set_timesteps(steps)
    return made


def make_latents(
    unet: Any,
    context: Mapping[str, torch.Tensor],
    seeds: Sequence[int],
    frames: int,
    scheduler: Any,
    *,
    guidance: float = 3.5,
    width: int = 16,
    on_step: OnStep = lambda done: None,
) -> Sampled:
    """Sample one take for each of ``seeds``, as one batch: latents (takes, channels, frames, width) float32.

    ``context`` is what the UNet attends to, by the names of its arguments, unconditional half first: states (2, 8,
    width) by the language model, states (2, length, width) by the text encoder, and their mask. ``frames`` are those of
    :func:`count_frames`; ``width`` is mel bins over four. ``guidance`` 1 leaves out the unconditional half. Raises
    NotFinite.
    """
    weight, predict = next(unet.parameters()), guided_call(unet, context, len(seeds), guidance)
    streams = TakeStreams(seeds, "audioldm2")
    with torch.no_grad():
        sampler = scheduler_sampler(scheduler, streams, (unet.config.in_channels, frames, width), weight.device)
        return sample(sampler, predict, weight.device, weight.dtype, on_step)
