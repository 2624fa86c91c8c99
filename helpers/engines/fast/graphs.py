"""One step of a sampler as a CUDA graph: a thousand small kernels launched by a single call.

A graph replays the same kernels on the same memory, so a captured step reads and writes tensors that never move and
reads nothing from the host: the number of the step is a tensor too. Manual capture needs no compiler. On a CPU, or
where capture fails for any reason, the very same step runs uncaptured; ``how`` and ``why`` say which, and go into the
notes of every take.

    runner = capture_steps({0: step}, reset, device)
    runner(0)                                       # once a step
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...errors import first_line
from ..neural import Sampled

GRAPH, PLAIN = "cuda-graph", "plain"


@dataclass(frozen=True)
class StepRunner:
    """Runs a step by its name. ``how`` is "cuda-graph" or "plain"; ``why`` says why not a graph, else it is empty."""

    how: str
    why: str
    run: Mapping[Hashable, Callable[[], object]]

    def __call__(self, name: Hashable) -> None:
        self.run[name]()

    def sampled(self, values: torch.Tensor, what: str, dtype: torch.dtype) -> Sampled:
        """``values`` with a note: what was run, in which precision, and on which path."""
        path = "replayed as a CUDA graph" if self.how == GRAPH else f"run one by one ({self.why})"
        return Sampled(values, self.how, f"{what} in {str(dtype).removeprefix('torch.')}, {path}")


def capture_steps(
    steps: Mapping[Any, Callable[[], object]],
    reset: Callable[[], object],
    device: torch.device | str,
) -> StepRunner:
    """Capture each of ``steps`` (variants of one step that share their state, on static tensors only) as a CUDA graph.

    ``reset`` puts the state on ``device`` back to the start; it is called after the trial runs, which move it. Raises
    torch.OutOfMemoryError if a trial run, which needs no more than the plain step, does not fit: fewer takes at a time
    are the cure. The error holds on to nothing but its own traceback.
    """
    device = torch.device(device)
    if device.type != "cuda":
        return StepRunner(PLAIN, f"CUDA graphs need a CUDA device, this is {device.type}", dict(steps))
    current, stream = torch.cuda.current_stream(device), torch.cuda.Stream(device)
    with torch.cuda.device(device):
        _try_out(steps, reset, current, stream)
        try:
            graphs = _capture(steps, stream)
            why = ""
        except Exception as error:  # whatever the driver or a library objects to: the plain step is always right
            why = f"capture failed: {type(error).__name__}: {first_line(error)}"
            torch.cuda.set_stream(current)  # a capture that breaks off leaves its own stream current
            torch.cuda.synchronize(device)
    current.wait_stream(stream)
    reset()
    if why:
        return StepRunner(PLAIN, why, dict(steps))
    return StepRunner(GRAPH, "", {name: graph.replay for name, graph in graphs.items()})


def _try_out(steps: Any, reset: Any, current: Any, stream: Any) -> None:
    """Run each step on the stream it will be captured on; running out of memory here is an error for the caller."""
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        for step in steps.values():
            for _ in range(2):  # so that lazily made handles and workspaces exist
                step()
            reset()  # so that the trials of many variants cannot run past the end
    stream.synchronize()


def _capture(steps: Any, stream: Any) -> dict[Hashable, torch.cuda.CUDAGraph]:
    graphs, pool = {}, None
    for name, step in steps.items():
        # A collection during capture may free tensors of other streams, which invalidates the graph.
        gc.collect()
        graph = torch.cuda.CUDAGraph()
        # Thread-local: a widget or a download in another thread may use CUDA while this thread captures.
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            step()
        pool = pool or graph.pool()
        graphs[name] = graph
    return graphs


class Pace:
    """Keeps the host at most ``ahead`` steps before the device, so that progress is true and cancelling is quick.

    Waiting for a step that lies a few back leaves the device's queue filled: it costs no time. On a CPU every step is
    done when it returns, and this does nothing.
    """

    def __init__(self, device: torch.device | str, ahead: int = 4) -> None:
        self._on = torch.device(device).type == "cuda"
        self._ahead = ahead
        self._events: deque = deque()

    def tick(self) -> None:
        """Call after each step was queued."""
        if not self._on:
            return
        event = torch.cuda.Event()
        event.record()
        self._events.append(event)
        if len(self._events) > self._ahead:
            self._events.popleft().synchronize()
