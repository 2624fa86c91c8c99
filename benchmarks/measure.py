"""What the benchmarks of this folder share: timing on any device, counting operations, naming the machine."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from helpers.music.pitch import Key

GIB = 2**30


@dataclass(frozen=True)
class Timing:
    """Seconds of the best run, and peak memory in GiB, weights included (None on a CPU)."""

    seconds: float
    peak_gib: float | None


def describe_machine(device: str) -> dict[str, object]:
    """Device, processor and versions, for the head of a result file."""
    import torch

    found = {"device": device, "python": platform.python_version(), "processor": platform.machine()}
    for package in ("torch", "diffusers", "transformers", "numpy", "torchsde"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "name": properties.name,
            "memory_gib": round(properties.total_memory / GIB, 1),
            "capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
        }
    else:
        found |= {"name": "cpu", "threads": torch.get_num_threads(), "clock": "processor seconds"}
    return found


def time_run(run: Callable[[], object], device: str, *, warmups: int = 1, repeats: int = 2) -> Timing:
    """Time ``run`` after ``warmups`` untimed runs; the best of ``repeats``.

    By the wall clock on CUDA. On a CPU in processor seconds, all threads together, because a machine that runs the
    checks rarely does nothing else; with one thread they are what the clock would show on a quiet machine.
    """
    import torch

    cuda = device == "cuda"
    for _ in range(warmups):
        run()
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    clock = time.perf_counter if cuda else time.process_time
    best = float("inf")
    for _ in range(repeats):
        start = clock()
        run()
        if cuda:
            torch.cuda.synchronize()
        best = min(best, clock() - start)
    return Timing(best, torch.cuda.max_memory_allocated() / GIB if cuda else None)


@dataclass(frozen=True)
class Launches:
    """Operations of a run: ``dispatched`` by torch, views included; ``launched`` to do work (kernels on CUDA); and
    ``host_calls``, what the host had to start (on CUDA: launches and graph launches; on a CPU as ``launched``)."""

    dispatched: int
    launched: int
    host_calls: int

    def per_step(self, fewer: Launches, steps: int) -> dict[str, float]:
        """Mean a step, from a run with ``steps`` more steps than ``fewer``."""
        names = ("dispatched", "launched", "host_calls")
        return {name: round((getattr(self, name) - getattr(fewer, name)) / steps, 1) for name in names}


def count_launches(run: Callable[[], object], device: str) -> Launches:
    """Count what ``run`` dispatches and launches."""
    if device == "cuda":
        return _count_on_cuda(run)
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        dispatched = launched = 0

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            self.dispatched += 1
            self.launched += not function.is_view
            return function(*arguments, **(keywords or {}))

    with Counter() as counter:
        run()
    return Launches(counter.dispatched, counter.launched, counter.launched)


def _count_on_cuda(run: Callable[[], object]) -> Launches:
    import torch
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    run()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        run()
        torch.cuda.synchronize()
    events = profiler.events()
    kernels = sum(event.device_type == DeviceType.CUDA for event in events)
    host = [event.name for event in events if event.device_type == DeviceType.CPU]
    calls = sum(name.startswith(("cudaLaunchKernel", "cuLaunchKernel", "cudaGraphLaunch")) for name in host)
    return Launches(sum(name.startswith("aten::") for name in host), kernels, calls)


def print_table(rows: list[dict], columns: dict[str, str]) -> None:
    """Print ``rows`` under the headings of ``columns`` (heading by key); None shows as a dash."""
    cells = [[_text(row.get(key)) for key in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns.values(), *cells, strict=True)]
    for line in [list(columns.values()), *cells]:
        print(
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
        )


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def mirex_score(estimated: Key, reference: Key) -> float:
    """MIREX key weights: same 1, perfect fifth 0.5, relative 0.3, parallel 0.2, else 0.

    A fifth counts in both directions (MIREX since 2017), with the same mode.
    """
    if estimated == reference or set(estimated.scale) == set(reference.scale) != set(reference.plain.scale):
        return 1.0  # a mode is heard as the key it shares its notes with
    reference = reference.plain
    if estimated == reference:
        return 1.0
    if estimated.mode == reference.mode and (estimated.tonic - reference.tonic) % 12 in (5, 7):
        return 0.5
    if estimated == reference.relative:
        return 0.3
    if estimated == Key(reference.tonic, "major" if reference.mode == "minor" else "minor"):
        return 0.2
    return 0.0
