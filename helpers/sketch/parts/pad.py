"""Pad: voice-led chords with common tones tied, swells and pulses through expression."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..brief import Brief
from ..groove import IDEA_ACCENT, STANDS_OUT, Tone, letter_wishes, perform
from ..score import Swell
from ..voicing import colours_of, lead_voices
from . import Part

STRAYS = ("held", "swell", "rise", "answer", "pushed")  # what a take may play that its genre does not
SPREAD_SEMITONES = 24  # an ensemble is not bound to a hand
SWELL_STEPS = 16  # expression changes a span
CLEAR_STEPS = 2  # from a chord change, or from the end of a voice: closer it is no second stroke
CLEAR_ACCENT = 0.3  # above the idea's mean accent
STEADY = 0.03  # a loudness curve flatter than this needs no expression


def write_pad(brief: Brief) -> Part:
    """Write a pad: every chord of the harmony, each voice moving as little as it can."""
    rng = brief.rng("pad")
    usual = brief.genre.pad
    asked = len(usual) == 1
    if not asked:  # a single style was asked for; else a take may stray from what the genre does most
        usual = (*usual, *usual, *(s for s in STRAYS if s not in usual))
    style = usual[int(rng.integers(len(usual)))]
    voices = int(np.clip(rng.integers(3, 6) + round(brief.density), 3, 5))
    voicings = _voicings(brief, voices, rng)
    level = int(np.clip(74 + brief.mood.velocity + rng.integers(-4, 5), 40, 112))
    if style in ("rise", "answer", "pushed"):
        tones = _moving(brief, voicings, level, style)
    else:
        tones = _tied(brief, voicings, level)
    if not asked:
        tones = _restruck(brief, tones)
    tones = [replace(t, velocity=int(np.clip(t.velocity + rng.integers(-5, 6), 24, 122))) for t in tones]
    return Part(perform(brief, tones), (("pattern", style), ("voices", str(voices))), (), _swells(brief, style))


def _voicings(brief: Brief, voices: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    centre = brief.centre + int(rng.integers(-3, 4))
    chance = 0.15 + 0.1 * brief.mood.colour if brief.genre.colour + brief.mood.colour > 0 else 0.0
    chords = [
        (c, colour) for (_, _, c), colour in zip(brief.harmony, colours_of(brief, "pad colour", chance), strict=True)
    ]
    reach = {"low": brief.low, "high": brief.high, "centre": centre}
    span = SPREAD_SEMITONES - 5 if brief.complexity > 0.5 else 17
    before: tuple[int, ...] = ()
    out = []
    # Twice round the loop: the second lap starts from the last chord, so that the wrap is voice-led too.
    for chord, colour in chords + chords:
        before = lead_voices(chord, before, voices=voices, **reach, span=span, colour=colour)
        out.append(before)
    return out[len(chords) :]


def _tied(brief: Brief, voicings: list[tuple[int, ...]], level: int) -> list[Tone]:
    """One note for as long as its pitch stays in the chord: common tones are held, not struck again."""
    tones = []
    for i, ((start, end, _), voicing) in enumerate(zip(brief.harmony, voicings, strict=True)):
        for pitch in voicing:
            if i and pitch in voicings[i - 1]:
                continue
            stop = end
            for (_, later_end, _), later in zip(brief.harmony[i + 1 :], voicings[i + 1 :], strict=True):
                if pitch not in later:
                    break
                stop = later_end
            tones.append(Tone(pitch, start, stop - start, level))
    return tones


def _moving(brief: Brief, voicings: list[tuple[int, ...]], level: int, style: str) -> list[Tone]:
    """Voices that do not all enter together; every one rings on to the end of its chord.

    ``rise``: from below, an eighth apart. ``answer``: the upper voices come in on the idea's accent near the middle.
    ``pushed``: the upper voices come an eighth after the lowest and are struck again on an accent of the second half.
    """
    tones = []
    for (start, end, _), voicing in zip(brief.harmony, voicings, strict=True):
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


def _restruck(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """The upper voices struck again where the idea stresses what its metre does not, once a half bar at most."""
    form = brief.form()
    wishes = letter_wishes(brief, form, brief.accents)
    wish = np.concatenate([wishes[bar.letter] for bar in form])
    changes = [start for start, _, _ in brief.harmony]
    half = brief.steps_per_bar // 2
    places = []
    for begin in range(0, brief.steps, half):
        step = begin + int(np.argmax(wish[begin : begin + half]))
        if wish[step] > STANDS_OUT and min(abs(step - c) for c in changes) >= CLEAR_STEPS:
            places.append(float(step))
    out = []
    for tone in tones:
        here = [t for t in tones if t.step <= tone.step < t.step + t.length]
        upper = tone.pitch > float(np.median([t.pitch for t in here]))
        inside = [s for s in places if tone.step + CLEAR_STEPS <= s <= tone.step + tone.length - CLEAR_STEPS]
        cuts = [tone.step, *(inside if upper else ()), tone.step + tone.length]
        for start, end in pairwise(cuts):
            louder = round(IDEA_ACCENT / 2 * brief.accent(start)) if start in places else 0
            out.append(replace(tone, step=start, length=end - start, velocity=tone.velocity + louder))
    return out


def _accent(brief: Brief, start: float, end: float) -> float:
    """The step in ``start..end`` that the idea stresses most, odd ones if clearly; the middle if none was heard."""
    steps = [s for s in np.arange(start, end + 0.5) if s % 2 == 0 or brief.accent(s) > CLEAR_ACCENT] or [start]
    middle = (start + end) / 2
    return float(max(steps, key=lambda s: (brief.accent(s), -abs(s - middle))))


def _swells(brief: Brief, style: str) -> tuple[Swell, ...]:
    """Expression over the loop: the idea's loudness from bar to bar, and in it what the style does: a rise and fall a
    chord, or a breath an eighth. None where all is steady."""
    at: list[tuple[float, float]] = []  # step, level
    if style == "swell":
        for start, end, _ in brief.harmony:
            for k in range(SWELL_STEPS):
                shape = 0.62 + 0.38 * np.sin(np.pi * (k + 0.5) / SWELL_STEPS)
                at.append((start + (end - start) * k / SWELL_STEPS, shape))
    elif style == "pulse":
        at = [(float(s), 1.0 - 0.55 * min(1.0, s % 2.0 / 1.5)) for s in np.arange(0.0, brief.steps, 0.5)]
    elif np.ptp(brief.levels) > STEADY:
        at = [(float(s), 1.0) for s in range(brief.steps)]
    middles = (np.arange(-1, brief.bars + 1) + 0.5) * brief.steps_per_bar
    around = np.concatenate([brief.levels[-1:], brief.levels, brief.levels[:1]])  # the last bar leads into the first
    return tuple(
        Swell(round(step / 4, 6), round(float(level * np.interp(step, middles, around)), 3)) for step, level in at
    )
