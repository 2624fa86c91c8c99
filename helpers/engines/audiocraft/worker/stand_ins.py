"""Stand-ins for packages that audiocraft imports and its released models never call.

Which lets it run beside today's torch: xformers (the default attention is torch's own), spacy (only the debug model's
words are split by it), and torchaudio where the installed one does not load.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import types
from typing import Any


def register_stand_ins() -> None:
    """Make audiocraft importable; to be called before its import."""
    import torch
    import transformers  # noqa: F401  first: it looks at what is installed

    class LowerTriangularMask:
        """audiocraft only asks whether a mask is one."""

    def unused(*_: Any, **__: Any) -> None:
        raise NotImplementedError("a stand-in for a package that released models do not call")

    ops = _module(
        "xformers.ops",
        unbind=torch.unbind,
        LowerTriangularMask=LowerTriangularMask,
        memory_efficient_attention=unused,
    )
    _module("xformers", ops=ops)
    _module("spacy", load=lambda name: _split_words)
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        rest = dict.fromkeys(("MelSpectrogram", "Loudness", "Resample"), unused)
        transforms = _module("torchaudio.transforms", Spectrogram=_spectrogram_class(), **rest)
        _module("torchaudio", transforms=transforms)


def _module(name: str, **contents: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    vars(module).update(contents, __version__="0")
    sys.modules[name] = module
    return module


def _split_words(text: str) -> list[Any]:
    """Words as the debug model's tokenizer wants them from spacy."""
    return [types.SimpleNamespace(text=word, lemma_=word, is_stop=False) for word in text.split()]


def _spectrogram_class() -> type:
    """torchaudio's power spectrogram, as far as the melody model's chroma uses it."""
    import torch

    class Spectrogram(torch.nn.Module):
        """Power of the short-time Fourier transform, Hann window; ``normalized`` divides by the window's energy."""

        def __init__(self, *, n_fft: int, win_length: int, hop_length: int, normalized: bool, **usual: Any) -> None:
            super().__init__()
            if usual != {"power": 2, "center": True, "pad": 0}:
                raise NotImplementedError("only what audiocraft's chroma uses")
            self.n_fft, self.win_length, self.hop_length, self.normalized = n_fft, win_length, hop_length, normalized
            self.register_buffer("window", torch.hann_window(win_length))  # released checkpoints hold it by this name

        def forward(self, wav: Any) -> Any:
            flat = wav.reshape(-1, wav.shape[-1])
            spectrum = torch.stft(
                flat, self.n_fft, self.hop_length, self.win_length, self.window, center=True, return_complex=True
            )
            power = spectrum.abs().square()
            if self.normalized:
                power = power / self.window.square().sum()
            return power.reshape(*wav.shape[:-1], *power.shape[-2:])

    return Spectrogram
