"""Which takes are made together, and how far along they are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..records import CancelCheck, Progress
from .base import stop_if


@dataclass(frozen=True)
class Group:
    """Takes sampled together: the numbers ``made``, and those of them that were ``wanted``."""

    made: tuple[int, ...]
    wanted: tuple[int, ...]


def plan_groups(numbers: Sequence[int], size: int, multiple: int) -> list[Group]:
    """Split numbers (rising) into groups of ``size``; with ``multiple``, into whole aligned blocks.

    A block is as large as the multiple, or the largest power of two in ``size`` where less is asked for.
    """
    if multiple == 1:
        parts = [tuple(numbers[start : start + size]) for start in range(0, len(numbers), size)]
        return [Group(part, part) for part in parts]
    block = min(multiple, 1 << (size.bit_length() - 1))
    out = []
    for first in sorted({number - number % block for number in numbers}):
        made = tuple(range(first, first + block))
        out.append(Group(made, tuple(number for number in numbers if number in made)))
    return out


class StepMeter:
    """Counts steps over all groups, reports progress and seconds left (from the steps measured), and raises Cancelled.

    The first step of a run also warms up (memory, kernels), so the estimate is taken from the second on.
    """

    def __init__(self, progress: Progress, cancel: CancelCheck, total: int) -> None:
        self._progress, self._cancel, self._total = progress, cancel, max(1, total)
        self._before, self._times = 0, [time.monotonic()]
        self.stage = "Sampling"

    def __call__(self, done_in_group: int) -> None:
        stop_if(self._cancel)
        self._times.append(time.monotonic())
        done = min(self._before + done_in_group, self._total)
        skip = 1 if len(self._times) > 2 else 0
        per_step = (self._times[-1] - self._times[skip]) / (len(self._times) - 1 - skip)
        self._progress(self.stage, done / self._total, per_step * (self._total - done))

    def next_group(self, steps: int) -> None:
        """A group of ``steps`` steps is complete."""
        self._before += steps

    def plan(self, left: int) -> None:
        """Groups became smaller, so there are more steps ``left`` than was thought."""
        self._total = max(1, self._before + left)


def name_stage(first: int, count: int, total: int, device_name: str) -> str:
    """What is being done, for a progress bar: ``Sampling takes 1 to 4 of 6 on the Tesla T4``."""
    if total == 1:
        which = "the take"
    elif count == 1:
        which = f"take {first + 1} of {total}"
    else:
        which = f"takes {first + 1} to {first + count} of {total}"
    return f"Sampling {which} on the {device_name}"
