"""How quick: three takes of eight bars, warm and as a command from a cold start; by length, reading and hearing.

    python -m benchmarks.robustness.speed --against ../older-clone --rounds 3 --write benchmarks/results/speed.json

Each round starts one process for each program, in turn, so that a busy machine is as busy for all of them. The numbers
that count are ratios. ``--threads`` leaves BLAS its threads, as on a musician's machine; ``--busy`` keeps every core
busy with a process of its own meanwhile. Warm: the same run again in the process that has made it once, hearing and
planning left out. Cold: ``python -m helpers make``, from its start to its end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
# Runs in this clone and in an older one, so it uses only what both have.
MAKE = """
import json, sys, tempfile, threading, time
from pathlib import Path
from helpers import pipeline
idea = pipeline.load_idea(sys.argv[1])
analysis = pipeline.analyze_idea(idea, tags=False)
request, _ = pipeline.plan_request(analysis, instrument="electric piano", bars=8, takes=3, seed=3)
def run():
    with tempfile.TemporaryDirectory() as folder:
        began, cpu, first, done = time.perf_counter(), time.process_time(), [], threading.Event()
        def watch():
            while not done.wait(0.005):
                if not first and list(Path(folder).glob("*.wav")):
                    first.append(time.perf_counter() - began)
        threading.Thread(target=watch, daemon=True).start()
        pipeline.make_loops(request, idea, analysis, folder)
        whole, cpu = time.perf_counter() - began, time.process_time() - cpu
        done.set()
        return whole, first[0] if first else whole, cpu
run()
print(json.dumps(sorted(run() for _ in range(3))[1]))
"""
READ = """
import json, sys, time
from helpers import pipeline
pipeline.load_idea(sys.argv[1])
began = time.perf_counter()
for _ in range(3):
    pipeline.load_idea(sys.argv[1])
print(json.dumps((time.perf_counter() - began) / 3))
"""
HEAR = """
import json, sys, time
import numpy as np
from helpers import pipeline
from helpers.records import Clip
idea = pipeline.load_idea(sys.argv[1])
n = round(float(sys.argv[2]) * idea.clip.sample_rate)
sound = np.tile(idea.clip.samples, (1, n // idea.clip.length + 1))[:, :n]
mono = np.ascontiguousarray(sound.mean(axis=0))
def ours():
    pipeline.analyze_idea(pipeline.Idea("x", Clip(sound, idea.clip.sample_rate), "0" * 64), tags=False)
def essentia():
    import essentia, essentia.standard as es
    essentia.log.infoActive = False
    es.RhythmExtractor2013(method="multifeature")(mono)
    es.KeyExtractor(profileType="bgate", sampleRate=idea.clip.sample_rate)(mono)
def librosa():
    import librosa
    librosa.beat.beat_track(y=mono, sr=idea.clip.sample_rate)
    librosa.feature.chroma_cqt(y=mono, sr=idea.clip.sample_rate).mean(axis=1)
work = {"ours": ours, "essentia": essentia, "librosa": librosa}[sys.argv[3]]
work() if n < 20 * idea.clip.sample_rate else None
began = time.perf_counter()
work()
print(json.dumps(time.perf_counter() - began))
"""


def environment(threads: bool) -> dict[str, str]:
    ours = {} if threads else {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")} | ours


def child(code: str, root: Path, *arguments: str, threads: bool) -> Any:
    """What a fresh process in ``root`` measured."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=root, env=environment(threads), capture_output=True, check=True)
    return json.loads(done.stdout)


def cold_seconds(root: Path, idea: str, threads: bool) -> float:
    """How long the command takes in a fresh process."""
    command = [sys.executable, "-m", "helpers", "make", idea, "--instrument", "electric piano", "--bars", "8"]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command += ["--takes", "3", "--seed", "3", "--out", folder]
        subprocess.run(command, cwd=root, env=environment(threads), capture_output=True, check=True)
        return time.perf_counter() - began


@contextmanager
def every_core_busy(wanted: bool) -> Iterator[None]:
    count = (os.cpu_count() or 1) if wanted else 0
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def making(roots: dict[str, Path], idea: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Medians over the rounds of each program, and of the ratios within each round."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in roots}
    for turn in range(arguments.rounds):
        for name, root in roots.items():
            whole, first, cpu = child(MAKE, root, idea, threads=arguments.threads)
            row = {"make_3x8_s": whole, "first_take_s": first, "first_take_share": first / whole, "processor_s": cpu}
            runs[name].append(row | {"cold_make_3x8_s": cold_seconds(root, idea, arguments.threads)})
            print(f"make, round {turn + 1}, {name}: {runs[name][-1]}", flush=True)
    found = {
        f"{name}_{figure}": statistics.median(row[figure] for row in rows)
        for name, rows in runs.items()
        for figure in rows[0]
    }
    if "older" in roots:
        for figure in ("make_3x8_s", "processor_s", "cold_make_3x8_s"):
            ratios = [a[figure] / b[figure] for a, b in zip(runs["this"], runs["older"], strict=True)]
            found[f"{figure[:-2]}_ratio"] = statistics.median(ratios)
    return found


def reading(roots: dict[str, Path], idea: str, seconds: float, arguments: argparse.Namespace) -> dict[str, float]:
    """Medians over the rounds of reading an mp3 of that length, and of the ratio within each round."""
    sound, rate = soundfile.read(idea, always_2d=True)
    runs: dict[str, list[float]] = {name: [] for name in roots}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/idea.mp3"
        soundfile.write(path, np.resize(sound, (round(seconds * rate), sound.shape[1])), rate)
        for _ in range(arguments.rounds):
            for name, root in roots.items():
                runs[name].append(child(READ, root, path, threads=arguments.threads))
    found = {f"read_{name}": statistics.median(row) for name, row in runs.items()}
    if "older" in runs:
        found["read_ratio"] = statistics.median(a / b for a, b in zip(runs["this"], runs["older"], strict=True))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", metavar="CLONE", help="an older clone of this repository")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lengths", type=float, nargs="*", default=[15, 60, 240, 600], metavar="SECONDS")
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--write", metavar="JSON")
    arguments = parser.parse_args()
    idea = str(ROOT / "helpers" / "sound" / "example_idea.wav")
    roots = {"this": ROOT} | ({"older": Path(arguments.against).resolve()} if arguments.against else {})
    found: dict[str, object] = {"load": os.getloadavg()[0], "cores": os.cpu_count()}
    with every_core_busy(arguments.busy):
        found |= making(roots, idea, arguments)
    for seconds in arguments.lengths:
        row = reading(roots, idea, seconds, arguments)
        for who in ("ours", "essentia", "librosa"):
            row[who] = statistics.median(
                child(HEAR, ROOT, idea, str(seconds), who, threads=arguments.threads) for _ in range(arguments.rounds)
            )
        row |= {f"ours/{who}": row["ours"] / row[who] for who in ("essentia", "librosa")}
        found[f"hear_{seconds:g}_s"] = row
        print(seconds, row, flush=True)
    text = json.dumps(found, indent=1)
    print(text)
    if arguments.write:
        Path(arguments.write).write_text(text + "\n")


if __name__ == "__main__":
    main()
