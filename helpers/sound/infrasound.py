"""What lies below hearing: direct current and infrasound take headroom and move loudspeakers, and nobody hears them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..records import Clip

INFRASOUND_HZ = 20.0
# The filter's slope: nothing passes below the first, all above the second, which is just under B0 (30.9 Hz), the
# lowest note of a five-string bass.
STOP_HZ, PASS_HZ = 18.0, 30.0
RINGING_SECONDS = 1.0  # the filter's ringing is over
SLOW_RATE, TAP_BLOCKS = 700.0, 8  # the rate at which infrasound is filtered; the length of the way there
BLOCK = 32
GRAIN = 2.0**-22  # 132 dB under full scale


def high_pass_gain(hz: np.ndarray) -> np.ndarray:
    """Gain 0..1 of a high-pass at the frequencies ``hz``: a raised cosine over log frequency, zero at 0 Hz."""
    place = np.log(np.maximum(hz, 1e-3) / STOP_HZ) / np.log(PASS_HZ / STOP_HZ)
    return np.sin(np.pi / 2 * np.clip(place, 0.0, 1.0)) ** 2


def remove_infrasound(clip: Clip) -> Clip:
    """The clip without what lies below 20 Hz, as it sounds when it repeats.

    The clip is one period: it is filtered with its own repeats before and after it, without moving a phase, so no onset
    moves, the length stays, and the end runs into the beginning as before. Equal input gives equal bytes.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    if clip.length < 2:
        return clip
    # What is taken away is so slow that a rate of some 700 Hz holds it.
    step = max(2, int(clip.sample_rate // SLOW_RATE))
    around = round(RINGING_SECONDS * clip.sample_rate)
    blocks = next_fast_len(-(-(clip.length + 2 * around) // step), real=True)
    before = (blocks * step - clip.length) // 2
    after = blocks * step - clip.length - before
    repeated = np.pad(clip.samples, ((0, 0), (before, after)), mode="wrap").astype(np.float64)
    taps = _slow_filter(step)
    parts = repeated.reshape(clip.channels, blocks, step) @ taps.T
    slow = sum(np.roll(parts[:, :, j], TAP_BLOCKS // 2 - j, axis=1) for j in range(TAP_BLOCKS))
    gain = high_pass_gain(np.arange(blocks // 2 + 1) * (clip.sample_rate / step / blocks))
    slow = irfft(rfft(slow, axis=1) * (1 - gain), blocks, axis=1)
    spread = np.stack([np.roll(slow, j - TAP_BLOCKS // 2, axis=1) for j in range(TAP_BLOCKS)], axis=2)
    repeated -= (spread @ (step * taps)).reshape(clip.channels, -1)
    # In double precision and rounded, for libraries differ in the last bits of a transform.
    inside = np.round(repeated[:, before : before + clip.length] / GRAIN) * GRAIN
    return Clip(inside.astype(np.float32), clip.sample_rate)


@lru_cache(maxsize=8)
def _slow_filter(step: int) -> np.ndarray:
    """A low-pass for taking every ``step``-th sample and for filling up again, (TAP_BLOCKS, step)."""
    from scipy.signal import firwin

    return firwin(TAP_BLOCKS * step, 1 / step, window=("kaiser", 10.0)).reshape(TAP_BLOCKS, step)


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
