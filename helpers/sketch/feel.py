"""How players place and strike the sixteenths of a bar: learnt from drummers by style, and heard in the idea.

The figures are medians over the Groove MIDI Dataset (see ``weights/feel.json`` and ``training/learn_feel.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..machine.weights import load_weights
from ..music.tables import read_toml

_STYLE = {kit: style for style, kits in read_toml(__package__, "kits.toml")["drummers"].items() for kit in kits.split()}
KITS_PLAYED = (0, 8, 16, 32, 40, 48)  # General MIDI kits that a drummer sits at
PLAYED, PROGRAMMED = 0.9, 0.15  # how human a part is where nobody asks: drummers near their tightest tenth, machines
MOST_PLACE_MS = 12.0  # a step's own place: what is more was swing that the median did not take out
VELOCITY_SHARE = 0.3  # of the drummers' deviations: the rest is their ghosts and accents, which our marks write out


@dataclass(frozen=True)
class Feel:
    """One limb's manner: place in milliseconds and added velocity by step of the bar, deviations around both, and how
    much of a player's own habit, 0..1, each step has beside them."""

    ms: tuple[float, ...]
    velocity: tuple[float, ...]
    ms_deviation: float
    deviation: float
    habit: tuple[float, ...] = ()


def limb_of(line: str) -> str:
    """Who plays a line of a kit: ``kick``, ``snare`` or ``time``."""
    return "kick" if "kick" in line else "snare" if line in ("snare", "clap", "rim") or "tom" in line else "time"


@lru_cache(maxsize=64)
def learnt_feel(kit_style: str, limb: str, steps: int) -> Feel:
    """The full manner of a style's drummers over a bar of ``steps``; scale it by how human the part should be."""
    row = load_weights(__package__, "feel")[_STYLE.get(kit_style, "pop")][limb]
    force = np.resize(np.array(row["velocity"], dtype=float), steps)
    ms = np.clip(np.resize(np.array(row["ms"], dtype=float), steps), -MOST_PLACE_MS, MOST_PLACE_MS)
    return Feel(
        tuple((ms - ms[0]).tolist()),
        tuple((force - force.mean()).tolist()),
        float(row["ms_deviation"]),
        float(row["velocity_deviation"]),
    )
