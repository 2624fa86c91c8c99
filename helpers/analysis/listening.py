"""What every question about an idea listens to, computed once: onsets by register, notes over time, where sound is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..records import Clip
from ..sound import features
from .beats import hear_beats
from .estimators import beat_ticks
from .musicnn import hear_tags
from .transcribe import PitchActivity, hear_pitches

NOTE_HOP_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class Listening:
    """A clip and its measurements, each made when first asked for and kept."""

    clip: Clip

    @property
    def seconds(self) -> float:
        return self.clip.seconds

    @cached_property
    def mono(self) -> np.ndarray:
        """One channel in which nothing cancels, float32 (n,), peak 1, or zeros when silent."""
        return features.clean_mono(self.clip)

    @cached_property
    def _heard(self) -> Clip:
        return Clip(self.mono[None], self.clip.sample_rate)

    @cached_property
    def is_silent(self) -> bool:
        return not self.mono.any()

    @cached_property
    def bands(self) -> features.OnsetBands:
        return features.onset_bands(self._heard)

    @cached_property
    def onsets(self) -> tuple[np.ndarray, np.ndarray]:
        """Onset times in seconds and strengths 0..1."""
        return features.onset_times(self._heard, self.bands)

    @cached_property
    def notes(self) -> features.NoteGram:
        return features.note_gram(self._heard, hop_seconds=NOTE_HOP_SECONDS)

    @cached_property
    def pitches(self) -> PitchActivity | None:
        """What a learned ear hears of 88 pitches; None where its package is missing."""
        return hear_pitches(self.clip, self.mono)

    @cached_property
    def beat_activity(self) -> np.ndarray | None:
        """Beat and downbeat activations (n, 2) of a learned ear; None where its package is missing."""
        return hear_beats(self.clip, self.mono)

    @cached_property
    def ticks(self) -> np.ndarray:
        """Beats in seconds (n,) by essentia; empty where it is missing."""
        return beat_ticks(self.mono, self.clip.sample_rate)

    @cached_property
    def tags(self) -> dict[str, dict[str, float]] | None:
        """Tags 0..1 by model and name of a learned ear; None where its package is missing."""
        return hear_tags(self.clip, self.mono)

    @cached_property
    def sound_span(self) -> tuple[float, float]:
        """First and last moment, in seconds, at which the sound is within 40 dB of its peak (a pad may fade in)."""
        loud = np.flatnonzero(np.abs(self.mono) >= 0.01)
        if not loud.size:
            return 0.0, self.seconds
        return float(loud[0] / self.clip.sample_rate), float((loud[-1] + 1) / self.clip.sample_rate)


def listen(sound: Clip | Listening) -> Listening:
    """Accept a clip or what was already heard of it."""
    return sound if isinstance(sound, Listening) else Listening(sound)
