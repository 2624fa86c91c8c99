"""A sound on its bars: a loop, or the bars of an idea that a loop was made for, with what is heard in each.

Both are circles of whole bars, so that a loop can be laid over the idea moment by moment whatever the tempo of either
file. Everything is measured when it is first asked for and kept: the takes of one idea share the idea's side.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...music.meter import Meter, bar_seconds
from ...records import Analysis, Clip, Request
from ...records.analysis import RATIO_TOLERANCE, SAME_SOUND_RATIOS
from ...sound.features import NoteGram, OnsetBands, note_gram, onset_bands
from ..hearing import Onsets, hear_onsets

NOTE_HOP_SECONDS = 0.05
NOTE_RATE = 11_025
LOWEST_HZ, BANDS_PER_SEMITONE = 65.41, 3  # C2: below it loudspeakers and analyses hear kicks
BANDS = 84 * BANDS_PER_SEMITONE  # seven octaves, of which the lowest five are kept
HIGHEST_BAND, OCTAVE_NOTES = 60, 9


@dataclass(frozen=True, eq=False)
class Bars:
    """``bars`` whole bars of ``meter`` that fill ``clip``; semitones are counted from A4 = 440 Hz + ``tuning_cents``."""

    clip: Clip
    bars: int
    meter: Meter
    tuning_cents: float = 0.0

    @property
    def steps(self) -> int:
        """Sixteenths in all."""
        return self.bars * self.meter.steps_per_bar

    @property
    def step_seconds(self) -> float:
        return self.clip.seconds / self.steps

    @cached_property
    def envelope(self) -> OnsetBands:
        return onset_bands(self.clip)

    @cached_property
    def onsets(self) -> Onsets:
        return hear_onsets(self.clip, self.envelope)

    @cached_property
    def notes(self) -> NoteGram:
        return note_gram(self.clip, hop_seconds=NOTE_HOP_SECONDS)

    @cached_property
    def half_bars(self) -> np.ndarray:
        """Pitch classes of each half bar (12, 2 * bars), row 0 = C: the peaks of one spectrum of the whole half bar.

        A constant-Q view (Brown, JASA 1991) of a window as long as what is asked about, so that a bass's semitones are
        told apart; the median of an octave is taken off, which leaves what stands out of drums and noise.
        """
        from scipy.ndimage import median_filter
        from scipy.signal import resample_poly

        factor = max(1, self.clip.sample_rate // NOTE_RATE)
        mono = resample_poly(self.clip.mono(), 1, factor)
        rate = self.clip.sample_rate / factor
        count = 2 * self.bars
        semitones = np.arange(BANDS + 1) / BANDS_PER_SEMITONE - 0.5 + self.tuning_cents / 100
        edges_hz = LOWEST_HZ * 2 ** (semitones / 12)
        out = np.zeros((12, count))
        for number, part in enumerate(np.array_split(mono, count)):
            size = max(1 << 15, 1 << (part.size - 1).bit_length())
            spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size), size)) / part.size
            edges = np.searchsorted(np.arange(spectrum.size) * (rate / size), edges_hz)
            bands = np.maximum.reduceat(spectrum, np.minimum(edges, spectrum.size - 1))[:-1]
            notes = bands.reshape(-1, BANDS_PER_SEMITONE).max(axis=1)
            notes = np.maximum(notes - median_filter(notes, OCTAVE_NOTES), 0)[:HIGHEST_BAND]
            out[:, number] = notes.reshape(-1, 12).sum(axis=0)
        return out

    @cached_property
    def note_steps(self) -> np.ndarray:
        """How strongly each note sounds in each sixteenth (84, steps), MIDI 24 to 107."""
        place = np.minimum((self.notes.times / self.step_seconds).astype(int), self.steps - 1)
        sums = np.zeros((self.notes.frames.shape[0], self.steps))
        np.add.at(sums.T, place, self.notes.frames.T)
        return sums / np.maximum(np.bincount(place, minlength=self.steps), 1)


@dataclass(eq=False)
class IdeaSide:
    """The idea as the fit card hears it: its sound, its analysis, and the bars measured so far."""

    clip: Clip
    analysis: Analysis
    _bars: dict[tuple[float, str, int], Bars | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def bars_for(self, request: Request) -> Bars | None:
        """The bars that a loop of ``request`` is laid over; None where the idea has no tempo or no whole bar.

        They start at the idea's first downbeat. An idea shorter than the loop goes round again.
        """
        key = (request.bpm, request.meter, request.bars)
        with self._lock:
            if key not in self._bars:
                self._bars[key] = self._cut(request)
            return self._bars[key]

    def _cut(self, request: Request) -> Bars | None:
        tempo = self.analysis.tempo
        if tempo.bpm is None:
            return None
        ratio = request.bpm / tempo.bpm
        reread = any(abs(ratio / same - 1) < RATIO_TOLERANCE for same in SAME_SOUND_RATIOS)
        bpm = request.bpm if reread else tempo.bpm
        bar = bar_seconds(bpm, request.time) * self.clip.sample_rate
        start = (tempo.downbeats[0] if tempo.downbeats else 0.0) * self.clip.sample_rate
        whole = min(request.bars, int((self.clip.length - start) / bar + 0.1))
        if whole < 1:
            return None
        first, last = round(start), round(start + whole * bar)
        samples = self.clip.samples[:, max(first, 0) : last].mean(axis=0, keepdims=True)
        samples = np.pad(samples, ((0, 0), (max(-first, 0), max(0, last - self.clip.length))))
        length = round(request.bars * bar)
        repeated = np.tile(samples, (1, -(-length // samples.shape[1])))[:, :length]
        clip = Clip(np.ascontiguousarray(repeated, np.float32), self.clip.sample_rate)
        return Bars(clip, request.bars, request.time, self.tuning_cents)

    @property
    def tuning_cents(self) -> float:
        return self.analysis.key.tuning_cents if self.analysis.key else 0.0
