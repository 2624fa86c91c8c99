"""Oscillators without aliasing, read from tables that hold only the harmonics below the limit of hearing.

A table is one period of a wave, made from its Fourier series for the pitch at hand, so no partial ever folds back.
Phases count periods; arrays are float64 (n,).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

HIGHEST_HZ = 18_000.0
TABLE = 4096
MOST_HARMONICS = 600
_SINE_SERIES = tuple((-1) ** k * (2 * math.pi) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(8))


@lru_cache(maxsize=256)
def _table(wave: str, harmonics: int, width: float) -> np.ndarray:
    """A period of ``saw``, ``pulse`` (of ``width`` 0..1) or ``triangle``, peak about 1, and its steps to the next;
    (2, TABLE)."""
    from scipy.fft import irfft

    k = np.arange(1, harmonics + 1)
    spectrum = np.zeros(TABLE // 2 + 1, dtype=complex)
    if wave == "saw":
        spectrum[1 : harmonics + 1] = 1j / (np.pi * k)
    elif wave == "pulse":  # two saws, one shifted by the width
        spectrum[1 : harmonics + 1] = 1j / (np.pi * k) * (1 - np.exp(-2j * np.pi * k * width))
    else:
        spectrum[1 : harmonics + 1] = np.where(k % 2, 4 / (np.pi * k) ** 2, 0.0)
    # Lanczos' sigma takes the overshoot of the cut series away.
    spectrum[1 : harmonics + 1] *= np.sinc(k / (harmonics + 1))
    one = irfft(spectrum, TABLE) * TABLE
    one = one.astype(np.float32)
    return np.stack([one, np.roll(one, -1) - one])


def wave_table(wave: str, highest_hz: float, width: float = 0.5) -> np.ndarray:
    """The table of a wave that never plays above ``highest_hz``."""
    return _table(wave, int(min(max(HIGHEST_HZ / highest_hz, 1), MOST_HARMONICS)), round(width, 3))


def read_table(table: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Read a table at ``phase`` >= 0 in periods, linearly between its points; float32."""
    at = phase * TABLE
    index = at.astype(np.int64)
    part = (at - index).astype(np.float32)
    index &= TABLE - 1
    out = table[1].take(index)
    out *= part
    out += table[0].take(index)
    return out


def phase_of(hz: np.ndarray | float, count: int, sample_rate: int, start: float = 0.0) -> np.ndarray:
    """Periods since the beginning, ``start`` at the first sample, for a pitch that stands or moves."""
    if np.ndim(hz) == 0:
        return start + np.arange(count) * (float(hz) / sample_rate)
    steps = np.cumsum(hz) / sample_rate
    return start + steps - steps[0]


def sine(phase: np.ndarray) -> np.ndarray:
    """Sine of a phase in periods, within 1e-11: the Taylor series of a quarter of a period.

    Sums and products only, so that every processor gives the same bits; several times as fast as the library's.
    """
    y = np.asarray(phase, dtype=float) - 0.25
    y -= np.rint(y)
    y = 0.25 - np.abs(y)  # the sine of this is the one wanted
    square = y * y
    out = np.full_like(y, _SINE_SERIES[-1])
    for factor in _SINE_SERIES[-2::-1]:
        out *= square
        out += factor
    return out * y


def noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """White noise of variance 1/3."""
    return rng.random(count) * 2.0 - 1.0
