"""One module a role; each turns a brief into a :class:`Part`."""

from __future__ import annotations

from dataclasses import dataclass

from ...records import Note
from ..score import Bend, Swell


@dataclass(frozen=True)
class Part:
    """What a role plays, and what was decided, in words."""

    notes: tuple[Note, ...]
    choices: tuple[tuple[str, str], ...]
    bends: tuple[Bend, ...] = ()
    swells: tuple[Swell, ...] = ()
