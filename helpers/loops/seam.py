"""The wrap, where the end of a loop meets its start: plan it, do it, measure it.

Two ways to close a loop. *Fold*: what decays after the end (reverb, released strings) is added onto the start, as it
would sound on the second pass. *Crossfade*: where the music plays on without a decay, the end passes with equal power
into the lead-in, the moments before the start, so that the start is reached the way it was in the take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..records import Clip, Request
from .cut import CutLoop

FRAME_SECONDS = 0.005
RISE_DB = 4.0  # a rise of this much over the quietest frame so far is a new note, not a decay
DECAY_DB = 12.0  # a tail has fallen at least this far where it ends
FADE_SECONDS = 0.012  # hides the end of a fold; too short to hear as a fade
SHORT_CROSSFADE_SECONDS = 0.012  # shorter than an attack
CROSSFADES_SECONDS = (0.006, 0.012, 0.025, 0.05, 0.12)  # tried where the one planned is heard
LONG_CROSSFADE_SECONDS = 0.120  # for sustained sound without onsets near the wrap
LEAD_IN_DB = -15.0  # a lead-in this far below the end of the loop would be heard as a hole
GUARD_SECONDS = 0.01
FOOT_SECONDS = 0.05  # slow attacks begin this long before they are heard as begun
SOFT_START_SECONDS = 0.002  # a take cut off before its first sample starts with a jump; 2 ms hide it
QUIET_DB = -30.0  # and one this far below the whole loop is silence


@dataclass(frozen=True)
class Seam:
    """How a loop is closed: ``kind`` is ``fold`` or ``crossfade``; ``seconds`` of tail folded or of crossfade.

    ``soft_start`` fades the first 2 ms in, for takes that were cut off before their first sample.
    """

    kind: str
    seconds: float
    soft_start: bool = False


def plan_seam(cut: CutLoop, *, whole_tail: bool = False) -> Seam:
    """Decide how to close a loop; ``whole_tail`` says that the tail is known to be nothing but decay."""
    rate = cut.loop.sample_rate
    if whole_tail:
        return Seam("fold", cut.tail.shape[1] / rate)
    short, long = round(SHORT_CROSSFADE_SECONDS * rate), round(LONG_CROSSFADE_SECONDS * rate)
    soft = round(SOFT_START_SECONDS * rate)
    lead_in, end = cut.lead_in[:, -long:], cut.loop.samples[:, -long:]
    before = cut.lead_in[:, -long : -round(GUARD_SECONDS * rate)]  # without the foot of the first attack
    quiet = min(_level_db(end) + LEAD_IN_DB, _level_db(cut.loop.samples) + QUIET_DB)
    if lead_in.shape[1] < 2 * short or _level_db(before) < quiet:
        # Nothing led into the start, so nothing of what rings on after the end is in it yet.
        if _level_db(cut.tail[:, :short]) > _level_db(end[:, -short:]) + RISE_DB:
            # A new note begins right there, as one does at the loop's start, and its foot is in the end already.
            foot_db = _level_db(lead_in[:, -short:])
            loud_db = max(_level_db(end[:, -short:]) + LEAD_IN_DB, _level_db(cut.loop.samples) + QUIET_DB)
            if lead_in.shape[1] >= soft and foot_db > loud_db:
                return Seam("crossfade", min(short, lead_in.shape[1]) / rate)
            # 2 ms of it carry what rings on over the wrap and do not double its attack.
            count = min(soft, cut.tail.shape[1])
        else:
            count = _decay_samples(cut.tail, rate) or min(cut.tail.shape[1], short)
        return Seam("fold", count / rate, _starts_with_a_jump(cut, count))
    steady = _is_steady(lead_in, rate) and _is_steady(cut.loop.samples[:, -lead_in.shape[1] :], rate)
    return Seam("crossfade", (lead_in.shape[1] if steady else short) / rate)


def close_loop(cut: CutLoop, request: Request) -> tuple[Clip, Seam]:
    """Close a loop as planned, or, where that is heard, by the crossfade that measures best."""
    seam = plan_seam(cut)
    best = apply_seam(cut, seam)
    value = measure_seam(best, request).value
    if value <= 1:
        return best, seam
    for seconds in CROSSFADES_SECONDS:
        other = Seam("crossfade", seconds)
        if cut.lead_in.shape[1] < round(seconds * cut.loop.sample_rate):
            break
        closed = apply_seam(cut, other)
        measured = measure_seam(closed, request).value
        if measured < value and not _is_hollow(cut, seconds):
            best, seam, value = closed, other, measured
    return best, seam


def _is_hollow(cut: CutLoop, seconds: float) -> bool:
    """Whether a crossfade of that length would lead through a lead-in that hardly sounds."""
    count = round(seconds * cut.loop.sample_rate)
    return _level_db(cut.lead_in[:, -count:]) < _level_db(cut.loop.samples[:, -count:]) + LEAD_IN_DB


def apply_seam(cut: CutLoop, seam: Seam) -> Clip:
    """Close the loop as planned; the length stays what it was."""
    rate = cut.loop.sample_rate
    count = round(seam.seconds * rate)
    if seam.kind == "fold":
        loop = _softly_started(cut.loop) if seam.soft_start else cut.loop
        return fold_tail(_fold_foot(loop, cut.lead_in), cut.tail[:, :count])
    return _cross_into(cut.loop, cut.lead_in[:, cut.lead_in.shape[1] - count :])


def _starts_with_a_jump(cut: CutLoop, tail_samples: int) -> bool:
    """Whether the step into the first sample is larger than any step of the 5 ms around it.

    A lead-in leads to the first sample, however short it is; without one the sound starts there all at once.
    """
    if cut.lead_in.shape[1] >= round(SOFT_START_SECONDS * cut.loop.sample_rate):
        return False
    near = max(2, round(FRAME_SECONDS * cut.loop.sample_rate))
    first, last = cut.loop.samples[:, :near], cut.loop.samples[:, -near:]
    step = first[:, 0] + (cut.tail[:, 0] if tail_samples else 0.0) - last[:, -1]
    ordinary = np.maximum(np.abs(np.diff(first, axis=1)).max(axis=1), np.abs(np.diff(last, axis=1)).max(axis=1))
    return bool(np.any(np.abs(step) > ordinary))


def _fold_foot(loop: Clip, lead_in: np.ndarray) -> Clip:
    """Add the foot of the first attack, what sounds in the 50 ms before the start, onto the end of the loop."""
    count = min(round(FOOT_SECONDS * loop.sample_rate), lead_in.shape[1], loop.length)
    fade = round(SOFT_START_SECONDS * loop.sample_rate)
    if count < fade:
        return loop
    foot = lead_in[:, lead_in.shape[1] - count :].copy()
    foot[:, :fade] *= fade_pair(fade)[1]
    out = loop.samples.copy()
    out[:, -count:] += foot
    return Clip(out, loop.sample_rate)


def _softly_started(loop: Clip) -> Clip:
    count = round(SOFT_START_SECONDS * loop.sample_rate)
    out = loop.samples.copy()
    out[:, :count] *= fade_pair(count)[1]
    return Clip(out, loop.sample_rate)


def fold_tail(loop: Clip, tail: np.ndarray) -> Clip:
    """Add ``tail`` (channels, n) onto the start, going round again where it is longer than the loop.

    Its last 12 ms (all of it if it is shorter) fade out, so that the end of a tail that was cut off does not click.
    """
    count = tail.shape[1]
    if count == 0:
        return loop
    fade = min(count, round(FADE_SECONDS * loop.sample_rate))
    tail = tail.copy()
    tail[:, count - fade :] *= fade_pair(fade)[0]
    out = loop.samples.copy()
    for start in range(0, count, loop.length):
        piece = tail[:, start : start + loop.length]
        out[:, : piece.shape[1]] += piece
    return Clip(out, loop.sample_rate)


def _cross_into(loop: Clip, lead_in: np.ndarray) -> Clip:
    """Let the end of the loop pass into ``lead_in``, at equal power whatever the likeness of the two."""
    count = lead_in.shape[1]
    out = loop.samples.copy()
    end = out[:, -count:]
    fade_out, fade_in = fade_pair(count)
    # Equal-power gains make like signals swell by 3 dB; with their correlation known the swell can be divided out.
    power = float(np.sqrt(np.sum(end**2, dtype=np.float64) * np.sum(lead_in**2, dtype=np.float64)))
    likeness = max(0.0, float(np.sum(end * lead_in, dtype=np.float64)) / power) if power > 0 else 0.0
    swell = np.sqrt(1 + 2 * likeness * fade_out * fade_in)
    out[:, -count:] = (end * fade_out + lead_in * fade_in) / swell
    return Clip(out.astype(np.float32), loop.sample_rate)


def fade_pair(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Equal-power fade-out and fade-in, each (count,) float32; their squares sum to one."""
    angle = (np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(count) * np.float32(np.pi / 2)
    return np.cos(angle), np.sin(angle)


def _level_db(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12)) if samples.size else -120.0


def _frame_levels_db(samples: np.ndarray, rate: int) -> np.ndarray:
    frame = max(1, round(FRAME_SECONDS * rate))
    count = samples.shape[1] // frame
    power = np.square(samples[:, : count * frame], dtype=np.float64).reshape(samples.shape[0], count, frame)
    return 10 * np.log10(power.mean(axis=(0, 2)) + 1e-10)


def _decay_samples(tail: np.ndarray, rate: int) -> int:
    """Length of the decay a tail begins with: up to its first new note; 0 where it does not fall by 12 dB."""
    levels = _frame_levels_db(tail, rate)
    if levels.size < 3:
        return 0
    smooth = np.convolve(levels, np.ones(3) / 3, mode="valid")
    lowest = np.minimum.accumulate(smooth)
    rises = np.flatnonzero((smooth > lowest + RISE_DB) & (smooth > -60.0))
    count = int(rises[0]) if rises.size else smooth.size
    if count == 0 or smooth[0] - lowest[count - 1] < DECAY_DB:
        return 0
    # Back to where the decay was lowest: the rise itself belongs to the next note.
    last = int(np.argmin(smooth[:count])) if rises.size else levels.size - 1
    return min(tail.shape[1], round((last + 1) * FRAME_SECONDS * rate))


def _is_steady(samples: np.ndarray, rate: int) -> bool:
    """Whether the level moves by less than 6 dB from one 15 ms stretch to the next: no onset, no stop."""
    levels = _frame_levels_db(samples, rate)
    if levels.size < 6:
        return False
    smooth = np.convolve(levels, np.ones(3) / 3, mode="valid")
    return bool(np.max(np.abs(smooth[3:] - smooth[:-3]), initial=0.0) < 6.0)


# ----------------------------------------------------------------------------------------------------------- measuring

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
        half = max(1, round(MOMENT_SECONDS * rate / hop))
        centre = np.round(grid / hop).astype(int)
        windows = (centre[:, None] + np.arange(-half, half + 1)) % curve.size
        moments = curve[windows].max(axis=1)
        ordinary = _ordinary(moments[1:], floor)
        parts.append(float(moments[0]) / max(ordinary, floor))
    return SeamMeasure(*parts)


def _ordinary(moments: np.ndarray, floor: float) -> float:
    """The 99th percentile of the moments: as counted, or from their log-normal spread where that is higher, since few
    moments hardly ever show their own 99th percentile."""
    if moments.size < 2:
        return floor
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

    hop = max(1, round(0.005 * rate))
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
    reach = max(1, round(0.010 * rate / hop))
    before, after = levels[:, : -2 * reach], levels[:, 2 * reach :]
    first = times[reach] * rate - 2 * size  # centre of the first usable frame on the loop's own clock

    # Bands weigh by how loud they were: what hardly sounded cannot be cut off.
    weight = before - floor + 1e-9
    fall = (np.maximum(before - after, 0) * weight).sum(axis=0) / weight.sum(axis=0)
    # On the loop's own clock, frame k at k * hop.
    count = max(1, int(np.ceil(mono.size / hop)))
    index = np.clip(np.round((np.arange(count) * hop - first) / hop).astype(int), 0, fall.size - 1)
    return fall[index], hop


def _holes_db(samples: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """How far the 15 ms before each frame lie under the sound 25 to 60 ms before and 150 ms after it.

    In dB, with the hop in samples; whichever of the two sides is quieter counts. The loop is taken as a circle.
    """
    from scipy.ndimage import maximum_filter1d

    hop = max(1, round(FRAME_SECONDS * rate))
    count = max(1, samples.shape[1] // hop)
    power = np.square(samples[:, : count * hop]).reshape(samples.shape[0], -1, hop).mean(axis=(0, 2))
    levels = 10 * np.log10(power + 1e-12)
    levels = np.maximum(levels, levels.max() - 60)

    def loudest(first: int, last: int) -> np.ndarray:
        """Loudest frame from ``first`` to ``last`` (inclusive) around each frame."""
        size = last - first + 1
        return np.roll(maximum_filter1d(levels, size, mode="wrap"), -(first + size // 2))

    return np.minimum(loudest(-12, -5), loudest(0, 29)) - loudest(-3, -1), hop
