"""A guide cut to what it is for: one loop of it, repeated, ending where bar 1 begins again."""

from __future__ import annotations

import numpy as np

from ..music.meter import bar_seconds
from ..records import Clip, Request
from ..sound.audio import resample
from ..sound.channels import heard_mono


def loop_of_guide(guide: Clip, request: Request, sample_rate: int, channels: int) -> np.ndarray:
    """The part of a guide that repeats on the request's grid, float32 (channels, samples) at ``sample_rate``.

    A guide as long as the loop or longer (a sketch carries its tail behind it) is cut to the loop; a shorter one to
    whole bars; one shorter than a bar is used as it is.
    """
    clip = resample(guide, sample_rate)
    loop = request.samples(sample_rate)
    bar = bar_seconds(request.bpm, request.time) * sample_rate
    length = min(clip.length, loop)
    if length < loop and length >= bar:
        length = round(int(length / bar) * bar)
    samples = clip.samples[:, :length]
    if samples.shape[0] == channels:
        return samples
    return np.repeat(heard_mono(samples)[None], channels, axis=0)


def repeated(loop: np.ndarray, samples: int) -> np.ndarray:
    """``samples`` samples of a loop that plays over and over from its beginning, (channels, samples)."""
    return np.tile(loop, -(-samples // loop.shape[1]))[:, :samples]


def lead_in(loop: np.ndarray, samples: int) -> np.ndarray:
    """The last ``samples`` samples before the loop begins again: what is heard just before bar 1."""
    whole = np.tile(loop, -(-samples // loop.shape[1]))
    return whole[:, whole.shape[1] - samples :]
