"""Engines, takes, loops, fit cards: what comes out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .sound import Clip


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
