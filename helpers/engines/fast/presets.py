"""How faithful a run is: three presets an engine, and a label for everything that is not as the model was published.

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

from ...errors import InvalidInput

PRESETS = ("reference", "balanced", "draft")
DEFAULT_PRESET = "reference"

_TABLE: dict[str, dict[str, dict[str, object]]] = {
    "stable-audio-open": {
        "reference": {"steps": 100, "guidance": 7.0, "canvas": "full"},
        "balanced": {"steps": 50},
        # A canvas cut to the loop is up to six times less work, but the model never saw one in training.
        "draft": {"steps": 25, "canvas": "fitted"},
    },
    "audioldm2-music": {
        "reference": {"steps": 200, "guidance": 3.5, "sampler": "ddim"},
        "balanced": {"steps": 25, "sampler": "dpm"},
        "draft": {"steps": 12, "sampler": "dpm"},
    },
    "musicgen": {
        # A token is a token: nothing can be left out that the model would not miss. A smaller variant is quicker.
        "reference": {"guidance": 3.0, "top_k": 250, "temperature": 1.0},
        "balanced": {},
        "draft": {},
    },
}


def choose_settings(engine: str, preset: str = DEFAULT_PRESET, given: Mapping[str, object] = {}) -> dict[str, object]:
    """The settings of a preset, with those in ``given`` in their place.

    Raises
    ------
    InvalidInput
        If the engine has no such preset or setting.
    """
    table = _TABLE.get(engine)
    if table is None:
        raise InvalidInput(f"{engine!r} has no presets; engines that have: {', '.join(_TABLE)}.")
    if preset not in table:
        raise InvalidInput(f"The preset {preset!r} is not known; use one of {', '.join(PRESETS)}.")
    unknown = sorted(set(given) - set(table["reference"]))
    if unknown:
        known = ", ".join(table["reference"])
        raise InvalidInput(f"{unknown[0]!r} is not a setting of {engine}; its settings are: {known}.")
    return table["reference"] | table[preset] | dict(given)


def label_settings(engine: str, settings: Mapping[str, object]) -> tuple[str, ...]:
    """Name everything in ``settings`` that moves the output away from the published model's; empty = reference.

    More steps than published are no approximation and get no label.
    """
    usual, labels = _TABLE[engine]["reference"], []
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


def describe_presets(engine: str) -> str:
    """One line for a form or ``--help``: what each preset means for this engine."""
    parts = []
    for preset in PRESETS:
        labels = label_settings(engine, choose_settings(engine, preset))
        parts.append(f"{preset} ({', '.join(labels) or 'as published'})")
    return "; ".join(parts)
