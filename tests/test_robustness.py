"""A short run of benchmarks/robustness: some of its cases at every door, and its driver."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.robustness import doors, run
from benchmarks.robustness.mutate import spoil

ROOT = Path(__file__).resolve().parent.parent
SEED = 20_261


@pytest.mark.parametrize(
    ("door", "count"), [("read", 22), ("json", 150), ("soundfont", 10), ("analyze", 6), ("make", 2)]
)
def test_no_case_ends_badly(door, count, monkeypatch):
    monkeypatch.setenv("LOOPS_SOUNDFONT", "")
    ends = {number: doors.run_case(door, number, SEED) for number in range(count)}
    assert {n: e for n, e in ends.items() if e[0] not in ("accepted", "refused")} == {}
    assert any(end == "accepted" for end, _ in ends.values()), "nothing came through: the cases test nothing"


def test_a_case_is_the_same_again():
    data = bytes(range(256)) * 40
    once, again = (spoil(data, [data], np.random.default_rng((3, 4))) for _ in range(2))
    assert once == again != data


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_the_driver_counts_resumes_and_ends_what_hangs(tmp_path):
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "benchmarks.robustness.run", "json", "--log", str(log)]
    for count in ("4", "6"):
        done = subprocess.run(
            [*command, "--count", count], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert sorted(row["n"] for row in rows) == list(range(6))
    assert run.summary([str(log)])["json"]["cases"] == 6
    worker = run.Worker(["json", "--seed", "1"])
    worker._command = [sys.executable, "-c", "import time; time.sleep(60)"]
    worker.start()
    assert worker.run(0, 0.2)["end"] == "hang"
    worker._command = [sys.executable, "-c", "input()"]
    worker.start()
    assert worker.run(0, 20)["end"] == "crash"
