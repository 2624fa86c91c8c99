"""What lies below hearing: direct current and infrasound take headroom and move loudspeakers, and nobody hears them."""

from __future__ import annotations

import numpy as np

from ..records import Clip

INFRASOUND_HZ = 20.0
# The filter's slope: nothing passes below the first, all above the second, which is just under B0 (30.9 Hz), the
# lowest note of a five-string bass.
STOP_HZ, PASS_HZ = 18.0, 30.0


def high_pass_gain(hz: np.ndarray, stop_hz: float = STOP_HZ, pass_hz: float = PASS_HZ) -> np.ndarray:
    """Gain 0..1 of a high-pass at the frequencies ``hz``: a raised cosine over log frequency, zero at 0 Hz."""
    place = np.log(np.maximum(hz, 1e-3) / stop_hz) / np.log(pass_hz / stop_hz)
    return np.sin(np.pi / 2 * np.clip(place, 0.0, 1.0)) ** 2


def remove_infrasound(clip: Clip) -> Clip:
    """The clip without what lies below 20 Hz, as it sounds when it repeats.

    The whole clip is one period: its spectrum is scaled, so no onset moves, the length stays, and the end runs into
    the beginning as before. Equal input gives equal bytes.
    """
    from scipy.fft import irfft, rfft

    if clip.length < 2:
        return clip
    gain = high_pass_gain(np.arange(clip.length // 2 + 1) * (clip.sample_rate / clip.length))
    spectrum = rfft(clip.samples.astype(np.float64), axis=1) * gain
    return Clip(irfft(spectrum, clip.length, axis=1).astype(np.float32), clip.sample_rate)


def infrasound_share(clip: Clip) -> float | None:
    """Share 0..1 of a loop's energy below 20 Hz, direct current included, the worse channel; None when it is silent."""
    from scipy.fft import rfft

    if clip.length < 2:
        return None
    power = np.square(np.abs(rfft(clip.samples.astype(np.float64), axis=1)))
    power[:, 1 : (clip.length + 1) // 2] *= 2  # each but the first and, of an even length, the last stands for two
    whole = power.sum(axis=1)
    low = power[:, : int(np.ceil(INFRASOUND_HZ * clip.length / clip.sample_rate))].sum(axis=1)
    heard = whole > 1e-9 * max(float(whole.max()), 1e-12)
    return float(np.max(low[heard] / whole[heard])) if whole.max() > 1e-12 else None
