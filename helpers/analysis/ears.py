"""Learned models that come inside packages: which there are, and how to find their files without importing them.

The packages (``requirements-ears.txt``) are installed without their own dependencies, so they cannot be imported; we
read their weights and run them through onnxruntime or numpy. Without them the analysis works and says what is missing.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Ear:
    """A package with a model inside: ``package`` to install, ``module`` to find, ``gives`` to the analysis."""

    package: str
    module: str
    gives: str


NOTES = Ear("basic-pitch", "basic_pitch", "notes")
TAGS = Ear("musicnn", "musicnn", "genre family and instruments")
EARS = (NOTES, TAGS)


@lru_cache(maxsize=8)
def folder_of(ear: Ear) -> Path | None:
    """Where the package lies; None when it is not installed. Nothing is imported."""
    try:
        found = importlib.util.find_spec(ear.module)
    except (ImportError, ValueError):
        return None
    return Path(next(iter(found.submodule_search_locations))) if found and found.submodule_search_locations else None


def missing_note() -> str | None:
    """What is not heard because a package is missing, in one sentence; None when all are here."""
    missing = [ear for ear in EARS if folder_of(ear) is None]
    if not missing:
        return None
    packages, gives = ", ".join(ear.package for ear in missing), ", ".join(ear.gives for ear in missing)
    return (
        f"Not heard with a learned model ({packages} not installed): {gives}. "
        "Install them with: loops-generator install ears."
    )
