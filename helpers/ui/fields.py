"""A field and what was typed into it: refused values stay where they are, with their sentence and a way out."""

from __future__ import annotations

from typing import Any

from ..errors import LoopsError, UnknownInstrument
from ..music.instruments import find_instrument
from ..music.meter import MOST_BARS
from ..records import CONTROLS, Analysis
from .form import Form


def set_field(form: Form, name: str, value: Any) -> None:
    """Set one field; raises InvalidInput for a value it cannot take, an unknown instrument among them."""
    if name == "instrument" and isinstance(value, str) and value.strip():
        find_instrument(value)
    form.set(name, value)


def wrong(name: str, value: Any, error: LoopsError) -> dict[str, Any]:
    """A refused value as the page draws it: what was typed, why not, and what could be meant (pressed, it is taken)."""
    text = str(error)
    row = CONTROLS.get(name)
    if row is not None and row[1].label and text.startswith(f"{name} "):
        text = f"{row[1].label} {text.removeprefix(name).lstrip()}"
    alike: list[str] = []
    if isinstance(error, UnknownInstrument):
        alike, text = list(error.nearest), f"“{error.word}” is not known here. Did you mean one of these?"
    return {"value": "" if value is None else str(value), "text": text, "choices": alike}


def bars_to_start_with(analysis: Analysis, bars: int) -> int:
    """How long a loop for this idea is at first: as long as the idea, where that is a loop itself."""
    heard = analysis.tempo.bars if analysis.tempo.is_loop else None
    return heard if heard is not None and 1 <= heard <= MOST_BARS else bars
