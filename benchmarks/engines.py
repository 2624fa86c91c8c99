"""Our runners against the libraries' own, on the same weights: one command on any machine.

    python -m benchmarks.engines                    # on CUDA: full size, random weights, 8 s loops, 1, 4 and 8 takes
    python -m benchmarks.engines --tiny             # on a CPU in a minute: tiny models; also checks itself
    python -m benchmarks.engines --engines musicgen-small --takes 1 4 --dtype float16

Random weights do the same work as trained ones and need no download; what is measured is time and memory, not sound.
For every engine and number of takes: seconds from encoded words to audio on the host, ours and theirs; milliseconds and
launches a step; the share of the ceiling ours reaches, where the ceiling is the slower of computing and moving at the
speeds measured on this device just before; peak memory, weights included. "agreement" is how far one step of ours is
from the library's on the same input. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.engine_cases import CASES, Case, make_case
from benchmarks.measure import count_launches, describe_machine, print_table, time_run
from helpers.errors import LoopsError

RESULTS = Path(__file__).resolve().parent / "results"
DEFAULT_CASES = (
    "stable-audio-open", "audioldm2-music", "musicgen-small", "musicgen-medium", "musicgen-large", "musicgen-melody"
)  # fmt: skip
TINY_CASES = ("stable-audio-open", "audioldm2-music", "musicgen-small", "musicgen-stereo-small", "musicgen-melody")
# What rounding alone explains for one step, by precision.
AGREEMENT = {"float32": 1e-4, "float16": 0.03, "bfloat16": 0.2}
COLUMNS = {
    "engine": "engine",
    "takes": "takes",
    "ours_seconds": "ours s",
    "theirs_seconds": "theirs s",
    "speedup": "times",
    "ours_ms_per_step": "ours ms/step",
    "theirs_ms_per_step": "theirs",
    "ours_launches": "ours launches",
    "theirs_launches": "theirs",
    "ceiling_percent": "% of ceiling",
    "ours_peak_gib": "ours GiB",
    "theirs_peak_gib": "theirs",
    "how": "steps",
}


def measure_case(case: Case, name: str, takes: list[int], steps: int | None, repeats: int, speed) -> list[dict]:
    """One row for every number of takes."""
    steps = steps or case.full_steps
    few = max(6, min(steps, case.full_steps) // 4)
    launches, rows = {}, []
    for side in ("ours", "theirs"):
        case.place(side)
        launches[side] = _launches_per_step(getattr(case, side), case.device)
    for count in takes:
        row = {"engine": name, "takes": count, "steps": steps, "seconds_of_audio": case.seconds}
        for side in ("ours", "theirs"):
            case.place(side)
            times = repeats if side == "ours" else 1  # theirs is the slower one, and warmed up all the same
            row |= {f"{side}_{key}": value for key, value in _time_side(case, side, count, steps, few, times).items()}
            row[f"{side}_launches"] = launches[side].get("launched")
            row[f"{side}_launches_detail"] = launches[side]
        row["how"] = case.how
        if row["ours_seconds"] and row["theirs_seconds"]:
            row["speedup"] = round(row["theirs_seconds"] / row["ours_seconds"], 2)
        work = case.work(count, steps)
        if work is not None and speed is not None and row["ours_seconds"]:
            ideal = max(work.flops / speed.flops_per_second, work.moved_bytes / speed.bytes_per_second)
            row["ceiling_seconds"] = round(ideal, 4)
            row["ceiling_percent"] = round(100 * ideal / row["ours_seconds"], 1)
            row["bound_by"] = "bandwidth" if work.moved_bytes / speed.bytes_per_second == ideal else "compute"
        rows.append(row)
    return rows


def _time_side(case: Case, side: str, takes: int, steps: int, few: int, repeats: int) -> dict:
    """Seconds of a whole run, of a step (from the difference to a shorter run), and peak memory; or why not."""
    import torch

    run = getattr(case, side)
    try:
        whole = time_run(lambda: run(takes, steps), case.device, repeats=repeats)
        short = time_run(lambda: run(takes, few), case.device, repeats=repeats) if steps > few else None
    except torch.OutOfMemoryError:
        _free()
        return {"seconds": None, "ms_per_step": None, "peak_gib": None, "failed": "out of memory"}
    except (ImportError, LoopsError) as error:
        return {"seconds": None, "ms_per_step": None, "peak_gib": None, "failed": _first_words(error)}
    per_step = None if short is None else 1e3 * (whole.seconds - short.seconds) / (steps - few)
    return {
        "seconds": round(whole.seconds, 4),
        "ms_per_step": None if per_step is None else round(per_step, 3),
        "peak_gib": None if whole.peak_gib is None else round(whole.peak_gib, 2),
    }


def _launches_per_step(run, device: str, few: int = 8) -> dict[str, float]:
    """From the difference of two runs, so that what happens once does not count; empty where a package is missing."""
    try:
        fewer, more = (count_launches(lambda n=n: run(1, n), device) for n in (few, few + 4))
    except ImportError:
        return {}
    return more.per_step(fewer, 4)


def _first_words(error: Exception) -> str:
    """As much of an error as fits into a table."""
    return " ".join(str(error).split())[:100]


def measure_samplers(device: str, takes: int = 4, steps: int = 100, shape: tuple = (64, 1024)) -> dict | None:
    """Milliseconds a step of Stable Audio's sampler alone, tree against direct draws; None without torchsde."""
    import torch

    from helpers.engines.fast.noise import Solver, plan_cosine_steps
    from helpers.engines.fast.streams import TakeStreams

    try:
        import torchsde  # noqa: F401
    except ImportError:
        return None
    from diffusers import CosineDPMSolverMultistepScheduler

    velocity = torch.zeros(takes, *shape, device=device)

    def ours():
        solver = Solver(plan_cosine_steps(steps), TakeStreams(range(takes), "benchmark"), shape, device)
        solver.start()
        for step in range(steps):
            solver.load_noise(step)
            solver.update(velocity)

    def theirs():
        scheduler = CosineDPMSolverMultistepScheduler(sigma_min=0.3, sigma_max=500, sigma_schedule="exponential")
        scheduler.set_timesteps(steps, device=device)
        seeds = [torch.Generator(device).manual_seed(take) for take in range(takes)]
        x = torch.zeros_like(velocity)
        for time in scheduler.timesteps:
            x = scheduler.step(velocity, time, x, generator=seeds).prev_sample

    with torch.no_grad():
        milliseconds = [1e3 * time_run(run, device, warmups=0).seconds / steps for run in (ours, theirs)]
    ours_ms, theirs_ms = (round(value, 3) for value in milliseconds)
    return {"takes": takes, "ours_ms_per_step": ours_ms, "tree_ms_per_step": theirs_ms,
            "times": round(theirs_ms / ours_ms, 1)}  # fmt: skip


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU; fails if ours disagrees")
    parser.add_argument("--engines", nargs="+", choices=CASES, help=f"default: {' '.join(DEFAULT_CASES)}")
    parser.add_argument("--takes", nargs="+", type=int, help="default: 1 4 8, or 1 2 with --tiny")
    parser.add_argument("--seconds", type=float, help="length of the loop; default 8, or 1 with --tiny")
    parser.add_argument("--steps", type=int, help="sampling steps or tokens, instead of the published number")
    parser.add_argument("--dtype", choices=AGREEMENT, help="default: float16 on CUDA, float32 on a CPU")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    chosen = parser.parse_args(arguments)

    import torch
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    from helpers.engines.fast import cost

    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()  # they find made-up configurations worth a word each
    device = "cuda" if torch.cuda.is_available() and not chosen.tiny else "cpu"
    dtype = chosen.dtype or ("float16" if device == "cuda" else "float32")
    takes = chosen.takes or ([1, 2] if chosen.tiny else [1, 4, 8])
    seconds = chosen.seconds or (1.0 if chosen.tiny else 8.0)
    steps = chosen.steps or (30 if chosen.tiny else None)
    speed = cost.measure_speed(device, dtype)
    result = {
        "machine": describe_machine(device),
        "settings": {
            "size": "tiny" if chosen.tiny else "full",
            "dtype": dtype,
            "seconds": seconds,
            "weights": "random",
        },
        "measured_tflops": round(speed.flops_per_second / 1e12, 2),
        "measured_gb_per_second": round(speed.bytes_per_second / 1e9, 1),
        "agreement": {},
        "rows": [],
    }
    print(f"{result['machine']['name']}: {result['measured_tflops']:g} TFLOP/s, "
          f"{result['measured_gb_per_second']:g} GB/s measured in {dtype}")  # fmt: skip
    for name in chosen.engines or (TINY_CASES if chosen.tiny else DEFAULT_CASES):
        case = make_case(name, "tiny" if chosen.tiny else "full", device, getattr(torch, dtype), seconds)
        result["agreement"][name] = float(f"{case.agreement():.3g}")
        result["rows"] += measure_case(case, name, takes, steps, chosen.repeats, speed)
        del case
        _free()
    result["samplers"] = measure_samplers(device)
    print_table(result["rows"], COLUMNS)
    print("agreement of one step:", ", ".join(f"{name} {value:g}" for name, value in result["agreement"].items()))
    if result["samplers"]:
        alone = result["samplers"]
        print(f"sampler alone, {alone['takes']} takes: {alone['ours_ms_per_step']:g} ms a step; "
              f"Brownian tree {alone['tree_ms_per_step']:g} ms, {alone['times']:g} times as long")  # fmt: skip
    machine = re.sub(r"[^a-z0-9]+", "-", str(result["machine"]["name"]).lower()).strip("-")
    out = chosen.out or RESULTS / f"engines-{machine}{'-tiny' if chosen.tiny else ''}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out.name}")
    apart = [name for name, value in result["agreement"].items() if not value <= AGREEMENT[dtype]]
    if apart:
        print(f"disagrees with the library by more than rounding: {', '.join(apart)}", file=sys.stderr)
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
