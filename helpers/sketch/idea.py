"""What an idea is to the part that joins it: its accents, swing, room and melody on the part's own grid."""

from __future__ import annotations

import numpy as np

from ..music.meter import bar_seconds
from ..records import Analysis, Request
from .genres import Genre

AUDIBLE_SWING = 0.535  # closer to a half is a straight player's unevenness
CLEAR_SHARE = 0.25  # of a half bar: a pitch class that sounds for so much of it is one of its notes
LOUD_PERCENTILE = 95  # of the idea's onsets: as strong as that is a full accent


def heard_groove(
    request: Request, analysis: Analysis | None, heard: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The idea's accents and low accents, (bars, steps) each, and a level 0..1 a bar, on the part's own bars."""
    steps, bars = request.time.steps_per_bar, request.bars
    silent = np.zeros((bars, steps))
    if analysis is None:
        return silent, silent, np.ones(bars)
    groove, ratio = analysis.groove, tempo_ratio(request, analysis)
    accents = _on_bars(groove.bar_accents or (groove.accents,), bars, steps, ratio)
    low = _on_bars(groove.bar_low_accents or (groove.low_accents,), bars, steps, ratio)
    if accents.any():
        heard.append(f"{groove.density:.1f} onsets a beat")
    levels = np.ones(bars)
    if groove.bar_levels_db:
        curve = np.clip(np.array(groove.bar_levels_db), -12.0, 0.0)
        levels = 10 ** (0.5 * curve[np.arange(bars) % len(curve)] / 20)  # half as steep as the idea, in dB
    return accents, low, levels


def _on_bars(profile: tuple[tuple[float, ...], ...], bars: int, steps: int, ratio: float) -> np.ndarray:
    """The idea's bars of accents on the part's, going round: as they are, or re-read at half or double tempo.

    Zeros where they cannot fit: another meter, or a tempo that is no reading of the idea's.
    """
    flat = np.asarray([value for bar in profile for value in bar], dtype=float)
    if not flat.size or any(len(bar) != steps for bar in profile):
        return np.zeros((bars, steps))
    if 1.9 < ratio < 2.1:  # the part counts twice as fast: an idea's step is two of ours
        flat = np.stack([flat, np.zeros_like(flat)], axis=1).ravel()
    elif 0.48 < ratio < 0.52:
        flat = np.maximum(flat[0::2], 0.7 * flat[1::2])
        flat = flat[: flat.size // steps * steps] if flat.size >= steps else np.tile(flat, 2)
    # A recording that begins in the middle of a sound has its strongest onset there: it is cut down to the others.
    loud = float(np.percentile(flat, LOUD_PERCENTILE))
    flat = np.minimum(flat / loud, 1.0) if loud > 0 else flat
    return np.resize(flat, bars * steps).reshape(bars, steps)


def tempo_ratio(request: Request, analysis: Analysis) -> float:
    return request.bpm / analysis.tempo.bpm if analysis.tempo.bpm else 1.0


def heard_swing(request: Request, analysis: Analysis | None, genre: Genre) -> tuple[float, int]:
    """The share of a pair that its first note takes, and the sixteenths in the pair's unit: eighths in an idea."""
    if request.time.steps_per_beat == 6:
        return 0.5, 2
    if request.swing is not None:
        return (request.swing if request.swing >= AUDIBLE_SWING else 0.5), genre.swing_unit
    if analysis is not None and analysis.tempo.swing is not None:
        heard = float(np.clip(analysis.tempo.swing, 0.5, 0.72))
        return (heard if heard >= AUDIBLE_SWING else 0.5), 2
    # An idea in which no swing could be told stays straight, unless the genre is nothing without it.
    return (genre.swing if analysis is None or genre.swing >= 0.6 else 0.5), genre.swing_unit


def crowding(octaves: np.ndarray, centre: int) -> float:
    """Share of the idea's energy within half an octave of a pitch."""
    position = (centre - 24) / 12 - 0.5
    weights = np.clip(1 - np.abs(np.arange(7) - position), 0, 1)
    return float(octaves @ weights)


def heard_motif(request: Request, analysis: Analysis | None) -> tuple[tuple[float, float, int], ...]:
    """The idea's melody on the part's grid, from its first downbeat, quantised to steps; at most four bars."""
    if analysis is None or not analysis.melody or analysis.tempo.bpm is None:
        return ()
    start = analysis.tempo.downbeats[0] if analysis.tempo.downbeats else 0.0
    step = 60.0 / analysis.tempo.bpm / analysis.tempo.meter.steps_per_beat
    out = []
    # The first note decides whether the player is a sixteenth early or late throughout.
    first = next((n for n in analysis.melody if n.start >= start - step), None)
    lean = 0 if first is None else round((first.start - start) / step) % 2
    for note in analysis.melody:
        at = round((note.start - start) / step) - lean
        if 0 <= at < 4 * request.time.steps_per_bar:
            out.append((float(at), float(max(1, round(note.length / step))), note.pitch))
    return tuple(out) if len(out) >= 3 else ()


def heard_tones(request: Request, analysis: Analysis | None) -> np.ndarray:
    """How clearly the idea sounds each pitch class in each half bar of the part, (half bars, 12): 1 one of its notes,
    0 silent there, down to -1 a semitone beside its notes. Zeros where the chords are the musician's own."""
    silent = np.zeros((2 * request.bars, 12))
    if analysis is None or not request.chords_heard or analysis.tempo.bpm is None or not analysis.played:
        return silent
    half = bar_seconds(analysis.tempo.bpm, analysis.tempo.meter) / 2 / tempo_ratio(request, analysis)
    start = analysis.tempo.downbeats[0] if analysis.tempo.downbeats else 0.0
    rows = min(len(silent), 2 * max(1, int((analysis.seconds - start) / half / 2 + 0.1)))
    begins = start + half * np.arange(rows)
    sounds = np.zeros((rows, 12))
    for note in analysis.played:
        shared = np.minimum(begins + half, note.start + note.length) - np.maximum(begins, note.start)
        sounds[:, note.pitch % 12] += note.velocity * np.maximum(shared, 0.0)
    sounds /= np.maximum(sounds.sum(axis=1, keepdims=True), 1e-9)
    beside = np.roll(sounds, 1, axis=1) + np.roll(sounds, -1, axis=1)
    return np.resize(np.round(np.clip((sounds - 0.5 * beside) / CLEAR_SHARE, -1.0, 1.0), 3), silent.shape)


def heard_timing(request: Request, analysis: Analysis | None, swing: tuple[float, int]) -> tuple[float, ...]:
    """How many milliseconds before (below 0) or after the grid the idea is played on each step of a bar.

    0 where that is not known, where the tempo or the metre is another, and on the steps that ``swing`` moves (that is
    a control of its own). A part that is asked to be tight takes none of it.
    """
    size = request.time.steps_per_bar
    heard = analysis.groove.timing_ms if analysis else ()
    if analysis is None or len(heard) != size or request.humanize == 0 or analysis.tempo.meter != request.time:
        return (0.0,) * size
    if abs(tempo_ratio(request, analysis) - 1) > 0.02:
        return (0.0,) * size
    share, unit = swing
    return tuple(0.0 if share != 0.5 and step % (2 * unit) else round(ms, 1) for step, ms in enumerate(heard))
