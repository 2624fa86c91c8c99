"""Cutting: a piece of a take by sample positions, with what lies before and after it kept for the seam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import Refused
from ..records import Clip


@dataclass(frozen=True, eq=False)
class CutLoop:
    """A loop of the exact length with its surroundings: ``lead_in`` ends where the loop starts, ``tail`` starts where
    it ends; either may be empty. All at one rate, float32 (channels, n)."""

    loop: Clip
    lead_in: np.ndarray
    tail: np.ndarray


def cut_loop(clip: Clip, start_samples: int, length_samples: int) -> CutLoop:
    """Cut ``length_samples`` from ``start_samples``; raises Refused if the clip ends before the loop does."""
    end = start_samples + length_samples
    if start_samples < 0 or end > clip.length:
        have = max(0, clip.length - max(start_samples, 0)) / clip.sample_rate
        raise Refused(
            f"The take holds {have:.2f} s from its first beat, the loop needs "
            f"{length_samples / clip.sample_rate:.2f} s; ask for fewer bars or make another take."
        )
    return CutLoop(
        Clip(np.ascontiguousarray(clip.samples[:, start_samples:end]), clip.sample_rate),
        clip.samples[:, :start_samples],
        clip.samples[:, end:],
    )
