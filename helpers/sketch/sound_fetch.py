"""Better instruments than the small bank at hand (``sample_sets.toml``), each fetched once on the user's word.

Layered SFZ instruments come from where their makers keep them, at one commit each. The General MIDI bank is that of a
Debian package: its hash is published and its address has stayed for years. A ``.deb`` is an ``ar`` archive; the bank
lies in its ``data.tar.xz``, as SoundFont 3, which is unpacked to what the player reads.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..errors import InvalidInput, LoopsError, NotAvailable
from ..machine.fetch import RemoteFile, fetch_file, require_room
from ..machine.files import sha256_of
from ..music.tables import read_toml
from ..records import CancelCheck, Progress, never_cancelled, silent_progress
from .bank_file import Unusable, unpack_sf3
from .sfz import read_sfz
from .soundfont import described, find_soundfont, forget_soundfont, instrument_folder

BANKS_SOURCE = "https://deb.debian.org/debian/"
SETS_SOURCE = "https://raw.githubusercontent.com/"
_TABLE = read_toml(__package__, "sample_sets.toml")


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


@dataclass(frozen=True)
class SampleSet:
    """An SFZ file below SETS_SOURCE with what is pinned of it: its SHA-256 and that of its samples' SHA-256s, in the
    order it names them. ``absent`` are names in it that the source lacks."""

    instrument: str
    title: str
    source: str
    file: RemoteFile
    samples_bytes: int
    samples_sha256: str
    absent: tuple[str, ...] = ()

    @property
    def licence(self) -> str:
        """What it is called and what its makers allow."""
        return described(Path(self.file.name)).credit

    @property
    def folder(self) -> Path:
        return instrument_folder() / self.instrument

    @property
    def is_here(self) -> bool:
        return os.path.isdir(self.folder)  # it appears there whole and checked, or not at all


MUSESCORE = Bank(**_TABLE["bank"] | {"package": RemoteFile(*_TABLE["bank"]["package"])})
SETS = tuple(
    SampleSet(name, **row | {"file": RemoteFile(*row["file"]), "absent": tuple(row.get("absent", ()))})
    for name, row in _TABLE["sets"].items()
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
            BANKS_SOURCE,
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


def fetch_samples(
    which: SampleSet, progress: Progress = silent_progress, cancel: CancelCheck = never_cancelled
) -> Path:
    """Download a set, check it and let its instrument sound through it; returns its folder.

    Raises NotAvailable, Cancelled: as :func:`helpers.machine.fetch.fetch_file`; the samples that arrived stay for the
    next time.
    """
    if which.is_here:
        return which.folder
    part = which.folder.with_name(f".{which.instrument}.part")
    require_room(part, which.samples_bytes, which.title)
    megabytes = which.samples_bytes / 1e6
    progress(f"{which.title}, {megabytes:.0f} MB to fetch. {which.licence}.", 0.0)
    base = SETS_SOURCE + which.source
    sfz = fetch_file(base, which.file, part, lambda got: None, cancel)
    have, digest = 0, hashlib.sha256()

    def tell(before: int, got: int) -> None:
        progress("Fetching the samples", min(1.0, (before + got) / which.samples_bytes))

    try:
        for name in map(Path.as_posix, read_sfz(sfz, must_exist=False).names):
            if name in which.absent:
                continue
            if not (part / name).resolve().is_relative_to(part.resolve()):
                raise Unusable(f"{name} lies outside its folder")
            file = RemoteFile(name, None, "")
            sample = fetch_file(base, file, (part / name).parent, partial(tell, have), cancel)
            have += sample.stat().st_size
            digest.update(bytes.fromhex(sha256_of(sample)))
            tell(have, 0)
    except Unusable as reason:
        raise NotAvailable(f"{which.title} cannot be used: {reason}.") from None
    if digest.hexdigest() != which.samples_sha256:
        shutil.rmtree(part, ignore_errors=True)
        raise NotAvailable(
            f"{which.title} arrived, but its samples are not the expected ones, so they were thrown away; try again, "
            "or go on without it."
        )
    try:
        os.replace(part, which.folder)
    except OSError as error:
        raise NotAvailable(f"{which.title} could not be put in place ({error.strerror}); try again.") from None
    progress(f"{which.title} is here", 1.0)
    return which.folder
