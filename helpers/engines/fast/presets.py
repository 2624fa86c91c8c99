"""How faithful a run is: three presets an engine, kept by its adapter; a label for all that is not as published.

- *reference*: the settings the model was published with.
- *balanced*: fewer steps, so another distribution. Users of AudioLDM2 call 20 to 25 steps of DPM-Solver++ about as
  good; for Stable Audio Open at half its steps no listening test has been published.
- *draft*: to hear quickly whether an idea works, on a CPU too.

:func:`choose_settings` is the one place where a preset becomes numbers; :func:`label_settings` the one place where
numbers become the words of ``Take.labels``. Labels come from the numbers alone, so a setting changed by hand is
labelled like one that came with a preset. Exact reformulations (:mod:`..fast`) carry no label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import InvalidInput

PRESETS = ("reference", "balanced", "draft")
DEFAULT_PRESET = "reference"

Presets = Mapping[str, Mapping[str, Any]]  # of one engine: preset -> what it sets, every setting in "reference"


def choose_settings(table: Presets, preset: str = DEFAULT_PRESET, given: Mapping[str, object] = {}) -> dict[str, Any]:
    """The settings of a preset of an engine's ``table``, with those in ``given`` in their place.

    Raises
    ------
    InvalidInput
        If there is no such preset or setting.
    """
    if preset not in table:
        raise InvalidInput(f"The preset {preset!r} is not known; use one of {', '.join(PRESETS)}.")
    unknown = sorted(set(given) - set(table["reference"]))
    if unknown:
        known = ", ".join(table["reference"])
        raise InvalidInput(f"{unknown[0]!r} is not a setting here; the settings are: {known}.")
    return {**table["reference"], **table[preset], **given}


def label_settings(table: Presets, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Name everything in ``settings`` that moves the output away from the published model's; empty = reference.

    More steps than published are no approximation and get no label.
    """
    usual, labels = table["reference"], []
    if "steps" in usual:
        sampler = settings.get("sampler", usual.get("sampler"))
        if sampler != usual.get("sampler"):
            labels.append(f"{settings['steps']} DPM-Solver++ steps instead of {usual['steps']} DDIM steps")
        elif int(settings["steps"]) < int(usual["steps"]):
            labels.append(f"{settings['steps']} of {usual['steps']} steps")
    if settings.get("canvas") == "fitted":
        labels.append("canvas fitted to the loop")
    for name, words in (("guidance", "guidance"), ("top_k", "top-k"), ("temperature", "temperature")):
        if name in usual and settings[name] != usual[name]:
            labels.append(f"{words} {settings[name]:g}")
    return tuple(labels)


def describe_presets(table: Presets) -> str:
    """One line for a form or ``--help``: what each preset means for this engine."""
    parts = []
    for preset in PRESETS:
        labels = label_settings(table, choose_settings(table, preset))
        parts.append(f"{preset} ({', '.join(labels) or 'as published'})")
    return "; ".join(parts)
