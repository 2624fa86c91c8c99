"""How many beats make a bar? For bars of five and seven: after how many eighths the accents return."""

from __future__ import annotations

import numpy as np

from .listening import NOTE_HOP_SECONDS, Listening
from .phase import note_change_at

EIGHTHS = {"4/4": 8, "3/4": 6, "5/4": 10, "7/4": 14, "7/8": 7}
ODD = ("5/4", "7/4", "7/8")
_CLEAR = 0.12  # by so much must the accents return better after an odd bar than after a common one


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


def odd_meter(heard: Listening, bpm: float, phase: float) -> str | None:
    """``5/4``, ``7/4`` or ``7/8`` where the accents clearly return after such a bar and not after a common one."""
    found = returns(heard, bpm, phase)

    def score(eighths: int) -> float:
        kept = [found[lag] for lag in (eighths, 2 * eighths) if lag in found]
        return float(np.mean(kept)) if kept else -1.0

    common = max(score(8), score(6), score(4), score(12))
    best = max(ODD, key=lambda name: score(EIGHTHS[name]))
    if best == "7/4" and score(7) > score(14) - _CLEAR:  # the shorter bar that says as much
        best = "7/8"
    return best if score(EIGHTHS[best]) > common + _CLEAR else None
