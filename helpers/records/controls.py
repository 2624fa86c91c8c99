"""What a control is: a row that says once how a setting is called, checked, explained and drawn.

The rows are the fields of :class:`~helpers.records.Request`. From them come the options of the command line, the
notebook's form with its conversions, and the checks of every request.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from ..music.pitch import parse_key, parse_progression

# Who hears a control, and with that which engines leave it unused.
EVERY_ENGINE, NOTES, WORDS, UNWANTED_WORDS, GUIDE = "every engine", "notes", "words", "unwanted words", "guide"


@dataclass(frozen=True)
class Control:
    """One setting: a row of the table."""

    kind: str  # which of the readers at the end reads it: number, whole, choice, switch, text, key ...
    label: str = ""  # its name on the page
    help: str = ""  # one line for the command line
    low: float = -math.inf  # range of a number, both ends allowed
    high: float = math.inf
    choices: tuple[str, ...] = ()
    ends: tuple[str, str] | None = None  # words at the two ends of a slider; a number without them is typed
    hint: str = ""  # what an empty field shows
    why: str = ""  # added to the sentence that refuses a value
    is_open: bool = False  # may be left open: the idea, the instrument or chance decides then
    heard_by: str = EVERY_ENGINE
    composes: bool = False  # a musical choice: another value gives other notes
    group: str = ""  # heading on the page; without one it is not drawn there by itself
    is_offered: bool = True  # musicians set it
    name: str = ""  # in settings and on the command line: the field's own unless a row says otherwise
    default: Any = ...  # what a request holds when nothing is said; ``...`` where something must be

    @property
    def initial(self) -> Any:
        """What a form starts with; None = left open."""
        return None if self.is_open or self.default is ... else self.default

    def read(self, value: Any) -> Any:
        """The value as a request holds it, from a page's text, JSON or Python; None = left open.

        Raises InvalidInput if the value is not of this kind, out of range, or empty where something must be said.
        """
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            if self.is_open:
                return None
            if self.default == "":
                return ""
            raise InvalidInput(f"{self.name} cannot be empty; {self.rule}.")
        try:
            return _READERS[self.kind](self, value)
        except InvalidInput:
            raise
        except (TypeError, ValueError, OverflowError):
            shown = str(value if isinstance(value, int | float) else repr(value))[:60]
            raise InvalidInput(f"{self.name} is {shown}; {self.rule}.") from None

    @property
    def rule(self) -> str:
        """What may be given, for the sentence that refuses something else."""
        if self.kind in ("number", "whole"):
            kind = "a whole number" if self.kind == "whole" else "a number"
            rule = f"give {kind} from {_plain(self.low)} to {_plain(self.high)}"
        elif self.kind == "choice":
            rule = f"use one of {', '.join(self.choices)}"
        else:
            rule = {"switch": "give true or false", "options": "give names with their values"}.get(
                self.kind, "give it in words"
            )
        return f"{rule}{', ' * bool(self.why)}{self.why}"

    @property
    def range_text(self) -> str:
        """The range as the help of a command shows it: ``0..1``."""
        return f"{_plain(self.low)}..{_plain(self.high)}"


def control(kind: str, label: str = "", help: str = "", default: Any = ..., **more: Any) -> Any:
    """A dataclass field that is a control; ``more`` are further attributes of :class:`Control`."""
    row = Control(kind, label, help, default=default, **({"is_open": default is None} | more))
    if default is ...:
        return dataclasses.field(metadata={"control": row})
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata={"control": row})
    return dataclasses.field(default=default, metadata={"control": row})


def controls_of(record: type) -> dict[str, tuple[str, Control]]:
    """The controls of a record by the name people use, each with the name of its field."""
    rows = [(f.name, f.metadata["control"]) for f in dataclasses.fields(record)]
    return {row.name or field: (field, dataclasses.replace(row, name=row.name or field)) for field, row in rows}


def _plain(number: float) -> str:
    return f"{number:d}" if isinstance(number, int) else f"{number:g}"


def _number(row: Control, value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    number = float(value.replace(",", ".") if isinstance(value, str) else value)
    if not row.low <= number <= row.high:  # NaN is in no range
        raise ValueError
    return number


def _whole(row: Control, value: Any) -> int:
    number = _number(row, value)
    if number != int(number):
        raise ValueError
    return int(number)


def _choice(row: Control, value: Any) -> str:
    if value not in row.choices:
        raise ValueError
    return str(value)


def _exactly(kind: type) -> Callable[[Control, Any], Any]:
    def read(_: Control, value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return read


def _chords(_: Control, value: Any) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, str):
        value = " | ".join(" ".join(bar) for bar in value)
        return parse_progression(value) if value else ()
    return parse_progression(value)


_READERS: dict[str, Callable[[Control, Any], Any]] = {
    "number": _number,
    "whole": _whole,
    "choice": _choice,
    "text": _exactly(str),
    "switch": _exactly(bool),
    "options": _exactly(dict),
    "key": lambda _, value: parse_key(value),
    "chords": _chords,
}
