"""Arpeggio and pluck: the chord's tones in an order, through a gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..brief import Brief
from ..groove import Tone, perform, velocity, window, write_riffs
from ..harmony import Harmony
from . import Part, said

ORDERS = ("up", "down", "up-down", "doubled", "broken", "pedal", "converge", "thumb")
REACHES = (3, 3, 4, 4, 5)
RINGING = 3.0  # steps that a decaying instrument rings on
PLUCK, PLUCKED = "pluck", 2.0  # a synth pluck is a lead patch let go after that many steps


def order_indices(name: str, n: int) -> list[int]:
    """The order in which ``n`` tones (0 lowest) are played, one round.

    up 0123 · down 3210 · up-down 012321 · broken 0213 · doubled 00112233
    pedal 3 0 3 1 3 2 · converge 0 3 1 2 · thumb 0 2 1 2.
    """
    up = list(range(n))
    if n < 3:
        return up
    if name == "down":
        return up[::-1]
    if name == "up-down":
        return up + up[-2:0:-1]
    if name == "broken":
        return [0, 2, 1, *up[3:]]
    if name == "doubled":
        return [i for i in up for _ in range(2)]
    if name == "pedal":
        return [i for low in up[:-1] for i in (n - 1, low)]
    if name == "converge":
        return [i for k in range((n + 1) // 2) for i in dict.fromkeys((k, n - 1 - k))]
    if name == "thumb":
        return [i for k in range(1, n - 1) for i in (0, k + 1, k, k + 1)]
    return up


def write_arpeggio(brief: Brief) -> Part:
    """Write an arpeggio: chord tones only, one line, the same figure in every bar of a letter."""
    rng = brief.rng("arpeggio")
    form = brief.form()
    orders = {letter: ORDERS[int(rng.integers(len(ORDERS)))] for letter in "AB"}
    reach = int(rng.choice(REACHES)) + (1 if brief.complexity > 0.6 else 0)
    riffs = write_riffs(brief, form, "gate", brief.genre.gate, brief.accents, lean=brief.lean, symbols="Xx", most=2)
    tones: list[Tone] = []
    for bar in form:
        line: list[int] = []
        index, before = 0, None
        for hit in window(brief, riffs[bar.letter], bar.number):
            step = bar.number * brief.steps_per_bar + hit.step
            chord = brief.chord(step)
            if chord is not before:
                index, before = 0, chord
                pool = _pool(brief, chord, reach)
                line = [pool[i] for i in order_indices(orders[bar.letter], len(pool))]
            note_rng = brief.rng("arp note", bar.letter, hit.step)
            level = velocity(brief, step, note_rng, 0.2 if hit.symbol == "X" else -0.1)
            length = hit.length * float(np.clip(brief.mood.legato, 0.5, 1.0)) if brief.instrument.sustains else RINGING
            if brief.instrument.name == PLUCK:
                length = min(length, PLUCKED)
            tones.append(Tone(line[index % len(line)], step, min(length, brief.steps - step), level))
            index += 1
    if form[-1].turn:
        tones = _turned(brief, tones)
    patterns = (f"{orders['A']}, gate {', '.join(dict.fromkeys(r.name for r in riffs.values()))}",)
    return Part(perform(brief, tones), said(patterns, form, reach=f"{reach} tones"))


def _pool(brief: Brief, chord: Harmony, reach: int) -> list[int]:
    """``reach`` neighbouring chord tones around the part's centre, lowest first."""
    tones = brief.pitches(chord.tones)
    reach = min(reach, len(tones))
    starts = range(len(tones) - reach + 1)
    best = min(starts, key=lambda i: (abs(sum(tones[i : i + reach]) / reach - brief.centre), i))
    return tones[best : best + reach]


def _turned(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """The last beat turns towards the first note of the loop: its notes run to it over chord tones."""
    last_beat = brief.steps - brief.meter.steps_per_beat
    body = [t for t in tones if t.step < last_beat]
    if not body:
        return tones
    pool = brief.pitches(brief.chord(last_beat).tones)
    here, goal = (min(range(len(pool)), key=lambda i: abs(pool[i] - t.pitch)) for t in (body[-1], tones[0]))
    out = []
    for t in tones[len(body) :]:
        here += int(np.sign(goal - here)) or (1 if here + 1 < len(pool) else -1)
        out.append(replace(t, pitch=pool[here]))
    return body + out
