"""Drum patterns: one line an instrument, one character a sixteenth, one or two bars.

``X`` accent, ``x`` plain, ``g`` ghost, ``o`` soft, ``.`` nothing. A style has grooves (the first is its plainest) and
names the fills that lead back to bar 1. ``native`` is the tempo range the pattern is felt in; outside it the pattern is
played in half or double time where that brings it inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

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


_STYLES_44 = {
    "rock": (
        """
        kick  | X... .... X.x. ....
        snare | .... X... .... X...
        hat   | x.x. x.x. x.x. x.x.

        kick  | X.x. .... x.X. ....
        snare | .... X... .... X...
        hat   | x.x. x.x. x.x. x.x.

        kick  | X... ..x. x.x. ....
        snare | .... X..g .g.. X..g
        ride  | x.x. x.x. x.x. x.x.
        """,
        "toms snare",
        (80, 190),
    ),
    "pop": (
        """
        kick  | X... ..x. X... ....
        snare | .... X... .... X...
        hat   | x.x. x.x. x.x. x.o.

        kick  | X..x ..x. ..x. ....
        snare | .... X... .... X...
        clap  | .... X... .... X...
        hat   | xoxo xoxo xoxo xoxo
        """,
        "snare toms clap",
        (75, 140),
    ),
    "four": (
        """
        kick  | X... X... X... X...
        clap  | .... X... .... X...
        open  | ..x. ..x. ..x. ..x.
        hat   | x... x... x... x...

        kick  | X... X... X... X...
        clap  | .... X... .... X..x
        open  | ..x. ..x. ..x. ..x.
        hat   | xo.o xo.o xo.o xo.o

        kick  | X... X... X... X.x.
        clap  | .... X... .... X...
        rim   | ...x ..x. ...x ....
        open  | ..x. ..x. ..x. ..x.
        shaker| xoxo xoxo xoxo xoxo
        """,
        "clap hats snare",
        (100, 150),
    ),
    "techno": (
        """
        kick  | X... X... X... X...
        hat   | ..x. ..x. ..x. ..x.
        rim   | .... ..x. .x.. ....

        kick  | X... X... X... X...
        open  | ..x. ..x. ..x. ..x.
        hat   | oxox oxox oxox oxox
        clap  | .... x... .... x...

        kick  | X... X... X... X..x
        hat   | .xx. .xx. .xx. .xx.
        low tom | ...x ..x. ...x ..x.
        """,
        "hats toms",
        (118, 160),
    ),
    "disco": (
        """
        kick  | X... X... X... X...
        snare | .... X... .... X...
        hat   | x... x... x... x...
        open  | ..x. ..x. ..x. ..x.

        kick  | X... X... X... X...
        snare | .... X... .... X..g
        hat   | xo.o xo.o xo.o xo.o
        open  | ..x. ..x. ..x. ..x.
        tambourine | .... x... .... x...
        """,
        "snare toms",
        (100, 136),
    ),
    "boombap": (
        """
        kick  | X..x .... ..X. ....
        snare | .... X... .... X...
        hat   | x.x. x.x. x.x. x.x.

        kick  | X... ...x ..X. .x..
        snare | .... X..g .g.. X...
        hat   | x.x. x.x. x.x. x.xo

        kick  | X..x ...x .xX. ....
        snare | .... X... .... X..g
        hat   | x.xo x.x. x.xo x.x.
        """,
        "snare stop",
        (70, 108),
    ),
    "lofi": (
        """
        kick  | X... .... ..x. ....
        rim   | .... X... .... X...
        hat   | x.o. x.o. x.o. x.o.

        kick  | X..x .... ..x. ...o
        snare | .... X... .... X...
        hat   | x.o. xoo. x.o. x.o.

        kick  | X... ...x ..x. ....
        snare | .... X... .g.. X...
        shaker| o.x. o.x. o.x. o.x.
        """,
        "stop snare",
        (62, 98),
    ),
    "trap": (
        """
        kick  | X... ..x. .... .x..
        clap  | .... .... X... ....
        hat   | x.x. x.x. x.x. xxxx

        kick  | X..x .... ..x. ....
        clap  | .... .... X... ....
        snare | .... .... X... ....
        hat   | x.x. xxx. x.x. x.xx

        kick  | X.....x.... x.. x.
        clap  | .... .... X... ...g
        hat   | xxx. x.x. xxx. x.x.
        open  | .... ..x. .... ....
        """,
        "rolls stop",
        (110, 175),
    ),
    "drill": (
        """
        kick  | X... ..x. ...x ....
        snare | .... ..X. .... X...
        hat   | x..x ..x. x..x ..x.

        kick  | X..x .... ..x. ..x.
        snare | .... ..X. .... X..x
        hat   | x..x ..xx x..x ..x.
        """,
        "rolls stop",
        (125, 160),
    ),
    "halftime": (
        """
        kick  | X... .... .... ..x.
        snare | .... .... X... ....
        hat   | x.x. x.x. x.x. x.x.

        kick  | X..x ..x. .... ....
        snare | .... .... X... ...g
        hat   | xoxo xoxo xoxo xoxo
        """,
        "toms rolls",
        (120, 180),
    ),
    "dubstep": (
        """
        kick  | X... ..x. .... ..x.
        snare | .... .... X... ....
        hat   | x.x. x.xx x.x. x.x.

        kick  | X.x. .... ...x ....
        snare | .... .... X... ....
        open  | .... x... .... x...
        hat   | x.xx ..x. x.xx ..x.
        """,
        "rolls toms",
        (130, 150),
    ),
    "dnb": (
        """
        kick  | X... .... ..X. ....
        snare | .... X... .... X...
        hat   | x.x. x.x. x.x. x.x.

        kick  | X... .... ..X. ....
        snare | .... X..g .g.. X..g
        ride  | x.x. x.x. x.x. x.x.

        kick  | X.x. .... .xX. ....
        snare | .... X..g .g.. X.g.
        hat   | x.x. xxx. x.x. x.xx
        """,
        "breaks snare",
        (155, 185),
    ),
    "breakbeat": (
        """
        kick  | X.x. .... ..xx ....
        snare | .... X..g .g.. X..g
        hat   | x.x. x.x. x.x. x.x.

        kick  | X.x. ...x ..x. ....
        snare | .... X..g .g.x ..X.
        hat   | x.x. x.x. x.x. x.x.
        """,
        "breaks snare",
        (105, 150),
    ),
    "garage": (
        """
        kick  | X... .... ..x. ....
        clap  | .... X... .... X...
        hat   | ..x. .xx. ..x. .xx.
        rim   | ...x .... ...x ..x.

        kick  | X... ...x ..x. ....
        snare | .... X... .... X...
        open  | ..x. ..x. ..x. ..x.
        shaker| xoox oxox xoox oxox
        """,
        "hats clap",
        (124, 140),
    ),
    "funk": (
        """
        kick  | X.x. .... ..x. .x..
        snare | .... X..g .g.g X..g
        hat   | xoxo xoxo xoxo xoxo

        kick  | X..x ..x. ..x. ....
        snare | ...g X..g .g.. X.g.
        hat   | x.x. x.x. x.x. x...
        open  | .... .... .... ..x.
        """,
        "snare breaks",
        (84, 128),
    ),
    "soul": (
        """
        kick  | X... ..x. X... ....
        snare | .... X... .... X..g
        hat   | x.x. x.x. x.x. x.x.
        tambourine | .... x... .... x...

        kick  | X..x .... X.x. ....
        snare | .... X... .... X...
        ride  | x.x. x.x. x.x. x.x.
        """,
        "snare toms",
        (66, 130),
    ),
    "reggae": (
        """
        kick  | .... .... X... ....
        rim   | .... .... X... ....
        hat   | x.x. x.x. x.x. x.xo

        kick  | X... .... X... ....
        rim   | .... .... X... ..x.
        hat   | x.xo x.x. x.xo x.x.
        """,
        "toms stop",
        (62, 100),
    ),
    "dembow": (
        """
        kick  | X... x... X... x...
        snare | ...x ..x. ...x ..x.
        hat   | x.x. x.x. x.x. x.x.

        kick  | X... x... X... x.x.
        snare | ...X ..x. ...X ..x.
        shaker| xoxo xoxo xoxo xoxo
        """,
        "snare stop",
        (84, 112),
    ),
    "latin": (
        """
        kick  | X..x ...x X..x ...x
        clave | X..x ..x. ..x. x...
        conga | ..x. ..xx ..x. ..xx
        shaker| xoxo xoxo xoxo xoxo

        kick  | ...x .... ...x ....
        cowbell| X.x. X.x. X.x. X.xx
        low conga | .... ..xx .... ..xx
        mute conga| x.x. x... x.x. x...
        """,
        "congas toms",
        (84, 132),
    ),
    "bossa": (
        """
        kick  | X..x X..x X..x X..x
        rim   | x..x ..x. ..x. .x..
        hat   | oooo oooo oooo oooo

        kick  | X..x X..x X..x X..x
        rim   | ..x. .x.. x..x ..x.
        shaker| xoxo xoxo xoxo xoxo
        """,
        "rims stop",
        (100, 160),
    ),
    "samba": (
        """
        kick  | o..x X..o o..x X..o
        shaker| XoxX XoxX XoxX XoxX
        snare | g.gx g.xg g.gx .gx.
        """,
        "snare",
        (88, 130),
    ),
    "afro": (
        """
        kick  | X..x ..x. X... ..x.
        rim   | ...x ..x. ...x ..x.
        shaker| xoxo xoxo xoxo xoxo
        conga | ..x. .x.x ..x. .xx.

        kick  | X... ..x. X..x ....
        snare | ...x ..x. .... x.x.
        hat   | x.xx x.xx x.xx x.xx
        """,
        "congas rims",
        (92, 126),
    ),
    "amapiano": (
        """
        kick  | X... X... X... X...
        shaker| xoxx xoxx xoxx xoxx
        rim   | ...x ..x. ..x. .x..

        kick  | X... .... X... ....
        clap  | .... x... .... x..x
        shaker| xoxo xoxo xoxo xoxo
        low tom | ..x. .x.. ..x. .x.x
        """,
        "congas hats",
        (106, 118),
    ),
    "swing": (
        """
        ride  | X... x.x. X... x.x.
        pedal | .... x... .... x...
        kick  | o... o... o... o...

        ride  | X... x.x. X... x.x.
        pedal | .... x... .... x...
        snare | .... ..g. .... ..g.
        kick  | o... o... ..x. o...
        """,
        "brushes toms",
        (100, 240),
    ),
    "shuffle": (
        """
        kick  | X... ..x. X... ....
        snare | .... X... .... X...
        ride  | x.x. x.x. x.x. x.x.

        kick  | X... .... X.x. ....
        snare | .... X.g. .... X.g.
        hat   | x.x. x.x. x.x. x.x.
        """,
        "snare toms",
        (70, 150),
    ),
    "train": (
        """
        kick  | X... x... X... x...
        snare | gggX gggX gggX gggX

        kick  | X... x... X... x...
        snare | g.gX g.gX g.gX g.gX
        hat   | ..x. ..x. ..x. ..x.
        """,
        "snare",
        (84, 140),
    ),
    "metal": (
        """
        kick  | X.xx X.xx X.xx X.xx
        snare | .... X... .... X...
        crash | x... .... .... ....
        ride  | x... x... x... x...

        kick  | xxxx xxxx xxxx xxxx
        snare | .... X... .... X...
        hat   | x... x... x... x...
        """,
        "toms rolls",
        (100, 200),
    ),
    "punk": (
        """
        kick  | X... X.x. X... X.x.
        snare | ..X. ..X. ..X. ..X.
        hat   | x.x. x.x. x.x. x.x.
        """,
        "snare toms",
        (80, 120),
    ),
    "synthwave": (
        """
        kick  | X... X... X... X...
        snare | .... X... .... X...
        hat   | x.x. x.x. x.x. x.x.

        kick  | X... ..x. X... ..x.
        snare | .... X... .... X...
        hat   | xoxo xoxo xoxo xoxo
        """,
        "toms snare",
        (80, 125),
    ),
    "ambient": (
        """
        kick  | o... .... .... ....
        shaker| ..o. ..o. ..o. ..o.

        kick  | o... .... ..o. ....
        rim   | .... .... o... ....
        shaker| o.o. o.o. o.o. o.o.
        """,
        "stop",
        (60, 120),
    ),
    "cinematic": (
        """
        timpani hit | X... .... x... ..x.
        low tom | .... x.x. .... x.xx
        kick  | X... .... X... ....

        kick  | X..x ..x. X..x ..x.
        low tom | xgxg xgxg xgxg xgxg
        timpani hit | X... .... .... X...
        """,
        "toms",
        (60, 150),
    ),
    "march": (
        """
        kick  | X... x... X... x...
        snare | ..g. Xgg. ..g. Xggg
        """,
        "snare",
        (90, 130),
    ),
}

_STYLES_34 = {
    "waltz": (
        """
        kick  | X... .... ....
        rim   | .... x... x...
        hat   | x.x. x.x. x.x.

        kick  | X... .... ....
        snare | .... g... X.g.
        ride  | x... x.x. x...
        """,
        "stop snare",
        (60, 200),
    ),
    "three": (
        """
        kick  | X... ..x. ....
        snare | .... .... X...
        hat   | x.x. x.x. x.x.

        kick  | X..x .... ..x.
        snare | .... X... X...
        hat   | xoxo xoxo xoxo
        """,
        "snare toms",
        (60, 200),
    ),
}
_STYLES_68 = {
    "six": (
        """
        kick  | X... .... ....
        snare | .... ..X. ....
        hat   | x.x. x.x. x.x.

        kick  | X... ..x. ..x.
        snare | .... ..X. ....
        hat   | x.x. x.x. x.x.

        kick  | X... x... ....
        snare | .... ..X. .g..
        ride  | x.x. x.x. x.x.
        """,
        "snare toms",
        (35, 120),
    ),
    "bell": (
        """
        kick  | X... ..X. ....
        bell  | x.x. xx.x .x.x
        shaker| x.ox .ox. ox.o
        """,
        "congas toms",
        (35, 130),
    ),
}

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
_BY_METER = {"4/4": _STYLES_44, "3/4": _STYLES_34, "6/8": _STYLES_68}
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
    styles = _BY_METER[meter]
    if name not in styles:
        table = _SUBSTITUTE.get(meter, {"default": "pop"})
        name = table.get(name, table["default"])
    text, fills, native = styles[name]
    return DrumStyle(name, _grooves(text), tuple(fills.split()), native)
