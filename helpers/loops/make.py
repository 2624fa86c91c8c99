"""From any take to an exact loop: hear it, plan the corrections, do them, cut, close, level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import Refused
from ..records import Analysis, Clip, Correction, Loop, Request, Take
from ..sound.audio import resample
from ..sound.infrasound import remove_infrasound
from ..sound.stretch import apply_stretch, apply_warp
from .find import PAD_SECONDS, find_phase
from .hearing import Hearing, active_span, check_usable
from .level import apply_cleaning, level_beside, offset_db, set_level
from .seam import CutLoop, apply_seam, close_loop, cut_loop, plan_seam
from .shift import Shift, plan_shift
from .tempo import Drift, TakeTempo, estimate_drift, estimate_take_tempo
from .window import find_window

MOST_STRETCH_PERCENT = 6.0  # beyond, stretched attacks and vibrato are heard as such
LEAST_STRETCH_PERCENT = 0.05  # 8 ms over eight bars at 120 BPM
LEAST_STRAY_SECONDS = 0.005  # a loop that strays less than this in all is left alone
CLEAR_FIT, UNCLEAR_PERCENT = 0.5, 0.5  # where onsets gather loosely, half a percent cannot be told from none
OFFSET_DB = -40.0  # an offset this strong against the sound takes headroom and clicks at the ends
LEAD_IN_SECONDS, TAIL_SECONDS = 0.5, 4.0  # kept around the window for the seam


@dataclass(frozen=True)
class Corrections:
    """What will be done to a take: what lies between the bar ``lines`` (seconds) is stretched to length, transposed by
    ``shift``; ``made`` lists it."""

    tempo: TakeTempo
    drift: Drift
    lines: tuple[float, ...]
    shift: Shift
    made: tuple[Correction, ...]


def make_loop(take: Take, request: Request, analysis: Analysis | None = None) -> Loop:
    """Turn a take into a loop of exactly ``request.samples()`` samples at ``request.sample_rate``.

    A take that is ``exact`` is only cut, closed with its own tail and levelled; any other is searched for its grid and
    its best bars and corrected within limits. Channels stay as they are. Beside an idea it is as loud as its role asks
    (:func:`level_beside`), unless the request is ``dry``. Raises Refused if the take is silent, too short, noise, more
    than 6 % off the tempo, or holds no bars that can be used.
    """
    clip = resample(take.clip, request.sample_rate)
    level = level_beside(request.role, None if request.dry else analysis)
    if take.exact:
        active_span(clip)
        cut = cut_loop(clip, 0, request.samples())
        loop = apply_seam(cut, plan_seam(cut, whole_tail=True))
        made = [Correction("fold", cut.tail.shape[1] / clip.sample_rate * 1000)] if cut.tail.size else []
        return Loop(set_level(remove_infrasound(loop), level), take, tuple(made))
    made = [Correction("offset")] if offset_db(clip) > OFFSET_DB else []
    clip = apply_cleaning(clip)
    heard = Hearing(clip, request.tuning_cents)
    plan = plan_corrections(heard, request, analysis)
    cut = apply_corrections(clip, plan, request)
    loop, seam = close_loop(cut, request)
    made += plan.made
    made += [Correction(seam.kind, seam.seconds * 1000)] if seam.seconds > 0 else []
    return Loop(set_level(remove_infrasound(loop), level), take, tuple(made))


def plan_corrections(heard: Hearing, request: Request, analysis: Analysis | None = None) -> Corrections:
    """Decide everything that will be done to a take; raises Refused as :func:`make_loop` does."""
    tempo = estimate_take_tempo(heard.struck, request)
    check_usable(heard.clip)
    error = tempo.error_percent(request.bpm)
    if error is not None and abs(error) <= _least_stretch_percent(tempo, request):
        tempo = replace(tempo, bpm=request.bpm)  # no telling it from the tempo asked for: leave the sound alone
    slowest = 1 - MOST_STRETCH_PERCENT / 100
    if error is not None and not slowest <= 1 + error / 100 <= 1 / slowest:
        raise Refused(
            f"The take plays at {tempo.bpm:.1f} BPM, {error:+.1f} % from the {request.bpm:g} asked for; up to "
            f"{MOST_STRETCH_PERCENT:g} % can be stretched. Make another take."
        )
    drift = estimate_drift(heard.struck, tempo, request)
    phase = find_phase(heard, tempo, drift, request, analysis)
    lines = find_window(heard, phase, tempo, drift, request)
    percent = (request.seconds / (lines[-1] - lines[0]) - 1) * 100  # below 0: the loop becomes shorter
    made = []
    if abs(percent) >= LEAST_STRETCH_PERCENT / 2:
        made.append(Correction("stretch", percent, f"it played at {request.bpm * (1 + percent / 100):.2f} BPM"))
    if drift.coefficients:
        made.append(Correction("drift", drift.worst_seconds * 1000))
    shift = plan_shift(heard, lines, request)
    return Corrections(tempo, drift, lines, shift, (*made, *shift.made))


def _least_stretch_percent(tempo: TakeTempo, request: Request) -> float:
    """How far from the request a take's tempo must be for a stretch to be worth it."""
    unclear = UNCLEAR_PERCENT if tempo.fit < CLEAR_FIT else 0.0
    return max(LEAST_STRETCH_PERCENT, LEAST_STRAY_SECONDS / request.seconds * 100, tempo.margin_percent, unclear)


def apply_corrections(clip: Clip, plan: Corrections, request: Request) -> CutLoop:
    """Stretch, straighten and transpose the window with its surroundings, and cut it to the exact length."""
    rate = clip.sample_rate
    length = request.samples()
    lines = np.asarray(plan.lines) * rate
    ratio = length / (lines[-1] - lines[0])
    first = max(0, round(lines[0] - LEAD_IN_SECONDS * rate))
    last = min(clip.length, round(lines[-1] + TAIL_SECONDS * rate))
    semitones = plan.shift.total_semitones
    piece = Clip(np.ascontiguousarray(clip.samples[:, first:last]), rate)
    lines = lines - first
    at = round(lines[0] * ratio)
    if plan.drift.coefficients:
        inner = at + np.round(np.arange(lines.size) * length / request.bars)
        sources = np.clip(np.r_[0, lines, piece.length], 0, piece.length)
        targets = np.r_[0, inner, inner[-1] + round((piece.length - lines[-1]) * ratio)]
        keep = np.r_[True, np.diff(sources) >= 0.05 * rate]
        keep[-1] = True
        if targets[-1] - targets[keep][-2] < 0.05 * rate:
            keep[-2] = False
        piece = apply_warp(piece, sources[keep], targets[keep].astype(int), semitones)
    elif abs(lines[-1] - lines[0] - length) > 0.5 or semitones:
        piece = apply_stretch(piece, round(piece.length * ratio), semitones)
    lead = max(0, -at)
    lack = max(0, at + length - piece.length)
    if max(lead, lack) <= 2 * PAD_SECONDS * rate:
        piece = Clip(np.pad(piece.samples, ((0, 0), (lead, lack))), rate)
        at += lead
    return cut_loop(piece, at, length)
