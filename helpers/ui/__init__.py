"""The notebook's interface: one function a cell. Each cell may run again and in any order; state is on disk.

The panels of a notebook share one :class:`~helpers.ui.app.App` in its kernel; another notebook has its own kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import App

_app: App | None = None


def current(folder: str | Path = "loops") -> App:
    """This kernel's app, made (or restored from ``folder``) on first use; another folder makes another app."""
    global _app  # noqa: PLW0603  the cells of one notebook must find the same app without passing it on
    from .app import App

    where = Path(folder).expanduser().resolve()
    if _app is None or (folder != "loops" and _app.base != where):
        _app = App(where)
    return _app


def setup(folder: str = "loops", on_drive: bool = False) -> None:
    """Install what is missing of the core, open the notebook's folder and say in one line what works.

    ``on_drive`` keeps everything on Google Drive, so that it outlives the session (Colab asks for consent).
    """
    from ..errors import NotAvailable
    from ..install import install, missing
    from . import colab

    if missing("core"):
        install("core", on_line=print)
    if missing("ears"):
        try:
            install("ears", on_line=print)
        except NotAvailable as reason:  # everything works without them, and says what it does not hear
            print(reason)
    if on_drive and colab.in_colab():
        folder = str(colab.drive_folder())
    opened = current(folder)
    if opened.served:
        print("Ready. What you make here is yours alone and is kept for a week.")
        return
    count = len(opened.state.ideas)
    back = f" {count} saved idea{'s are' if count > 1 else ' is'} back." if count else ""
    print(f"Ready. Everything is kept in {opened.state.folder}.{back}")


def models() -> None:
    """MODELS: what this machine can run, and what can be installed."""
    current().show_models()


def login() -> None:
    """LOGIN: a token for gated models."""
    current().show_login()


def upload(file: str = "", way: str = "") -> None:
    """UPLOAD: choose, save and hear ideas. ``file`` is a path on this machine; ``way`` is what older notebooks ask."""
    current().show_upload(file)


def mode(mode: str = "", instrument: str = "", generate: bool = False) -> None:
    """MODE: what was heard, Normal or Advanced settings, Generate."""
    current().show_mode(mode, instrument, generate=generate)


def results() -> None:
    """RESULTS: the loops with their fit cards, the player and the downloads."""
    current().show_results()
