"""A worker that speaks the protocol of helpers.engines.audiocraft.worker and misbehaves on demand.

LOOPS_STANDIN names the fault: ``crash``, ``segfault``, ``killed``, ``hang``, ``garbage``, ``flood``, ``memory``,
``deaf`` (does not hear a cancel), ``slow-load``, ``no-start``, ``misses-a-part`` (loads only when it may download).
A file named by LOOPS_STANDIN_ONCE ends the fault after its first time. Its "music" is made of the seed, the words and
the guide, so that tests can tell takes apart.
"""

import hashlib
import json
import os
import signal
import sys
import threading
import time

import numpy as np

RATE, FRAME_RATE, STEPS = 32_000, 50, 20


def fault() -> str:
    """The fault to show now, if any."""
    once = os.environ.get("LOOPS_STANDIN_ONCE")
    if once:
        if os.path.exists(once):
            return ""
        with open(once, "w", encoding="utf-8"):
            pass
    return os.environ.get("LOOPS_STANDIN", "")


def say(number, **facts):
    sys.stdout.write(json.dumps({"id": number, **facts}) + "\n")
    sys.stdout.flush()


def misbehave(kind, number):
    print("about to fail with hf_secret0123456789", file=sys.stderr, flush=True)
    if kind == "crash":
        os._exit(3)
    elif kind == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "hang":
        time.sleep(60)
    elif kind == "garbage":
        sys.stdout.buffer.write(b"\xff\xfe Loading checkpoint shards: 100%\n")
        sys.stdout.flush()
        time.sleep(60)
    elif kind == "flood":
        sys.stdout.write("x" * (3 << 20))
        sys.stdout.flush()
        time.sleep(60)
    elif kind == "memory":
        raise MemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def generate(number, request, cancelled):
    kind = fault()
    for step in range(STEPS):
        say(number, **{"is": "progress"}, stage="Sampling", done=step + 1, total=STEPS)
        if step == 3:
            misbehave(kind, number)
        time.sleep(float(os.environ.get("LOOPS_STANDIN_STEP", "0")))
        if number in cancelled and kind != "deaf":
            raise InterruptedError
    text = json.dumps([request["prompt"], request["seed"]])
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    samples = rng.uniform(-0.5, 0.5, (1, round(request["seconds"] * RATE))).astype(np.float32)
    if request.get("continued"):
        lead = np.load(request["continued"])
        samples[:, : lead.shape[1]] = lead
        samples[:, lead.shape[1]] = 0.75
    if request.get("melody"):
        samples[:, 0] = np.load(request["melody"]).max()
    np.save(request["file"], samples)
    facts = {"told": sorted(request), "pid": os.getpid()}
    say(number, **{"is": "take"}, file=request["file"], sample_rate=RATE, channels=1, samples=samples.shape[1], **facts)


def main():
    if os.environ.get("LOOPS_STANDIN") == "no-start":
        print("ImportError: no such symbol", file=sys.stderr)
        return 1
    requests, cancelled = [], set()
    ready = threading.Semaphore(0)

    def listen():
        for line in sys.stdin:
            request = json.loads(line)
            if request["do"] == "cancel":
                cancelled.add(request["id"])
            elif request["do"] == "close":
                break
            else:
                requests.append(request)
                ready.release()
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        ready.acquire()
        request = requests.pop(0)
        number, what = request.pop("id"), request.pop("do")
        try:
            if what == "hello":
                say(number, **{"is": "hello"}, audiocraft="1.3.0", torch="2.13.0", device="Stand-in GPU", style=False)
            elif what == "load":
                if os.environ.get("LOOPS_STANDIN") == "slow-load":
                    time.sleep(60)
                if os.environ.get("LOOPS_STANDIN") == "misses-a-part" and os.environ.get("HF_HUB_OFFLINE") == "1":
                    say(number, **{"is": "error"}, kind="download", text="not in the cache")
                    continue
                facts = {"sample_rate": RATE, "channels": 1, "frame_rate": FRAME_RATE, "window_seconds": 30.0}
                say(number, **{"is": "loaded"}, hears_melody="melody" in request["model"], **facts)
            elif what == "generate":
                generate(number, request, cancelled)
        except InterruptedError:
            say(number, **{"is": "error"}, kind="cancelled", text="cancelled")
        except MemoryError as error:
            say(number, **{"is": "error"}, kind="memory", text=str(error))


if __name__ == "__main__":
    sys.exit(main())
