"""A served page (Voilà): each visitor has a folder of their own, named by an id that only their browser knows."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from ..errors import InvalidInput

VISITORS = "visitors"
MOST_BYTES = 2 * 1024**3  # of one visitor: some ten ideas of ten minutes, or two thousand loops
KEPT_SECONDS = 7 * 86_400.0  # a visitor's folder that nobody opened for so long is removed
_ID = re.compile(r"[0-9a-f]{32}")


def is_served() -> bool:
    """Whether this kernel serves a page to visitors instead of a notebook to its owner."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def visitor_folder(base: Path, visitor: str = "") -> Path:
    """The folder of a visitor, by the id that their browser keeps; without one a new folder nobody else can name.

    Raises InvalidInput if the id is not one of ours: it becomes a folder's name.
    """
    visitor = visitor or secrets.token_hex(16)
    if not _ID.fullmatch(visitor):
        raise InvalidInput("This page's id is not one of ours; reload the page.")
    return base / VISITORS / visitor


def sweep(base: Path) -> None:
    """Remove the folders of visitors who have not come back for a week."""
    for folder in (base / VISITORS).glob("*"):
        with suppress(OSError):
            newest = max((path.stat().st_mtime for path in folder.glob("*")), default=folder.stat().st_mtime)
            if time.time() - newest > KEPT_SECONDS:
                shutil.rmtree(folder)


def require_room(folder: Path) -> None:
    """Raise InvalidInput when a visitor's files have grown past what one may keep here."""
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if used > MOST_BYTES:
        raise InvalidInput(
            f"Your files here have reached {MOST_BYTES / 1024**3:.0f} GB; download what you want to keep and remove "
            "ideas and loops you no longer need."
        )
