"""Short pieces composed by rule, of known tempo, key and chords: parts over stock progressions, and drums."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.music.meter import METERS, Meter
from helpers.music.pitch import SCALES, Key

# scale degrees of four bars; "V" is the major dominant of a minor key
_PROGRESSIONS = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (1, 4, 0, 0), (0, 3, 0, 4), (3, 4, 0, 5)),
    "minor": ((0, 5, 2, 6), (0, 3, 6, 0), (0, 3, "V", 0), (0, 6, 5, 6), (0, 0, 3, "V")),
}
PROGRAMS = {
    "chords": (0, 1, 2, 4, 5, 6, 7, 11, 16, 17, 21, 24, 25),
    "guitar": (6, 10, 11, 12, 24, 25, 26, 27, 28, 30, 45, 46, 107, 108),
    "bass": (32, 33, 34, 35, 36, 37, 38, 39, 43, 58),
    "lead": (10, 11, 22, 40, 41, 42, 56, 57, 59, 60, 64, 65, 66, 68, 71, 72, 73, 75, 79, 80, 81, 82, 84, 87),
    "hum": (52, 53, 54, 78, 85, 91),
    "pad": (19, 20, 48, 49, 50, 51, 52, 61, 88, 89, 90, 91, 92, 94, 95),
    "kit": (0, 8, 16, 24, 25, 32, 40),
}
# by meter, in quarters of a bar: (start, length) of struck chords, starts of bass notes, lengths of melody notes
_COMPS = {
    "4/4": (
        ((0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9)),
        ((0, 1.4), (1.5, 1.4), (3, 0.9)),
        ((0, 2), (2, 2)),
    ),
    "3/4": (((0, 0.9), (1, 0.9), (2, 0.9)), ((1, 0.9), (2, 0.9)), ((0, 2), (2, 0.9)), ((0, 3),)),
    "6/8": (((0, 1.4), (1.5, 1.4)), ((0, 1), (1, 0.5), (1.5, 1), (2.5, 0.5)), tuple((k / 2, 0.45) for k in range(6))),
}
_BASSES = {
    "4/4": ((0, 1, 2, 3), (0, 0.5, 1.5, 2, 2.5, 3.5), (0, 1.5, 2, 3.5), tuple(k / 2 for k in range(8))),
    "3/4": ((0, 1, 2), (0, 2), (0, 1.5, 2), tuple(k / 2 for k in range(6)), (0,)),
    "6/8": ((0, 1.5), (0, 1, 1.5, 2.5), tuple(k / 2 for k in range(6))),
}
_SUNG = {
    "4/4": ((1, 1, 2), (2, 2), (1, 1, 1, 1), (3, 1)),
    "3/4": ((1, 1, 1), (2, 1), (3,), (1, 2)),
    "6/8": ((1.5, 1.5), (1, 0.5, 1.5), (3,), (1, 0.5, 1, 0.5)),
}
_PLAYED = {
    "4/4": ((0.5, 0.5, 0.5, 0.5, 1, 1), (1, 0.5, 0.5, 2), (0.75, 0.25, 1, 0.5, 0.5, 1), (1.5, 0.5, 1, 1)),
    "3/4": ((1, 1, 1), (0.5, 0.5, 1, 1), (1.5, 0.5, 1), (2, 0.5, 0.5), (0.5,) * 6),
    "6/8": ((0.5,) * 6, (1, 0.5, 1, 0.5), (0.5, 0.5, 0.5, 1.5), (1, 0.5, 0.5, 0.5, 0.5)),
}
PART_KINDS = ("band", "piano", "guitar", "bass", "lead", "hum", "pad")


@dataclass
class Piece:
    """Notes ``(track, pitch, start, length, velocity)`` in quarters from bar 1; tracks are (program, is drum)."""

    kind: str
    origin: str
    bpm: float
    meter: Meter
    bars: int
    key: Key | None = None
    tracks: list[tuple[int, bool]] = field(default_factory=list)
    notes: list[tuple[int, int, float, float, float]] = field(default_factory=list)
    chords: list[tuple[int, ...]] = field(default_factory=list)
    jitter_seconds: float = 0.0
    cents: float = 0.0
    vibrato_cents: float = 0.0
    pick_up: float = 0.0  # quarters before bar 1, played only where the clip is not cut at the bar line
    swing: float = 0.5  # where in a quarter its second eighth falls
    shows_chords: bool = False

    @property
    def bar(self) -> float:
        """Quarter notes in a bar."""
        return self.meter.beats_per_bar * self.meter.quarters_per_beat

    @property
    def seconds(self) -> float:
        return self.bars * self.meter.beats_per_bar * 60.0 / self.bpm

    def track(self, program: int, *, drums: bool = False) -> int:
        self.tracks.append((program, drums))
        return len(self.tracks) - 1

    def put(self, track: int, pitch: int, start: float, length: float, velocity: float = 90.0) -> None:
        self.notes.append((track, pitch, start, length, velocity))


def pick(rng: np.random.Generator, values: tuple) -> Any:
    return values[int(rng.integers(len(values)))]


def above(pitch_class: int, low: int) -> int:
    return low + (pitch_class - low) % 12


def triad(key: Key, degree: int | str) -> tuple[int, ...]:
    """Pitch classes of the triad on a scale degree (0-based), or of the major dominant for ``V``."""
    if degree == "V":
        return ((key.tonic + 7) % 12, (key.tonic + 11) % 12, (key.tonic + 2) % 12)
    scale = SCALES[key.mode]
    return tuple((key.tonic + scale[(degree + k) % 7]) % 12 for k in (0, 2, 4))


def some_bpm(rng: np.random.Generator, low: int, high: int) -> float:
    """Four times in five a whole number."""
    return float(rng.integers(low, high + 1)) if rng.random() < 0.8 else round(float(rng.uniform(low, high)), 1)


# ---------------------------------------------------------------------------------------------------------------- parts


def compose_part(kind: str, number: int, rng: np.random.Generator, origin: str) -> Piece:
    """One of PART_KINDS over a stock progression, 4 to 20 s."""
    key = Key(int(rng.integers(12)), "minor" if number % 2 else "major")
    draw = rng.random()
    meter = METERS["3/4" if draw < 0.15 else "6/8" if draw < 0.24 else "4/4"]
    bpm = some_bpm(rng, 70, 170) if meter.name != "6/8" else float(rng.integers(50, 125))
    wanted = float(rng.uniform(4.0, 7.5)) if number % 5 == 4 else float(rng.uniform(8.0, 20.0))
    bars = max(2, round(wanted * bpm / 60 / meter.beats_per_bar))
    bars += bars % 2 if wanted > 8 else 0
    piece = Piece(kind, origin, bpm, meter, bars, key, shows_chords=kind in ("band", "piano", "guitar", "pad"))
    piece.jitter_seconds = 0.012 if kind in ("hum", "guitar", "piano", "lead") else 0.003
    if kind in ("hum", "guitar", "lead"):
        piece.cents = float(pick(rng, (0, 0, 0, -25, 20, 35)))
    row = _PROGRESSIONS[key.mode][int(rng.integers(5))]
    piece.chords = [triad(key, row[b % 4]) for b in range(bars)]
    comps = _COMPS[meter.name]
    if kind == "band":
        drum_bar(piece, rng)
        bass_line(piece, rng)
        comp(piece, pick(rng, PROGRAMS["chords"]), pick(rng, comps[:2]))
        if rng.random() < 0.6:
            melody(piece, pick(rng, PROGRAMS["lead"]), _SUNG[meter.name] + _PLAYED[meter.name][:2], 67, rng)
    elif kind == "piano":
        track = comp(piece, pick(rng, PROGRAMS["chords"]), pick(rng, comps))
        for bar, chord in enumerate(piece.chords):
            piece.put(track, above(chord[0], 36), bar * piece.bar, piece.bar)
    elif kind == "guitar":
        arpeggio(piece, pick(rng, PROGRAMS["guitar"]), pick(rng, (0.5, 0.25, 0.5)))
    elif kind == "bass":
        bass_line(piece, rng)
    elif kind == "pad":
        comp(piece, pick(rng, PROGRAMS["pad"]), ((0.0, piece.bar),))
    elif kind == "hum":
        piece.vibrato_cents = float(pick(rng, (0, 15, 25, 40)))
        melody(piece, pick(rng, PROGRAMS["hum"]), _SUNG[meter.name], 57, rng)
    else:
        piece.vibrato_cents = float(pick(rng, (0, 0, 15, 25)))
        melody(piece, pick(rng, PROGRAMS["lead"]), _PLAYED[meter.name], 67, rng)
    if kind in ("hum", "lead") and rng.random() < 0.3:
        pick_up(piece, rng)
    return piece


_BESIDE = {  # places of a part that plays beside the beats, in quarters
    "4/4": (
        (0.5, 1.5, 2.5, 3.5), (1, 3), (0.5, 0.75, 1.5, 1.75, 2.5, 2.75, 3.5, 3.75), (1, 1.5, 3, 3.5),
        (0.5, 1.5, 2.75, 3.5), (0.75, 1.75, 2.75, 3.75), (1, 2.5, 3), (0.5, 2.5),
    ),
    "3/4": ((1, 2), (0.5, 1.5, 2.5), (1, 1.5, 2, 2.5)),
    "6/8": ((0.5, 1, 2, 2.5), (1, 2.5), (0.5, 2)),
}  # fmt: skip


def compose_beside(rng: np.random.Generator, origin: str) -> Piece:
    """A lone part that plays beside the beats, as a skank, an off-beat bass or a brushed snare: 2, 4 or 8 bars."""
    key, name = Key(int(rng.integers(12)), pick(rng, ("minor", "major"))), pick(rng, ("4/4",) * 4 + ("3/4", "6/8"))
    meter = METERS[name]
    bpm = float(rng.integers(50, 125)) if name == "6/8" else some_bpm(rng, 70, 170)
    bars = max((2, 4, 8), key=lambda n: -abs(np.log(n * meter.beats_per_bar * 60 / bpm / rng.uniform(5.0, 14.0))))
    piece = Piece("beside", origin, bpm, meter, bars, key, jitter_seconds=pick(rng, (0.0, 0.003, 0.008)))
    kind, row = pick(rng, ("bass", "bass", "chords", "guitar", "drum")), pick(rng, _PROGRESSIONS[key.mode])
    piece.chords = [triad(key, row[bar % 4] if rng.random() < 0.9 else 0) for bar in range(bars)]
    track = piece.track(pick(rng, PROGRAMS["guitar" if kind == "drum" else kind]), drums=kind == "drum")
    struck, length = pick(rng, ((37,), (38,), (42,), (46,))), pick(rng, (0.2, 0.4, 0.5))
    places = pick(rng, _BESIDE[name])
    for bar, chord in enumerate(piece.chords):
        pitches = (
            struck if kind == "drum" else (above(chord[0], 33),) if kind == "bass" else [above(c, 55) for c in chord]
        )
        for place in places:
            for pitch in pitches:
                piece.put(track, pitch, bar * piece.bar + place, length)
    return piece


def pick_up(piece: Piece, rng: np.random.Generator) -> None:
    """One or two notes of the last track before bar 1, leading to its first note."""
    track, first, *_ = next(note for note in piece.notes if note[0] == len(piece.tracks) - 1)
    piece.pick_up = pick(rng, (0.5, 1.0, 1.0, 1.5))
    steps = [p for p in range(first - 7, first) if p % 12 in piece.key.scale]
    lengths = (piece.pick_up,) if piece.pick_up < 1 or rng.random() < 0.5 else (piece.pick_up - 0.5, 0.5)
    start = -piece.pick_up
    for length, pitch in zip(lengths, steps[-len(lengths) :], strict=True):
        piece.put(track, pitch, start, length, 84)
        start += length


def comp(piece: Piece, program: int, pattern: tuple[tuple[float, float], ...], low: int = 55) -> int:
    track = piece.track(program)
    for bar, chord in enumerate(piece.chords):
        for start, length in pattern:
            if start < piece.bar:
                for pitch_class in chord:
                    at = bar * piece.bar + start
                    piece.put(track, above(pitch_class, low), at, min(length, piece.bar - start), 82)
    return track


def arpeggio(piece: Piece, program: int, step: float, low: int = 52) -> None:
    track = piece.track(program)
    for bar, chord in enumerate(piece.chords):
        up = [above(chord[0], low), above(chord[1], low), above(chord[2], low), above(chord[0], low) + 12]
        order = up + up[2:0:-1]
        for k in range(round(piece.bar / step)):
            at = k * step
            piece.put(track, order[k % len(order)], bar * piece.bar + at, step * 1.5, 92 if at % 1 == 0 else 76)


def bass_line(piece: Piece, rng: np.random.Generator, low: int = 33) -> None:
    track = piece.track(pick(rng, PROGRAMS["bass"]))
    pattern = pick(rng, _BASSES[piece.meter.name])
    for bar, chord in enumerate(piece.chords):
        for n, start in enumerate(pattern):
            draw = rng.random(2)
            pitch_class = chord[0] if n == 0 or draw[0] < 0.6 else chord[2] if draw[1] < 0.7 else chord[1]
            piece.put(track, above(pitch_class, low), bar * piece.bar + start, 0.45, 100)


def melody(piece: Piece, program: int, cells: tuple, low: int, rng: np.random.Generator) -> None:
    """Rhythm cells, chord notes on the strong beats, scale notes between, small steps, home at the end."""
    track, at_pitch = piece.track(program), above(piece.key.tonic, low)
    strong = {"4/4": (0.0, 2.0), "3/4": (0.0,), "6/8": (0.0, 1.5)}[piece.meter.name]
    for bar, chord in enumerate(piece.chords):
        start = 0.0
        for length in pick(rng, cells):
            pool = chord if start in strong else piece.key.scale
            choices = np.array([p for p in range(low - 5, low + 15) if p % 12 in pool])
            odds = np.exp(-0.5 * ((choices - at_pitch) / 3.0) ** 2)
            at_pitch = int(rng.choice(choices, p=odds / odds.sum()))
            if bar == piece.bars - 1 and start + length >= piece.bar - 1e-6:
                at_pitch = above(piece.key.tonic, low)
            piece.put(track, at_pitch, bar * piece.bar + start, min(length, piece.bar - start), 96)
            start += length


def drum_bar(piece: Piece, rng: np.random.Generator) -> None:
    """The same bar of drums throughout, with straight eighth hats; a waltz for three beats."""
    track = piece.track(pick(rng, PROGRAMS["kit"]), drums=True)
    hits = {
        "4/4": ((0, 36, 105), (2, 36, 100), (1, 38, 100), (3, 38, 100)),
        "3/4": ((0, 36, 105), (1, 38, 70), (2, 38, 70)),
        "6/8": ((0, 36, 100), (1.5, 38, 95)),
    }[piece.meter.name]
    for bar in range(piece.bars):
        for start, pitch, velocity in [*hits, *((k / 2, 42, 62) for k in range(int(2 * piece.bar)))]:
            piece.put(track, pitch, bar * piece.bar + start, 0.2, velocity)


def compose_timeless(rng: np.random.Generator, origin: str) -> Piece:
    """No tempo to find: one to forty notes or strokes at random moments, a held chord, or (no track) a drone."""
    piece = Piece("timeless", origin, 60.0, METERS["4/4"], int(rng.integers(1, 4)))
    draw = rng.random()
    if draw < 0.2:
        return piece
    if draw < 0.4:
        track, root = (
            piece.track(pick(rng, PROGRAMS[pick(rng, ("pad", "hum", "lead", "chords"))])),
            int(rng.integers(40, 70)),
        )
        piece.vibrato_cents = float(pick(rng, (0, 0, 25, 50)))
        for step in pick(rng, ((0,), (0,), (0, 7), (0, 4, 7), (0, 3, 7, 10))):
            piece.put(track, root + step, 0.0, 4.0 * piece.bars)
        return piece
    drums = bool(rng.random() < 0.3)
    family = "kit" if drums else pick(rng, ("lead", "chords", "guitar"))
    track = piece.track(pick(rng, PROGRAMS[family]), drums=drums)
    start = 0.0
    for _ in range(pick(rng, (1, 2, 4, 8, 16, 40))):
        pitch = pick(rng, (36, 38, 42, 45, 51)) if drums else int(rng.integers(48, 80))
        length = float(rng.uniform(0.1, 1.5))
        piece.put(track, pitch, start, length, float(rng.uniform(50, 110)))
        start += float(rng.exponential(0.4)) + 0.08
        if start > piece.bars * 4 - 0.1:
            break
    return piece


# ---------------------------------------------------------------------------------------------------------------- drums

_DRUM_STYLES = {  # BPM range; (start, pitch, velocity, chance) hits; hat step in quarters, 0 = none
    "rock": ((80, 165), "0:36 1:38 3:38 2:36:.8 2.5:36:.5 .5:36:.2 3.5:36:.3", 0.5),
    "ballad": ((60, 90), "0:36 1:38 3:38 2:36:.8 2.5:36:.5", 0.5),
    "half time": ((120, 160), "0:36 2:38 1.5:36:.6 2.75:36:.5", 0.5),
    "funk": (
        (85, 120),
        "0:36 1:38 3:38 .75:36:.3 1.5:36:.3 2.25:36:.3 2.5:36:.5 1.75:38:.4 2.25:38:.3 3.75:38:.3",
        0.25,
    ),
    "hip hop": ((70, 105), "0:36 1:38 3:38 .75:36:.4 1.75:36:.3 2.5:36:.6 3.5:36:.2 3.75:38:.2", 0.5),
    "break": ((90, 175), "0:36 1:38 3:38 .5:36:.3 2.5:36:.6 1.75:38:.5 2.25:38:.5 2.75:36:.4 3.75:38:.3", 0.5),
    "afro": ((90, 125), "0:36 1.5:36:.7 3:36:.6 1:37:.5 2.5:37:.6 .75:63 1.5:62 2.25:63 3.25:62", 0.25),
    "house": ((115, 132), "0:36 1:36 2:36 3:36 1:39:.9 3:39:.9 .5:46 1.5:46 2.5:46 3.5:46", 0.25),
    "techno": ((122, 145), "0:36 1:36 2:36 3:36 .5:42 1.5:42 2.5:42 3.5:42 3:39:.5", 0.25),
    "jazz": (
        (90, 180),
        "0:51 1:51 1.667:51 2:51 3:51 3.667:51 1:44 3:44 .667:38:.3 2.667:36:.3 3.667:38:.3 0:36:.5",
        0.0,
    ),
    "latin": (
        (85, 130),
        "0:36:.9 1.5:36:.9 2:36:.9 3.5:36:.9 0:37 1.5:37 3:37 .5:62:.6 1:63:.6 2.5:62:.6 3.5:64:.6",
        0.25,
    ),
    "percussion": ((80, 140), "0:64 .5:62:.6 .75:63:.5 1:62:.6 1.5:64:.6 2:63:.7 2.5:62:.6 3:61:.6 3.5:60:.6", 0.25),
    "hats": ((90, 180), ".5:46:.6 1.5:46:.6 2.5:46:.6 3.5:46:.6", 0.25),
    "kick": ((90, 180), "0:36 1:36 2:36 3:36 .75:36:.25 1.5:36:.25 2.5:36:.25 3.75:36:.25", 0.0),
    "waltz": ((80, 180), "0:36 1:38:.9 2:38:.9 1.5:38:.2 2.5:36:.3", 0.5),
    "six eight": ((50, 120), "0:36 1.5:38 1:36:.3 2.5:36:.4 2.5:38:.2", 0.5),
}
_DRUM_METERS = {"waltz": "3/4", "six eight": "6/8"}


def compose_drums(number: int, rng: np.random.Generator, origin: str) -> Piece:
    """One to sixteen bars of a drum style, chosen once and repeated, with a fill in every fourth bar at times."""
    style = tuple(_DRUM_STYLES)[number % len(_DRUM_STYLES)]
    (low, high), hits_text, hat_step = _DRUM_STYLES[style]
    bpm = some_bpm(rng, low, high)
    bars = pick(rng, (1, 2, 4, 4, 8, 8))
    meter = METERS[_DRUM_METERS.get(style, "4/4")]
    bar_seconds = meter.beats_per_bar * 60 / bpm
    while bars * bar_seconds < 1.5:
        bars *= 2
    while bars * bar_seconds > 24:
        bars //= 2
    piece = Piece("drums", origin, bpm, meter, bars)
    piece.jitter_seconds = (0.001, 0.004, 0.008, 0.013)[int(rng.integers(4))]
    swing = (0.5, 0.5, 0.56, 0.6)[int(rng.integers(4))] if style in ("funk", "hip hop", "afro", "break") else 0.5
    track, hat = piece.track(pick(rng, PROGRAMS["kit"]), drums=True), pick(rng, (42, 42, 46, 51, 69, 70))
    pattern = []
    for text in hits_text.split():
        start, pitch, *chance = text.split(":")
        if rng.random() < float(chance[0] if chance else 1.0):
            pattern.append((float(start), int(pitch), 90.0 + 20 * (not chance)))
    if hat_step:
        step = hat_step if rng.random() < 0.7 else 0.5
        pattern += [(k, hat, 78 if k % 1 == 0 else 58) for k in np.arange(0, piece.bar, step)]
    for bar in range(bars):
        hits = list(pattern)
        if bar % 4 == 3 and rng.random() < 0.6:
            fill = np.arange(piece.bar - pick(rng, (1, 2)), piece.bar, 0.25)
            hits = [h for h in hits if h[0] < fill[0]] + [(a, pick(rng, (38, 45, 47, 50)), 90) for a in fill]
        for start, pitch, velocity in hits:
            late = 0.5 * swing - 0.25 if abs(start % 0.5 - 0.25) < 0.01 else 0.0
            piece.put(track, pitch, bar * piece.bar + float(start) + late, 0.15, velocity)
    return piece
