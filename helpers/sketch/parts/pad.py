"""Pad: voice-led chords with common tones tied, swells and pulses through expression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..brief import Brief
from ..cells import PADS
from ..form import plan_form, written
from ..groove import Tone, perform
from ..harmony import Harmony
from ..score import Swell
from ..voicing import lead_voices
from . import Part

SPREAD_SEMITONES = 24  # an ensemble is not bound to a hand
MOST_COLOURED = 0.34  # of the chords
SWELL_STEPS = 16  # expression changes a span


def write_pad(brief: Brief) -> Part:
    """Write a pad: every chord of the harmony, each voice moving as little as it can."""
    rng = brief.rng("pad")
    usual = brief.genre.pad
    if len(usual) > 1:  # a single style was asked for; else a take may stray from what the genre does most
        usual = (*usual, *usual, *(s for s in PADS if s not in usual and s != "pulse"))
    style = usual[int(rng.integers(len(usual)))]
    spans = brief.chord_spans()
    voices = int(np.clip(rng.integers(3, 6) + round(brief.density), 3, 5))
    voicings = _voicings(brief, spans, voices, rng)
    level = int(np.clip(74 + brief.mood.velocity + rng.integers(-4, 5), 40, 112))
    if style in ("rise", "answer", "pushed"):
        tones = _moving(brief, spans, voicings, level, style)
    else:
        tones = _tied(brief, spans, voicings, level)
    tones = [replace(t, velocity=int(np.clip(t.velocity + rng.integers(-5, 6), 24, 122))) for t in tones]
    swells = _swells(brief, spans, style)
    choices = (
        ("pattern", style),
        ("voices", str(voices)),
        ("form", written(plan_form(brief.bars, 0))),
    )
    return Part(perform(brief, tones), choices, (), swells)


def _voicings(
    brief: Brief, spans: tuple[tuple[float, float, Harmony], ...], voices: int, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    centre = brief.centre + int(rng.integers(-3, 4))
    before: tuple[int, ...] = ()
    out = []
    # Twice round the loop: the second lap starts from the last chord, so that the wrap is voice-led too.
    for lap in range(2):
        coloured = 0
        for _, _, chord in spans:
            chance = 0.15 + 0.1 * brief.mood.colour
            warm = brief.genre.colour + brief.mood.colour > 0 and brief.rng("pad colour", chord.label).random() < chance
            free = len(chord.tones) > 2 and coloured + 1 <= MOST_COLOURED * len(spans)
            colour = chord.colours[:1] if warm and free else ()
            coloured += len(colour)
            before = lead_voices(
                chord,
                before,
                voices=max(voices, 4 if colour else voices),
                low=brief.low,
                high=brief.high,
                centre=centre,
                span=SPREAD_SEMITONES - 5 if brief.complexity > 0.5 else 17,
                colour=colour,
            )
            if lap:
                out.append(before)
    return out


def _tied(brief: Brief, spans, voicings: list[tuple[int, ...]], level: int) -> list[Tone]:
    """One note for as long as its pitch stays in the chord: common tones are held, not struck again."""
    tones = []
    for i, ((start, end, _), voicing) in enumerate(zip(spans, voicings, strict=True)):
        for pitch in voicing:
            if i and pitch in voicings[i - 1]:
                continue
            stop = end
            for (_, later_end, _), later in zip(spans[i + 1 :], voicings[i + 1 :], strict=True):
                if pitch not in later:
                    break
                stop = later_end
            tones.append(Tone(pitch, start, stop - start, level))
    return tones


def _moving(brief: Brief, spans, voicings: list[tuple[int, ...]], level: int, style: str) -> list[Tone]:
    """Voices that do not all enter together; every one rings on to the end of its chord.

    ``rise``: from below, an eighth apart. ``answer``: the upper voices come in on the idea's accent near the middle.
    ``pushed``: the upper voices come an eighth after the lowest and are struck again on an accent of the second half.
    """
    tones = []
    for (start, end, _), voicing in zip(spans, voicings, strict=True):
        half = (end - start) / 2
        for i, pitch in enumerate(voicing):
            soft = max(30, level - 3 * i)
            if style == "rise":
                enters = [start + i * min(2.0, half / len(voicing))]
            elif style == "answer":
                enters = [start if i < (len(voicing) + 1) // 2 else _accent(brief, start + half / 2, end - half / 2)]
            else:
                enters = [start] if i == 0 else [start + 2, _accent(brief, start + half, end - 2)]
            for enter, leave in zip(enters, [*enters[1:], end], strict=True):
                tones.append(Tone(pitch, enter, leave - enter, soft))
    return tones


def _accent(brief: Brief, start: float, end: float) -> float:
    """The even step in ``start..end`` that the idea stresses most; the middle when nothing was heard."""
    steps = [s for s in np.arange(start, end + 0.5) if s % 2 == 0] or [start]
    middle = (start + end) / 2
    return float(max(steps, key=lambda s: (brief.accent(s), -abs(s - middle))))


def _swells(brief: Brief, spans, style: str) -> tuple[Swell, ...]:
    """Expression over the loop: a rise and fall a chord, a breath an eighth, or none."""
    out: list[Swell] = []
    if style == "swell":
        for start, end, _ in spans:
            for k in range(SWELL_STEPS):
                level = 0.62 + 0.38 * np.sin(np.pi * (k + 0.5) / SWELL_STEPS)
                out.append(Swell(round((start + (end - start) * k / SWELL_STEPS) / 4, 6), round(float(level), 3)))
    elif style == "pulse":
        for step in np.arange(0.0, brief.steps, 0.5):
            inside = step % 2.0
            level = 1.0 - 0.55 * min(1.0, inside / 1.5)
            out.append(Swell(float(step) / 4, round(level, 3)))
    return tuple(out)
