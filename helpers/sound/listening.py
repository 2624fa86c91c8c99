"""What every decision about a sound listens to, measured once: onsets by register, notes over time, where sound is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from ..records import Clip
from . import features

T = TypeVar("T")

NOTE_HOP_SECONDS = 0.05
EAR_LOWEST_NOTE, EAR_SURE = 21, 0.2  # of a learned ear: the MIDI note of its first row; what sounds so surely counts
STRUCK_FLUX = 4.5  # bowed and blown chords ripple below 4, struck and plucked notes start above 10
AUDIBLE = 0.01  # of the peak, -40 dB: a pad may fade in


class kept_property(cached_property[T]):
    """A cached property; threads that measure two sounds do not wait for each other, as in Python 3.11 they would."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        instance.__dict__[self.attrname] = value = self.func(instance)
        return value


@dataclass(frozen=True, eq=False)
class PitchActivity:
    """What a learned ear hears of 88 semitones from MIDI note 21 up: how surely each is ``sounding``, and begins.

    ``sounding`` and ``onsets`` are float32 (88, n), 0..1, at ``times`` in seconds (n,), ``frame_seconds`` apart.
    """

    sounding: np.ndarray
    onsets: np.ndarray
    times: np.ndarray
    frame_seconds: float

    @kept_property
    def chroma(self) -> np.ndarray:
        """Pitch classes (12, n), C first, of what sounds at least EAR_SURE."""
        out = np.zeros((12, self.times.size))
        classes = (np.arange(self.sounding.shape[0]) + EAR_LOWEST_NOTE) % 12
        np.add.at(out, classes, np.where(self.sounding > EAR_SURE, self.sounding, 0.0))
        return out


@dataclass(frozen=True, eq=False)
class Listening:
    """A clip and its measurements, each made when first asked for and kept.

    ``near_cents`` is the tuning that its own is near: half a semitone beside it, one cent decides which note is heard.
    """

    clip: Clip
    near_cents: float = 0.0

    @property
    def seconds(self) -> float:
        return self.clip.seconds

    @kept_property
    def mono(self) -> np.ndarray:
        """One channel in which nothing cancels, float32 (n,), peak 1, or zeros when silent."""
        return features.clean_mono(self.clip)

    @kept_property
    def _heard(self) -> Clip:
        """What is measured: the clip itself, of a long one the mono, which would be made again for each measure."""
        return self.clip if features.is_remembered(self.clip) else Clip(self.mono[None], self.clip.sample_rate)

    @kept_property
    def is_silent(self) -> bool:
        return not self.mono.any()

    @kept_property
    def bands(self) -> features.OnsetBands:
        return features.onset_bands(self._heard)

    @kept_property
    def onsets(self) -> features.Onsets:
        return features.onset_times(self._heard, self.bands)

    @kept_property
    def struck(self) -> features.Onsets:
        """The onsets without the ripples of held sound: those whose spectral flux reaches STRUCK_FLUX."""
        from scipy.ndimage import maximum_filter1d

        times, strengths = self.onsets
        frames = np.clip(np.round(times * self.bands.rate).astype(int), 0, self.bands.all.size - 1)
        real = maximum_filter1d(self.bands.all, 5)[frames] >= STRUCK_FLUX
        return features.Onsets(times[real], strengths[real])

    @kept_property
    def notes(self) -> features.NoteGram:
        return features.note_gram(self._heard, hop_seconds=NOTE_HOP_SECONDS, near_cents=self.near_cents)

    @kept_property
    def sound_span(self) -> tuple[float, float]:
        """First and last moment, in seconds, at which the sound is within 40 dB of its peak."""
        loud = np.flatnonzero(np.abs(self.mono) >= AUDIBLE)
        if not loud.size:
            return 0.0, self.seconds
        return float(loud[0] / self.clip.sample_rate), float((loud[-1] + 1) / self.clip.sample_rate)
