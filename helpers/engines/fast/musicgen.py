"""MusicGen (mono, stereo, melody) on transformers' weights, with a step of our own and a stream a take.

A text is encoded once a prompt (the text encoder may be dropped then), takes are sampled together and decoded one by
one. To continue a sound its codes (:meth:`MusicgenRunner.encode_audio`) are the ``prompt``: ``frames`` counts it, and
the audio starts with it. Melody models take one-hot ``chroma`` (frames, 12), or None for no melody.

Same distribution as ``model.generate(do_sample=True)`` with the same settings: logits agree to float rounding, and with
the same random numbers the tokens are the same. Three things are better: take ``k`` is the same alone and in a batch,
top-k is 250 as the model was published with (transformers' own default is 50), and several takes of one prompt do not
get glued together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from transformers import MusicgenForConditionalGeneration, MusicgenMelodyForConditionalGeneration
from transformers.audio_utils import chroma_filter_bank, spectrogram, window_function

from ...errors import InvalidInput
from ..devices import placed
from ..guides import lead_in, loop_of_guide, repeated
from ..musicgen import FRAME_SAMPLES, SAMPLE_RATE
from ..neural import Check, LoadedModel, OnStep, Plan, Sampled
from .graphs import Pace, capture_steps
from .musicgen_step import DecoderWeights, DecodeState, Sampling
from .numerics import check_finite, fold_weight_norm
from .streams import TakeStreams

# Fewer, longer windows save captures on CUDA; on a CPU a short one saves reading.
CUDA_WINDOW, CPU_WINDOW = 256, 64
CHROMA_WINDOW, CHROMA_HOP, PITCH_CLASSES = 16_384, 4_096, 12
_CHROMA_SECONDS = 235 * CHROMA_HOP / SAMPLE_RATE


def delay_of(book: int, stereo: bool) -> int:
    """Steps by which a codebook lags: its number, or its pair's number where left and right are interleaved."""
    return book // 2 if stereo else book


def plan_tokens(books: int, frames: int, pad: int, stereo: bool, prompt: torch.Tensor | None = None) -> torch.Tensor:
    """Lay out the delay pattern (Copet et al., "Simple and Controllable Music Generation", 2023, section 2.2).

    (books, frames + books a channel) long: ``pad`` before a codebook starts and after it ends, the codes of ``prompt``
    (books, n) where given, and -1 where a token is to be sampled.
    """
    plan = torch.full((books, frames + (books // 2 if stereo else books)), pad, dtype=torch.long)
    for book in range(books):
        start = delay_of(book, stereo) + 1
        plan[book, start : start + frames] = -1
        if prompt is not None:
            plan[book, start : start + prompt.shape[1]] = prompt[book]
    return plan


def undelay(tokens: torch.Tensor, frames: int, stereo: bool) -> torch.Tensor:
    """Undo the delay pattern: tokens (steps, takes, books) to codes (takes, books, frames)."""
    starts = [delay_of(book, stereo) + 1 for book in range(tokens.shape[2])]
    return torch.stack([tokens[start : start + frames, :, book].t() for book, start in enumerate(starts)], dim=1)


class MusicgenRunner:
    """Runs a ``MusicgenForConditionalGeneration`` or ``MusicgenMelodyForConditionalGeneration`` faster, on its device.

    It shares the model's weights, in their precision: the decoder's matrices are fused in place; the model keeps
    working.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.weights = DecoderWeights(model.decoder)
        self.melody = hasattr(model.config, "chroma_length")
        self.pad = model.decoder.config.pad_token_id
        fold_weight_norm(model.audio_encoder)

    @property
    def channels(self) -> int:
        return 2 if self.weights.stereo else 1

    @torch.no_grad()
    def encode_text(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Encode one prompt's token ids, (length,) or (1, length) without padding, to (length, decoder width)."""
        encoder = self.model.text_encoder
        ids = input_ids.reshape(1, -1).to(encoder.device)
        states = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        states = states.to(self.weights.device, self.weights.dtype)
        return self.model.enc_to_dec_proj(states) if states.shape[-1] != self.weights.width else states

    @torch.no_grad()
    def encode_audio(self, samples: torch.Tensor) -> torch.Tensor:
        """Encode a prompt to continue: (channels of the model, samples) at its rate to codes (books, frames)."""
        codec = self.model.audio_encoder
        parameter = next(codec.parameters())
        # Left and right are a batch of two to the codec, and interleaved codebooks to the decoder.
        codes = codec.encode(samples[:, None].to(parameter.device, parameter.dtype)).audio_codes[0]
        return codes.transpose(0, 1).flatten(0, 1)

    @torch.no_grad()
    def generate(
        self,
        text: torch.Tensor,
        seeds: Sequence[int],
        frames: int,
        *,
        sampling: Sampling | None = None,
        prompt: torch.Tensor | None = None,
        chroma: torch.Tensor | None = None,
        on_step: OnStep = lambda done: None,
    ) -> Sampled:
        """Sample one take for each of ``seeds``, as one batch: codes (takes, books, frames) long.

        ``text`` is from :meth:`encode_text`; ``frames`` count the ``prompt`` (books, n), which all takes continue;
        ``chroma`` (chroma frames, 12) is one-hot pitch classes for melody models. Raises NotFinite.
        """
        sampling = sampling or Sampling()
        state = self._prepare(text, seeds, frames, sampling, prompt, chroma)
        order = [state.window_of(step) for step in range(state.steps)]
        variants = {window: lambda window=window: state.step(window) for window in sorted(set(order))}
        runner, pace = capture_steps(variants, state.reset, text.device), Pace(text.device)
        for done, window in enumerate(order, 1):
            runner(window)
            pace.tick()
            on_step(done)
        check_finite(state.health, "What the model predicts")
        codes = undelay(state.tokens[state.lead :], frames, self.weights.stereo)
        return runner.sampled(codes, f"{state.steps} steps", self.weights.dtype)

    def _prepare(self, text: Any, seeds: Any, frames: int, sampling: Any, prompt: Any, chroma: Any) -> DecodeState:
        weights = self.weights
        plan = plan_tokens(weights.books, frames, self.pad, weights.stereo, prompt)
        chances = TakeStreams(seeds, "musicgen").uniform(0, (plan.shape[1], weights.books))
        prefix = self._melody_prefix(text, chroma, len(seeds), sampling) if self.melody else None
        window = CUDA_WINDOW if weights.device.type == "cuda" else CPU_WINDOW
        states = None if self.melody else text
        return DecodeState(weights, len(seeds), plan, chances, sampling, states=states, prefix=prefix, window=window)

    def _melody_prefix(self, text: Any, chroma: Any, takes: int, sampling: Any) -> torch.Tensor:
        """What a melody model's decoder sees first: the chroma, repeated or cut to its length, then the text.

        The null half sees a melody of pitch class 0 throughout and a text of zeros, as in training.
        """
        config, classes = self.model.config, self.model.config.num_chroma
        null = torch.zeros(1, classes, device=text.device, dtype=text.dtype)
        null[:, 0] = 1.0
        melody = null if chroma is None else chroma.to(null)
        null = null.expand_as(melody)
        if classes != self.weights.width:
            melody, null = self.model.audio_enc_to_dec_proj(melody), self.model.audio_enc_to_dec_proj(null)
        repeats = -(-config.chroma_length // len(melody))
        rows = [torch.cat([melody.repeat(repeats, 1)[: config.chroma_length], text])] * takes
        if sampling.guidance > 1:
            rows += [torch.cat([null.repeat(repeats, 1)[: config.chroma_length], torch.zeros_like(text)])] * takes
        return torch.stack(rows)

    @torch.no_grad()
    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Turn one take's codes (books, frames) into audio (channels, samples), float32; stereo as one codec batch.

        Raises NotFinite if the codec returned values that are not finite.
        """
        batch = codes.reshape(-1, self.channels, codes.shape[-1]).transpose(0, 1)
        audio = self.model.audio_encoder.decode(batch[None], [None]).audio_values[:, 0].float()
        check_finite(audio, "The decoded audio")
        return audio


def one_hot_chroma(mono: np.ndarray) -> np.ndarray:
    """The melody as the model was trained to hear it: float32 (frames, 12), 0 = C, a one at the strongest class.

    ``mono`` is float32 (samples,) at 32 kHz, padded with silence to one window when shorter. transformers' own
    extractor needs torchaudio, whose wheels break every import beside another torch build; this is its arithmetic.
    """
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
        config = self.model.decoder.config
        lead = self.model.config.chroma_length + 64 if self.melody else 0  # the words come after the melody
        positions = plan.steps + plan.values["lead_frames"] + lead + 1
        positions = -(-positions // CUDA_WINDOW) * CUDA_WINDOW  # as the cache is laid out on a GPU
        size = 2 if self.device.precision != "float32" else 4
        caches = 2 * 2 * config.num_hidden_layers * positions * config.hidden_size * size  # two halves, keys and values
        return int(1.2 * caches) + 48 * 2**20

    def sample(self, prepared: dict[str, Any], plan: Plan, seeds: Sequence[int], on_step: OnStep) -> Sampled:
        """Codes (takes, books, frames), the lead-in included."""
        values, settings = plan.values, plan.settings
        lead = 0 if prepared["codes"] is None else values["lead_frames"]
        return self.runner.generate(
            prepared["text"],
            seeds,
            lead + values["frames"],
            sampling=Sampling(settings["guidance"], settings["top_k"], settings["temperature"]),
            prompt=prepared["codes"],
            chroma=prepared["chroma"],
            on_step=on_step,
        )

    def decode(self, sampled: Any, plan: Plan) -> np.ndarray:
        """The codes of a lead-in are decoded too, so that the codec hears what came before, then cut to the sample."""
        audio = self.runner.decode(sampled).cpu().numpy()
        start = (sampled.shape[-1] - plan.values["frames"]) * FRAME_SAMPLES
        return audio[:, start : start + round(plan.seconds * SAMPLE_RATE)]

    def _make_runner(self) -> None:
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
