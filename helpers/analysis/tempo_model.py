"""Which candidate tempo a listener would tap, and in which meter: softmax models over the evidence table.

P(candidate) is proportional to exp(sum of weight * evidence): McFadden's conditional logit (1974). The weights were
fitted by ``benchmarks/train_hearing.py`` to clips of known tempo and meter: composed ones from its sister
``make_clips.py`` and the recorded ones it is given. Their accuracy on those recorded clips is therefore to be read from
that script's cross-validation, not from the fit.
"""

from __future__ import annotations

import numpy as np

from .evidence import NAMES
from .tempo_weights import METER_WEIGHTS, TEMPO_WEIGHTS


def tempo_probabilities(evidence: np.ndarray) -> np.ndarray:
    """Probability of each candidate (n,), sum 1, from the evidence table (n, len(NAMES))."""
    scores = evidence @ np.array([TEMPO_WEIGHTS[name] for name in NAMES])
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def meter_log_odds(evidence: np.ndarray) -> dict[str, float]:
    """Log odds of each meter, 4/4 = 0, from one row (len(NAMES),) of the evidence table."""
    row = dict(zip(NAMES, evidence.tolist(), strict=True)) | {"bias": 1.0}
    return {"4/4": 0.0} | {
        meter: sum(weight * row[name] for name, weight in weights.items()) for meter, weights in METER_WEIGHTS.items()
    }
