"""The engines by name. Adapters are imported when asked for; their heavy libraries later still, while loading."""

from __future__ import annotations

import importlib
import threading
from typing import cast

from ..errors import InvalidInput
from .base import Engine

_ADAPTERS = {
    "sketch": "sketch:SketchEngine",
    "stable-audio-open": "stable_audio_open:StableAudioOpenEngine",
    "foundation-1": "foundation_1:Foundation1Engine",
    "audioldm2-music": "audioldm2_music:AudioLDM2MusicEngine",
    "ace-step": "ace_step:AceStepEngine",
    "musicgen": "musicgen:MusicGenEngine",
    "audiocraft": "audiocraft.engine:AudiocraftEngine",
}
# One instance an engine in a process: it holds the loaded weights, and a second copy would not fit on a T4.
_instances: dict[str, Engine] = {}
_lock = threading.Lock()


def get_engine(name: str) -> Engine:
    """Return the engine called ``name``; nothing heavy is imported by this.

    Raises InvalidInput if there is no such engine; the text lists them.
    """
    if name not in _ADAPTERS:
        raise InvalidInput(
            f"{name!r} is not an engine; use one of {', '.join(_ADAPTERS)}. The sketch engine works on any machine."
        )
    with _lock:
        if name not in _instances:
            module, adapter = _ADAPTERS[name].split(":")
            _instances[name] = cast(Engine, getattr(importlib.import_module(f"{__package__}.{module}"), adapter)())
        return _instances[name]


def all_engines() -> list[Engine]:
    """Every engine, the one that works everywhere first."""
    return [get_engine(name) for name in _ADAPTERS]


def release_others(name: str) -> None:
    """Free the memory of every loaded engine but ``name``: two models do not fit on a small GPU side by side."""
    with _lock:
        others = [engine for other, engine in _instances.items() if other != name]
    for engine in others:
        engine.release()
