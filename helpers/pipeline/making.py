"""One run: the takes of a request made, proven on their files, written as soon as they pass, and ranked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from ..engines import registry
from ..engines.base import Engine, stop_if
from ..errors import Refused
from ..export import publish, stage_wav, write_sidecar
from ..loops import ranking
from ..records import (
    MEMBERS,
    Analysis,
    CancelCheck,
    Clip,
    FitCard,
    Loop,
    Progress,
    Request,
    Take,
    Tempo,
    Written,
    never_cancelled,
    silent_progress,
)
from ..sound.audio import read_back
from ..sound.imports import import_scipy

if TYPE_CHECKING:
    from ..loops import IdeaSide

UPLOAD = "upload"  # the engine of a take that somebody else made
MOST_WORKERS = 4  # takes cut and proven at once; each holds a few copies of its sound
HEARD_NOTES = "The MIDI was heard in the finished loop: an ear's guess, not the model's score."
MOST_REROLLS = 2  # a failed take is made again with a new seed at most this often, so work stays bounded


@dataclass(frozen=True, eq=False)
class Idea:
    """An upload that was read and checked."""

    name: str
    clip: Clip
    sha256: str
    path: Path | None = None
    notes: tuple[str, ...] = ()
    loudness_lufs: float | None = None  # of all channels, where more than two were folded
    span: tuple[float, float] | None = None  # the stretch of the file that is meant, seconds; None = all of it

    def part(self, begin: float, end: float) -> Idea:
        """The idea from ``begin`` to ``end`` seconds."""
        rate = self.clip.sample_rate
        samples = self.clip.samples[:, round(begin * rate) : round(end * rate)].copy()
        return dataclasses.replace(self, clip=Clip(samples, rate), span=(begin, end), loudness_lufs=None)

    def side(self, analysis: Analysis) -> IdeaSide:
        """The idea as fit cards hear it, measured once for all takes under this analysis."""
        from ..analysis.listening import Listening
        from ..loops import IdeaSide

        kept: IdeaSide | None = self.__dict__.get("_side")
        if kept is None or kept.analysis is not analysis:
            kept = IdeaSide(self.clip, analysis, lambda clip: Listening(clip).pitches)
            self.__dict__["_side"] = kept
        return kept

    def to_json(self) -> dict[str, Any]:
        part = {"span": list(self.span)} if self.span else {}
        return {"file": self.name, "sha256": self.sha256, "seconds": round(self.clip.seconds, 4)} | part


@dataclass(frozen=True, eq=False)
class FinishedLoop:
    """A loop that lies on disk: its rank (1 = best, 0 = not ranked yet), the loop with its fit card, and the files."""

    rank: int
    loop: Loop
    fit: FitCard
    files: Written


@dataclass(frozen=True, eq=False)
class Result:
    """What :func:`make_loops` returns: loops best first, the takes that were refused with their reasons, remarks."""

    request: Request
    idea: Idea | None
    loops: tuple[FinishedLoop, ...]
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def any_passed(self) -> bool:
        return any(finished.fit.verdict != "failed" for finished in self.loops)

    def to_json(self) -> dict[str, Any]:
        return {
            "idea": self.idea.to_json() if self.idea else None,
            "request": self.request.to_json(),
            "loops": [
                {
                    "rank": f.rank,
                    "wav": str(f.files.wav),
                    "json": str(f.files.json),
                    "midi": str(f.files.midi) if f.files.midi else None,
                    "engine": f.loop.take.engine,
                    "take": f.loop.take.number,
                    "seed": f.loop.take.seed,
                    "prompt": f.loop.take.prompt,
                    "license": f.loop.take.licence,
                    "labels": list(f.loop.take.labels),
                    "score": None if f.loop.score is None else round(f.loop.score, 4),
                    "why": list(f.loop.why),
                    "fit": f.fit.to_json(),
                }
                for f in self.loops
            ],
            "refused": list(self.refused),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False)
class Run:
    """One press on Generate: what is asked, what was heard, what a model follows, whom to tell, whether to stop.

    ``spare_cores`` are left to others: to a page, say, that plays the first take while the next are made.
    """

    request: Request
    idea: Idea | None = None
    analysis: Analysis | None = None
    guide: Clip | None = None
    progress: Progress = silent_progress
    cancel: CancelCheck = never_cancelled
    on_loop: Callable[[FinishedLoop], None] = lambda loop: None
    spare_cores: int = 0

    @property
    def engine(self) -> Engine:
        return registry.get_engine(self.request.engine)


@dataclass(eq=False)
class Proven:
    """A loop with its fit card, its staged file, and where it was written (None: it failed and waits)."""

    loop: Loop
    staged: Path
    files: Written | None = None


def make_enough(run: Run, folder: Path, out: Path, proven: list[Proven]) -> tuple[list[str], int]:
    """Fill ``proven`` until enough loops pass; returns why takes were refused, and how many were made."""
    import_scipy()
    refused: list[str] = []
    made, budget = 0, run.request.takes * (1 + MOST_REROLLS)
    numbers: Sequence[int] = range(run.request.takes)
    while numbers and made < budget:
        numbers = numbers[: budget - made]
        made += len(numbers)
        # a model makes its takes together and has all threads; the pool begins when it has ended
        takes = None if run.engine.one_by_one else _generated(run, numbers, refused)
        workers = max(1, min(MOST_WORKERS, (os.cpu_count() or 1) - run.spare_cores))
        with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
            if takes is None:
                stage, jobs = "Composing and proving the takes", {}
                run.progress(stage, 0.0, None)
                for number in numbers:
                    jobs[number] = pool.submit(_make_take, run, number, folder, out, proven)
                    if number == 0:
                        wait([jobs[0]])  # the first is there before the second takes the processor from it
            else:
                stage = "Cutting and proving the takes"
                jobs = {take.number: pool.submit(finish_take, run, take, folder, out, proven) for take in takes}
            for done, (number, job) in enumerate(jobs.items()):
                run.progress(stage, done / len(jobs), None)
                try:
                    job.result()
                except Refused as reason:
                    refused.append(f"Take {number + 1}: {reason}")
        passed = {p.loop.take.number for p in proven if p.files is not None}
        failed = [number for number in numbers if number not in passed]
        if run.request.family:  # what failed is made again as the same member
            again = (number + _slots(run.request) for number in failed)
            numbers = [number for number in again if number < _slots(run.request) * (1 + MOST_REROLLS)]
        else:
            numbers = range(made, made + len(failed))
    if not proven:
        raise Refused(
            f"None of {made} takes could be made into a loop. {refused[-1] if refused else ''} "
            "Try another seed, instrument or engine; the sketch engine always fits."
        )
    return refused, made


def _slots(request: Request) -> int:
    """How many numbers further a family's member comes again in the same place."""
    return -(-request.takes // len(MEMBERS)) * len(MEMBERS)


def _make_take(run: Run, number: int, folder: Path, out: Path, proven: list[Proven]) -> None:
    """One take, from its notes to its files; raises Refused with the reason why there is no loop."""
    for take in run.engine.generate(
        run.request, analysis=run.analysis, guide=run.guide, first=number, cancel=run.cancel
    ):
        finish_take(run, take, folder, out, proven)


def _generated(run: Run, numbers: Sequence[int], refused: list[str]) -> list[Take]:
    """The takes of these numbers; those that follow one another are made together."""
    first, count = numbers[0], len(numbers)
    if count > 1 and numbers[-1] - first >= count:
        return [take for number in numbers for take in _generated(run, [number], refused)]
    try:
        return run.engine.generate(
            run.request,
            analysis=run.analysis,
            guide=run.guide,
            count=count,
            first=first,
            progress=run.progress,
            cancel=run.cancel,
        )
    except Refused as reason:  # every one of them came out silent
        refused.append(str(reason))
        return []


def finish_take(run: Run, take: Take, folder: Path, out: Path, proven: list[Proven]) -> None:
    """Add the take's loop, proven on its staged file and written if it passes, to ``proven``.

    Raises Refused with the reason why there is no loop.
    """
    from ..loops import make_loop, prove, repair

    stop_if(run.cancel)
    side = run.idea.side(run.analysis) if run.idea and run.analysis else None

    def prove_on_file(loop: Loop) -> Proven:
        staged = stage_wav(loop, run.request, folder)
        clip = read_back(staged)  # proven and ranked is what the file holds; what is measured on it is measured once
        corrections, others = loop.corrections, take.engine == UPLOAD
        fit = prove(clip, run.request, run.analysis, corrections, idea=side, foreign=others)
        return Proven(dataclasses.replace(loop, clip=clip, fit=fit), staged)

    made = prove_on_file(make_loop(take, run.request, run.analysis))
    mended = repair(made.loop, _card(made.loop), run.request) or _recomposed(run, made.loop, side)
    if mended is not None:
        again = prove_on_file(mended)
        before, card = _card(made.loop), _card(again.loop)
        better = before.verdict == "failed" or min(card.bars, default=0.0) > min(before.bars, default=0.0)
        made = again if card.verdict != "failed" and better else made
    made.loop = with_heard_notes(made.loop, run.request)
    fit = _card(made.loop)
    if fit.verdict != "failed":
        stop_if(run.cancel)
        made.files = publish(made.staged, made.loop, fit, run.request, _described(run), 0, out)
    proven.append(made)
    if made.files is not None:
        run.on_loop(FinishedLoop(0, made.loop, fit, made.files))


def _recomposed(run: Run, loop: Loop, side: IdeaSide | None) -> Loop | None:
    """A sketch that fails on one chord, with that bar composed again; else None."""
    from ..loops import make_loop, plan_recomposed_bar

    if side is None or loop.take.engine != "sketch":
        return None
    plan = plan_recomposed_bar(_card(loop), run.request, side)
    if plan is None:
        return None
    request, made = plan
    take = run.engine.generate(request, analysis=run.analysis, count=1, first=loop.take.number, cancel=run.cancel)[0]
    again = make_loop(take, run.request, run.analysis)
    return dataclasses.replace(again, corrections=(*again.corrections, made))


def with_heard_notes(loop: Loop, request: Request) -> Loop:
    """A model's loop with the notes heard in it as MIDI, and the remark that they were heard; drums get none."""
    from ..analysis.melody import estimate_notes, notes_to_midi

    take = loop.take
    if take.midi is not None or take.engine == UPLOAD or request.role == "drums":
        return loop
    notes = estimate_notes(loop.clip)
    if not notes:
        return loop
    midi = notes_to_midi(notes, Tempo(request.bpm, 1.0, meter=request.time, downbeats=(0.0,)))
    return dataclasses.replace(loop, take=dataclasses.replace(take, midi=midi, notes=(*take.notes, HEARD_NOTES)))


def _described(run: Run) -> dict[str, Any]:
    return run.idea.to_json() if run.idea else {}


def _card(loop: Loop) -> FitCard:
    assert loop.fit is not None, "only proven loops get here"
    return loop.fit


def publish_best(run: Run, proven: list[Proven], out: Path) -> tuple[FinishedLoop, ...]:
    """The best of the loops, as many as were asked for, best first; what is not written yet gets its name now."""
    of_take = {id(p.loop.take): p for p in proven}
    proven.sort(key=lambda p: p.loop.take.number)  # they came as the threads had it
    best = ranking.rank([p.loop for p in proven], run.request)
    if run.request.family:  # one of each member
        members: dict[int, Loop] = {}
        for loop in best:
            members.setdefault(loop.take.number % _slots(run.request), loop)
        best = list(members.values())
    best = best[: run.request.takes]
    finished = []
    for rank, loop in enumerate(best, 1):
        made, fit = of_take[id(loop.take)], _card(loop)
        if made.files is None:
            made.files = publish(made.staged, loop, fit, run.request, _described(run), rank, out)
        else:
            write_sidecar(made.files.json, loop, run.request, _described(run), rank)
        finished.append(FinishedLoop(rank, loop, fit, made.files))
    return tuple(finished)
