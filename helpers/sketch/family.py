"""A family of parts that belong together: the main one, a variation, a fill, a breakdown and a build.

All are made of one take's riffs; the members differ in what is left out, added and how loud it grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .form import Bar
from .kits import NOTES
from .score import Tone

if TYPE_CHECKING:
    from .brief import Brief

BROKEN_WEIGHT = 0.6  # what a breakdown keeps of a pitched part: the beats
BROKEN_LINES = ("hat", "ride", "shaker", "open", "pedal", "tambourine", "rim", "bell", "clave", "conga")
QUIETER = 14  # velocity that a breakdown takes off
GROWTH = (-22, 10)  # velocity at the start and at the end of a build
RUN_STEPS, RUN_HEIGHT = 8, 4  # a fill's run into the beginning, and semitones that it bends upwards


def member_form(form: tuple[Bar, ...], member: str) -> tuple[Bar, ...]:
    """The form of a member: a variation goes on with the other riff, or answers in every other bar."""
    if member != "variation":
        return form
    if len({b.letter for b in form}) > 1:
        return tuple(
            replace(b, letter={"A": "B", "B": "A"}[b.letter] if 2 * b.number >= len(form) else b.letter) for b in form
        )
    return tuple(replace(b, letter="AB"[b.number % 2], variation=1) for b in form)


def as_member(brief: Brief, tones: Sequence[Tone]) -> list[Tone]:
    """The notes of the main part as the brief's member of the family plays them."""
    change = {"fill": _filled, "breakdown": _broken, "build": _built, "variation": _turned_over}.get(brief.member)
    return change(brief, list(tones)) if change else list(tones)


def _turned_over(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """A pad has no riffs to vary: its lowest voice goes up an octave where it can."""
    if brief.role != "pad":
        return tones
    lowest = min(t.pitch for t in tones)
    return [replace(t, pitch=t.pitch + 12) if t.pitch < lowest + 5 and t.pitch + 12 <= brief.high else t for t in tones]


def _filled(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """The last half bar runs into the beginning: over the chord's tones, or down the drums."""
    start = float(brief.steps - min(RUN_STEPS, brief.steps_per_bar // 2))
    kept = [replace(t, length=min(t.length, start - t.step)) for t in tones if t.step < start]
    if brief.role == "drums" or not kept:
        lines = [NOTES[name] for name in brief.instrument.lines] or [NOTES[n] for n in ("snare", "high tom", "low tom")]
        run = np.arange(start, brief.steps, 1.0)
        return kept + [
            Tone(lines[min(int((s - start) / len(run) * len(lines)), len(lines) - 1)], s, 0.9, 70 + 3 * i, limb="snare")
            for i, s in enumerate(run.tolist())
        ]
    last, first = kept[-1], kept[0]
    places = np.arange(start, brief.steps, 2.0 if brief.role in ("chords", "pad") else 1.0).tolist()
    out = []
    for i, step in enumerate(places):
        chord = brief.chord(step)
        way = (i + 1) / len(places)
        goal = last.pitch + (first.pitch - last.pitch) * way + RUN_HEIGHT * np.sin(np.pi * way)
        out.append(Tone(brief.nearest(chord.tones, goal), step, 1.0, min(120, last.velocity + 2 * i)))
    return kept + out


def _broken(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """Air: no kick and no backbeat, the timekeeper on the beats; pitched parts keep the beats and hold them."""
    if brief.role == "drums":
        light = {NOTES[name] for name in (*BROKEN_LINES, *brief.instrument.lines)}
        kept = [t for t in tones if (t.pitch in light and round(t.step) % 4 == 0) or t.pitch == NOTES["rim"]]
        kept = kept or [t for t in tones if t.step % (2 * brief.meter.steps_per_beat) == 0] or tones[:1]
        return [replace(t, velocity=max(20, t.velocity - QUIETER)) for t in kept]
    starts = {brief.span(t.step)[0] for t in tones}
    kept = [t for t in tones if brief.weight(t.step) >= BROKEN_WEIGHT or t.step in starts] or tones[:1]
    places = sorted({t.step for t in kept})
    ends = dict(zip(places, [*places[1:], float(brief.steps)], strict=True))
    return [
        replace(
            t,
            length=max(t.length, min(ends[t.step], brief.span(t.step)[1]) - t.step),
            velocity=max(20, t.velocity - QUIETER),
        )
        for t in kept
    ]


def _built(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """From the beats to all of it, growing louder; the last bar rolls in ever shorter notes."""
    out = []
    for t in tones:
        done = t.step / brief.steps
        if brief.weight(t.step) >= 0.9 * (1 - 2 * done) or t.step == 0:
            level = t.velocity + GROWTH[0] + (GROWTH[1] - GROWTH[0]) * done
            out.append(replace(t, velocity=int(np.clip(round(level), 20, 122))))
    if brief.bars < 2:
        return out
    start = float(brief.steps - brief.steps_per_bar)
    half = start + brief.steps_per_bar / 2
    places = [*np.arange(start, half, 2.0).tolist(), *np.arange(half, brief.steps, 1.0).tolist()]
    if brief.role == "drums":
        line = NOTES[brief.instrument.lines[0]] if brief.instrument.lines else NOTES["snare"]
        calm = [t for t in out if t.step < half or t.pitch not in (NOTES["kick"], line)]
        return calm + [Tone(line, s, 0.9, 60 + 4 * i, limb="snare") for i, s in enumerate(places)]
    if brief.role == "pad":
        return out
    body = [t for t in out if t.step < start]
    for i, step in enumerate(places):
        source = [t for t in tones if t.step <= step] or tones[:1]
        latest = source[-1].step
        chord = brief.chord(step)
        for t in source:
            if t.step == latest and t.pitch % 12 in chord.tones:
                body.append(replace(t, step=step, length=1.0, velocity=int(np.clip(78 + 3 * i, 20, 122))))
    return body or out
