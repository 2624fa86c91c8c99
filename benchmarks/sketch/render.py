"""How long a sketch takes in this tree and in another one, side by side.

    python -m benchmarks.sketch.render OTHER_TREE [--rounds 4]

OTHER_TREE is a checkout of this project (``git worktree add /tmp/before COMMIT``). The trees take turns, a fresh
interpreter each, so that what else the machine does reaches both. A take is 8 bars at 120 BPM with new notes, composing
included, after one that warms up; told are the medians and their ratio. Prints a table, writes ``results/render.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "render.json"
INSTRUMENTS = ("drum kit", "808 kit", "piano", "bass guitar", "acoustic guitar", "strings", "synth lead", "warm pad")
TAKES = 3
_CHILD = """
import json, sys, time
from helpers.engines import registry
from helpers.planning import plan_request
engine, seconds = registry.get_engine("sketch"), {}
for name in json.loads(sys.argv[1]):
    request, _ = plan_request(None, instrument=name, bpm=120, key="A minor", bars=8, takes=1)
    engine.generate(request.with_(seed=0))
    seconds[name] = []
    for seed in range(1, 1 + int(sys.argv[2])):
        begin = time.process_time()
        engine.generate(request.with_(seed=seed))
        seconds[name].append(time.process_time() - begin)
print(json.dumps(seconds))
"""


def measure(tree: Path) -> dict[str, list[float]]:
    """Processor seconds of each take, by instrument, in a fresh interpreter of this Python."""
    words = [sys.executable, "-c", _CHILD, json.dumps(INSTRUMENTS), str(TAKES)]
    return json.loads(subprocess.run(words, cwd=tree, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=4)
    args = parser.parse_args()
    found: dict[Path, dict[str, list[float]]] = {
        tree: {name: [] for name in INSTRUMENTS} for tree in (args.other, ROOT)
    }
    for number in range(args.rounds):
        for tree, by_name in found.items():
            print(f"round {number + 1} of {args.rounds}: {tree.name}", file=sys.stderr, flush=True)
            for name, seconds in measure(tree).items():
                by_name[name] += seconds
    rows = {}
    print(f"{'8 bars of':16s} {'other':>7s} {'this':>7s} {'ratio':>6s}")
    for name in INSTRUMENTS:
        other, this = (statistics.median(by_name[name]) for by_name in found.values())
        rows[name] = {"other_seconds": round(other, 3), "seconds": round(this, 3), "ratio": round(this / other, 3)}
        print(f"{name:16s} {other:7.3f} {this:7.3f} {this / other:6.2f}")
    RESULTS.write_text(json.dumps({"takes": TAKES * args.rounds, "instruments": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
