"""Fit the few learnt numbers of the hearing: the tempo, meter and key weights, from clips of known truth.

    python benchmarks/train_hearing.py MANIFEST [MANIFEST ...] [--write] [--jobs 2]

Manifests as ``analysis.py`` reads them, with ``meter`` where it is known; those of ``make_clips.py`` and any of real
audio. Three models, each a conditional logit (McFadden 1974) with an L2 penalty, fitted by L-BFGS: which candidate is
the tempo, which meter it is in, which of 24 keys. Printed: the share right by five-fold cross-validation, all clips of
one origin in one fold, for each manifest apart. With ``--write`` the fit to everything is written to
``helpers/analysis/tempo_weights.py`` and ``helpers/analysis/key_profiles.py``. Recorded manifests (any whose rows name
a ``licence``) weigh three times for tempo and twice for key, since they are few.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from analysis import origin_of, read_manifest
from scipy.optimize import minimize

from helpers import features
from helpers.analysis.evidence import NAMES, tempo_evidence
from helpers.analysis.key import VIEWS, key_evidence
from helpers.analysis.listening import Listening
from helpers.analysis.precise import settle_tempo
from helpers.analysis.pulse import find_candidates
from helpers.analysis.tempo import strong_onsets
from helpers.analysis.tempo_model import trust_evidence
from helpers.audio import read_clip
from helpers.pitch import ALL_KEYS, parse_key

HELPERS = Path(__file__).resolve().parent.parent / "helpers" / "analysis"
TEMPO_PENALTY, METER_PENALTY, KEY_PENALTY = 5.0, 5.0, 0.1
METERS = ("4/4", "3/4", "6/8")
_METER_EVIDENCE = r"(low )?(pulse|repeat)|notes repeat|note change|intervals|whole"
METER_NAMES = tuple(name for name in NAMES if re.match(_METER_EVIDENCE, name))
FOLDS = 5
PRIOR_SCALES = (30.0, 6.0, 0.0, 0.0)  # how far Temperley's profiles speak in each view before anything is learnt


@dataclass
class Choice:
    """One decision: options described by ``table`` (options, columns), of which those in ``right`` are right."""

    table: np.ndarray
    right: np.ndarray
    origin: str
    set_name: str
    weight: float = 1.0
    rates: np.ndarray | None = None  # tempo only: the candidates in BPM,
    trust: tuple[np.ndarray, np.ndarray, int] | None = None  # and for each its agreement and is-loop; the onsets


def heard(row: dict[str, str]) -> dict[str, Choice]:
    """The decisions that a clip of known truth asks for, by model."""
    sound, origin, found = Listening(read_clip(row["path"])), origin_of(row), {}
    recorded = bool(row.get("licence"))
    notes = row.get("notes") or ""
    candidates = find_candidates(sound)
    if (row.get("bpm") or "no-tempo" in notes) and "weak-pulse" not in notes and candidates.size:
        truth = float(row.get("bpm") or 0.001)
        factors = (1.0, 0.5, 2.0) if "octave-ambiguous" in notes else (1.0,)
        right = np.any([np.abs(candidates / (truth * f) - 1) < 0.04 for f in factors], axis=0)
        table = tempo_evidence(sound, candidates)
        exact = [settle_tempo(sound, float(bpm), 4) for bpm in candidates]
        trust = np.array([e.agreement for e in exact]), np.array([e.beats is not None for e in exact])
        found["tempo"] = Choice(
            table, right, origin, row["set"], 3.0 if recorded else 1.0, candidates, (*trust, strong_onsets(sound))
        )
        nearest = int(np.abs(candidates / truth - 1).argmin())
        if row.get("meter") in METERS and abs(candidates[nearest] / truth - 1) < 0.04:
            found["meter"] = Choice(meter_table(table[nearest]), _is(METERS, row["meter"]), origin, row["set"])
    if row.get("key"):
        table = key_table(key_evidence(sound))
        key = parse_key(row["key"])
        found["key"] = Choice(
            table, np.array([k == key for k in ALL_KEYS]), origin, row["set"], 2.0 if recorded else 1.0
        )
    return found


def _is(options: tuple[str, ...], value: str) -> np.ndarray:
    return np.array([option == value for option in options])


def meter_table(evidence: np.ndarray) -> np.ndarray:
    """Options 4/4 (all zeros), 3/4 and 6/8, each with its own columns: a bias and the row's METER_NAMES."""
    row = dict(zip(NAMES, evidence, strict=True))
    columns = np.r_[1.0, [row[name] for name in METER_NAMES]]
    table = np.zeros((3, 2 * columns.size))
    table[1, : columns.size] = columns
    table[2, columns.size :] = columns
    return table


def key_table(evidence: np.ndarray) -> np.ndarray:
    """Options ALL_KEYS; columns: 48 for major, 48 for minor (views by degrees from the tonic), the minor bias."""
    rows = []
    for key in ALL_KEYS:
        turned = np.roll(evidence, -key.tonic, axis=1).ravel()
        minor = key.mode == "minor"
        rows.append(np.r_[np.where(minor, 0.0, turned), np.where(minor, turned, 0.0), float(minor)])
    return np.array(rows)


def key_prior() -> np.ndarray:
    """Temperley's profiles, of unit length, in the places of the whole sound and the bass."""
    out = []
    for mode in ("major", "minor"):
        profile = np.array(features.KEY_PROFILES[mode])
        unit = (profile - profile.mean()) / np.linalg.norm(profile - profile.mean())
        out += [scale * unit for scale in PRIOR_SCALES]
    return np.r_[np.concatenate(out), 0.0]


def fit(choices: list[Choice], penalty: float, prior: np.ndarray | None = None, *, scaled: bool = True) -> np.ndarray:
    """Weights (columns,) of greatest penalised likelihood; ``scaled`` penalises columns by their spread."""
    stacked = np.concatenate([c.table for c in choices])
    spread = stacked.std(axis=0) + 1e-6 if scaled else np.ones(stacked.shape[1])
    start = np.zeros(stacked.shape[1]) if prior is None else prior * spread
    usable = [(c.table / spread, c.right, c.weight) for c in choices if c.right.any()]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        away = weights - start
        total, slope = penalty * float(away @ away), 2.0 * penalty * away
        for table, right, weight in usable:
            odds = softmax(table @ weights)
            chosen = odds * right
            total -= weight * float(np.log(chosen.sum() + 1e-12))
            slope += weight * table.T @ (odds - chosen / (chosen.sum() + 1e-12))
        return total, slope

    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x / spread


def softmax(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def cross_validate(
    name: str, choices: list[Choice], train: Callable[[list[Choice]], np.ndarray]
) -> list[tuple[Choice, np.ndarray]]:
    """Every choice with the odds a model gave it that had not seen its origin; prints the share right."""
    held_out = []
    folds = np.array([zlib.crc32(c.origin.encode()) % FOLDS for c in choices])
    results: dict[str, list[tuple[float, float]]] = {}
    for fold in range(FOLDS):
        weights = train([c for c, f in zip(choices, folds, strict=True) if f != fold])
        for choice in (c for c, f in zip(choices, folds, strict=True) if f == fold):
            odds = softmax(choice.table @ weights)
            held_out.append((choice, odds))
            results.setdefault(choice.set_name, []).append((float(odds.max()), float(choice.right[int(odds.argmax())])))
    for set_name, pairs in results.items():
        sure = [right for said, right in pairs if said >= 0.8]
        print(
            f"{name:6s} {set_name:12s} n{len(pairs):4d}  right {np.mean([r for _, r in pairs]):.3f}"
            f"  said 0.8 or more: n{len(sure):4d}, right {np.mean(sure) if sure else float('nan'):.3f}"
        )
    return held_out


def fit_confidence(held_out: list[tuple[Choice, np.ndarray]]) -> np.ndarray:
    """Logistic regression of being right on the trust evidence of held-out answers; prints its calibration."""
    rows, right, weights = [], [], []
    for choice, odds in held_out:
        best = int(odds.argmax())
        agreement, is_loop, onsets = choice.trust
        same = np.abs(choice.rates / choice.rates[best] - 1) < 0.04
        rows.append(
            trust_evidence(float(odds[same].sum()), float(agreement[best]), onsets, is_loop=bool(is_loop[best]))
        )
        right.append(bool(choice.right[best]))
        weights.append(choice.weight)
    table, truth = np.array(rows), np.array(right, dtype=float)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        said = 1.0 / (1.0 + np.exp(-(table @ w)))
        misses = -np.sum(weights * (truth * np.log(said + 1e-12) + (1 - truth) * np.log(1 - said + 1e-12)))
        return float(misses + w[1:] @ w[1:]), table.T @ (weights * (said - truth)) + 2 * np.r_[0.0, w[1:]]

    found = minimize(loss, np.r_[0.0, 1.0, np.zeros(table.shape[1] - 2)], jac=True, method="L-BFGS-B").x
    said = 1.0 / (1.0 + np.exp(-(table @ found)))
    for low, high in itertools.pairwise((0.0, 0.4, 0.6, 0.8, 0.95, 1.01)):
        inside = (said >= low) & (said < high)
        if inside.any():
            print(f"confidence {low:.2f}-{high:.2f}  n{inside.sum():4d}  right {truth[inside].mean():.3f}")
    return found


def write_tempo(tempo: np.ndarray, meter: np.ndarray, confidence: np.ndarray) -> None:
    lines = [
        '"""Weights of the tempo and meter models in natural log odds, by ``benchmarks/train_hearing.py --write``."""',
        "",
        "TEMPO_WEIGHTS = {",
        *(f'    "{n}": {w:.4f},' for n, w in zip(NAMES, tempo, strict=True)),
        "}",
        "",
        "# against 4/4, from the evidence at the tempo found",
        "METER_WEIGHTS = {",
    ]
    width = len(METER_NAMES) + 1
    for i, name in enumerate(METERS[1:]):
        lines.append(f'    "{name}": {{')
        weights = meter[i * width : (i + 1) * width]
        lines += [f'        "{n}": {w:.4f},' for n, w in zip(("bias", *METER_NAMES), weights, strict=True)]
        lines.append("    },")
    shown = ", ".join(f"{w:.4f}" for w in confidence)
    lines += ["}", "", "# logistic regression on tempo_model.trust_evidence", f"CONFIDENCE_WEIGHTS = ({shown})", ""]
    (HELPERS / "tempo_weights.py").write_text("\n".join(lines), encoding="utf-8")


def write_key(weights: np.ndarray) -> None:
    lines = [
        '"""The key profiles: how much each scale degree speaks for a key: whole, in the bass, at start and end.',
        "",
        "Twelve weights from the tonic up for each view (the rows, in the order of ``key.VIEWS``), in natural log odds",
        "for the whole share of the notes. Made by ``benchmarks/train_hearing.py --write``, held near Temperley's.",
        '"""',
        "",
        "import numpy as np",
        "",
        "# fmt: off",
        "PROFILES = {",
    ]
    for i, mode in enumerate(("major", "minor")):
        lines.append(f'    "{mode}": np.array([')
        for row in weights[48 * i : 48 * (i + 1)].reshape(len(VIEWS), 12):
            lines.append("        [" + ", ".join(f"{w:.2f}" for w in row) + "],")
        lines.append("    ]),")
    lines += ["}", "# fmt: on", f"MINOR_BIAS = {weights[-1]:.3f}", ""]
    (HELPERS / "key_profiles.py").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    rows = [
        row
        for path in args.manifests
        for row in read_manifest(path)
        if row.get("bpm") or row.get("key") or "no-tempo" in row["notes"]
    ]
    choices: dict[str, list[Choice]] = {"tempo": [], "meter": [], "key": []}
    with ProcessPoolExecutor(args.jobs) as pool:
        for i, found in enumerate(pool.map(heard, rows, chunksize=4), 1):
            for name, choice in found.items():
                choices[name].append(choice)
            if i % 100 == 0:
                print(f"{i}/{len(rows)} clips", file=sys.stderr, flush=True)
    trainers: dict[str, Callable[[list[Choice]], np.ndarray]] = {
        "tempo": lambda some: fit(some, TEMPO_PENALTY),
        "meter": lambda some: fit(some, METER_PENALTY),
        "key": lambda some: fit(some, KEY_PENALTY, key_prior(), scaled=False),
    }
    held_out = {name: cross_validate(name, choices[name], train) for name, train in trainers.items()}
    confidence = fit_confidence(held_out["tempo"])
    if args.write:
        write_tempo(trainers["tempo"](choices["tempo"]), trainers["meter"](choices["meter"]), confidence)
        write_key(trainers["key"](choices["key"]))


if __name__ == "__main__":
    main()
