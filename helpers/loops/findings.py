"""What one measurement of a finished loop found, ready to be joined with the others on its fit card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..records.fit_fields import Value


@dataclass(frozen=True)
class Findings:
    """``values`` by the names of FIT_FIELDS, with a ``details`` phrase for the sentence of those that fail.

    ``notes`` say what could not be measured and why; ``excused`` names fields that may break their limit; ``bars`` is
    the agreement with the idea bar by bar.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()
    bars: tuple[float, ...] = ()

    def __or__(self, other: Findings) -> Findings:
        return Findings(
            {**self.values, **other.values},
            {**self.details, **other.details},
            (*self.notes, *other.notes),
            (*self.excused, *other.excused),
            self.bars or other.bars,
        )
