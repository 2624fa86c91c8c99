"""Real runs that end badly: killed at random moments, asked to end, on a disk that is full. What is left?

    python -m benchmarks.robustness.ends kills --count 40
    python -m benchmarks.robustness.ends signals --count 10
    python -m benchmarks.robustness.ends disks --count 10        (mounts small disks in memory: needs root)

A loop is *half* when one of its files is missing, empty or unreadable; *left* is what the next start does not sweep.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import soundfile

ROOT = Path(__file__).resolve().parents[2]
IDEA = ROOT / "helpers" / "sound" / "example_idea.wav"
SWEEP = "import sys; from helpers.machine.files import staging\nwith staging(sys.argv[1]): pass"


def start(out: Path, bars: int = 1, takes: int = 8) -> subprocess.Popen:
    """A run of the command line in a process of its own."""
    command = [sys.executable, "-m", "helpers", "make", str(IDEA), "--instrument", "electric piano"]
    command += ["--bars", str(bars), "--takes", str(takes), "--seed", "5", "--out", str(out)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def half_loops(out: Path) -> list[str]:
    """Names of files in ``out`` that are no part of a complete loop."""
    if not out.is_dir():
        return []
    shown = [p for p in out.iterdir() if not p.name.startswith(".")]
    bad = [p.name for p in shown if not p.with_suffix(".wav").exists() or not p.with_suffix(".json").exists()]
    for path in shown:
        try:
            if path.suffix == ".json":
                expected = json.loads(path.read_text(encoding="utf-8"))["fit"]["samples"]
                if soundfile.info(path.with_suffix(".wav")).frames != expected:
                    bad.append(path.name)
        except (OSError, ValueError, KeyError, soundfile.SoundFileError):
            bad.append(path.name)
    return bad


def hidden(out: Path) -> list[str]:
    return [p.name for p in out.glob(".*")] if out.is_dir() else []


def typical_seconds() -> float:
    """How long a whole run takes here and now."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        start(Path(folder) / "out").communicate()
        return time.monotonic() - began


def end_at_random(count: int, number: int, seed: int) -> collections.Counter:
    """Send a signal at a random moment of each run, then look, then let the next start sweep, then look again."""
    rng, found, seconds = random.Random(seed), collections.Counter(), typical_seconds()
    for turn in range(count):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            process = start(out)
            time.sleep(rng.uniform(0.2, 1.0) * seconds)
            process.send_signal(number)
            _, said = process.communicate()
            found["runs"] += 1
            found["ended before the signal"] += process.returncode == 0
            found["half"] += bool(half_loops(out))
            found["hidden at once"] += bool(hidden(out))
            found["traceback"] += "Traceback" in said
            if number != signal.SIGKILL:
                found["clean status"] += process.returncode in (0, 128 + number)
            found["complete loops there"] += len(list(out.glob("*.wav"))) if out.is_dir() else 0
            if out.is_dir():
                subprocess.run([sys.executable, "-c", SWEEP, str(out)], cwd=ROOT, check=True)
            found["left after the next start"] += bool(hidden(out))
        print(f"{turn + 1}: {dict(found)}", flush=True)
    return found


@contextmanager
def small_disk(kilobytes: int):
    """A disk in memory of a few MB."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def full_disks(count: int) -> collections.Counter:
    """Runs on disks that fill up at different moments: between nothing and the whole set fits."""
    found = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        start(Path(folder) / "out").communicate()
        whole = sum(p.stat().st_size for p in (Path(folder) / "out").iterdir()) >> 10
    for turn in range(count):
        with small_disk(max(64, round(whole * (turn + 0.5) / count))) as disk:
            out = disk / "out"
            process = start(out)
            _, said = process.communicate()
            last = said.strip().splitlines()[-1]
            names = [p.name for p in out.glob("*.wav")] if out.is_dir() else []
            found["runs"] += 1
            found["one sentence, status 2"] += process.returncode == 2 and "No space left" in last
            found["half"] += bool(half_loops(out))
            found["left"] += bool(hidden(out))
            found["complete loops there"] += len(names)
            found["not named"] += sum(name not in last for name in names)
        print(f"{turn + 1}: {dict(found)} {last[:200]}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "signals", "disks"))
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.what == "disks":
        found = full_disks(arguments.count)
    else:
        number = signal.SIGKILL if arguments.what == "kills" else signal.SIGTERM
        found = end_at_random(arguments.count, number, arguments.seed)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
