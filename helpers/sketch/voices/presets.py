"""Sounds by everyday names: what each family of instruments has, and which genre and mood likes which.

A family is a patch; a word turns some of its knobs, the same way on every family; a number, drawn by the seed, moves
every knob a little. ``warm 7`` is therefore one sound, the same whatever the notes are.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InvalidInput
from ...music.tables import read_table, read_toml
from .patch import Patch

HIGHEST_NUMBER = 99
SAMPLED = "sampled"  # the family of all that a bank plays; only the knobs of the mix turn there

FAMILIES = {
    name: Patch(**values | {"voicing_db": tuple(values.get("voicing_db", ()))})
    for name, values in read_toml(__package__, "families.toml").items()
}
_TABLE = read_table(__package__, "sounds.txt")
# Instrument (music.instruments) -> family; every other instrument is played by the sampled bank.
VOICES = {name.strip(): family for family, names in _TABLE["voices"] for name in names.split(",")}


@dataclass(frozen=True)
class Word:
    """How far a word turns the knobs: octaves of brightness, factors of decay, attack, width and space, dB of drive,
    dB of tilt an octave, what it adds to the filter's envelope in octaves; ``liked_by`` genres and moods."""

    liked_by: tuple[str, ...] = ()
    bright: float = 0.0
    decay: float = 1.0
    attack: float = 1.0
    width: float = 1.0
    space: float = 1.0
    drive_db: float = 0.0
    tilt_db: float = 0.0
    sweep: float = 0.0


WORDS = {
    name: Word(tuple(word.strip() for word in liked_by.split(",")), *map(float, turns))
    for name, *turns, liked_by in _TABLE["words"]
}
LIKED = 3.0  # how much likelier a genre or a mood makes a word it likes


@dataclass(frozen=True)
class Sound:
    """A chosen sound: ``family``, the ``word`` and ``number`` that name it within the family, its ``patch``, and how
    many dB it gives way to the idea in each octave from C1 (``room_db``)."""

    family: str
    word: str
    number: int
    patch: Patch
    room_db: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """What ``--sound`` takes to get this very sound again."""
        return f"{self.word} {self.number}"

    @property
    def is_sampled(self) -> bool:
        """Whether a bank plays it."""
        return self.family == SAMPLED

    def to_json(self) -> dict[str, Any]:
        room = {"room_db": list(self.room_db)} if self.room_db else {}
        return {"family": self.family, "preset": self.name, "values": self.patch.values(), **room}


def read_sound(text: str) -> tuple[str | None, int | None]:
    """``warm``, ``warm 7``, ``7`` or nothing -> the word and the number asked for.

    Raises InvalidInput if the word is not one of WORDS or the number is outside 0..99.
    """
    match = re.fullmatch(r"\s*([a-z]*)\s*(\d*)\s*", text.lower())
    word, number = match.groups() if match else (text, "")
    if (word and word not in WORDS) or (number and int(number) > HIGHEST_NUMBER):
        raise InvalidInput(
            f"The sound {text!r} is not known; use one of {', '.join(WORDS)}, alone or with a number from 0 to "
            f"{HIGHEST_NUMBER}, such as “warm 7”."
        )
    return word or None, int(number) if number else None


def choose_sound(family: str, asked: str, genre: str, mood: str, stream: bytes) -> Sound:
    """The sound that is asked for; what is left open, genre and mood weigh and the stream draws."""
    word, number = read_sound(asked)
    rng = _rng(stream + b"sound")
    draw, drawn_number = rng.random(), int(rng.integers(HIGHEST_NUMBER + 1))
    if word is None:
        likes = (genre, *mood.split(" and "))
        weights = np.array([1.0 + LIKED * sum(w in liked.liked_by for w in likes) for liked in WORDS.values()])
        at = int(np.searchsorted(np.cumsum(weights) / weights.sum(), draw))
        word = list(WORDS)[min(at, len(WORDS) - 1)]
    number = drawn_number if number is None else number
    return Sound(family, word, number, turned(FAMILIES[family], WORDS[word], number))


def turned(patch: Patch, word: Word, number: int) -> Patch:
    """The patch with a word's turns and a number's small ones (number 0: none)."""
    rng = _rng(f"number {number}".encode())
    a, b, c, d, e, f = (2 * rng.random() - 1 for _ in range(6)) if number else (0.0,) * 6
    factor = 2.0 ** (word.bright + 0.25 * a)
    bass = patch.mono and patch.spread < 0.6
    return patch.with_(
        cutoff_hz=patch.cutoff_hz * factor,
        index=patch.index * factor,
        decay=patch.decay * word.decay * 2 ** (0.2 * b),
        env_decay=patch.env_decay * word.decay * 2 ** (0.2 * b),
        attack=patch.attack * word.attack,
        release=patch.release * word.decay**0.5,
        env_octaves=patch.env_octaves + (word.sweep if patch.env_octaves else 0.0) + 0.2 * c * (patch.env_octaves > 0),
        resonance=patch.resonance * 2 ** (0.2 * d),
        detune_cents=patch.detune_cents * word.width * 2 ** (0.2 * e),
        spread=min(1.0, patch.spread * word.width),
        chorus=min(0.9, patch.chorus * word.width),
        delay=patch.delay * word.space,
        room=patch.room * word.space * 2 ** (0.2 * f),
        drive_db=max(0.0, patch.drive_db + word.drive_db * (1.0 if bass or patch.engine == "kit" else 0.6)),
        tilt_db=patch.tilt_db + word.tilt_db + (0.8 * word.bright if patch.engine == SAMPLED else 0.0),
        tune_semitones=patch.tune_semitones + (1.0 * c if patch.engine == "kit" else 0.0),
        drop_seconds=patch.drop_seconds * 2 ** (0.25 * c),
    )


def _rng(words: bytes) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(words).digest(), "big")))
