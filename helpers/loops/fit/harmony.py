"""Do the loop's notes agree with what sounds in the idea, half bar by half bar? Measured on both sounds."""

from __future__ import annotations

import numpy as np

from ...music.pitch import PITCH_NAMES
from ..findings import Findings
from .bars import Bars

AGREEMENT, CLASH = 12.0, 6.0  # of equal notes, and of notes a semitone apart: even spectra cancel to 0
LEAST_TONAL = 0.02  # below this share of narrow peaks nothing pitched sounds: drums, noise, speech


def agreement(loop: np.ndarray, idea: np.ndarray) -> np.ndarray:
    """Agreement minus clash of pitch classes (12, n) with pitch classes (12, n): (n,).

    0 is what any notes reach by chance, 1 and more shared notes, below 0 semitones against the idea's notes.
    """
    part, whole = (x / (x.sum(axis=0) + 1e-9) for x in (loop, idea))
    beside = np.roll(whole, 1, axis=0) + np.roll(whole, -1, axis=0)
    return AGREEMENT * (part * whole).sum(axis=0) - CLASH * (part * beside).sum(axis=0)


def weights(loop: np.ndarray, idea: np.ndarray) -> np.ndarray:
    """How much each half bar counts (n,): as both sound there."""
    return np.sqrt(loop.sum(axis=0) * idea.sum(axis=0)) + 1e-9


def mean_agreement(loop: np.ndarray, idea: np.ndarray) -> float:
    return float(np.average(agreement(loop, idea), weights=weights(loop, idea)))
