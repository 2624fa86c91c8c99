"""An engine's own settings: their limits and help, three presets an engine, and labels for what is not as published.

- *reference*: the settings the model was published with.
- *balanced*: fewer steps, so another distribution. Users of AudioLDM2 call 20 to 25 steps of DPM-Solver++ about as
  good; for Stable Audio Open at half its steps no listening test has been published.
- *draft*: to hear quickly whether an idea works, on a CPU too.

Labels come from the numbers alone, so a setting changed by hand is labelled like one that came with a preset. Exact
reformulations (:mod:`.fast`) carry no label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidInput
from ..music.meter import bar_seconds
from ..music.tables import read_toml
from ..records import Control, EngineInfo, Request
from .hub.sources import SOURCES, VARIANTS

Presets = Mapping[str, Mapping[str, Any]]  # of one engine: preset -> what it sets, every setting in "reference"
Options = Mapping[str, Control]


def _rows(table: Mapping[str, dict[str, Any]]) -> dict[str, Control]:
    return {
        name: Control(**row | {"name": f"The option {name}", "choices": tuple(row.get("choices", ()))})
        for name, row in table.items()
    }


OPTIONS = _rows(read_toml(__package__, "options.toml"))
PRESETS = OPTIONS["preset"].choices
UNHEARD = "kept for the record: this model cannot be told what to leave out"
_ENGINES = read_toml(__package__, "engines.toml")


def declare(name: str) -> tuple[EngineInfo, Presets, Options]:
    """What ``engines.toml`` and the table of weights say of an engine, and the rows that its options are read by."""
    facts = {"weights": name, "prompt_style": name, "packages": "diffusers", "rows": {}, "lines": {}} | _ENGINES[name]
    source, presets, own = (facts.pop(key) for key in ("weights", "presets", "rows"))
    source, rows, hears = SOURCES[source], OPTIONS | _rows(own), frozenset(facts.pop("hears"))
    if name in VARIANTS:
        rows["variant"] = replace(rows["variant"], choices=(*VARIANTS[name], *rows["variant"].choices))
    lines = describe_options(*facts.pop("options"), presets=presets, table=rows)
    lines |= facts.pop("lines") | ({} if "negative" in hears else {"negative_prompt": UNHEARD})
    size = source.download_gib + sum(SOURCES[need].download_gib for need in source.needs)
    info = EngineInfo(
        name=name,
        **facts,
        hears=hears,
        licence=source.licence,
        hub_id=source.hub_id,
        gated=source.gated,
        download_gib=round(size, 2),
        options=lines,
        choices={option: rows[option].choices for option in lines if rows[option].choices},
    )
    return info, presets, rows


def describe_options(*names: str, presets: Presets | None = None, table: Options = OPTIONS) -> dict[str, str]:
    """A line of help for each option: the words, what the presets set, then ``names``."""
    usual: Mapping[str, Any] = {} if presets is None else presets["reference"]
    lines = {}
    for name in (*(() if presets is None else ("prompt", "negative_prompt", "preset", *usual)), *names):
        row, default = table[name], usual.get(name, "")
        filled = {"range": f"{row.low:g} to {row.high:g}", "choices": ", ".join(row.choices)}
        lines[name] = row.help.format(usual=default if isinstance(default, str) else f"{default:g}", **filled)
    if presets is not None:
        settings = {preset: {**usual, **presets[preset]} for preset in PRESETS}
        told = {preset: ", ".join(label_settings(usual, made)) or "as published" for preset, made in settings.items()}
        lines["preset"] = "; ".join(f"{preset} ({labels})" for preset, labels in told.items())
    return lines


def read_settings(
    presets: Presets, request: Request, table: Options = OPTIONS
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings of the request's preset with those given one by one in their place, and their labels.

    Raises InvalidInput if a value cannot be used.
    """
    rows = {name: table[name] for name in request.options if name in table and table[name].kind != "text"}
    given = {name: row.read(request.options[name]) for name, row in rows.items()}
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

    Raises InvalidInput if there is no prompt.
    """
    prompt = request.options.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidInput(f"{title} needs words; put them into options['prompt'] (prompts.write_prompt).")
    return prompt, str(request.options.get("negative_prompt", ""))
