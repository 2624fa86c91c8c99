"""The settings: what a musician set on the page, what each engine can use of it, and how it is drawn and kept."""

from __future__ import annotations

import json
from itertools import groupby
from types import SimpleNamespace
from typing import Any

from ..engines import registry
from ..errors import InvalidInput, LoopsError, UnknownInstrument
from ..machine.files import read_json
from ..music.instruments import FAVOURITES, INSTRUMENTS, find_instrument
from ..music.meter import MOST_BARS
from ..music.pitch import ALL_KEYS, write_progression
from ..records import CONTROLS, GUIDE, NOTES, UNWANTED_WORDS, WORDS, Analysis, Control, EngineInfo
from ..records.request import LARGEST_SEED

SETTINGS_FORMAT = "loops-generator-settings/1"
SKETCH = "sketch"
_ROWS = {name: row for name, (_, row) in CONTROLS.items() if row.is_offered}
_ROWS["mode"] = Control("choice", choices=("normal", "advanced"), name="mode", default="normal")
PROMPTS = ("prompt", "negative_prompt")
NO_FIELDS = (*PROMPTS, "recomposed")  # areas of their own; what only a repair sets


class Form(SimpleNamespace):
    """The settings as the musician left them: every control by its name, ``mode`` and the engine's own ``options``.

    None means "as heard" or "you decide". A key and chords are kept as they were typed.
    """

    # What belongs to one idea; choosing another idea clears it.
    HEARD = ("bpm", "key", "meter", "chords", "genre", "mood")
    INITIAL = {name: row.initial for name, row in _ROWS.items()} | {"instrument": "bass guitar"}

    options: dict[str, Any]

    def __init__(self, **values: Any) -> None:
        super().__init__(**(self.INITIAL | {"options": {}} | values))

    def set(self, name: str, value: Any) -> None:
        """Change one setting from the page: empty text is "as heard", numbers come as text or number.

        Raises InvalidInput if there is no such setting or the value is not of its kind; the setting keeps its old
        value.
        """
        if name.startswith("options."):
            self._set_option(name.removeprefix("options."), value)
            return
        if name not in _ROWS:
            raise InvalidInput(f"There is no setting called {name!r}.")
        read = _ROWS[name].read(value)
        if name == "engine":
            registry.get_engine(read)
        if name == "instrument":
            find_instrument(read)
        setattr(self, name, str(value).strip() if read is not None and name in ("key", "chords") else read)

    def _set_option(self, name: str, value: Any) -> None:
        options = dict(self.options)
        if value is None or (isinstance(value, str) and not value.strip()):
            options.pop(name, None)
        else:
            options[name] = str(value) if name in PROMPTS else _number_or_text(value)
        self.options = options

    def forget_heard(self) -> None:
        """Clear what was set for one idea: tempo, key, metre, chords, genre and mood."""
        for name in self.HEARD:
            setattr(self, name, None)

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Form:
        """Read :meth:`to_json`: unknown names are left out, missing ones keep their default, odd values are refused."""
        form = cls()
        for name in [name for name in _ROWS if name in data]:
            form.set(name, data[name])
        if isinstance(data.get("options"), dict):
            for name, value in data["options"].items():
                form.set(f"options.{name}", value)
        return form


def _number_or_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value.strip()


def unusable(form: Form, info: EngineInfo) -> dict[str, str]:
    """The settings an engine cannot use, each with the reason shown beside the greyed-out control."""
    hears_audio = bool(info.hears & {"init-audio", "melody", "continuation"})
    reads_notes = "analysis" in info.hears
    why: dict[str, str] = {}
    if "text" not in info.hears:
        why[WORDS] = f"{info.title} plays from the notes; it reads no words."
    if "negative" not in info.hears:
        why[UNWANTED_WORDS] = f"{info.title} cannot be told what to leave out."
    if not reads_notes and not (hears_audio and form.guide == "sketch"):
        reason = "needs the sketch as guide" if hears_audio else f"{info.title} cannot follow notes"
        why[NOTES] = f"Shapes a composed part; {reason}."
    if not hears_audio:
        why[GUIDE] = f"{info.title} needs no guide." if reads_notes else f"{info.title} cannot hear audio."
    off = {name: why[row.heard_by] for name, row in _ROWS.items() if row.heard_by in why}
    if hears_audio and form.guide == "none":
        off["guide_strength"] = "There is no guide to follow."
    prompts = {f"options.{name}": why.get(kind) for name, kind in zip(PROMPTS, (WORDS, UNWANTED_WORDS), strict=True)}
    return off | {name: reason for name, reason in prompts.items() if reason}


def controls(info: EngineInfo) -> list[dict[str, Any]]:
    """Advanced mode's controls for an engine, in groups, as the page draws them."""
    drawn = [row for row in _ROWS.values() if row.group]
    groups = [
        {"title": title, "controls": [_drawn(row) for row in rows]} for title, rows in groupby(drawn, lambda r: r.group)
    ]
    own = []
    for name, text in info.options.items():
        words = info.choices.get(name, ())
        field = {"name": f"options.{name}", "label": name.replace("_", " ").capitalize(), "kind": "text", "help": text}
        if name not in NO_FIELDS:
            own.append(field | ({"kind": "choice", "choices": ["", *words], "empty": "as usual"} if words else {}))
    return [*groups, *([{"title": f"{info.title}: its own settings", "controls": own}] if own else [])]


def _drawn(row: Control) -> dict[str, Any]:
    """A row as the page's JavaScript draws it."""
    field: dict[str, Any] = {"name": row.name, "label": row.label, "kind": row.kind, "hint": row.hint}
    if row.kind == "choice":
        return field | {"choices": [*([""] if row.is_open else []), *row.choices], "empty": row.hint}
    if row.kind in ("number", "whole"):
        field |= {"kind": "number", "min": row.low, "max": row.high, "step": 1 if row.kind == "whole" else "any"}
    if row.ends:
        step = 0.05 if row.high - row.low > 0.5 else 0.01
        field |= {"kind": "share", "low": row.ends[0], "high": row.ends[1], "step": step, "fixed": not row.is_open}
    return field | ({"kind": "check"} if row.kind == "switch" else {})


def choices() -> dict[str, Any]:
    """What the page offers: instruments (favourites first), keys, how many takes Normal mode makes."""
    return {
        "takes": Form.INITIAL["takes"],
        "favourites": [{"name": i.name, "role": i.role} for name in FAVOURITES for i in INSTRUMENTS if i.name == name],
        "instruments": sorted({word for i in INSTRUMENTS for word in (i.name, *i.words)}),
        "keys": [key.name for key in ALL_KEYS],
    }


def settings_file(form: Form) -> bytes:
    """The settings as the JSON file that Advanced mode saves."""
    return (json.dumps({"format": SETTINGS_FORMAT, **form.to_json()}, indent=2, ensure_ascii=False) + "\n").encode()


def read_settings(text: str) -> Form:
    """Read a settings file, or the JSON that lies beside a loop (its request becomes the settings).

    Raises InvalidInput if the text is neither, or holds a value out of range.
    """
    try:
        data = read_json(text)
    except ValueError:
        raise InvalidInput("That file is not JSON; load settings saved here, or the JSON beside a loop.") from None
    if isinstance(data, dict) and data.get("format") == SETTINGS_FORMAT:
        return Form.from_json(data)
    if isinstance(data, dict) and isinstance(data.get("request"), dict):
        request = dict(data["request"])
        written = request.get("progression") if not request.get("chords_heard") else None  # else heard again
        request["chords"] = write_progression(written) if written else None
        if request.get("seed", 0) > LARGEST_SEED:  # version 0.1 allowed them
            del request["seed"]
        form = Form.from_json({**request, "mode": "advanced"})
        if form.role == find_instrument(form.instrument).instrument.role:
            form.role = None  # another instrument, chosen next, has a role of its own
        return form
    raise InvalidInput("That JSON holds no settings; load settings saved here, or the JSON beside a loop.")


def restored_form(data: dict[str, Any]) -> Form:
    """The settings as the notebook left them; settings of another version begin anew rather than not at all."""
    try:
        return Form.from_json(data)
    except InvalidInput:
        return Form()


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


def loop_bars(analysis: Analysis) -> int | None:
    """How long a loop for this idea is at first: as long as the idea; None where that is not as long as a loop."""
    heard = analysis.tempo.bars
    return heard if heard is not None and 1 <= heard <= MOST_BARS else None
