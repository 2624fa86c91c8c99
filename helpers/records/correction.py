"""What was done to a take: records, from which the words are made. Verdict and ranking read the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class _Kind(NamedTuple):
    words: str
    unit: str
    is_minor: bool  # every loop may need it: it does not make a loop `corrected`


KINDS = {
    "offset": _Kind("offset removed", "", True),
    "rumble": _Kind("rumble below {amount:g} Hz removed", "Hz", True),
    "fold": _Kind("tail wrapped {amount:.0f} ms", "ms", True),
    "crossfade": _Kind("wrapped with a crossfade of {amount:.0f} ms", "ms", True),
    "stretch": _Kind("stretched {amount:+.2f} %", "%", False),
    "drift": _Kind("straightened a drift of {amount:.0f} ms around its mean tempo", "ms", False),
    "shift": _Kind("shifted {amount:+.0f} semitones", "semitones", False),
    "tuning": _Kind("tuned {amount:+.0f} cents", "cents", False),
    "place": _Kind("moved {amount:+.0f} sixteenths", "sixteenths", False),
    "recomposed": _Kind("bar {amount:.0f} composed again", "bar", False),
    "said": _Kind("", "", False),  # by version 0.1, which wrote sentences only
}
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
