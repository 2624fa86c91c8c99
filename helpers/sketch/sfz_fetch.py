"""Layered SFZ instruments to fetch on the user's word, from where their makers keep them, at one commit each."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import NotAvailable
from ..machine.fetch import RemoteFile, fetch_file, require_room
from ..machine.files import sha256_of
from ..music.tables import read_toml
from ..records import CancelCheck, Progress, never_cancelled, silent_progress
from .bank_check import Unusable
from .sfz import read_sfz
from .soundfont import described, instrument_folder

SOURCE = "https://raw.githubusercontent.com/"


@dataclass(frozen=True)
class SampleSet:
    """An SFZ file below SOURCE with what is pinned of it: its SHA-256 and that of its samples' SHA-256s in the order
    it names them. ``absent`` are names in it that the source lacks."""

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


SETS = tuple(
    SampleSet(name, **row | {"file": RemoteFile(*row["file"]), "absent": tuple(row.get("absent", ()))})
    for name, row in read_toml(__package__, "sample_sets.toml").items()
)


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
    base = SOURCE + which.source
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
