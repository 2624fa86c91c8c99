"""The notebook without a page: from Save to the first take that can be played, and to the last.

    python -m benchmarks.notebook [--ideas 5]

Ideas of four bars at different tempi are saved and heard, then three takes are asked for, as the page does it. The
first idea warms the kernel up and is not counted. Wall clock and processor seconds of this process, with the machine's
load: on a busy machine the processor seconds say what a quiet one would take. Writes ``results/notebook.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import print_table
from helpers.records import Clip
from helpers.sound.audio import write_wav
from helpers.ui import app as notebook

RESULTS = Path(__file__).parent / "results" / "notebook.json"
STEPS = {"heard": "heard", "first": "first take plays", "all": "all three"}
RATE = 44_100


def write_idea(folder: Path, bpm: float) -> Path:
    """Four bars of kicks on the beat under a triad a bar: A minor, F, C, G."""
    t = np.arange(round(16 * 60 / bpm * RATE)) / RATE
    beat = t * bpm / 60
    sound = 0.6 * np.sin(2 * np.pi * 60 * t) * np.exp(-12 * (beat % 1))
    for bar, root in enumerate((57, 53, 48, 55)):
        for step in (0, 3 if bar == 0 else 4, 7):
            hz = 440 * 2 ** ((root + step - 69) / 12)
            sound += 0.1 * np.sin(2 * np.pi * hz * t) * (beat // 4 == bar)
    path = folder / f"idea {bpm:g}.wav"
    write_wav(path, Clip(np.stack([sound, sound]).astype(np.float32), RATE))
    return path


def measure(app: notebook.App, path: Path) -> dict[str, Any]:
    """One idea's way; seconds from Save, by the wall clock and of processor time."""
    began = time.perf_counter(), time.process_time()
    times: dict[str, tuple[float, float]] = {}

    def note(step: str) -> None:
        times.setdefault(step, (time.perf_counter() - began[0], time.process_time() - began[1]))

    def watch(change: dict[str, Any]) -> None:
        if change["new"] and change["new"][0].get("making") and change["new"][0]["loops"]:
            note("first")

    results = app._panels["results"]
    app.ideas.add(path)
    app.jobs.wait()
    note("heard")
    results.observe(watch, "groups")
    app.making.generate()
    app.jobs.wait()
    results.unobserve(watch, "groups")
    note("all")
    row: dict[str, Any] = {"idea": path.stem, "load": os.getloadavg()[0]}
    for step, (wall, cpu) in times.items():
        row |= {f"{step}_seconds": wall, f"{step}_processor_seconds": cpu}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ideas", type=int, default=5)
    count = parser.parse_args().ideas
    notebook.display = lambda *_, **__: None  # nobody looks
    with tempfile.TemporaryDirectory() as folder:
        app = notebook.App(Path(folder) / "loops")
        app.show_mode()
        app.show_results()
        rows = [measure(app, write_idea(Path(folder), bpm)) for bpm in 84.0 + 8.0 * np.arange(count + 1)][1:]
    columns = {"idea": "idea", "load": "load"}
    for step, title in STEPS.items():
        columns |= {f"{step}_seconds": f"{title}, s", f"{step}_processor_seconds": "cpu s"}
    medians = {name: statistics.median(row[name] for row in rows) for name in columns if name != "idea"}
    print_table([*rows, {"idea": "median"} | medians], columns)
    RESULTS.write_text(json.dumps({"cores": os.cpu_count(), "median": medians, "ideas": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
