"""The melody that MusicGen-Melody hears: the strongest pitch class of each moment, as transformers computes it.

transformers' own extractor needs torchaudio, whose wheels break every import beside another torch build. This is the
same arithmetic on what transformers itself carries: a power spectrum (Hann window of 16384, hop 4096, centred, at
32 kHz), its chroma filter bank, and a one at the strongest of the twelve classes.
"""

from __future__ import annotations

import numpy as np

from ..errors import InvalidInput

SAMPLE_RATE = 32_000
WINDOW, HOP, CLASSES = 16_384, 4_096, 12


def one_hot_chroma(mono: np.ndarray) -> np.ndarray:
    """The melody as the model was trained to hear it: float32 (frames, 12), 0 = C, a single one in each frame.

    Parameters
    ----------
    mono
        float32 (samples,) at 32 kHz; padded with silence to one window when shorter.

    Raises
    ------
    InvalidInput
        If it is not one channel or holds nothing.
    """
    from transformers.audio_utils import chroma_filter_bank, spectrogram, window_function

    if mono.ndim != 1 or not len(mono):
        raise InvalidInput(f"A melody is read from one channel of audio; got an array of shape {mono.shape}.")
    lacking = max(0, WINDOW - len(mono))
    mono = np.pad(mono, (lacking // 2, lacking - lacking // 2))
    bank = chroma_filter_bank(num_frequency_bins=WINDOW, num_chroma=CLASSES, sampling_rate=SAMPLE_RATE, tuning=0)
    window = window_function(WINDOW, "hann")
    energy = spectrogram(mono, window, WINDOW, HOP, power=2.0, mel_filters=bank.T, mel_floor=0.0)
    return np.eye(CLASSES, dtype=np.float32)[energy.argmax(axis=0)]
