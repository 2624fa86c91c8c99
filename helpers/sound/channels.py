"""Which loudspeaker each channel of a file is for; from many channels to two (ITU-R BS.775), and their weights for
loudness (ITU-R BS.1770)."""

from __future__ import annotations

import numpy as np

_HALF = 0.5**0.5
# Position: gain to the left, gain to the right (BS.775-3, annex 4), weight in loudness (BS.1770-4, table 3).
_POSITIONS = {
    "L": (1.0, 0.0, 1.0),
    "R": (0.0, 1.0, 1.0),
    "C": (_HALF, _HALF, 1.0),
    "LFE": (0.0, 0.0, 0.0),
    "Ls": (_HALF, 0.0, 1.41),
    "Rs": (0.0, _HALF, 1.41),
    "Cs": (0.5, 0.5, 1.41),
    "any": (_HALF, _HALF, 1.0),
}
# The order of WAV, FLAC and ffmpeg, and the order of Vorbis and Opus.
_ORDERS = {
    3: "L R C",
    4: "L R Ls Rs",
    5: "L R C Ls Rs",
    6: "L R C LFE Ls Rs",
    7: "L R C LFE Cs Ls Rs",
    8: "L R C LFE Ls Rs Ls Rs",
}
_OGG_ORDERS = {3: "L C R", 5: "L C R Ls Rs", 6: "L C R Ls Rs LFE", 7: "L C R Ls Rs Cs LFE", 8: "L C R Ls Rs Ls Rs LFE"}
_MASK = ("L", "R", "C", "LFE", "Ls", "Rs", "L", "R", "Cs", "Ls", "Rs")  # bit by bit (Microsoft's dwChannelMask)


def positions(channels: int, *, mask: int = 0, ogg: bool = False) -> tuple[str, ...]:
    """The loudspeaker of each channel, from a WAV's mask or else the order its format is known for."""
    named = [name for bit, name in enumerate(_MASK) if mask >> bit & 1]
    if len(named) == channels:
        return tuple(named)
    order = (_OGG_ORDERS if ogg else {}).get(channels) or _ORDERS.get(channels)
    return tuple(order.split()) if order else ("any",) * channels


def stereo_gains(names: tuple[str, ...]) -> np.ndarray:
    """Gains (2, channels) that fold the channels to stereo."""
    return np.array([_POSITIONS[name][:2] for name in names], np.float32).T


def loudness_weights(names: tuple[str, ...]) -> np.ndarray:
    """The weight of each channel's power in loudness, (channels,)."""
    return np.array([_POSITIONS[name][2] for name in names])
