"""Grooves that machines play; the notation is explained in :mod:`kits`.

A style: its grooves (blank lines between them, the plainest first), its fills, its native tempo range.
"""

from __future__ import annotations

CLUB = {
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

        kick  | X... X... X... X...
        clap  | .... X... .... X...
        rim   | ...x ..x. ...x ....
        open  | ..x. ..x. ..x. ..x.
        shaker| xoxo xoxo xoxo xoxo

        kick  | X... X... X... X...
        clap  | .... X... .... X...
        hat   | ..x. ..x. ..x. ..xx
        shaker| x.xx x.xx x.xx x.xx
        conga | ...x ..x. ..x. ....

        kick  | X... X... X... X...
        snare | .... X... .... X..g
        open  | ..x. ..x. ..x. ..x.
        tambourine | .... x.x. .... x.x.

        kick  | X... X... X... X...
        rim   | x..x ..x. ..x. x...
        hat   | .xx. .xx. .xx. .xx.
        open  | .... .... .... ..x.
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

        kick  | X... X... X... X...
        hat   | .xx. .xx. .xx. .xx.
        low tom | ...x ..x. ...x ..x.

        kick  | X... X... X... X...
        ride  | ..x. ..x. ..x. ..x.
        clap  | .... X... .... X...
        shaker| oxox oxox oxox oxox

        kick  | X... X... X... X...
        open  | ..x. ..x. ..x. ..x.
        mid tom | .x.. x..x .... .x..
        cowbell | .... ..x. ...x ....

        kick  | X... X... X... X...
        hat   | xxxx xxxx xxxx xxxx
        snare | .... .... .... X..x
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

        kick  | X... X... X... X...
        snare | .... X... .... X...
        hat   | xxox xxox xxox xxox
        conga | ..x. .xx. ..x. .x.x

        kick  | X... X... X... X...
        clap  | .... X... .... X...
        open  | ..x. ..x. ..x. ..x.
        cowbell | x... x... x... x.x.
        """,
        "snare toms",
        (100, 136),
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

        kick  | X... .... ..x. x...
        clap  | .... .... X... ....
        hat   | x..x ..x. x..x ..x.

        kick  | X... ...x .... ..x.
        snare | .... .... X... ....
        hat   | xxxx xxxx xxxx xxxx
        open  | ...x .... .... ....

        kick  | X.x. .... .... x..x
        clap  | .... .... X... ....
        rim   | ...x .... .... .x..
        hat   | x.x. x.xx x.x. x.x.
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

        kick  | X... .... ..X. .x..
        snare | .... ..X. .... X...
        hat   | x.xx .xx. x.xx .xx.
        open  | .... .... .... ..x.

        kick  | X..x ..x. .... ...x
        snare | .... ..X. .... X...
        rim   | .x.. .... .x.. ....
        hat   | x..x ..x. x..x ..x.
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

        kick  | X... .... ..x. x...
        snare | .... .... X... ....
        hat   | ..x. ..x. ..x. ..xx
        rim   | .... ..x. .... .x..
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

        kick  | X... .... ..X. ....
        snare | .... X... .... X...
        shaker| xoxx xoxx xoxx xoxx
        open  | .... ..x. .... ....

        kick  | X... .... .... x.X.
        snare | .... X..g .... X...
        hat   | xx.x x.xx xx.x x.xx
        tambourine | ..x. .... ..x. ....
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

        kick  | X..x .... ..x. .x..
        snare | .... X.g. .g.. X...
        ride  | x.x. x.x. x.x. x.x.
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

        kick  | X... ...x .... ..x.
        clap  | .... X... .... X...
        hat   | x.xo x.xo x.xo x.xo
        rim   | .x.. ..x. .x.. ...x
        """,
        "hats clap",
        (124, 140),
    ),
    "dembow": (
        """
        kick  | X... x... X... x...
        snare | ...x ..x. ...x ..x.
        hat   | x.x. x.x. x.x. x.x.

        kick  | X... x... X... x.x.
        snare | ...X ..x. ...X ..x.
        shaker| xoxo xoxo xoxo xoxo

        kick  | X... x... X... x...
        snare | ...x ..x. ...x ..x.
        hat   | ..x. ..x. ..x. ..x.
        conga | x..x ..x. x.x. ..xx

        kick  | X... x... X... x...
        rim   | ...X ..x. ...X ..x.
        shaker| x.xx x.xx x.xx x.xx
        low tom | .... .... .... ..x.

        kick  | X..x x... X..x x...
        snare | ...x ..x. ...x ..xx
        open  | ..x. .... ..x. ....
        cowbell | x... x.x. x... x.x.
        """,
        "snare stop",
        (84, 112),
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

        kick  | X... X... X... X...
        hat   | ..x. ..x. ..x. ..xx
        low tom | ...x ..x. .x.. x..x
        rim   | .... x... .... x.x.
        """,
        "congas hats",
        (106, 118),
    ),
    "synthwave": (
        """
        kick  | X... X... X... X...
        snare | .... X... .... X...
        hat   | x.x. x.x. x.x. x.x.

        kick  | X... ..x. X... ..x.
        snare | .... X... .... X...
        hat   | xoxo xoxo xoxo xoxo

        kick  | X... X... X... X...
        snare | .... X... .... X...
        hat   | xxxx xxxx xxxx xxxx
        clap  | .... X... .... X...

        kick  | X... ..x. ..x. ....
        snare | .... X... .... X...
        open  | ..x. ..x. ..x. ..x.
        low tom | .... .... .... .xxx

        kick  | X... X... X... X...
        snare | .... X... .... X...
        ride  | x... x... x... x...
        tambourine | ..x. ..x. ..x. ..x.
        """,
        "toms snare",
        (80, 125),
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

        kick  | X.x. .... ..X. .x..
        snare | .... X... .... X..g
        hat   | x.xx x.x. x.xx x.x.

        kick  | X... ..x. .X.. ....
        snare | .... X..g .... X.g.
        ride  | x.x. x.x. x.x. x.x.
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

        kick  | X..x .... .x.. ....
        rim   | .... X... .... X..o
        hat   | oxox oxox oxox oxox

        kick  | X... ..x. .... ....
        snare | .... X... .... X...
        ride  | x.o. x.o. x.o. x.o.
        """,
        "stop snare",
        (62, 98),
    ),
    "ambient": (
        """
        kick  | o... .... .... ....
        shaker| ..o. ..o. ..o. ..o.

        kick  | o... .... ..o. ....
        rim   | .... .... o... ....
        shaker| o.o. o.o. o.o. o.o.

        bell  | o... .... ..o. ....
        shaker| o.o. o.o. o.o. o.o.

        kick  | o... .... .... ....
        ride  | o... o... o... o...

        low tom | o... .... ...o ....
        bell  | .... ..o. .... .o..
        """,
        "stop",
        (60, 120),
    ),
}
