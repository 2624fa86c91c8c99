"""Find the best SoundFont on this machine.

Order: the file named by the environment variable ``LOOPS_SOUNDFONT``; a well-known General MIDI bank in the usual
folders or fetched by us (:mod:`.fluidr3`), best first; the small TimGM6mb that the pretty_midi package carries.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from ..errors import InvalidInput, NotAvailable
from ..machine.home import cache_home

# Best first; the part of a file name that tells the bank, its title and its licence.
KNOWN_BANKS = (
    ("generaluser", "GeneralUser GS", "GeneralUser GS licence: free for any music, also commercial"),
    ("musescore_general", "MuseScore General", "MIT"),
    ("fluidr3", "FluidR3 GM", "MIT"),
    ("timgm6mb", "TimGM6mb", "GPL-2"),
    ("default-gm", "the system's default bank", "see the package it came with"),
)
FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/usr/local/share/sounds/sf2",
    "~/.local/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
    "/Library/Audio/Sounds/Banks",
)


@dataclass(frozen=True)
class SoundFont:
    """A SoundFont file with its title and licence in words."""

    path: Path
    title: str
    licence: str


def _described(path: Path) -> SoundFont:
    for part, title, licence in KNOWN_BANKS:
        if part in path.name.lower():
            return SoundFont(path, title, licence)
    return SoundFont(path, path.stem, "your own SoundFont; its licence is not known to us")


def _is_soundfont(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"RIFF" and head[8:12] == b"sfbk"


def _packaged() -> Path | None:
    """The TimGM6mb inside the pretty_midi package, found without importing it."""
    spec = find_spec("pretty_midi")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / "TimGM6mb.sf2"
    return path if _is_soundfont(path) else None


@lru_cache(maxsize=8)
def _search(named: str) -> SoundFont:
    if named:
        path = Path(named).expanduser()
        if not _is_soundfont(path):
            raise InvalidInput(
                f"LOOPS_SOUNDFONT names {named}, which is not a SoundFont 2 file; name an .sf2 file or unset it."
            )
        return _described(path)
    found = [
        path
        for folder in (*FOLDERS, cache_home() / "soundfonts")
        for path in sorted(Path(folder).expanduser().glob("*.sf2"))
        if any(part in path.name.lower() for part, _, _ in KNOWN_BANKS) and _is_soundfont(path)
    ]
    for part, _, _ in KNOWN_BANKS:
        for path in found:
            if part in path.name.lower():
                return _described(path)
    packaged = _packaged()
    if packaged is None:
        raise NotAvailable(
            "No SoundFont was found, so the sketch cannot sound: install the pretty_midi package, which carries one "
            f"({Path(sys.executable).name} -m pip install pretty_midi), or set LOOPS_SOUNDFONT to an .sf2 file."
        )
    return _described(packaged)


def forget_soundfont() -> None:
    """Search again the next time: a SoundFont has come or gone."""
    _search.cache_clear()


def find_soundfont() -> SoundFont:
    """The SoundFont the sketch sounds through.

    Raises
    ------
    InvalidInput
        If LOOPS_SOUNDFONT names a file that is not a SoundFont 2 bank.
    NotAvailable
        If there is no SoundFont at all.
    """
    return _search(os.environ.get("LOOPS_SOUNDFONT", ""))
