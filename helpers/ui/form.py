"""The controls: what a musician may set, what each engine can use of it, and how it becomes a request."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidInput
from ..music.instruments import INSTRUMENTS
from ..music.meter import METERS, MOST_BARS
from ..music.pitch import ALL_KEYS, parse_progression
from ..records import GUIDES, ROLES, EngineInfo

SETTINGS_FORMAT = "loops-generator-settings/1"
SKETCH = "sketch"
MODES = ("normal", "advanced")
FAVOURITES = (
    "bass guitar", "sub bass", "808", "synth bass", "piano", "electric piano", "acoustic guitar", "electric guitar",
    "strings", "warm pad", "pluck", "synth lead", "brass section", "flute", "drum kit", "808 kit",
)  # fmt: skip


@dataclass
class Form:
    """The settings as the musician left them; None means "as heard" or "you decide"."""

    mode: str = "normal"
    instrument: str = "bass guitar"
    engine: str = SKETCH
    bars: int = 4
    takes: int = 3
    bpm: float | None = None
    key: str | None = None
    meter: str | None = None
    chords: str | None = None
    role: str | None = None
    genre: str | None = None
    mood: str | None = None
    style: str = ""
    avoid: str = ""
    seed: int | None = None
    swing: float | None = None
    complexity: float | None = None
    density: float | None = None
    syncopation: float | None = None
    answer: float | None = None
    humanize: float | None = None
    register: int = 0
    dry: bool = False
    guide: str = "sketch"
    guide_strength: float = 0.5
    options: dict[str, Any] = field(default_factory=dict)

    # What belongs to one idea and is let go when another idea is chosen.
    HEARD = ("bpm", "key", "meter", "chords", "genre", "mood")

    def set(self, name: str, value: Any) -> None:
        """Change one setting from the page: empty text is "as heard", numbers come as text or number.

        Raises
        ------
        InvalidInput
            If there is no such setting or the value is not of its kind; the setting keeps its old value.
        """
        if name.startswith("options."):
            self._set_option(name.removeprefix("options."), value)
            return
        if name not in {f.name for f in dataclasses.fields(self)} - {"options"}:
            raise InvalidInput(f"There is no setting called {name!r}.")
        setattr(self, name, _convert(name, value))

    def _set_option(self, name: str, value: Any) -> None:
        options = dict(self.options)
        if value is None or (isinstance(value, str) and not value.strip()):
            options.pop(name, None)
        else:
            options[name] = _number_or_text(value) if name not in ("prompt", "negative_prompt") else str(value)
        self.options = options

    def forget_heard(self) -> None:
        """Let go of what was said about one idea's tempo, key, chords, genre and mood."""
        for name in self.HEARD:
            setattr(self, name, None)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Form:
        """Read :meth:`to_json`: unknown names are left out, missing ones keep their default, odd values are refused."""
        form = cls()
        for name in (f.name for f in dataclasses.fields(cls) if f.name in data and f.name != "options"):
            form.set(name, data[name])
        if isinstance(data.get("options"), dict):
            for name, value in data["options"].items():
                form.set(f"options.{name}", value)
        return form


_WHOLE = {"bars": (1, MOST_BARS), "takes": (1, 16), "register": (-3, 3), "seed": (0, 2**63 - 1)}
_SHARES = ("complexity", "density", "syncopation", "answer", "humanize", "guide_strength")
_CHOICES = {"mode": MODES, "guide": GUIDES, "role": ROLES, "meter": tuple(METERS)}
_MAY_BE_EMPTY = ("bpm", "key", "meter", "chords", "role", "genre", "mood", "seed", "swing", *_SHARES[:-1])


def _convert(name: str, value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        if name in _MAY_BE_EMPTY:
            return None
        if name in ("style", "avoid"):
            return ""
        raise InvalidInput(f"The setting {name} cannot be empty.")
    if name in _WHOLE:
        low, high = _WHOLE[name]
        number = _number(name, value)
        if number != int(number) or not low <= number <= high:
            raise InvalidInput(f"{name} is {value}; give a whole number from {low} to {high}.")
        return int(value) if isinstance(value, str | int) else int(number)
    if name in _SHARES or name in ("bpm", "swing"):
        low, high = {"bpm": (30.0, 300.0), "swing": (0.5, 0.75)}.get(name, (0.0, 1.0))
        number = _number(name, value)
        if not low <= number <= high:
            raise InvalidInput(f"{name} is {value}; give a number from {low:g} to {high:g}.")
        return number
    if name in _CHOICES and value not in _CHOICES[name]:
        raise InvalidInput(f"{name} is {value!r}; use one of {', '.join(_CHOICES[name])}.")
    if name == "chords":
        parse_progression(value)
    return bool(value) if name == "dry" else str(value)


def _number(name: str, value: Any) -> float:
    try:
        return float(str(value).replace(",", "."))
    except ValueError:
        raise InvalidInput(f"{name} is {value!r}; give a number.") from None


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
    off: dict[str, str] = {}
    hears_audio = bool(info.hears & {"init-audio", "melody", "continuation"})
    guided = hears_audio and form.guide == "sketch"
    if "text" not in info.hears:
        words = f"{info.title} plays from the notes; it reads no words."
        off |= dict.fromkeys(("style", "options.prompt"), words)
    if "negative" not in info.hears:
        cannot = f"{info.title} cannot be told what to leave out."
        off |= dict.fromkeys(("avoid", "options.negative_prompt"), cannot)
    if "analysis" not in info.hears and not guided:
        why = "needs the sketch as guide" if hears_audio else f"{info.title} cannot follow notes"
        reason = f"Shapes a composed part; {why}."
        off |= dict.fromkeys(("swing", "complexity", "syncopation", "answer", "humanize", "register", "role"), reason)
    if not hears_audio:
        reason = f"{info.title} needs no guide." if "analysis" in info.hears else f"{info.title} cannot hear audio."
        off |= dict.fromkeys(("guide", "guide_strength"), reason)
    elif form.guide == "none":
        off["guide_strength"] = "There is no guide to follow."
    return off


def controls(info: EngineInfo) -> list[dict[str, Any]]:
    """Advanced mode's controls for an engine, in groups, as the page draws them."""

    def share(name: str, label: str, low: str, high: str) -> dict[str, Any]:
        return {
            "name": name,
            "label": label,
            "kind": "share",
            "low": low,
            "high": high,
            "min": 0,
            "max": 1,
            "step": 0.05,
        }

    music = [
        {"name": "bars", "label": "Bars", "kind": "number", "min": 1, "max": MOST_BARS, "step": 1},
        {"name": "meter", "label": "Time signature", "kind": "choice", "choices": ["", *METERS], "empty": "as heard"},
        {"name": "role", "label": "Role", "kind": "choice", "choices": ["", *ROLES], "empty": "the instrument's own"},
        {"name": "register", "label": "Register (octaves)", "kind": "number", "min": -3, "max": 3, "step": 1},
        {"name": "style", "label": "Style words", "kind": "text", "hint": "such as fingered, mellow, tape"},
        {"name": "avoid", "label": "Avoid", "kind": "text", "hint": "such as reverb, slides"},
    ]
    playing = [
        share("complexity", "Complexity", "simple", "intricate"),
        share("density", "Density", "few notes", "many"),
        share("syncopation", "Syncopation", "on the beat", "off it"),
        share("answer", "Answers the idea", "independent", "fills its gaps"),
        share("humanize", "Feel", "tight", "loose"),
        {**share("swing", "Swing", "straight", "shuffle"), "min": 0.5, "max": 0.75, "step": 0.01},
    ]
    takes = [
        {"name": "takes", "label": "Takes", "kind": "number", "min": 1, "max": 16, "step": 1},
        {"name": "seed", "label": "Seed", "kind": "text", "hint": "new each time"},
        {"name": "dry", "label": "Dry, without reverb", "kind": "check"},
        {"name": "guide", "label": "Guide", "kind": "choice", "choices": list(GUIDES)},
        {**share("guide_strength", "Guide strength", "free", "close"), "fixed": True},
    ]
    own = [
        {"name": f"options.{name}", "label": name.replace("_", " ").capitalize(), "kind": "text", "help": text}
        for name, text in info.options.items()
        if name not in ("prompt", "negative_prompt")
    ]
    groups = [
        ("Music", music),
        ("Playing", playing),
        ("Takes and steering", takes),
        (f"{info.title}: its own settings", own),
    ]
    return [{"title": title, "controls": members} for title, members in groups if members]


def choices() -> dict[str, Any]:
    """Lists the page offers: instruments (favourites first), keys."""
    return {
        "favourites": [{"name": i.name, "role": i.role} for name in FAVOURITES for i in INSTRUMENTS if i.name == name],
        "instruments": sorted({word for i in INSTRUMENTS for word in (i.name, *i.words)}),
        "keys": [key.name for key in ALL_KEYS],
    }


def settings_file(form: Form) -> bytes:
    """The settings as the JSON file that Advanced mode saves."""
    return (json.dumps({"format": SETTINGS_FORMAT, **form.to_json()}, indent=2, ensure_ascii=False) + "\n").encode()


def read_settings(text: str) -> Form:
    """Read a settings file, or the JSON that lies beside a loop (its request becomes the settings).

    Raises
    ------
    InvalidInput
        If the text is neither, or holds a value out of range.
    """
    try:
        data = json.loads(text)
    except ValueError:
        raise InvalidInput("That file is not JSON; load settings saved here, or the JSON beside a loop.") from None
    if isinstance(data, dict) and data.get("format") == SETTINGS_FORMAT:
        return Form.from_json(data)
    if isinstance(data, dict) and isinstance(data.get("request"), dict):
        request = dict(data["request"])
        chords = request.pop("progression", None) or []
        if request.pop("chords_heard", False):
            chords = []  # heard again in the idea, not written by the musician
        request["chords"] = "| " + " | ".join(" ".join(bar) for bar in chords) + " |" if chords else None
        return Form.from_json({**request, "mode": "advanced"})
    raise InvalidInput("That JSON holds no settings; load settings saved here, or the JSON beside a loop.")


def restored_form(data: dict[str, Any]) -> Form:
    """The settings as the notebook left them; settings of another version begin anew rather than not at all."""
    try:
        return Form.from_json(data)
    except InvalidInput:
        return Form()
