"""Files that appear whole or not at all, never over another one; names that are safe to show.

What is being made lies in a hidden folder beside its destination, locked by the process that makes it. A folder whose
process has ended (killed, power cut) is removed when the next one is made there.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InvalidInput, shown_text

LARGEST_JSON_BYTES = 20_000_000
MOST_LEVELS = 32
HIDDEN = ".making-"
_LOCK = "lock"
_FORGOTTEN_SECONDS = 24 * 3600  # of a folder without a lock: the drive has none, or an older version made it


def shown_name(path: str | os.PathLike[str]) -> str:
    """The file's name without control or direction-changing characters, safe to print; a long one cut in the middle."""
    name = shown_text(Path(path).name) or shown_text(str(path))
    return name if len(name) <= 100 else f"{name[:60]} ... {name[-35:]}"


def plain_name(text: str, joint: str = "-", most: int = 60) -> str:
    """``text`` as part of a file name that every system takes: letters and digits without accents, the rest ``joint``;
    empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", joint, plain).strip("-_")[:most].rstrip("-_")


@contextmanager
def on_disk(what: str, way_out: str) -> Iterator[None]:
    """Raise InvalidInput, with ``what`` fails, the system's reason and the way out, for any OSError of the block."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{what} ({error.strerror or error}); {way_out}.") from None


@contextmanager
def staging(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """A hidden folder inside ``folder`` that is gone afterwards, whatever happened.

    ``folder`` is made if need be; one that was made for this and stays empty goes too. Leftovers of processes that were
    killed are swept. Raises InvalidInput if the folder cannot be made or written.
    """
    folder = Path(folder)
    refusal = f"Nothing can be written to “{folder}”", "choose another --out, or another folder"
    with on_disk(*refusal):
        existed = folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with on_disk(*refusal):
            _sweep(folder)
            hidden = Path(tempfile.mkdtemp(dir=folder, prefix=HIDDEN))
            lock = _take_lock(hidden)
        try:
            yield hidden
        finally:
            if lock is not None:
                lock.close()
            shutil.rmtree(hidden, ignore_errors=True)
    finally:
        if not existed:
            with suppress(OSError):  # it holds something now
                folder.rmdir()


def _take_lock(hidden: Path) -> BinaryIO | None:
    """Lock the folder for as long as this process lives; None where the drive knows no locks."""
    new = hidden / f"{_LOCK}.new"
    file = new.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.replace(new, hidden / _LOCK)
    except OSError:
        file.close()
        return None
    return file


def _sweep(folder: Path) -> None:
    """Remove the hidden folders in ``folder`` whose processes have ended."""
    for hidden in folder.glob(f"{HIDDEN}*"):
        with suppress(OSError):
            if not _is_alive(hidden):
                shutil.rmtree(hidden, ignore_errors=True)


def _is_alive(hidden: Path) -> bool:
    try:
        with (hidden / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:  # it is just being made, or there are no locks here
        return time.time() - hidden.stat().st_mtime < _FORGOTTEN_SECONDS
    except OSError:
        return True
    return False


@contextmanager
def locked(path: str | os.PathLike[str], busy: str = "") -> Iterator[None]:
    """Hold a lock file, so that of several programs one at a time goes on; without effect where there are no locks.

    The others wait, or are refused in the words of ``busy`` (InvalidInput) where there are any.
    """
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise InvalidInput(busy) from None
        except OSError:  # a mounted drive without locks
            pass
        yield


def link_new(part: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Give a finished file a second, new name; raises FileExistsError when it is taken, even in a race."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links (mounted drives)
        with open(path, "xb"):  # "x": the name is taken and made in one step
            pass
        try:
            copy = f"{part}.copy"
            shutil.copyfile(part, copy)
            with open(copy, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(copy, path)
        except BaseException:
            os.unlink(path)
            raise


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(text: str | bytes) -> Any:
    """Read JSON from outside, within limits far above what we write.

    Raises InvalidInput if it is none, or over LARGEST_JSON_BYTES, nested deeper than MOST_LEVELS, or holds what no text
    file can (half a character) or no number is (NaN).
    """
    if len(text) > LARGEST_JSON_BYTES:
        raise InvalidInput(f"It has {len(text) / 1e6:.0f} MB; {LARGEST_JSON_BYTES / 1e6:.0f} MB are the most.")
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        if _levels(text) > MOST_LEVELS:  # before it is parsed: a parser near the end of the stack harms others
            raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels")
        data = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(data, ensure_ascii=False).encode()
    except ValueError as error:
        raise InvalidInput(f"It is not JSON that we read ({str(error)[:80]}).") from None
    return data


def _levels(text: str) -> int:
    """How deep the brackets of a JSON text are nested, those inside its strings left out."""
    level = deepest = 0
    for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', text, re.DOTALL):
        if mark in "[{":
            level += 1
            deepest = max(deepest, level)
        elif mark in "]}":
            level -= 1
    return deepest


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def write_whole(path: str | os.PathLike[str], data: bytes, *, replace: bool = False) -> None:
    """Write ``data`` to a file that appears whole or not at all; an existing one is only replaced when that is said.

    Raises InvalidInput if the file exists already, or the folder cannot be written.
    """
    path = Path(path)
    failing = on_disk(f"“{shown_name(path)}” cannot be written to {path.parent}", "choose another folder")
    with failing, staging(path.parent) as hidden:
        part = hidden / "part"
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.replace(part, path) if replace else link_new(part, path)
        except FileExistsError:
            raise InvalidInput(
                f"“{shown_name(path)}” exists already and nothing is overwritten; choose another folder."
            ) from None
