"""One random stream a take, addressed by counter: number ``index`` of take ``k`` is the same alone or in any batch.

Draws come from Philox 4x64 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) on the CPU, keyed by
SHA-256 of the take's seed and the purpose of the stream. They are therefore the same on a CPU and on every GPU, and
nothing has to be drawn in order: a group of takes, or a run taken up in the middle, sees the same numbers. On CUDA
they travel from pinned memory while the device still works on the step before.

    streams = TakeStreams([seed_of_take_0, seed_of_take_1], "stable-audio-open")
    latents = streams.normal(0, (64, 1024), device)        # (takes, 64, 1024) float32, N(0, 1)
    chances = streams.uniform(0, (404, 4))                 # (takes, 404, 4) float32 in [0, 1)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

Draw = Callable[[np.random.Generator, np.ndarray], object]


class TakeStreams:
    """The random streams of a group of takes: an integer seed each, of any size and sign.

    ``purpose`` keeps the streams of different uses of one seed apart.
    """

    def __init__(self, seeds: Sequence[int], purpose: str) -> None:
        digests = [hashlib.sha256(f"{purpose}/{int(seed)}".encode()).digest() for seed in seeds]
        self._keys = [np.frombuffer(digest[:16], dtype="<u8") for digest in digests]

    def __len__(self) -> int:
        return len(self._keys)

    def normal(self, index: int, shape: Sequence[int], device: torch.device | str = "cpu") -> torch.Tensor:
        """Draw block ``index`` of every take: standard normal, float32, (takes, *shape)."""
        return self._block(index, shape, device, lambda stream, row: stream.standard_normal(out=row, dtype=np.float32))

    def uniform(self, index: int, shape: Sequence[int]) -> torch.Tensor:
        """Draw block ``index`` of every take: uniform on [0, 1), float32, (takes, *shape), on the CPU."""
        return self._block(index, shape, "cpu", lambda stream, row: stream.random(out=row, dtype=np.float32))

    def _block(self, index: int, shape: Sequence[int], device: Any, draw: Draw) -> torch.Tensor:
        import torch

        # The host allocator keeps a pinned block until the copy out of it has run, so no wait is needed here.
        host = torch.empty((len(self), *shape), pin_memory=torch.device(device).type == "cuda")
        for key, row in zip(self._keys, host.numpy(), strict=True):
            # The block number is the top word of the 256-bit counter: blocks of one take can never overlap.
            draw(np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, index])), row)
        return host.to(device, non_blocking=True)
