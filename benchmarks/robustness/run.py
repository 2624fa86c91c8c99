"""Throw spoiled input at a door, in worker processes with limits, and count how it ended.

    python -m benchmarks.robustness.run read --count 20000 --workers 2 --log read.jsonl
    python -m benchmarks.robustness.run --summary *.jsonl --write benchmarks/results/robustness.json

Case ``n`` of a seed is the same file on every machine. A log is continued where it stopped. Ends: ``accepted``,
``refused``; and those that must not be: ``fault`` (an exception that is no sentence of ours), ``broken`` (a promise
about the result), ``crash`` (the worker died), ``hang`` (more than --seconds of processor time, or eight times that by
the clock, so that a busy machine counts no case as hanging), ``memory`` (more than --megabytes).
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

BAD = ("fault", "broken", "crash", "hang", "memory")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def work(door: str, seed: int) -> None:
    """A worker: case numbers on stdin, one JSON line about each on stdout."""
    from . import doors

    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        number = int(line)
        with suppress(OSError):
            _CLEAR.write_text("5")  # Linux: forget the peak so far
        began = sum(os.times()[:4])
        end, more = doors.run_case(door, number, seed)
        row = {"n": number, "end": end, "more": more, "seconds": round(sum(os.times()[:4]) - began, 3)}
        if _STATUS.exists():
            row["mb"] = int(re.search(r"VmHWM:\s*(\d+)", _STATUS.read_text())[1]) >> 10
        print(json.dumps(row), file=out, flush=True)


class Worker:
    """One worker process, replaced when it dies or has to be ended."""

    def __init__(self, arguments: list[str]) -> None:
        self._command = [sys.executable, "-m", "benchmarks.robustness.run", "--work", *arguments]
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._pump, args=(self._process, self._lines), daemon=True).start()

    def run(self, number: int, seconds: float) -> dict:
        if self._process is None:
            self.start()
            seconds += 60  # it has to import everything
        process = self._process
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self.end()
            return {"n": number, "end": "hang", "more": "", "seconds": seconds}
        if line:
            return json.loads(line)
        code = process.wait()
        self.end()
        return {"n": number, "end": "crash", "more": f"status {code}", "seconds": 0.0}

    @staticmethod
    def _pump(process: subprocess.Popen, lines: queue.SimpleQueue) -> None:
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def drive(arguments: argparse.Namespace) -> collections.Counter:
    """Run what the log does not hold yet; returns the count of every end."""
    log = Path(arguments.log)
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {row["n"] for row in rows}
    ends = collections.Counter(row["end"] for row in rows)
    todo = iter([n for n in range(arguments.first, arguments.first + arguments.count) if n not in done])
    lock, stop = threading.Lock(), time.monotonic() + arguments.minutes * 60

    def serve(file) -> None:
        worker = Worker([arguments.door, "--seed", str(arguments.seed)])
        while time.monotonic() < stop:
            with lock:
                number = next(todo, None)
            if number is None:
                break
            row = worker.run(number, 8 * arguments.seconds)
            if row["end"] not in BAD and row["seconds"] > arguments.seconds:
                row["end"] = "hang"
            if row["end"] not in BAD and row.get("mb", 0) > arguments.megabytes:
                row["end"] = "memory"
            with lock:
                file.write(json.dumps({"door": arguments.door, "seed": arguments.seed, **row}) + "\n")
                file.flush()
                ends[row["end"]] += 1
                if row["end"] in BAD:
                    print(row, flush=True)
                if sum(ends.values()) % 500 == 0:
                    print(f"{arguments.door}: {dict(ends)}", flush=True)
        worker.end()

    with log.open("a") as file:
        threads = [threading.Thread(target=serve, args=(file,)) for _ in range(arguments.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return ends


def summary(logs: list[str]) -> dict[str, dict]:
    """For each door: how many cases, how each ended, the slowest, and the most memory."""
    doors: dict[str, dict] = {}
    for log in logs:
        for line in Path(log).read_text().splitlines():
            row = json.loads(line)
            door = doors.setdefault(row["door"], {"cases": 0, "ends": collections.Counter(), "slowest_s": 0.0, "mb": 0})
            door["cases"] += 1
            door["ends"][row["end"]] += 1
            door["slowest_s"] = max(door["slowest_s"], row["seconds"])
            door["mb"] = max(door["mb"], row.get("mb", 0))
    return doors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("door", nargs="?", help="read, analyze, make, json or soundfont")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--megabytes", type=int, default=1500)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so long; the log can be continued")
    parser.add_argument("--log", default="robustness.jsonl")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--summary", nargs="+", metavar="LOG")
    parser.add_argument("--write", metavar="JSON")
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.door, arguments.seed)
        return 0
    if arguments.summary:
        text = json.dumps(summary(arguments.summary), indent=1)
        print(text)
        if arguments.write:
            Path(arguments.write).write_text(text + "\n")
        return 0
    ends = drive(arguments)
    print(f"{arguments.door}: {dict(ends)}")
    return int(any(ends[end] for end in BAD))


if __name__ == "__main__":
    sys.exit(main())
