"""The best path: follows the scores, and changes only where a change pays."""

import numpy as np

from helpers.analysis.path import best_path


def test_a_change_must_pay_for_itself():
    scores = np.zeros((9, 2))
    scores[:4, 0] = scores[5:, 0] = 1.0
    scores[4, 1] = 1.5  # one moment says otherwise
    assert best_path(scores, 0.1).tolist() == [0] * 4 + [1] + [0] * 4
    assert best_path(scores, 1.0).tolist() == [0] * 9


def test_a_change_may_be_free_at_one_moment():
    scores = np.zeros((6, 3))
    scores[:3, 0] = 1.0
    scores[3:, 2] = 1.0
    costs = np.full(6, 9.0)
    assert best_path(scores, costs).tolist() in ([0] * 6, [2] * 6)
    costs[3] = 0.0
    assert best_path(scores, costs).tolist() == [0, 0, 0, 2, 2, 2]


def test_one_moment_is_its_best_state():
    assert best_path(np.array([[0.0, 2.0, 1.0]]), 5.0).tolist() == [1]
