"""What a genre means to each role, and what a mood or a word of style changes.

A genre names styles of :mod:`cells` and :mod:`kits`; several are a choice. ``colour`` is how far chords are stacked:
0 triads, 1 sevenths now and then, 2 sevenths and ninths. ``swing`` is the share of an eighth pair (or, for genres whose
pulse is the sixteenth, of a sixteenth pair) that the first note takes. ``native`` is the tempo range the cells are felt
in. The rows are in ``genres.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..music.tables import comma_words, read_table


@dataclass(frozen=True)
class Genre:
    """Pattern families of one genre; see the module's head for the fields."""

    name: str
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    guitar: tuple[str, ...]
    pad: tuple[str, ...]
    lead: tuple[str, ...]
    gate: tuple[str, ...]
    drums: str
    colour: int
    swing: float
    swing_unit: int  # sixteenths in the swung pair's unit: 2 for eighths, 1 for sixteenths
    native: tuple[float, float]
    progressions: str
    words: tuple[str, ...] = ()


def _says(text: str, word: str) -> bool:
    """Whether a text, in small letters, holds a word of ours as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


PLAIN = "pop"  # where neither the musician nor the idea tells a genre
LEAST_GUESS = 0.35


def _genre(row: tuple[str, ...]) -> Genre:
    name, *styles, drums, colour, swing, native, progressions, words = row
    bass, chords, guitar, pad, lead, gate = (tuple(cell.split()) for cell in styles)
    share, unit = swing.split("/")
    slow, fast = map(float, native.split("-"))
    feel = (drums, int(colour), float(share), int(unit), (slow, fast), progressions)
    return Genre(name, bass, chords, guitar, pad, lead, gate, *feel, comma_words(words))


_TABLE = read_table(__package__, "genres.txt")
GENRES = {row[0]: _genre(row) for row in _TABLE["genres"]}
FAMILIES = {row[0]: row for row in _TABLE["families"]}  # a broad genre: itself and those it may be
_BY_WORD = {word: g for g in GENRES.values() for word in (*g.words, g.name)}


def find_genre(text: str | None) -> Genre | None:
    """The genre a text names: the longest known word inside it; None when it names none we know."""
    if not text:
        return None
    # Discogs writes "Electronic---House": the part behind the dashes is the style.
    parts = [part.strip() for part in re.split(r"-{2,}|/|,", text.lower()) if part.strip()]
    for part in (re.sub(r"[_\s]+", " ", p) for p in reversed(parts)):
        if part in _BY_WORD:
            return _BY_WORD[part]
        inside = [w for w in _BY_WORD if _says(part, w)]
        if inside:
            return _BY_WORD[max(inside, key=len)]
    return None


def guess_genre(
    bpm: float, low_accents: np.ndarray, density: float, swing: float, among: Collection[str] | None = None
) -> Genre | None:
    """The genre (of ``among``, or any) that tempo, kicks (mean low accents by step), onsets a beat and swing speak for.

    None when nothing fits better than by its tempo alone: then nothing was told.
    """
    moved = low_accents - low_accents.mean() if low_accents.size == 16 else np.zeros(16)
    best, chosen = LEAST_GUESS, None
    for name, tempo, kicks, onsets, least in _TABLE["guesses"]:
        (slow, fast), (few, many) = (tuple(map(float, c.split("-"))) for c in (tempo, onsets))
        if not slow <= bpm <= fast or swing < float(least) or (among is not None and name not in among):
            continue
        pattern = np.array([float(c == "X") for c in kicks]) if len(kicks) == 16 else np.zeros(16)
        pattern -= pattern.mean()
        norm = float(np.linalg.norm(pattern) * np.linalg.norm(moved))
        score = round(float(pattern @ moved) / norm, 3) if norm else 0.25 * (len(kicks) == 1)
        score += 0.3 * (density > 0 and few <= density <= many) + 0.1 * (float(least) > 0.5)
        if score > best:
            best, chosen = score, GENRES[name]
    return chosen


# ---------------------------------------------------------------------------------------------------------------- moods


@dataclass(frozen=True)
class Mood:
    """How a mood plays: changes to density and syncopation (-1..1), register in semitones, note lengths (factor),
    velocity (added), chord colour (added) and ``bright`` -1 dark .. 1 bright, which picks progressions and contours."""

    density: float = 0.0
    register: int = 0
    legato: float = 1.0
    velocity: int = 0
    colour: int = 0
    syncopation: float = 0.0
    bright: float = 0.0

    def scaled(self, strength: float) -> Mood:
        """The same mood, as strongly as ``strength`` 0..1 says."""
        return self._with(lambda name, value: value**strength if name == "legato" else value * strength)

    def _with(self, change: Callable[[str, float], float]) -> Mood:
        """Every field changed; those that count whole things stay whole."""
        out: dict[str, Any] = {f.name: change(f.name, getattr(self, f.name)) for f in fields(self)}
        return Mood(**{name: round(v) if isinstance(getattr(self, name), int) else v for name, v in out.items()})


NEUTRAL = Mood()
MOODS = {
    row[0]: Mood(*(type(f.default)(cell) for f, cell in zip(fields(Mood), row[1:-1], strict=True)))  # type: ignore
    for row in _TABLE["moods"]
}
_MOOD_WORDS = {word: row[0] for row in _TABLE["moods"] for word in (row[0], *comma_words(row[-1]))}


def find_mood(text: str | None) -> tuple[str, Mood]:
    """The mood a text names, as ``(name, mood)``: the mean of several words, ``("neutral", NEUTRAL)`` of none known."""
    names = []
    for word in sorted(_MOOD_WORDS, key=len, reverse=True):
        if text and _says(text.lower(), word) and _MOOD_WORDS[word] not in names:
            names.append(_MOOD_WORDS[word])
    if not names:
        return "neutral", NEUTRAL
    moods = [MOODS[name] for name in names]
    return " and ".join(names), moods[0]._with(lambda field, _: sum(getattr(m, field) for m in moods) / len(moods))


# ------------------------------------------------------------------------------------------------------- words of style

# What a word in the style text asks of the roles, before the genre is asked: field -> styles.
STYLE_WORDS = {
    word: {field: tuple(styles) for field, *styles in map(str.split, asked)}
    for words, *asked in _TABLE["style words"]
    for word in comma_words(words)
}
# Changes to density and syncopation, a factor of the notes' lengths.
MANNER_WORDS = {word: tuple(map(float, changes)) for word, *changes in _TABLE["manner words"]}


def shaped_by(style: str, genre: Genre, mood: Mood) -> tuple[Genre, Mood]:
    """The genre's styles and the mood's manner as the words of a style text change them."""
    text = style.lower()
    for word, wanted in STYLE_WORDS.items():
        if _says(text, word):
            asked: dict[str, Any] = dict(wanted)
            genre = replace(genre, **asked)
    for word, (density, syncopation, legato) in MANNER_WORDS.items():
        if _says(text, word):
            mood = replace(
                mood,
                density=mood.density + density,
                syncopation=mood.syncopation + syncopation,
                legato=mood.legato * legato,
            )
    return genre, mood
