# ruff: noqa: E501  the patches read best with one sound a line
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
from ...music.tables import read_table
from .patch import Patch

HIGHEST_NUMBER = 99
SAMPLED = "sampled"  # the family of all that a bank plays; only the knobs of the mix turn there

FAMILIES: dict[str, Patch] = {
    "808": Patch("808", mono=True, attack=0.005, decay=1.6, sustain=0.0, release=0.09, drop_semitones=13, drop_seconds=0.011, drive_db=2, voicing_db=(1, -2, -9, 4, 5, 2, -1)),
    "sub": Patch("808", mono=True, attack=0.02, decay=8.0, sustain=0.7, release=0.12, drive_db=11, snap=0.5, voicing_db=(0, 0, 4, 6, 6, 2, 0)),
    "synth bass": Patch(saw=0.7, pulse=0.35, sub=0.8, sub_octave=-1, mono=True, decay=1.4, sustain=0.6, release=0.08, cutoff_hz=900, poles=2, key_follow=0.3, env_octaves=1.8, env_decay=0.4, resonance=1.2, drive_db=3, glide_seconds=0.03, voicing_db=(-7, -9, -8, -10, -5, 10, 19)),
    "reese bass": Patch(saw=1.0, sub=1.1, voices=3, detune_cents=34, spread=0.5, mono=True, attack=0.008, release=0.1, cutoff_hz=520, poles=2, key_follow=0.3, resonance=0.9, sweep_octaves=0.6, drive_db=5, glide_seconds=0.05, velocity_octaves=2.0, voicing_db=(1, -7, -6, -8, 3, 8, 5)),
    "acid bass": Patch(saw=1.0, mono=True, decay=1.2, sustain=0.5, release=0.05, cutoff_hz=620, poles=2, key_follow=0.3, env_octaves=2.8, env_decay=0.45, resonance=7.5, velocity_octaves=1.6, drive_db=7, glide_seconds=0.06, voicing_db=(1, 1, -7, -7, 1, 6, 6)),
    "fm bass": Patch("fm", sub=0.5, ratio=1.0, index=3.2, env_decay=0.45, mono=True, decay=1.6, sustain=0.4, release=0.08, drive_db=2, velocity_octaves=1.6),
    "synth lead": Patch(saw=0.8, pulse=0.35, sub=0.35, sub_octave=-1, voices=3, detune_cents=14, spread=0.75, attack=0.006, release=0.2, cutoff_hz=3600, env_octaves=0.8, env_decay=0.7, vibrato_cents=11, glide_seconds=0.04, mono=True, chorus=0.25, delay=0.22, room=0.12, voicing_db=(4, 5, -17, -8, -7, -7, 13)),
    "square lead": Patch(pulse=1.0, pulse_width=0.5, mono=True, attack=0.003, release=0.08, cutoff_hz=9000, vibrato_cents=9, delay=0.16, room=0.06, chorus=0.15),
    "supersaw": Patch(saw=1.0, voices=7, detune_cents=46, spread=1.0, attack=0.006, release=0.3, cutoff_hz=7500, env_octaves=0.5, env_decay=0.9, velocity_octaves=1.2, delay=0.14, room=0.2, room_seconds=1.6),
    "pluck": Patch(saw=0.9, pulse=0.3, sub=0.3, sub_octave=-1, voices=5, detune_cents=22, spread=0.95, decay=0.9, sustain=0.0, release=0.35, cutoff_hz=700, poles=2, env_octaves=4.2, env_decay=0.34, resonance=1.3, delay=0.34, room=0.2, velocity_octaves=1.4, voicing_db=(12, -2, -19, -11, -11, -10, -2)),
    "stab": Patch(saw=0.9, pulse=0.5, voices=5, detune_cents=26, spread=0.9, decay=0.9, sustain=0.0, release=0.16, cutoff_hz=2200, poles=2, env_octaves=2.2, env_decay=0.4, resonance=1.4, drive_db=2, delay=0.2, room=0.24, voicing_db=(0, 0, -9, -4, 2, 5, 8)),
    "synth brass": Patch(saw=1.0, voices=3, detune_cents=16, spread=0.8, attack=0.03, release=0.18, cutoff_hz=1900, poles=2, env_octaves=1.5, env_attack=0.06, env_decay=1.2, chorus=0.2, room=0.16),
    "polysynth": Patch(saw=0.6, pulse=0.5, pulse_width=0.38, voices=3, detune_cents=15, spread=0.85, attack=0.008, decay=2.5, sustain=0.6, release=0.3, cutoff_hz=2300, poles=2, env_octaves=1.2, env_decay=0.9, chorus=0.5, room=0.16),
    "pad": Patch(saw=0.9, triangle=0.3, voices=5, detune_cents=24, spread=0.75, noise=0.012, attack=0.25, release=0.9, cutoff_hz=2600, poles=2, key_follow=0.3, sweep_octaves=0.9, resonance=0.9, velocity_octaves=1.0, chorus=0.55, room=0.4, room_seconds=2.2, voicing_db=(0, -2, -9, -6, -5, -2, 8)),
    "synth strings": Patch(saw=1.0, voices=5, detune_cents=20, spread=1.0, attack=0.12, release=0.5, cutoff_hz=4200, poles=2, sweep_octaves=0.25, velocity_octaves=1.0, chorus=0.7, room=0.25, room_seconds=1.6),
    "fm piano": Patch("fm", ratio=1.0, index=1.3, snap=0.14, env_decay=1.6, decay=4.0, sustain=0.0, release=0.3, detune_cents=6, velocity_octaves=2.2, chorus=0.4, room=0.12),
    "electric piano": Patch("fm", ratio=1.0, index=2.0, snap=0.03, env_decay=2.2, decay=5.0, sustain=0.0, release=0.25, detune_cents=3, velocity_octaves=2.4, chorus=0.25, room=0.1, voicing_db=(2, -3, -6, -4, 0, 4, 4)),
    "organ": Patch("organ", attack=0.004, release=0.06, cutoff_hz=4000, chorus=0.45, drive_db=1.5, room=0.14, velocity_octaves=1.6),
    "synth bells": Patch("fm", ratio=3.5, index=2.4, env_decay=1.2, decay=3.2, sustain=0.0, release=1.2, detune_cents=5, snap=1.0, velocity_octaves=1.6, delay=0.16, room=0.3, room_seconds=2.0),
    "808 kit": Patch("kit", model="808", noise=0.8, decay=1.0, spread=0.8, drive_db=2, room=0.02, room_seconds=0.5, voicing_db=(-3, 5, 3, 6, -3, -4, -4)),
    "909 kit": Patch("kit", model="909", noise=1.0, decay=1.0, spread=0.8, drive_db=5, room=0.03, room_seconds=0.5, voicing_db=(2, -4, 0, 7, 2, -2, -4)),
    "electronic kit": Patch("kit", model="electro", noise=1.0, decay=1.1, spread=0.9, drive_db=4, room=0.06, room_seconds=0.7),
    SAMPLED: Patch("sampled", room=1.0),
}  # fmt: skip

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

    Raises
    ------
    InvalidInput
        If the word is not one of WORDS or the number is outside 0..99.
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
