"""Where does the loop start? The phase of the known grid in a take, and the best run of whole bars in it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ..errors import Refused
from ..meter import Meter
from ..records import Analysis, Clip, Request
from .tempo import Onsets, TakeTempo, grid_phase

ACTIVE_DB = -45.0  # against the loudest 50 ms of the take: below is silence before the first note
PAD_SECONDS = 0.045  # what may be missing at either end of a window: less than a thirty-second at 160 BPM
# How much each cue says about which sixteenth is the first of a bar.
METRE_WEIGHT, IDEA_WEIGHT, HARMONY_WEIGHT, FIRST_WEIGHT = 1.0, 1.0, 1.0, 1.2


@dataclass(frozen=True)
class Phase:
    """``first_bar_seconds``: a bar line at or just after the first sound; ``confidence`` 0..1 against the runner-up."""

    first_bar_seconds: float
    confidence: float


@dataclass(frozen=True)
class Window:
    """The bars of a take to use: from ``start_seconds``, the ``bar``-th place of ``candidates``; ``score`` is 0..1."""

    start_seconds: float
    bar: int
    score: float
    candidates: int


def active_span(clip: Clip) -> tuple[float, float]:
    """First and last second in which a take sounds, within 10 ms.

    Raises
    ------
    Refused
        If it is silent throughout.
    """
    levels = _levels(clip, 0.01)
    peak = float(levels.max(initial=0.0))
    if peak < 1e-3:
        raise Refused("The take is silent; make another one.")
    loud = np.flatnonzero(levels > peak * 10 ** (ACTIVE_DB / 20))
    return float(loud[0] * 0.01), float((loud[-1] + 1) * 0.01)


def _levels(clip: Clip, frame_seconds: float) -> np.ndarray:
    """RMS per frame over all channels (n,)."""
    frame = max(1, round(frame_seconds * clip.sample_rate))
    count = clip.length // frame
    power = np.square(clip.samples[:, : count * frame]).reshape(clip.channels, count, frame)
    return np.sqrt(power.mean(axis=(0, 2)))


def metre_template(meter: Meter) -> np.ndarray:
    """How strong each sixteenth of a bar is by the metre alone (Lerdahl & Jackendoff's dots), 0..1."""
    template = np.zeros(meter.steps_per_bar)
    template[:: max(1, meter.steps_per_beat // 2)] = 0.25
    template[:: meter.steps_per_beat] = 0.55
    if meter.beats_per_bar % 2 == 0:
        template[:: meter.steps_per_bar // 2] = 0.7
    template[0] = 1.0
    return template


def find_phase(
    clip: Clip, onsets: Onsets, tempo: TakeTempo, request: Request, analysis: Analysis | None = None
) -> Phase:
    """Find the first bar line of a take whose tempo is known.

    Four cues vote on which sixteenth starts the bar: the accents against the metre, the accents against those of the
    idea, harmony that changes at bar lines, and the place of the first sound (takes tend to begin on beat 1).
    """
    bpm = tempo.bpm or request.bpm
    meter = request.time
    step = 60 / bpm / meter.steps_per_beat
    bar = step * meter.steps_per_bar
    begin, _ = active_span(clip)
    if onsets.times.size == 0:
        return Phase(begin, 0.0)
    offset = tempo.step_offset_seconds if tempo.bpm else grid_phase(onsets.times, onsets.strengths, step)
    number = np.round((onsets.times - offset) / step).astype(int)
    near = np.abs(onsets.times - offset - number * step) < 0.3 * step
    accents = np.bincount(number[near] % meter.steps_per_bar, onsets.strengths[near], minlength=meter.steps_per_bar)
    votes = METRE_WEIGHT * _rotations(metre_template(meter), accents)
    if analysis is not None and len(analysis.groove.accents) == meter.steps_per_bar:
        votes = votes + IDEA_WEIGHT * _rotations(np.asarray(analysis.groove.accents), accents)
    votes = votes + HARMONY_WEIGHT * _harmony_votes(clip, offset, step, request)
    first = int(number[near][0]) if near.any() else 0
    votes[first % meter.steps_per_bar] += FIRST_WEIGHT
    best = int(np.argmax(votes))
    rest = np.delete(votes, best)
    line = offset + best * step
    line += bar * np.ceil((begin - PAD_SECONDS - line) / bar)
    return Phase(float(line), float(np.clip(votes[best] - rest.max(), 0, 1)))


def _rotations(template: np.ndarray, accents: np.ndarray) -> np.ndarray:
    """Correlation of the accents with the template started at each step, -1..1."""
    a, t = accents - accents.mean(), template - template.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(t)
    if norm < 1e-9:
        return np.zeros(accents.size)
    return np.array([np.roll(t, shift) @ a for shift in range(accents.size)]) / norm


def _harmony_votes(clip: Clip, offset: float, step: float, request: Request) -> np.ndarray:
    """For each step of a bar, how much more the harmony changes across bar lines there than elsewhere, 0..1."""
    votes = np.zeros(request.time.steps_per_bar)
    if request.role == "drums":
        return votes
    from ..features import chroma

    heard = chroma(clip, hop_seconds=0.1)
    bar = step * request.time.steps_per_bar
    for beat in range(request.time.beats_per_bar):
        at = beat * request.time.steps_per_beat
        lines = np.arange((offset + at * step) % bar, clip.seconds, bar)
        edges = np.searchsorted(heard.times, lines)
        bars = [heard.frames[:, a:b].sum(axis=1) for a, b in itertools.pairwise(edges) if b > a]
        if len(bars) < 2:
            continue
        # Bars hold together best when they are cut at the right beat: few pitch classes in each, unlike its neighbour.
        unit = np.array([b / (np.linalg.norm(b) + 1e-9) for b in bars])
        votes[at] = 1 - float(np.mean(np.sum(unit[1:] * unit[:-1], axis=1)))
    tried = votes > 0
    if tried.sum() < 2:
        return np.zeros_like(votes)
    return np.where(tried, 5 * (votes - votes[tried].min()), 0.0).clip(0, 1)


def find_window(clip: Clip, phase: Phase, bpm: float, request: Request) -> Window:
    """Choose the best run of ``request.bars`` whole bars.

    Raises
    ------
    Refused
        If no run of that many bars sounds throughout.
    """
    bar = 60 / bpm * request.time.beats_per_bar
    begin, end = active_span(clip)
    length = bar * request.bars
    first = phase.first_bar_seconds
    while first - bar >= begin - PAD_SECONDS:
        first -= bar
    last = clip.seconds + PAD_SECONDS - length
    starts = np.arange(first, last + 1e-6, bar) if last >= first else np.zeros(0)
    starts = starts[starts >= -PAD_SECONDS]
    # The last note may ring out before the loop does, but half of the last bar has to sound.
    starts = starts[starts + length - bar / 2 <= end]
    if starts.size == 0:
        raise Refused(
            f"The take sounds for {end - begin:.1f} s from {begin:.1f} s on; {request.bars} bars at {bpm:.2f} BPM "
            f"from its first bar line need {length:.1f} s. Ask for fewer bars or make another take."
        )
    levels = _levels(clip, 0.05)
    scores = []
    for start in starts:
        edges = np.clip(np.round((start + bar * np.arange(request.bars + 1)) / 0.05).astype(int), 0, levels.size)
        bars = np.array([levels[a:b].mean() if b > a else 0.0 for a, b in itertools.pairwise(edges)])
        loudness = 20 * np.log10(bars / levels.max() + 1e-4)
        swing_db = float(loudness.max() - loudness.min())
        scores.append(np.exp(-swing_db / 12) * (0.5 + 0.5 * np.clip(1 + loudness.mean() / 40, 0, 1)))
    order = np.asarray(scores) - 0.01 * np.arange(starts.size)  # of equals, the earlier
    best = int(np.argmax(order))
    return Window(float(starts[best]), best, float(scores[best]), starts.size)
