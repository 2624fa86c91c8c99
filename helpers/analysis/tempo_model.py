"""Which candidate tempo a listener would tap, and how far to trust it: a softmax model over the evidence table.

P(candidate) is proportional to exp(sum of weight * evidence): McFadden's conditional logit (1974).

The numbers in ``weights/tempo.json`` are what ``training/train_hearing.py --write`` made of the clips named there:
loops, mixes and renders by other hands, and five sets by ``training/make_clips.py`` (seeds 101 and 303 through one
General MIDI SoundFont, 202 and 404 through another; parts, drums, folk tunes, excerpts of scores, sounds without a
tempo; seed 505 shuffled). The confidence was fitted to answers by weights that had not seen the clip's origin.
"""

from __future__ import annotations

import numpy as np

from ..machine.weights import load_weights
from .evidence import TEMPO_NAMES


def tempo_probabilities(evidence: np.ndarray) -> np.ndarray:
    """Probability of each candidate (n,), sum 1, from the evidence table (n, len(NAMES))."""
    learnt = load_weights(__package__, "tempo")
    scores = evidence[:, : len(TEMPO_NAMES)] @ np.array([learnt["tempo"][name] for name in TEMPO_NAMES])
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def trust_evidence(probability: float, agreement: float, onsets: int, *, is_loop: bool) -> np.ndarray:
    """What speaks for trusting a tempo (6,): 1, the log odds of the tempo model, how well the onsets keep to the grid,
    ln of their number (at most 32, by 8), whether they are three at least, and whether the file is an exact loop."""
    bounded = min(max(probability, 1e-3), 1 - 1e-3)
    log_odds = np.log(bounded / (1 - bounded))
    return np.array([1.0, log_odds, agreement, np.log((1 + min(onsets, 32)) / 8), float(onsets >= 3), float(is_loop)])


def tempo_confidence(evidence: np.ndarray) -> float:
    """Probability 0..1 that a tempo is right: a logistic regression on :func:`trust_evidence`.

    The tempo model alone only says which candidate is best, and would be sure of one among bad ones; this was fitted to
    its answers on clips it had not seen, some of which have no tempo at all.
    """
    return float(1.0 / (1.0 + np.exp(-float(evidence @ np.array(load_weights(__package__, "tempo")["confidence"])))))
