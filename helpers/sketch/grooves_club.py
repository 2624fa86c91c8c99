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
}
