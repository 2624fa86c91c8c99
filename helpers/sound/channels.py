"""Which loudspeaker each channel of a file is for; from many channels to two (ITU-R BS.775), and their weights for
loudness (ITU-R BS.1770)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..music.tables import read_table

_TABLE = read_table(__package__, "channels.txt")
_POSITIONS = {
    name: [0.5**0.5 if gain == "h" else float(gain) for gain in gains] for name, *gains in _TABLE["positions"]
}
_ORDERS = {int(channels): tuple(order.split()) for channels, order in _TABLE["orders"]}
_SPEAKERS = {theirs: ours for ours, names in _TABLE["speakers"] for theirs in names.split()}
_NARROW = 0.03  # of the middle's peak
_HILBERT_TAPS = 2047


def positions(speakers: Sequence[str]) -> tuple[str, ...]:
    """The loudspeaker of each channel, from what FFmpeg calls it or else, where the file says nothing, their usual
    order."""
    if set(speakers) == {"NONE"}:
        return _ORDERS.get(len(speakers), ("any",) * len(speakers))
    return tuple(_SPEAKERS.get(name, "any") for name in speakers)


def stereo_gains(names: tuple[str, ...]) -> np.ndarray:
    """Gains (2, channels) that fold the channels to stereo."""
    return np.array([_POSITIONS[name][:2] for name in names], np.float32).T


def loudness_weights(names: tuple[str, ...]) -> np.ndarray:
    """The weight of each channel's power in loudness, (channels,)."""
    return np.array([_POSITIONS[name][2] for name in names])


def heard_mono(samples: np.ndarray) -> np.ndarray:
    """One channel (n,) float32 in which every source of a stereo sound keeps its power, wherever it stands.

    The sum of the channels loses what is wide or in opposite phase. The middle plus the side turned by 90 degrees
    loses nothing: a source at gains (a, b) comes out at ``sqrt((a * a + b * b) / 2)``. Where there is next to no side,
    that is the mean itself.
    """
    if samples.shape[0] != 2:
        return samples[0] if samples.shape[0] == 1 else samples.mean(axis=0, dtype=np.float32)
    middle = samples.mean(axis=0, dtype=np.float32)
    side = samples[0] - middle
    if float(np.abs(side).max(initial=0.0)) < _NARROW * float(np.abs(middle).max(initial=0.0)):
        return middle
    return middle + _turned(side)


def _turned(sound: np.ndarray) -> np.ndarray:
    """The sound with every partial 90 degrees later: a windowed Hilbert filter, flat from about 45 Hz at 44.1 kHz."""
    from scipy.signal import oaconvolve

    reach = _HILBERT_TAPS // 2
    n = np.arange(-reach, reach + 1)
    taps = np.where(n % 2 == 1, 2 / (np.pi * np.where(n == 0, 1, n)), 0.0) * np.hamming(_HILBERT_TAPS)
    return oaconvolve(sound, taps.astype(np.float32), mode="same").astype(np.float32, copy=False)
