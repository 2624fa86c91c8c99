"""Engines and the takes they return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from .clip import Clip


@dataclass(frozen=True)
class EngineInfo:
    """What an engine is and can do; readable before anything heavy is imported.

    ``hears`` is a subset of ``{"text", "negative", "init-audio", "melody", "continuation", "context", "analysis"}``
    (context: the idea itself, as the music to play to). ``options``
    maps the names an engine accepts in ``Request.options`` to one line of description each, ``choices`` those that are
    lists of words to the words. ``prompt_style`` names how
    its words are written (:mod:`helpers.engines.prompts`; empty: it reads none), ``packages`` what to install for it.
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
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    prompt_style: str = ""
    packages: str = ""


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


@dataclass(frozen=True, eq=False)
class Take:
    """What an engine returned, before any correction.

    ``midi`` is the bytes of a Standard MIDI File where the engine has a score, ``sound`` the preset that plays it
    with its values. ``exact`` means the take starts on bar 1
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
    sound: dict[str, Any] = field(default_factory=dict)
    exact: bool = False
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    number: int = 0
