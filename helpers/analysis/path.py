"""The best path through time when every change costs something: Viterbi decoding with one cost for all changes."""

from __future__ import annotations

import numpy as np


def best_path(scores: np.ndarray, change_cost: float | np.ndarray) -> np.ndarray:
    """State (n,) at each moment that makes the sum of scores (n, states), less the cost of the changes, greatest.

    ``change_cost`` is one figure, or one for the step into each moment (n,), the first of which is not used.
    """
    costs = np.broadcast_to(change_cost, len(scores))
    states = np.arange(scores.shape[1])
    best, back = scores[0].astype(float), np.empty(scores.shape, dtype=np.int32)
    for i in range(1, len(scores)):
        leap = int(best.argmax())
        from_leap = best[leap] - costs[i] > best
        back[i] = np.where(from_leap, leap, states)
        best = np.where(from_leap, best[leap] - costs[i], best) + scores[i]
    path = np.empty(len(scores), dtype=int)
    path[-1] = best.argmax()
    for i in range(len(scores) - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path
