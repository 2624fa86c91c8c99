"""A CUDA graph played on a CPU: one step recorded as the operations it dispatched, then repeated blindly.

A real graph repeats the same kernels on the same memory and knows nothing of Python. So does :class:`Recording`: what
a step reads from Python (a counter, a fresh tensor, a value fetched from the device) is frozen at its first run, and a
step that depends on it comes out wrong, as it would on a GPU. Fetching a value at all is refused, as capture does.
"""

from torch.utils._python_dispatch import TorchDispatchMode

from helpers.engines.fast.graphs import GRAPH, StepRunner


class HostSync(Exception):
    """A step asked the device for a value."""


class Recording(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        name = function.name()
        if "_local_scalar_dense" in name or name in ("aten::nonzero", "aten::masked_select"):
            raise HostSync(name)
        out = function(*arguments, **(keywords or {}))
        self.operations.append((function, arguments, keywords or {}, out))
        return out

    def replay(self):
        for function, arguments, keywords, out in self.operations:
            new = function(*arguments, **keywords)
            pairs = zip(out, new, strict=True) if isinstance(out, (tuple, list)) else [(out, new)]
            for kept, fresh in pairs:
                # A view and an operation in place point where they pointed; what was computed anew goes where it was.
                if hasattr(kept, "copy_") and kept.data_ptr() != fresh.data_ptr():
                    kept.copy_(fresh)


def capture_by_recording(steps, reset, device, **_):
    """Stands in for ``graphs.capture_steps``."""
    recordings = {}
    for name, step in steps.items():
        step()  # the trial run
        with Recording() as recordings[name]:
            step()
    reset()
    return StepRunner(GRAPH, "", {name: recording.replay for name, recording in recordings.items()})
