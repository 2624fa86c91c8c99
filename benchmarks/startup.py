"""Cold start: what importing each part costs, and how long the first commands take.

    python -m benchmarks.startup [--runs 5]

Every figure is a fresh interpreter: the best of several runs, wall clock and processor time, and which heavy libraries
it loaded. "without torch" hides the neural packages, as on a machine that has only the core. Prints a table and writes
``results/startup.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import print_table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "startup.json"
NEURAL = ("torch", "diffusers", "transformers", "accelerate")
HEAVY = (
    *NEURAL,
    "librosa",
    "essentia",
    "scipy",
    "numba",
    "sklearn",
    "soundfile",
    "ipywidgets",
    "matplotlib",
)


def _command(*words: str) -> str:
    """Python statements that do what ``python -m helpers WORDS`` does."""
    return f"import runpy, sys; sys.argv = {['helpers', *words]!r}; runpy.run_module('helpers', run_name='__main__')"


# name -> (Python statements, hide the neural packages)
STARTS = {
    "python itself": ("pass", False),
    "import numpy": ("import numpy", False),
    "import helpers": ("import helpers", False),
    "import helpers.pipeline": ("import helpers.pipeline", False),
    "import helpers.engines.registry": ("import helpers.engines.registry", False),
    "import helpers.ui": ("import helpers.ui", False),
    "helpers --help": (_command("--help"), False),
    "helpers --help, without torch": (_command("--help"), True),
    "helpers engines": (_command("engines"), False),
    "helpers engines, without torch": (_command("engines"), True),
}

# Runs the statements with their output thrown away, and reports afterwards what had been loaded.
_PROBE = """
import atexit, os, sys
hide, heavy, code = {hide!r}, {heavy!r}, {code!r}
if hide:
    from importlib.machinery import PathFinder
    find = PathFinder.find_spec
    PathFinder.find_spec = lambda name, *rest: None if name.split(".")[0] in hide else find(name, *rest)
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
atexit.register(lambda: os.write(out, " ".join(m for m in heavy if m in sys.modules).encode()))
exec(code)
"""


def measure_start(code: str, hidden: tuple[str, ...], runs: int) -> dict[str, object]:
    """Best wall and processor seconds of a fresh interpreter that runs ``code``, and the heavy libraries it loaded."""
    probe = _PROBE.format(hide=hidden, heavy=HEAVY, code=code)
    best = None
    for _ in range(runs):
        used, start = os.times(), time.perf_counter()
        done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
        wall, after = time.perf_counter() - start, os.times()
        if done.returncode:
            return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
        busy = after.children_user + after.children_system - used.children_user - used.children_system
        if best is None or wall < best["seconds"]:
            best = {"seconds": round(wall, 3), "cpu_seconds": round(busy, 3), "loaded": done.stdout.split()}
    return best


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where to write the JSON")
    chosen = parser.parse_args(arguments)
    rows = []
    for name, (code, hide) in STARTS.items():
        row = {"start": name, **measure_start(code, NEURAL if hide else (), chosen.runs)}
        rows.append(row)
    shown = [row | {"loaded": " ".join(row.get("loaded", ())) or "-"} for row in rows]
    columns = {"start": "start", "seconds": "wall s", "cpu_seconds": "cpu s", "loaded": "heavy libraries loaded"}
    print_table(shown, columns | {"failed": "failed"})
    machine = {"cores": os.cpu_count(), "python": sys.version.split()[0]}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 1 if any("failed" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
