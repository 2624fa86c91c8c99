"""Where our own files are, those of the project and those fetched or built once; memory and disk of this machine."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
EXAMPLE_IDEA = _PACKAGE / "sound" / "example_idea.wav"  # four bars of our own; examples/README.md has their score
_LIBC = ctypes.CDLL(None)
_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def requirements_file(name: str) -> Path:
    """A requirements file: at the root of a clone, or inside an installed copy of the package (see setup.py)."""
    beside = _PACKAGE.parent / name
    return beside if beside.is_file() else _PACKAGE / "install" / name


def package_missing(error: ModuleNotFoundError) -> str:
    """What to do about an import that failed, in one sentence."""
    where = requirements_file("requirements.txt")
    return f"The package {error.name} is not installed; run: {sys.executable} -m pip install -r {where}"


def cache_home() -> Path:
    """``LOOPS_HOME``, else ``loops-generator`` in the user's cache folder (``XDG_CACHE_HOME`` or ``~/.cache``).

    The folder is named, not made.
    """
    own = os.environ.get("LOOPS_HOME")
    if own:
        return Path(own).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "loops-generator"


def total_memory_bytes() -> int:
    """All memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def available_memory_bytes() -> int:
    """Memory that can be had right now; where the system does not tell (not Linux), half of all."""
    with suppress(OSError), open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    return total_memory_bytes() // 2


@contextmanager
def freed_memory_returned() -> Iterator[None]:
    """Give the system back what the block has freed; no effect where the C library is not glibc.

    glibc keeps freed blocks for later use, and how many it can give back depends on the order in which they were freed.
    It gives back all of them only where every thread takes its memory from one arena: enter it first with one thread.
    """
    if not hasattr(_LIBC, "malloc_trim"):
        yield
        return
    _LIBC.mallopt(_ARENA_MAX, 1)
    try:
        yield
    finally:
        _LIBC.malloc_trim(0)


def free_bytes(folder: Path) -> int:
    """Room on the disk of ``folder``, which need not exist yet."""
    while not os.path.exists(folder) and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
