"""The machine a model runs on: which GPU, which precision, how much memory, and what to do when it runs out.

:func:`probe_machine` answers without importing torch (for ``engines`` and the notebook's first screen);
:func:`find_device` is torch's own answer and is asked while loading.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput
from ..machine.home import available_memory_bytes, total_memory_bytes

if TYPE_CHECKING:
    import torch

GIB = 2**30
_GLOBAL_LOCALE = ctypes.c_void_p(-1)  # LC_GLOBAL_LOCALE of glibc and musl
_DRIVER_SECONDS = 5.0
_BF16_SINCE = 8.0  # compute capability: Ampere and later; a T4 (7.5) has fast float16 only
_OUT_OF_MEMORY_TEXTS = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "not enough memory")


@dataclass(frozen=True)
class Machine:
    """What a machine has; ``gpu`` is None where no usable one was found, GPU fields are then None too."""

    ram_gib: float
    gpu: str | None = None
    gpu_gib: float | None = None
    gpu_free_gib: float | None = None
    capability: float | None = None

    @property
    def precision(self) -> str:
        """The precision models run in here."""
        return choose_precision(self.capability)


@dataclass(frozen=True)
class Device:
    """Where tensors go: ``kind`` is ``cuda`` or ``cpu``; ``precision`` is the name of its type."""

    kind: str
    name: str
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return getattr(torch, self.precision)

    def free_bytes(self) -> int:
        """Memory that can be had right now; on a GPU what torch keeps for itself counts as free."""
        if self.kind == "cuda":
            import torch

            kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
            return torch.cuda.mem_get_info()[0] + kept
        return available_memory_bytes()


def choose_precision(capability: float | None) -> str:
    """bfloat16 where the GPU has it, float16 on older ones (a T4), float32 on a CPU (``capability`` None)."""
    if capability is None:
        return "float32"
    return "bfloat16" if capability >= _BF16_SINCE else "float16"


def probe_machine() -> Machine:
    """What this machine has, in well under a second and without importing torch."""
    gpu = _probe_torch() if "torch" in sys.modules else _probe_driver(time.monotonic() // _DRIVER_SECONDS)
    return Machine(ram_gib=total_memory_bytes() / GIB, **gpu)


def find_device(precision: str = "auto") -> Device:
    """Choose the device; ``precision`` is ``auto`` or float16, bfloat16 or float32.

    Raises InvalidInput if ``precision`` is bfloat16 on a GPU that has none.
    """
    gpu = _probe_torch()
    if gpu and precision == "bfloat16" and gpu["capability"] < _BF16_SINCE:
        raise InvalidInput(f"{gpu['gpu']} has no bfloat16; use float16, or auto.")
    if precision == "auto":
        precision = choose_precision(gpu.get("capability"))
    return Device("cuda", gpu["gpu"], precision) if gpu else Device("cpu", "CPU", precision)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on the GPU or off it."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS)


def free_memory() -> None:
    """Give back what is no longer referenced, to the system and to the GPU."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        # cuBLAS keeps a workspace (up to 32 MiB) for every stream that a graph was captured on, for good otherwise.
        clear_workspaces = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
        if clear_workspaces is not None:
            clear_workspaces()
        torch.cuda.empty_cache()


@contextmanager
def placed(device: Device, *modules: Any) -> Iterator[None]:
    """Hold modules on the device for the length of a block and on the CPU after it. Nothing happens on a CPU."""
    if device.kind == "cpu":
        yield
        return
    try:
        for module in modules:
            module.to(device.kind)
        yield
    finally:
        for module in modules:
            module.to("cpu")
        free_memory()


@contextmanager
def sampling_settings() -> Iterator[None]:
    """Run a block with :func:`usable_threads` threads, and add up float16 products in float32.

    As the models' own samplers do: torch lets cuBLAS add partial sums in float16 otherwise, which overflows on a T4.
    """
    import torch

    matmul = torch.backends.cuda.matmul
    before = matmul.allow_fp16_reduced_precision_reduction, torch.get_num_threads()
    matmul.allow_fp16_reduced_precision_reduction = False
    torch.set_num_threads(usable_threads())
    try:
        yield
    finally:
        matmul.allow_fp16_reduced_precision_reduction = before[0]
        torch.set_num_threads(before[1])


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep the bars and remarks that transformers and diffusers print while loading off the musician's screen.

    Errors still show; what was set before is set again afterwards.
    """
    import diffusers.utils.logging
    import transformers.utils.logging

    libraries = (transformers.utils.logging, diffusers.utils.logging)
    before = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for library in libraries:
            library.set_verbosity_error()
            library.disable_progress_bar()
        try:
            yield
        finally:
            for library, (verbosity, bars) in zip(libraries, before, strict=True):
                library.set_verbosity(verbosity)
                if bars:
                    library.enable_progress_bar()


def heal_locale() -> bool:
    """Put the calling thread back on the locale of the process; call before and after work that may compile on a GPU.

    CUDA's run-time compiler (NVRTC before 12.6, so torch up to 2.6 on a GPU) leaves the thread that called it in the
    locale "C" of ``uselocale(3)``. From then on that thread encodes text as ASCII: ``open()`` and ``subprocess`` fail
    on ``é``, and a hosted notebook refuses every ``!`` command with "A UTF-8 locale is required". ``setlocale`` cannot
    mend it, because the locale of the thread wins over that of the process. True when the thread had a locale of its
    own; always False where there is nothing to heal (not Linux).
    """
    if not sys.platform.startswith("linux"):
        return False
    uselocale = ctypes.CDLL(None).uselocale
    uselocale.argtypes = [ctypes.c_void_p]
    uselocale.restype = ctypes.c_void_p
    return uselocale(_GLOBAL_LOCALE) != _GLOBAL_LOCALE.value


def plan_group(wanted: int, bytes_per_take: int, free_bytes: int, *, most: int = 8) -> int:
    """How many takes to make at once: as many as fit into three quarters of the free memory, 1 to ``most``.

    A quarter stays for what the estimate does not know (workspaces, fragmentation).
    """
    return max(1, min(wanted, most, int(0.75 * free_bytes) // bytes_per_take))


def usable_threads() -> int:
    """Threads worth running on this machine: the cores this process may use, unless OMP_NUM_THREADS says otherwise.

    torch counts physical cores, which on a rented machine with two virtual ones is a single thread.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -------------------------------------------------------------------------------------------------------------- probes


def _probe_torch() -> dict[str, Any]:
    import torch

    if not torch.cuda.is_available():
        return {}
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    free, total = torch.cuda.mem_get_info()
    return {
        "gpu": properties.name,
        "gpu_gib": total / GIB,
        "gpu_free_gib": free / GIB,
        "capability": properties.major + properties.minor / 10,
    }


@functools.lru_cache(maxsize=1)
def _probe_driver(_: float) -> dict[str, Any]:
    """What nvidia-smi says, asked at most once in _DRIVER_SECONDS: every move on the page asks all engines."""
    fields = "name,memory.total,memory.free,compute_cap"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=5, check=True).stdout
        name, total, free, capability = (part.strip() for part in answer.strip().splitlines()[0].split(","))
        return {
            "gpu": name,
            "gpu_gib": float(total) / 1024,
            "gpu_free_gib": float(free) / 1024,
            "capability": float(capability),
        }
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return {}  # no driver, no GPU, or an answer that is not the documented one: nothing is known
