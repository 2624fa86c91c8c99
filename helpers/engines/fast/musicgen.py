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

from collections.abc import Sequence
from typing import Any

import torch

from .graphs import OnStep, Pace, Sampled, capture_steps
from .musicgen_step import DecoderWeights, DecodeState, Sampling
from .numerics import check_finite, fold_weight_norm
from .streams import TakeStreams

# Fewer, longer windows save captures on CUDA; on a CPU a short one saves reading.
CUDA_WINDOW, CPU_WINDOW = 256, 64


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
