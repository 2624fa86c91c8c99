"""Fit the weights of purity, and tell how well it parts pure recordings from leaking ones that it has not seen.

    python -m benchmarks.loops.purity EVAL_DIR [--write] [--out benchmarks/results/loops_purity.json]

Pure: every single-instrument recording of EVAL_DIR's manifest, and sketches of all roles. Leaking: the same with
another recording under it at its tempo, drums under tonal ones and tonal ones under drums, 3, 6 and 12 dB below. Each
figure is of recordings and leaks the fit has not seen: a quarter of the recordings and half of the leaks are left out
at a time, all sketches of one instrument together, in six different divisions. The fit is a logistic regression; pure
and leaking weigh alike. ``--write`` fits everything and replaces ``helpers/loops/weights/purity.json``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.loops.takes import RATE, canvas, mixed, read_sources
from benchmarks.whole_way import INSTRUMENTS
from helpers import pipeline
from helpers.engines import registry
from helpers.loops import make_loop
from helpers.loops.purity import measure_purity
from helpers.machine.weights import weights_text
from helpers.records import Clip, Request
from helpers.sound.audio import read_clip, resample

WEIGHTS = Path(__file__).resolve().parents[2] / "helpers" / "loops" / "weights" / "purity.json"
SKETCHED = (
    *INSTRUMENTS, "organ", "electric guitar", "harp", "brass section", "sub bass", "acid bass", "reese bass", "fm piano"
)  # fmt: skip
IDEAS = 5  # of the manifest, evenly spread, that sketches are made for
LEVELS_DB = {-3.0: 1.0, -6.0: 1.0, -12.0: 0.4}  # and how much a leak at that level weighs in the fit
SKETCH_WEIGHT = 0.5
PENALTY = 1.0  # scikit-learn's C
FOLDS, DIVISIONS = 4, 6
PURITIES = (0.1, 0.2, 0.5)


@dataclass(frozen=True, eq=False)
class Item:
    """A recording: ``group`` is what is left out of a fit together with it."""

    name: str
    group: str
    clip: Clip
    bpm: float
    drums: bool
    sketch: bool


@dataclass(frozen=True)
class Row:
    """Measures of one clip; ``leak`` and ``db`` are None for a pure one."""

    item: Item
    leak: Item | None
    db: float | None
    parts: dict[str, float]


def recordings(folder: Path) -> list[Item]:
    """Single instruments of the manifest: as the benchmark's sources where whole bars long, else as they are."""
    whole = {s.name: s for s in read_sources(folder)}
    out = []
    for row in csv.DictReader((folder / "manifest.csv").read_text().splitlines()):
        if row["kind"] == "full_mix" or row["instrument"] == "mixed":
            continue
        if row["file"] in whole:
            source = whole[row["file"]]
            clip = canvas(source, source.request.bars)
        else:
            clip = resample(read_clip(folder / row["file"]), RATE)
            clip = Clip(clip.samples[:2], RATE)
        drums = row["instrument"] in ("drums", "percussion")
        out.append(Item(row["file"], row["file"], clip, float(row["bpm"] or 100), drums, sketch=False))
    return out


def sketches(folder: Path) -> list[Item]:
    rows = [r for r in csv.DictReader((folder / "manifest.csv").read_text().splitlines()) if r["bpm"]]
    engine = registry.get_engine("sketch")
    out = []
    for row in rows[:: len(rows) // IDEAS][:IDEAS]:
        idea = pipeline.load_idea(folder / row["file"])
        analysis = pipeline.analyze_idea(idea, tags=False)
        bpm = None if analysis.tempo.bpm else 100.0
        for name in SKETCHED:
            request, _ = pipeline.plan_request(analysis, instrument=name, bars=4, seed=len(out), takes=1, bpm=bpm)
            loop = make_loop(engine.generate(request, analysis=analysis, count=1)[0], request, analysis)
            drums = request.role == "drums"
            out.append(Item(f"{name} for {row['file']}", name, loop.clip, request.bpm, drums, sketch=True))
    return out


def measured(items: list[Item], drums: bool) -> list[Row]:
    """Measures of each recording alone and with leaks under it: three at 6 dB for real ones, one of a sketch."""
    rows = []
    request = Request("", "drums" if drums else "lead", 100.0)
    foreign = [o for o in items if o.drums != drums]
    real, sketched = [o for o in foreign if not o.sketch], [o for o in foreign if o.sketch]
    for item in (o for o in items if o.drums == drums):
        rng = np.random.default_rng(number_of(item.name))
        plan = [(-6.0, real)] * (1 if item.sketch else 3) + [(-3.0, real), (-12.0, real), (-6.0, sketched)]
        rows.append(Row(item, None, None, measure_purity(item.clip, request)[1]))
        for db, pool in plan:
            leak = pool[int(rng.integers(len(pool)))]
            factor = min((leak.bpm / item.bpm * octave for octave in (0.5, 1, 2)), key=lambda f: abs(np.log(f)))
            under = resample(Clip(leak.clip.samples, round(RATE / factor)), RATE)
            parts = measure_purity(mixed(item.clip, Clip(under.samples, RATE), db), request)[1]
            rows.append(Row(item, leak, db, parts))
    return [row for row in rows if row.parts]


def number_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class Model:
    """A logistic regression on standardised measures."""

    def __init__(self, rows: list[Row]):
        from sklearn.linear_model import LogisticRegression

        self.names = sorted(rows[0].parts)
        table = self._table(rows)
        self.mean, self.scale = table.mean(axis=0), table.std(axis=0) + 1e-9
        leaking = np.array([row.leak is not None for row in rows])
        weights = np.array([LEVELS_DB.get(row.db, 1.0) * (SKETCH_WEIGHT if row.item.sketch else 1) for row in rows])
        weights[leaking] *= weights[~leaking].sum() / weights[leaking].sum()
        self.fit = LogisticRegression(C=PENALTY, max_iter=1000)
        self.fit.fit((table - self.mean) / self.scale, leaking, sample_weight=weights)

    def _table(self, rows: list[Row]) -> np.ndarray:
        return np.array([[row.parts[name] for name in self.names] for row in rows])

    def odds(self, rows: list[Row]) -> np.ndarray:
        return self.fit.decision_function((self._table(rows) - self.mean) / self.scale)

    def weights(self) -> dict[str, float]:
        """Intercept and weights for the measures as they are."""
        slopes = self.fit.coef_[0] / self.scale
        out = {"intercept": float(self.fit.intercept_[0] - slopes @ self.mean)}
        return out | {name: float(w) for name, w in zip(self.names, slopes, strict=True)}


def left_out_odds(rows: list[Row], division: int) -> np.ndarray:
    """Odds of each row by fits that know neither its recording nor its leak (rows,)."""
    fold = np.array([number_of(f"{r.item.group} {division}") % FOLDS for r in rows])
    half = np.array([-1 if r.leak is None else number_of(f"{r.leak.group} {division}") % 2 for r in rows])
    total, count = np.zeros(len(rows)), np.zeros(len(rows))
    for k in range(FOLDS):
        for side in (0, 1):
            test = (fold == k) & (half != 1 - side)
            model = Model([row for row, f, h in zip(rows, fold, half, strict=True) if f != k and h != side])
            total[test] += model.odds([row for row, use in zip(rows, test, strict=True) if use])
            count[test] += 1
    return total / count


def figures(rows: list[Row]) -> dict[str, float | int]:
    """Areas under the curve for real recordings, and how many of each kind lie under a purity, over the divisions."""
    pure = np.array([r.leak is None and not r.item.sketch for r in rows])
    sketched = np.array([r.leak is None and r.item.sketch for r in rows])
    leaking = {
        db: np.array([r.db == db and not r.item.sketch and r.leak is not None and not r.leak.sketch for r in rows])
        for db in LEVELS_DB
    }
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for division in range(DIVISIONS):
        odds = left_out_odds(rows, division)
        purity = 1 / (1 + np.exp(odds))
        for db, chosen in leaking.items():
            a, b = odds[pure], odds[chosen][:, None]
            note(f"auc {db:g} dB", float(np.mean((b > a) + 0.5 * (b == a))))
        for limit in PURITIES:
            note(f"pure under {limit}", float(np.mean(purity[pure] < limit)))
            note(f"sketches under {limit}", float(np.mean(purity[sketched] < limit)))
            note(f"leaking -6 dB under {limit}", float(np.mean(purity[leaking[-6.0]] < limit)))
    counts = {"pure": int(pure.sum()), "sketches": int(sketched.sum()), "leaking -6 dB": int(leaking[-6.0].sum())}
    return counts | {name: round(float(np.mean(values)), 4) for name, values in found.items()}


def write_weights(models: dict[str, dict[str, float]], folder: Path) -> None:
    manifest = hashlib.sha256((folder / "manifest.csv").read_bytes()).hexdigest()
    data = f"recordings of a manifest.csv with SHA-256 {manifest}, and sketches for five of them"
    rounded = {name: {k: float(f"{v:.4g}") for k, v in weights.items()} for name, weights in models.items()}
    WEIGHTS.write_text(weights_text(rounded, "benchmarks/loops/purity.py --write", data), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--write", action="store_true", help="replace the weights")
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    items = recordings(options.folder) + sketches(options.folder)
    print(f"{len(items)} recordings and sketches", flush=True)
    found, models = {}, {}
    for name, drums in (("tonal", False), ("drums", True)):
        rows = measured(items, drums)
        found["notes in drum loops" if drums else "drums in tonal loops"] = figures(rows)
        models[name] = Model(rows).weights()
        print(name, json.dumps(list(found.values())[-1], indent=1), json.dumps(models[name], indent=1), flush=True)
    if options.write:
        write_weights(models, options.folder)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
