"""Discogs-EffNet and its mood head through onnxruntime: 16 kHz sound in, style and mood activations out.

The mel front-end is essentia's ``TensorflowInputMusiCNN`` rebuilt in numpy (equal to 1e-4), so that neither essentia
nor TensorFlow is needed to run the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import NotAvailable
from ..records import Clip

RATE = 16_000
FRAME, HOP, BANDS = 512, 256, 96
PATCH, PATCH_HOP = 128, 62


@lru_cache(maxsize=1)
def mel_filters() -> np.ndarray:
    """Slaney's mel filters (257, 96), 0 to 8 kHz, each of unit area in Hz (Slaney, Auditory Toolbox, 1998)."""

    def to_mel(hz: np.ndarray) -> np.ndarray:
        return np.where(hz < 1000.0, hz * 3 / 200, 15.0 + np.log(np.maximum(hz, 1e-9) / 1000.0) * 27.0 / np.log(6.4))

    def to_hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15.0, mel * 200 / 3, 1000.0 * np.exp((mel - 15.0) * np.log(6.4) / 27.0))

    edges = to_hz(np.linspace(0.0, float(to_mel(np.array(RATE / 2))), BANDS + 2))
    hz = np.arange(FRAME // 2 + 1) * RATE / FRAME
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rise = (hz[:, None] - lower) / (centre - lower)
    fall = (upper - hz[:, None]) / (upper - centre)
    return np.maximum(0.0, np.minimum(rise, fall)) * 2.0 / (upper - lower)


def log_mel(mono_16k: np.ndarray) -> np.ndarray:
    """Log-mel frames float32 (n, 96) of 16 kHz mono, ``log10(1 + 10000 * power)``; the first is centred on sample 0."""
    padded = np.pad(np.asarray(mono_16k, dtype=np.float64), (FRAME // 2, FRAME))
    count = max(1, -(-len(mono_16k) // HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[: count * HOP : HOP]
    window = np.hanning(FRAME)  # symmetric and not normalised, as essentia's
    out = np.empty((len(frames), BANDS), dtype=np.float32)
    for start in range(0, len(frames), 4096):
        power = np.abs(np.fft.rfft(frames[start : start + 4096] * window, axis=1)) ** 2
        out[start : start + 4096] = np.log10(1.0 + 10_000.0 * (power @ mel_filters()))
    return out


def mel_patches(clip: Clip) -> np.ndarray:
    """Patches float32 (n, 128, 96) of about 2 s, one a second; a shorter clip is repeated, as a loop would be."""
    mono = clip.mono()
    if clip.sample_rate != RATE and mono.size:
        import soxr

        mono = soxr.resample(mono, clip.sample_rate, RATE)
    if not mono.size:
        mono = np.zeros(RATE, dtype=np.float32)
    least = PATCH * HOP
    if mono.size < least:
        mono = np.tile(mono, -(-least // mono.size))
    mel = log_mel(mono)
    starts = range(0, max(1, len(mel) - PATCH + 1), PATCH_HOP)
    return np.stack([mel[s : s + PATCH] for s in starts]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Activations:
    """Mean activations over the clip: ``styles`` (400,) and ``moods`` (56,), each 0..1."""

    styles: np.ndarray
    moods: np.ndarray


def run_effnet(clip: Clip, backbone: bytes, mood_head: bytes) -> Activations:
    """Run the backbone on every patch and the mood head on its embeddings; activations are averaged over patches.

    Raises NotAvailable when onnxruntime is missing or refuses a model.
    """
    try:
        import onnxruntime
    except ImportError:
        raise NotAvailable(
            "Genre and mood models need onnxruntime; install it with: pip install onnxruntime."
        ) from None
    try:
        styles, embeddings = _run(onnxruntime, backbone, mel_patches(clip), ("activations", "embeddings"))
        (moods,) = _run(onnxruntime, mood_head, embeddings, ("activations",))
    except Exception as error:  # onnxruntime raises classes of its own, none of them public
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise NotAvailable(f"The genre and mood models could not be run: {reason}.") from None
    return Activations(styles.mean(axis=0), moods.mean(axis=0))


def _run(onnxruntime: Any, model: bytes, given: np.ndarray, wanted: tuple[str, ...]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(list(wanted), {session.get_inputs()[0].name: given})
