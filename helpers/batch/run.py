"""The driver: plans into the ledger, keeps workers busy, publishes each job whole, and does only what is missing."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..machine.files import read_json
from . import worker
from .jobs import Job
from .ledger import DONE, FAILED, PLANNED, REFUSED, Ledger, LedgerRow
from .pool import Pool

MOST_TRIES = 3  # a job whose worker died this often is called failed
OnRow = Callable[[LedgerRow, int, int, float | None], None]


@dataclass(frozen=True)
class Summary:
    """How a batch ended: the last row of each of its jobs, in the order planned, and how many were made just now."""

    rows: tuple[LedgerRow, ...]
    made_now: int

    def count(self, state: str) -> int:
        return sum(row.state == state for row in self.rows)

    @property
    def passed(self) -> int:
        """Loops whose verdict is not ``failed``."""
        return sum(loop.get("verdict") != "failed" for row in self.rows for loop in row.loops)

    def to_json(self) -> dict[str, Any]:
        states = {state: self.count(state) for state in (DONE, REFUSED, FAILED, PLANNED)}
        rows = [
            {"job": r.job, "state": r.state, "idea": r.idea, "instrument": r.instrument, "sentence": r.sentence,
             "loops": list(r.loops)}
            for r in self.rows
        ]  # fmt: skip
        return {"jobs": states, "loops_passed": self.passed, "made_now": self.made_now, "rows": rows}


@dataclass(eq=False)
class _Idea:
    """The jobs of one idea that are left, and its analysis while they need it."""

    path: Path
    jobs: deque[Job] = field(default_factory=deque)
    heard: worker.Heard | None = None
    tries: int = 0
    left: int = 0


def run_batch(
    jobs: Sequence[Job],
    folder: str | os.PathLike[str],
    pool: Pool,
    on_row: OnRow | None = None,
    *,
    hear: Callable[..., worker.Heard] = worker.hear,
    make: Callable[..., worker.Made] = worker.make,
) -> Summary:
    """Do what is missing of ``jobs``; results go to ``folder``, what became of each job into its ledger.

    A job is published by renaming its finished folder, so it is there whole or not at all, and a batch that was stopped
    at any moment goes on where it was: a job whose folder exists is done. Refused jobs stay refused (the same settings
    refuse again); failed ones are tried again at the next start. An idea is heard once for all its jobs.

    ``on_row(row, done, of, seconds_left)`` is told of every job that ends. ``hear`` and ``make`` are what workers run.

    Raises
    ------
    InvalidInput
        If the folder cannot be written or another batch works in it.
    """
    folder = Path(folder)
    with Ledger.opened(folder) as ledger, _parts(folder) as parts:
        ledger.add(*[_row(job, PLANNED) for job in jobs if job.id not in ledger.rows])
        missing = []
        for job in jobs:
            if (folder / job.folder).is_dir():
                if ledger.rows[job.id].state != DONE:  # stopped between publishing and writing it down
                    ledger.add(_row(job, DONE, loops=_loops(folder, job)))
            elif ledger.rows[job.id].state != REFUSED:
                missing.append(job)
        _Driver(folder, parts, ledger, pool, on_row, len(missing), hear, make).drive(missing)
        return Summary(tuple(ledger.rows[job.id] for job in jobs), len(missing))


@contextmanager
def _parts(folder: Path) -> Iterator[Path]:
    """Where unfinished work lies; what a killed batch left there goes first, and the ledger's lock keeps others out."""
    parts = folder / ".parts"
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir()
    try:
        yield parts
    finally:
        shutil.rmtree(parts, ignore_errors=True)


class _Driver:
    def __init__(
        self,
        folder: Path,
        parts: Path,
        ledger: Ledger,
        pool: Pool,
        on_row: OnRow | None,
        count: int,
        hear: Callable[..., worker.Heard],
        make: Callable[..., worker.Made],
    ) -> None:
        self._hear, self._make = hear, make
        self._folder, self._parts, self._ledger, self._pool, self._on_row = folder, parts, ledger, pool, on_row
        self._scratch = str(parts) if pool.shares_disk else None
        self._ended, self._count, self._began = 0, count, time.monotonic()
        self._tries: dict[str, int] = {}
        self._flying: dict[Future[Any], tuple[_Idea, Job | None, float]] = {}

    def drive(self, jobs: Sequence[Job]) -> None:
        ideas: dict[Path, _Idea] = {}
        for job in jobs:
            idea = ideas.setdefault(job.idea, _Idea(job.idea))
            idea.jobs.append(job)
            idea.left += 1
        unheard, ready = deque(ideas.values()), deque[_Idea]()
        while unheard or ready or self._flying:
            while len(self._flying) < self._pool.slots and (ready or unheard):
                if ready:
                    idea = ready[0]
                    self._send(idea, idea.jobs.popleft())
                    if not idea.jobs:
                        ready.popleft()
                else:
                    self._send(unheard.popleft(), None)
            for future in wait(self._flying, return_when=FIRST_COMPLETED).done:
                idea, sent, began = self._flying.pop(future)
                if sent is None:
                    self._take_heard(future, idea, ready, unheard)
                else:
                    self._take_made(future, idea, sent, began, ready)

    def _send(self, idea: _Idea, job: Job | None) -> None:
        if job is None:
            future = self._pool.submit(self._hear, str(idea.path))
        else:
            analysis = idea.heard.analysis if idea.heard else None
            future = self._pool.submit(self._make, str(job.idea), dict(job.settings), analysis, self._scratch)
        self._flying[future] = (idea, job, time.monotonic())

    def _take_heard(self, future: Future[Any], idea: _Idea, ready: deque[_Idea], unheard: deque[_Idea]) -> None:
        idea.tries += 1
        heard = self._result(future, worker.Heard)
        if heard is None and idea.tries < MOST_TRIES:
            unheard.append(idea)
            return
        idea.heard = heard or worker.Heard(sentence=_died(), state=FAILED)
        if idea.heard.state == DONE:
            ready.append(idea)
            return
        for job in idea.jobs:
            self._end(_row(job, idea.heard.state, sentence=idea.heard.sentence))

    def _take_made(self, future: Future[Any], idea: _Idea, job: Job, began: float, ready: deque[_Idea]) -> None:
        made = self._result(future, worker.Made)
        self._tries[job.id] = self._tries.get(job.id, 0) + 1
        if made is None and self._tries[job.id] < MOST_TRIES:
            idea.jobs.append(job)
            if idea not in ready:
                ready.append(idea)
            return
        made = made or worker.Made(FAILED, sentence=_died())
        loops = self._publish(job, made.files) if made.state == DONE else ()
        self._end(_row(job, made.state, made.sentence, loops, round(time.monotonic() - began, 2)))
        idea.left -= 1
        if not idea.left:
            idea.heard = None

    def _result(self, future: Future[Any], kind: type) -> Any:
        """What the worker returned; None when it died, so that the work is sent again."""
        try:
            result = future.result()
        except self._pool.lost:
            return None
        except Exception as error:  # the way back broke: an answer that cannot be read, say
            return kind(state=FAILED, sentence=f"{type(error).__name__}: {error}")
        return result

    def _publish(self, job: Job, files: dict[str, bytes]) -> tuple[dict[str, Any], ...]:
        part, final = self._parts / job.id, self._folder / job.folder
        try:
            part.mkdir()
            for name, data in files.items():
                with (part / name).open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            final.parent.mkdir(parents=True, exist_ok=True)
            part.rename(final)
        except OSError as error:
            raise InvalidInput(
                f"The loops of “{job.folder}” cannot be written ({error.strerror or error}); free disk space, then "
                "start the batch again: it goes on where it was."
            ) from None
        return _loops(self._folder, job)

    def _end(self, row: LedgerRow) -> None:
        self._ledger.add(row)
        self._ended += 1
        if self._on_row:
            each = (time.monotonic() - self._began) / self._ended
            self._on_row(row, self._ended, self._count, each * (self._count - self._ended))


def _row(
    job: Job, state: str, sentence: str = "", loops: tuple[dict[str, Any], ...] = (), seconds: float | None = None
) -> LedgerRow:
    settings = dict(job.settings) if state == PLANNED else {}
    return LedgerRow(job.id, state, str(job.idea), job.instrument, sentence, loops, seconds, settings)


def _loops(folder: Path, job: Job) -> tuple[dict[str, Any], ...]:
    """The loops of a published job, best first, read from their JSON."""
    found = []
    for path in (folder / job.folder).glob("*.json"):
        with suppress(OSError, ValueError, TypeError, AttributeError):
            data = read_json(path.read_bytes())
            wav = path.with_suffix(".wav").relative_to(folder).as_posix()
            fit, take = data.get("fit") or {}, data.get("take") or {}
            loop = {"wav": wav, "verdict": fit.get("verdict"), "score": data.get("score"), "seed": take.get("seed")}
            found.append((data.get("rank") or 0, wav, loop))
    return tuple(loop for _, _, loop in sorted(found, key=lambda item: item[:2]))


def _died() -> str:
    return f"The worker died {MOST_TRIES} times on this job; its memory may not be enough."
