"""Reading an engine's own settings out of a request, each refused in one sentence when it cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InvalidInput
from ..music.meter import bar_seconds
from ..records import Request
from .fast.presets import DEFAULT_PRESET, PRESETS, Presets, choose_settings, label_settings

# Lowest and highest value of every number that is an option of some engine, and whether it must be whole.
_NUMBERS = {
    "steps": (2, 500, True),
    "guidance": (1.0, 20.0, False),
    "top_k": (1, 2048, True),
    "temperature": (0.1, 2.0, False),
}
_CHOICES = {"canvas": ("full", "fitted"), "sampler": ("ddim", "dpm")}
MOST_AT_ONCE = 16
# What most engines offer, described once.
PROMPT = {"prompt": "the words the model reads, instead of those written from the request"}
NEGATIVE_PROMPT = {"negative_prompt": "what the model steers away from"}
DIFFUSION_STEPS = {"steps": "sampling steps, 2 to 500, instead of the preset's"}
RUNNING = {
    "precision": "auto, float16, bfloat16 or float32",
    "batch": f"takes made at once, 1 to {MOST_AT_ONCE}; default: what fits the memory",
}


def read_settings(presets: Presets, request: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings of the request's preset with those given one by one in their place, and their labels.

    Raises
    ------
    InvalidInput
        If a value cannot be used.
    """
    checked_number(request, "batch", 1, 1, MOST_AT_ONCE, whole=True)
    preset = checked_choice(request, "preset", DEFAULT_PRESET, PRESETS)
    given: dict[str, object] = {}
    for name, (low, high, whole) in _NUMBERS.items():
        if name in request.options:
            given[name] = checked_number(request, name, low, low, high, whole=whole)
    for name, choices in _CHOICES.items():
        if name in request.options:
            given[name] = checked_choice(request, name, choices[0], choices)
    settings = choose_settings(presets, preset, given)
    return settings, label_settings(presets, settings)


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
