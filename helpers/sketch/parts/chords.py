"""Chords: block, comped, strummed and picked, voiced for the hands or the strings that play them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..brief import Brief
from ..cells import Hit
from ..form import Bar
from ..groove import Tone, choose_cell, fill_or_thin, moved_on, perform, velocity, window, without_overlaps, write_riffs
from ..harmony import Harmony
from ..voicing import colours_of, guitar_voicing, lead_voices
from . import Part, said

GUITARS, POWER = range(24, 32), (29, 30)  # General MIDI programs; those that play power chords
STRUM_SECONDS = 0.005  # between neighbouring strings of a down stroke; an up stroke is quicker
COLOUR_CHANCES = (0.0, 0.2, 0.35)  # by how far genre and mood stack chords
HAND_SPANS = (10, 14, 14)  # semitones: a take in close position, or one as wide as a hand reaches
STRUMMED = "DdumM"
PEDAL = 0.6  # of the takes let a chord ring on to the next stroke, but for styles whose strokes are short
SHORT = ("house", "stabs", "offbeat", "funk", "skank", "bubble", "trance", "dembow", "montuno")
LEFT_HAND = 36  # the lowest bass note beside a chord
PIANOS = range(7)  # General MIDI programs that are played with two hands
TWO_HANDS = ("pop", "block", "broken", "ballad", "gospel", "waltz", "held", "anticipated", "rnb", "lofi")
BOTH = 0.8  # of the takes in these styles, where the idea leaves the depth to the left hand
DEEP = 0.4  # of an idea's energy below C3: it has a bass
RIGHT_HAND = 55  # the lowest note of the right one
DEVELOPING = 0.6  # of the takes comp each bar anew where the others keep their pattern; short strokes are a pattern
TURNED = 0.5  # of the loops that end without a hit on their last eighth get one


def write_chords(brief: Brief) -> Part:
    """Write a chord part: every chord of the harmony sounds, voices move little, nothing is out of reach."""
    form = brief.form()
    guitar = brief.instrument.program in GUITARS
    styles = brief.genre.guitar if guitar else brief.genre.chords
    if brief.instrument.program in POWER:
        styles = tuple(s for s in styles if s in ("power", "chug")) or ("power",)
    symbols = "Du" if guitar else "Xx"
    riffs = write_riffs(brief, form, "chords", styles, brief.accents, lean=brief.lean, symbols=symbols, densest=3.0)
    style = riffs[form[0].letter].name.split()[0]
    two = style in TWO_HANDS and brief.instrument.program in PIANOS and brief.depth < DEEP
    two = two and brief.rng("hands").random() < BOTH
    if two:
        brief = brief.from_pitch(RIGHT_HAND)
    voicings = _voicings(brief)
    pushes = not guitar and style not in SHORT
    develops = pushes and brief.rng("develops").random() < DEVELOPING
    pedal = pushes and brief.rng("pedal").random() < PEDAL
    tones: list[Tone] = []
    for bar in form:
        hits: Sequence[Hit] = window(brief, riffs[bar.letter], bar.number)
        if develops and any(b.letter == bar.letter for b in form[: bar.number]):
            hits = moved_on(brief, bar.number, hits)
        hits = _shaped(brief, bar, hits, pushes)
        if pedal:
            hits = without_overlaps([replace(h, length=brief.steps_per_bar) for h in hits], brief.steps_per_bar)
        if two:
            tones += _left_hand(brief, bar, voicings)
            hits = tuple(replace(h, symbol="x" if h.symbol == "P" else h.symbol) for h in hits if h.symbol != "p")
        for hit in hits:
            tones += _played(brief, bar, hit, voicings, pushes)
    choices = said((r.name for r in riffs.values()), form)
    return Part(perform(brief, tones), (*choices, ("hands", "both")) if two else choices)


def _bass(brief: Brief, chord: Harmony) -> int:
    """The lowest pitch that the left hand has for the bass of a chord."""
    floor = max(brief.instrument.low, LEFT_HAND)
    return floor + (chord.bass - floor) % 12


def _left_hand(brief: Brief, bar: Bar, voicings: dict[float, tuple[int, ...]]) -> list[Tone]:
    """The bass of each chord, its fifth, octave and tenth below the right hand, in one pattern all through."""
    accents = brief.accents.mean(axis=0)
    cell = choose_cell(brief, "left", ("left",), "A", accents, brief.lean)
    cell = fill_or_thin(brief, cell, brief.rng("left"), accents, "1")
    hits = window(brief, cell, bar.number)
    changes = [Hit(at, brief.steps_per_bar, "1") for at in brief.changes(bar.number)]
    by_step = {h.step: h for h in (*hits, *changes)}
    out = []
    for hit in without_overlaps(by_step.values(), brief.steps_per_bar):
        step = bar.number * brief.steps_per_bar + hit.step
        start, end, chord = brief.span(step)
        low = _bass(brief, chord)
        above = {"3": 12 + (chord.third - low) % 12, "5": (chord.fifth - low) % 12, "8": 12}.get(hit.symbol, 0)
        pitch = low + above if low + above + 3 <= voicings[start][0] else low
        level = velocity(brief, step, brief.rng("left", bar.letter, hit.step), 0.0 if pitch == low else -0.3)
        out.append(Tone(pitch, step, min(hit.length, end - step), level))
    return out


def _voicings(brief: Brief) -> dict[float, tuple[int, ...]]:
    """Start step of each chord span -> its notes, each chord led from the one before."""
    out: dict[float, tuple[int, ...]] = {}
    before: tuple[int, ...] = ()
    rng = brief.rng("voices")
    voices = 3 if brief.density < -0.2 else int(rng.choice([3, 3, 4]))
    span = int(rng.choice(HAND_SPANS))
    reach = {"low": brief.low, "high": brief.high}
    chance = COLOUR_CHANCES[int(np.clip(brief.genre.colour + brief.mood.colour, 0, 2))]
    for (start, _, chord), colour in zip(brief.harmony, colours_of(brief, "colour", chance), strict=True):
        if brief.instrument.program in GUITARS:
            before = guitar_voicing(chord, before, **reach, power=brief.instrument.program in POWER)
        else:
            before = lead_voices(chord, before, voices=voices, **reach, centre=brief.centre, span=span, colour=colour)
        out[start] = before
    return out


def _shaped(brief: Brief, bar: Bar, hits: Sequence[Hit], pushes: bool) -> tuple[Hit, ...]:
    """A bar's hits with the chord change inside it heard, and a push at the end of the loop now and then.

    A hand that ``pushes`` does not strike a chord again that it struck a sixteenth early.
    """
    size = brief.steps_per_bar
    start = bar.number * size
    by_step = {h.step: h for h in hits}
    stroke = "D" if any(h.symbol in STRUMMED for h in hits) else "X"
    for at in brief.changes(bar.number):
        if pushes and at - 1 in by_step:
            by_step.pop(at, None)
        elif not any(at <= s <= at + 2 for s in by_step):
            by_step[at] = Hit(at, brief.span(start + at)[1] - start - at, stroke)
    for s, h in by_step.items():  # where a chord has a beat or two, a picked note would not tell it
        span = brief.span(start + s)
        if h.symbol in "p1234" and span[1] - span[0] <= 2 * brief.meter.steps_per_beat and s == span[0] - start:
            by_step[s] = replace(h, symbol="D" if brief.instrument.program in GUITARS else "P")
    if brief.chord(start) != brief.chord(start - 0.5) and not any(s <= 3 for s in by_step):
        by_step[0.0] = Hit(0.0, 2, stroke)
    if bar.turn and size - 2.0 not in by_step and brief.rng("turn").random() < TURNED:
        by_step[size - 2.0] = Hit(size - 2.0, 2, "u" if stroke == "D" else "x")
    return without_overlaps(by_step.values(), size)


def _played(brief: Brief, bar: Bar, hit: Hit, voicings: dict[float, tuple[int, ...]], pushes: bool) -> list[Tone]:
    guitar = brief.instrument.program in GUITARS
    size = brief.steps_per_bar
    step = bar.number * size + hit.step
    # A hit on the last sixteenth before a change pushes into the new chord, at the loop's end into its beginning.
    told = step + 1 if pushes and brief.chord(step + 1) != brief.chord(step) else step
    voicing = voicings[brief.span(told % brief.steps)[0]]
    symbol = hit.symbol
    rng = brief.rng("chords note", bar.letter, hit.step)
    accent = {"X": 0.6, "D": 0.5, "u": -0.3, "m": -0.8, "p": 0.3}.get(symbol, 0.0)
    level = velocity(brief, step, rng, accent)
    end = min(brief.span(told)[1], float(brief.steps))
    length = min(hit.length * float(np.clip(brief.mood.legato, 0.5, 1.0)), end - step)
    if not guitar and symbol in "pP":  # the left hand, where it has no pattern of its own
        low = _bass(brief, brief.chord(told))
        left = (low,) if voicing[0] - low >= 7 else ()  # closer they are mud
        voicing = (*left, *voicing) if symbol == "P" else (*left, *voicing)[:1]
    elif symbol == "y":
        voicing = voicing[-2:]
    elif symbol in "p1234":
        upper = voicing if not guitar else voicing[1:]
        telling = tuple(p for p in upper if (p - brief.chord(told).root) % 12 not in (0, 7))
        if len(upper) > 3 and len(telling) > 1:  # picked one by one, a rich chord is told by its third and above
            upper = telling
        pitch = voicing[0] if symbol == "p" else upper[min(int(symbol), len(upper)) - 1]
        ring = min(end - step, 8.0) if guitar or not brief.instrument.sustains else length
        return [Tone(pitch, step, max(length, ring), level)]
    if symbol in STRUMMED and guitar:
        return _strum(voicing, symbol, step, length, level)
    return [
        Tone(p, step, length, max(20, level - (4 if 0 < i < len(voicing) - 1 else 0))) for i, p in enumerate(voicing)
    ]


def _strum(voicing: tuple[int, ...], symbol: str, step: float, length: float, level: int) -> list[Tone]:
    """A stroke over the strings: down from the bass, up from the top over the upper strings, muted short and soft."""
    if symbol == "u":
        strings, gap = tuple(reversed(voicing[-4:])), STRUM_SECONDS * 0.7
    else:
        strings, gap = voicing, STRUM_SECONDS
    if symbol == "m":
        strings, length, level = voicing[:3], 0.4, max(20, level - 30)
    # The stroke is spread around its step, so that it is heard in time; bar 1 cannot begin early.
    early = 0.0 if step == 0 else gap * (len(strings) - 1) / 4
    return [Tone(p, step, length, max(16, level - 2 * i), i * gap - early) for i, p in enumerate(strings)]
