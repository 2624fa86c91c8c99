"""Form over the bars: statement, repeat, variation, and a turn that leads back into bar 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALIKE = 0.5  # correlation of two bars' accents from which on one repeats the other


@dataclass(frozen=True)
class Bar:
    """One bar of the form: which material (``letter``), how far it departs from it (``variation`` 0..2), and whether
    it is the turn that leads back to the beginning."""

    number: int
    letter: str
    variation: int
    turn: bool


# Four-bar phrases: the letter, then one stroke for each degree of variation. A hook is heard three times in four bars.
PHRASES = {
    1: ("A",),
    2: ("A A'", "A B"),
    4: ("A A A A'", "A A A B", "A B A B'", "A A' A B", "A A B A'"),
}


def heard_letters(accents: np.ndarray) -> str:
    """The form that an idea's own repeats give: ``A`` for bars like its first, ``B`` for the others.

    Empty when they tell nothing: no accents were heard, all bars are alike, or none comes back.

    Parameters
    ----------
    accents
        Onsets 0..1, one row a bar.
    """
    moved = accents - accents.mean(axis=1, keepdims=True)
    norms = np.sqrt((moved**2).sum(axis=1))
    if len(accents) < 3 or not norms.all():
        return ""
    alike = np.round(moved @ moved[0] / (norms * norms[0]), 3) >= ALIKE
    return "".join("A" if same else "B" for same in alike) if alike[1:].any() and not alike.all() else ""


def plan_form(bars: int, pick: int, heard: str = "") -> tuple[Bar, ...]:
    """Plan the form of ``bars`` bars.

    The second four bars vary the first; a third phrase (from bar 9 on) contrasts and the fourth comes home.

    Parameters
    ----------
    pick
        Chooses among the phrases that are usual for the length.
    heard
        A letter a bar where the idea's repeats give the form (see :func:`heard_letters`): they go before the phrase's.
    """
    size = 4 if bars >= 4 else 2 if bars >= 2 else 1
    phrase = PHRASES[size][pick % len(PHRASES[size])].split()
    out = []
    for number in range(bars):
        word = phrase[number % size]
        lap = number // size
        variation = word.count("'") + (1 if lap in (1, 3) and number % size == size - 1 else 0)
        letter = word[0]
        if heard:
            letter = heard[number]
        elif lap == 2:  # the middle of sixteen bars: the phrase's other material first
            letter = {"A": "B", "B": "A"}[letter] if size == 4 else letter
        last = number == bars - 1
        out.append(Bar(number, letter, min(variation, 2), last and bars > 1))
    return tuple(out)


def written(form: tuple[Bar, ...]) -> str:
    """The form as text, such as ``A A' A B↻``."""
    return " ".join(b.letter + "'" * b.variation + ("↻" if b.turn else "") for b in form)
