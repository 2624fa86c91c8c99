"""A loop cut from a take, and its wrap, where its end meets its start: planned and closed (``seam_measure`` measures).

Two ways to close a loop. *Fold*: what decays after the end (reverb, released strings) is added onto the start, as it
would sound on the second pass. *Crossfade*: where the music plays on without a decay, the end passes with equal power
into the lead-in, the moments before the start, so that the start is reached the way it was in the take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import Refused
from ..records import Clip, Request
from ..sound.levels import frame_levels
from .seam_measure import measure_seam

FRAME_SECONDS = 0.005
RISE_DB = 4.0  # a rise of this much over the quietest frame so far is a new note, not a decay
DECAY_DB = 12.0  # a tail has fallen at least this far where it ends
FADE_SECONDS = 0.012  # hides the end of a fold; too short to hear as a fade
SHORT_CROSSFADE_SECONDS = 0.012  # shorter than an attack
CROSSFADES_SECONDS = (0.006, 0.012, 0.025, 0.05, 0.12)  # tried where the one planned is heard
LONG_CROSSFADE_SECONDS = 0.120  # for sustained sound without onsets near the wrap
LEAD_IN_DB = -15.0  # a lead-in this far below the end of the loop would be heard as a hole
QUIET_DB = -30.0  # a lead-in this far below the whole loop counts as silence
GUARD_SECONDS = 0.01  # before the start: the first attack may begin here
FOOT_SECONDS = 0.05  # slow attacks begin this long before they are heard as begun
SOFT_START_SECONDS = 0.002  # a take cut off before its first sample starts with a jump; 2 ms hide it


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
    near = round(FRAME_SECONDS * cut.loop.sample_rate)
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
    return 20 * np.log10(frame_levels(Clip(samples, rate), FRAME_SECONDS) + 1e-5)


def _decay_samples(tail: np.ndarray, rate: int) -> int:
    """Length of the decay a tail begins with: up to its first new note; 0 where it does not fall by 12 dB."""
    levels = _frame_levels_db(tail, rate)
    if levels.size == 0:
        return 0
    smooth = np.convolve(levels, np.ones(3) / 3, mode="valid")
    lowest = np.minimum.accumulate(smooth)
    rises = np.flatnonzero((smooth > lowest + RISE_DB) & (smooth > -60.0))
    decay = smooth[: rises[0]] if rises.size else smooth
    if smooth[0] - decay.min() < DECAY_DB:
        return 0
    # Back to where the decay was lowest: the rise itself belongs to the next note.
    return round((int(np.argmin(decay)) + 1) * FRAME_SECONDS * rate) if rises.size else tail.shape[1]


def _is_steady(samples: np.ndarray, rate: int) -> bool:
    """Whether the level moves by less than 6 dB from one 15 ms stretch to the next: no onset, no stop."""
    levels = _frame_levels_db(samples, rate)
    if levels.size < 6:
        return False
    smooth = np.convolve(levels, np.ones(3) / 3, mode="valid")
    return bool(np.max(np.abs(smooth[3:] - smooth[:-3])) < 6.0)
