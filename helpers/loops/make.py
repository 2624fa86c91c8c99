"""From any take to an exact loop: hear it, plan the corrections, do them, cut, close, level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..audio import resample
from ..errors import Refused
from ..records import Analysis, Clip, Loop, Progress, Request, Take, silent_progress
from .cut import CutLoop, cut_loop
from .find import PAD_SECONDS, Window, active_span, find_phase, find_window
from .level import apply_cleaning, offset_db, set_level
from .seam import apply_seam, plan_seam
from .shift import Shift, plan_shift
from .stretch import apply_stretch
from .tempo import Onsets, TakeTempo, estimate_take_tempo, hear_onsets

MOST_STRETCH_PERCENT = 6.0  # beyond, stretched attacks and vibrato are heard as such
LEAST_STRETCH_PERCENT = 0.05  # 8 ms over eight bars at 120 BPM
OFFSET_DB = -40.0  # an offset this strong against the sound takes headroom and clicks at the ends


@dataclass(frozen=True)
class Corrections:
    """What will be done to a take: tempo as ``stretch_percent`` (longer is positive), pitch as ``shift``, and the bars
    used as ``window``; ``length_seconds`` is what the window takes in the take."""

    stretch_percent: float
    shift: Shift
    window: Window
    length_seconds: float
    words: tuple[str, ...]


def make_loop(
    take: Take, request: Request, analysis: Analysis | None = None, progress: Progress = silent_progress
) -> Loop:
    """Turn a take into a loop of exactly ``request.samples()`` samples at ``request.sample_rate``.

    A take that is ``exact`` is only cut, closed with its own tail and levelled; any other is searched for its grid and
    its best bars and corrected within limits. Channels stay as they are.

    Raises
    ------
    Refused
        If the take is silent, too short, noise, more than 6 % off the tempo, or holds no bars that can be used.
    """
    clip = _checked(take.clip)
    clip = resample(clip, request.sample_rate)
    if take.exact:
        progress("closing the loop", 0.5)
        cut = cut_loop(clip, 0, request.samples())
        loop = apply_seam(cut, plan_seam(cut, whole_tail=True))
        words = (f"tail wrapped {cut.tail.shape[1] / clip.sample_rate * 1000:.0f} ms",) if cut.tail.size else ()
        return Loop(set_level(loop), take, words)
    words = []
    if offset_db(clip) > OFFSET_DB:
        words.append("offset removed")
    clip = apply_cleaning(clip)
    progress("hearing the take", 0.1)
    plan = plan_corrections(clip, request, analysis)
    progress("correcting", 0.5)
    cut = _cut_corrected(clip, plan, request)
    progress("closing the loop", 0.8)
    seam = plan_seam(cut)
    loop = apply_seam(cut, seam)
    words += plan.words
    if seam.seconds > 0:
        what = "tail wrapped" if seam.kind == "fold" else "wrapped with a crossfade of"
        words.append(f"{what} {seam.seconds * 1000:.0f} ms")
    return Loop(set_level(loop), take, tuple(words))


def _checked(clip: Clip) -> Clip:
    if clip.length == 0:
        raise Refused("The take holds no samples; make another one.")
    bad = ~np.isfinite(clip.samples)
    if bad.mean() > 0.01:
        raise Refused(f"{bad.mean():.0%} of the take's samples are not numbers: the model failed; make another one.")
    active_span(clip if not bad.any() else Clip(np.where(bad, np.float32(0), clip.samples), clip.sample_rate))
    return Clip(np.where(bad, np.float32(0), clip.samples), clip.sample_rate) if bad.any() else clip


def plan_corrections(clip: Clip, request: Request, analysis: Analysis | None = None) -> Corrections:
    """Decide everything that will be done to a take; see :class:`Corrections`.

    Raises
    ------
    Refused
        As :func:`make_loop`.
    """
    onsets = hear_onsets(clip)
    tempo = estimate_take_tempo(onsets, request)
    check_usable(clip, onsets, tempo, request)
    words = []
    error = tempo.error_percent(request.bpm)
    bpm = request.bpm
    if error is not None and abs(error) >= LEAST_STRETCH_PERCENT:
        if abs(error) > MOST_STRETCH_PERCENT:
            raise Refused(
                f"The take plays at {tempo.bpm:.1f} BPM, {error:+.1f} % from the {request.bpm:g} asked for; up to "
                f"{MOST_STRETCH_PERCENT:g} % can be stretched. Make another take."
            )
        bpm = tempo.bpm
        words.append(f"stretched {error:+.2f} %")
    phase = find_phase(clip, onsets, tempo, request, analysis)
    window = find_window(clip, phase, bpm, request)
    shift = plan_shift(clip, request, analysis)
    if shift.semitones:
        words.append(f"shifted {shift.semitones:+d} semitone{'s' if abs(shift.semitones) > 1 else ''}")
    if shift.cents:
        words.append(f"tuned {shift.cents:+.0f} cents")
    length = 60 / bpm * request.time.beats_per_bar * request.bars
    return Corrections((request.bpm / bpm - 1) * -100, shift, window, length, tuple(words))


def check_usable(clip: Clip, onsets: Onsets, tempo: TakeTempo, request: Request) -> None:
    """Refuse noise: a flat spectrum throughout and no pulse in it."""
    from scipy.signal import welch

    if tempo.bpm is not None and tempo.fit > 0.5:
        return
    _, power = welch(clip.mono(), clip.sample_rate, nperseg=4096)
    band = power[4 : int(0.9 * power.size)] + 1e-20
    flatness = float(np.exp(np.mean(np.log(band))) / np.mean(band))
    if flatness > 0.25:
        raise Refused("The take is noise without pitch or pulse; make another one.")


def _cut_corrected(clip: Clip, plan: Corrections, request: Request) -> CutLoop:
    """Cut the window with a second either side, stretch and shift that piece, and cut it again to the exact length."""
    rate = clip.sample_rate
    ratio = request.seconds / plan.length_seconds
    before, after = 0.5, 4.0
    start = plan.window.start_seconds
    first = max(0, round((start - before) * rate))
    last = min(clip.length, round((start + plan.length_seconds + after) * rate))
    piece = Clip(np.ascontiguousarray(clip.samples[:, first:last]), rate)
    if abs(ratio - 1) > 1e-9 or plan.shift.total_semitones:
        piece = apply_stretch(piece, round(piece.length * ratio), plan.shift.total_semitones)
    at = round((start - first / rate) * ratio * rate)
    length = request.samples()
    pad = round(2 * PAD_SECONDS * rate)
    lead = max(0, -at)
    lack = max(0, at + length - piece.length)
    if max(lead, lack) > pad:
        return cut_loop(piece, at, length)
    padded = np.pad(piece.samples, ((0, 0), (lead, lack)))
    return cut_loop(Clip(padded, rate), at + lead, length)
