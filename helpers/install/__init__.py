"""Installing packages from a notebook or a command line, without ever replacing what the machine already has.

One function for both: :func:`install`. It runs ``pip`` of the running interpreter as a subprocess (not ``!`` or
``%pip``, which fail once a GPU run has changed the thread's encoding, see :mod:`helpers.engines.devices`), with
constraints made from what is installed, streams its lines, and ends in one sentence when it fails.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import shutil
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines.audiocraft import home
from ..errors import CancelCheck, InvalidInput, NotAvailable, never_cancelled
from ..machine.home import cache_home, free_bytes, requirements_file
from ..machine.run import OnLine
from ..music.tables import read_toml
from .pip import canonical, pip_install, read_requirements, unmet, versions

MIB = 1024**2
_running = threading.Lock()


@dataclass(frozen=True)
class Installable:
    """One thing to install. Sizes are what a bare environment would fetch and hold, without torch and model weights.

    pip installs ``requirements``. A thing with a folder of its own has ``missing()`` to say what it lacks, and
    ``make(pip_install, on_line, cancel)`` to make the folder.
    """

    name: str
    title: str
    brings: str
    requirements: Path
    download_bytes: int
    disk_bytes: int
    licence: str
    needs_torch: bool = False
    options: tuple[str, ...] = ()  # for pip
    missing: Callable[[], tuple[str, ...]] | None = None
    make: Callable[..., None] | None = None

    def size_text(self) -> str:
        """Both sizes in a sentence."""
        return (
            f"About {self.download_bytes / MIB:.0f} MiB to download and {self.disk_bytes / MIB:.0f} MiB on disk, "
            "less where some of it is there already."
        )


def _item(name: str, row: dict[str, Any]) -> Installable:
    if name == "audiocraft":
        row |= {"missing": home.missing, "make": home.make_home}
    row |= {"download_bytes": row.pop("download") * MIB, "disk_bytes": row.pop("disk") * MIB}
    row |= {"requirements": requirements_file(row.pop("file")), "options": tuple(row.get("options", ()))}
    return Installable(name, **row)


INSTALLABLE = {name: _item(name, row) for name, row in read_toml(__package__, "installable.toml").items()}


def missing(what: str) -> list[str]:
    """What keeps ``what`` (a name of :data:`INSTALLABLE`) from being complete, in words; imports nothing heavy.

    With the version that is there, where that is the trouble. Raises InvalidInput if there is no such thing to install.
    """
    item = INSTALLABLE[require_known(what, INSTALLABLE)]
    if item.missing:
        return list(item.missing())
    torch = ["torch"] if item.needs_torch and not _has_torch() else []
    return torch + unmet(read_requirements(item.requirements))


def install(what: str, *, on_line: OnLine | None = None, cancel: CancelCheck = never_cancelled) -> None:
    """Install ``what`` (a name of :data:`INSTALLABLE`) unless it is there.

    ``on_line`` receives every line as it comes, secrets masked; the last ones say how it stands, and that the kernel
    must be restarted where a package it has imported was changed. ``cancel`` is asked several times a second, when true
    the installer is stopped.

    Raises InvalidInput if there is no such thing to install, NotAvailable if it cannot be installed here (no disk, no
    network, no torch, a conflict: the text says what to do and ends with the installer's last lines) and Cancelled.
    """
    item = INSTALLABLE[require_known(what, INSTALLABLE)]
    say = on_line or (lambda line: None)
    if not _running.acquire(blocking=False):
        raise NotAvailable("Something is being installed already; wait until it is done, then try again.")
    try:
        changed: list[str] = []
        if missing(what):
            changed = _install(item, say, cancel)
        say(f"{item.title}: installed.")
        if changed:
            say(f"{', '.join(changed)} changed while in use; restart the kernel now.")
    finally:
        _running.release()


def _install(item: Installable, say: OnLine, cancel: CancelCheck) -> list[str]:
    """Install what is missing of a thing; returns the packages in use that were changed by it."""
    say(f"Installing {item.title}: {item.brings}. {item.size_text()} {item.licence}")
    _require_disk(item, cache_home() if item.make else Path(sys.prefix))
    before = versions()
    if item.needs_torch:
        _require_torch(item, say, cancel)
    if item.make:
        item.make(pip_install, say, cancel)
    else:
        pip_install(item.title, requirements=item.requirements, options=item.options, on_line=say, cancel=cancel)
    importlib.invalidate_caches()
    if lacking := missing(item.name):
        raise NotAvailable(
            f"pip ended without an error, but {item.title} still lacks {', '.join(lacking)}; "
            "restart the kernel or open a new terminal and install again."
        )
    return _imported_and_changed(before)


def _require_disk(item: Installable, folder: Path) -> None:
    needed, free = item.download_bytes + item.disk_bytes, free_bytes(folder)
    if free < needed:
        raise NotAvailable(
            f"{item.title} needs about {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free on the disk of "
            f"{folder}; free some space and install again."
        )


def obstacle(what: str) -> str:
    """Why :func:`install` would refuse here, known without trying; empty where nothing stands in the way.

    Two lines: the reason, and what to do.

    Torch is the machine's choice: kept where there is one, fetched only where there is an NVIDIA GPU to use it.
    """
    item = INSTALLABLE[require_known(what, INSTALLABLE)]
    if not item.needs_torch or _has_torch() or sys.platform != "linux" or shutil.which("nvidia-smi") is not None:
        return ""
    return (
        "It needs torch, which is not installed, and there is no NVIDIA GPU here to choose a build for.\n"
        "Install the CPU build first (the command is on pytorch.org under Get Started, about 200 MB), or the CUDA "
        "build with: python -m pip install torch (about 3 GB); then install again."
    )


def _require_torch(item: Installable, say: OnLine, cancel: CancelCheck) -> None:
    if _has_torch():
        return
    if reason := obstacle(item.name):
        raise NotAvailable(f"{item.title}: {reason}")
    say("torch is not installed: fetching the build your package index offers (with CUDA libraries about 3 GB).")
    pip_install("torch", packages=["torch"], on_line=say, cancel=cancel)
    importlib.invalidate_caches()


def _imported_and_changed(before: dict[str, str]) -> list[str]:
    """Packages in use by this process whose version is no longer the one that was imported."""
    after = versions()
    changed = [name for name, version in before.items() if after.get(name) not in (None, version)]
    modules = importlib.metadata.packages_distributions()  # pillow is imported as PIL, protobuf as google
    imported = {canonical(name) for module in set(sys.modules) & set(modules) for name in modules[module]}
    return sorted(set(changed) & imported)


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def require_known(what: str, names: Iterable[str]) -> str:
    """``what``, if it is one of ``names``; else raise InvalidInput with all of them."""
    if what not in (known := tuple(names)):
        raise InvalidInput(f"{what!r} is not something to install; use one of {', '.join(known)}.")
    return what
