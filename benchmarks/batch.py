"""Batches: loops a minute by workers, memory a worker, and a cluster of simulated GPUs whose actors die.

    python -m benchmarks.batch IDEA [IDEA ...]                # this machine: 1 worker against 2, memory over many loops
    python -m benchmarks.batch --cluster [--jobs 1000]        # Ray: 8 declared GPUs, a stand-in engine, 5 % deaths
    python -m benchmarks.batch --cost                         # the table of docs/scale.md, from what was measured

The first makes real sketch loops. The second replaces the engine by a wait as long as it took on a GPU, so what is
measured is the driver: utilisation is the seconds that jobs asked for over the seconds that all GPUs were held.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from helpers.batch.jobs import Job, plan_jobs
from helpers.batch.ledger import LedgerRow
from helpers.batch.pool import LocalPool, RayPool
from helpers.batch.run import Answer, run_batch
from helpers.batch.run import make as make_loops

RESULTS = Path(__file__).resolve().parent / "results" / "batch.json"
ENGINES = RESULTS.with_name("engines-gpu.json")
SCALE = RESULTS.parents[2] / "docs" / "scale.md"
COST = re.compile(r"(<!-- cost: .*?-->\n).*?(\n<!-- /cost -->)", re.DOTALL)
INSTRUMENTS = ["bass guitar", "piano", "drum kit", "warm pad", "synth lead", "flute"]
GPUS, DEATHS = 8, 0.05
JOB = ("stable-audio-open", 4)  # what the stand-in takes as long as: engine and takes of a job


def make_and_weigh(idea: str, settings: dict[str, Any], analysis: Any, scratch: str | None = None) -> Answer:
    """The real work; what the worker holds after it and held at most so far travels as a file of the job."""
    made = make_loops(idea, settings, analysis, scratch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    made.files["memory.txt"] = f"{os.getpid()} {_resident_mib()} {peak:.0f}".encode()
    return made


def job_seconds() -> float:
    """What the job took on the GPU that was measured."""
    (row,) = (r for r in json.loads(ENGINES.read_text())["rows"] if (r["engine"], r["takes"]) == JOB)
    return float(row["ours_seconds"])


def hear_nothing(idea: str) -> Answer:
    return Answer(analysis={})


def wait_or_die(idea: str, settings: dict[str, Any], analysis: Any, scratch: str | None = None) -> Answer:
    """A job of known length; by chance the actor dies somewhere in it."""
    chance, seconds = random.Random(os.urandom(8)), job_seconds()
    if chance.random() < DEATHS:
        time.sleep(seconds * chance.random())
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(seconds)
    return Answer(files={"loop.wav": b"0" * 1_000_000, "loop.json": b"{}"})


def loops_a_minute(ideas: list[str], workers: int, jobs: int) -> tuple[float, list[list[tuple[int, int]]]]:
    """Loops a minute with ``workers``; of each worker, job by job, the MiB it held afterwards and the peak so far."""
    rows: list[Job] = []
    with tempfile.TemporaryDirectory() as folder:
        while len(rows) < jobs:  # round after round, each with copies of the ideas, which are heard again
            copies = [shutil.copy(idea, f"{folder}/{len(rows)}-{Path(idea).name}") for idea in ideas]
            rows += plan_jobs(copies, INSTRUMENTS, {"takes": "1", "bars": "4", "seed": str(len(rows))})
        pool = LocalPool(workers)
        try:
            run_batch(rows[:workers], folder, pool, make=make_and_weigh)  # workers start and import
            began = time.perf_counter()
            summary = run_batch(rows[:jobs], folder, pool, make=make_and_weigh)
            seconds = time.perf_counter() - began
        finally:
            pool.close()
        found: dict[str, list[tuple[int, int]]] = {}
        for path in sorted(Path(folder).rglob("memory.txt"), key=lambda p: p.stat().st_mtime):
            worker, held, peak = path.read_text().split()
            found.setdefault(worker, []).append((int(held), int(peak)))
        loops = sum(len(row.loops) for row in summary.rows) - workers
        return 60 * loops / seconds, list(found.values())


def worker_memory(jobs: list[tuple[int, int]]) -> dict[str, Any]:
    """What one worker held after its jobs: medians of the fifth after warm-up (a fifth too) and of the last."""
    held, fifth = [mib for mib, _ in jobs], len(jobs) // 5
    warm = held[fifth:]
    return {
        "loops": len(jobs), "held_mib_early": median(warm[:fifth]), "held_mib_late": median(warm[-fifth:]),
        "held_mib_least_and_most": [min(warm), max(warm)], "peak_mib": jobs[-1][1],
        "held_mib_at_each_tenth": held[:: max(1, len(held) // 10)],
    }  # fmt: skip


def cluster(jobs: int) -> dict[str, Any]:
    import ray

    ray.init(num_cpus=2, num_gpus=GPUS, include_dashboard=False, log_to_driver=False, object_store_memory=2 * 10**8)
    with tempfile.TemporaryDirectory() as folder:
        idea = Path(folder) / "idea.wav"
        idea.write_bytes(b"idea")
        planned = [job for seed in range(jobs) for job in plan_jobs([idea], ["piano"], {"seed": str(seed)})]
        pool = RayPool("local")
        began, driver_mib = time.perf_counter(), [_resident_mib()]

        def weigh(row: LedgerRow, ended: int, of: int, seconds_left: float | None) -> None:
            if ended % (jobs // 10) == 0:
                driver_mib.append(_resident_mib())

        try:
            summary = run_batch(planned, Path(folder) / "out", pool, weigh, hear=hear_nothing, make=wait_or_die)
        finally:
            seconds = time.perf_counter() - began
            pool.close()
    for row in summary.rows:
        if row.state != "done":
            print(row)
    return {
        "jobs": jobs, "done": summary.count("done"), "failed": summary.count("failed"), "seconds": round(seconds, 1),
        "seconds_a_job": job_seconds(),
        "utilisation": round(summary.count("done") * job_seconds() / (GPUS * seconds), 3),
        "driver_mib_at_each_tenth": driver_mib,
    }  # fmt: skip


def cost_markdown() -> str:
    """Hours that 1,000 loops take on one device, by engine, from the committed measurements alone."""
    lines = ["| engine | takes at once | seconds a loop | hours per 1,000 loops | of |", "|---|---|---|---|---|"]
    measured = json.loads(ENGINES.read_text())
    device = measured["machine"]["name"].removeprefix("NVIDIA ")
    rows = [(r["engine"], str(r["takes"]), r["ours_seconds"] / r["takes"], device) for r in measured["rows"]]
    sketch = 60 / json.loads(RESULTS.read_text())["machine"]["loops_a_minute"]["1"]
    for engine, takes, seconds, of in [("sketch", "1", sketch, "one processor core"), *rows]:
        lines.append(f"| `{engine}` | {takes} | {seconds:.2f} | {seconds / 3.6:.2f} | {of} |")
    return "\n".join(lines)


def _resident_mib() -> int:
    """What this process holds now (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ideas", nargs="*")
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.cost:
        SCALE.write_text(COST.sub(lambda found: found[1] + cost_markdown() + found[2], SCALE.read_text()))
        return
    results = json.loads(args.out.read_text()) if args.out.exists() else {}
    if args.cluster:
        results["cluster"] = cluster(args.jobs or 1000)
    else:
        jobs = args.jobs or 24
        (one, alone), (two, both) = (loops_a_minute(args.ideas, workers, jobs) for workers in (1, 2))
        results["machine"] = {
            "jobs": jobs, "loops_a_minute": {"1": round(one, 1), "2": round(two, 1)}, "ratio": round(two / one, 2),
            "workers": [worker_memory(held) for held in (*alone, *both)],
        }  # fmt: skip
    args.out.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
