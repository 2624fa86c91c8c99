"""Audio and notes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Clip:
    """Audio: ``samples`` float32 of shape (channels, n), ``sample_rate`` in Hz."""

    samples: np.ndarray
    sample_rate: int

    def __post_init__(self) -> None:
        s = self.samples
        if not isinstance(s, np.ndarray) or s.ndim != 2 or s.dtype != np.float32:
            shape = getattr(s, "shape", None)
            raise InvalidInput(
                f"A clip is float32 of shape (channels, samples); got {getattr(s, 'dtype', type(s))} {shape}."
            )

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def length(self) -> int:
        """Number of samples in each channel."""
        return self.samples.shape[1]

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / self.sample_rate

    def mono(self) -> np.ndarray:
        """Mean of the channels, float32 of shape (n,)."""
        return self.samples[0] if self.channels == 1 else self.samples.mean(axis=0, dtype=np.float32)


@dataclass(frozen=True)
class Note:
    """One note: MIDI ``pitch``; ``start``, ``length`` in quarters (scores) or seconds (analysis); velocity 1..127."""

    pitch: int
    start: float
    length: float
    velocity: int = 96
