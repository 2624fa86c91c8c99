"""Our runners against the libraries' own, on the same weights: one command on any machine.

    python -m benchmarks.engines.engines            # on CUDA: full size, random weights, 8 s loops, 1, 4 and 8 takes
    python -m benchmarks.engines.engines --tiny             # on a CPU in a minute: tiny models; also checks itself
    python -m benchmarks.engines.engines --quick            # on CUDA in under ten minutes, on a T4 too: see below
    python -m benchmarks.engines.engines --engines musicgen-small --takes 1 4 --dtype float16

Random weights do the same work as trained ones and need no download; what is measured is time and memory, not sound.
For every engine and number of takes: seconds from encoded words to audio on the host, ours and theirs; milliseconds and
launches a step; peak memory, weights included. "agreement" is how far one step of ours is
from the library's on the same input. Prints a table and writes JSON, after every case anew; a case that fails is a row
that says so. ``--quick`` takes fewer cases and 1 and 4 takes, and times a fraction of the library's steps: its seconds
are then its time for those and as much again for every step left out, and the row says "theirs_extrapolated".
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import re
import sys
from pathlib import Path

from benchmarks.engines.cases import CASES, Case, make_case
from benchmarks.measure import count_launches, describe_machine, print_table, time_run
from helpers.engines.devices import is_out_of_memory

RESULTS = Path(__file__).resolve().parents[1] / "results"
DEFAULT_CASES = (
    "stable-audio-open", "audioldm2-music", "musicgen-small", "musicgen-medium", "musicgen-large", "musicgen-melody"
)  # fmt: skip
QUICK_CASES = ("stable-audio-open", "audioldm2-music", "musicgen-small", "musicgen-large")
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
    "ours_peak_gib": "ours GiB",
    "theirs_peak_gib": "theirs",
    "how": "steps",
    "failed": "failed",
}


def measure_case(
    case: Case, name: str, takes: list[int], steps: int | None, repeats: int, quick: bool = False
) -> list[dict]:
    """One row for every number of takes."""
    steps = steps or case.full_steps
    few = max(6, min(steps, case.full_steps) // (16 if quick else 4))
    launches, rows = {}, []
    for side in ("ours", "theirs"):
        case.place(side)
        launches[side] = _launches_per_step(getattr(case, side), case.device)
    for count in takes:
        row = {"engine": name, "takes": count, "steps": steps, "seconds_of_audio": case.seconds}
        for side in ("ours", "theirs"):
            case.place(side)
            times = repeats if side == "ours" else 1  # theirs is the slower one, and warmed up all the same
            most = min(steps, 4 * few) if quick and side == "theirs" else steps
            row |= {
                f"{side}_{key}": value for key, value in _time_side(case, side, count, steps, few, most, times).items()
            }
            row[f"{side}_launches"] = launches[side].get("launched")
            row[f"{side}_launches_detail"] = launches[side]
        failed = [f"{side}: {row[f'{side}_failed']}" for side in ("ours", "theirs") if f"{side}_failed" in row]
        row["failed"] = "; ".join(failed) or None
        row["how"] = case.how
        if row["ours_seconds"] and row["theirs_seconds"]:
            row["speedup"] = round(row["theirs_seconds"] / row["ours_seconds"], 2)
        rows.append(row)
    return rows


def _time_side(case: Case, side: str, takes: int, steps: int, few: int, most: int, repeats: int) -> dict:
    """Seconds of a whole run, of a step (from the difference to a shorter run), and peak memory; or why not.

    Of ``steps`` only ``most`` are run; those left out are reckoned at the time of a step.
    """
    run = getattr(case, side)
    try:
        if steps > few:
            short = time_run(lambda: run(takes, few), case.device, repeats=repeats)
            whole = time_run(lambda: run(takes, most), case.device, warmups=0, repeats=repeats)
        else:
            short, whole = None, time_run(lambda: run(takes, most), case.device, repeats=repeats)
    except Exception as error:  # one case that cannot be run must not cost the others
        out_of_memory = is_out_of_memory(error)
        failed = "out of memory" if out_of_memory else f"{type(error).__name__}: {_first_words(error)}"
        error.__traceback__ = None  # its frames hold tensors
        _free()
        return {"seconds": None, "ms_per_step": None, "peak_gib": None, "failed": failed}
    per_step = None if short is None else (whole.seconds - short.seconds) / (most - few)
    seconds = whole.seconds + (0.0 if per_step is None else per_step * (steps - most))
    timed = {
        "seconds": round(seconds, 4),
        "ms_per_step": None if per_step is None else round(1e3 * per_step, 3),
        "peak_gib": None if whole.peak_gib is None else round(whole.peak_gib, 2),
    }
    return timed | ({"extrapolated": f"{most} of {steps} steps were run"} if most < steps else {})


def _launches_per_step(run, device: str, few: int = 8) -> dict[str, object]:
    """From the difference of two runs, so that what happens once does not count; or why they could not be counted."""
    try:
        fewer, more = (count_launches(lambda n=n: run(1, n), device) for n in (few, few + 4))
    except Exception as error:
        failed = f"{type(error).__name__}: {_first_words(error)}"
        error.__traceback__ = None
        _free()
        return {"failed": failed}
    return more.per_step(fewer, 4)


def _run_case(name: str, size: str, device: str, dtype, seconds: float, chosen, takes, steps):
    """Rows of a case and how far its step is from the library's; None and one row saying why where it failed."""
    try:
        case = make_case(name, size, device, dtype, seconds)
        agreement = float(f"{case.agreement():.3g}")
        return agreement, measure_case(case, name, takes, steps, chosen.repeats, chosen.quick)
    except Exception as error:
        return None, [{"engine": name, "failed": f"{type(error).__name__}: {_first_words(error)}"}]


def _first_words(error: Exception) -> str:
    """As much of an error as fits into a table."""
    return " ".join(str(error).split())[:100]


def measure_samplers(device: str, takes: int = 4, steps: int = 100, shape: tuple = (64, 1024)) -> dict | None:
    """Milliseconds a step of Stable Audio's sampler alone, tree against direct draws; None without torchsde."""
    import torch

    from helpers.engines.fast.sampling import cosine_levels, cosine_sampler, sample
    from helpers.engines.fast.streams import TakeStreams

    try:
        import torchsde  # noqa: F401
    except ImportError:
        return None
    from diffusers import CosineDPMSolverMultistepScheduler

    velocity = torch.zeros(takes, *shape, device=device)

    def ours():
        sampler = cosine_sampler(cosine_levels(steps), TakeStreams(range(takes), "benchmark"), shape, device)
        sample(sampler, lambda seen, time: velocity, device, torch.float32, lambda done: None)

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
        with contextlib.suppress(RuntimeError):  # a GPU that has failed for good says so again in the next case
            torch.cuda.empty_cache()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU; fails if ours disagrees")
    parser.add_argument("--quick", action="store_true", help="fewer cases, fewer of the library's steps")
    parser.add_argument("--engines", nargs="+", choices=CASES, help=f"default: {' '.join(DEFAULT_CASES)}")
    parser.add_argument("--takes", nargs="+", type=int, help="default: 1 4 8; 1 4 with --quick, 1 2 with --tiny")
    parser.add_argument("--seconds", type=float, help="length of the loop; default 8, or 1 with --tiny")
    parser.add_argument("--steps", type=int, help="sampling steps or tokens, instead of the published number")
    parser.add_argument("--dtype", choices=AGREEMENT, help="default: float16 on CUDA, float32 on a CPU")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    chosen = parser.parse_args(arguments)

    import torch
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()  # they find made-up configurations worth a word each
    device = "cuda" if torch.cuda.is_available() and not chosen.tiny else "cpu"
    dtype = chosen.dtype or ("float16" if device == "cuda" else "float32")
    takes = chosen.takes or ([1, 2] if chosen.tiny else [1, 4] if chosen.quick else [1, 4, 8])
    seconds = chosen.seconds or (1.0 if chosen.tiny else 8.0)
    steps = chosen.steps or (30 if chosen.tiny else None)
    result = {
        "machine": describe_machine(device),
        "settings": {
            "size": "tiny" if chosen.tiny else "full",
            "dtype": dtype,
            "seconds": seconds,
            "weights": "random",
        },
        "agreement": {},
        "rows": [],
    }
    print(f"{result['machine']['name']}, {dtype}")
    machine = re.sub(r"[^a-z0-9]+", "-", str(result["machine"]["name"]).lower()).strip("-")
    out = chosen.out or RESULTS / f"engines-{machine}{'-tiny' if chosen.tiny else ''}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    default = TINY_CASES if chosen.tiny else QUICK_CASES if chosen.quick else DEFAULT_CASES
    for name in chosen.engines or default:
        size = "tiny" if chosen.tiny else "full"
        agreement, rows = _run_case(name, size, device, getattr(torch, dtype), seconds, chosen, takes, steps)
        result["agreement"][name] = agreement
        result["rows"] += rows
        _free()
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"{name} done" if agreement is not None else f"{name}: {rows[0]['failed']}", flush=True)
    try:
        result["samplers"] = measure_samplers(device)
    except Exception as error:
        result["samplers"] = None
        print(f"the samplers alone: {type(error).__name__}: {_first_words(error)}")
    print_table(result["rows"], COLUMNS)
    print("agreement of one step:", ", ".join(f"{name} {_said(value)}" for name, value in result["agreement"].items()))
    if result["samplers"]:
        alone = result["samplers"]
        print(f"sampler alone, {alone['takes']} takes: {alone['ours_ms_per_step']:g} ms a step; "
              f"Brownian tree {alone['tree_ms_per_step']:g} ms, {alone['times']:g} times as long")  # fmt: skip
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {out.name}")
    failed = [name for name, value in result["agreement"].items() if value is None]
    apart = [name for name, value in result["agreement"].items() if value is not None and not value <= AGREEMENT[dtype]]
    if failed:
        print(f"could not be run: {', '.join(failed)}", file=sys.stderr)
    if apart:
        print(f"disagrees with the library by more than rounding: {', '.join(apart)}", file=sys.stderr)
    return 1 if apart or failed else 0


def _said(agreement: float | None) -> str:
    return "unknown" if agreement is None else f"{agreement:g}"


if __name__ == "__main__":
    sys.exit(main())
