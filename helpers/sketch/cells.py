"""Rhythm cells: the vocabulary of the parts. They are written in ``cells.txt``, which also says what its marks mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..music.meter import METERS
from ..music.tables import read_table


@dataclass(frozen=True)
class Hit:
    """One symbol of a cell: ``step`` and ``length`` in sixteenths."""

    step: float
    length: float
    symbol: str


@dataclass(frozen=True)
class Cell:
    """A parsed cell: its hits and its length in sixteenths."""

    name: str
    hits: tuple[Hit, ...]
    steps: float

    @property
    def density(self) -> float:
        """Hits per quarter note."""
        return 4 * len(self.hits) / self.steps

    def is_pulse(self, steps_per_beat: int) -> bool:
        """Whether every beat is struck: a walking line, running eighths. What it is made of is that it goes on."""
        return {h.step for h in self.hits} >= set(range(0, round(self.steps), steps_per_beat))

    def scaled(self, factor: float) -> Cell:
        """Stretched in time: 2 is half-time feel, 0.5 double-time."""
        hits = tuple(Hit(h.step * factor, h.length * factor, h.symbol) for h in self.hits)
        return Cell(self.name, hits, self.steps * factor)


def read_cell(name: str, text: str) -> Cell:
    """Parse the notation above (spaces are for the eye)."""
    text = text.replace(" ", "")
    hits: list[Hit] = []
    for step, symbol in enumerate(text):
        if symbol == "-":
            if hits and hits[-1].step + hits[-1].length == step:
                hits[-1] = Hit(hits[-1].step, hits[-1].length + 1, hits[-1].symbol)
        elif symbol != ".":
            hits.append(Hit(step, 1, symbol))
    return Cell(name, tuple(hits), len(text))


# Patterns are written in three meters; the others go round in the nearest (see :func:`in_meter`).
WRITTEN_METERS = {"4/4": 16, "3/4": 12, "6/8": 12}
NEAREST_METER = {"5/4": "4/4", "7/4": "4/4", "7/8": "4/4", "12/8": "6/8"}
_TABLE = read_table(__package__, "cells.txt")
# Bank -> style -> meter -> cells. A style without a meter of its own takes the one that _FALLBACK names for it.
BANKS: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
for _bank in ("bass", "chords", "left", "lead", "gate"):
    BANKS[_bank] = {}
    for _style, _meter, *_texts in _TABLE[_bank]:
        BANKS[_bank].setdefault(_style, {})[_meter] = tuple(_texts)
TUNES = {style: tuple(tunes) for style, *tunes in _TABLE["tunes"]}
_FALLBACK = {(bank, meter): style for bank, meter, style in _TABLE["fallback"]}


def in_meter(text: str, steps: int) -> str:
    """A pattern gone round until ``steps`` are full: 7/4 is two bars of 4/4 less a beat, 12/8 two bars of 6/8."""
    text = text.replace(" ", "")
    return (text * -(-steps // len(text)))[:steps] if steps % len(text) else text


@lru_cache(maxsize=512)
def cells(bank: str, style: str, meter: str) -> tuple[Cell, ...]:
    """The cells of a style in a meter; a style that does not know the meter gives its fallback's."""
    styles, steps = BANKS[bank], METERS[meter].steps_per_bar
    written = meter if meter in WRITTEN_METERS else NEAREST_METER[meter]
    if written not in styles[style]:
        style = _FALLBACK.get((bank, written), style)
    texts = styles[style][written]
    if written != meter:
        texts = tuple(in_meter(text, steps) for text in texts if len(text) <= WRITTEN_METERS[written])
    return tuple(read_cell(f"{style} {i}", text) for i, text in enumerate(texts, 1))
