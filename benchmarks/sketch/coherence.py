"""How coherent are a part and an idea? One score for every role and for every control, from the recording itself.

    coherence = (harmony + rhythm) / 2        for pitched parts
    coherence = rhythm                        where either has no pitches (drums)

harmony
    Mean, over the half bars in which both sound, of the Bhattacharyya coefficient ``sum(sqrt(p * q))`` of the two
    pitch-class distributions: ``p`` the part's (time that each pitch class sounds), ``q`` the recording's chroma
    (Bhattacharyya 1943; 1 = the same distribution, 0 = nothing in common). A part that leaves out most of the harmony
    covers little of ``q`` and scores less than one that voices it; so does one that plays what the idea does not.
rhythm
    How much of the recording's onset strength the part's onsets explain *beyond the metre*. The idea's onset strength
    on every sixteenth (SuperFlux, square root, in three registers) is regressed on the metre alone (bars, half bars,
    beats, eighths, sixteenths: the levels of Longuet-Higgins & Lee 1984) and then on the metre and the onsets of the
    part's lower and upper notes. The share of the remaining variance that goes, adjusted for the number of regressors
    (adjusted partial R², Ezekiel 1930), is averaged over the registers. Sitting on the accents and answering in the
    gaps both explain them. 0 is chance, for a part that only marks the metre or has nothing to do with the idea; it may
    fall below.

No weight is fitted. Which variant of each measure is used (square roots, registers, adjustment) was chosen on MIDI
songs by other hands, before any part of ours was scored with it; stems of other pieces only confirmed it. Both checks
are in ``coherence_check``: parts that belong together must score above parts that do not, and musicians' parts above
naive ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from helpers.music.meter import Meter, bar_seconds
from helpers.records import Clip, Note
from helpers.sound.features import note_gram, onset_bands

EARLY_QUARTERS = 0.08  # a note this little before a half bar belongs to it


@dataclass(frozen=True, eq=False)
class Grid:
    """A sound on the grid: ``onsets`` (steps, k) strengths >= 0 in k registers, ``halves`` (2 * bars, 12) pitch classes
    (all zero where nothing is pitched)."""

    meter: Meter
    bars: int
    onsets: np.ndarray
    halves: np.ndarray

    def first(self, bars: int) -> Grid:
        """Its first ``bars`` bars, going round when it has fewer."""
        rounds = -(-bars // self.bars)
        steps = bars * self.meter.steps_per_bar
        onsets, halves = (np.tile(v, (rounds, 1)) for v in (self.onsets, self.halves))
        return Grid(self.meter, bars, onsets[:steps], halves[: 2 * bars])

    def transposed(self, semitones: int) -> Grid:
        return Grid(self.meter, self.bars, self.onsets, np.roll(self.halves, semitones, axis=1))


def grid_of_audio(clip: Clip, *, bpm: float, meter: Meter, start: float = 0.0, most_bars: int = 16) -> Grid:
    """What a recording does on a grid that begins ``start`` seconds into it, as many whole bars as there are."""
    bar, size = bar_seconds(bpm, meter), meter.steps_per_bar
    bars = max(1, min(most_bars, int((clip.seconds - start) / bar + 0.1)))
    bands = onset_bands(clip)
    times = np.arange(bands.all.size) / bands.rate
    edges = start + (np.arange(bars * size + 1) - 0.5) * bar / size
    onsets = np.array([_pooled(b[None], times, edges, np.max)[:, 0] for b in (bands.low, bands.mid, bands.high)]).T
    heard = note_gram(clip)
    halves = _pooled(heard.chroma(), heard.times, start + np.arange(2 * bars + 1) * bar / 2, np.mean)
    return Grid(meter, bars, onsets, halves)


def _pooled(frames: np.ndarray, times: np.ndarray, edges: np.ndarray, how) -> np.ndarray:
    """``frames`` (k, n) pooled between the edges: (len(edges) - 1, k)."""
    at = np.searchsorted(times, edges)
    empty = np.zeros(len(frames))
    return np.array([how(frames[:, a:b], axis=1) if b > a else empty for a, b in pairwise(at)])


def grid_of_notes(notes: Sequence[Note], *, meter: Meter, bars: int, pitched: bool = True) -> Grid:
    """A part on the grid: the onsets of its notes up to and above their median pitch, and the time of its pitches."""
    steps = bars * meter.steps_per_bar
    half = meter.steps_per_bar / 8
    onsets, halves = np.zeros((steps, 2)), np.zeros((2 * bars, 12))
    middle = float(np.median([n.pitch for n in notes])) if notes else 0.0
    for n in notes:
        onsets[min(round(n.start * 4), steps - 1), int(n.pitch > middle)] += n.velocity / 127
        if pitched:
            last = min(int((n.start + n.length - 1e-6) // half), 2 * bars - 1)
            for i in range(int((n.start + EARLY_QUARTERS) // half), last + 1):
                halves[i, n.pitch % 12] += max(0.0, min(n.start + n.length, (i + 1) * half) - max(n.start, i * half))
    return Grid(meter, bars, onsets, halves)


def harmony(part: Grid, idea: Grid) -> float | None:
    """Mean Bhattacharyya coefficient over the half bars where both have pitches; None where there are none."""
    sums = part.halves.sum(axis=1), idea.halves.sum(axis=1)
    both = (sums[0] > 0) & (sums[1] > 0)
    if not both.any():
        return None
    p, q = (grid.halves[both] / s[both, None] for grid, s in zip((part, idea), sums, strict=True))
    return float(np.sqrt(p * q).sum(axis=1).mean())


def rhythm(part: Grid, idea: Grid) -> float:
    """Adjusted partial R² of the idea's onsets given the metre, explained by the part's; mean over registers."""
    metre = _metre(idea.meter, idea.bars)
    played = _beyond(np.sqrt(part.onsets), metre)
    heard = _beyond(np.sqrt(idea.onsets / np.maximum(idea.onsets.max(axis=0), 1e-9)), metre)
    played = played[:, np.linalg.norm(played, axis=0) > 1e-6]
    heard = heard[:, np.linalg.norm(heard, axis=0) > 1e-6]
    if not played.size or not heard.size:
        return 0.0
    answer, _, rank, _ = np.linalg.lstsq(played, heard, rcond=1e-6)
    left = ((heard - played @ answer) ** 2).sum(axis=0) / (heard**2).sum(axis=0)
    freedom = len(heard) - metre.shape[1]
    return float(np.mean(1.0 - left * freedom / max(1, freedom - rank)))


def _metre(meter: Meter, bars: int) -> np.ndarray:
    """An orthonormal basis (steps, 5) of what depends on the metre alone."""
    step = np.arange(bars * meter.steps_per_bar) % meter.steps_per_bar
    levels = (1, 2, meter.steps_per_beat, meter.steps_per_bar // 2, meter.steps_per_bar)
    basis, pivots = np.linalg.qr(np.array([step % level == 0 for level in levels], dtype=float).T)
    return basis[:, np.abs(np.diag(pivots)) > 1e-9]


def _beyond(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return values - basis @ (basis.T @ values)


def coherence(part: Grid, idea: Grid) -> float:
    """The score of the module's head; both grids must be equally long."""
    together = harmony(part, idea)
    return rhythm(part, idea) if together is None else (together + rhythm(part, idea)) / 2
