"""The fields of the fit card, one row each: the only place for label, unit, format, limit, reason and weight.

Reports, badges, the page's rows, the README's table, the limits and the ranking read this table. A new field is a table
of ``fit_fields.toml`` and the code that measures it (``helpers/loops/proof.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..music.tables import read_toml

Value = float | int | str | None
OBEYS, FITS = "obeys", "fits"  # the request; the idea
UNKNOWN = "unknown"  # of a value that was not measured
HIGH, LOW, ZERO, EQUAL = "at least", "at most", "at most, either way,", "exactly as asked"


@dataclass(frozen=True)
class FitField:
    """A row of the card.

    Attributes
    ----------
    name, label, unit, form
        In the JSON, on cards, and how a value is written: ``f"{value:{form}}{unit}"``.
    group
        ``obeys`` the request or ``fits`` the idea.
    meaning
        One line for the documentation.
    good
        The direction of the limit: HIGH, LOW, ZERO (nearness to it) or EQUAL (to what was asked).
    limit, why
        A loop fails beyond ``limit``; ``why`` is the musician's reason for the number. None: the field cannot fail.
    failure
        The sentence of a loop that fails, of ``{value}``, ``{limit}`` and the ``{detail}`` that was measured with it.
    badge
        The short label on the loop's card; empty for a row of the full table only.
    asked
        The name under which the card holds what was asked for.
    weight, worst, best
        Share of the ranking's score, and the values that count as 0 and as 1 there.
    others_limit
        The limit for a loop that somebody else made; beyond the row's own it is a remark then. None: the row's own.
    """

    name: str
    label: str
    unit: str
    form: str
    group: str
    meaning: str
    good: str = ""
    limit: float | None = None
    why: str = ""
    failure: str = ""
    badge: str = ""
    asked: str = ""
    weight: float = 0.0
    worst: float = 0.0
    best: float = 1.0
    others_limit: float | None = None

    @property
    def said(self) -> str:
        """The label inside a sentence or a list."""
        return self.label[:1].lower() + self.label[1:]

    def text(self, value: Value) -> str:
        """The value with its unit, or ``unknown``."""
        if value is None:
            return UNKNOWN
        return value if isinstance(value, str) else f"{value:{self.form}}{self.unit}"

    def limit_text(self) -> str:
        """``at most 0.5 %``; empty where the field cannot fail."""
        if self.good == EQUAL:
            return EQUAL
        return "" if self.limit is None else f"{self.good} {self.size_text(self.limit)}"

    def size_text(self, value: float | int | str) -> str:
        """The value without its sign, where nearness to 0 is good, or without its plus."""
        size = abs(value) if self.good == ZERO and not isinstance(value, str) else value
        return self.text(size).replace("+", "")

    def fails(self, values: Mapping[str, Value], *, others: bool = False) -> bool:
        """Whether the card's values break this row's limit (that of ``others``); what was not measured does not."""
        value = values.get(self.name)
        if self.good == EQUAL:
            return value is not None and value != values.get(self.asked)
        limit = self.others_limit if others and self.others_limit is not None else self.limit
        if limit is None or value is None or isinstance(value, str):
            return False
        return value < limit if self.good == HIGH else (abs(value) if self.good == ZERO else value) > limit

    def failing(self, values: Mapping[str, Value], detail: str = "") -> str:
        """The sentence for a loop that fails here."""
        limit = self.text(values.get(self.asked) if self.good == EQUAL else self.limit).replace("+", "")
        return self.failure.format(value=self.text(values[self.name]), limit=limit, detail=detail)

    def share(self, value: Value) -> float | None:
        """The value as the ranking counts it, 0 (worst) to 1 (best); None where it was not measured."""
        if value is None or isinstance(value, str):
            return None
        value = abs(value) if self.good == ZERO else value
        return min(1.0, max(0.0, (value - self.worst) / (self.best - self.worst)))

    def counting_as(self, share: float) -> float:
        """The value between worst and best that the ranking counts as ``share``."""
        return self.worst + share * (self.best - self.worst)


FIT_FIELDS = {name: FitField(name=name, **row) for name, row in read_toml(__package__, "fit_fields.toml").items()}
ASKED = tuple(field.asked for field in FIT_FIELDS.values() if field.asked)
