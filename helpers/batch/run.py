"""The driver plans into the ledger, keeps workers busy, publishes each job whole, and does only what is missing.

A worker hears an idea or makes one job's loops; what it did comes back as data, errors included.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, LoopsError, Refused, first_line
from ..machine.files import staging
from ..machine.home import freed_memory_returned
from .jobs import Job, plan_jobs
from .ledger import DONE, FAILED, PLANNED, REFUSED, Ledger, LedgerRow
from .pack import find_loops
from .pool import LocalPool, RayPool

MOST_TRIES = 5  # a job whose worker died this often is called failed
OnRow = Callable[[LedgerRow, int, int, float | None], None]


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of a piece of work.

    ``state`` is done (``analysis`` of an idea, or ``files`` of a job by name, whole, as bytes), refused (the same work
    would be refused again) or failed (the machine was at fault); ``sentence`` says why.
    """

    state: str = DONE
    sentence: str = ""
    analysis: Any = None
    files: dict[str, bytes] = field(default_factory=dict)


def hear(idea: str) -> Answer:
    """The analysis of an idea."""
    from ..pipeline import analyze_idea, load_idea

    return _answer(lambda: Answer(analysis=analyze_idea(load_idea(idea))))


def make(idea: str, settings: dict[str, Any], analysis: Any, scratch: str | None = None) -> Answer:
    """The loops of one job, made in a folder below ``scratch`` (default: the system's) and returned as bytes."""
    from ..pipeline import load_idea, make_loops, plan_request

    def work() -> Answer:
        with tempfile.TemporaryDirectory(prefix="loops-batch-", dir=scratch) as folder:
            request, _ = plan_request(analysis, **settings)
            result = make_loops(request, load_idea(idea), analysis, folder)
            files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.is_file()}
        return Answer(sentence=" ".join(result.refused), files=files)

    return _answer(work)


def _answer(work: Callable[[], Answer]) -> Answer:
    try:
        with freed_memory_returned():
            return work()
    except LoopsError as error:
        # A full disk, a missing model or a drive that has gone may be mended; bad input stays bad.
        is_settled = isinstance(error, InvalidInput | Refused) and not isinstance(error.__context__, OSError)
        return Answer(REFUSED if is_settled else FAILED, str(error))
    except BaseException as error:  # a cluster would retry or hide what is raised; a panic in Rust is no Exception
        return Answer(FAILED, f"{type(error).__name__}: {first_line(error)}")


@dataclass(frozen=True)
class Summary:
    """How a batch ended: the last row of each of its jobs, in the order planned, and how many were done just now."""

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
        rows = [dataclasses.asdict(row) for row in self.rows]
        return {"jobs": states, "loops_passed": self.passed, "made_now": self.made_now, "rows": rows}


@dataclass(eq=False)
class _Task:
    """What one worker is asked for: to hear an idea for its jobs, or, once it is heard, to make one of them."""

    jobs: tuple[Job, ...]
    heard: Answer | None = None
    tries: int = 0
    began: float = 0.0


def run_batch(
    jobs: Sequence[Job],
    folder: str | os.PathLike[str],
    pool: LocalPool,
    on_row: OnRow | None = None,
    *,
    hear: Callable[..., Answer] = hear,
    make: Callable[..., Answer] = make,
) -> Summary:
    """Do what is missing of ``jobs``; results go to ``folder``, what became of each job into its ledger.

    A job is published by renaming its finished folder, so it is there whole or not at all, and a batch that was stopped
    at any moment goes on where it was: a job whose folder exists is done. Refused jobs stay refused (the same settings
    refuse again); failed ones are tried again at the next start. An idea is heard once for all its jobs.

    ``on_row(row, done, of, seconds_left)`` is told of every job that ends. ``hear`` and ``make`` are what workers run.
    Raises InvalidInput if the folder cannot be written or another batch works in it.
    """
    folder = Path(folder)
    with Ledger.opened(folder) as ledger, staging(folder) as parts:
        ledger.add(*[_row(job, PLANNED) for job in jobs if job.id not in ledger.rows])
        missing = []
        made_before = {path.name: path for path in folder.glob("[!.]*/*") if path.is_dir()}
        for job in jobs:
            if here := made_before.get(Path(job.folder).name):  # under another name, where the idea's has changed
                if ledger.rows[job.id].state != DONE:  # stopped between publishing and writing it down
                    ledger.add(_row(job, DONE, loops=_loops(folder, here)))
            elif ledger.rows[job.id].state != REFUSED:
                missing.append(job)
        _Driver(folder, parts, ledger, pool, on_row, hear, make, len(missing)).drive(missing)
        made = sum(ledger.rows[job.id].state == DONE for job in missing)
        return Summary(tuple(ledger.rows[job.id] for job in jobs), made)


@dataclass(eq=False)
class _Driver:
    folder: Path
    parts: Path
    ledger: Ledger
    pool: LocalPool
    on_row: OnRow | None
    hear: Callable[..., Answer]
    make: Callable[..., Answer]
    count: int
    ended: int = 0
    began: float = field(default_factory=time.monotonic)
    waiting: deque[_Task] = field(default_factory=deque)
    running: dict[Future[Answer], _Task] = field(default_factory=dict)

    def drive(self, jobs: Sequence[Job]) -> None:
        of_idea: dict[Path, list[Job]] = {}
        for job in jobs:
            of_idea.setdefault(job.idea, []).append(job)
        self.waiting.extend(_Task(tuple(its)) for its in of_idea.values())
        self._send()
        while self.running:
            done = wait(self.running, return_when=FIRST_COMPLETED).done
            ended = [(future, self.running.pop(future)) for future in done]
            self._send()  # first, so that no worker waits while results are written
            for future, task in ended:
                self._take(task, future)
            self._send()

    def _send(self) -> None:
        while self.waiting and len(self.running) < self.pool.workers:
            task = self.waiting.popleft()
            task.began, job = time.monotonic(), task.jobs[0]
            if task.heard is None:
                future = self.pool.submit(self.hear, str(job.idea))
            else:
                scratch = str(self.parts) if self.pool.shares_disk else None
                future = self.pool.submit(self.make, str(job.idea), dict(job.settings), task.heard.analysis, scratch)
            self.running[future] = task

    def _take(self, task: _Task, future: Future[Answer]) -> None:
        try:
            answer = future.result()
        except Exception as error:  # it died, or what it sent cannot be read
            task.tries += 1
            if task.tries < MOST_TRIES:
                self.waiting.append(task)
                return
            why = f"The worker died {MOST_TRIES} times on this job ({type(error).__name__})"
            answer = Answer(FAILED, f"{why}; its memory may not be enough.")
        if answer.state == DONE and task.heard is None:
            self.waiting.extendleft(_Task((job,), answer) for job in reversed(task.jobs))
            return
        for job in task.jobs:
            loops = self._publish(job, answer.files) if answer.state == DONE else ()
            self._end(_row(job, answer.state, answer.sentence, loops, round(time.monotonic() - task.began, 2)))

    def _publish(self, job: Job, files: dict[str, bytes]) -> tuple[dict[str, Any], ...]:
        part, final = self.parts / job.id, self.folder / job.folder
        part.mkdir()
        for name, data in files.items():
            with (part / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        final.parent.mkdir(parents=True, exist_ok=True)
        part.rename(final)
        return _loops(self.folder, self.folder / job.folder)

    def _end(self, row: LedgerRow) -> None:
        self.ledger.add(row)
        self.ended += 1
        if self.on_row:
            each = (time.monotonic() - self.began) / self.ended
            self.on_row(row, self.ended, self.count, each * (self.count - self.ended))


def _row(
    job: Job, state: str, sentence: str = "", loops: tuple[dict[str, Any], ...] = (), seconds: float | None = None
) -> LedgerRow:
    settings = dict(job.settings) if state == PLANNED else {}
    idea = str(job.idea).encode(errors="replace").decode()
    return LedgerRow(job.id, state, idea, job.instrument, sentence, loops, seconds, settings)


def _loops(folder: Path, published: Path) -> tuple[dict[str, Any], ...]:
    """The loops of a published job, best first, read from their JSON; their paths count from ``folder``."""
    found = sorted(find_loops(published), key=lambda loop: (loop.document.get("rank") or 0, loop.wav))
    return tuple(
        {
            "wav": loop.wav.relative_to(folder).as_posix(),
            "verdict": loop.fit.verdict,
            "score": loop.document.get("score"),
            "seed": (loop.document.get("take") or {}).get("seed"),
        }
        for loop in found
    )


def make_batch(args: argparse.Namespace, settings: Mapping[str, Any], say: Callable[[str], None]) -> Summary:
    """Carry out ``batch``: plan, run, and tell every job's end on a line of its own."""
    if args.workers is not None and args.workers < 1:
        raise InvalidInput(f"--workers is {args.workers}; give 1 or more.")
    named = dict(settings)
    jobs = plan_jobs(args.sources, named.pop("instrument", None) or [], named)
    say(f"Jobs: {len(jobs)}, ideas: {len({job.idea for job in jobs})}.")

    def told(row: LedgerRow, ended: int, of: int, seconds_left: float | None) -> None:
        left = f", about {_time(seconds_left)} left" if seconds_left and ended < of else ""
        verdicts = " ".join(str(loop["verdict"]) for loop in row.loops) if row.state == DONE else row.sentence
        say(f"{ended} of {of}{left}: {row.idea}, {row.instrument}: {row.state} {verdicts}")

    workers = args.workers and min(args.workers, len(jobs))
    pool = RayPool(args.ray, workers) if args.ray else LocalPool(workers)
    try:
        return run_batch(jobs, args.out, pool, told)
    finally:
        pool.close()


def batch_text(summary: Summary) -> str:
    """How the batch ended, in a few lines."""
    count = summary.to_json()["jobs"]
    verdicts = Counter(str(loop.get("verdict")) for row in summary.rows for loop in row.loops)
    loops = f"; loops: {', '.join(f'{n} {verdict}' for verdict, n in sorted(verdicts.items()))}" if verdicts else ""
    done = f"{count['done']} jobs done ({summary.made_now} now)"
    lines = [f"{done}, {count['refused']} refused, {count['failed']} failed{loops}."]
    lines += [
        f"  {row.state}: {row.idea}, {row.instrument}: {row.sentence}" for row in summary.rows if row.state != DONE
    ]
    return "\n".join(lines)


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
