"""Which candidate tempo a listener would tap: a softmax over the evidence of :mod:`helpers.analysis.evidence`.

P(candidate) is proportional to exp(sum of weight * evidence): McFadden's conditional logit (1974). The weights were
fitted by ``benchmarks/train_tempo.py`` to clips of known tempo and are the only learnt numbers of the tempo analysis.
"""

from __future__ import annotations

import numpy as np

from .evidence import NAMES

WEIGHTS = {
    "log_bpm": -0.0051,
    "log_bpm_squared": -4.6927,
    "log_bpm_fourth": -3.6921,
    "pulse x0.25": 0.0212,
    "pulse x0.33": -0.0672,
    "pulse x0.50": -0.6312,
    "pulse x0.67": -0.4949,
    "pulse x1.00": 0.8063,
    "pulse x1.50": 0.2108,
    "pulse x2.00": 0.6546,
    "pulse x3.00": -0.0964,
    "pulse x4.00": 1.3880,
    "pulse x6.00": 1.5118,
    "pulse x8.00": -0.7096,
    "low pulse x0.25": 1.1071,
    "low pulse x0.50": -0.6883,
    "low pulse x1.00": 0.8784,
    "low pulse x2.00": 0.9530,
    "high pulse x1.00": -0.1092,
    "high pulse x2.00": 0.0044,
    "high pulse x4.00": -0.4404,
    "repeat 0.25 beats": 3.1612,
    "repeat 0.5 beats": 1.0853,
    "repeat 1 beats": 2.2001,
    "repeat 2 beats": 0.9869,
    "repeat 3 beats": 0.5324,
    "repeat 4 beats": 4.1900,
    "repeat 8 beats": 2.1179,
    "low repeat 1 beats": 1.6522,
    "low repeat 2 beats": -0.3544,
    "low repeat 4 beats": 2.8895,
    "notes repeat 1 beats": -0.9286,
    "notes repeat 2 beats": 3.5808,
    "notes repeat 3 beats": -0.5995,
    "notes repeat 4 beats": -2.6946,
    "notes repeat 8 beats": -2.7911,
    "note change x0.25": 3.4300,
    "note change x0.33": -0.1911,
    "note change x0.50": 2.4017,
    "note change x1.00": 2.0728,
    "note change x2.00": 0.6154,
    "intervals of 0.25": 2.3421,
    "intervals of 0.33": -0.3157,
    "intervals of 0.50": 4.8106,
    "intervals of 0.67": -0.6139,
    "intervals of 0.75": 0.8394,
    "intervals of 1.00": 1.5718,
    "intervals of 1.50": 6.8060,
    "intervals of 2.00": 2.3230,
    "log_density": 0.0010,
    "log_density_squared": 0.0429,
    "whole 4 beats": 0.3727,
    "whole 3 beats": -0.3523,
    "power of two beats": 0.6705,
    "whole beats": -0.4673,
}


def tempo_probabilities(evidence: np.ndarray) -> np.ndarray:
    """Probability of each candidate (n,), sum 1, from the evidence table (n, len(NAMES))."""
    scores = evidence @ np.array([WEIGHTS[name] for name in NAMES])
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()
