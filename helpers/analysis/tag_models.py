"""The genre and mood models: which files, whose, how large, under which licence; fetching them on the user's word.

The files are never shipped with us. Sizes and SHA-256 are those that several unrelated public projects have pinned for
the same files; a file that does not match is not used.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cancelled, NotAvailable
from ..home import cache_home
from ..records import CancelCheck, Progress, never_cancelled, silent_progress

SOURCE = "https://essentia.upf.edu/models/"
LICENCE = (
    "Discogs-EffNet and MTG-Jamendo models by the Music Technology Group, Universitat Pompeu Fabra: CC BY-NC-ND 4.0 "
    "(one of their pages says CC BY-NC-SA 4.0; the stricter is meant here). For non-commercial use; not to be passed "
    "on in changed form."
)
_TIMEOUT_SECONDS = 30.0
_BLOCK_BYTES = 1 << 16
_HEADROOM_BYTES = 10 << 20


@dataclass(frozen=True)
class TagFile:
    """One file of the tag models: its place below SOURCE, its exact size (None: not known) and its SHA-256."""

    path: str
    size_bytes: int | None
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


_EFFNET, _MOOD = "feature-extractors/discogs-effnet/", "classification-heads/mtg_jamendo_moodtheme/"
BACKBONE = TagFile(
    _EFFNET + "discogs-effnet-bsdynamic-1.onnx",
    18_027_718,
    "a280825b334797cf677939db8cd5762c0392aedd0ca6415dbc1cd083f045e43c",
)
STYLE_LABELS = TagFile(
    _EFFNET + "discogs-effnet-bsdynamic-1.json",
    14_986,
    "a2e85b2e7372d5f8e0f35bdd6aeae1139f101087d183d0b2fb60b0ea0f01a0ff",
)
MOOD_HEAD = TagFile(
    _MOOD + "mtg_jamendo_moodtheme-discogs-effnet-1.onnx",
    2_739_322,
    "7d6270acaa5f4bba4b115a0d6849aca05ed6bd153dcb6d9da4f6ab9f99ef10ff",
)
MOOD_LABELS = TagFile(
    _MOOD + "mtg_jamendo_moodtheme-discogs-effnet-1.json",
    None,
    "d62cd90263e4d613fa7fcce7a831e339450394794af63685f96e065c1a896ab0",
)
TAG_FILES = (BACKBONE, STYLE_LABELS, MOOD_HEAD, MOOD_LABELS)
DOWNLOAD_BYTES = sum(file.size_bytes or 0 for file in TAG_FILES)


def tag_folder() -> Path:
    """Where the models are kept."""
    return cache_home() / "tags"


def tag_path(file: TagFile) -> Path:
    return tag_folder() / file.name


def are_tag_models_here() -> bool:
    """Whether all files are in place and of the right size (their hashes are checked when they are loaded)."""
    paths = [(tag_path(file), file.size_bytes) for file in TAG_FILES]
    return all(path.is_file() and size in (None, path.stat().st_size) for path, size in paths)


def read_tag_file(file: TagFile) -> bytes:
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

    A broken download is continued where it stopped. Every file is checked against its SHA-256 before it takes its
    place, so that a half or wrong file never does.

    Raises
    ------
    NotAvailable
        No network, a refused or changed file, a full or unwritable disk: one sentence each.
    Cancelled
        When ``cancel()`` turns true; what was downloaded stays for the next time.
    """
    folder = tag_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotAvailable(f"The folder {folder} for the tag models cannot be made ({error.strerror}).") from None
    progress(f"Genre and mood models, {DOWNLOAD_BYTES / 1e6:.0f} MB. {LICENCE}", 0.0)
    done = 0
    for file in TAG_FILES:
        if not _is_whole(tag_path(file), file):
            _fetch_file(file, lambda got, before=done: _report(progress, before + got), cancel)
        done += file.size_bytes or 0
    progress("Genre and mood models are here", 1.0)
    return folder


def _report(progress: Progress, done_bytes: int) -> None:
    progress("Fetching the genre and mood models", min(1.0, done_bytes / DOWNLOAD_BYTES))


def _is_whole(path: Path, file: TagFile) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _fetch_file(file: TagFile, progress: Callable[[int], None], cancel: CancelCheck) -> None:
    """Download one file into ``name.part``, continuing it, check it and move it into place."""
    part = tag_path(file).with_name(file.name + ".part")
    try:
        _download(SOURCE + file.path, part, file, progress, cancel)
    except urllib.error.HTTPError as error:
        raise NotAvailable(f"The server refused {file.name} (HTTP {error.code}); try again later.") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise NotAvailable(
            f"{file.name} could not be fetched: no connection ({reason}); what arrived is kept, try again when online."
        ) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            needed = (file.size_bytes or 0) / 1e6
            raise NotAvailable(
                f"The disk is full: {file.name} needs {needed:.1f} MB in {part.parent}; free some space and try again."
            ) from None
        raise NotAvailable(f"{file.name} could not be written to {part.parent}: {error.strerror or error}.") from None
    if not _is_whole(part, file):
        part.unlink(missing_ok=True)
        raise NotAvailable(
            f"{file.name} arrived, but its SHA-256 is not the expected one, so it was thrown away; try again, or go on "
            "without genre and mood models."
        )
    os.replace(part, tag_path(file))


def _download(url: str, part: Path, file: TagFile, progress: Callable[[int], None], cancel: CancelCheck) -> None:
    """Append to ``part`` until the server has no more; starts anew where the server cannot continue."""
    have = part.stat().st_size if part.exists() else 0
    if file.size_bytes is not None and have >= file.size_bytes:
        return  # whole already (the hash is checked by the caller)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing left to send: the part is as long as the file
            return
        raise
    with contextlib.closing(response):
        continued = getattr(response, "status", 200) == 206
        have = have if continued else 0
        last = time.monotonic()
        with part.open("ab" if continued else "wb") as out:
            while block := response.read(_BLOCK_BYTES):
                if cancel():
                    raise Cancelled
                out.write(block)
                have += len(block)
                if file.size_bytes is not None and have > file.size_bytes + _HEADROOM_BYTES:
                    return  # not our file; the hash will say so
                if time.monotonic() - last > 0.2:
                    progress(have)
                    last = time.monotonic()
    expected = response.headers.get("Content-Length")
    if file.size_bytes is not None and have < file.size_bytes and expected is not None:
        raise ConnectionError(f"the connection ended after {have} of {file.size_bytes} bytes")
