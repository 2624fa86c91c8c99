"""FluidR3 GM: a far better General MIDI bank than the small one at hand, fetched once on the user's word (MIT licence).

Debian's package is the one public copy whose hash is published and whose address has stayed for years. A ``.deb`` is an
``ar`` archive; the bank lies in its ``data.tar.xz``.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path
from typing import BinaryIO

from ..errors import LoopsError, NotAvailable
from ..machine.fetch import RemoteFile, fetch_file, is_whole, make_folder
from ..machine.home import cache_home
from ..records import CancelCheck, Progress, never_cancelled, silent_progress
from .soundfont import find_soundfont, forget_soundfont

SOURCE = "https://deb.debian.org/debian/"
PACKAGE = RemoteFile(
    "pool/main/f/fluid-soundfont/fluid-soundfont-gm_3.1-5.3_all.deb",
    119_610_208,
    "6f531493ac4e4d9772fd96b2488ea1790af81c196135fbdd25997da0781fc60e",
)
BANK = "FluidR3_GM.sf2"
BANK_SHA256 = "74594e8f4250680adf590507a306655a299935343583256f3b722c48a1bc1cb0"
DISK_BYTES = 148_398_306
LICENCE = "FluidR3 GM by Frank Wen and others: MIT licence, free for any music."


def bank_path() -> Path:
    """Where the bank is kept."""
    return cache_home() / "soundfonts" / BANK


def has_good_soundfont() -> bool:
    """Whether the sketch sounds through anything better than the small bank already."""
    try:
        return find_soundfont().title != "TimGM6mb"
    except LoopsError:
        return False


def fetch_soundfont(progress: Progress = silent_progress, cancel: CancelCheck = never_cancelled) -> Path:
    """Download FluidR3 (120 MB), check it, unpack it and let the sketch sound through it; returns the bank.

    Raises
    ------
    NotAvailable, Cancelled
        As :func:`helpers.machine.fetch.fetch_file`; what arrived is continued next time.
    """
    path = bank_path()
    if not is_whole(path, BANK_SHA256):
        make_folder(path.parent, "SoundFonts")
        free = shutil.disk_usage(path.parent).free
        needed = (PACKAGE.size_bytes or 0) + DISK_BYTES
        if free < needed:
            raise NotAvailable(
                f"The SoundFont needs {needed / 1e6:.0f} MB while it is unpacked and {free / 1e6:.0f} MB are free in "
                f"{path.parent}; free some space, or set LOOPS_HOME to a larger disk."
            )
        progress(f"FluidR3 SoundFont, {needed / 1e6:.0f} MB. {LICENCE}", 0.0)
        whole = PACKAGE.size_bytes or 1
        package = fetch_file(
            SOURCE, PACKAGE, path.parent, lambda got: progress("Fetching the SoundFont", min(1.0, got / whole)), cancel
        )
        progress("Unpacking the SoundFont", None)
        _unpack(package, path)
        package.unlink()
    forget_soundfont()
    progress("The SoundFont is here", 1.0)
    return path


def _unpack(package: Path, bank: Path) -> None:
    part = bank.with_name(bank.name + ".part")
    try:
        with package.open("rb") as file:
            _skip_to(file, b"data.tar.xz")
            with tarfile.open(fileobj=file, mode="r|xz") as archive, part.open("wb") as out:
                for member in archive:
                    if member.isfile() and member.name.endswith(f"/{BANK}"):
                        inside = archive.extractfile(member)
                        assert inside is not None
                        shutil.copyfileobj(inside, out, 1 << 20)
                        break
    except (OSError, tarfile.TarError, EOFError) as error:
        part.unlink(missing_ok=True)
        raise NotAvailable(f"The SoundFont's package could not be unpacked ({error}); try again.") from None
    if not is_whole(part, BANK_SHA256):
        part.unlink(missing_ok=True)
        raise NotAvailable("The SoundFont's package does not hold the bank it should; nothing was changed.")
    os.replace(part, bank)


def _skip_to(file: BinaryIO, name: bytes) -> None:
    """Put ``file``, an ar archive, at the beginning of its member ``name``."""
    if file.read(8) != b"!<arch>\n":
        raise OSError("it is not a Debian package")
    while header := file.read(60):
        if header[:16].rstrip(b" /") == name:
            return
        size = int(header[48:58])
        file.seek(size + size % 2, os.SEEK_CUR)
    raise OSError(f"it holds no {name.decode()}")
