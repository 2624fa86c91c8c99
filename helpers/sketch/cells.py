"""Rhythm cells: the vocabulary of the parts, written as a musician would tap it.

One character is a sixteenth; a cell is one or two bars long. ``.`` rests, ``-`` holds the note before.

Bass      ``1 3 5 6 7`` degrees of the chord, ``8`` the octave, ``b`` the flat second, ``p`` the key's tonic as a pedal,
          ``n`` the next chord's root, early, ``a`` a step of the scale and ``c`` a semitone that lead into the next
          chord, ``g`` a ghost note.
Chords    ``X`` accented, ``x`` plain, ``y`` the upper two voices, ``p`` the bass alone, ``P`` with the chord;
          strummed ``D`` down, ``d`` light down, ``u`` up, ``m`` muted; picked ``p`` the bass string, ``1``-``4`` the
          upper voices from below.
Lead, arpeggio (gate)   ``X`` accented, ``x`` plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..music.meter import METERS


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


# Each style: meter -> cells. Styles without a meter of their own use the style named in FALLBACK for it.
BASS = {
    "sustained": {
        "4/4": ["1---------------", "1-------1-------", "1-----------7---", "1-------1---5---"],
        "3/4": ["1-----------", "1-------5---"],
        "6/8": ["1-----------", "1-----5-----"],
    },
    "pop": {
        "4/4": ["1-----1-1-----1-", "1---1---1---1-1-", "1-----1-..1-1-1-", "1-1-..1-1-1-..7-", "1--1--1-1--1--5-"],
        "3/4": ["1---1---1---", "1---..1-1-5-", "1-------1-7-"],
        "6/8": ["1-----1---1-", "1---1-1---5-", "1-----1---7-"],
    },
    "eighths": {
        "4/4": ["1-1-1-1-1-1-1-1-", "1-1-1-1-1-1-7-1-", "1.1.1.1.1.1.1.1.", "1-1-1-1-1-1-3-3- 1-1-1-1-1-1-7-7-"],
        "3/4": ["1-1-1-1-1-1-"],
        "6/8": ["1-1-1-1-1-1-", "1-1-1-1-1-7-"],
    },
    "rock": {
        "4/4": ["1-1-1-1-1-1-7-1-", "1---1-1-1---1-1-", "1-1-..1-1-1-..1-", "1-1-3-1-1-1-3-5-", "1--11-1-1--11-7-"],
        "3/4": ["1-1-1-1-1-7-"],
        "6/8": ["1-1-1-1-7-1-"],
    },
    "gallop": {
        "4/4": ["1.111.111.111.11", "1.111.111.113.b.", "1.11b.111.117.1."],
        "3/4": ["1.111.111.11"],
        "6/8": ["1.11.11.11.1"],
    },
    "offbeat": {"4/4": ["..1-..1-..1-..1-", "..1-..1-..1-..7-", "..1...1...1...1.", "..1-..1-..1-..11"]},
    "octaves": {"4/4": ["1.8.1.8.1.8.1.8.", "1-8.1-8.1-8.1-8.", "1.811.811.811.8.", "1..81..81..81.8."]},
    "rolling": {"4/4": [".111.111.111.111", "..11..11..11..11", ".1.1.1.1.1.1.11.", ".111.111.111.117"]},
    "techno": {"4/4": ["..1...1...1...1.", "..1..11...1..11.", "..11..1...11..1.", "1..1..1.1..1..1."]},
    "acid": {"4/4": ["1.118.1.1.7.1.1.", "11.81.1.11.81.1.", "1.1.11.1.711.81.", "1..111..1.71.11. 1..118..1.71.1b."]},
    "funk": {
        "4/4": ["1..1..7...g.1...", "1.g1..7.1..g7.a.", "1...g.71..g.7.1.", "1...g11...1g7.8.", "1.1..g8..1..g7c1"],
        "3/4": ["1..1..7.g.1."],
        "6/8": ["1..1.71..1..", "1..1.81..1.."],
    },
    "soul": {
        "4/4": ["1---..1-..1-1-6-", "1-..1.1-6-..5-6-", "1-----1-6-8-6-5-", "1--1..1-5--6..1-"],
        "3/4": ["1---1-5-6-5-"],
        "6/8": ["1---1-5---6-"],
    },
    "hiphop": {
        "4/4": ["1--1......1.....", "1-----..1-1-....", "1--1--..7-1-....", "1--1--1-....7-..", "1-....1-..1-...."]
    },
    "lofi": {"4/4": ["1------.....1-7-", "1-----..1---..5-", "1----...1-..1---", "1-----1---..1---"]},
    "trap": {
        "4/4": ["1---------1-1---", "1-----1-----1---", "1-------..1---1-", "1--1------1-----", "1-----------1-7-"]
    },
    "drill": {"4/4": ["1--1--1-----1---", "1-----1--b--1---", "1--1----..1--7-- 1--1--1---..1---"]},
    "halftime": {"4/4": ["1---------------", "1-------..1-----", "1-----1---------", "1---------1---7-"]},
    "dnb": {"4/4": ["1---......1-....", "1--1......1---..", "1-----....1-7-..", "1-------..1-..b- 1-------..1-7---"]},
    "garage": {"4/4": ["1..1..1....1..1.", "1-..1..1..1..7..", "..1..1....1..1.."]},
    "dembow": {"4/4": ["1-----1---..1---", "1--1--1-1--1--1-", "1-----1-....1-1-", "1--1----1--1----"]},
    "reggae": {"4/4": ["....1-1-3---1---", "1-..1-..3-3-1---", "..1-1---..1-3-1-", "1---..1---..3-1-"]},
    "dub": {"4/4": ["1---..1-3---....", "1-----..1-7-....", "1---....1---3---"]},
    "tumbao": {"4/4": ["......5-----n---", "1-----5-----n---", "1-....1-5---n---"]},
    "bossa": {"4/4": ["1-----5-5-----1-", "1-----1-5-----5-", "1-----5-1-----1-"]},
    "samba": {"4/4": ["1--.5---5--.1---", "1--11---5--51---"]},
    "afro": {"4/4": ["1..1..1...1.7...", "1-..1-..1-..5-1-", "1.....1.1.7..1.."]},
    "amapiano": {"4/4": ["..1..1.1..1..1..", "...1..1...1.1.7.", "..1..1....1.1..1"]},
    "country": {
        "4/4": ["1---5---1---5---", "1---5---1-1-5---"],
        "3/4": ["1-----------", "1-------5---"],
        "6/8": ["1-----5-----"],
    },
    "walking": {
        "4/4": ["1---3---5---a---", "1---5---3---c---", "1---3---5---6---", "1---1---5---a---", "1---3---5-3-c---"],
        "3/4": ["1---3---a---", "1---5---c---"],
        "6/8": ["1---3-5---a-", "1-----5---c-"],
    },
    "blues": {
        "4/4": ["1-1-3-3-5-5-6-5-", "1---3---5---6---", "1-1-5-5-6-6-5-5-"],
        "6/8": ["1---1-5---6-", "1---3-5---6-"],
        "3/4": ["1---3---5-6-"],
    },
    "synthwave": {"4/4": ["1.1.1.1.1.1.1.1.", "1111111111111111", "1.111.111.111.11", "1.1.1.1.1.1.7.7."]},
    "dubstep": {"4/4": ["1-------1-1-1---", "1-----1-..1-b-1-", "1---1-------7-1-"]},
    "drone": {"4/4": ["1---------------"], "3/4": ["1-----------"], "6/8": ["1-----------"]},
    "pedal": {
        "4/4": ["1-p-p-p-p-p-p-p-", "1---p---p---p---", "1-p-..p-p-p-..p-", "1-------p-------"],
        "3/4": ["1---p---p---"],
        "6/8": ["1-----p-----"],
    },
    "waltz": {"3/4": ["1-----------", "1-------1---", "1---5---5---"]},
    "compound": {"6/8": ["1-----1---5-", "1---1-5---1-", "1-----1-----"]},
}

CHORDS = {
    "block": {
        "4/4": ["X-------X-------", "X---------------", "X-----------y---", "X-------x---x---", "X---------------"],
        "3/4": ["X-----------", "X-------x---"],
        "6/8": ["X-----x-----", "X-----------"],
    },
    "held": {"4/4": ["X---------------", "X-------------..", "....X-----------"], "3/4": ["X-----------"]},
    "pop": {
        "4/4": ["X---x---x---x---", "p---x---p---x---", "P---y---x---y---", "X--x--x-X--x--x-", "X-------x---x---"],
        "3/4": ["X---x---x---", "p---x-x-x---"],
        "6/8": ["X---x-X---x-", "p-x-x-p-x-x-"],
    },
    "broken": {
        "4/4": ["p-1-2-3-2-1-2-1-", "p-2-1-3-p-2-1-3-", "p-1-y---p-1-y---", "p-1-2-1-3-1-2-1-", "p-2-3-2-p-2-3-2-"],
        "3/4": ["p-1-2-1-2-1-", "p-y-1-y-1-y-"],
        "6/8": ["p-1-2-3-2-1-", "p-2-3-2-1-2-"],
    },
    "house": {
        "4/4": ["..X...x...X...x.", "X..X..x...X...x.", "..X..X....X..X..", "X..X..X....X..X.", "..X-..X-..X-..X-"],
    },
    "offbeat": {"4/4": ["..X...X...X...X.", "..X-..X-..X-..X-", "..X...X...X..xX."]},
    "stabs": {
        "4/4": ["X.....X.........", "X..X............", "......X.....X...", "X..X..X.........", "..X.......X....."]
    },
    "charleston": {
        "4/4": ["X-----x---------", "..y---X---......", "X-....y-......x-", "X-....x-..y-....", "....X-....x-..y-"],
        "3/4": ["X-----x-....", "....X-..x-.."],
        "6/8": ["X-----....x-", "....X-....x-"],
    },
    "funk": {"4/4": ["X..x..X...x.x...", "X.x...X.x.x...x.", "X.x...Xx..x...X.", "...X..x...X..x.."]},
    "strum": {
        "4/4": ["D---D-u-..u-D-u-", "D---d-u-D-u-d-u-", "D-----d-u-u-d-u-", "D-d-d-u-..u-d-u-"],
        "3/4": ["D---d-u-d-u-", "D---d---d-u-"],
        "6/8": ["D-d-u-D-d-u-", "D---u-D---u-"],
    },
    "strum16": {"4/4": ["D-mud-mu..mudmu-", "D-m.Dumu..uuDmu.", "D-d-m-u-.ud-mud-"]},
    "chug": {
        "4/4": ["D.ddD.ddD.ddD.dd", "D-----D---D-----", "D.d.D.d.D.d.D.d.", "D..D..D..D..D.D."],
        "6/8": ["D.dd.dD.dd.d"],
    },
    "power": {
        "4/4": ["D-------D-------", "D-d-d-d-d-d-d-d-", "D-----d-D-----d-", "D---------d-d-d-"],
        "6/8": ["D-----D-----"],
    },
    "fingers": {
        "4/4": ["p-1-2-3-p-2-3-1-", "p-1-3-2-p-1-3-2-", "p-2-1-3-p-3-1-2-", "p---1-2-p-3-2-1-"],
        "3/4": ["p-1-2-3-2-1-", "p-2-3-2-3-2-"],
        "6/8": ["p-1-2-3-2-1-", "p-2-3-4-3-2-"],
    },
    "travis": {"4/4": ["p-3-p-2-p-3-p-1-", "p-3-p-2-p-4-p-2-", "p-.3p-2-p-.4p-2-"]},
    "skank": {"4/4": ["....X.......X...", "..X...X...X...X.", "....Xx......Xx.."]},
    "bubble": {"4/4": ["..x.x.x...x.x.x.", "..y.X.y...y.X.y."]},
    "montuno": {"4/4": ["X..x..X..xX..x..", "X-.yx-.yX..y.yx-", "..X.x..X.x.X..x."]},
    "bossa": {"4/4": ["X--x--x---x--x--", "p--y--x---y--x--", "X--x---x--x---x-", "x-..X--x--..X---"]},
    "anticipated": {"4/4": ["X-----------..X-", "X-----x-------x-", "X---------x---x-"]},
    "rnb": {"4/4": ["X---------x-----", "X-----.y..x-....", "p---X-----..y-x-", "X--x-----------."]},
    "lofi": {"4/4": ["X---------y-----", "X-----x---------", "p--X--------y---", "..X-------x-----"]},
    "hiphop": {
        "4/4": ["X.....x.........", "X-....X-........", "X--.....X--.....", "X..x....X..x....", "X-......y--y...."]
    },
    "dembow": {"4/4": ["X--x--x-X--x--x-", "...X..x....X..x.", "X-----x-X-----x-"]},
    "trance": {"4/4": ["X.xX.xX.X.xX.xX.", "..X.X.X...X.X.X.", "X..X..X..X..X.X."]},
    "ballad": {
        "4/4": ["p-1-2-1-p-1-2-1-", "p-1-2-3-2-1-2-1-", "p---x---x---x---", "X---------------"],
        "3/4": ["p-1-2-1-2-1-"],
        "6/8": ["p-1-2-3-2-1-"],
    },
    "waltz": {"3/4": ["p---x---x---", "p---x---x-x-", "....x---x---"]},
    "gospel": {"4/4": ["P---x-y-..x-y-x-", "P--x--x-y---x-x-"], "6/8": ["X-x-x-X-x-x-"], "3/4": ["X---x-x-x---"]},
}

PADS = {
    "held": "the chord held through the bar, common tones tied",
    "swell": "each chord rises and falls",
    "pulse": "the chord breathes in eighths",
    "rise": "voices enter one after the other",
    "answer": "the upper voices come in halfway",
    "pushed": "the upper voices come an eighth late and again halfway",
}

LEAD = {
    "singing": {
        "4/4": ["x-----x-x---x---", "x---x---x-------", "x-x-x---x-------", "..x-x-x-x-------", "x---x-x-x---x---"],
        "3/4": ["x---x---x---", "x-----x-x---", "x-------x-x-"],
        "6/8": ["x---x-x-----", "x-x-x-x---x-", "x-----x---x-"],
    },
    "riff": {
        "4/4": ["x-x-..x-x-x-....", "x-x-x-..x-x-x-..", "x-..x-x-..x-x---", "x-x-x-x-x---....", "x--x--x-x--x--x-"],
        "3/4": ["x-x-..x-x-..", "x-x-x---x-.."],
        "6/8": ["x-x-x-x---..", "x---x-x---.."],
    },
    "sparse": {
        "4/4": ["x-------x-......", "..x-----..x-....", "x-----------....", "....x-----..x-..", "x---....x---...."],
        "3/4": ["x-----......", "....x-------"],
        "6/8": ["x-----......", "x---x-------"],
    },
    "busy": {
        "4/4": ["x-x-x-x-x-x-x---", "x-xxx-x-x-xxx-x-", "xxx-x-x-xxx-x-x-", "x-x-xxx-x-x-x---"],
        "3/4": ["x-x-xxx-x-x-", "xxx-x-x-x-.."],
        "6/8": ["x-xxx-x-x-x-", "xxxx--x-x-x-"],
    },
    "syncopated": {
        "4/4": ["..x-..x-..x-x---", "x--x--x-..x-x---", "..x-x--x--x-x---", "x-..x--x--x-x---", "x--x--x---x-...."],
        "3/4": ["..x--x--x-..", "x--x--x--x--"],
        "6/8": ["x-.x-.x---x-", "..x-x-..x---"],
    },
    "swinging": {
        "4/4": ["x-x-x---..x-x---", "..x-x-x-x-..x---", "x---x-x-..x-x---", "..x-x-x-x-x-x---", "x-x-x---..x-x-x-"],
        "3/4": ["x-x-x---x-..", "..x-x-x-x---"],
        "6/8": ["x---x-x---..", "x-x-x-..x---"],
    },
    "anthem": {
        "4/4": ["x---..x-x---..x-", "x--x--x-x--x--x-", "x-----x-----x---", "x--x--x---x---..", "x--x--x-x-------"],
        "6/8": ["x---x-x---x-"],
        "3/4": ["x---x---x-x-"],
    },
    "stabby": {"4/4": ["..x...x...x...x.", "x..x..x.........", "..x..x....x..x..", "x..x..x...x....."]},
    "bounce": {"4/4": ["x--x--x---------", "x-x-x-------x---", "x-----x-x-------", "x--x--x--x--x---"]},
    "trance": {"4/4": ["x.xx.xx.x.xx.xx.", "..x.x.x...x.x.x.", "x..x..x..x..x.x.", "x.x.xx.xx.x.xx.x"]},
    "offbeat": {"4/4": ["....x-x-....x-x-", "..x-..x-x---....", "....x---..x-x-..", "..x-x-.........."]},
    "long": {
        "4/4": ["x---------------", "x-----------x---", "........x-------", "x-------x-------"],
        "3/4": ["x-----------"],
    },
    "latin": {"4/4": ["x..x..x...x.x...", "..x.x..x.x..x...", "x..x.x..x.x.x..."]},
    "pentatonic": {"4/4": ["x-x-x-x-..x-x-x-", "xxx-x-x-........", "x-xxx---x-xxx---", "..xxx-x-..xxx-x-"]},
}

# Tunes by the style of their rhythm, in steps of the scale from the lowest note (1); they go round on the rhythm.
TUNES = {
    "singing": ("35123", "53132", "13542", "31253", "56531", "15321", "34513"),
    "riff": ("1135", "1351", "1513", "5531", "1315", "3153", "1531", "1353"),
    "sparse": ("15", "31", "53", "135", "531", "351"),
    "busy": ("1353", "13531", "12351", "54313", "15313", "35131"),
    "syncopated": ("5313", "13513", "55313", "1531", "35135", "5153"),
    "swinging": ("53135", "13513", "35131", "56531", "31513", "35153"),
    "anthem": ("1135", "55351", "35513", "1535", "53151", "13551"),
    "stabby": ("1151", "1131", "3351", "5151", "1315"),
    "bounce": ("1135", "5531", "3515", "1153", "531"),
    "trance": ("55351", "1353", "35351", "5135", "15315"),
    "offbeat": ("5311", "3515", "1353", "5531"),
    "long": ("13", "53", "15", "351", "531"),
    "latin": ("13531", "55131", "35153", "1355"),
    "pentatonic": ("1355", "6531", "11351", "5613", "3513"),
}

GATES = {
    "eighths": {"4/4": ["X-x-x-x-X-x-x-x-", "x-x-x-x-x-x-x-x-"], "3/4": ["X-x-x-x-x-x-"], "6/8": ["X-x-x-X-x-x-"]},
    "sixteenths": {"4/4": ["XxxxXxxxXxxxXxxx", "X.x.XxXxX.x.XxXx"], "3/4": ["XxxxXxxxXxxx"], "6/8": ["XxxxxxXxxxxx"]},
    "threes": {
        "4/4": ["XxxXxxXxxXxxXxXx", "X--x--X--x--X-x-", "X..x..X..x..X.x."],
        "3/4": ["XxxXxxXxxXxx"],
        "6/8": ["X-x-x-X-x-x-"],
    },
    "gallop": {"4/4": ["X-xxX-xxX-xxX-xx", "X.xxX.xxX.xxX.xx"], "3/4": ["X-xxX-xxX-xx"], "6/8": ["X-xx-xX-xx-x"]},
    "gated": {
        "4/4": ["X.xxX.xxX.xxX.xx", "Xx.xXx.xXx.xXx.x", "X.xx.xx.X.xx.xx."],
        "3/4": ["X.xx.xx.X.x."],
        "6/8": ["X.xx.xX.xx.x"],
    },
    "sparse": {
        "4/4": ["X---x---X---x---", "X-x-....X-x-....", "X-----x-----x---"],
        "3/4": ["X---..x-..x-"],
        "6/8": ["X---x-..x---"],
    },
    "offbeat": {"4/4": ["..X-..x-..X-..x-", "..X.x...X.x...X."], "3/4": ["..X-..x-..x-"], "6/8": ["..X-x-..X-x-"]},
    "quarters": {"4/4": ["X---x---X---x---"], "3/4": ["X---x---x---"], "6/8": ["X-----x-----"]},
}

# What a style becomes in a meter it has no cells for.
FALLBACK = {
    "bass": {"3/4": "waltz", "6/8": "compound"},
    "chords": {"3/4": "waltz", "6/8": "pop"},
    "lead": {"3/4": "singing", "6/8": "singing"},
    "gate": {"3/4": "eighths", "6/8": "eighths"},
}
# Patterns are written in three meters; the others go round in the nearest (see :func:`in_meter`).
WRITTEN_METERS = {"4/4": 16, "3/4": 12, "6/8": 12}
NEAREST_METER = {"5/4": "4/4", "7/4": "4/4", "7/8": "4/4", "12/8": "6/8"}
BANKS = {"bass": BASS, "chords": CHORDS, "lead": LEAD, "gate": GATES}


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
        style = FALLBACK[bank].get(written, style)
    texts = styles[style][written]
    if written != meter:
        texts = [in_meter(text, steps) for text in texts if len(text.replace(" ", "")) <= WRITTEN_METERS[written]]
    return tuple(read_cell(f"{style} {i}", text) for i, text in enumerate(texts, 1))
