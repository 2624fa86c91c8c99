"""Download a pinned file: resumed where it broke, checked against its SHA-256, in place whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CancelCheck, Cancelled, NotAvailable
from .files import sha256_of
from .home import free_bytes

_TIMEOUT_SECONDS = 30.0
_BLOCK_BYTES = 1 << 16
_HEADROOM_BYTES = 10 << 20


@dataclass(frozen=True)
class RemoteFile:
    """One file below some address: its path there, its exact size (None: not known) and its SHA-256 (empty: whoever
    fetches it checks it)."""

    path: str
    size_bytes: int | None
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def require_room(folder: Path, needed_bytes: int, what: str) -> None:
    """Raise NotAvailable unless the disk of ``folder`` (it may not exist yet) has so many bytes free for ``what``."""
    free = free_bytes(folder)
    if free < needed_bytes:
        raise NotAvailable(
            f"{what} needs {needed_bytes / 1e6:.0f} MB and {free / 1e6:.0f} MB are free in {folder}; free some space, "
            "or set LOOPS_HOME to a larger disk."
        )


def is_whole(path: Path, sha256: str) -> bool:
    """Whether the file is there and is the one its SHA-256 names."""
    return path.is_file() and (not sha256 or sha256_of(path) == sha256)


def fetch_file(base: str, file: RemoteFile, folder: Path, on_bytes: Callable[[int], None], cancel: CancelCheck) -> Path:
    """Download ``base + file.path`` into ``folder``, made if need be, unless it is there whole; returns its path.

    ``on_bytes`` hears how many bytes there are. What arrived before a break (``name.part``) is continued next time.
    Raises NotAvailable for no network, a refused or changed file, a full or unwritable disk: one sentence each. Raises
    Cancelled when ``cancel()`` turns true; what was downloaded stays for the next time.
    """
    path = folder / file.name
    if is_whole(path, file.sha256):
        return path
    part = folder / f"{file.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _download(base + file.path, part, file, on_bytes, cancel)
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
                f"The disk is full: {file.name} needs {needed:.1f} MB in {folder}; free some space and try again."
            ) from None
        raise NotAvailable(f"{file.name} could not be written to {folder}: {error.strerror or error}.") from None
    if not is_whole(part, file.sha256):
        part.unlink(missing_ok=True)
        raise NotAvailable(
            f"{file.name} arrived, but its SHA-256 is not the expected one, so it was thrown away; try again, or go on "
            "without it."
        )
    os.replace(part, path)
    return path


def _download(url: str, part: Path, file: RemoteFile, on_bytes: Callable[[int], None], cancel: CancelCheck) -> None:
    """Append to ``part`` until the server has no more; starts anew where the server cannot continue."""
    have = part.stat().st_size if part.exists() else 0
    if file.size_bytes is not None and have >= file.size_bytes:
        return  # whole already (the hash is checked by the caller)
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(urllib.parse.quote(url, safe=":/~%"), headers=headers)
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
                    on_bytes(have)
                    last = time.monotonic()
    expected = response.headers.get("Content-Length")
    if file.size_bytes is not None and have < file.size_bytes and expected is not None:
        raise ConnectionError(f"the connection ended after {have} of {file.size_bytes} bytes")
