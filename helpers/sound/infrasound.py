"""What lies below hearing: direct current and infrasound take headroom and move loudspeakers, and nobody hears them."""

from __future__ import annotations

import numpy as np

from ..records import Clip

INFRASOUND_HZ = 20.0
# The filter's slope: nothing passes below the first, all above the second, which is just under B0 (30.9 Hz), the
# lowest note of a five-string bass.
STOP_HZ, PASS_HZ = 18.0, 30.0
RINGING_SECONDS = 1.0  # the filter's ringing is over
BLOCK = 32
GRAIN = 2.0**-22  # 132 dB under full scale


def high_pass_gain(hz: np.ndarray, stop_hz: float = STOP_HZ, pass_hz: float = PASS_HZ) -> np.ndarray:
    """Gain 0..1 of a high-pass at the frequencies ``hz``: a raised cosine over log frequency, zero at 0 Hz."""
    place = np.log(np.maximum(hz, 1e-3) / stop_hz) / np.log(pass_hz / stop_hz)
    return np.sin(np.pi / 2 * np.clip(place, 0.0, 1.0)) ** 2


def remove_infrasound(clip: Clip) -> Clip:
    """The clip without what lies below 20 Hz, as it sounds when it repeats.

    The clip is one period: it is filtered with its own repeats before and after it, without moving a phase, so no onset
    moves, the length stays, and the end runs into the beginning as before. Equal input gives equal bytes.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    if clip.length < 2:
        return clip
    # Transforms of lengths with large prime factors are slow, so the repeats fill the clip up to a good one.
    size = next_fast_len(clip.length + round(2 * RINGING_SECONDS * clip.sample_rate), real=True)
    before = (size - clip.length) // 2
    repeated = np.pad(clip.samples, ((0, 0), (before, size - clip.length - before)), mode="wrap")
    gain = high_pass_gain(np.arange(size // 2 + 1) * (clip.sample_rate / size))
    # In double precision and rounded, for libraries differ in a transform's last bits.
    done = irfft(rfft(repeated.astype(np.float64), axis=1) * gain, size, axis=1)
    inside = np.round(done[:, before : before + clip.length] / GRAIN) * GRAIN
    return Clip(inside.astype(np.float32), clip.sample_rate)


def infrasound_share(clip: Clip) -> float | None:
    """Share 0..1 of a loop's energy below 20 Hz, direct current included, the worse channel; None when it is silent."""
    from scipy.fft import rfft

    whole = np.sum(np.square(clip.samples, dtype=np.float64), axis=1) if clip.length else np.zeros(1)
    if clip.length < 2 or whole.max() < 1e-12:
        return None
    # Means of short blocks, for what is that slow needs no more; the loop goes round to fill the last one.
    blocks = np.pad(clip.samples, ((0, 0), (0, -clip.length % BLOCK)), mode="wrap").reshape(clip.channels, -1, BLOCK)
    power = np.square(np.abs(rfft(blocks.mean(axis=2, dtype=np.float64), axis=1)))
    power[:, 1:] *= 2  # each but the first stands for two
    count = blocks.shape[1]
    top = int(np.ceil(INFRASOUND_HZ * count * BLOCK / clip.sample_rate))
    low = power[:, :top].sum(axis=1) * BLOCK / count
    heard = whole > 1e-9 * whole.max()
    return min(1.0, float(np.max(low[heard] / whole[heard])))
