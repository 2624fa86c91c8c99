"""The melody that MusicGen-Melody hears: the strongest pitch class of each moment, as transformers computes it.

transformers' own extractor needs torchaudio, whose wheels break every import beside another torch build. This is the
same arithmetic: a power spectrum (Hann window of 16384, hop 4096, centred, at 32 kHz), the chroma filter bank that
transformers itself carries, and a one at the strongest of the twelve classes.
"""

from __future__ import annotations

import functools

import numpy as np

from ..errors import InvalidInput

SAMPLE_RATE = 32_000
WINDOW, HOP, CLASSES = 16_384, 4_096, 12


@functools.cache
def _filter_bank() -> np.ndarray:
    from transformers.audio_utils import chroma_filter_bank

    bank = chroma_filter_bank(num_frequency_bins=WINDOW, num_chroma=CLASSES, sampling_rate=SAMPLE_RATE, tuning=0)
    bank = np.asarray(bank, dtype=np.float32)
    bank.setflags(write=False)
    return bank


def chroma_energy(mono: np.ndarray) -> np.ndarray:
    """Energy per pitch class (0 = C), float32 (frames, 12), each frame scaled to a maximum of one.

    Parameters
    ----------
    mono
        float32 (samples,) at 32 kHz; padded with silence to one window when shorter.

    Raises
    ------
    InvalidInput
        If it is not one channel or holds nothing.
    """
    import torch

    if mono.ndim != 1 or not len(mono):
        raise InvalidInput(f"A melody is read from one channel of audio; got an array of shape {mono.shape}.")
    if len(mono) < WINDOW:
        lacking = WINDOW - len(mono)
        mono = np.pad(mono, (lacking // 2, lacking - lacking // 2))
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(mono, dtype=np.float32)),
        n_fft=WINDOW,
        hop_length=HOP,
        window=window,
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    # torchaudio's "normalized": the spectrum is divided by the root of the window's energy before it is squared.
    power = spectrum.abs().square() / window.square().sum()
    energy = torch.from_numpy(_filter_bank().copy()) @ power
    return torch.nn.functional.normalize(energy, p=float("inf"), dim=0, eps=1e-6).T.numpy()


def one_hot_chroma(mono: np.ndarray) -> np.ndarray:
    """The melody as the model was trained to hear it: float32 (frames, 12), a single one in each frame."""
    strongest = chroma_energy(mono).argmax(axis=1)
    return np.eye(CLASSES, dtype=np.float32)[strongest]
