"""The genre and mood models: which files, whose, how large, under which licence; fetching them on the user's word.

The files are never shipped with us. Sizes and SHA-256 are those that several unrelated public projects have pinned for
the same files; a file that does not match is not used.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from ..errors import NotAvailable
from ..machine.fetch import RemoteFile, fetch_file
from ..machine.home import cache_home
from ..music.tables import read_table
from ..records import CancelCheck, Progress, never_cancelled, silent_progress

SOURCE = "https://essentia.upf.edu/models/"
LICENCE = (
    "Discogs-EffNet and MTG-Jamendo models by the Music Technology Group, Universitat Pompeu Fabra: CC BY-NC-ND 4.0 "
    "(one of their pages says CC BY-NC-SA 4.0; the stricter is meant here). For non-commercial use; not to be passed "
    "on in changed form."
)
TAG_FILES = tuple(
    RemoteFile(path, int(size) if size else None, sha256)
    for path, size, sha256 in read_table(__package__, "tag_files.txt")["files"]
)
BACKBONE, STYLE_LABELS, MOOD_HEAD, MOOD_LABELS = TAG_FILES
DOWNLOAD_BYTES = sum(file.size_bytes or 0 for file in TAG_FILES)


def tag_folder() -> Path:
    """Where the models are kept."""
    return cache_home() / "tags"


def tag_path(file: RemoteFile) -> Path:
    return tag_folder() / file.name


def are_tag_models_here() -> bool:
    """Whether all files are in place and of the right size (their hashes are checked when they are loaded)."""
    paths = [(tag_path(file), file.size_bytes) for file in TAG_FILES]
    return all(os.path.isfile(path) and size in (None, path.stat().st_size) for path, size in paths)


def read_tag_file(file: RemoteFile) -> bytes:
    """The bytes of a fetched file; raises NotAvailable when it is missing or not the file it should be."""
    path = tag_path(file)
    try:
        data = path.read_bytes()
    except OSError:
        raise NotAvailable(
            f"The tag model file {file.name} is not here; fetch the genre and mood models first."
        ) from None
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise NotAvailable(
            f"The tag model file {file.name} is damaged (its SHA-256 is not the expected one); fetch the models again."
        )
    return data


def fetch_tag_models(progress: Progress = silent_progress, cancel: CancelCheck = never_cancelled) -> Path:
    """Download what is missing of the tag models (21 MB) and check it; returns the folder.

    Raises NotAvailable, Cancelled: as :func:`helpers.machine.fetch.fetch_file`; what arrived is continued next time.
    """
    folder = tag_folder()
    progress(f"Genre and mood models, {DOWNLOAD_BYTES / 1e6:.0f} MB. {LICENCE}", 0.0)
    done = 0
    for file in TAG_FILES:
        fetch_file(SOURCE, file, folder, functools.partial(_report, progress, done), cancel)
        done += file.size_bytes or 0
    progress("Genre and mood models are here", 1.0)
    return folder


def _report(progress: Progress, before_bytes: int, got_bytes: int) -> None:
    progress("Fetching the genre and mood models", min(1.0, (before_bytes + got_bytes) / DOWNLOAD_BYTES))
