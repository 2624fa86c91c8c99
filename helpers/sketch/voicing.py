"""Voicings: which octave each chord tone goes to, so that hands can reach it and voices move little.

Keyboards and ensembles get close or spread voicings chosen by voice leading (the sum of the semitones each voice
moves); guitars get shapes that six strings and four fingers can hold.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, pairwise, product

from .brief import Brief
from .harmony import Harmony

OPEN_STRINGS = (40, 45, 50, 55, 59, 64)
HAND_SPAN_SEMITONES = 14
MUD_LIMIT = 48  # below C3 two voices closer than a fifth are mud
LAST_FRET = 10
FINGER_FRETS = 4
MOST_COLOURED = 0.34  # of the time: the idea's own harmony stays the harmony


def colours_of(brief: Brief, stream: str, chance: float) -> list[tuple[int, ...]]:
    """For each chord of the brief the colour that it takes, if any: by ``chance``, the same for all of a label."""
    out: list[tuple[int, ...]] = []
    coloured = 0.0
    for start, end, chord in brief.harmony:
        free = len(chord.tones) > 2 and coloured + end - start <= MOST_COLOURED * brief.steps
        taken = free and brief.rng(stream, chord.label).random() < chance
        out.append(chord.colours[:1] if taken else ())
        coloured += (end - start) * len(out[-1])
    return out


def distance(old: tuple[int, ...], new: tuple[int, ...]) -> int:
    """Voice-leading distance in semitones: each voice to the nearest of the other chord, both ways, halved."""
    if not old or not new:
        return 0
    there = sum(min(abs(a - b) for b in new) for a in old)
    back = sum(min(abs(a - b) for a in old) for b in new)
    return (there + back) // 2


def is_clear(voicing: tuple[int, ...]) -> bool:
    """No two voices closer than a fifth below C3, no semitones between neighbours, at most one whole tone."""
    gaps = [(low, high - low) for low, high in pairwise(voicing)]
    muddy = any(low < MUD_LIMIT and gap < 7 for low, gap in gaps)
    return not muddy and all(gap > 1 for _, gap in gaps) and sum(gap == 2 for _, gap in gaps) <= 1


@lru_cache(maxsize=4096)
def close_voicings(tones: tuple[int, ...], voices: int, low: int, high: int, span: int) -> tuple[tuple[int, ...], ...]:
    """Every voicing of the pitch classes with ``voices`` different notes within ``low..high`` and ``span`` semitones.

    All pitch classes appear when there are voices enough (the root may be missing when there are not); rising order.
    """
    pool = [p for p in range(low, high + 1) if p % 12 in tones]
    needed = min(len(tones), voices)
    return tuple(
        (bottom, *upper)
        for i, bottom in enumerate(pool)
        for upper in combinations([p for p in pool[i + 1 :] if p <= bottom + span], voices - 1)
        if len({p % 12 for p in (bottom, *upper)}) >= needed and is_clear((bottom, *upper))
    )


def lead_voices(
    chord: Harmony,
    before: tuple[int, ...],
    *,
    voices: int,
    low: int,
    high: int,
    centre: int,
    span: int = HAND_SPAN_SEMITONES,
    colour: tuple[int, ...] = (),
) -> tuple[int, ...]:
    """The voicing that moves least from ``before`` and stays near ``centre``; ``colour`` replaces doublings."""
    tones = (*chord.tones, *colour)
    voices = max(voices, min(len(tones), 4))
    found: tuple[tuple[int, ...], ...] = ()
    for count in range(voices, 0, -1):
        found = close_voicings(tones, count, low, high, span)
        if found:
            break

    def cost(voicing: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        middle = sum(voicing) / len(voicing)
        value = 1.0 * distance(before, voicing) + 0.35 * abs(middle - centre) * (2 if not before else 1)
        if before:
            value += 0.5 * abs(voicing[-1] - before[-1])  # the top voice is the melody one hears
        value += 1.5 * (len({p % 12 for p in voicing}) < len(set(tones)))
        value += 6.0 * (voicing[0] % 12 in colour)  # a colour is no foundation
        return value, voicing

    return min(found, key=cost)


@lru_cache(maxsize=1024)
def guitar_shapes(tones: tuple[int, ...], bass: int, power: bool) -> tuple[tuple[int, ...], ...]:
    """Chord shapes for a guitar in standard tuning: notes on neighbouring strings from the bass string up.

    A shape spans at most FINGER_FRETS frets besides open strings, holds the bass note lowest, uses three to six strings
    (two or three for a power chord) and sounds every chord tone when it has strings enough.
    """
    wanted = set(tones)
    shapes = set()
    for first in range(4):
        for position in range(LAST_FRET):
            frets = [f for f in {0, *range(position, position + FINGER_FRETS)} if 0 <= f <= LAST_FRET + 2]
            per_string = []
            for string in OPEN_STRINGS[first:]:
                options = sorted({string + f for f in frets if (string + f) % 12 in wanted})
                per_string.append(options[:2])
            lows = [p for p in per_string[0] if p % 12 == bass]
            if not lows:
                continue
            upper = per_string[1:3] if power else per_string[1:]
            if any(not options for options in upper):
                continue
            for low, *rest in product(lows, *upper):
                shape = (low, *rest)
                rising = all(b > a for a, b in pairwise(shape))
                if rising and {p % 12 for p in shape} >= wanted:
                    shapes.add(shape)
    return tuple(sorted(shapes))


def guitar_voicing(
    chord: Harmony, before: tuple[int, ...], *, low: int, high: int, power: bool = False
) -> tuple[int, ...]:
    """A playable guitar shape for a chord, near the shape before it; low open shapes first."""
    tones = tuple(sorted({chord.bass, chord.fifth})) if power else tuple(sorted(chord.tones))
    shapes = [s for s in guitar_shapes(tones, chord.bass, power) if s[0] >= low and s[-1] <= high]
    if not shapes:
        return lead_voices(chord, before, voices=3, low=max(low, 45), high=high, centre=55)

    def cost(shape: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        value = 0.6 * distance(before, shape) if before else 0.0
        value += 0.25 * max(0, shape[0] - 45) + 0.8 * abs(len(shape) - (3 if power else 5))
        return value, shape

    return min(shapes, key=cost)
