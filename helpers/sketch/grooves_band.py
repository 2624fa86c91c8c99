"""Grooves that people play, and those in three and in six; the notation is explained in :mod:`kits`.

A style: its grooves (blank lines between them, the plainest first), its fills, its native tempo range.
"""

from __future__ import annotations

BAND = {
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

        kick  | X... ..x. x... ..x.
        snare | .... X... .... X...
        hat   | x... x... x... x...

        kick  | X.xx .... x.x. ....
        snare | .... X... .... X..g
        open  | x.x. x.x. x.x. x.x.

        kick  | X... x... X.x. x...
        snare | .... X... .... X.x.
        low tom | x.x. x.x. x.x. x.x.
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

        kick  | X... X... X... X...
        snare | .... X... .... X...
        hat   | ..x. ..x. ..x. ..x.

        kick  | X... ...x ..x. ....
        rim   | .... X... .... X...
        shaker| xoxo xoxo xoxo xoxo

        kick  | X.x. .... X.x. ....
        snare | .... X... .... X.g.
        ride  | x.x. x.x. x.x. x.x.
        tambourine | .... x... .... x...
        """,
        "snare toms clap",
        (75, 140),
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

        kick  | X... ..x. .x.. ..x.
        snare | .g.. X.g. ..g. X..g
        hat   | xxxx xxxx xxxx xxxx

        kick  | X.x. ...x ..x. ....
        snare | .... X..g .g.. X...
        ride  | x.x. x.x. x.x. x.x.

        kick  | X..x .... ..x. x...
        snare | .g.g X... .g.g X..x
        hat   | x.xx x.x. x.xx x.x.
        cowbell | x... x... x... x...
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

        kick  | X... X... X... X...
        snare | x... x... x... x...
        tambourine | .... X... .... X...

        kick  | X.x. ...x ..x. ....
        rim   | .... X... .... X...
        hat   | x.xo x.xo x.xo x.xo
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

        kick  | X... X... X... X...
        rim   | .... .... X... ....
        hat   | xo.x xo.x xo.x xo.x

        kick  | .... .... X... ....
        snare | .... .... X... ...g
        shaker| x.x. x.x. x.x. x.x.
        conga | ...x .... ...x ..x.
        """,
        "toms stop",
        (62, 100),
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
    "swing": (
        """
        ride  | X... x.x. X... x.x.
        pedal | .... x... .... x...
        kick  | o... o... o... o...

        ride  | X... x.x. X... x.x.
        pedal | .... x... .... x...
        snare | .... ..g. .... ..g.
        kick  | o... o... ..x. o...

        ride  | X... x.x. X... x..x
        pedal | .... x... .... x...
        snare | ..g. .... ...g ....

        ride  | X..x x... X..x x...
        pedal | .... x... .... x...
        kick  | .... ..o. .... ...o
        rim   | .... .... .... x...

        hat   | x... X.x. x... X.x.
        snare | .... ..g. ..g. ....
        kick  | o... .... o... ....
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

IN_THREE = {
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
IN_SIX = {
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
