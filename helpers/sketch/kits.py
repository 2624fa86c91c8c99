"""Drum patterns: one line an instrument, one character a sixteenth, one or two bars.

``X`` accent, ``x`` plain, ``g`` ghost, ``o`` soft, ``.`` nothing; ``r`` two 32nds, soft, ``R`` loud; ``t`` three in the
sixteenth; ``T`` a triplet over two sixteenths; ``f`` flam, ``d`` drag. A style has grooves (the first is its plainest) and
names the fills that lead back to bar 1. ``native`` is the tempo range the pattern is felt in; outside it the pattern is
played in half or double time where that brings it inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..music.meter import METERS
from .cells import NEAREST_METER, WRITTEN_METERS, in_meter
from .grooves_band import BAND, IN_SIX, IN_THREE
from .grooves_club import CLUB

# General MIDI percussion
NOTES = {
    "kick": 36,
    "snare": 38,
    "rim": 37,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "ride": 51,
    "bell": 53,
    "crash": 49,
    "low tom": 45,
    "mid tom": 47,
    "high tom": 50,
    "tambourine": 54,
    "cowbell": 56,
    "shaker": 70,
    "conga": 63,
    "low conga": 64,
    "mute conga": 62,
    "clave": 75,
    "timpani hit": 41,
}


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
# Lines that make the style what it is: no take moves, thins, swaps or adds to them.
FIXED = {
    "four": "kick",
    "techno": "kick",
    "disco": "kick",
    "trap": "clap snare hat",
    "drill": "snare hat",
    "dubstep": "kick snare",
    "halftime": "snare",
    "dnb": "kick snare",
    "dembow": "kick snare",
    "amapiano": "shaker",
    "synthwave": "kick snare",
    "boombap": "snare hat",
    "lofi": "hat",
    "reggae": "kick rim",
    "bossa": "kick rim",
    "swing": "ride",
    "train": "snare",
    "metal": "kick",
}
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
    """Grooves (line name -> text), fill names, the native tempo range in beats a minute and the lines that are fixed."""

    name: str
    grooves: tuple[dict[str, str], ...]
    fills: tuple[str, ...]
    native: tuple[float, float]
    fixed: tuple[str, ...] = ()


def _grooves(text: str) -> tuple[dict[str, str], ...]:
    out = []
    for block in text.strip().split("\n\n"):
        lines = {}
        for line in block.strip().splitlines():
            name, pattern = line.split("|")
            lines[name.strip()] = pattern.replace(" ", "")
        out.append(lines)
    return tuple(out)


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
STYLES = {"4/4": BAND | CLUB, "3/4": IN_THREE, "6/8": IN_SIX}
_SUBSTITUTE = {
    "3/4": {
        "default": "three",
        "swing": "waltz",
        "bossa": "waltz",
        "train": "waltz",
        "ambient": "waltz",
        "lofi": "waltz",
    },
    "6/8": {"default": "six", "afro": "bell", "latin": "bell", "amapiano": "bell"},
}


@lru_cache(maxsize=128)
def drum_style(name: str, meter: str) -> DrumStyle:
    """The drum style called ``name`` in a meter; in 3/4 and 6/8 its substitute, in longer meters the pattern goes on."""
    steps = METERS[meter].steps_per_bar
    written = meter if meter in WRITTEN_METERS else NEAREST_METER[meter]
    styles = STYLES[written]
    if name not in styles:
        table = _SUBSTITUTE.get(written, {"default": "pop"})
        name = table.get(name, table["default"])
    text, fills, native = styles[name]
    grooves = _grooves(text)
    if written != meter:
        grooves = tuple({line: in_meter(hits, steps) for line, hits in groove.items()} for groove in grooves)
    return DrumStyle(name, grooves, tuple(fills.split()), native, tuple(FIXED.get(name, "").split()))
