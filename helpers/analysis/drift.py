"""Does the tempo move? A straight change of tempo over the clip, and the even time in which its beats are equal.

Conventions: played time is seconds of the clip; even time runs from 0 to the same length, with beats at equal distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..sound.features import NoteGram, OnsetBands
from .listening import NOTE_HOP_SECONDS, Listening

_MOST_CHANGE = 0.12  # of the tempo, over the whole clip
_LEAST_CHANGE = 0.012  # smaller is how people play
_BETTER = 1.15  # by so much must the onsets agree better with a moving grid than with a steady one
_LEAST_ONSETS, _LEAST_BEATS = 24, 16
_LONGEST_SECONDS = 120.0  # no player changes speed so evenly for longer


@dataclass(frozen=True)
class Drift:
    """``bpm`` in the middle; ``change`` of the tempo from start to end as a share of it; ``seconds`` of the clip."""

    bpm: float
    change: float
    seconds: float

    @property
    def ends_bpm(self) -> tuple[float, float]:
        return self.bpm * (1 - self.change / 2), self.bpm * (1 + self.change / 2)

    def even(self, played: np.ndarray) -> np.ndarray:
        return played + 0.5 * self.change * (played**2 / self.seconds - played)

    def played(self, even: np.ndarray) -> np.ndarray:
        moments = np.linspace(0.0, self.seconds, 4 * round(self.seconds) + 2)
        return np.interp(even, self.even(moments), moments)


def estimate_drift(heard: Listening, bpm: float) -> Drift | None:
    """The straight change of tempo with which the onsets agree clearly better than with one tempo; else None."""
    times, strengths = heard.onsets
    use = strengths > 0.08
    times, weights, seconds = times[use], np.sqrt(strengths[use]), heard.seconds
    if times.size < _LEAST_ONSETS or seconds * bpm / 60 < _LEAST_BEATS or seconds > _LONGEST_SECONDS:
        return None
    rates = bpm / 60 * np.exp(np.linspace(-0.03, 0.03, 121))

    def agreement(change: float) -> tuple[float, float]:
        even = times + 0.5 * change * (times**2 / seconds - times)
        turns = np.exp(-2j * np.pi * np.outer(rates, even))
        fit = sum(np.abs((turns**k) @ weights) for k in (1, 2, 4))
        best = int(fit.argmax())
        return float(fit[best]), float(60 * rates[best])

    changes = np.arange(-_MOST_CHANGE, _MOST_CHANGE + 1e-9, 0.005)
    fits = [agreement(change) for change in changes]
    steady, best = fits[changes.size // 2][0], int(np.argmax([fit for fit, _ in fits]))
    if abs(changes[best]) < _LEAST_CHANGE or fits[best][0] < _BETTER * steady:
        return None
    fine = [(agreement(change), change) for change in changes[best] + np.linspace(-0.004, 0.004, 9)]
    (_, found), change = max(fine)
    return Drift(found, float(change), seconds)


def evened(heard: Listening, drift: Drift) -> Listening:
    """What was heard, in even time: for everything that works on a steady grid."""
    out = Listening(heard.clip)

    def moved(curve: np.ndarray, rate: float) -> np.ndarray:
        """A curve (n,) or (rows, n) of that rate, read at the played moments of even time."""
        count = curve.shape[-1]
        at = drift.played(np.arange(count) / rate) * rate
        rows = np.atleast_2d(curve)
        return np.stack([np.interp(at, np.arange(count), row) for row in rows]).reshape(curve.shape)

    bands, notes = heard.bands, heard.notes
    low, mid, high = (moved(b, bands.rate) for b in (bands.low, bands.mid, bands.high))
    known: dict[str, object] = {
        "bands": OnsetBands(low, mid, high, bands.rate),
        "onsets": (drift.even(heard.onsets[0]), heard.onsets[1]),
        "notes": NoteGram(
            moved(notes.frames, 1 / NOTE_HOP_SECONDS), notes.times, notes.tuning_cents, notes.levels, notes.tonal_share
        ),
        "mono": heard.mono,
        "ticks": drift.even(heard.ticks),
    }
    out.__dict__.update(known)
    return out
