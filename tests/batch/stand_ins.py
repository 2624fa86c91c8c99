"""Work that costs nothing, for workers that are real processes, and for a driver that is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from helpers.batch.jobs import plan_jobs
from helpers.batch.ledger import FAILED, REFUSED
from helpers.batch.run import Answer, run_batch
from helpers.export import SIDECAR_FORMAT
from helpers.records import Request


def hear(idea):
    return Answer(REFUSED, "is silent") if "silent" in idea else Answer(analysis={"idea": idea})


def files(settings):
    name = settings["instrument"].replace(" ", "-")
    request = Request(settings["instrument"], "bass", 120.0).to_json()
    document = {"format": SIDECAR_FORMAT, "request": request, "rank": 1, "score": 0.5}
    document |= {"take": {"seed": settings["seed"]}, "fit": {"verdict": "pass"}}
    return {f"{name}.wav": b"RIFF" + name.encode(), f"{name}.json": json.dumps(document).encode()}


def make(idea, settings, analysis, scratch=None):
    assert analysis["idea"] == idea
    time.sleep(float(settings.get("style") or 0))
    return Answer(files=files(settings))


def make_and_die(idea, settings, analysis, scratch=None):
    """The worker is killed once on the piano, and every time on the flute."""
    tried = Path(idea).with_suffix(".tried")
    if settings["instrument"] == "flute" or (settings["instrument"] == "piano" and not tried.exists()):
        tried.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return make(idea, settings, analysis)


def fail(idea, settings, analysis, scratch=None):
    return Answer(FAILED, "RuntimeError: out of luck")


class Threads:
    """A pool without processes; ``log`` holds what was run."""

    shares_disk = True
    workers = 3

    def __init__(self):
        self._executor, self.log = ThreadPoolExecutor(2), []

    def submit(self, function, *args) -> Future:
        self.log.append((function.__name__, args[0], args[1]["instrument"] if len(args) > 1 else ""))
        return self._executor.submit(function, *args)

    def close(self):
        self._executor.shutdown()


if __name__ == "__main__":  # a batch to be killed: IDEAS OUT
    jobs = plan_jobs([sys.argv[1]], ["piano", "flute", "drum kit"], {"style": "0.01"})
    run_batch(jobs, sys.argv[2], Threads(), hear=hear, make=make)
