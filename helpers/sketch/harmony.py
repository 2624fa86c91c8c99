"""The chords a part is written over: the idea's, the musician's, or a progression the key and genre suggest.

Chords the musician wrote are played to the note, and the scale bends to them: over an E major in A minor G# takes G's
place. Chords we heard may be misheard, so there a part stays on the requested scale: a chord that leaves it keeps the
tones that lie on it (E and B), unless so few chords do that the odd leading tone is worth hearing (FOREIGN_SHARE).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..music.harmony import degree_chord
from ..music.pitch import ALL_KEYS, ChordSymbol, Key, parse_chord
from ..music.tables import read_table

FOREIGN_SHARE = 0.03  # of all chord tones: half a bar of E in eight bars of A minor passes, a wrong key does not

# (flavour, major or minor) -> progressions; those of the modes are of no flavour.
PROGRESSIONS = {
    (flavour, mode): tuple(texts) for flavour, mode, *texts in read_table(__package__, "genres.txt")["progressions"]
}


@dataclass(frozen=True)
class Harmony:
    """A chord as written, its usable tones (root first when it is usable) and its colours.

    ``tones`` and ``colours`` are pitch classes; colours (seventh, ninth) lie on the scale and rub against none;
    ``foreign`` are tones that the key's own scale lacks.
    """

    label: str
    root: int
    tones: tuple[int, ...]
    colours: tuple[int, ...]
    scale: tuple[int, ...]
    foreign: tuple[int, ...] = ()
    slash: int | None = None

    @property
    def bass(self) -> int:
        """The pitch class a bass plays on this chord."""
        wanted = self.root if self.slash is None else self.slash
        return wanted if wanted in self.tones else self.tones[0]

    @property
    def fifth(self) -> int:
        """The fifth above the bass when it is usable, else another tone of the chord."""
        return self._above((7, 6, 8, 5), self.bass)

    @property
    def third(self) -> int:
        """The third (or what is suspended for it) when usable, else the fifth."""
        return self._above((3, 4, 5, 2), self.fifth)

    def _above(self, intervals: tuple[int, ...], otherwise: int) -> int:
        usable = ((self.bass + interval) % 12 for interval in intervals)
        return next((tone for tone in usable if tone in self.tones), otherwise)


def suggest_progression(
    key: Key, bars: int, flavour: str, colour: int, bright: float, rng: np.random.Generator
) -> tuple[tuple[str, ...], ...]:
    """Bars of chord labels for a key: a progression of the genre's ``flavour``, sevenths where it colours chords.

    ``bright`` in -1..1 leans the choice towards progressions with more (or fewer) major chords.
    """
    choices = PROGRESSIONS.get((flavour, key.mode)) or PROGRESSIONS["any", key.mode]
    majors = np.array([_major_share(key, text) for text in choices])
    weights = np.exp(3.0 * bright * (majors - majors.mean()))
    words = choices[rng.choice(len(choices), p=weights / weights.sum())].split()
    degrees = [words[bar % len(words)].split("+") for bar in range(bars)]
    return tuple(tuple(degree_chord(key, int(d), colour >= 2).label(key) for d in bar) for bar in degrees)


def _major_share(key: Key, text: str) -> float:
    degrees = [int(d) for word in text.split() for d in word.split("+")]
    return float(np.mean([not degree_chord(key, d).is_minor for d in degrees]))


def key_of_chords(labels: tuple[str, ...]) -> Key | None:
    """The key whose scale holds most tones of the chords, the first chord's key among equals; None without chords."""
    chords = [c for c in (parse_chord(label) for label in labels) if c is not None]
    if not chords:
        return None
    first = Key(chords[0].root, "minor" if chords[0].is_minor else "major")

    def fit(key: Key) -> tuple[float, bool, bool]:
        inside = sum(t in key.scale for c in chords for t in c.pitch_classes)
        return (inside, key == first, key.tonic == chords[0].root)

    return max(ALL_KEYS, key=fit)


def read_harmony(
    labels: tuple[str, ...], key: Key, *, heard: bool, lengths: tuple[float, ...] = ()
) -> tuple[Harmony, ...]:
    """Chord labels as what may be played over them; ``N`` takes the chord before it, or the tonic.

    ``heard`` chords are our estimate and bow to the scale (see the module's head), counted by their ``lengths``; others
    are played as written.
    """
    tonic = degree_chord(key, 1)
    symbols: list[ChordSymbol] = []
    last = next((c for c in map(parse_chord, labels) if c is not None), tonic)
    for label in labels:
        last = parse_chord(label) or last
        symbols.append(last)
    tones = [(t, n) for s, n in zip(symbols, lengths or (1,) * len(symbols), strict=True) for t in s.pitch_classes]
    foreign = sum(n for t, n in tones if t not in key.scale)
    strict = heard and foreign > FOREIGN_SHARE * sum(n for _, n in tones)
    return tuple(_harmony(symbol, key, strict) for symbol in symbols)


def _harmony(symbol: ChordSymbol, key: Key, strict: bool) -> Harmony:
    tones = symbol.pitch_classes
    if strict:
        kept = tuple(t for t in tones if t in key.scale)
        # A chord with nothing on the scale is the idea's own wish: play it as it is.
        tones = kept or tones
    scale = tuple(p for p in sorted({*key.scale, *tones}) if p in tones or not _clashes(p, tones, key))
    seventh, ninth = _colour(symbol.root, (10, 11), key, tones), _colour(symbol.root, (2,), key, tones)
    colours = tuple(c for c in (seventh, ninth) if c is not None and c not in tones)
    foreign = tuple(t for t in tones if t not in key.scale)
    slash = symbol.slash if symbol.slash in tones else None
    return Harmony(symbol.label(key), symbol.root, tones, colours, scale, foreign, slash)


def _clashes(pitch: int, tones: tuple[int, ...], key: Key) -> bool:
    """A scale tone that is the altered neighbour of a foreign chord tone (G beside the G# of an E chord)."""
    return any(t not in key.scale and (pitch - t) % 12 in (1, 11) for t in tones)


def _colour(root: int, intervals: tuple[int, ...], key: Key, tones: tuple[int, ...]) -> int | None:
    for interval in intervals:
        pitch = (root + interval) % 12
        rubs = any((pitch - t) % 12 == 1 for t in tones if t != root) or (interval == 2 and (pitch + 1) % 12 in tones)
        if pitch in key.scale and not rubs:
            return pitch
    return None
