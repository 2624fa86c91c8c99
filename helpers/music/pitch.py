"""Notes, keys, scales and chords. Pure: integers and text, no audio.

Conventions: pitch class 0 is C; MIDI note 60 is C4 (middle C). Keys are major or minor (the natural one) or a mode.
Chord labels are those of a lead sheet: ``C``, ``Am``, ``G7``, ``Fmaj7``, ``Dm9``, ``Asus4``, ``D/F#``; ``N`` is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import InvalidInput
from .tables import read_table

SHARP_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLAT_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
# How musicians write the 24 keys: the spelling with fewer accidentals (F# major and Eb minor by custom).
MAJOR_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_SHARP_SIDE = {("major", pc) for pc in (0, 7, 2, 9, 4, 11, 6)} | {("minor", pc) for pc in (9, 4, 11, 6, 1, 8)}

_TABLE = read_table(__package__, "chords.txt")
SCALES = {name: tuple(map(int, steps.split())) for name, steps, _ in _TABLE["scales"]}
MODES = ("major", "minor")  # what is heard; the others are only asked for
_MODE_WORDS = {"": "major"} | {
    word: name for name, _, words in _TABLE["scales"] for word in (name, *filter(None, words.split(", ")))
}

# Every quality with its intervals from the root; from the ninth on above the octave, as they are voiced.
_QUALITIES = _TABLE["chords"]
CHORD_INTERVALS = {"" if row[0] == "major" else row[0]: tuple(map(int, row[1].split())) for row in _QUALITIES}
_QUALITY_WORDS = {
    word: quality for quality, row in zip(CHORD_INTERVALS, _QUALITIES, strict=True) for word in row[2].split()
}
NO_CHORD = "N"
REPEAT = "%"


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
    """A tonic (pitch class 0..11) and a mode out of SCALES."""

    tonic: int
    mode: str

    @property
    def tonic_name(self) -> str:
        if self.mode in MODES:
            return (MAJOR_TONICS if self.mode == "major" else MINOR_TONICS)[self.tonic]
        return (FLAT_NAMES if self.prefers_flats else SHARP_NAMES)[self.tonic]

    @property
    def name(self) -> str:
        return f"{self.tonic_name} {self.mode}"

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes, from the tonic up."""
        return tuple((self.tonic + i) % 12 for i in SCALES[self.mode])

    @property
    def plain(self) -> Key:
        """Major or minor on the same tonic, by the third."""
        return Key(self.tonic, "minor" if 3 in SCALES[self.mode] else "major")

    @property
    def signature(self) -> Key:
        """The major or minor key that is written with the same accidentals: C major for D dorian."""
        if self.mode in MODES or self.mode.endswith("minor"):
            return self.plain
        return next(k for k in ALL_KEYS if k.mode == "major" and set(k.scale) == set(self.scale))

    @property
    def relative(self) -> Key:
        minor = self.plain.mode == "minor"
        return Key((self.tonic + 3) % 12, "major") if minor else Key((self.tonic + 9) % 12, "minor")

    @property
    def prefers_flats(self) -> bool:
        return (self.signature.mode, self.signature.tonic) not in _SHARP_SIDE

    def transposed(self, semitones: int) -> Key:
        return Key((self.tonic + semitones) % 12, self.mode)


ALL_KEYS = tuple(Key(tonic, mode) for mode in MODES for tonic in range(12))


def parse_key(text: str | Key) -> Key:
    """Read a key as musicians write it; raises InvalidInput.

    ``A minor``, ``Am``, ``F# maj``, ``Gb`` (major when no mode is given), ``D dorian``; German with its own letters:
    ``a-Moll``, ``Es-Dur``, ``h-Moll`` (B minor), ``B-Dur`` (B flat major); Camelot: ``8A`` is A minor, ``8B`` C major.
    """
    if isinstance(text, Key):
        return text
    words = re.sub(r"[\s_-]+", " ", str(text)).strip()
    if camelot := re.fullmatch(r"(1[0-2]|[1-9])([ABab])", words):
        fifths = int(camelot.group(1)) - 8
        minor = camelot.group(2).upper() == "A"
        return Key((7 * fifths + (9 if minor else 0)) % 12, "minor" if minor else "major")
    if german := re.fullmatch(r"([a-h])(is|es|s)? ?(dur|moll)", words.lower()):
        letter, bent, mode = german.groups()
        natural = {"h": 11, "b": 10}[letter] if letter in "hb" else pitch_class(letter)
        return Key((natural + {"is": 1, "es": -1, "s": -1, None: 0}[bent]) % 12, _MODE_WORDS[mode])
    match = re.fullmatch(r"([A-Ga-g][#b♯♭]{0,2}) ?(\D*)", words)
    mode = "major" if match and match.group(2) == "M" else _MODE_WORDS.get(match.group(2).lower()) if match else None
    if not match or mode is None:
        raise InvalidInput(
            f"{text!r} is not a key; write a tonic and a mode, such as 'A minor', 'Eb major', 'D dorian' or '8A'."
        )
    return Key(pitch_class(match.group(1)), mode)


@dataclass(frozen=True)
class ChordSymbol:
    """A chord as written: root pitch class, a quality out of CHORD_INTERVALS and the bass of a slash chord, if any."""

    root: int
    quality: str
    slash: int | None = None

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """The tones from the root up; a bass that is none of them comes last."""
        tones = tuple(dict.fromkeys((self.root + i) % 12 for i in CHORD_INTERVALS[self.quality]))
        return tones if self.slash is None or self.slash in tones else (*tones, self.slash)

    @property
    def bass(self) -> int:
        return self.root if self.slash is None else self.slash

    @property
    def is_minor(self) -> bool:
        return 3 in CHORD_INTERVALS[self.quality]

    def label(self, key: Key | None = None) -> str:
        names = FLAT_NAMES if key is not None and key.prefers_flats else SHARP_NAMES
        return names[self.root] + self.quality + ("" if self.slash is None else f"/{names[self.slash]}")

    def transposed(self, semitones: int) -> ChordSymbol:
        slash = None if self.slash is None else (self.slash + semitones) % 12
        return ChordSymbol((self.root + semitones) % 12, self.quality, slash)


def parse_chord(label: str) -> ChordSymbol | None:
    """Read a chord label; ``N`` (or ``N.C.``, ``-``) gives None; anything else unreadable raises InvalidInput."""
    text = str(label).strip().replace("♯", "#").replace("♭", "b")
    if text in (NO_CHORD, "N.C.", "NC", "-", ""):
        return None
    match = re.fullmatch(r"([A-G][#b]?)(.*?)(?:/([A-G][#b]?))?", text)
    if match:
        quality = re.sub(r"[()\s,]|/(?=9)", "", match.group(2))  # m(maj7), 7(b9), 6/9
        quality = _QUALITY_WORDS.get(quality, quality)
        if quality in CHORD_INTERVALS:
            root, slash = pitch_class(match.group(1)), match.group(3)
            bass = pitch_class(slash) if slash else root
            return ChordSymbol(root, quality, None if bass == root else bass)
    raise InvalidInput(
        f"{label!r} is not a chord we know; write one such as Am, F9, Csus4, Bbmaj7, Bm7b5 or D/F#, or N for none."
    )


def parse_progression(text: str) -> tuple[tuple[str, ...], ...]:
    """Read ``| Am | F | C G | % |`` into bars of chord labels, one to four a bar; raises InvalidInput.

    ``%`` repeats: alone the bar before, beside others the chord before.
    """
    bars = [bar.split() for bar in str(text).strip().strip("|").split("|")]
    if not any(bars):
        raise InvalidInput("The chord list is empty; write bars such as '| Am | F | C G | Em |'.")
    out: list[tuple[str, ...]] = []
    for number, bar in enumerate(bars, 1):
        if not 1 <= len(bar) <= 4:
            raise InvalidInput(f"Bar {number} of the chord list holds {len(bar)} chords; write one to four a bar.")
        if bar[0] == REPEAT and not out:
            raise InvalidInput("The chord list begins with %, which repeats; write the chord that it repeats first.")
        if bar == [REPEAT]:
            out.append(out[-1])
            continue
        labels: list[str] = []
        for label in bar:
            before = labels[-1] if labels else out[-1][-1] if out else ""
            # Roots may be typed in small letters; "add9" and the like begin with no root.
            rooted = re.sub(r"(^|/)[a-g](?!dd|ug|im)", lambda root: root[0].upper(), label)
            labels.append(before if label == REPEAT else rooted)
            parse_chord(labels[-1])
        out.append(tuple(labels))
    return tuple(out)


def write_progression(bars: tuple[tuple[str, ...], ...]) -> str:
    """The inverse of :func:`parse_progression`; equal halves of a bar are written once."""
    shown = [bar[:1] if len(set(bar)) == 1 else bar for bar in bars]
    return "| " + " | ".join(" ".join(bar) for bar in shown) + " |"
