"""The proof of a loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .correction import Correction
from .fit_fields import ASKED, FIT_FIELDS, FitField, Value

VERDICTS = ("pass", "corrected", "unproven", "failed")


@dataclass(frozen=True)
class FitCard:
    """The proof, measured on the finished file.

    Attributes
    ----------
    values
        By the names of FIT_FIELDS (what was measured) and ASKED (what was asked for); each is an attribute of the card
        too (``card.seam``). None is "could not be measured" and ``reasons`` says why.
    verdict
        One of VERDICTS; ``unproven`` where the idea gives nothing to compare with.
    failed
        Names of the fields that make it fail.
    bars
        Agreement with the idea's notes, bar by bar; empty where it was not compared.
    details
        What the sentence of a field that fails names (a bar, a semitone), by its name; that of harmony is always there.
    summary
        The card in one sentence.
    purity_parts
        What purity is made of; for the JSON.
    corrections
        What was done to the take.
    reasons
        Why it fails, then what could not be measured.
    score
        0 to 1 as the ranking counts, of a loop that was proven by itself; None: the loop carries its score.
    """

    values: Mapping[str, Value]
    verdict: str
    failed: tuple[str, ...] = ()
    bars: tuple[float, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    purity_parts: Mapping[str, float] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    reasons: tuple[str, ...] = ()
    score: float | None = None

    def __getattr__(self, name: str) -> Any:
        if name in FIT_FIELDS or name in ASKED:
            return self.values.get(name)
        raise AttributeError(f"A fit card has no {name!r}.")

    def rows(self) -> list[tuple[FitField, str, str]]:
        """Every field with its value and, where something was asked for, that, as people read them."""
        rows = FIT_FIELDS.values()
        return [(f, f.text(self.values.get(f.name)), f.text(self.values.get(f.asked)) if f.asked else "") for f in rows]

    def with_(self, **values: Value) -> FitCard:
        """The same card with other values, for example ``card.with_(seam=None)``."""
        return replace(self, values={**self.values, **values})

    def to_json(self) -> dict[str, Any]:
        named = {name: self.values.get(name) for name in (*FIT_FIELDS, *ASKED)}
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in named.items()} | {
            "purity_parts": {name: round(v, 4) for name, v in self.purity_parts.items()},
            "corrections": [correction.to_json() for correction in self.corrections],
            "verdict": self.verdict,
            "failed": list(self.failed),
            "summary": self.summary,
            "score": None if self.score is None else round(self.score, 4),
            "bars": list(self.bars),
            "details": dict(self.details),
            "reasons": list(self.reasons),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FitCard:
        """From a loop's JSON; that of version 0.1 names no failed fields, so they are found by the limits."""
        values = {name: data.get(name) for name in (*FIT_FIELDS, *ASKED)}
        values = {name: value for name, value in values.items() if isinstance(value, str | int | float)}
        failed = data.get("failed")
        if failed is None:
            failed = [name for name, row in FIT_FIELDS.items() if row.fails(values)]
        return cls(
            values,
            str(data.get("verdict", "unknown")),
            tuple(failed),
            tuple(data.get("bars") or ()),
            dict(data.get("details") or {}),
            str(data.get("summary") or ""),
            dict(data.get("purity_parts") or {}),
            tuple(Correction.from_json(c) for c in data.get("corrections") or ()),
            tuple(data.get("reasons") or ()),
        )
