"""Fit the models of the beat's phase and of bar 1 to clips whose clock is known (``benchmarks.hearing.clips``).

    python -m training.train_phase LEARN/manifest.csv [--check MEASURE/manifest.csv] [--write] [--jobs 2]

Conditional logits (McFadden 1974) with an L2 penalty over the candidates of a clip. Printed: the share right by
five-fold cross-validation over songs, on the clips to check, and of the answers with a confidence of at least 0.8. With
``--write`` goes to ``helpers/analysis/weights/phase.json``.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.hearing.analysis import floats, read_manifest
from helpers.analysis.phase import (
    BAR_NAMES,
    BEAT_NAMES,
    bar_evidence,
    beat_candidates,
    beat_evidence,
)
from helpers.analysis.precise import fit_beat_line
from helpers.machine.weights import weights_text
from training.train_hearing import Choice, cross_validate, fit, listening_to, softmax

WEIGHTS = Path(__file__).resolve().parent.parent / "helpers" / "analysis" / "weights" / "phase.json"
NEAR_SECONDS, NEAR_SHARE = 0.025, 0.1  # of the truth, or this share of a beat
PENALTY = 3.0


def choices_of(row: dict[str, str]) -> dict[str, Choice]:
    """The beat and the bar choice that a clip asks for; none where it is refused."""
    heard = listening_to(row)
    if heard is None:
        return {}
    period = 60.0 / float(row["bpm"])
    truth = floats(row["beat_times"])[0] % period
    line = fit_beat_line(heard, float(row["bpm"]))
    candidates = beat_candidates(heard, period)
    table = beat_evidence(heard, period, candidates, line.phase_seconds if line else None)
    away = np.abs(candidates - truth)
    found = {"beat": Choice(row, table, np.minimum(away, period - away) <= max(NEAR_SECONDS, NEAR_SHARE * period))}
    downbeats = floats(row.get("downbeat_times"))
    if row.get("meter") == "4/4" and downbeats:
        beats = np.arange(truth if period - truth > 0.02 else 0.0, heard.seconds - 0.02, period)
        first = round((downbeats[0] - beats[0]) / period) % 4
        found["bar"] = Choice(row, bar_evidence(heard, beats, 4), np.arange(4) == first)
    return found


def answers(choices: list[Choice], weights: np.ndarray) -> list[tuple[bool, float]]:
    """For each choice whether it was right, and its probability."""
    odds = [softmax(choice.table @ weights) for choice in choices]
    return [(bool(c.right[int(o.argmax())]), float(o.max())) for c, o in zip(choices, odds, strict=True)]


def told(title: str, marks: list[tuple[bool, float]]) -> None:
    sure = [right for right, probability in marks if probability >= 0.8]
    share = f"{np.mean(sure):.3f} of {len(sure)}" if sure else "none"
    print(f"{title:34s} n{len(marks):4d}  right {np.mean([r for r, _ in marks]):.3f}  sure and right {share}")


def hear(paths: list[Path], jobs: int) -> dict[str, list[Choice]]:
    rows = [row for path in paths for row in read_manifest(path) if row.get("beat_times")]
    found: dict[str, list[Choice]] = {"beat": [], "bar": []}
    with ProcessPoolExecutor(jobs) as pool:
        for i, choices in enumerate(pool.map(choices_of, rows, chunksize=4), 1):
            for name, choice in choices.items():
                found[name].append(choice)
            if i % 50 == 0:
                print(f"{i}/{len(rows)} clips", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--check", nargs="*", type=Path, default=[])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    learn, check = hear(args.manifests, args.jobs), hear(args.check, args.jobs)
    document = {}
    for model, names in (("beat", BEAT_NAMES), ("bar", BAR_NAMES)):
        held = cross_validate(learn[model], lambda some: fit(some, PENALTY))
        told(f"{model}, cross-validated", [mark for c, weights in held for mark in answers([c], weights)])
        weights = fit(learn[model], PENALTY)
        if check[model]:
            told(f"{model}, only measured", answers(check[model], weights))
            told(f"{model}, could be right", [(bool(c.right.any()), 0.0) for c in check[model]])
        document[model] = dict(zip(names, np.round(weights, 4).tolist(), strict=True))
    if args.write:
        songs = {c.row["origin"] for c in learn["beat"]}
        data = f"{len(learn['beat'])} clips of {len(songs)} songs, learn half of clips.py"
        WEIGHTS.write_text(weights_text(document, "training/train_phase.py --write", data), encoding="utf-8")


if __name__ == "__main__":
    main()
