"""Instruments by their everyday names: what they are, which role they play, where they can play.

The General MIDI sound set, the words producers use and everyday instruments that a sister of theirs plays.
:func:`find_instrument` mends typos and says so; a word that it does not understand is a question, never a guess.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ..errors import InvalidInput, UnknownInstrument
from .tables import comma_words, read_table


@dataclass(frozen=True)
class Instrument:
    """One instrument: canonical ``name``, usual ``role``, General MIDI ``program`` (0..127; a kit number for drums),
    playable range ``low``..``high`` as MIDI notes, ``sustains`` while held, other ``words`` for it. ``stand_in`` names
    whose sound plays it where sound banks lack it; ``lines`` are the lines of a kit that a single drum is."""

    name: str
    role: str
    program: int
    low: int
    high: int
    sustains: bool
    words: tuple[str, ...] = ()
    stand_in: str = ""
    lines: tuple[str, ...] = ()

    @property
    def is_drums(self) -> bool:
        return self.role == "drums"


def _instrument(row: tuple[str, ...]) -> Instrument:
    name, role, program, low, high, hold, words, *rest = row
    stand_in, lines = (*rest, "", "")[:2]
    numbers = (int(program), int(low), int(high))
    return Instrument(name, role, *numbers, hold == "s", comma_words(words), stand_in, comma_words(lines))


_TABLE = read_table(__package__, "instruments.txt")
INSTRUMENTS = tuple(_instrument(row) for row in _TABLE["instruments"])
TYPO = 0.8  # likeness of spelling from which a word is taken for a slip of the finger
FAVOURITES = tuple(name for (name,) in _TABLE["favourites"])
FAMILY_HINTS = {hint: comma_words(names) for hint, names in _TABLE["hints"]}
_BY_WORD = {word: i for i in INSTRUMENTS for word in (i.name, *i.words)}


@dataclass(frozen=True)
class InstrumentMatch:
    """The instrument that answers a word; ``note`` says what was assumed when the word was not in the table."""

    instrument: Instrument
    note: str = ""


def find_instrument(text: str) -> InstrumentMatch:
    """Find the instrument for a word or a phrase; ``note`` says what was read into it.

    Raises InvalidInput if the text is empty. Raises UnknownInstrument if it is not understood; the error carries the
    three nearest.
    """
    word = re.sub(r"[\s_/]+", " ", str(text).lower()).strip()
    if not word:
        raise InvalidInput(
            "No instrument was named; write one such as bass guitar, rhodes, strings, pluck or drum kit."
        )
    exact = _BY_WORD.get(word) or _BY_WORD.get(word.rstrip("s"))
    if exact is not None:
        return InstrumentMatch(exact, _stand_in(exact))
    # A known word inside a longer phrase ("warm fingered bass guitar"): the longest one, the last of equals.
    inside = [w for w in _BY_WORD if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", word)]
    typos = difflib.get_close_matches(word, _BY_WORD, n=1, cutoff=TYPO)
    if not inside and not typos:
        raise UnknownInstrument(str(text).strip(), _nearest(word))
    best = max(inside, key=lambda w: (len(w), word.rfind(w))) if inside else typos[0]
    found = _BY_WORD[best]
    return InstrumentMatch(found, f"“{text}” was read as {found.name}. {_stand_in(found)}".strip())


def _stand_in(instrument: Instrument) -> str:
    if not instrument.stand_in:
        return ""
    return f"Sound banks have no {instrument.name}; the sound is their {instrument.stand_in}."


def _nearest(word: str) -> tuple[str, ...]:
    """The three instruments nearest to a word, of the family that it hints at where it does (``FAMILY_HINTS``)."""
    hinted = [name for hint, names in FAMILY_HINTS.items() if hint in word for name in names]
    spelt = [_BY_WORD[w].name for w in difflib.get_close_matches(word, _BY_WORD, n=12, cutoff=0.0)]
    return tuple(dict.fromkeys([*hinted, *spelt]))[:3]
