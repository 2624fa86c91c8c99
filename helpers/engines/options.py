"""An engine's own settings: their limits and help, three presets an engine, and labels for what is not as published.

- *reference*: the settings the model was published with.
- *balanced*: fewer steps, so another distribution. Users of AudioLDM2 call 20 to 25 steps of DPM-Solver++ about as
  good; for Stable Audio Open at half its steps no listening test has been published.
- *draft*: to hear quickly whether an idea works, on a CPU too.

Labels come from the numbers alone, so a setting changed by hand is labelled like one that came with a preset. Exact
reformulations (:mod:`.fast`) carry no label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from ..music.meter import bar_seconds
from ..records import Request

PRESETS = ("reference", "balanced", "draft")
Presets = Mapping[str, Mapping[str, Any]]  # of one engine: preset -> what it sets, every setting in "reference"


@dataclass(frozen=True)
class Option:
    """One setting: a line of help, and the range of a number or the words that may be chosen."""

    help: str
    low: float | None = None
    high: float = 0.0
    whole: bool = False
    choices: tuple[str, ...] = ()

    def read(self, request: Request, name: str) -> Any:
        """The value in ``request.options[name]``, which is there; raises InvalidInput when it cannot be used."""
        if self.choices:
            return checked_choice(request, name, "", self.choices)
        if self.low is not None:
            return checked_number(request, name, 0.0, self.low, self.high, whole=self.whole)
        return request.options[name]


OPTIONS = {
    "prompt": Option("the words the model reads, instead of those written from the request"),
    "negative_prompt": Option("what the model steers away from"),
    "preset": Option("", choices=PRESETS),
    "steps": Option("sampling steps, {range}, instead of the preset's", 2, 500, whole=True),
    "guidance": Option("how closely the words are followed, {range}; default {usual}", 1, 20),
    "top_k": Option("how many tokens each draw chooses from, {range}; default {usual}", 1, 2048, whole=True),
    "temperature": Option("how evenly it chooses, {range}; default {usual}", 0.1, 2),
    "canvas": Option("full (47.55 s, as trained) or fitted (to what is kept: quicker)", choices=("full", "fitted")),
    "sampler": Option("ddim (as published) or dpm (DPM-Solver++, for 12 to 50 steps)", choices=("ddim", "dpm")),
    "precision": Option("auto, float16, bfloat16 or float32"),
    "batch": Option("takes made at once, {range}; default: what fits the memory", 1, 16, whole=True),
}
UNHEARD = "kept for the record: this model cannot be told what to leave out"


def describe_options(
    *names: str, presets: Presets | None = None, table: Mapping[str, Option] = OPTIONS, **own: str
) -> dict[str, str]:
    """A line of help for each option: the words, what the presets set, then ``names``; ``own`` lines replace them."""
    usual: Mapping[str, Any] = {} if presets is None else presets["reference"]
    lines = {}
    for name in (*(() if presets is None else ("prompt", "negative_prompt", "preset", *usual)), *names):
        option = table[name]
        limits = "" if option.low is None else f"{option.low:g} to {option.high:g}"
        default = usual.get(name, "")
        lines[name] = option.help.format(range=limits, usual=default if isinstance(default, str) else f"{default:g}")
    if presets is not None:
        settings = {preset: {**usual, **presets[preset]} for preset in PRESETS}
        told = {preset: ", ".join(label_settings(usual, made)) or "as published" for preset, made in settings.items()}
        lines["preset"] = "; ".join(f"{preset} ({labels})" for preset, labels in told.items())
    return lines | own


def read_settings(
    presets: Presets, request: Request, table: Mapping[str, Option] = OPTIONS
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings of the request's preset with those given one by one in their place, and their labels.

    Raises
    ------
    InvalidInput
        If a value cannot be used.
    """
    given = {name: table[name].read(request, name) for name in request.options if name in table}
    usual = presets["reference"]
    settings = {**usual, **presets[given.get("preset", "reference")]}
    settings |= {name: value for name, value in given.items() if name in usual}
    return settings, label_settings(usual, settings)


def label_settings(usual: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Name everything in ``settings`` that moves the output away from the published model's (``usual``).

    More steps than published are no approximation and get no label.
    """
    labels = []
    if settings.get("sampler") != usual.get("sampler"):
        labels.append(f"{settings['steps']} DPM-Solver++ steps instead of {usual['steps']} DDIM steps")
    elif "steps" in usual and settings["steps"] < usual["steps"]:
        labels.append(f"{settings['steps']} of {usual['steps']} steps")
    if settings.get("canvas") == "fitted":
        labels.append("canvas fitted to the loop")
    for name, value in usual.items():
        if name != "steps" and not isinstance(value, str) and settings[name] != value:
            labels.append(f"{name.replace('_', '-')} {settings[name]:g}")
    return tuple(labels)


def planned_seconds(request: Request, canvas_seconds: float) -> float:
    """How much to render: the loop, and a bar (at least two seconds) more to cut from, within the canvas."""
    extra = max(bar_seconds(request.bpm, request.time), 2.0)
    return min(request.seconds + extra, canvas_seconds)


def written_prompt(request: Request, title: str) -> tuple[str, str]:
    """The prompt and negative prompt in ``request.options``, where :mod:`helpers.pipeline` puts what it had written.

    Raises
    ------
    InvalidInput
        If there is no prompt.
    """
    prompt = request.options.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidInput(f"{title} needs words; put them into options['prompt'] (prompts.write_prompt).")
    return prompt, str(request.options.get("negative_prompt", ""))


def checked_number(
    request: Request, name: str, default: float, low: float, high: float, *, whole: bool = False
) -> float:
    """The number in ``request.options[name]``, or ``default``; raises InvalidInput outside ``low`` to ``high``."""
    value = request.options.get(name, default)
    try:
        number = float(value)
        if not low <= number <= high or (whole and number != int(number)):
            raise ValueError
    except (TypeError, ValueError):
        kind = "a whole number" if whole else "a number"
        raise InvalidInput(f"The option {name} is {value!r}; give {kind} from {low:g} to {high:g}.") from None
    return int(number) if whole else number


def checked_choice(request: Request, name: str, default: str, choices: Sequence[str]) -> str:
    """The word in ``request.options[name]``, or ``default``; raises InvalidInput when it is not one of ``choices``."""
    value = request.options.get(name, default)
    if value not in choices:
        raise InvalidInput(f"The option {name} is {value!r}; use one of {', '.join(choices)}.")
    return str(value)
