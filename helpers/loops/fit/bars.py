"""A sound on its bars: a loop, or the bars of an idea that a loop was made for, with what is heard in each.

Both are circles of whole bars, so that a loop can be laid over the idea moment by moment whatever the tempo of either
file. Everything is measured when it is first asked for and kept: the takes of one idea share the idea's side.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...music.meter import Meter, bar_seconds
from ...records import Analysis, Clip, Request
from ...records.analysis import tempo_ratio
from ...sound.channels import heard_mono
from ...sound.features import OnsetBands, Onsets, is_remembered, onset_bands, onset_times
from ...sound.levels import loudness_lufs
from ...sound.listening import EAR_LOWEST_NOTE, EAR_SURE, Listening, PitchActivity, kept_property
from ..find import distances

ERB_NUMBERS = np.arange(2.0, 37.0)  # Glasberg & Moore 1990: 53 Hz to 10.6 kHz
# Onsets at least this strong, of the 90th percentile and of the strongest there can be, are strokes.
STRONG, LEAST_STRENGTH = 0.25, 0.15
LEAD_FRAMES = 20  # of onsets, 0.1 s: more than they look back, and than a threshold reaches
EARLY_SECONDS = 0.03  # a stroke so shortly before the seam is that of beat 1
WHOLE_SHARE = 0.003  # a file this near to whole bars of a tempo was cut to it


@dataclass(frozen=True, eq=False, kw_only=True)
class Bars(Listening):
    """``bars`` whole bars of ``meter`` that fill ``clip``, in a tuning near ``near_cents``."""

    bars: int
    meter: Meter

    @property
    def steps(self) -> int:
        """Sixteenths in all."""
        return self.bars * self.meter.steps_per_bar

    @property
    def step_seconds(self) -> float:
        return self.clip.seconds / self.steps

    @kept_property
    def _turning(self) -> tuple[Clip, OnsetBands]:
        """The loop as it is heard while it goes round, between its last and its first LEAD_FRAMES, and their onsets.

        Alone, a note that is held over the seam would start with a stroke.
        """
        rate = self.clip.sample_rate
        lead = LEAD_FRAMES * max(1, round(0.005 * rate))
        clip = Clip(np.pad(self.clip.samples, ((0, 0), (lead, lead)), mode="wrap"), rate)
        return clip, onset_bands(clip)

    @kept_property
    def bands(self) -> OnsetBands:
        found = self._turning[1]
        low, mid, high = (x[LEAD_FRAMES:-LEAD_FRAMES] for x in (found.low, found.mid, found.high))
        return OnsetBands(low, mid, high, found.rate)

    @kept_property
    def onsets(self) -> Onsets:
        times, strengths = onset_times(*self._turning)
        times = times - LEAD_FRAMES / self.bands.rate
        inside = (times >= -EARLY_SECONDS) & (times < self.seconds - EARLY_SECONDS)
        return Onsets(np.maximum(times[inside], 0.0), strengths[inside])

    @property
    def strong(self) -> Onsets:
        """The onsets that a listener hears as strokes: see STRONG and LEAST_STRENGTH."""
        times, strengths = self.struck
        least = max(STRONG * np.percentile(strengths, 90), LEAST_STRENGTH) if times.size else 0.0
        return Onsets(times[strengths >= least], strengths[strengths >= least])

    @kept_property
    def note_steps(self) -> np.ndarray:
        """How strongly each note sounds in each sixteenth (84, steps), overtones explained away; the first is C1."""
        at = np.minimum((self.notes.times / self.step_seconds).astype(int), self.steps - 1)
        return _step_means(self.notes.frames, at, self.steps)

    @kept_property
    def chroma_steps(self) -> np.ndarray:
        """Pitch classes in each sixteenth (12, steps), row 0 = C."""
        return self.note_steps.reshape(-1, 12, self.steps).sum(axis=0)

    @kept_property
    def half_bars(self) -> np.ndarray:
        """Pitch classes in each half bar (12, 2 * bars)."""
        return self.chroma_steps.reshape(12, 2 * self.bars, -1).mean(axis=2)

    @kept_property
    def beats(self) -> np.ndarray:
        """Pitch classes in each beat (12, beats), each beat of length 1, whatever its loudness."""
        beats = np.array_split(self.chroma_steps, round(self.bars * self.meter.beats_per_bar), axis=1)
        means = np.array([beat.mean(axis=1) for beat in beats]).T
        return means / (np.linalg.norm(means, axis=0) + 1e-9)

    @kept_property
    def new_notes(self) -> np.ndarray:
        """How much sounds in each sixteenth that did not in the one before, note by note (steps,)."""
        return np.maximum(self.note_steps - np.roll(self.note_steps, 1, axis=1), 0).sum(axis=0)

    def note_change(self, reach: int) -> np.ndarray:
        """How much the notes of ``reach`` sixteenths from each one on differ from those of as many before (steps,)."""
        sums = np.cumsum(np.tile(self.chroma_steps, 3), axis=1)
        at = np.arange(self.steps) + self.steps - 1
        before, after = (sums[:, at] - sums[:, at - reach]).T, (sums[:, at + reach] - sums[:, at]).T
        return distances(before, after)

    @kept_property
    def folded(self) -> Clip:
        """In one channel, as an idea's bars are kept: a channel alone is 3 dB softer than two that are alike."""
        return Clip(heard_mono(self.clip.samples)[None], self.clip.sample_rate)

    @kept_property
    def loudness_lufs(self) -> float | None:
        return loudness_lufs(self.folded)

    @kept_property
    def erb_beats(self) -> np.ndarray:
        """Power in each ERB band of each beat (bands, beats)."""
        mono, rate = self.folded.samples[0], self.clip.sample_rate
        edges_hz = (10 ** (ERB_NUMBERS / 21.4) - 1) / 0.00437
        beats = []
        for part in np.array_split(mono, round(self.bars * self.meter.beats_per_bar)):
            power = np.square(np.abs(np.fft.rfft(part)))
            edges = np.searchsorted(np.arange(power.size) * rate / part.size, edges_hz)
            beats.append([power[a:b].sum() / mono.size for a, b in itertools.pairwise(edges)])
        return np.array(beats).T

    @kept_property
    def accents(self) -> dict[str, np.ndarray]:
        """The strongest onset around each sixteenth, natural log (steps,), in ``all`` and by register."""
        half = round(0.5 * self.step_seconds * self.bands.rate)
        centres = np.round(np.arange(self.steps) * self.step_seconds * self.bands.rate).astype(int)
        around = (centres[:, None] + np.arange(-half, half)) % self.bands.all.size
        return {n: np.log1p(getattr(self.bands, n)[around].max(axis=1)) for n in ("all", "low", "mid", "high")}


@dataclass(frozen=True, eq=False, kw_only=True)
class IdeaBars(Bars):
    """The bars of an idea: what a learned ear hears in its sixteenths (88, steps) counts as much as our own notes.

    Under loud drums our own find little that stands out.
    """

    ear: np.ndarray | None = None

    @kept_property
    def chroma_steps(self) -> np.ndarray:
        own = super().chroma_steps
        if self.ear is None:
            return own
        heard = np.zeros_like(own)
        np.add.at(heard, (np.arange(len(self.ear)) + EAR_LOWEST_NOTE) % 12, self.ear)
        return sum(x / (x.sum(axis=0).mean() + 1e-9) for x in (own, heard))


def place_in_idea(request: Request, analysis: Analysis, seconds: float) -> tuple[float, float]:
    """Where a loop lies in its idea of ``seconds``: the second of its first bar, and its tempo there.

    It starts at the idea's first downbeat. Where the tempo asked for is no other reading of the one heard, it is taken
    for a correction if the idea is whole bars of it; else the idea keeps its own tempo, as if a DAW stretched the loop
    to it.
    """
    tempo = analysis.tempo
    reread = tempo.bpm is not None and tempo_ratio(request.bpm, tempo.bpm) is not None
    whole = seconds / bar_seconds(request.bpm, request.time)
    corrected = round(whole) >= 1 and abs(whole / round(whole) - 1) < WHOLE_SHARE
    first = tempo.downbeats[0] if tempo.downbeats and (reread or not corrected) else 0.0
    return first, request.bpm if reread or corrected or tempo.bpm is None else tempo.bpm


@dataclass(eq=False)
class IdeaSide:
    """The idea as the fit card hears it: its sound, its analysis, and the bars measured so far."""

    clip: Clip
    analysis: Analysis
    ear: Callable[[Clip], PitchActivity | None] = lambda clip: None
    _bars: dict[tuple[float, str, int], IdeaBars | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def bars_for(self, request: Request) -> IdeaBars | None:
        """The bars that a loop of ``request`` is laid over; None where the idea has no tempo or no whole bar.

        An idea shorter than the loop goes round again.
        """
        key = (request.bpm, request.meter, request.bars)
        with self._lock:
            if key not in self._bars:
                self._bars[key] = self._cut(request)
            return self._bars[key]

    def _cut(self, request: Request) -> IdeaBars | None:
        if self.analysis.tempo.bpm is None:
            return None
        first, bpm = place_in_idea(request, self.analysis, self.clip.seconds)
        bar = bar_seconds(bpm, request.time) * self.clip.sample_rate
        start = first * self.clip.sample_rate
        count = min(request.bars, int((self.clip.length - start) / bar + 0.1))
        if count < 1:
            return None
        first, last = round(start), round(start + count * bar)
        samples = heard_mono(self.clip.samples[:, max(first, 0) : last])[None]
        samples = np.pad(samples, ((0, 0), (max(-first, 0), max(0, last - self.clip.length))))
        length = round(request.bars * bar)
        repeated = np.tile(samples, (1, -(-length // samples.shape[1])))[:, :length]
        cut = Clip(np.ascontiguousarray(repeated, np.float32), self.clip.sample_rate)
        ear = self._ear_steps(first, count, bar, request)
        return IdeaBars(cut, request.tuning_cents, bars=request.bars, meter=request.time, ear=ear)

    def _ear_steps(self, first: int, count: int, bar: float, request: Request) -> np.ndarray | None:
        """What the learned ear hears in each sixteenth (88, steps), those of ``count`` bars of the idea repeated."""
        start, part, rate = 0, self.clip, self.clip.sample_rate
        if not is_remembered(part):  # what the analysis heard of a short idea is; of a long one these bars are enough
            start = max(first, 0)
            part = Clip(part.samples[:, start : round(first + count * bar)], rate)
        activity = self.ear(part)
        if activity is None:
            return None
        steps = count * request.time.steps_per_bar
        at = np.floor((activity.times * rate + start - first) / (count * bar) * steps).astype(int)
        inside = (at >= 0) & (at < steps)
        sure = np.where(activity.sounding > EAR_SURE, activity.sounding, 0.0)[:, inside]
        return _step_means(sure, at[inside], steps)[:, np.arange(request.bars * request.time.steps_per_bar) % steps]


def _step_means(frames: np.ndarray, at: np.ndarray, steps: int) -> np.ndarray:
    """The mean of the columns of ``frames`` (rows, n) that lie ``at`` each step (rows, steps); 0 where none does."""
    sums = np.zeros((steps, len(frames)))
    np.add.at(sums, at, frames.T)
    return sums.T / np.maximum(np.bincount(at, minlength=steps), 1)


def likeness(rows: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Correlation (-1..1) of each row (n, steps) with ``other`` (steps,); 0 where one of them never changes."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    other = other - other.mean()
    norm = np.linalg.norm(rows, axis=-1) * np.linalg.norm(other)
    return rows @ other / (norm + 1e-9)


def returns_alike(own: np.ndarray, other: np.ndarray) -> float:
    """How far what returns in ``other`` (rows, n) returns in ``own`` (rows, n), -1..1.

    Correlation of the distances between all columns of one sound with those between the same columns of the other.
    """
    first, second = np.triu_indices(own.shape[1], 1)
    apart = [np.linalg.norm(x[:, first] - x[:, second], axis=0) for x in (own, other)]
    return float(likeness(apart[0][None], apart[1])[0])
