"""One module a role; each turns a brief into a :class:`Part`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...records import Note
from ..form import Bar, written
from ..score import Bend, Swell


@dataclass(frozen=True)
class Part:
    """What a role plays, and what was decided, in words."""

    notes: tuple[Note, ...]
    choices: tuple[tuple[str, str], ...]
    bends: tuple[Bend, ...] = ()
    swells: tuple[Swell, ...] = ()


def said(patterns: Iterable[str], form: tuple[Bar, ...], **more: str) -> tuple[tuple[str, str], ...]:
    """The choices of a part in words: its patterns, what ``more`` was decided, its form."""
    return (("pattern", ", ".join(dict.fromkeys(patterns))), *more.items(), ("form", written(form)))
