"""What became of every job: one JSON object a line, appended by one writer and on the disk before it counts."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InvalidInput
from ..machine.files import locked, on_disk, read_json, shown_name

PLANNED, DONE, REFUSED, FAILED = "planned", "done", "refused", "failed"
STATES = (PLANNED, DONE, REFUSED, FAILED)
NAME = "batch.jsonl"


@dataclass(frozen=True)
class LedgerRow:
    """One event of a job: ``state`` is planned, done, refused (the sentence says why) or failed (to be tried again).

    ``loops`` holds ``{"wav", "verdict", "score", "seed"}`` of every loop, paths relative to the batch's folder.
    """

    job: str
    state: str
    idea: str = ""
    instrument: str = ""
    sentence: str = ""
    loops: tuple[dict[str, Any], ...] = ()
    seconds: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


class Ledger:
    """The ledger of a batch's folder; made by :meth:`opened`."""

    def __init__(self, rows: dict[str, LedgerRow], file: BinaryIO) -> None:
        self._file = file
        self.rows = rows  # the last event of each job

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Ledger]:
        """The folder's ledger, held by this process alone until it ends.

        Raises InvalidInput if another batch works in the folder, or it cannot be written.
        """
        path, way_out = folder / NAME, "free disk space or choose another --out. Started again, it goes on where it was"
        busy = f"Another batch works in “{folder}”; wait for it or choose another --out."
        with on_disk(f"The batch cannot be written to “{folder}”", way_out):
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists() and not path.is_file():  # a pipe would never end
                raise InvalidInput(f"“{path}” is not a file; choose another --out.")
            with locked(path, busy), path.open("ab", buffering=0) as file:
                rows = read_ledger(path)
                if path.read_bytes()[-1:] not in (b"", b"\n"):  # the last line was torn by a stop
                    file.write(b"\n")
                yield cls(rows, file)

    def add(self, *rows: LedgerRow) -> None:
        """Append rows; they are on the disk when this returns."""
        if rows:
            data = "".join(json.dumps(_lean(row), ensure_ascii=False) + "\n" for row in rows).encode()
            if (self._file.write(data) or 0) < len(data):  # a disk that is full takes a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
            self.rows.update({row.job: row for row in rows})


def read_ledger(path: Path) -> dict[str, LedgerRow]:
    """The last event of each job; a line torn by a stop, or not ours, is passed over."""
    rows: dict[str, LedgerRow] = {}
    if not path.exists():
        return rows
    with on_disk(f"The ledger “{shown_name(path)}” cannot be read", "check its rights"):
        text = path.read_text(encoding="utf-8", errors="replace")
    known = {f.name for f in dataclasses.fields(LedgerRow)}
    for line in text.split("\n"):  # a name may hold what else Unicode calls the end of a line
        try:
            data = read_json(line)
            row = LedgerRow(**{k: v for k, v in data.items() if k in known})
            row = dataclasses.replace(row, loops=tuple(dict(loop) for loop in row.loops or ()))
        except (ValueError, TypeError, AttributeError):
            continue
        if isinstance(row.job, str) and row.state in STATES:
            rows[row.job] = row
    return rows


def _lean(row: LedgerRow) -> dict[str, Any]:
    return {k: v for k, v in dataclasses.asdict(row).items() if v not in ("", (), None, {})}
