"""What was done to a take: records, from which the words are made. Verdict and ranking read the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ..music.tables import read_toml


class _Kind(NamedTuple):
    words: str
    unit: str
    is_minor: bool


KINDS = {name: _Kind(**row) for name, row in read_toml(__package__, "corrections.toml").items()}
_MINOR_OF_0_1 = ("tail wrapped", "wrapped with", "offset", "rumble")


@dataclass(frozen=True)
class Correction:
    """One change of a take: its ``kind`` (a row of KINDS) and ``amount`` in ``unit``; ``detail`` adds to the words."""

    kind: str
    amount: float = 0.0
    detail: str = ""

    @property
    def unit(self) -> str:
        return KINDS[self.kind].unit

    @property
    def is_minor(self) -> bool:
        """Whether a loop with this correction still counts as untouched."""
        if self.kind == "said":
            return self.detail.startswith(_MINOR_OF_0_1)
        return KINDS[self.kind].is_minor

    @property
    def words(self) -> str:
        said = KINDS[self.kind].words.format(amount=self.amount)
        if self.unit in ("semitones", "sixteenths") and abs(self.amount) == 1:
            said = said.removesuffix("s")
        return f"{said} ({self.detail})" if said and self.detail else said or self.detail

    def to_json(self) -> dict[str, Any]:
        out = {"kind": self.kind, "amount": round(self.amount, 4), "unit": self.unit, "words": self.words}
        return out | ({"detail": self.detail} if self.detail else {})

    @classmethod
    def from_json(cls, data: dict[str, Any] | str) -> Correction:
        """From a loop's JSON; version 0.1 wrote a sentence, and a kind that is not known here keeps its words."""
        if isinstance(data, str):
            return cls("said", detail=data)
        if data.get("kind") not in KINDS:
            return cls("said", detail=str(data.get("words", "")))
        return cls(data["kind"], float(data.get("amount") or 0.0), str(data.get("detail", "")))
