"""Bass: roots that lock to the idea's low accents, lines that lead into the next chord, glides for an 808."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..brief import SUB_BASSES, Brief
from ..cells import Hit
from ..form import Bar, written
from ..groove import (
    Tone,
    choose_cell,
    fill_or_thin,
    follow,
    in_letter,
    lean_on,
    perform,
    unexpected,
    velocity,
    window,
    without_overlaps,
)
from ..harmony import Harmony
from ..score import Bend
from . import Part

GLIDE_QUARTERS = 0.25
GHOST_VELOCITY = 34
OFF_CHORD_SHARE = 0.12  # of the line's time may lead from chord to chord
# What a take makes of repeated roots, as symbols of the cells; most lines stay on their roots.
FIGURES = {"roots": "1", "octaves": "18", "fifths": "15", "low fifths": "1d", "broken": "1358"}
FIGURED = 0.5  # of the roots that only repeat
REST = 0.18  # chance that a weak repeat is left out
REST_WEIGHT, LEAST_HITS = 0.5, 3
SUB_STYLES = ("halftime", "sustained")  # what a sub plays in genres that are not built on one
SUB_GENRES = ("trap", "drill", "dubstep", "hip hop", "rnb", "drum and bass", "uk garage")


def write_bass(brief: Brief) -> Part:
    """Write a bass line: monophonic, root on every chord change, 85 % or more of it on chord tones."""
    form = brief.form()
    accents = 0.45 * brief.low_accents + 0.55 * brief.accents if brief.low_accents.any() else brief.accents
    wishes = unexpected(brief, accents)
    sub = brief.instrument.name in SUB_BASSES and brief.genre.name not in SUB_GENRES
    styles = (*SUB_STYLES, *brief.genre.bass[:1]) if sub else brief.genre.bass
    off_chord = played = 0.0
    figure = "roots" if brief.instrument.name in SUB_BASSES else str(brief.rng("figure").choice(list(FIGURES)))
    tones: list[Tone] = []
    names: list[str] = []
    last = _nearest(brief.chord(0).bass, brief.centre, brief)
    for bar in form:
        lock = in_letter(accents, form, bar.letter)
        cell = choose_cell(brief, "bass", styles, bar.letter, lock, 1.0)
        cell = fill_or_thin(brief, cell, brief.rng("bass fill", bar.letter), lock, "1158")
        pulse = cell.is_pulse(brief.meter.steps_per_beat)
        if not pulse:
            cell = lean_on(brief, cell, brief.rng("bass lean", bar.letter), lock, abs(brief.lean))
        names.append(cell.name)
        hits = _shaped(brief, bar, window(brief, cell, bar.number), wishes[bar.number], drops=0 if pulse else 2)
        hits = _figured(brief, bar, hits, figure)
        # A line in octaves needs room above its roots.
        home = min(brief.centre, brief.high - 18) if any(h.symbol == "8" for h in cell.hits) else brief.centre
        for hit in hits:
            tone = _tone(brief, bar, hit, last, home)
            inside = tone.pitch % 12 in brief.chord(tone.step).tones
            off_chord += 0.0 if inside else tone.length
            played += tone.length
            if not inside and off_chord > OFF_CHORD_SHARE * max(played, float(brief.steps_per_bar)):
                off_chord -= tone.length
                tone = replace(tone, pitch=_chord_tone_near(brief, tone.step, tone.pitch))
            tones.append(tone)
            last = tone.pitch
    tones = _monophonic(tones)
    bends = _glides(brief, tones) if brief.instrument.name == "808" else ()
    choices = (("pattern", _once(names)), ("figure", figure), ("form", written(form)))
    return Part(perform(brief, tones), choices, bends)


def _figured(brief: Brief, bar: Bar, hits: tuple[Hit, ...], figure: str) -> tuple[Hit, ...]:
    """Repeated roots as the take's figure has them, and a rest now and then; chord changes keep their root."""
    rng = brief.rng("bass figure", bar.letter, bar.variation)
    start, half = bar.number * brief.steps_per_bar, brief.steps_per_bar / 2
    symbols = FIGURES[figure]
    out = list(hits[:1])
    for before, h in pairwise(hits):
        repeats = h.symbol == before.symbol == "1" and before.step // half == h.step // half
        weak = brief.weight(h.step) < REST_WEIGHT and brief.accent(start + h.step) <= 0
        if repeats and weak and len(hits) > LEAST_HITS and rng.random() < REST:
            continue
        changed = repeats and rng.random() < FIGURED
        out.append(Hit(h.step, h.length, symbols[int(rng.integers(len(symbols)))] if changed else h.symbol))
    return tuple(out)


def _once(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _nearest(pitch_class: int, target: int, brief: Brief) -> int:
    """The pitch of a class nearest to a target within the part's range."""
    options = [p for p in range(brief.low, brief.high + 1) if p % 12 == pitch_class]
    return min(options, key=lambda p: (abs(p - target), p))


def _chord_tone_near(brief: Brief, step: float, pitch: int) -> int:
    """The tone of the chord at a step that lies nearest to a pitch."""
    tones = [p for p in range(brief.low, brief.high + 1) if p % 12 in brief.chord(step).tones]
    return min(tones, key=lambda p: (abs(p - pitch), p))


def _shaped(brief: Brief, bar: Bar, hits: list[Hit], wish: np.ndarray, drops: int) -> tuple[Hit, ...]:
    """A bar's hits: the root where the chord changes, locked onto the bar's accents, varied and turned by the form."""
    rng = brief.rng("bass bar", bar.letter, bar.variation, bar.turn)
    size = brief.steps_per_bar
    by_step = {h.step: h for h in follow(brief, hits, wish, "1", rng, drops=drops)}
    half = size / 2
    start = bar.number * size
    if brief.chord(start + half).bass != brief.chord(start).bass and not any(half <= s <= half + 1 for s in by_step):
        by_step[half] = Hit(half, 2, "1")
    if bar.variation and len(by_step) > 2:
        late = max(by_step)
        if rng.random() < 0.5 * bar.variation:
            by_step[late] = Hit(late, by_step[late].length, "85"[int(rng.integers(2))])
    if bar.turn and brief.complexity > 0.25 and not brief.instrument.name.startswith("808"):
        tail = size - 2.0
        by_step[tail] = Hit(tail, 2, "a")
    return without_overlaps(by_step.values(), size)


def _tone(brief: Brief, bar: Bar, hit: Hit, last: int, home: int) -> Tone:
    step = bar.number * brief.steps_per_bar + hit.step
    chord = brief.chord(step)
    rng = brief.rng("bass note", bar.letter, bar.variation, hit.step)
    root = _nearest(chord.bass, home, brief)
    changes = step == 0 or brief.chord(step - 0.5).bass != chord.bass
    pitch = root if changes and hit.symbol not in "8" else _degree(brief, step, hit.symbol, chord, root, last)
    legato = float(np.clip(brief.legato, 0.5, 1.2))
    length = hit.length * (legato if hit.length > 1 else min(legato, 1.0))
    if brief.instrument.name in SUB_BASSES:
        length = hit.length  # a sub is felt, not plucked
    strength = velocity(brief, step, rng, 0.3 if hit.symbol in "1n" else 0.0)
    if hit.symbol == "g":
        return Tone(root, step, 0.5, GHOST_VELOCITY)
    return Tone(pitch, step, length, strength)


def _degree(brief: Brief, step: float, symbol: str, chord: Harmony, root: int, last: int) -> int:
    """The pitch a symbol of the cell means on a chord."""
    if symbol == "8":
        return root + 12 if root + 12 <= brief.high else root - 12 if root - 12 >= brief.low else root
    if symbol == "3":
        return _nearest(chord.third, last, brief)
    if symbol == "5":
        return _nearest(chord.fifth, root + 5, brief)
    if symbol == "d":
        return _nearest(chord.fifth, root - 5, brief)
    if symbol in "67":
        wanted = (chord.bass + (9 if symbol == "6" else 10)) % 12
        near = wanted if wanted in chord.scale else (wanted - 1) % 12
        near = near if near in chord.scale else chord.fifth
        return _nearest(near, root + 8, brief)
    if symbol in "an":
        ahead = brief.chord((int(step // (brief.steps_per_bar / 2)) + 1) * brief.steps_per_bar / 2)
        target = _nearest(ahead.bass, root, brief)
        if symbol == "n":
            return target
        return _approach(brief, target, last, chord)
    return root


def _approach(brief: Brief, target: int, last: int, chord: Harmony) -> int:
    """A step of the scale beside the target, from the side the line comes from; a repeated root leads by its fifth."""
    if last == target:
        return _nearest(chord.fifth, target - 4, brief)
    steps = (-1, -2) if last < target else (1, 2)
    for s in (*steps, *(-x for x in steps)):
        if (target + s) % 12 in chord.scale and brief.low <= target + s <= brief.high:
            return target + s
    return target


def _monophonic(tones: list[Tone]) -> list[Tone]:
    ordered = sorted(tones, key=lambda t: t.step)
    out = []
    for i, tone in enumerate(ordered):
        end = ordered[i + 1].step if i + 1 < len(ordered) else tone.step + tone.length
        out.append(Tone(tone.pitch, tone.step, min(tone.length, end - tone.step), tone.velocity))
    return out


def _glides(brief: Brief, tones: list[Tone]) -> tuple[Bend, ...]:
    """Slides into the following note, at most one a bar, over the last GLIDE_QUARTERS of a long note."""
    bends: list[Bend] = []
    used: set[int] = set()
    for now, after in pairwise(tones):
        bar = int(now.step // brief.steps_per_bar)
        leap = after.pitch - now.pitch
        rng = brief.rng("glide", now.step)
        touching = after.step - (now.step + now.length) < 0.01
        if (
            bar in used
            or not touching
            or now.length < 3
            or not 2 <= abs(leap) <= 12
            or rng.random() > 0.35 + brief.complexity / 2
        ):
            continue
        used.add(bar)
        stop = after.step / 4
        start = stop - GLIDE_QUARTERS
        bends += [Bend(round(start + GLIDE_QUARTERS * k / 8, 6), leap * k / 8) for k in range(1, 8)]
        bends.append(Bend(round(stop, 6), 0.0))
    return (Bend(0.0, 0.0), *bends) if bends else ()
