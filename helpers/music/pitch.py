"""Notes, keys, scales and chords. Pure: integers and text, no audio.

Conventions: pitch class 0 is C; MIDI note 60 is C4 (middle C). Keys are major or minor; the minor scale is natural.
Chord labels are those of a lead sheet: ``C``, ``Am``, ``G7``, ``Fmaj7``, ``Dm7``, ``Asus4``, ``Bdim``; ``N`` is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import InvalidInput

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
# How musicians write the 24 keys: the spelling with fewer accidentals (F# major and Eb minor by custom).
MAJOR_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_SHARP_SIDE = {("major", pc) for pc in (0, 7, 2, 9, 4, 11, 6)} | {("minor", pc) for pc in (9, 4, 11, 6, 1, 8)}

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
MODES = tuple(SCALES)

CHORD_INTERVALS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "dim": (0, 3, 6),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "5": (0, 7),
}
NO_CHORD = "N"
_QUALITY_WORDS = {
    "maj": "",
    "M": "",
    "min": "m",
    "-": "m",
    "M7": "maj7",
    "min7": "m7",
    "-7": "m7",
    "sus": "sus4",
    "o": "dim",
    "+": "aug",
}


def pitch_class(name: str) -> int:
    """Pitch class 0..11 of a note name such as ``F#``, ``Bb``, ``c``; raises InvalidInput."""
    match = re.fullmatch(r"\s*([A-Ga-g])\s*([#b♯♭]{0,2})\s*", str(name))
    if not match:
        raise InvalidInput(f"{name!r} is not a note name; write one such as C, F# or Bb.")
    letter, accidentals = match.groups()
    value = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter.upper()]
    return (value + sum(1 if a in "#♯" else -1 for a in accidentals)) % 12


def midi_name(note: int, *, flats: bool = False) -> str:
    """``60 -> 'C4'``."""
    return f"{(FLAT_NAMES if flats else SHARP_NAMES)[note % 12]}{note // 12 - 1}"


def midi_hz(note: float) -> float:
    """Frequency in Hz of a MIDI note at A4 = 440 Hz."""
    return 440.0 * 2.0 ** ((note - 69) / 12)


@dataclass(frozen=True)
class Key:
    """A tonic (pitch class 0..11) and a mode (``major`` or ``minor``)."""

    tonic: int
    mode: str

    @property
    def tonic_name(self) -> str:
        return (MAJOR_TONICS if self.mode == "major" else MINOR_TONICS)[self.tonic]

    @property
    def name(self) -> str:
        return f"{self.tonic_name} {self.mode}"

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes, from the tonic up."""
        return tuple((self.tonic + i) % 12 for i in SCALES[self.mode])

    @property
    def relative(self) -> Key:
        return Key((self.tonic + 9) % 12, "minor") if self.mode == "major" else Key((self.tonic + 3) % 12, "major")

    @property
    def parallel(self) -> Key:
        return Key(self.tonic, "minor" if self.mode == "major" else "major")

    @property
    def prefers_flats(self) -> bool:
        return (self.mode, self.tonic) not in _SHARP_SIDE

    def transposed(self, semitones: int) -> Key:
        return Key((self.tonic + semitones) % 12, self.mode)


ALL_KEYS = tuple(Key(tonic, mode) for mode in MODES for tonic in range(12))


def parse_key(text: str | Key) -> Key:
    """Read ``A minor``, ``Am``, ``a min``, ``F# major``, ``Gb`` (major when no mode is given); raises InvalidInput."""
    if isinstance(text, Key):
        return text
    match = re.fullmatch(r"\s*([A-Ga-g][#b♯♭]{0,2})[\s_-]*(major|minor|maj|min|m|M)?\s*", str(text))
    if not match:
        lowered = re.fullmatch(r"\s*([a-g][#b♯♭]{0,2})[\s_-]*(major|minor|maj|min)\s*", str(text).strip().lower())
        if not lowered:
            raise InvalidInput(f"{text!r} is not a key; write a tonic and a mode, such as 'A minor' or 'Eb major'.")
        match = lowered
    tonic, mode = match.groups()
    return Key(pitch_class(tonic), "minor" if mode in ("m", "min", "minor") else "major")


def mirex_score(estimated: Key, reference: Key) -> float:
    """MIREX key weights: same 1, perfect fifth 0.5, relative 0.3, parallel 0.2, else 0.

    A fifth counts in both directions (MIREX since 2017), with the same mode.
    """
    if estimated == reference:
        return 1.0
    if estimated.mode == reference.mode and (estimated.tonic - reference.tonic) % 12 in (5, 7):
        return 0.5
    if estimated == reference.relative:
        return 0.3
    if estimated == reference.parallel:
        return 0.2
    return 0.0


@dataclass(frozen=True)
class ChordSymbol:
    """A chord as written: root pitch class and a quality out of CHORD_INTERVALS."""

    root: int
    quality: str

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        return tuple((self.root + i) % 12 for i in CHORD_INTERVALS[self.quality])

    @property
    def is_minor(self) -> bool:
        return self.quality in ("m", "m7", "dim", "m7b5")

    def label(self, key: Key | None = None) -> str:
        names = FLAT_NAMES if key is not None and key.prefers_flats else SHARP_NAMES
        return names[self.root] + self.quality

    def transposed(self, semitones: int) -> ChordSymbol:
        return ChordSymbol((self.root + semitones) % 12, self.quality)


def parse_chord(label: str) -> ChordSymbol | None:
    """Read a chord label; ``N`` (or ``N.C.``, ``-``) gives None; anything else unreadable raises InvalidInput."""
    text = str(label).strip()
    if text in (NO_CHORD, "N.C.", "NC", "-", ""):
        return None
    match = re.fullmatch(r"([A-G][#b♯♭]?)([^/]*)(/[A-G][#b♯♭]?)?", text)
    if match:
        quality = match.group(2).strip()
        quality = _QUALITY_WORDS.get(quality, quality)
        if quality in CHORD_INTERVALS:
            return ChordSymbol(pitch_class(match.group(1)), quality)
    raise InvalidInput(
        f"{label!r} is not a chord we know; write a root and one of "
        f"{', '.join(q or '(nothing)' for q in CHORD_INTERVALS)}, such as Am, F, G7, or N for none."
    )


def parse_progression(text: str) -> tuple[tuple[str, ...], ...]:
    """Read ``| Am | F | C G |`` into bars of chord labels, one to four a bar; raises InvalidInput."""
    bars = [bar.split() for bar in str(text).strip().strip("|").split("|")]
    if not any(bars):
        raise InvalidInput("The chord list is empty; write bars such as '| Am | F | C G | Em |'.")
    for number, bar in enumerate(bars, 1):
        if not 1 <= len(bar) <= 4 or len(bar) == 3:
            raise InvalidInput(f"Bar {number} of the chord list holds {len(bar)} chords; write one, two or four a bar.")
        for label in bar:
            parse_chord(label)
    return tuple(tuple(bar) for bar in bars)


def write_progression(bars: tuple[tuple[str, ...], ...]) -> str:
    """The inverse of :func:`parse_progression`; equal halves of a bar are written once."""
    shown = [bar[:1] if len(set(bar)) == 1 else bar for bar in bars]
    return "| " + " | ".join(" ".join(bar) for bar in shown) + " |"
