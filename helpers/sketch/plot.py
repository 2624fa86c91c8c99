"""A score drawn as a piano roll over the idea's chords, grid and accents."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from ..music.pitch import midi_name, parse_chord
from ..records import Analysis, Request
from .kits import NOTES
from .score import Score

PUSHED_QUARTERS = 0.08  # a note this much before a chord already belongs to it
INK, CHORD_TONE, SCALE_TONE, FOREIGN = "#222222", "#2f6f9f", "#7fb2d6", "#d1495b"


def plot_roll(score: Score, request: Request, analysis: Analysis | None, target: str | Path | Any) -> None:
    """Draw a piano roll.

    Parameters
    ----------
    score, request
        The part and what was asked for.
    analysis
        Its accents are drawn below the roll when they fit the meter; None draws none.
    target
        A path for a picture (by its suffix) or matplotlib axes to draw on.
    """
    if hasattr(target, "add_patch"):
        _draw(target, score, analysis)
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(8.0, 2.2 * score.bars), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _draw(axes, score, analysis)
    figure.savefig(target, dpi=110)


def _draw(axes: Any, score: Score, analysis: Analysis | None) -> None:
    from matplotlib.patches import Rectangle

    rows = sorted({n.pitch for n in score.notes}) or [60]
    place = {p: i for i, p in enumerate(rows)} if score.is_drums else {p: p for p in range(128)}
    low, high = place[rows[0]] - 1.5, place[rows[-1]] + 1.5
    bar = score.quarters_per_bar
    beat = score.meter.quarters_per_beat
    for i in range(round(score.quarters / beat) + 1):
        edge = abs(i * beat % bar) < 1e-6
        axes.axvline(i * beat, color=INK, lw=1.0 if edge else 0.4, alpha=0.5 if edge else 0.25, zorder=0)
    for i, label in enumerate(score.chords):
        if i == 0 or label != score.chords[i - 1] or i % 2 == 0:
            axes.text(i * bar / 2 + 0.05, high + 0.1, label, fontsize=9, va="bottom", color=INK)
        chord = parse_chord(label)
        for pitch in range(int(low), int(high) + 2):
            if chord is not None and not score.is_drums and pitch % 12 in chord.pitch_classes:
                axes.add_patch(Rectangle((i * bar / 2, pitch - 0.5), bar / 2, 1, color=CHORD_TONE, alpha=0.08, lw=0))
    for n in score.notes:
        color = _color(score, n.pitch, n.start, bar)
        box = Rectangle(
            (n.start, place[n.pitch] - 0.38), n.length, 0.76, color=color, alpha=0.35 + 0.65 * n.velocity / 127
        )
        axes.add_patch(box)
    accents = analysis.groove.accents if analysis else ()
    if len(accents) == score.meter.steps_per_bar:
        for b in range(score.bars):
            for s, a in enumerate(accents):
                axes.add_patch(Rectangle((b * bar + s / 4, low - 2.2), 0.22, 2 * a, color=INK, alpha=0.35, lw=0))
        low -= 2.4
    axes.set_xlim(0, score.quarters)
    axes.set_ylim(low, high)
    axes.set_xticks([b * bar for b in range(score.bars)], [str(b + 1) for b in range(score.bars)])
    if score.is_drums:
        names = {note: name for name, note in NOTES.items()}
        axes.set_yticks([place[p] for p in rows], [names.get(p, str(p)) for p in rows])
    else:
        ticks = [p for p in range(rows[0], rows[-1] + 1) if p in rows]
        flats = score.key is not None and score.key.prefers_flats
        axes.set_yticks(ticks, [midi_name(p, flats=flats) for p in ticks], fontsize=7)
    key = f", {score.key.name}" if score.key else ""
    axes.set_title(f"{score.instrument} ({score.role}), {score.bpm:g} BPM, {score.meter.name}{key}", loc="left", pad=18)
    axes.set_xlabel(textwrap.fill(score.describe(), 150), fontsize=7)


def _color(score: Score, pitch: int, start: float, bar: float) -> str:
    """Chord tones dark, scale tones light, others red; drums in one ink."""
    if score.is_drums or not score.chords:
        return CHORD_TONE
    half = int((start + PUSHED_QUARTERS) // (bar / 2))
    chord = parse_chord(score.chords[min(half, len(score.chords) - 1)])
    if chord is not None and pitch % 12 in chord.pitch_classes:
        return CHORD_TONE
    return SCALE_TONE if score.key is not None and pitch % 12 in score.key.scale else FOREIGN
