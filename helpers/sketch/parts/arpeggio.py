"""Arpeggio and pluck: the chord's tones in an order, through a gate."""

from __future__ import annotations

import numpy as np

from ..brief import Brief
from ..form import written
from ..groove import Tone, choose_cell, fill_or_thin, follow, in_letter, lean_on, perform, velocity, window, wishes
from ..harmony import Harmony
from . import Part

ORDERS = ("up", "down", "up-down", "broken", "pedal", "converge", "thumb")
RINGING = 3.0  # steps that a decaying instrument rings on
PLUCK, PLUCKED = "pluck", 1.25  # a synth pluck is a lead patch let go after that many steps


def order_indices(name: str, n: int) -> list[int]:
    """The order in which ``n`` tones (0 lowest) are played, one round.

    up 0123 · down 3210 · up-down 012321 · broken 0213 · pedal 3 0 3 1 3 2 · converge 0 3 1 2 · thumb 0 2 1 2.
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
    if name == "pedal":
        return [i for low in up[:-1] for i in (n - 1, low)]
    if name == "converge":
        return [i for k in range((n + 1) // 2) for i in dict.fromkeys((k, n - 1 - k))]
    if name == "thumb":
        return [i for k in range(1, n - 1) for i in (0, k + 1, k, k + 1)]
    return up


def write_arpeggio(brief: Brief) -> Part:
    """Write an arpeggio: chord tones only, one line, re-starting with every chord."""
    rng = brief.rng("arpeggio")
    form = brief.form()
    orders = {"A": ORDERS[int(rng.integers(len(ORDERS)))], "B": ORDERS[int(rng.integers(len(ORDERS)))]}
    reach = int(rng.integers(3, 6)) + (1 if brief.complexity > 0.6 else 0)
    tones: list[Tone] = []
    names: list[str] = []
    wish = wishes(brief)
    for bar in form:
        accents = in_letter(brief.accents, form, bar.letter)
        cell = choose_cell(brief, "gate", brief.genre.gate, bar.letter, accents, brief.lean)
        cell = fill_or_thin(brief, cell, brief.rng("gate fill", bar.letter), accents, "x", 4.0)
        cell = lean_on(brief, cell, brief.rng("gate lean", bar.letter), accents, brief.lean)
        names.append(cell.name)
        order = orders[bar.letter]
        if bar.variation == 2:
            order = {"up": "up-down", "down": "up-down"}.get(order, "up")
        index, before = 0, None
        rng = brief.rng("gate bar", bar.letter, bar.variation)
        for hit in follow(brief, window(brief, cell, bar.number), wish[bar.number], "X", rng, 4, drops=1):
            step = bar.number * brief.steps_per_bar + hit.step
            chord = brief.chord(step)
            if chord is not before:
                index, before = 0, chord
            pool = _pool(brief, chord, reach)
            line = order_indices(order, len(pool))
            pitch = pool[line[index % len(line)]]
            index += 1
            level = velocity(
                brief, step, brief.rng("arp note", bar.letter, hit.step), 0.5 if hit.symbol == "X" else -0.2
            )
            length = hit.length * float(np.clip(brief.legato, 0.5, 1.0)) if brief.instrument.sustains else RINGING
            if brief.instrument.name == PLUCK:
                length = min(length, PLUCKED)
            tones.append(Tone(pitch, step, min(length, brief.steps - step), level))
    if form[-1].turn:
        tones = _turned(brief, tones)
    choices = (
        ("pattern", f"{orders['A']}, gate {', '.join(dict.fromkeys(names))}"),
        ("reach", f"{reach} tones"),
        ("form", written(form)),
    )
    return Part(perform(brief, tones), choices)


def _pool(brief: Brief, chord: Harmony, reach: int) -> list[int]:
    """``reach`` neighbouring chord tones around the part's centre, lowest first."""
    tones = [p for p in range(brief.low, brief.high + 1) if p % 12 in chord.tones]
    reach = min(reach, len(tones))
    starts = range(len(tones) - reach + 1)
    best = min(starts, key=lambda i: (abs(sum(tones[i : i + reach]) / reach - brief.centre), i))
    return tones[best : best + reach]


def _turned(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """The last beat turns towards the first note of the loop: its notes run to it over chord tones."""
    if not tones:
        return tones
    last_beat = brief.steps - brief.meter.steps_per_beat
    target = tones[0].pitch
    tail = [t for t in tones if t.step >= last_beat]
    body = [t for t in tones if t.step < last_beat]
    if not tail or not body:
        return tones
    chord = brief.chord(last_beat)
    pool = [p for p in range(brief.low, brief.high + 1) if p % 12 in chord.tones]
    here = min(range(len(pool)), key=lambda i: abs(pool[i] - body[-1].pitch))
    out = []
    for t in tail:
        goal = min(range(len(pool)), key=lambda i: abs(pool[i] - target))
        here += int(np.sign(goal - here)) or (1 if here + 1 < len(pool) else -1)
        out.append(Tone(pool[here], t.step, t.length, t.velocity))
    return body + out
