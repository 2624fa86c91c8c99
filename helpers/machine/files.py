"""Files that appear whole or not at all, never over another one; names that are safe to show."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ..errors import InvalidInput


def shown_name(path: str | os.PathLike[str]) -> str:
    """The file's name without control or direction-changing characters, safe to print."""
    return "".join(c if c.isprintable() else "�" for c in Path(path).name) or str(path)


def link_new(part: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Give a finished file a second, new name; raises FileExistsError when it is taken, even in a race."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links (mounted drives)
        with open(path, "xb") as new:  # "x": the name is taken and made in one step
            try:
                with open(part, "rb") as old:
                    shutil.copyfileobj(old, new)
                new.flush()
                os.fsync(new.fileno())
            except BaseException:
                os.unlink(path)
                raise


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to a new file that appears whole or not at all.

    Raises
    ------
    InvalidInput
        If the file exists already, or the folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(part, 0o644)
            link_new(part, path)
        finally:
            Path(part).unlink(missing_ok=True)
    except FileExistsError:
        raise InvalidInput(
            f"“{shown_name(path)}” exists already and nothing is overwritten; choose another folder."
        ) from None
    except OSError as error:
        raise InvalidInput(
            f"“{shown_name(path)}” cannot be written to {path.parent} ({error.strerror or error}); "
            "choose another folder."
        ) from None
