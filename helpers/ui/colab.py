"""All that is special about Google Colab; its packages are imported inside the functions only."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..errors import NotAvailable
from ..export import free_name

DRIVE = Path("/content/drive")
DRIVE_FOLDER = DRIVE / "MyDrive" / "Loops Generator"


def in_colab() -> bool:
    """Whether this kernel is one of Colab's."""
    try:
        return importlib.util.find_spec("google.colab") is not None
    except ModuleNotFoundError:
        return False


def secret_token() -> str | None:
    """The Colab secret ``HF_TOKEN``; None when it is not set or not shared with this notebook.

    Call it on the main thread: Colab asks the page for it.
    """
    if not in_colab():
        return None
    from google.colab import userdata

    try:
        return userdata.get("HF_TOKEN") or None
    except Exception:  # not set, no access, or opened outside the Colab page: in each case there is no token
        return None


def drive_folder() -> Path:
    """The folder on Google Drive, mounted on first use, which asks for consent; raises NotAvailable elsewhere."""
    if not in_colab():
        raise NotAvailable("Google Drive can be reached from Google Colab only; download the files instead.")
    from google.colab import drive

    if not DRIVE.joinpath("MyDrive").is_dir():
        drive.mount(str(DRIVE))
    DRIVE_FOLDER.mkdir(parents=True, exist_ok=True)
    return DRIVE_FOLDER


def save_to_drive(paths: Iterable[Path]) -> Path:
    """Copy files to Google Drive (mounting it on first use, which asks for consent) and return the folder."""
    drive_folder()
    for path in paths:
        shutil.copyfile(path, free_name(DRIVE_FOLDER, path.stem, path.suffix))
    return DRIVE_FOLDER
