"""Finished loops and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .clip import Clip
from .correction import Correction
from .fit_card import FitCard
from .take import Take


@dataclass(frozen=True, eq=False)
class Loop:
    """A take cut and corrected to the exact length. ``fit`` is set once it has been measured; ``score`` once ranked."""

    clip: Clip
    take: Take
    corrections: tuple[Correction, ...] = ()
    fit: FitCard | None = None
    score: float | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """Where a finished loop lies on disk. ``midi`` is None where the engine has no score."""

    wav: Path
    json: Path
    midi: Path | None
