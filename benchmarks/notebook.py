"""The notebook, from Save to the first take that can be played, and to the last; with and without its page.

    python -m benchmarks.notebook [--ideas 5] [--page]

Ideas of four bars at different tempi are saved and heard, then three takes are asked for, as the page does it. The
first idea warms the kernel up and is not counted. Wall clock and processor seconds of the kernel, with the machine's
load: on a busy machine the processor seconds say what a quiet one would take. With ``--page`` a JupyterLab and a
headless Chromium do what a musician does, from the click on Save to the card of the first take and to its sound; its
figures lie beside the others in ``results/notebook.json``.
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
STEPS = {"heard": "heard", "first": "first take", "sound": "it sounds", "all": "all three"}
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


def measure_in_page(page: Any, path: Path) -> dict[str, Any]:
    """One idea's way by clicks; seconds from the click on Save."""
    from tests.browser import actions

    def processor_seconds() -> float:
        return float(actions.kernel_says(page, "__import__('time').process_time()"))

    actions.choose(page, path)
    page.wait_for_selector("text=arrived")
    before, spent = page.locator(".lg-loop").count(), processor_seconds()
    row: dict[str, Any] = {"idea": path.stem, "load": os.getloadavg()[0]}
    began = time.perf_counter()
    page.click(".t-save")
    actions.wait_heard(page, path.name)
    row["heard_seconds"] = time.perf_counter() - began
    page.click('[data-key="generate"]')
    page.wait_for_function("(n) => document.querySelectorAll('.lg-loop').length > n", arg=before)
    row["first_seconds"] = time.perf_counter() - began
    actions.play(page)
    row["sound_seconds"] = time.perf_counter() - began
    row["sound_processor_seconds"] = processor_seconds() - spent
    actions.ready(page)
    row["all_seconds"] = time.perf_counter() - began
    page.keyboard.press("Escape")
    page.wait_for_timeout(1000)
    return row


def in_page(paths: list[Path], folder: Path) -> list[dict[str, Any]]:
    """All ideas in one JupyterLab."""
    from playwright.sync_api import sync_playwright

    from tests.browser.front import CHROMIUM, FLAGS, Front

    server = Front(folder / "lab", "lab")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        server.open(page)
        rows = [measure_in_page(page, path) for path in paths]
        browser.close()
    server.close()
    return rows


def without_page(paths: list[Path], folder: Path) -> list[dict[str, Any]]:
    """All ideas in this process."""
    notebook.display = lambda *_, **__: None  # nobody looks
    app = notebook.App(folder / "loops")
    app.show_mode()
    app.show_results()
    return [measure(app, path) for path in paths]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ideas", type=int, default=5)
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [write_idea(Path(folder), bpm) for bpm in 84.0 + 8.0 * np.arange(asked.ideas + 1)]
        rows = (in_page if asked.page else without_page)(paths, Path(folder))[1:]
    columns = {"idea": "idea", "load": "load"}
    for step, title in STEPS.items():
        columns |= {f"{step}_seconds": f"{title}, s", f"{step}_processor_seconds": "cpu s"}
    columns = {name: title for name, title in columns.items() if name in rows[0]}
    medians = {name: statistics.median(row[name] for row in rows) for name in columns if name != "idea"}
    print_table([*rows, {"idea": "median"} | medians], columns)
    made = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    made |= {"cores": os.cpu_count(), "in page" if asked.page else "kernel alone": {"median": medians, "ideas": rows}}
    RESULTS.write_text(json.dumps({k: v for k, v in made.items() if k not in ("median", "ideas")}, indent=2) + "\n")


if __name__ == "__main__":
    main()
