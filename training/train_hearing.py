"""Fit the few learnt numbers of the hearing: the tempo and key weights, from clips of known truth.

    python -m training.train_hearing MANIFEST [MANIFEST ...] [--check MANIFEST ...] [--write] [--jobs 2] [--cache DIR]

Manifests as ``analysis.py`` reads them; those of ``make_clips.py`` and any of real
audio. Two models, each a conditional logit (McFadden 1974) with an L2 penalty, fitted by L-BFGS: which candidate is
the tempo, which of 24 keys. Recorded manifests (any whose rows name a ``licence``) weigh more,
since they are few. Nothing is ever fitted to the manifests after ``--check``.

Printed: the share right (for keys the MIREX weights) by five-fold cross-validation, all clips of one origin in one
fold, for each manifest apart, and of the clips to check. With ``--write`` weights fitted to everything are written to
``helpers/analysis/weights/``.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import itertools
import json
import os
import pickle
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.optimize import minimize

from benchmarks.hearing.analysis import origin_of, read_manifest
from benchmarks.measure import mirex_score
from helpers.analysis.evidence import TEMPO_NAMES, tempo_evidence
from helpers.analysis.key import PUBLISHED, VIEWS, key_evidence, key_table
from helpers.analysis.listening import Listening
from helpers.analysis.precise import settle_tempo
from helpers.analysis.pulse import find_candidates
from helpers.analysis.tempo import strong_onsets
from helpers.analysis.tempo_model import trust_evidence
from helpers.errors import InvalidInput
from helpers.machine.weights import weights_text
from helpers.music.pitch import ALL_KEYS, parse_key
from helpers.sound import features
from helpers.sound.audio import read_clip

HELPERS = Path(__file__).resolve().parent.parent / "helpers" / "analysis"
TEMPO_PENALTY, KEY_PENALTY = 5.0, 0.3
FOLDS = 5
RECORDED = {"tempo": 3.0, "key": 2.0}  # weight of a recorded clip beside a composed one
PRIOR_SCALES = (15.0, 3.0, 0.0, 0.0)  # how far Temperley's profiles speak in each view before anything is learnt


@dataclass
class Choice:
    """One decision: options described by ``table`` (options, columns), of which those in ``right`` are right.

    ``marks`` (options,) is what each option would be worth: 1 if right, for keys the MIREX weights.
    """

    row: dict[str, str]
    table: np.ndarray
    right: np.ndarray
    weight: float = 1.0  # see weight_of
    marks: np.ndarray | None = None
    rates: np.ndarray | None = None  # tempo only: the candidates in BPM,
    trust: tuple[np.ndarray, np.ndarray, int] | None = None  # and for each its agreement and is-loop; the onsets

    def __post_init__(self) -> None:
        if self.marks is None:
            self.marks = self.right.astype(float)

    def mark(self, weights: np.ndarray) -> float:
        """What the option that these weights (columns,) choose is worth."""
        return float(self.marks[int((self.table @ weights).argmax())])


def listening_to(row: dict[str, str]) -> Listening | None:
    """What is heard of a manifest's clip; None where it is refused (as silent), with the reason printed."""
    try:
        return Listening(read_clip(row["path"]))
    except InvalidInput as refused:
        print(refused, file=sys.stderr)
        return None


def heard(row: dict[str, str]) -> dict[str, Choice]:
    """The decisions that a clip of known truth asks for, by model; none where the clip is refused."""
    sound, found = listening_to(row), {}
    if sound is None:
        return {}
    notes = row.get("notes") or ""
    candidates = find_candidates(sound)
    if (row.get("bpm") or "no-tempo" in notes) and "weak-pulse" not in notes and candidates.size:
        truth = float(row.get("bpm") or 0.001)
        factors = (1.0, 0.5, 2.0) if "octave-ambiguous" in notes else (1.0,)
        right = np.any([np.abs(candidates / (truth * f) - 1) < 0.04 for f in factors], axis=0)
        table = tempo_evidence(sound, candidates)
        exact = [settle_tempo(sound, float(bpm), 4) for bpm in candidates]
        agreement, is_loop = np.array([e.agreement for e in exact]), np.array([e.beats is not None for e in exact])
        trust = agreement, is_loop, strong_onsets(sound)
        found["tempo"] = Choice(row, table[:, : len(TEMPO_NAMES)], right, rates=candidates, trust=trust)
    if row.get("key"):
        key = parse_key(row["key"])
        found["key"] = Choice(
            row,
            key_table(key_evidence(sound)),
            np.array([k == key for k in ALL_KEYS]),
            marks=np.array([mirex_score(k, key) for k in ALL_KEYS]),
        )
    return found


def is_recorded(row: dict[str, str]) -> bool:
    return bool(row.get("licence"))


def weight_of(model: str, row: dict[str, str]) -> float:
    return RECORDED[model] if is_recorded(row) else 1.0


def key_prior() -> np.ndarray:
    """Temperley's profiles, of unit length, in the places of the whole sound and the bass; zeros elsewhere."""
    out = []
    for mode in ("major", "minor"):
        profile = np.array(features.KEY_PROFILES[mode])
        unit = (profile - profile.mean()) / np.linalg.norm(profile - profile.mean())
        out += [scale * unit for scale in PRIOR_SCALES]
    return np.r_[np.concatenate(out), np.zeros(len(PUBLISHED) + 1)]


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


Trainer = Callable[[list[Choice]], np.ndarray]


def cross_validate(choices: list[Choice], train: Trainer) -> list[tuple[Choice, np.ndarray]]:
    """Every choice with weights that had not seen its origin."""
    held_out = []
    folds = np.array([zlib.crc32(origin_of(c.row).encode()) % FOLDS for c in choices])
    for fold in range(FOLDS):
        weights = train([c for c, f in zip(choices, folds, strict=True) if f != fold])
        held_out += [(c, weights) for c, f in zip(choices, folds, strict=True) if f == fold]
    return held_out


def by_set(name: str, held_out: list[tuple[Choice, np.ndarray]]) -> None:
    """Print number of clips and mean mark of the answers by manifest; clips without a tempo are out."""
    marks: dict[str, list[float]] = {}
    for choice, weights in held_out:
        if "no-tempo" not in (choice.row.get("notes") or ""):
            marks.setdefault(choice.row["set"], []).append(choice.mark(weights))
    for set_name, values in marks.items():
        print(f"{name:24s} {set_name:14s} n{len(values):4d}  {np.mean(values):.3f}")


def fit_confidence(held_out: list[tuple[Choice, np.ndarray]]) -> np.ndarray:
    """Logistic regression of being right on the trust evidence of held-out answers; its calibration is printed."""
    rows, right, weights = [], [], []
    for choice, fitted in held_out:
        odds = softmax(choice.table @ fitted)
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


def made_from(choices: list[Choice]) -> str:
    """How many clips of which manifests, for the file of weights."""
    sets = Counter(c.row["set"] for c in choices)
    return f"{len(choices)} clips of known truth: " + ", ".join(f"{n} of {name}" for name, n in sets.items())


def write_weights(name: str, weights: dict, data: str) -> None:
    text = weights_text(weights, "training/train_hearing.py --write", data)
    (HELPERS / "weights" / f"{name}.json").write_text(text, encoding="utf-8")


def tempo_document(tempo: np.ndarray, confidence: np.ndarray) -> dict:
    return {
        "tempo": dict(zip(TEMPO_NAMES, np.round(tempo, 4).tolist(), strict=True)),
        "confidence": np.round(confidence, 4).tolist(),
    }


def key_document(weights: np.ndarray) -> dict:
    """Twelve weights from the tonic up for each view, times the square root of the degree's share of the notes."""
    profiles = np.round(weights[:96].reshape(2, len(VIEWS), 12), 2).tolist()
    return {
        "profiles": dict(zip(("major", "minor"), profiles, strict=True)),
        "fits": np.round(weights[96:-1], 3).tolist(),
        "minor": round(float(weights[-1]), 3),
    }


def heard_once(job: tuple[dict[str, str], Path | None, str]) -> dict[str, Choice]:
    """What :func:`heard` says of a clip, kept in a folder under a hash of clip, row and the code that hears."""
    row, folder, code = job
    if folder is None:
        return heard(row)
    text = json.dumps(row, sort_keys=True) + code
    kept = folder / hashlib.sha256(text.encode() + Path(row["path"]).read_bytes()).hexdigest()
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    found = heard(row)
    kept.write_bytes(pickle.dumps(found))
    return found


def hearing_code() -> str:
    """The source of everything that :func:`heard` depends on, apart from the numbers fitted here."""
    files = [HELPERS / f"{name}.py" for name in ("evidence", "key", "listening", "precise", "pulse")]
    files += [HELPERS.parent / "sound" / "features.py", HELPERS.parent / "sound" / "audio.py"]
    here = [inspect.getsource(part) for part in (heard, strong_onsets)]
    return "".join([*here, *(file.read_text(encoding="utf-8") for file in files)])


def hear_all(paths: list[Path], jobs: int, cache: Path | None) -> dict[str, list[Choice]]:
    rows = [row for path in paths for row in read_manifest(path)]
    rows = [row for row in rows if row.get("bpm") or row.get("key") or "no-tempo" in (row.get("notes") or "")]
    choices: dict[str, list[Choice]] = {name: [] for name in TRAINERS}
    code = hearing_code()
    with ProcessPoolExecutor(jobs) as pool:
        work = [(row, cache, code) for row in rows]
        for i, found in enumerate(pool.map(heard_once, work, chunksize=4), 1):
            for name, choice in found.items():
                choice.weight = weight_of(name, choice.row)
                choices[name].append(choice)
            if i % 100 == 0:
                print(f"{i}/{len(rows)} clips", file=sys.stderr, flush=True)
    return choices


TRAINERS: dict[str, Trainer] = {
    "tempo": lambda some: fit(some, TEMPO_PENALTY),
    "key": lambda some: fit(some, KEY_PENALTY, key_prior(), scaled=False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--check", nargs="*", type=Path, default=[], help="manifests that nothing is fitted to")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="folder to keep what was heard of each clip in")
    args = parser.parse_args()
    if args.cache:
        args.cache.mkdir(parents=True, exist_ok=True)
    choices, checks = (hear_all(paths, args.jobs, args.cache) for paths in (args.manifests, args.check))
    held_out = {name: cross_validate(choices[name], train) for name, train in TRAINERS.items()}
    fitted = {name: train(choices[name]) for name, train in TRAINERS.items()}
    for name, held in held_out.items():
        by_set(name, held)
        by_set(f"{name}, only measured", [(choice, fitted[name]) for choice in checks[name]])
    confidence = fit_confidence(held_out["tempo"])
    if args.write:
        document = tempo_document(fitted["tempo"], confidence)
        write_weights("tempo", document, made_from(choices["tempo"]))
        write_weights("key", key_document(fitted["key"]), made_from(choices["key"]))


if __name__ == "__main__":
    main()
