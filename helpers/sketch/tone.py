"""A note as the parts write it, before swing and touch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tone:
    """A note on the grid: ``step`` and ``length`` in sixteenths, ``delay_seconds`` for the spread of a strum,
    ``limb`` whose timing it takes: ``kick``, ``snare`` or ``time``."""

    pitch: int
    step: float
    length: float
    velocity: int
    delay_seconds: float = 0.0
    limb: str = "time"
