"""Form over the bars: statement, repeat, variation, and a turn that leads back into bar 1."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """One bar of the form: which material (``letter``), how far it departs from it (``variation`` 0..2), whether it is
    the turn that leads back to the beginning, and whether it closes a phrase."""

    number: int
    letter: str
    variation: int
    turn: bool
    closes: bool


# Four-bar phrases: the letter, then one stroke for each degree of variation.
PHRASES = {
    1: (("A",),),
    2: (("A", "A'"), ("A", "B")),
    4: (("A", "A'", "A", "B"), ("A", "A", "A'", "B"), ("A", "B", "A", "B'"), ("A", "A'", "B", "B'")),
}


def plan_form(bars: int, pick: int) -> tuple[Bar, ...]:
    """Plan the form of ``bars`` bars; ``pick`` chooses among the phrases that are usual for the length.

    The second four bars vary the first; a third phrase (from bar 9 on) contrasts and the fourth comes home.
    """
    size = 4 if bars >= 4 else 2 if bars >= 2 else 1
    phrase = PHRASES[size][pick % len(PHRASES[size])]
    out = []
    for number in range(bars):
        word = phrase[number % size]
        lap = number // size
        variation = word.count("'") + (1 if lap in (1, 3) and number % size else 0)
        letter = word[0]
        if lap == 2:  # the middle of sixteen bars: the phrase's other material first
            letter = {"A": "B", "B": "A"}[letter] if size == 4 else letter
        last = number == bars - 1
        out.append(Bar(number, letter, min(variation, 2), last and bars > 1, last or number % 4 == 3))
    return tuple(out)


def written(form: tuple[Bar, ...]) -> str:
    """The form as text, such as ``A A' A B↻``."""
    return " ".join(b.letter + "'" * b.variation + ("↻" if b.turn else "") for b in form)
