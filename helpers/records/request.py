"""What is to be made."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidInput
from ..music.meter import METERS, Meter, loop_samples, loop_seconds
from ..music.pitch import Key, parse_key

ROLES = ("bass", "chords", "pad", "lead", "arpeggio", "drums")
GUIDES = ("sketch", "idea", "none")


@dataclass(frozen=True)
class Request:
    """What is to be made. Everything that decides the sound is in here, so that a loop can be made again from its JSON.

    ``instrument`` is a canonical name of :mod:`helpers.music.instruments`, ``role`` one of ROLES; both are ``""`` when
    audio of unknown kind is only measured. ``key`` is None for drums or when it is unknown. ``progression`` holds the
    chords bar by bar (one, two or four labels a bar), repeated over the bars; empty when the idea's harmony is unknown.
    ``chords_heard`` says that they are our estimate, which may be wrong: a part keeps to the tones that lie on the
    scale, where chords a musician wrote are played to the note. The
    controls ``complexity``, ``density``, ``syncopation`` and ``answer`` are 0..1, None = let the idea and the genre
    decide; ``register`` shifts the part by whole octaves;
    ``humanize`` is 0 (tight) to 1 (loose). ``guide`` and ``guide_strength`` steer neural engines; ``options`` holds an
    engine's own settings (``steps``, ``guidance``, ``variant``, ``preset``, ``prompt`` ...).
    """

    instrument: str
    role: str
    bpm: float
    bars: int = 4
    meter: str = "4/4"
    key: Key | None = None
    progression: tuple[tuple[str, ...], ...] = ()
    chords_heard: bool = False
    engine: str = "sketch"
    genre: str | None = None
    mood: str | None = None
    style: str = ""
    avoid: str = ""
    takes: int = 3
    seed: int = 0
    swing: float | None = None
    complexity: float | None = None
    density: float | None = None
    syncopation: float | None = None
    answer: float | None = None
    register: int = 0
    humanize: float | None = None
    dry: bool = False
    guide: str = "sketch"
    guide_strength: float = 0.5
    sample_rate: int = 44_100
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def time(self) -> Meter:
        return METERS[self.meter]

    @property
    def seconds(self) -> float:
        return loop_seconds(self.bars, self.bpm, self.time)

    def samples(self, sample_rate: int | None = None) -> int:
        """Samples of the finished loop at ``sample_rate`` (default: the request's)."""
        return loop_samples(self.bars, self.bpm, self.time, sample_rate or self.sample_rate)

    def half_bars(self) -> tuple[str, ...]:
        """The progression as ``2 * bars`` chord labels, one per half bar; empty when harmony is unknown.

        A 3/4 bar is split at half its length like any other; a bar of four chords keeps its first and third.
        """
        if not self.progression:
            return ()
        out: list[str] = []
        for bar in range(self.bars):
            labels = self.progression[bar % len(self.progression)]
            out += [labels[0], labels[len(labels) // 2]]
        return tuple(out)

    def with_(self, **changes: Any) -> Request:
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        out = dataclasses.asdict(self)
        out["key"] = self.key.name if self.key else None
        out["progression"] = [list(bar) for bar in self.progression]
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Request:
        """Read what :meth:`to_json` wrote; unknown fields and missing ones raise InvalidInput."""
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise InvalidInput(
                f"The request holds fields we do not know: {', '.join(unknown)}; it is from another version."
            )
        values = dict(data)
        if values.get("key") is not None:
            values["key"] = parse_key(values["key"])
        values["progression"] = tuple(tuple(bar) for bar in values.get("progression") or ())
        try:
            return cls(**values)
        except TypeError as error:
            raise InvalidInput(f"The request is incomplete: {error}.") from None

    def digest(self) -> bytes:
        """SHA-256 over what is asked for musically: the root of all random choices.

        The number of takes, the sample rate and who found the chords change nothing in it.
        """
        data = self.to_json()
        for name in ("takes", "sample_rate", "chords_heard"):
            del data[name]
        return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True).encode()).digest()
