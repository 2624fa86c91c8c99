"""How a loop's wrap sounds against its own moments: a click, a sound cut off, a hole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..records import Clip, Request

FRAME_SECONDS = 0.005
MOMENT_SECONDS = 0.015  # a moment is this much before and after a grid line
ORDINARY_PERCENTILE = 99.0
# Below these a change is ordinary in any music, however smooth the rest of the loop is: a plucked note's own attack
# makes a block four times as rough as its neighbours, a released key loses some 12 dB within 20 ms.
CLICK_FLOOR, FALL_FLOOR_DB, HOLE_FLOOR_DB = 4.0, 12.0, 24.0


@dataclass(frozen=True)
class SeamMeasure:
    """The wrap against the loop's own moments; each part is a ratio to the 99th percentile of the others.

    ``click``: a lone spike of the second difference (a jump of value or slope). ``fall``: sound cut off, in dB over
    20 ms, averaged over the bands that sound. ``hole``: a gap of some 20 ms just before, in dB under what sounds on
    both sides. A note that starts at the wrap, after a rest or not, is music and no part of it. ``value`` is the
    largest.
    """

    click: float
    fall: float
    hole: float

    @property
    def value(self) -> float:
        return max(self.click, self.fall, self.hole)

    def words(self) -> str:
        """What the largest part is, as a verb and its object."""
        said = {self.click: "clicks", self.fall: "cuts a sound off", self.hole: "leaves a hole"}
        return said[self.value]


def measure_seam(clip: Clip, request: Request) -> SeamMeasure:
    """Compare the wrap with the same measures at every other sixteenth of the loop.

    Moments are windows of 15 ms either side of each sixteenth, so that a hit on beat 1 is compared with the hits on the
    other beats and not with the silence between them. 1 is the 99th percentile of them.
    """
    steps = request.bars * request.time.steps_per_bar
    rate = clip.sample_rate
    grid = np.arange(steps) * clip.length / steps
    click = _roughness(clip.samples)
    fall, fall_hop = _falls_db(clip.mono(), rate)
    hole, hole_hop = _holes_db(clip.samples, rate)
    parts = []
    for curve, hop, floor in (
        (click, ROUGH_BLOCK, CLICK_FLOOR),
        (fall, fall_hop, FALL_FLOOR_DB),
        (hole, hole_hop, HOLE_FLOOR_DB),
    ):
        half = round(MOMENT_SECONDS * rate / hop)
        centre = np.round(grid / hop).astype(int)
        windows = (centre[:, None] + np.arange(-half, half + 1)) % curve.size
        moments = curve[windows].max(axis=1)
        parts.append(float(moments[0]) / _ordinary(moments[1:], floor))
    return SeamMeasure(*parts)


def _ordinary(moments: np.ndarray, floor: float) -> float:
    """The 99th percentile of the moments: as counted, or from their log-normal spread where that is higher, since few
    moments hardly ever show their own 99th percentile."""
    moments = np.maximum(moments, 0.05 * floor)
    counted = float(np.percentile(moments, ORDINARY_PERCENTILE))
    top = np.log(np.sort(moments)[moments.size // 2 :])
    spread = float(np.exp(top.mean() + 2.05 * top.std()))
    return max(counted, spread, floor)


ROUGH_BLOCK = 64  # samples; a click is shorter, an attack longer


def _roughness(samples: np.ndarray) -> np.ndarray:
    """How much rougher each block of 64 samples is than the 24 blocks around it; channels: the roughest counts.

    Roughness is the largest second difference; the loop is taken as a circle.
    """
    rough = np.abs(np.roll(samples, -1, axis=1) - 2 * samples + np.roll(samples, 1, axis=1))
    count = samples.shape[1] // ROUGH_BLOCK
    # The last block takes the remainder, so that block 0 starts at the wrap.
    blocks = rough[:, : count * ROUGH_BLOCK].reshape(samples.shape[0], count, ROUGH_BLOCK).max(axis=2)
    if count * ROUGH_BLOCK < samples.shape[1]:
        blocks[:, -1] = np.maximum(blocks[:, -1], rough[:, count * ROUGH_BLOCK :].max(axis=1))
    around = np.zeros_like(blocks)
    for shift in (*range(-13, -1), *range(2, 14)):  # not the direct neighbours: a click may straddle two
        around += np.roll(blocks, shift, axis=1)
    floor = 0.02 * np.sqrt(np.mean(np.square(rough), axis=1, keepdims=True)) + 1e-7
    return (blocks / (around / 24 + floor)).max(axis=0)


def _falls_db(mono: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """Fall of the spectrum around each frame in dB, and the hop in samples; the loop is taken as a circle."""
    from scipy.signal import stft

    hop = round(FRAME_SECONDS * rate)
    size = 2 ** int(np.ceil(np.log2(0.02 * rate)))
    padded = np.concatenate([mono[-2 * size :], mono, mono[: 2 * size]])
    _, times, spectrum = stft(
        padded, rate, nperseg=size, noverlap=size - hop, boundary=None, padded=False, window="hann", detrend=False
    )
    power = np.square(np.abs(spectrum))
    edges = np.unique(np.round(np.geomspace(60, min(16_000, rate * 0.45), 25) / rate * size).astype(int))
    bands = np.add.reduceat(power, edges, axis=0)[:-1]
    levels = 10 * np.log10(bands + 1e-12)
    floor = np.max(levels) - 60.0
    levels = np.maximum(levels, floor)
    reach = 2  # frames: 20 ms between before and after
    before, after = levels[:, : -2 * reach], levels[:, 2 * reach :]
    # Bands weigh by how loud they were: what hardly sounded cannot be cut off.
    weight = before - floor + 1e-9
    fall = (np.maximum(before - after, 0) * weight).sum(axis=0) / weight.sum(axis=0)
    start = round((2 * size - times[reach] * rate) / hop)  # the frame centred on the loop's first sample
    return fall[start : start - (-mono.size // hop)], hop


def _holes_db(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """How far the 15 ms before each frame lie under the sound 25 to 60 ms before and 150 ms after it.

    In dB, with the hop in samples; whichever of the two sides is quieter counts. The loop is taken as a circle.
    """
    from scipy.ndimage import maximum_filter1d

    hop = round(FRAME_SECONDS * rate)
    count = samples.shape[1] // hop
    power = np.square(samples[:, : count * hop]).reshape(samples.shape[0], -1, hop).mean(axis=(0, 2))
    levels = 10 * np.log10(power + 1e-12)
    levels = np.maximum(levels, levels.max() - 60)

    def loudest(first: int, last: int) -> np.ndarray:
        """Loudest frame from ``first`` to ``last`` (inclusive) around each frame."""
        size = last - first + 1
        return np.roll(maximum_filter1d(levels, size, mode="wrap"), -(first + size // 2))

    return np.minimum(loudest(-12, -5), loudest(0, 29)) - loudest(-3, -1), hop
