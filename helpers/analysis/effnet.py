"""Discogs-EffNet and its mood head through onnxruntime: 16 kHz sound in, style and mood activations out.

The mel front-end is that of essentia's ``TensorflowInputMusiCNN`` (equal to 1e-4), with librosa's mel filters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NotAvailable
from ..records import Clip
from ..sound.channels import heard_mono

RATE = 16_000
FRAME, HOP, BANDS = 512, 256, 96
PATCH, PATCH_HOP = 128, 62


def log_mel(mono_16k: np.ndarray) -> np.ndarray:
    """Log-mel frames float32 (n, 96) of 16 kHz mono, ``log10(1 + 10000 * power)``; the first is centred on sample 0."""
    from librosa.filters import mel  # all of librosa.feature would take a second to import

    padded = np.pad(np.asarray(mono_16k, dtype=np.float64), (FRAME // 2, FRAME))
    count = max(1, -(-len(mono_16k) // HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[: count * HOP : HOP]
    window = np.hanning(FRAME)  # symmetric and not normalised, as essentia's
    bands = mel(sr=RATE, n_fft=FRAME, n_mels=BANDS, dtype=np.float64).T
    out = np.empty((len(frames), BANDS), dtype=np.float32)
    for start in range(0, len(frames), 4096):
        power = np.abs(np.fft.rfft(frames[start : start + 4096] * window, axis=1)) ** 2
        out[start : start + 4096] = np.log10(1.0 + 10_000.0 * (power @ bands))
    return out


def mel_patches(clip: Clip) -> np.ndarray:
    """Patches float32 (n, 128, 96) of about 2 s, one a second; a shorter clip is repeated, as a loop would be."""
    mono = heard_mono(clip.samples)
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
