"""Drum patterns: one line an instrument, one character a sixteenth, one or two bars.

``X`` accent, ``x`` plain, ``g`` ghost, ``o`` soft, ``.`` nothing. A style has grooves (the first is its plainest) and
names the fills that lead back to bar 1. ``native`` is the tempo range the pattern is felt in; outside it the pattern is
played in half or double time where that brings it inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True)
class DrumStyle:
    """Grooves (line name -> text), fill names and the native tempo range in beats a minute."""

    name: str
    grooves: tuple[dict[str, str], ...]
    fills: tuple[str, ...]
    native: tuple[float, float]


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
    "snare": ({"snare": "x.xx"}, {"snare": "gxxX xxxX"}, {"snare": ".xx. x.xX"}),
    "toms": (
        {"high tom": "xx.. ....", "mid tom": "..xx ....", "low tom": ".... x.x.", "snare": ".... .x.X"},
        {"high tom": "x...", "mid tom": ".x..", "low tom": "..xX"},
        {"snare": "X.x. ....", "high tom": ".... xx..", "low tom": ".... ..xX"},
    ),
    "clap": ({"clap": "..x. x.xx"}, {"clap": "x..x ..xx"}),
    "hats": ({"hat": "xxxx", "open": "...X"}, {"open": "..x. ..X."}),
    "rolls": ({"hat": "xxxx xxxx", "snare": ".... ..xX"}, {"snare": "..gg xxXX"}),
    "stop": ({"kick": "X... ...."}, {"snare": ".... ...x"}),
    "breaks": ({"snare": "X.gX .gXx", "kick": "..x. x..."}, {"snare": "x..x ..xX", "kick": ".x.. x..."}),
    "congas": ({"conga": "x.xx .xx.", "low conga": ".x.. x..x"}, {"conga": "xx.x", "low conga": "..x."}),
    "rims": ({"rim": "x..x ..xx"}, {"rim": ".xx."}),
    "brushes": ({"snare": "..x. .x.x"}, {"snare": "x.g."}),
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
    """The drum style called ``name`` in a meter; in 3/4 and 6/8 its substitute."""
    styles = STYLES[meter]
    if name not in styles:
        table = _SUBSTITUTE.get(meter, {"default": "pop"})
        name = table.get(name, table["default"])
    text, fills, native = styles[name]
    return DrumStyle(name, _grooves(text), tuple(fills.split()), native)
