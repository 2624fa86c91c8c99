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
from .cells import NEAREST_METER, WRITTEN_METERS, in_meter

# General MIDI percussion
NOTES = {
    "kick": 36, "snare": 38, "rim": 37, "clap": 39, "hat": 42, "pedal": 44, "open": 46, "ride": 51, "bell": 53,
    "crash": 49, "low tom": 45, "mid tom": 47, "high tom": 50, "tambourine": 54, "cowbell": 56, "shaker": 70,
    "conga": 63, "low conga": 64, "mute conga": 62, "clave": 75, "timpani hit": 41, "high bongo": 60, "low bongo": 61,
    "high timbale": 65, "low timbale": 66, "triangle": 81, "mute triangle": 80,
}  # fmt: skip
# What a mark is struck as: steps from the grid, velocity.
STROKES = {
    "X": ((0.0, 112),),
    "x": ((0.0, 88),),
    "o": ((0.0, 62),),
    "g": ((0.0, 36),),
    "r": ((0.0, 70), (0.5, 58)),
    "R": ((0.0, 84), (0.5, 98)),
    "t": ((0.0, 82), (1 / 3, 60), (2 / 3, 70)),
    "T": ((0.0, 86), (2 / 3, 64), (4 / 3, 76)),
    "f": ((-0.2, 44), (0.0, 108)),
    "d": ((-0.5, 34), (-0.25, 40), (0.0, 106)),
}
KIN = (("snare", "clap", "rim"), ("hat", "ride", "shaker"))  # lines that do the same work in a kit
# Hat rolls, laid over a bar; a dot leaves the groove's own hat.
ROLLS = {
    "trap": (
        ".... .... .... rrRR",
        ".... ..rr .... ....",
        ".... .... T.T. ....",
        "..RR .... .... .ttt",
        ".... .... .... T.rr",
        ".... rr.. .... RRrr",
    ),
    "drill": (".... ..T. .... ....", ".... .... .... T.T.", ".... .rr. .... ....", "..T. .... .... rrRR"),
    "halftime": (".... .... .... rrRR", ".... ..T. .... ...."),
    "dubstep": (".... .... .... T.T.", ".... ..rr .... ...."),
    "dnb": (".... .... .... ..rr", ".... ..rr .... ...."),
}
ROLLED = {"trap": 0.75, "drill": 0.6, "halftime": 0.4, "dubstep": 0.35, "dnb": 0.3}  # of the letters


@dataclass(frozen=True)
class DrumStyle:
    """Grooves (line name -> text), fill names, the tempo range in beats a minute and the lines that are fixed."""

    name: str
    grooves: tuple[dict[str, str], ...]
    fills: tuple[str, ...]
    native: tuple[float, float]
    fixed: tuple[str, ...] = ()


# Fills for the last bar, written on its last beats; ``*`` keeps the groove underneath, else the groove stops there.
FILLS = {
    "snare": ({"snare": "x.xx"}, {"snare": "gxxX xxxX"}, {"snare": "f.x. d.xX"}, {"snare": ".g.g x.gf"}),
    "toms": (
        {"high tom": "xx.. ....", "mid tom": "..xx ....", "low tom": ".... x.x.", "snare": ".... .x.X"},
        {"high tom": "x...", "mid tom": ".x..", "low tom": "..xX"},
        {"snare": "f.x. ....", "high tom": ".... xx..", "low tom": ".... ..xX"},
        {"snare": "T.x. ....", "mid tom": ".... T...", "low tom": ".... ..xX"},
    ),
    "clap": ({"clap": "..x. x.xx"}, {"clap": "x..x ..xx"}, {"snare": "rrrr RRRR"}),
    "hats": ({"hat": "xxxx", "open": "...X"}, {"open": "..x. ..X."}, {"hat": "x.xT .xRR"}),
    "rolls": ({"hat": "xxrr RRtt", "snare": ".... ..xX"}, {"snare": "rrrr RRRR"}, {"snare": "..gg rrRR"}),
    "stop": ({"kick": "X... ...."}, {"snare": ".... ...x"}),
    "breaks": ({"snare": "X.gX .gXx", "kick": "..x. x..."}, {"snare": "x..x ..df", "kick": ".x.. x..."}),
    "congas": ({"conga": "x.xx .xf.", "low conga": ".x.. x..x"}, {"conga": "xT.x", "low conga": "..x."}),
    "rims": ({"rim": "x..x ..xx"}, {"rim": ".xx."}),
    "brushes": ({"snare": "..x. .x.x"}, {"snare": "x.g."}, {"snare": "T.g. x.x."}),
}
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
