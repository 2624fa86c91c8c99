"""The whole way, measured: ideas × instruments × seeds through the pipeline, on the sketch engine.

    python -m benchmarks.whole_way MANIFEST_OR_AUDIO [more audio ...] [--ideas 8] [--seeds 2] [--bars 4]

For every combination one loop is made and its fit card kept; the first seed is made twice to see that its bytes repeat.
Then the warm time of an 8-bar loop for a 15 s idea, by stage. Prints tables, writes ``results/whole_way.json``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import platform
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from helpers import pipeline
from helpers.records import Clip

INSTRUMENTS = (
    "bass guitar",
    "808",
    "piano",
    "rhodes",
    "acoustic guitar",
    "strings",
    "warm pad",
    "flute",
    "synth lead",
    "pluck",
    "marimba",
    "drum kit",
)
RESULTS = Path(__file__).resolve().parent / "results" / "whole_way.json"


def audio_files(paths: list[str]) -> list[Path]:
    """Audio paths as given; a manifest (csv with a ``file`` column) stands for its files that have a tempo."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.suffix == ".csv":
            with path.open(encoding="utf-8") as file:
                found += [path.parent / row["file"] for row in csv.DictReader(file) if row.get("bpm")]
        else:
            found.append(path)
    return found


def run_all(files: list[Path], seeds: int, bars: int) -> list[dict]:
    rows = []
    for path in files:
        idea = pipeline.load_idea(path)
        analysis = pipeline.analyze_idea(idea, tags=False)
        for instrument in INSTRUMENTS:
            for seed in range(seeds):
                rows.append(run_one(idea, analysis, instrument, seed, bars))
            same = [r for r in rows if r["idea"] == idea.name and r["instrument"] == instrument]
            again = run_one(idea, analysis, instrument, 0, bars)
            same[0]["repeats"] = again["sha256"] == same[0]["sha256"]
            same[0]["seeds_differ"] = len({r["sha256"] for r in same}) == len(same)
        print(f"{path.name:<14} {Counter(r['verdict'] for r in rows if r['idea'] == idea.name)}", flush=True)
    return rows


def run_one(idea: pipeline.Idea, analysis, instrument: str, seed: int, bars: int) -> dict:
    row = {"idea": idea.name, "instrument": instrument, "seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        try:
            bpm = None if analysis.tempo.bpm else 100.0
            request, _ = pipeline.plan_request(analysis, instrument=instrument, bars=bars, seed=seed, takes=1, bpm=bpm)
            result = pipeline.make_loops(request, idea, analysis, folder)
        except Exception as error:  # a crash is a result of this benchmark, not its end
            return row | {"verdict": "error", "reasons": [f"{type(error).__name__}: {error}"], "sha256": None}
        made = result.loops[0]
        digest = hashlib.sha256(made.files.wav.read_bytes()).hexdigest()
    return row | {"sha256": digest, "role": request.role, "takes_made": len(result.notes)} | made.fit.to_json()


def time_one(path: Path) -> dict[str, float]:
    """Warm seconds by stage for a 15 s piece of an idea and an 8-bar bass loop; the median of five runs."""
    whole = pipeline.load_idea(path)
    keep = min(whole.clip.length, 15 * whole.clip.sample_rate)
    idea = pipeline.Idea(whole.name, Clip(whole.clip.samples[:, :keep].copy(), whole.clip.sample_rate), whole.sha256)
    runs = []
    for _ in range(6):
        began = time.perf_counter()
        analysis = pipeline.analyze_idea(idea, tags=False)
        heard = time.perf_counter()
        request, _ = pipeline.plan_request(
            analysis, instrument="bass guitar", bars=8, seed=1, takes=1, bpm=None if analysis.tempo.bpm else 100.0
        )
        with tempfile.TemporaryDirectory() as folder:
            pipeline.make_loops(request, idea, analysis, folder)
        runs.append((heard - began, time.perf_counter() - heard))
    analysis_seconds, loop_seconds = np.median(np.array(runs[1:]), axis=0)
    return {"analysis_seconds": float(analysis_seconds), "loop_seconds": float(loop_seconds)}


def summary(rows: list[dict]) -> dict[str, object]:
    def median(name: str, chosen: list[dict]) -> float | None:
        values = [r[name] for r in chosen if r.get(name) is not None]
        return float(np.median(values)) if values else None

    tonal = [r for r in rows if r.get("role") not in (None, "drums")]
    shares = [r["in_key_share"] for r in tonal if r.get("in_key_share") is not None]
    seams = [r["seam"] for r in rows if r.get("seam") is not None]
    firsts = [r for r in rows if "repeats" in r]
    return {
        "loops": len(rows),
        "verdicts": dict(Counter(r["verdict"] for r in rows)),
        "exact_samples": sum(r.get("samples") == r.get("samples_expected") for r in rows) / len(rows),
        "grid_error_ms_median": median("grid_error_ms", rows),
        "in_key_share_median": float(np.median(shares)) if shares else None,
        "in_key_share_at_least_0.9": float(np.mean(np.array(shares) >= 0.9)) if shares else None,
        "seam_at_most_1": float(np.mean(np.array(seams) <= 1)) if seams else None,
        "same_seed_same_bytes": all(r["repeats"] for r in firsts),
        "seeds_differ": all(r["seeds_differ"] for r in firsts),
        "in_key_share_by_instrument": {
            name: median("in_key_share", [r for r in tonal if r["instrument"] == name]) for name in INSTRUMENTS
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("audio", nargs="+", help="audio files, or a manifest.csv beside them")
    parser.add_argument("--ideas", type=int, default=8, help="how many of them, evenly spread (default 8)")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--bars", type=int, default=4)
    args = parser.parse_args()
    files = audio_files(args.audio)
    chosen = [files[i] for i in np.unique(np.linspace(0, len(files) - 1, min(args.ideas, len(files))).astype(int))]
    rows = run_all(chosen, args.seeds, args.bars)
    long = next((f for f in files if pipeline.load_idea(f).clip.seconds >= 15), files[0])
    found = summary(rows) | {"warm_15s_idea_8_bars": time_one(long)}
    for name, value in found.items():
        print(f"{name:<28} {value}")
    for row in rows:
        if row["verdict"] in ("failed", "error"):
            print(
                f"  {row['verdict']}: {row['idea']} {row['instrument']} seed {row['seed']}: {'; '.join(row['reasons'])}"
            )
    RESULTS.parent.mkdir(exist_ok=True)
    about = {"python": platform.python_version(), "machine": platform.machine(), "ideas": len(chosen)}
    others = [row for row in rows if row["verdict"] != "pass"]
    document = {"about": about, "summary": found, "not passed": others}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {RESULTS.name}")


if __name__ == "__main__":
    main()
