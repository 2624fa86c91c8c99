"""Which bars of a take make the loop? The best run of whole bars, each bar judged by itself and beside the others."""

from __future__ import annotations

import numpy as np

from ..errors import Refused
from ..music.meter import bar_seconds, step_seconds
from ..records import Request
from ..sound.levels import frame_levels
from .find import PAD_SECONDS, Phase, distances, has_room, span_sums
from .hearing import Hearing
from .purity import measure_parts, purity_of, spectra_of
from .shift import progression_tones, scale_share
from .tempo import Drift, TakeTempo

FRAME_SECONDS = 0.025
DEEPEST_DB = -40.0  # what is quieter than this against the loudest moment of the take is a rest
TOLERANCE = 0.08  # of a sixteenth: how far off the grid players are anyway

# What makes a window good; each part is 0..1. Parts measured bar by bar count half by their mean and half by their
# worst bar: one bar with a hole, a wrong chord or a stray drum is heard every time round.
PARTS = {
    "even level": 0.25,  # bars of like level: no fade, no dropout
    "level": 0.10,  # not the quiet end of the take
    "grid": 0.15,  # onsets near its own grid
    "seam": 0.15,  # what precedes its start resembles what it ends with
    "harmony": 0.20,  # notes on the chords asked for, else on the scale
    "purity": 0.15,  # only the instrument asked for
}


def find_window(heard: Hearing, phase: Phase, tempo: TakeTempo, drift: Drift, request: Request) -> tuple[float, ...]:
    """The bar lines, in seconds, of the best run of ``request.bars`` whole bars: one more than bars.

    Raises Refused if no run of that many bars sounds throughout.
    """
    bpm = tempo.bpm or request.bpm
    bar = bar_seconds(bpm, request.time)
    first = phase.first_bar_seconds
    while first - bar >= heard.begin - PAD_SECONDS:
        first -= bar
    grid = first + bar * np.arange(int((heard.clip.seconds + PAD_SECONDS - first) / bar + 1e-9) + 1)
    lines = grid + drift.late_seconds(grid)
    bars = request.bars
    places = [
        at for at in range(lines.size - bars) if has_room(heard, lines[at], lines[at + bars] - lines[at], request)
    ]
    if not places:
        raise Refused(
            f"The take sounds for {heard.end - heard.begin:.1f} s from {heard.begin:.1f} s on; {bars} bars at "
            f"{bpm:.2f} BPM from its first bar line need {bar * bars:.1f} s. Ask for fewer bars or make another take."
        )
    if len(places) == 1:
        return tuple(lines[places[0] : places[0] + bars + 1].tolist())
    by_bar = _bar_parts(heard, lines, tempo, drift, request)
    chords = _chord_shares(heard, lines, request)
    totals = []
    for at in places:
        parts = {name: _with_worst(values[at : at + bars]) for name, values in by_bar.items()}
        if chords is not None:
            parts["harmony"] = _with_worst(chords[np.arange(at, at + bars), np.arange(bars) % chords.shape[1]])
        parts["seam"] = _likeness(heard, lines[[at, at + bars]], request)
        totals.append(sum(PARTS[n] * v for n, v in parts.items()) / sum(PARTS[n] for n in parts))
    best = int(np.argmax(totals - 0.002 * np.arange(len(totals))))  # of equals, the earlier
    return tuple(lines[places[best] : places[best] + bars + 1].tolist())


def _with_worst(values: np.ndarray) -> float:
    return float(0.5 * values.mean() + 0.5 * values.min())


def _bar_parts(
    heard: Hearing, lines: np.ndarray, tempo: TakeTempo, drift: Drift, request: Request
) -> dict[str, np.ndarray]:
    """For each part that can be measured bar by bar, its value 0..1 in each bar of the take (bars,)."""
    level = _beat_levels_db(heard, lines, request.time.pulses_per_bar)
    usual = np.median(level, axis=0)
    parts = {
        # a beat that is louder or quieter than the same beat of most bars
        "even level": np.exp(-(np.abs(level - usual).mean(axis=1) + np.abs(level - usual).max(axis=1)) / 20),
        "level": np.clip(1 + level.max(axis=1) / -DEEPEST_DB, 0, 1),
        "purity": _purities(heard, lines, request),
    }
    times = heard.struck.times
    bar_of = np.searchsorted(lines, times + 0.02, side="right") - 1
    inside = (bar_of >= 0) & (bar_of < lines.size - 1)
    if tempo.bpm is not None and inside.any():
        step = step_seconds(tempo.bpm, request.time)
        off = times - drift.late_seconds(times) - tempo.step_offset_seconds
        off = np.abs((off + step / 2) % step - step / 2) / step
        count = np.bincount(bar_of[inside], minlength=lines.size - 1)
        total = np.bincount(bar_of[inside], off[inside], minlength=lines.size - 1)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.median(off[inside]))
        parts["grid"] = np.exp(-np.maximum(0, mean - TOLERANCE) / 0.1)
    if request.role != "drums" and request.key is not None and progression_tones(request) is None:
        notes = span_sums(heard.notes.chroma(), heard.notes.times, lines[:-1], lines[1:])
        parts["harmony"] = np.array([scale_share(bar, request.key) for bar in notes])
    return parts


def _beat_levels_db(heard: Hearing, lines: np.ndarray, beats: int) -> np.ndarray:
    """Level of each beat of each bar against the loudest moment of the take (bars, beats)."""
    levels = np.square(frame_levels(heard.clip, FRAME_SECONDS))
    sums = np.concatenate([[0.0], np.cumsum(levels)])
    places = np.interp(np.arange((lines.size - 1) * beats + 1) / beats, np.arange(lines.size), lines)
    edges = np.clip(np.round(places / FRAME_SECONDS).astype(int), 0, levels.size)
    power = np.diff(sums[edges]) / np.maximum(1, np.diff(edges))
    loudest = float(np.percentile(levels, 98)) + 1e-12
    return np.maximum(10 * np.log10(power / loudest + 1e-12), DEEPEST_DB).reshape(-1, beats)


def _purities(heard: Hearing, lines: np.ndarray, request: Request) -> np.ndarray:
    """Purity of each bar by itself, against the take's usual one (bars,): some instruments are never quite pure."""
    drums = request.role == "drums"
    spectra = spectra_of(heard.clip, heard.struck.times, None if drums else heard.notes)
    out = np.ones(lines.size - 1)
    for number in range(out.size):
        parts = measure_parts(spectra.part(lines[number], lines[number + 1]), drums=drums)
        out[number] = purity_of(parts, drums=drums) if parts else 1.0
    usual = max(float(np.median(out)), 0.05)
    return np.minimum(1.0, out / usual)


def _chord_shares(heard: Hearing, lines: np.ndarray, request: Request) -> np.ndarray | None:
    """Share of each bar's notes on each chord of the progression (bars, chords); None where none is known."""
    chords = progression_tones(request)
    if request.role == "drums" or chords is None:
        return None
    notes = span_sums(heard.notes.chroma(), heard.notes.times, lines[:-1], lines[1:])
    return notes @ np.minimum(chords, 1.0).T / (notes.sum(axis=1, keepdims=True) + 1e-9)


def _likeness(heard: Hearing, ends: np.ndarray, request: Request) -> float:
    """How much the 200 ms before the end resemble the 200 ms before the start, in level and notes, 0..1."""
    reach = 0.2
    if ends[0] < reach:
        return 0.5  # nothing leads in: the seam will be a fold
    levels = frame_levels(heard.clip, 0.05)
    before = [levels[max(0, round(t / 0.05) - 4) : max(1, round(t / 0.05))].mean() for t in ends]
    step_db = abs(20 * np.log10((before[0] + 1e-4) / (before[1] + 1e-4)))
    likeness = float(np.exp(-step_db / 8))
    if request.role == "drums":
        return likeness
    notes = span_sums(heard.notes.chroma(), heard.notes.times, ends - reach, ends)
    return likeness * (1 - 0.5 * float(distances(notes[:1], notes[1:])[0]))
