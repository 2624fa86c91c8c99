"""What every question about an idea listens to: the shared measurements; learned models and essentia."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..records import Clip
from ..sound import listening
from ..sound.features import clean_mono, once_per_clip
from ..sound.listening import NOTE_HOP_SECONDS
from .estimators import beat_ticks
from .musicnn import Tagged, hear_tags
from .transcribe import PitchActivity, hear_pitches

__all__ = ["NOTE_HOP_SECONDS", "Listening", "listen"]


@dataclass(frozen=True, eq=False)
class Listening(listening.Listening):
    """A clip and all that is heard in it, each made when first asked for and kept."""

    @cached_property
    def pitches(self) -> PitchActivity | None:
        """What a learned ear hears of 88 pitches; None where its package is missing."""
        return _pitches(self._heard, self.notes.tuning_cents)

    @cached_property
    def ticks(self) -> np.ndarray:
        """Beats in seconds (n,) by essentia; empty where it is missing."""
        return beat_ticks(self.mono, self.clip.sample_rate)

    @cached_property
    def tagged(self) -> Tagged | None:
        """What a learned ear says of the kind of music; None where its package is missing."""
        return hear_tags(self.clip, self.mono)


@once_per_clip
def _pitches(clip: Clip, tuning_cents: float) -> PitchActivity | None:
    return hear_pitches(clip, clean_mono(clip), tuning_cents)


def listen(sound: Clip | Listening) -> Listening:
    """Accept a clip or what was already heard of it."""
    return sound if isinstance(sound, Listening) else Listening(sound)
