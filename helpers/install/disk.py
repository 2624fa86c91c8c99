"""Room on the disk, checked before anything is fetched."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import NotAvailable

_GIB = 1024**3


def require_disk(title: str, folder: Path, needed_bytes: int) -> None:
    """Refuse what the disk of ``folder`` (which need not exist yet) cannot hold.

    Raises
    ------
    NotAvailable
        Naming the space there is and the space that is needed.
    """
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise NotAvailable(
            f"{title} needs about {needed_bytes / _GIB:.1f} GiB and {free / _GIB:.1f} GiB are free on the disk of "
            f"{folder}; free some space and install again."
        )
