"""The records that travel between the parts. Plain, frozen, printable; no behaviour beyond small derived values.

Conventions: audio is float32 ``(channels, samples)``; times are seconds from the start of the file unless the name
says otherwise; anything that could not be measured is ``None`` or empty, never invented.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .errors import InvalidInput
from .meter import METERS, Meter, loop_samples, loop_seconds
from .pitch import Key

# --------------------------------------------------------------------------------------------------------------- sound


@dataclass(frozen=True, eq=False)
class Clip:
    """Audio: ``samples`` float32 of shape (channels, n), ``sample_rate`` in Hz."""

    samples: np.ndarray
    sample_rate: int

    def __post_init__(self) -> None:
        s = self.samples
        if not isinstance(s, np.ndarray) or s.ndim != 2 or s.dtype != np.float32:
            shape = getattr(s, "shape", None)
            raise InvalidInput(
                f"A clip is float32 of shape (channels, samples); got {getattr(s, 'dtype', type(s))} {shape}."
            )

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def length(self) -> int:
        """Number of samples in each channel."""
        return self.samples.shape[1]

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / self.sample_rate

    def mono(self) -> np.ndarray:
        """Mean of the channels, float32 of shape (n,)."""
        return self.samples[0] if self.channels == 1 else self.samples.mean(axis=0, dtype=np.float32)


@dataclass(frozen=True)
class Note:
    """One note: MIDI ``pitch``; ``start``, ``length`` in quarters (scores) or seconds (analysis); velocity 1..127."""

    pitch: int
    start: float
    length: float
    velocity: int = 96


# ------------------------------------------------------------------------------------------------------------ analysis


@dataclass(frozen=True)
class TempoAlternative:
    """Another reading of the tempo; ``relation`` is ``half``, ``double``, ``2/3``, ``3/2`` or ``other``."""

    bpm: float
    relation: str


@dataclass(frozen=True, eq=False)
class Tempo:
    """The steady tempo of an idea.

    ``bpm`` is None when nothing could be measured. ``beats`` and ``downbeats`` are seconds, rising. ``is_loop``: the
    file is an exact number of ``bars`` long. ``swing`` is the share of a beat (or half beat) the first of two notes
    takes: 0.5 straight, 0.667 triplet; None when it cannot be told.
    """

    bpm: float | None
    confidence: float
    alternatives: tuple[TempoAlternative, ...] = ()
    beats: tuple[float, ...] = ()
    downbeats: tuple[float, ...] = ()
    meter: Meter = METERS["4/4"]
    is_loop: bool = False
    bars: int | None = None
    swing: float | None = None


@dataclass(frozen=True)
class KeyAlternative:
    """A key that was considered, by name, with its score (higher is better; the winner's alternatives are ranked)."""

    name: str
    score: float


@dataclass(frozen=True)
class KeyEstimate:
    """The key of an idea; ``tuning_cents`` is the deviation from A4 = 440 Hz, -50..50."""

    key: Key
    confidence: float
    alternatives: tuple[KeyAlternative, ...] = ()
    tuning_cents: float = 0.0


@dataclass(frozen=True)
class ChordSpan:
    """A chord that sounds from ``start`` to ``end`` seconds; ``label`` is readable by ``pitch.parse_chord``."""

    start: float
    end: float
    label: str


@dataclass(frozen=True)
class Tag:
    """A genre or mood word with a score in 0..1."""

    label: str
    score: float


@dataclass(frozen=True)
class Groove:
    """How the idea moves, folded onto one bar of its grid, and which room it leaves.

    ``accents`` and ``low_accents`` have one value 0..1 per step of a bar (``Meter.steps_per_bar``): mean onset strength
    of the whole sound and of the band below 150 Hz. ``density`` is onsets per beat. ``octaves`` is the share of energy
    in the octaves C1..B1 up to C7..B7 (7 values, sum 1). ``bar_levels_db`` is the loudness of each bar against the
    loudest.
    """

    accents: tuple[float, ...] = ()
    low_accents: tuple[float, ...] = ()
    density: float = 0.0
    octaves: tuple[float, ...] = ()
    bar_levels_db: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Analysis:
    """All that was heard in an idea. ``melody`` holds notes in seconds when the idea is monophonic, else nothing."""

    file: str
    sha256: str
    seconds: float
    sample_rate: int
    channels: int
    tempo: Tempo
    key: KeyEstimate | None
    chords: tuple[ChordSpan, ...] = ()
    genres: tuple[Tag, ...] = ()
    moods: tuple[Tag, ...] = ()
    loudness_lufs: float | None = None
    melody: tuple[Note, ...] = ()
    groove: Groove = Groove()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The shape that ``python -m helpers analyze --json`` prints."""
        t, k = self.tempo, self.key
        return {
            "file": self.file,
            "sha256": self.sha256,
            "seconds": round(self.seconds, 4),
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "tempo": {
                "bpm": None if t.bpm is None else round(t.bpm, 4),
                "confidence": round(t.confidence, 3),
                "alternatives": [{"bpm": round(a.bpm, 4), "relation": a.relation} for a in t.alternatives],
                "beats": [round(b, 4) for b in t.beats],
                "downbeats": [round(b, 4) for b in t.downbeats],
                "beats_per_bar": t.meter.beats_per_bar,
                "meter": t.meter.name,
                "is_loop": t.is_loop,
                "bars": t.bars,
                "swing": None if t.swing is None else round(t.swing, 3),
            },
            "key": None
            if k is None
            else {
                "tonic": k.key.tonic_name,
                "mode": k.key.mode,
                "name": k.key.name,
                "confidence": round(k.confidence, 3),
                "alternatives": [{"name": a.name, "score": round(a.score, 3)} for a in k.alternatives],
                "tuning_cents": round(k.tuning_cents, 1),
            },
            "chords": [{"start": round(c.start, 3), "end": round(c.end, 3), "label": c.label} for c in self.chords],
            "genres": [{"label": g.label, "score": round(g.score, 3)} for g in self.genres],
            "moods": [{"label": m.label, "score": round(m.score, 3)} for m in self.moods],
            "melody": [
                {"pitch": n.pitch, "start": round(n.start, 3), "length": round(n.length, 3), "velocity": n.velocity}
                for n in self.melody
            ],
            "loudness_lufs": None if self.loudness_lufs is None else round(self.loudness_lufs, 2),
            "notes": list(self.notes),
        }


# ------------------------------------------------------------------------------------------------------------- request

ROLES = ("bass", "chords", "pad", "lead", "arpeggio", "drums")
GUIDES = ("sketch", "idea", "none")


@dataclass(frozen=True)
class Request:
    """What is to be made. Everything that decides the sound is in here, so that a loop can be made again from its JSON.

    ``instrument`` is a canonical name of :mod:`helpers.instruments`, ``role`` one of ROLES; both are ``""`` when audio
    of unknown kind is only measured. ``key`` is None for drums or when it is unknown. ``progression`` holds the chords bar by bar (one, two or four labels a bar), repeated over the
    bars; empty when the idea's harmony is unknown. The controls ``complexity``, ``density``, ``syncopation`` and
    ``answer`` are 0..1, None = let the idea and the genre decide; ``register`` shifts the part by whole octaves;
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
        from .pitch import parse_key

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
        """SHA-256 over everything but the number of takes and the sample rate: the root of all random choices."""
        data = self.to_json()
        data.pop("takes"), data.pop("sample_rate")
        return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True).encode()).digest()


# ------------------------------------------------------------------------------------------------------------- engines


@dataclass(frozen=True)
class EngineInfo:
    """What an engine is and can do; readable before anything heavy is imported.

    ``hears`` is a subset of ``{"text", "negative", "init-audio", "melody", "continuation", "analysis"}``. ``options``
    maps the names an engine accepts in ``Request.options`` to one line of description each.
    """

    name: str
    title: str
    sample_rate: int
    channels: int
    max_seconds: float
    licence: str
    memory_gib: float
    hears: frozenset[str]
    good_at: str
    hub_id: str | None = None
    gated: bool = False
    download_gib: float = 0.0
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Readiness:
    """Whether an engine can run here; when not, ``reason`` says why and ``remedy`` what to do."""

    engine: str
    ready: bool
    reason: str = ""
    remedy: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class Progress(Protocol):
    """How long work reports: a stage in words, a fraction 0..1 and seconds left (None where unknown)."""

    def __call__(self, stage: str, fraction: float | None = None, seconds_left: float | None = None) -> None: ...


def silent_progress(stage: str, fraction: float | None = None, seconds_left: float | None = None) -> None:
    """A progress receiver that says nothing."""


CancelCheck = Callable[[], bool]


def never_cancelled() -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Take:
    """What an engine returned, before any correction.

    ``midi`` is the bytes of a Standard MIDI File where the engine has a score. ``exact`` means the take starts on bar 1
    and holds exactly the loop plus its decaying tail (true for the sketch). ``labels`` names every approximation that
    changes the model's output distribution (empty = reference quality). ``number`` is the take's number in its request.
    """

    clip: Clip
    engine: str
    engine_version: str
    seed: int
    prompt: str
    negative_prompt: str = ""
    licence: str = ""
    model: str | None = None
    midi: bytes | None = None
    exact: bool = False
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    number: int = 0


# --------------------------------------------------------------------------------------------------------------- loops


@dataclass(frozen=True)
class FitCard:
    """The proof, measured on the finished file. Field meanings: README, "The fit card".

    ``None`` is "could not be measured" and ``reasons`` says why; ``verdict`` is ``pass``, ``corrected`` or ``failed``.
    """

    samples: int
    samples_expected: int
    bpm_requested: float
    bpm_measured: float | None
    tempo_error_percent: float | None
    grid_error_ms: float | None
    downbeat_offset_ms: float | None
    key_requested: str | None
    key_measured: str | None
    key_score: float | None
    in_key_share: float | None
    chord_agreement: float | None
    seam: float | None
    purity: float | None
    purity_parts: dict[str, float]
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    corrections: tuple[str, ...]
    verdict: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        out = dataclasses.asdict(self)
        for name in ("corrections", "reasons"):
            out[name] = list(out[name])
        return {k: (round(v, 4) if isinstance(v, float) else v) for k, v in out.items()} | {
            "purity_parts": {k: round(v, 4) for k, v in self.purity_parts.items()}
        }


@dataclass(frozen=True, eq=False)
class Loop:
    """A take cut and corrected to the exact length. ``fit`` is set once it has been measured; ``score`` once ranked."""

    clip: Clip
    take: Take
    corrections: tuple[str, ...] = ()
    fit: FitCard | None = None
    score: float | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """Where a finished loop lies on disk. ``midi`` is None where the engine has no score."""

    wav: Path
    json: Path
    midi: Path | None
