"""Fit the model of the metre, 3/4, 4/4 or 6/8 together with the tempo it is counted in, to clips of known metre.

    python -m training.train_metre LEARN/manifest.csv ... [--check MEASURE/manifest.csv ...] [--write] [--jobs 2]

Manifests with ``bpm`` and ``meter`` (4/4 where none is said): folk tunes by ``make_metres.py``, as said there;
composed parts and drums by ``make_clips.py`` (``--seed 505 --each 7 --swing``, ``--seed 910 --each 10 --swing``,
``--seed 707 --each 20`` and, for parts beside the beat, ``--seed 808 --each 0 --beside 260`` through FluidR3_GM,
``--seed 606 --each 12`` and ``--seed 909 --each 10 --swing`` through TimGM6mb); the songs to learn from of
``benchmarks.hearing.clips``. A conditional logit (McFadden 1974) over the readings of a clip, scored by networks of
HIDDEN units beside a weighted sum, fitted by L-BFGS with an L2 penalty from STARTS starts, of which the mean is
taken: one alone goes up and down by three points of recall; recordings weigh more, since they are few. Printed:
recall and precision of each metre by five-fold cross-validation over origins and on the clips to check, and how often
an answer is right by its confidence. With ``--write`` goes to ``helpers/analysis/weights/metre.json``.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.optimize import minimize

from benchmarks.hearing.analysis import read_manifest
from helpers.analysis.evidence import tempo_evidence
from helpers.analysis.metre import COMMON, metre_table
from helpers.analysis.pulse import find_candidates
from helpers.analysis.tempo_model import tempo_probabilities
from helpers.machine.weights import weights_text
from training.train_hearing import Choice, cross_validate, listening_to, softmax

WEIGHTS = Path(__file__).resolve().parent.parent / "helpers" / "analysis" / "weights" / "metre.json"
HIDDEN, STEPS, STARTS = 16, 200, 3
DIRECT_PENALTY, HIDDEN_PENALTY = 10.0, 8.0
RECORDED = 3.0
COMMON_LEAD = 0.8  # added to the score of 4/4: uploads are oftener in it than the tunes are
WRITTEN = {"": "4/4", "2/4": "4/4", "2/2": "4/4", "8/4": "4/4"}  # charts and tunes that are counted in fours here


@dataclass(frozen=True)
class Network:
    """Scores of readings: ``hidden`` (units, columns), ``offsets`` and ``out`` (units,), ``direct`` (columns,)."""

    hidden: np.ndarray
    offsets: np.ndarray
    out: np.ndarray
    direct: np.ndarray

    def scores(self, table: np.ndarray) -> np.ndarray:
        return np.tanh(table @ self.hidden.T + self.offsets) @ self.out + table @ self.direct


def choice_of(row: dict[str, str]) -> Choice | None:
    """The choice among readings that a clip asks for; None where it is refused or has no pulse."""
    heard = listening_to(row)
    candidates = find_candidates(heard) if heard is not None else np.zeros(0)
    if not candidates.size:
        return None
    evidence = tempo_evidence(heard, candidates)
    return readings_choice(row, candidates, evidence, tempo_probabilities(evidence), heard.seconds)


def readings_choice(
    row: dict[str, str], candidates: np.ndarray, evidence: np.ndarray, probability: np.ndarray, seconds: float
) -> Choice:
    """The readings of a clip, right where metre and tempo are; in 4/4 of an ambiguous level half and double are too."""
    truth, metre = float(row["bpm"]), WRITTEN.get(row.get("meter") or "", row.get("meter"))
    free = "octave-ambiguous" in (row.get("notes") or "") and metre == "4/4"
    factors = (1.0, 0.5, 2.0) if free else (1.0,)
    pairs, table = metre_table(candidates, evidence, probability, seconds)
    row["readings"], row["metre"] = [name for _, name in pairs], metre
    right = [name == metre and min(abs(candidates[i] / truth / f - 1) for f in factors) < 0.04 for i, name in pairs]
    return Choice(row, table, np.array(right), weight=RECORDED if is_recorded(row) else 1.0)


def is_recorded(row: dict[str, str]) -> bool:
    return bool(row.get("repository") or row.get("licence"))


def train(choices: list[Choice]) -> Network:
    """The mean of STARTS networks of greatest penalised likelihood, each found from a start of its own."""
    nets = [fit_network(choices, np.random.default_rng(start)) for start in range(STARTS)]
    hidden, offsets, out = (
        np.concatenate([getattr(net, name) for net in nets]) for name in ("hidden", "offsets", "out")
    )
    direct = np.mean([net.direct for net in nets], axis=0)
    direct[-len(COMMON)] += COMMON_LEAD
    return Network(hidden, offsets, out / STARTS, direct)


def fit_network(choices: list[Choice], rng: np.random.Generator) -> Network:
    """One network; its columns are scaled by their spread while it is fitted."""
    usable = [choice for choice in choices if choice.right.any()]
    table = np.concatenate([choice.table for choice in usable])
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-6
    mean[-len(COMMON) :], spread[-len(COMMON) :] = 0.0, 1.0
    scaled, width = (table - mean) / spread, table.shape[1]
    right = np.concatenate([choice.right for choice in usable]).astype(float)
    starts = np.cumsum([0, *(len(choice.right) for choice in usable[:-1])])
    owner = np.repeat(np.arange(len(usable)), [len(choice.right) for choice in usable])
    weight = np.array([choice.weight for choice in usable])
    ends = np.cumsum([HIDDEN * width, HIDDEN, HIDDEN])
    penalty = np.r_[np.full(ends[0], HIDDEN_PENALTY), np.zeros(HIDDEN), np.full(HIDDEN, HIDDEN_PENALTY)]
    penalty = np.r_[penalty, np.full(width, DIRECT_PENALTY)]

    def parts(numbers: np.ndarray) -> Network:
        hidden, offsets, out, direct = np.split(numbers, ends)
        return Network(hidden.reshape(HIDDEN, width), offsets, out, direct)

    def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        net = parts(numbers)
        units = np.tanh(scaled @ net.hidden.T + net.offsets)
        scores = units @ net.out + scaled @ net.direct
        odds = np.exp(scores - np.maximum.reduceat(scores, starts)[owner])
        odds /= np.add.reduceat(odds, starts)[owner]
        chosen = np.add.reduceat(odds * right, starts) + 1e-12
        slope = weight[owner] * odds * (1.0 - right / chosen[owner])
        inner = np.outer(slope, net.out) * (1.0 - units**2)
        slopes = np.concatenate([(inner.T @ scaled).ravel(), inner.sum(axis=0), units.T @ slope, scaled.T @ slope])
        total = -float(weight @ np.log(chosen)) + float(penalty @ numbers**2)
        return total, slopes + 2.0 * penalty * numbers

    begin = rng.normal(0.0, 0.15, ends[-1] + width)
    begin[ends[0] : ends[1]] = begin[ends[2] :] = 0.0
    net = parts(minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x)
    hidden, direct = net.hidden / spread, net.direct / spread
    return Network(hidden, net.offsets - hidden @ mean, net.out, direct)


def told(title: str, answers: list[tuple[Choice, Network]]) -> None:
    """Print recall and precision by metre, and the share right by confidence."""
    found, said, sure = [], [], []
    for choice, net in answers:
        odds, names = softmax(net.scores(choice.table)), np.array(choice.row["readings"])
        said.append(names[int(odds.argmax())])
        sure.append(float(odds[names == said[-1]].sum()))
        found.append(choice.row["metre"])
    truth, answer, odds = np.array(found), np.array(said), np.array(sure)
    for metre in COMMON:
        of, to = truth == metre, answer == metre
        if of.any():
            recall, precision = np.mean(answer[of] == metre), np.mean(truth[to] == metre) if to.any() else np.nan
            print(f"{title:24s} {metre} recall {recall:.3f} of {of.sum()}, precision {precision:.3f} of {to.sum()}")
    for low, high in ((0.0, 0.5), (0.5, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 1.01)):
        if (inside := (odds >= low) & (odds < high)).any():
            right = np.mean(answer[inside] == truth[inside])
            print(f"{title:24s} said {low:.1f} to {min(high, 1.0):.1f}: right {right:.2f} of {inside.sum()}")


def document(net: Network) -> dict:
    return {name: np.round(getattr(net, name), 4).tolist() for name in ("hidden", "offsets", "out", "direct")}


def hear(paths: list[Path], jobs: int) -> list[Choice]:
    rows = [
        row
        for path in paths
        for row in read_manifest(path)
        if row.get("bpm") and "weak-pulse" not in (row.get("notes") or "")
    ]
    with ProcessPoolExecutor(jobs) as pool:
        return [choice for choice in pool.map(choice_of, rows, chunksize=4) if choice is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--check", nargs="*", type=Path, default=[])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    learn, check = hear(args.manifests, args.jobs), hear(args.check, args.jobs)
    report(learn, check, write=args.write)


def report(learn: list[Choice], check: list[Choice], *, write: bool) -> None:
    """Print what was learnt and how well; write the numbers if asked."""
    told("cross-validated", cross_validate(learn, train))
    net = train(learn)
    if check:
        told("only measured", [(choice, net) for choice in check])
    if write:
        real = sum(is_recorded(c.row) for c in learn)
        data = (
            f"{len(learn) - real} clips by make_metres.py and make_clips.py, {real} of songs and loops by other hands"
        )
        WEIGHTS.write_text(weights_text(document(net), "training/train_metre.py --write", data), encoding="utf-8")


if __name__ == "__main__":
    main()
