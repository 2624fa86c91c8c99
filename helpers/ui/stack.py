"""The stack: the idea and the kept loops sounding together, each at its own level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..music.pitch import Key
from ..records import Clip, Request
from ..sound.audio import read_clip, resample, write_wav
from . import cards, player
from .library import Library
from .state import State

IDEA = "idea"  # its name among the levels
LEVEL = 0.8
MOST_LOOPS = 8


def kept(state: State) -> list[str]:
    """The kept loops of the current idea's tempo, oldest first: the names of their JSON files."""
    named = [name for run in reversed(state.runs) for name in reversed(run.loops)]
    loops = [name for name in named if state.marks.get(name) == "kept" and (state.folder / name).is_file()]
    return loops[-MOST_LOOPS:]


def view(state: State) -> list[dict[str, Any]]:
    """The stack as the page shows it: the idea first, then each kept loop, with its level."""
    rows = []
    for name in kept(state):
        try:
            card = cards.card(state.folder / name, 0)
        except InvalidInput:
            continue
        rows.append({"id": name, "title": card["title"], "facts": card["facts"], "level": _level(state, name)})
    return [{"id": IDEA, "title": "The idea", "facts": "", "level": _level(state, IDEA)}, *rows] if rows else []


def mixed_idea(state: State, library: Library, key: Key | None) -> tuple[Path, dict[str, Any]]:
    """The stack mixed into a WAV in the loops folder, and the request that knows its tempo, key and chords.

    As long as the longest loop; shorter ones repeat. ``key`` is the idea's: drums alone have none of their own. Raises
    InvalidInput if nothing is kept, or loops of different tempo are.
    """
    loops = {name: cards.stored(state.folder, name) for name in kept(state)}
    if not loops:
        raise InvalidInput("Keep a loop first (the star on its card); the stack is the idea with the kept loops.")
    requests = [loop.request for loop in loops.values()]
    longest = max(requests, key=lambda request: request.seconds)
    if any(abs(request.bpm / longest.bpm - 1) > 1e-4 or request.meter != longest.meter for request in requests):
        raise InvalidInput("The kept loops have different tempi; keep those that belong together.")
    rate, length = longest.sample_rate, longest.samples()
    mix = np.zeros((2, length), np.float32)
    for name, loop in loops.items():
        _add(mix, read_clip(loop.wav), rate, _level(state, name))
    entry = library.idea_of(next(iter(loops.values())).document)
    if entry is not None:
        idea = library.idea(entry).clip
        laid, together = player.lay_idea(idea, library.hear(entry), longest, samples=length, sample_rate=rate)
        if together:
            _add(mix, laid, rate, _level(state, IDEA))
    mix *= 0.89 / max(float(np.abs(mix).max(initial=0.0)), 1e-6)
    path = state.folder / ".stack.wav"
    write_wav(path, Clip(mix, rate))
    return path.rename(state.folder / f".stack of {len(loops)}.wav"), _request(requests, longest, key)


def _request(requests: list[Request], longest: Request, key: Key | None) -> dict[str, Any]:
    """What the stack knows of itself: the chords and the key of its first pitched loop, the length of its longest."""
    pitched = next((request for request in requests if request.key is not None), longest)
    return longest.with_(
        instrument=pitched.instrument, role=pitched.role, key=pitched.key or key, progression=pitched.progression
    ).to_json()


def _add(mix: np.ndarray, clip: Clip, rate: int, level: float) -> None:
    """Add a loop at its listening gain, again and again to the end of the mix."""
    if level <= 0:
        return
    sound = resample(Clip(clip.samples[:2], clip.sample_rate), rate).samples * player.listening_gain(clip) * level
    places = np.arange(mix.shape[1]) % sound.shape[1]
    mix += sound[:, places]


def _level(state: State, name: str) -> float:
    return float(state.levels.get(name, LEVEL))
