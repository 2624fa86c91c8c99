"""MusicGen, all sizes, mono and stereo, and MusicGen-Melody, on transformers' weights.

Two ways to hear a guide. The plain models *continue* it: a bar or two of the guide come before bar 1, so that the take
starts on the beat, and are cut off again to the sample. The melody models follow its *melody* (the strongest pitch
class of each moment). Tokens are drawn by :mod:`.fast.musicgen`, a random stream for each take, not by the library's
``generate``: that one shares a stream between takes, takes the top 50 tokens instead of 250, and in many releases of
transformers ignores the melody and the text of the melody models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..music.meter import bar_seconds
from ..records import Clip, Request
from .devices import placed
from .guides import lead_in, loop_of_guide, repeated
from .hub.sources import SOURCES, ModelSource, cached_folder, local_folder
from .neural import Check, LoadedModel, NeuralEngine, OnStep, Plan
from .options import declare, read_option

DECLARED = declare("musicgen")
SAMPLE_RATE = DECLARED[0].sample_rate
FRAME_RATE = 50
FRAME_SAMPLES = SAMPLE_RATE // FRAME_RATE
CANVAS_SECONDS = DECLARED[0].max_seconds
DEFAULT_VARIANT = "small"
CHROMA_WINDOW, CHROMA_HOP, PITCH_CLASSES = 16_384, 4_096, 12
_CHROMA_SECONDS = 235 * CHROMA_HOP / SAMPLE_RATE


def _lead_frames(request: Request) -> int:
    """Code frames of guide before bar 1: one bar, two from strength 0.75 on, as the canvas allows; 0 if none fits."""
    bar = bar_seconds(request.bpm, request.time)
    for bars in (2, 1) if request.guide_strength >= 0.75 else (1,):
        frames = -int(-bars * bar * FRAME_RATE // 1)
        if frames / FRAME_RATE + request.seconds <= CANVAS_SECONDS:
            return frames
    return 0


def one_hot_chroma(mono: np.ndarray) -> np.ndarray:
    """The melody as the model was trained to hear it: float32 (frames, 12), 0 = C, a one at the strongest class.

    ``mono`` is float32 (samples,) at 32 kHz, padded with silence to one window when shorter. transformers' own
    extractor needs torchaudio, whose wheels break every import beside another torch build; this is its arithmetic.
    """
    from transformers.audio_utils import chroma_filter_bank, spectrogram, window_function

    lacking, size = max(0, CHROMA_WINDOW - len(mono)), CHROMA_WINDOW
    mono = np.pad(mono, (lacking // 2, lacking - lacking // 2))
    bank = chroma_filter_bank(num_frequency_bins=size, num_chroma=PITCH_CLASSES, sampling_rate=SAMPLE_RATE, tuning=0)
    window = window_function(size, "hann")
    energy = spectrogram(mono, window, size, CHROMA_HOP, power=2.0, mel_filters=bank.T, mel_floor=0.0)
    return np.eye(PITCH_CLASSES, dtype=np.float32)[energy.argmax(axis=0)]


class MusicGenModel(LoadedModel):
    """Decoder and codec stay on the device; the text encoder is moved there to read the words and back.

    Which token is drawn can hang on the last bit of a sum, and that bit on how many rows a product has. So takes are
    always made in the same group: take 5 together with 4, 6 and 7, whichever of them were asked for. Four takes cost
    little more than one, because the weights are read once for all.
    """

    group_multiple = 4

    def load(self, check: Check) -> None:
        self.runner: Any = None
        import torch
        from transformers import MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration

        config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        kinds = {
            "musicgen": MusicgenForConditionalGeneration,
            "musicgen_melody": MusicgenMelodyForConditionalGeneration,
        }
        kind = kinds.get(config.get("model_type"))
        if kind is None:
            raise InvalidInput(
                f"{self.folder.name} holds a model of type {config.get('model_type')!r}; MusicGen needs one of "
                f"{', '.join(kinds)}."
            )
        # The checkpoint's own dtype must not decide; T5 overflows in half precision and the codec would add noise, so
        # both are read as they are stored: rounded to half and back they would keep its rounding.
        kept: Any = type(kind.__name__, (kind,), {"_keep_in_fp32_modules_strict": ["text_encoder", "audio_encoder"]})
        model = self.read(kept, self.folder, dtype=self.device.dtype)
        check()
        model.eval().requires_grad_(False)
        model.text_encoder.to(torch.float32)
        model.audio_encoder.to(self.device.kind, torch.float32)
        model.decoder.to(self.device.kind)
        # Keys and values of the text are made once a run: their weights, up to 0.75 GiB, are on the GPU for that only.
        for layer in model.decoder.model.decoder.layers:
            for name in ("k_proj", "v_proj") if hasattr(layer, "encoder_attn") else ():
                getattr(layer.encoder_attn, name).to("cpu")
        for name in ("enc_to_dec_proj", "audio_enc_to_dec_proj"):
            if hasattr(model, name):
                getattr(model, name).to(self.device.kind)
        check()
        self.model = model
        self.sampling_parts, self.codec_parts = (model,), (model.audio_encoder,)
        self._words: dict[str, Any] = {}
        self._make_runner()

    @property
    def melody(self) -> bool:
        return self.runner.melody

    def prepare(self, plan: Plan) -> dict[str, Any]:
        """Text states, and the guide as codes to continue or as chroma to follow."""
        import torch

        prepared: dict[str, Any] = {"text": self._encode_words(plan.prompt), "codes": None, "chroma": None}
        guide, values = plan.guide, plan.values
        if guide is None:
            return prepared
        loop = loop_of_guide(guide, plan.request, SAMPLE_RATE, self.runner.channels)
        if self.melody:
            heard = repeated(loop, round(_CHROMA_SECONDS * SAMPLE_RATE)).mean(axis=0)
            # Zero would be no melody at all; half strength, the default, and more is the melody as trained.
            share = min(1.0, 2.0 * plan.request.guide_strength)
            prepared["chroma"] = torch.from_numpy(one_hot_chroma(heard)) * share
        elif values["lead_frames"]:
            sound = lead_in(loop, values["lead_frames"] * FRAME_SAMPLES)
            with placed(self.device, self.model.audio_encoder) if self.staged else nullcontext():
                prepared["codes"] = self.runner.encode_audio(torch.from_numpy(np.ascontiguousarray(sound)))
        return prepared

    def _encode_words(self, prompt: str) -> Any:
        if prompt not in self._words:
            tokenizer = self.read_tokenizer(self.folder)
            ids = tokenizer(prompt, return_tensors="pt", truncation=True, max_length=512).input_ids
            with placed(self.device, self.model.text_encoder):
                self._words = {prompt: self.runner.encode_text(ids)}
        return self._words[prompt]

    def bytes_per_take(self, plan: Plan) -> int:
        from .fast.musicgen import CUDA_WINDOW

        config = self.model.decoder.config
        lead = self.model.config.chroma_length + 64 if self.melody else 0  # the words come after the melody
        positions = plan.steps + plan.values["lead_frames"] + lead + 1
        positions = -(-positions // CUDA_WINDOW) * CUDA_WINDOW  # as the cache is laid out on a GPU
        size = 2 if self.device.precision != "float32" else 4
        caches = 2 * 2 * config.num_hidden_layers * positions * config.hidden_size * size  # two halves, keys and values
        return int(1.2 * caches) + 48 * 2**20

    def sample(self, prepared: dict[str, Any], plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Any:
        """Codes (takes, books, frames), the lead-in included."""
        from .fast.musicgen_step import Sampling

        values, settings = plan.values, plan.settings
        lead = 0 if prepared["codes"] is None else values["lead_frames"]
        result = self.runner.generate(
            prepared["text"],
            seeds,
            lead + values["frames"],
            sampling=Sampling(settings["guidance"], settings["top_k"], settings["temperature"]),
            prompt=prepared["codes"],
            chroma=prepared["chroma"],
            on_step=on_step,
        )
        self.note = result.note
        return result.values

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        """The codes of a lead-in are decoded too, so that the codec hears what came before, then cut to the sample."""
        audio = self.runner.decode(sampled).cpu().numpy()
        start = (sampled.shape[-1] - plan.values["frames"]) * FRAME_SAMPLES
        return audio[:, start : start + round(plan.seconds * SAMPLE_RATE)]

    def _make_runner(self) -> None:
        from .fast.musicgen import MusicgenRunner

        self._words.clear()
        self.runner = MusicgenRunner(self.model)

    def offload(self) -> None:
        """The codec needs a fraction of a GiB: less than it would take to move gigabytes of weights to and fro."""

    def reload(self) -> None:
        """The parts stay where they are."""

    def to_float32(self) -> None:
        self.runner = None  # it holds the weights in half precision, which would stay beside those in full
        super().to_float32()
        self._make_runner()


class MusicGenEngine(NeuralEngine):
    """MusicGen through transformers."""

    # No preset makes fewer model calls: every token needs one. A smaller variant is quicker.
    info, presets, rows = DECLARED
    model_class = MusicGenModel

    def _source(self, request: Request | None) -> ModelSource:
        if request is None:
            return SOURCES[f"musicgen-{DEFAULT_VARIANT}"]
        variant = read_option("variant", self.rows["variant"], request.options.get("variant", DEFAULT_VARIANT))
        if "variant" not in request.options and request.guide == "sketch" and request.guide_strength > 0:
            # Led by a sketch: continuing it would keep the sound of its SoundFont, following its melody does not.
            melody = SOURCES["musicgen-melody"]
            if local_folder(melody) or cached_folder(melody):
                return melody
        return SOURCES[f"musicgen-{variant}"]

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        plan = super()._plan(request, guide)
        lead_frames = 0 if guide is None else _lead_frames(request)
        notes: tuple[str, ...] = ()
        if guide is not None and not lead_frames:
            notes = ("The loop fills the model's 30 s, so no bar of the guide could come before it.",)
        seconds = min(plan.seconds, CANVAS_SECONDS - lead_frames / FRAME_RATE)
        frames = -int(-seconds * FRAME_RATE // 1)
        values = {"lead_frames": lead_frames, "frames": frames}
        # The last codebook lags three steps behind the first.
        return replace(plan, seconds=seconds, steps=frames + 3, values=values, notes=notes)
