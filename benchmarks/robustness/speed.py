"""How quick: a warm run of three takes of eight bars, when its first loop is there, and hearing by length.

    python -m benchmarks.robustness.speed --against ../older-clone --rounds 3 --write benchmarks/results/speed.json

Each round starts one process for each program, in turn, so that a busy machine is as busy for all of them. The numbers
that count are ratios. ``--threads`` leaves BLAS its threads, as on a musician's machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

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
        began, first, done = time.perf_counter(), [], threading.Event()
        def watch():
            while not done.wait(0.005):
                if not first and list(Path(folder).glob("*.wav")):
                    first.append(time.perf_counter() - began)
        threading.Thread(target=watch, daemon=True).start()
        pipeline.make_loops(request, idea, analysis, folder)
        whole = time.perf_counter() - began
        done.set()
        return whole, first[0] if first else whole
run()
print(json.dumps(run()))
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


def child(code: str, root: Path, *arguments: str, threads: bool) -> object:
    """What a fresh process in ``root`` measured."""
    environment = dict(os.environ)
    if threads:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            environment.pop(name, None)
    command = [sys.executable, "-c", code, *arguments]
    return json.loads(subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", metavar="CLONE", help="an older clone of this repository")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lengths", type=float, nargs="*", default=[15, 60, 240, 600], metavar="SECONDS")
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--write", metavar="JSON")
    arguments = parser.parse_args()
    idea = str(ROOT / "helpers" / "sound" / "example_idea.wav")
    roots = {"this": ROOT} | ({"older": Path(arguments.against).resolve()} if arguments.against else {})
    found: dict[str, object] = {"load": os.getloadavg()[0], "cores": os.cpu_count()}
    made = {name: [] for name in roots}
    for turn in range(arguments.rounds):
        for name, root in roots.items():
            made[name].append(child(MAKE, root, idea, threads=arguments.threads))
            print(
                f"make, round {turn + 1}, {name}: {made[name][-1][0]:.2f} s, first {made[name][-1][1]:.2f} s",
                flush=True,
            )
    for name, runs in made.items():
        found[f"make_3x8_{name}_s"] = statistics.median(whole for whole, _ in runs)
        found[f"first_share_{name}"] = statistics.median(first / whole for whole, first in runs)
    if "older" in roots:
        found["make_3x8_ratio"] = statistics.median(
            a[0] / b[0] for a, b in zip(made["this"], made["older"], strict=True)
        )
    for seconds in arguments.lengths:
        row = {}
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
