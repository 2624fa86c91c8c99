"""The weights of harmony and place, learnt from measured lines of loops that are known to fit or not to."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from helpers.loops.fit import harmony, place
from helpers.machine.weights import weights_text
from helpers.records import ROLES

# How much each kind weighs, whatever their numbers: parts that fit in notes, and those that do not.
OWN = "own stem over the rest"
FITTING = {"good": 0.5, OWN: 0.3, "jitter": 0.1, "30 ms late": 0.1}
# Soup is the hardest to tell, what is moved the easiest.
WRONG_NOTES = {"soup": 3.0, "fourth": 1.0, "other order": 0.5, "another idea": 0.5, "semitone": 0.5, "tritone": 0.5}
OWN_SHARE = 0.15  # people's stems against sketches, for place: they vary more, and a loop that is made is judged most
PENALTY_HARMONY, PENALTY_PLACE, PENALTY_ROLE = 0.01, 0.01, 0.05


def learn_harmony(lines: list[dict[str, Any]], let_fail: float) -> dict[str, float]:
    """A logistic regression on the harmony cues; even odds lie where the share ``let_fail`` of good takes is below."""
    from sklearn.linear_model import LogisticRegression

    used = [x for x in lines if x["harmony"] and (x["kind"] in FITTING or x["kind"] in WRONG_NOTES)]
    cues = np.array([[x["harmony"][name] for name in harmony.CUES] for x in used])
    fits = np.array([x["kind"] in FITTING for x in used])
    count = {kind: sum(x["kind"] == kind for x in used) for kind in {x["kind"] for x in used}}
    share = FITTING | {kind: weight / sum(WRONG_NOTES.values()) for kind, weight in WRONG_NOTES.items()}
    each = [share[x["kind"]] / count[x["kind"]] * len(used) for x in used]
    mean, spread = cues.mean(axis=0), cues.std(axis=0) + 1e-9
    model = LogisticRegression(C=PENALTY_HARMONY, max_iter=3000).fit((cues - mean) / spread, fits, sample_weight=each)
    slopes = model.coef_[0] / spread
    out = {name: float(slope) for name, slope in zip(harmony.CUES, slopes, strict=True)}
    good = cues[[x["kind"] == "good" for x in used]] @ slopes
    return out | {"intercept": -float(np.quantile(good, let_fail))}


def learn_place(lines: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """For each role a conditional logit: of all places within a beat, the one where the loop lies is right.

    Weights are learnt of all roles together first; those of a role, which has few loops, are drawn to them.
    """
    used = [x for x in lines if x["place"] and x["kind"] in ("good", OWN)]
    spread = np.concatenate([x["place"]["table"] for x in used]).std(axis=0) + 1e-9
    shared = _learn_places(used, spread, np.zeros(len(place.CUES)), PENALTY_PLACE)
    out = {}
    for role in ROLES:
        slopes = _learn_places([x for x in used if x["role"] == role] or used, spread, shared, PENALTY_ROLE) / spread
        out[role] = {name: float(slope) for name, slope in zip(place.CUES, slopes, strict=True)}
    return out


def _learn_places(used: list[dict[str, Any]], spread: np.ndarray, near: np.ndarray, penalty: float) -> np.ndarray:
    """The weights of cues in units of ``spread``, those ``near`` preferred by ``penalty``."""
    from scipy.optimize import minimize

    tables = [np.array(x["place"]["table"]) / spread for x in used]
    right = [x["place"]["lags"].index(0) for x in used]
    own = sum(x["kind"] == OWN for x in used)
    share = OWN_SHARE if 0 < own < len(used) else 0.5
    weight = [share / own if x["kind"] == OWN else (1 - share) / (len(used) - own) for x in used]

    def cost(slopes: np.ndarray) -> tuple[float, np.ndarray]:
        away = slopes - near
        total, slope = penalty * float(away @ away), 2 * penalty * away
        for rows, at, w in zip(tables, right, weight, strict=True):
            scores = rows @ slopes
            odds = np.exp(scores - scores.max())
            odds /= odds.sum()
            total -= w * float(np.log(odds[at] + 1e-12))
            slope = slope - w * (rows[at] - odds @ rows)
        return total, slope

    found: np.ndarray = minimize(cost, near, jac=True, method="L-BFGS-B").x
    return found


def weights_of(weights: dict[str, Any], folder: Path) -> str:
    """The file's text, with the data by its hash."""
    manifest = hashlib.sha256((folder / "manifest.csv").read_bytes()).hexdigest()
    data = f"all pieces of a manifest.csv with SHA-256 {manifest} and of a folder of stems"

    def rounded(of: dict[str, Any]) -> dict[str, Any]:
        return {n: rounded(x) if isinstance(x, dict) else float(f"{x:.4g}") for n, x in of.items()}

    return weights_text(rounded(weights), "benchmarks/fit/fit.py --write", data)
