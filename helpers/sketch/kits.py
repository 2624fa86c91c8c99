"""Drum patterns: grooves (in ``grooves.txt``), fills and rolls; one line an instrument, one character a sixteenth.

``X`` accent, ``x`` plain, ``g`` ghost, ``o`` soft, ``.`` nothing; ``r`` two 32nds, soft, ``R`` loud; ``t`` three in the
sixteenth; ``T`` a triplet over two sixteenths; ``f`` flam, ``d`` drag.

A style has grooves (the first is its plainest) and names the fills that lead back to bar 1. ``native`` is the tempo
range the pattern is felt in; outside it the pattern is played in half or double time where that brings it inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources

from ..music.meter import METERS
from ..music.tables import read_toml
from .cells import NEAREST_METER, WRITTEN_METERS, in_meter

_TABLE = read_toml(__package__, "kits.toml")
NOTES, ROLLED, GENRES = _TABLE["notes"], _TABLE["rolled"], _TABLE["genres"]
SWAPS, BACKBEATS = _TABLE["swaps"], _TABLE["backbeats"]
STROKES = {mark: tuple(map(tuple, strokes)) for mark, strokes in _TABLE["strokes"].items()}
ROLLS = {style: tuple(roll.replace(" ", "") for roll in rolls) for style, rolls in _TABLE["rolls"].items()}
FILLS = {
    name: tuple({line: text.replace(" ", "") for line, text in fill.items()} for fill in fills)
    for name, fills in _TABLE["fills"].items()
}
KIN = (("snare", "clap", "rim"), ("hat", "ride", "shaker"))  # lines that do the same work in a kit


@dataclass(frozen=True)
class DrumStyle:
    """Grooves (line name -> text), fill names, the tempo range in beats a minute and the lines that are fixed."""

    name: str
    grooves: tuple[dict[str, str], ...]
    fills: tuple[str, ...]
    native: tuple[float, float]
    fixed: tuple[str, ...] = ()


_SUBSTITUTE = {
    "3/4": {"default": "three", **dict.fromkeys(("swing", "bossa", "train", "ambient", "lofi"), "waltz")},
    "6/8": {"default": "six", **dict.fromkeys(("afro", "latin", "amapiano"), "bell")},
}
_LINE = re.compile(r"([a-z]+(?: [a-z]+)?) +([XxogrRtTfd. ]{12,})$")


def solo_style(lines: tuple[str, ...], style: DrumStyle, meter: str) -> DrumStyle:
    """What a single drum plays: grooves of its own where there are any, else its lines of the genre's kit."""
    steps = METERS[meter].steps_per_bar
    own = [
        s
        for s in drum_styles()["solo"].values()
        if all(set(g) <= set(lines) and set(g) & set(lines[:2]) for g in s.grooves)
    ]
    if own:
        grooves = tuple({line: in_meter(hits, steps) for line, hits in g.items()} for s in own for g in s.grooves)
        return DrumStyle(own[0].name, grooves, own[0].fills, own[0].native, lines)
    swapped = {line: lines[0] for kin in KIN if lines[0] in kin for line in kin if line not in lines}
    grooves = tuple(
        {swapped.get(line, line): text for line, text in g.items() if swapped.get(line, line) in lines}
        for g in style.grooves
    )
    return replace(style, grooves=tuple(g for g in grooves if g) or ({lines[0]: in_meter("X...x...", steps)},))


@lru_cache(maxsize=1)
def drum_styles() -> dict[str, dict[str, DrumStyle]]:
    """Every style of ``grooves.txt``: meter (or ``solo``, for single drums) -> name -> style."""
    return read_styles((resources.files(__package__) / "grooves.txt").read_text(encoding="utf-8"))


def read_styles(text: str) -> dict[str, dict[str, DrumStyle]]:
    """Parse drum tabs: ``= meter`` heads a section, ``* name | tempo range | fills | fixed lines`` a style."""
    out: dict[str, dict[str, DrumStyle]] = {}
    for section in text.split("\n= ")[1:]:
        meter, *styles = section.split("\n* ")
        for style in styles:
            head, _, body = style.partition("\n")
            name, native, fills, *fixed = (cell.strip() for cell in head.split("|"))
            grooves = tuple(
                {m[1]: m[2].replace(" ", "") for m in map(_LINE.match, block.splitlines()) if m}
                for block in body.strip().split("\n\n")
            )
            low, high = map(float, native.split("-"))
            found = DrumStyle(name, grooves, tuple(fills.split()), (low, high), tuple(" ".join(fixed).split()))
            out.setdefault(meter.strip(), {})[name] = found
    return out


@lru_cache(maxsize=128)
def drum_style(name: str, meter: str) -> DrumStyle:
    """The drum style called ``name`` in a meter; in 3/4 and 6/8 its substitute; in longer ones it goes on."""
    steps = METERS[meter].steps_per_bar
    written = meter if meter in WRITTEN_METERS else NEAREST_METER[meter]
    styles = drum_styles()[written]
    if name not in styles:
        table = _SUBSTITUTE.get(written, {"default": "pop"})
        name = table.get(name, table["default"])
    if written == meter:
        return styles[name]
    longer = tuple({line: in_meter(hits, steps) for line, hits in g.items()} for g in styles[name].grooves)
    return replace(styles[name], grooves=longer)
