"""Better General MIDI banks than the small one at hand, each fetched once on the user's word.

Debian's packages are the public copies whose hashes are published and whose addresses have stayed for years. A ``.deb``
is an ``ar`` archive; the bank lies in its ``data.tar.xz``. A bank of SoundFont 3 is unpacked to what the player reads.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import InvalidInput, LoopsError, NotAvailable
from ..machine.fetch import RemoteFile, fetch_file, require_room
from ..records import CancelCheck, Progress, never_cancelled, silent_progress
from .sf3 import unpack_sf3
from .soundfont import find_soundfont, forget_soundfont, instrument_folder

SOURCE = "https://deb.debian.org/debian/"


@dataclass(frozen=True)
class Bank:
    """A bank in a Debian package: ``member`` is its file there with its SHA-256, ``file`` what is kept of it,
    ``disk_bytes`` what that takes."""

    title: str
    package: RemoteFile
    member: str
    member_sha256: str
    file: str
    disk_bytes: int
    licence: str

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return instrument_folder() / self.file

    @property
    def is_here(self) -> bool:
        return os.path.isfile(self.path)  # it appears there whole and checked, or not at all


MUSESCORE = Bank(
    "MuseScore General",
    RemoteFile(
        "pool/main/m/musescore-general-soundfont-small/musescore-general-soundfont-small_0.2.1-1_all.deb",
        34_150_714,
        "65f9c1cb658c49e8713d2c95238d5d26868f520341f74a4fe26248a8f763c739",
    ),
    "MuseScore_General_Lite.sf3",
    "916aaca6b0eb9f9083eb42399614acb2ff4ec72ce28dffff1814592a9696b479",
    "MuseScore_General_Lite.sf2",
    215_829_844,
    "MuseScore General by S. Christian Collins, from FluidR3 by Frank Wen and others: MIT licence, free for any music.",
)


def has_good_soundfont() -> bool:
    """Whether the sketch sounds through anything better than the small bank already."""
    try:
        return find_soundfont().title != "TimGM6mb"
    except LoopsError:
        return False


def fetch_soundfont(
    progress: Progress = silent_progress, cancel: CancelCheck = never_cancelled, bank: Bank = MUSESCORE
) -> Path:
    """Download a bank, check it, unpack it and let the sketch sound through it; returns its file.

    Raises NotAvailable, Cancelled: as :func:`helpers.machine.fetch.fetch_file`; what arrived is continued next time.
    """
    path = bank.path
    if not bank.is_here:
        whole = bank.package.size_bytes or 1
        require_room(path.parent, whole + bank.disk_bytes, "The SoundFont, while it is unpacked,")
        progress(
            f"{bank.title} SoundFont, {whole / 1e6:.0f} MB to fetch, {bank.disk_bytes / 1e6:.0f} MB on disk. "
            f"{bank.licence}",
            0.0,
        )
        package = fetch_file(
            SOURCE,
            bank.package,
            path.parent,
            lambda got: progress("Fetching the SoundFont", min(1.0, got / whole)),
            cancel,
        )
        progress("Unpacking the SoundFont", None)
        _unpack(package, bank)
        package.unlink()
    forget_soundfont()
    progress("The SoundFont is here", 1.0)
    return path


def _unpack(package: Path, bank: Bank) -> None:
    data = b""
    try:
        with package.open("rb") as file:
            _skip_to(file, b"data.tar.xz")
            with tarfile.open(fileobj=file, mode="r|xz") as archive:
                for member in archive:
                    if member.isfile() and member.name.endswith(f"/{bank.member}"):
                        inside = archive.extractfile(member)
                        assert inside is not None
                        data = inside.read()
                        break
    except (OSError, tarfile.TarError, EOFError) as error:
        raise NotAvailable(f"The SoundFont's package could not be unpacked ({error}); try again.") from None
    if hashlib.sha256(data).hexdigest() != bank.member_sha256:
        raise NotAvailable("The SoundFont's package does not hold the bank it should; nothing was changed.")
    part = bank.path.with_name(bank.path.name + ".part")
    try:
        part.write_bytes(unpack_sf3(data))
        os.replace(part, bank.path)
    except (OSError, InvalidInput) as error:
        part.unlink(missing_ok=True)
        raise NotAvailable(f"The SoundFont could not be kept ({error}); try again.") from None


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
