"""A worker that takes the requests of helpers.engines.audiocraft.worker and misbehaves on demand.

LOOPS_STANDIN names the fault: ``crash``, ``segfault``, ``killed``, ``hang``, ``memory``, ``no-start``. Its "music" is
made of the seed, the words and the guide, so that tests can tell takes apart.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

RATE, STEPS = 32_000, 20


def misbehave(kind):
    print("about to fail with hf_secret0123456789", file=sys.stderr, flush=True)
    if kind == "crash":
        os._exit(3)
    elif kind == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "hang":
        time.sleep(60)
    elif kind == "memory":
        raise MemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def make(order, take):
    for step in range(STEPS):
        print(f"progress\tSampling\t{step + 1}\t{STEPS}", file=sys.stderr, flush=True)
        if step == 3:
            misbehave(os.environ.get("LOOPS_STANDIN", ""))
        time.sleep(float(os.environ.get("LOOPS_STANDIN_STEP", "0")))
    text = json.dumps([order["prompt"], take["seed"]])
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    samples = rng.uniform(-0.5, 0.5, (1, round(order["seconds"] * RATE))).astype(np.float32)
    if order["guide"]:
        samples[:, 0] = np.load(order["guide"]).max() + order["lead_seconds"]
    np.save(take["file"], samples)


def main(file):
    if os.environ.get("LOOPS_STANDIN") == "no-start":
        print("ImportError: no such symbol", file=sys.stderr)
        return 1
    order = json.loads(Path(file).read_text(encoding="utf-8"))
    for take in order["takes"]:
        make(order, take)
    answer = {"audiocraft": "1.3.0", "torch": "2.13.0", "sample_rate": RATE, "window_seconds": 30.0}
    answer["melody"] = "melody" in order["model"]
    Path(file).with_name("answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
