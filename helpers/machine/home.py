"""Where we keep what was fetched or built once and is used again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path:
    """``LOOPS_HOME``, else ``loops-generator`` in the user's cache folder (``XDG_CACHE_HOME`` or ``~/.cache``).

    The folder is named, not made.
    """
    own = os.environ.get("LOOPS_HOME")
    if own:
        return Path(own).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "loops-generator"
