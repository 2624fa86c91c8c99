"""Bass: a riff on the roots, with the idea's kick or against it, approaches into the next chord, glides."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..brief import SUB_BASSES, Brief
from ..cells import Hit
from ..form import Bar
from ..groove import Tone, one_voice, perform, velocity, window, without_overlaps, write_riffs
from ..harmony import Harmony
from ..score import Bend
from . import Part, said

GLIDE_QUARTERS = 0.25
GHOST_VELOCITY = 34
OFF_CHORD_SHARE = 0.09  # of the line's time may lead from chord to chord
OFF_SCALE_SHARE = 0.04  # of it may be a semitone that the scale lacks
OCTAVE = 12  # the roots of a line lie within one
AGAINST = 0.2  # of the takes play in the gaps of the idea's kick instead of on it
LIVELIER = "7356"  # what the last note of a varied bar becomes
CHROMATIC_TURN = 0.4  # of the loops lead home by a semitone
SUB_STYLES = ("halftime", "sustained")  # what a sub plays in genres that are not built on one
SUB_GENRES = ("trap", "drill", "dubstep", "hip hop", "rnb", "drum and bass", "uk garage")
GLIDERS = (*SUB_BASSES, "synth bass", "fretless bass")
GLIDING = (*SUB_GENRES, "acid", "trip hop")


def write_bass(brief: Brief) -> Part:
    """Write a bass line: monophonic, root on every chord change, 85 % or more of it on chord tones."""
    form = brief.form()
    accents = 0.45 * brief.low_accents + 0.55 * brief.accents if brief.low_accents.any() else brief.accents
    sub = brief.instrument.name in SUB_BASSES and brief.genre.name not in SUB_GENRES
    styles = (*SUB_STYLES, *brief.genre.bass[:1]) if sub else brief.genre.bass
    against = brief.answer > 0.5 or (brief.low_accents.any() and brief.rng("kick").random() < AGAINST)
    riffs = write_riffs(brief, form, "bass", styles, accents, lean=-0.5 if against else 1.0, symbols="1")
    floor = int(np.clip(brief.centre - OCTAVE // 2, brief.low, max(brief.low, brief.high - OCTAVE)))
    foreign = {"chord": 0.0, "scale": 0.0}
    played = 0.0
    tones: list[Tone] = []
    last = _nearest(brief.chord(0).bass, brief.centre, floor, brief)
    for bar in form:
        for hit in _shaped(brief, bar, window(brief, riffs[bar.letter], bar.number)):
            tone = _tone(brief, bar, hit, last, floor)
            played += tone.length
            chord = brief.chord(tone.step)
            for name, inside, share in (
                ("chord", tone.pitch % 12 in chord.tones, OFF_CHORD_SHARE),
                ("scale", tone.pitch % 12 in chord.scale, OFF_SCALE_SHARE),
            ):
                spent = foreign[name] + (0.0 if inside else tone.length)
                if spent > share * max(played, float(brief.steps_per_bar)):
                    tone = replace(tone, pitch=brief.nearest(chord.tones, tone.pitch))
                else:
                    foreign[name] = spent
            tones.append(tone)
            last = tone.pitch
    tones = one_voice(brief, tones)
    glides = brief.instrument.name == "808" or (brief.instrument.name in GLIDERS and brief.genre.name in GLIDING)
    choices = said((r.name for r in riffs.values()), form, kick="against it" if against else "with it")
    return Part(perform(brief, tones), choices, _glides(brief, tones) if glides else ())


def _nearest(pitch_class: int, target: int, floor: int, brief: Brief) -> int:
    """The pitch of a class nearest to a target, in the octave above ``floor``."""
    options = [p for p in range(floor, floor + OCTAVE + 1) if p % 12 == pitch_class and p <= brief.high]
    return min(
        options or [floor + (pitch_class - floor) % 12 - 12 * (floor > brief.low + 12)],
        key=lambda p: (abs(p - target), p),
    )


def _shaped(brief: Brief, bar: Bar, hits: list[Hit]) -> tuple[Hit, ...]:
    """A bar's hits: the riff, the root where the chord changes, what the form varies and how the loop turns."""
    size = brief.steps_per_bar
    by_step = {h.step: h for h in hits}
    for at in brief.changes(bar.number):
        if not any(at <= s <= at + 1 for s in by_step):
            by_step[at] = Hit(at, 2, "1")
    rng = brief.rng("bass bar", bar.letter, bar.variation)
    if bar.variation and len(by_step) > 2:
        late = max(by_step)
        by_step[late] = replace(by_step[late], symbol=LIVELIER[int(rng.integers(len(LIVELIER)))])
    if bar.turn and brief.complexity > 0.25 and brief.instrument.name not in SUB_BASSES:
        symbol = "c" if brief.rng("turn").random() < CHROMATIC_TURN else "a"
        at = max(by_step) if max(by_step, default=0.0) >= size - brief.meter.steps_per_beat else size - 2.0
        by_step[at] = Hit(at, size - at, symbol)
    return without_overlaps(by_step.values(), size)


def _tone(brief: Brief, bar: Bar, hit: Hit, last: int, floor: int) -> Tone:
    step = bar.number * brief.steps_per_bar + hit.step
    chord = brief.chord(step)
    rng = brief.rng("bass note", bar.letter, hit.step)
    root = _nearest(chord.bass, brief.centre, floor, brief)
    changes = step == 0 or brief.chord(step - 0.5).bass != chord.bass
    pitch = root if changes and hit.symbol != "8" else _degree(brief, step, hit.symbol, chord, root, last, floor)
    nearer = pitch + (OCTAVE if last > pitch else -OCTAVE)
    if abs(pitch - last) > OCTAVE and brief.low <= nearer <= brief.high:
        pitch = nearer
    legato = float(np.clip(brief.mood.legato, 0.5, 1.2))
    length = hit.length * (legato if hit.length > 1 else min(legato, 1.0))
    if brief.instrument.name in SUB_BASSES:
        length = hit.length  # a sub is felt, not plucked
    if hit.symbol == "g":
        return Tone(root, step, 0.5, GHOST_VELOCITY)
    return Tone(pitch, step, length, velocity(brief, step, rng, 0.3 if hit.symbol in "1n" else 0.0))


def _degree(brief: Brief, step: float, symbol: str, chord: Harmony, root: int, last: int, floor: int) -> int:
    """The pitch a symbol of the cell means on a chord: the octave of it nearest to the note before."""
    if symbol == "8":
        return root + 12 if root + 12 <= brief.high else root - 12 if root - 12 >= brief.low else root
    if symbol in "35":
        return _nearest(chord.third if symbol == "3" else chord.fifth, last, floor, brief)
    if symbol in "67":
        wanted = (chord.bass + (9 if symbol == "6" else 10)) % 12
        near = wanted if wanted in chord.scale else (wanted + (-1 if symbol == "6" else 1)) % 12
        return _nearest(near if near in chord.scale else chord.fifth, last, floor, brief)
    if symbol == "p" and brief.key is not None and brief.key.tonic in chord.tones:
        return _nearest(brief.key.tonic, last, floor, brief)
    if symbol == "b":
        return root + 1
    if symbol in "anc":
        ahead = brief.chord(brief.span(step)[1])
        target = _nearest(ahead.bass, brief.centre, floor, brief)
        if symbol == "n":
            return target
        if symbol == "c":
            return target - 1 if target > brief.low and (last < target or target + 1 > brief.high) else target + 1
        return _approach(brief, target, last, chord)
    return root


def _approach(brief: Brief, target: int, last: int, chord: Harmony) -> int:
    """A step of the scale beside the target, from the side the line comes from; a repeated root leads by its fifth."""
    if last == target:
        return max(target - 5, brief.low) if (target - 5) % 12 in chord.scale else target
    steps = (-1, -2) if last < target else (1, 2)
    for s in (*steps, *(-x for x in steps)):
        if (target + s) % 12 in chord.scale and brief.low <= target + s <= brief.high:
            return target + s
    return target


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
