"""What is heard in a take, once, for all the decisions that follow; silence and steady hiss are refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..errors import Refused
from ..records import Clip
from ..sound.levels import frame_levels
from ..sound.listening import Listening

FRAME_SECONDS, NOISE_FRAME_SECONDS = 0.01, 0.093
ACTIVE_DB = -45.0  # against the loudest 10 ms of the take: below is silence before the first note
# The first 2 ms against the loudest 10 ms of the next 60: quieter than this in 9 of 10 recordings that start where the
# music does, and in only 4 of 10 that were cut out of something longer.
CUT_IN_DB = -1.5
SILENT_RMS = 1e-3  # -60 dBFS
# Measured on 61 recordings and on noise of five colours: music lies above 0.5 in movement or below 0.45 in flatness,
# noise below 0.25 and above 0.54.
LEAST_MOVEMENT = 0.36
MOST_FLATNESS = 0.45


@dataclass(frozen=True, eq=False)
class Hearing(Listening):
    """A take and its measurements, with the seconds between which it sounds; raises Refused if it is silent."""

    begin: float = field(init=False)
    end: float = field(init=False)

    def __post_init__(self) -> None:
        begin, end = active_span(self.clip)
        object.__setattr__(self, "begin", begin)
        object.__setattr__(self, "end", end)

    @cached_property
    def cut_in(self) -> bool:
        return starts_cut_in(self.clip)


def active_span(clip: Clip) -> tuple[float, float]:
    """First and last second in which a clip sounds, within 10 ms; raises Refused if it is silent throughout."""
    levels = frame_levels(clip, FRAME_SECONDS)
    peak = float(levels.max(initial=0.0))
    if peak < SILENT_RMS:
        raise Refused("The take is silent; make another one.")
    loud = np.flatnonzero(levels > peak * 10 ** (ACTIVE_DB / 20))
    return float(loud[0] * FRAME_SECONDS), float((loud[-1] + 1) * FRAME_SECONDS)


def starts_cut_in(clip: Clip) -> bool:
    """Whether a clip sounds from its first 2 ms on about as loud as it does in the 60 ms after: no attack is near."""
    first = Clip(clip.samples[:, : round(0.0025 * clip.sample_rate)], clip.sample_rate)
    after = frame_levels(Clip(clip.samples[:, first.length : round(0.06 * clip.sample_rate)], clip.sample_rate), 0.01)
    return after.size > 0 and float(np.sqrt(np.mean(np.square(first.samples)))) > 10 ** (CUT_IN_DB / 20) * after.max()


@dataclass(frozen=True)
class Noisiness:
    """``flatness`` 0..1: geometric over arithmetic mean of the spectrum within octaves (noise 0.56, notes near 0).

    ``movement``: how much the power of an octave varies from 93 ms to the next 93 ms against its mean over a second
    (noise 0.2, music above 0.5). Both are medians or means over six octaves from 100 Hz.
    """

    flatness: float
    movement: float


def measure_noisiness(clip: Clip) -> Noisiness:
    """Measure a clip of at least 8 kHz; one under 0.4 s is too short to be called noise."""
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import stft

    size = 1 << round(np.log2(NOISE_FRAME_SECONDS * clip.sample_rate))
    if clip.length < 4 * size:
        return Noisiness(0.0, 1.0)
    hz, _, spectrum = stft(clip.mono(), clip.sample_rate, nperseg=size, noverlap=0, padded=False, boundary=None)
    power = np.square(np.abs(spectrum)) + 1e-16
    flat, moving = [], []
    for low in 100 * 2.0 ** np.arange(6):
        band = power[(hz >= low) & (hz < 2 * low)]
        total = band.sum(axis=0)
        flat.append(np.exp(np.log(band).mean(axis=0)) / band.mean(axis=0))
        moving.append(float(np.std(total / (uniform_filter1d(total, 11) + 1e-15))))
    loud = power.sum(axis=0) > 0.01 * power.sum(axis=0).max()
    return Noisiness(float(np.median(np.mean(flat, axis=0)[loud])), float(np.mean(moving)))


def check_usable(clip: Clip) -> None:
    """Raise Refused if the clip is noise."""
    noise = measure_noisiness(clip)
    if noise.flatness > MOST_FLATNESS and noise.movement < LEAST_MOVEMENT:
        raise Refused("The take is noise without pitch or pulse; make another one.")
