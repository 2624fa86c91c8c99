"""How many beats make a bar? Five or seven, by the eighths after which the accents return; 12/8, by its thirds."""

from __future__ import annotations

import numpy as np

from .listening import NOTE_HOP_SECONDS, Listening
from .phase import note_change_at

ODD = {"5/4": 10, "7/4": 14, "7/8": 7}  # eighths
_CLEAR = 0.12  # by so much must the accents return better after an odd bar than after a common one
# Of the onsets on the beat: both thirds of it hold so many, and twice as many as its halves and quarters. Of 150 clips
# of songs in 4/4 none comes near.
_THIRDS = 0.25
_NEAR = 0.07  # of a beat
# At such log odds of 6/8 so many onsets on the thirds against the halves and quarters are enough; of 411 songs and
# loops in 4/4 one has them.
_LEAN_LOG_ODDS = -2.0
_COMPOUND, _BY_TEMPO = 0.10, 0.02  # least difference of two returns; of it, for one log odds of the slower tempo


def returns(heard: Listening, bpm: float, phase: float) -> dict[int, float]:
    """Mean cosine of the accents with themselves so many eighths (3 to 16) later, less the mean over all these lags."""
    eighth = 30.0 / bpm
    count = int((heard.seconds - phase) / eighth)
    lags = [lag for lag in range(3, 17) if count >= 2 * lag]
    if not lags or heard.is_silent:
        return {}
    bands = heard.bands
    moments = phase + eighth * np.arange(count)
    reach = max(1, round(0.2 * eighth * bands.rate))
    at = np.round(moments * bands.rate).astype(int)

    def near(envelope: np.ndarray) -> np.ndarray:
        found = np.array([envelope[max(0, a - reach) : a + reach + 1].max(initial=0.0) for a in at])
        return (found - found.mean()) / (found.std() + 1e-9)

    change = note_change_at(heard, moments, max(NOTE_HOP_SECONDS, eighth))
    rows = [near(np.sqrt(band)) for band in (bands.low, bands.mid, bands.high)]
    rows.append(min(1.0, heard.notes.tonal_share / 0.15) * (change - change.mean()) / (change.std() + 1e-9))
    vectors = np.stack(rows)
    found = {lag: float((vectors[:, lag:] * vectors[:, :-lag]).mean()) for lag in lags}
    mean = float(np.mean(list(found.values())))
    return {lag: value - mean for lag, value in found.items()}


def odd_meter(heard: Listening, bpm: float, phase: float, compound_log_odds: float = -np.inf) -> str | None:
    """The metre of what is counted in 4/4 at first, or None.

    ``12/8`` where its beats divide in three, ``6/8`` where they may and the metre model leans to it
    (``compound_log_odds`` against 4/4); ``5/4``, ``7/4`` or ``7/8`` where the accents clearly return after such a bar
    and not after a common one.
    """
    beat, thirds, others = _divisions(heard, bpm, phase)
    if thirds > max(_THIRDS * beat, 2.0 * others, 1e-9):
        return "12/8"
    if compound_log_odds > _LEAN_LOG_ODDS and thirds > _THIRDS * others:
        return "6/8"
    found = returns(heard, bpm, phase)

    def score(eighths: int) -> float:
        kept = [found[lag] for lag in (eighths, 2 * eighths) if lag in found]
        return float(np.mean(kept)) if kept else -1.0

    common = max(score(8), score(6), score(4), score(12))
    best = max(ODD, key=lambda name: score(ODD[name]))
    if best == "7/4" and score(7) > score(14) - _CLEAR:  # the shorter bar that says as much
        best = "7/8"
    return best if score(ODD[best]) > common + _CLEAR else None


def is_compound(heard: Listening, bpm: float, phase: float, slower_log_odds: float) -> bool:
    """Whether what is counted in quarters at ``bpm`` is 6/8 at two thirds of it: its accents return after three eighths
    rather than four, and after six rather than eight. ``slower_log_odds``: of that tempo against this one.
    """
    found = returns(heard, bpm, phase)
    if not {3, 4, 6, 8} <= found.keys():
        return False
    return found[6] > found[8] and found[3] - found[4] + _BY_TEMPO * slower_log_odds > _COMPOUND


def _divisions(heard: Listening, bpm: float, phase: float) -> tuple[float, float, float]:
    """Onset strength on the beat, the weaker third (a shuffle leaves out the first), the half and the quarters."""
    times, strengths = heard.onsets
    place = (times - phase) * bpm / 60.0

    def near(share: float) -> float:
        return float(np.sqrt(strengths[np.abs((place - share + 0.5) % 1.0 - 0.5) < _NEAR]).sum())

    return near(0.0), min(near(1 / 3), near(2 / 3)), near(0.25) + near(0.5) + near(0.75)
