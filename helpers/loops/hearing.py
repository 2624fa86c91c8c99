"""What is heard in a take, once, for all the decisions that follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..errors import Refused
from ..records import Clip
from ..sound.levels import frame_levels
from ..sound.listening import Listening

FRAME_SECONDS = 0.01
ACTIVE_DB = -45.0  # against the loudest 10 ms of the take: below is silence before the first note
# The first 2 ms against the loudest 10 ms of the next 60: quieter than this in 9 of 10 recordings that start where the
# music does, and in only 4 of 10 that were cut out of something longer.
CUT_IN_DB = -1.5
SILENT_RMS = 1e-3  # -60 dBFS


@dataclass(frozen=True, eq=False)
class Hearing(Listening):
    """A take and its measurements, with the seconds between which it sounds; raises Refused if it is silent."""

    begin: float = field(init=False)
    end: float = field(init=False)

    def __post_init__(self) -> None:
        begin, end = active_span(self.clip)
        object.__setattr__(self, "begin", begin)
        object.__setattr__(self, "end", end)

    @cached_property
    def cut_in(self) -> bool:
        return starts_cut_in(self.clip)


def active_span(clip: Clip) -> tuple[float, float]:
    """First and last second in which a clip sounds, within 10 ms; raises Refused if it is silent throughout."""
    levels = frame_levels(clip, FRAME_SECONDS)
    peak = float(levels.max(initial=0.0))
    if peak < SILENT_RMS:
        raise Refused("The take is silent; make another one.")
    loud = np.flatnonzero(levels > peak * 10 ** (ACTIVE_DB / 20))
    return float(loud[0] * FRAME_SECONDS), float((loud[-1] + 1) * FRAME_SECONDS)


def starts_cut_in(clip: Clip) -> bool:
    """Whether a clip sounds from its first 2 ms on about as loud as it does in the 60 ms after: no attack is near."""
    first = Clip(clip.samples[:, : round(0.0025 * clip.sample_rate)], clip.sample_rate)
    after = frame_levels(Clip(clip.samples[:, first.length : round(0.06 * clip.sample_rate)], clip.sample_rate), 0.01)
    return after.size > 0 and float(np.sqrt(np.mean(np.square(first.samples)))) > 10 ** (CUT_IN_DB / 20) * after.max()
