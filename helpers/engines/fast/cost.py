"""What a run computes and moves, and so how long it will take: worked out before it starts, from measured speed.

:func:`count_work` adds up floating point operations and bytes from the published architectures (checked against
torch's own counter, see the tests); :func:`measure_speed` times one product of matrices and one pass over memory on the
device at hand, in a fraction of a second. Their quotient is the ceiling; what is reached of it is known from
experience, per kind of device, and stated in the table below. Estimates are good to a factor of two, no more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

# hidden width, layers, width of the feed-forward net
_MUSICGEN = {"small": (1024, 24, 4096), "medium": (1536, 48, 6144), "large": (2048, 48, 8192)}
_MUSICGEN |= {"melody": _MUSICGEN["medium"], "melody-large": _MUSICGEN["large"]}
MUSICGEN_WORDS, MELODY_PREFIX = 2048, 235
CANVAS_FRAMES, SOUND_HOP, SOUND_RATE = 1024, 2048, 44_100


@dataclass(frozen=True)
class Work:
    """Work of a run: floating point operations, bytes that must cross the memory bus, and steps."""

    flops: float
    moved_bytes: float
    steps: int

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.moved_bytes + other.moved_bytes, self.steps + other.steps)


@dataclass(frozen=True)
class Speed:
    """What a device does: operations a second in a large matrix product, bytes a second read from memory, and the
    share of either that whole models are known to reach."""

    flops_per_second: float
    bytes_per_second: float
    reached: float


def count_work(
    engine: str,
    *,
    seconds: float,
    takes: int,
    settings: Mapping[str, object],
    variant: str = "small",
    words: int = 16,
    weight_bytes: int = 2,
) -> Work:
    """Count the work of ``takes`` takes of ``seconds`` each, decoding included.

    Parameters
    ----------
    engine
        A name from :func:`.presets.engines_with_presets`.
    settings
        From :func:`.presets.choose_settings`.
    variant
        MusicGen's: small, medium, large, melody or melody-large, with or without ``stereo-`` before it.
    words
        Length of the prompt in tokens.
    weight_bytes
        2 in half precision, 4 in full.
    """
    rows = takes * (2 if float(settings["guidance"]) > 1 else 1)
    if engine == "stable-audio-open":
        return _count_stable_audio(seconds, takes, rows, settings, weight_bytes)
    if engine == "audioldm2-music":
        return _count_audioldm2(seconds, takes, rows, settings, weight_bytes)
    return _count_musicgen(seconds, takes, rows, variant, words, weight_bytes)


def _count_stable_audio(seconds, takes, rows, settings, weight_bytes):
    width, layers, inner, context = 1536, 24, 6144, 130
    kept = -(-seconds * SOUND_RATE // SOUND_HOP)
    tokens = 1 + (CANVAS_FRAMES if settings["canvas"] == "full" else min(CANVAS_FRAMES, kept))
    # Self-attention's four products, the two of cross-attention that are not constant, and the gated net's three.
    dense = 2 * (6 * width**2 + 3 * width * inner)
    attend = 4 * width * (tokens + context)
    steps = int(settings["steps"])
    flops = steps * rows * tokens * layers * (dense + attend)
    decoding = takes * (kept + 20) * 5.04e9  # the decoder's, a latent frame; ten frames of margin at both ends
    return Work(flops + decoding, steps * 1.057e9 * weight_bytes, steps)


def _count_audioldm2(seconds, takes, rows, settings, weight_bytes):
    # Counted at 8 s: 129.5 GFLOP a row and step, 1.32 TFLOP for decoder and vocoder; both grow with the length.
    steps = int(settings["steps"])
    flops = seconds / 8.0 * (steps * rows * 129.5e9 + takes * 1.32e12)
    return Work(flops, steps * 346.9e6 * weight_bytes, steps)


def _count_musicgen(seconds, takes, rows, variant, words, weight_bytes):
    stereo, size = variant.startswith("stereo-"), variant.removeprefix("stereo-")
    width, layers, inner = _MUSICGEN[size]
    melody, books = size.startswith("melody"), 8 if stereo else 4
    frames = -(-seconds * 50 // 1)
    steps = int(frames) + 3
    prefix = MELODY_PREFIX + words if melody else 0
    # Cross-attention folded into two matrices as wide as heads (of 64) times words, or as wide as the model.
    folded = 0 if melody else 2 * width * min(width, width // 64 * words)
    weights = layers * (4 * width**2 + 2 * width * inner + folded) + books * MUSICGEN_WORDS * width
    reads = 2 * layers * width * rows * (steps * (steps + 1) / 2 + steps * prefix)
    flops = 2.0 * weights * rows * steps + 2.0 * reads
    decoding = takes * (2 if stereo else 1) * frames * 0.156e9  # the codec's decoder, a frame
    return Work(flops + decoding, (weights * steps + reads) * weight_bytes, steps)


# Measured on a CPU: 0.7 of one large product for a UNet, 0.35 to 0.65 of product or memory for MusicGen. Published for
# GPUs in half precision: 27 % of the data sheet's peak for Stable Audio Open, end to end; a product reaches two thirds.
_REACHED = {"cpu": 0.5, "cuda": 0.4}


def measure_speed(device: str = "cpu", dtype: str = "float32") -> Speed:
    """Time a product of matrices and a pass over memory on ``device``; takes a second at most on a CPU, less on CUDA.

    The pass is over half a GiB or more: less would be read from the caches of a large processor.
    """
    import torch

    kind = torch.device(device).type
    size = 4096 if kind == "cuda" else 1024
    one = torch.randn(size, size, device=device).to(getattr(torch, dtype))
    long = torch.ones(2**28 if kind == "cuda" else 2**27, device=device)
    product = _best_seconds(lambda: one @ one, kind)
    reading = _best_seconds(long.sum, kind)
    return Speed(2 * size**3 / product, long.nbytes / reading, _REACHED.get(kind, 0.4))


def _best_seconds(work, kind: str, runs: int = 3) -> float:
    import torch

    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        work()
        if kind == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best


def estimate_seconds(work: Work, speed: Speed) -> float:
    """Seconds a run will take: whichever of computing and moving is slower, at the share models are known to reach."""
    return max(work.flops / speed.flops_per_second, work.moved_bytes / speed.bytes_per_second) / speed.reached


def usable_threads() -> int:
    """Threads worth running on this machine: the cores this process may use, unless OMP_NUM_THREADS says otherwise.

    torch counts physical cores, which on a rented machine with two virtual ones is a single thread.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def enough_threads() -> Iterator[int]:
    """Run a block with :func:`usable_threads` threads, and as many as before after it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(usable_threads())
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16 (AMX or AVX-512), where it halves the time of the diffusion models.

    MusicGen gains nothing there: a token reads every weight once, and torch reads them no faster in bfloat16.
    """
    import torch

    return any(getattr(torch.cpu, name, bool)() for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
