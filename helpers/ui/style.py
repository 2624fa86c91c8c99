"""The look and the scripts of the panels, read from ``static/`` (package data; nothing is fetched from a network)."""

from __future__ import annotations

import functools
from pathlib import Path

STATIC = Path(__file__).parent / "static"
SHARED = ("base", "kernel", "waveform")


@functools.cache
def stylesheet() -> str:
    """The one stylesheet that all panels share."""
    return (STATIC / "style.css").read_text(encoding="utf-8")


@functools.cache
def script(*names: str) -> str:
    """The scripts ``names`` joined into one ES module: widgets load a module whole and cannot import its neighbours.

    What all panels share comes first; the last name is the one that exports ``render``.
    """
    return "\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in (*SHARED, *names))
