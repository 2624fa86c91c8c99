"""The story from front to back: read an idea, hear it, plan a request, make takes, prove loops, write them.

Each step is a function that takes and returns records, so the command line and the notebook tell the same story and a
musician may change what lies between two steps.
"""

from __future__ import annotations

from .machine.home import package_missing

try:
    import numpy  # noqa: F401  without it nothing below can be imported
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(package_missing(error), name=error.name) from None

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import ranking
from .engines import registry
from .engines.base import Engine, not_ready_text, stop_if
from .engines.prompts import write_prompt
from .errors import InvalidInput, NotAvailable, Refused
from .export import free_name, loop_stem, publish, read_tags, stage_wav, staging
from .machine.files import shown_name, write_whole
from .music.meter import MOST_BARS, bar_seconds, parse_meter
from .planning import change_request, plan_measure, plan_request
from .records import (
    Analysis,
    CancelCheck,
    Clip,
    FitCard,
    Loop,
    Progress,
    Request,
    Take,
    Written,
    never_cancelled,
    read_controls,
    silent_progress,
)
from .sound.audio import read_audio, read_back, resample

__all__ = [
    "FinishedLoop", "Idea", "Result", "analyze_idea", "change_request", "fit_take", "load_idea", "loops_for",
    "make_loops", "pick_engine", "plan_request", "plan_target", "plot_loops", "prove_file", "sketch_of", "write_parts",
]  # fmt: skip
MOST_WORKERS = 4  # takes cut and proven at once; each holds a few copies of its sound
MOST_REROLLS = 2  # a failed take is made again with a new seed at most this often, so work stays bounded


@dataclass(frozen=True, eq=False)
class Idea:
    """An upload that was read and checked."""

    name: str
    clip: Clip
    sha256: str
    path: Path | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"file": self.name, "sha256": self.sha256, "seconds": round(self.clip.seconds, 4)}


@dataclass(frozen=True, eq=False)
class FinishedLoop:
    """A loop that lies on disk: its rank (1 = best), the loop with its fit card, and the files."""

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
    """One press on Generate: what is asked, what was heard, what a model follows, whom to tell, whether to stop."""

    request: Request
    idea: Idea | None = None
    analysis: Analysis | None = None
    guide: Clip | None = None
    progress: Progress = silent_progress
    cancel: CancelCheck = never_cancelled

    @property
    def engine(self) -> Engine:
        return registry.get_engine(self.request.engine)


# ------------------------------------------------------------------------------------------------------ the idea, heard


def load_idea(source: str | os.PathLike[str], name: str | None = None) -> Idea:
    """Read and check an upload; raises InvalidInput or NotAvailable as :func:`helpers.sound.audio.read_audio` does."""
    file = read_audio(source, name)
    return Idea(shown_name(name or source), file.clip, file.sha256, Path(source), file.notes)


def analyze_idea(idea: Idea, progress: Progress = silent_progress, *, tags: bool = True) -> Analysis:
    """Hear an idea: tempo, grid, key, chords, melody, groove, genre and mood."""
    from .analysis import analyze

    analysis = analyze(idea.clip, file=idea.name, sha256=idea.sha256, progress=progress, tags=tags)
    return dataclasses.replace(analysis, notes=(*idea.notes, *analysis.notes)) if idea.notes else analysis


# ----------------------------------------------------------------------------------------------------- takes into loops


def pick_engine(name: str) -> Engine:
    """The engine called ``name``, able to run here; raises InvalidInput or NotAvailable with what to do instead."""
    engine = registry.get_engine(name)
    readiness = engine.readiness()
    if not readiness.ready:
        raise NotAvailable(not_ready_text(engine.info, readiness))
    return engine


def make_loops(
    request: Request,
    idea: Idea | None,
    analysis: Analysis | None,
    out_dir: str | os.PathLike[str],
    progress: Progress = silent_progress,
    cancel: CancelCheck = never_cancelled,
) -> Result:
    """Make takes, turn them into loops, prove each on its file, rank them and write them.

    A take that is refused or fails its fit card is made again with a new seed, within a bound; ``request.takes`` loops
    are written at most, best first, failed ones (labelled so) only where no better take took their place.

    Raises
    ------
    InvalidInput, NotAvailable, Cancelled
        Nothing is left on disk then.
    Refused
        If no take could be made into a loop at all.
    """
    pick_engine(request.engine).check(request)
    run = _with_words(Run(request, idea, analysis, progress=progress, cancel=cancel))
    run = dataclasses.replace(run, guide=_guide(run))
    with staging(out_dir) as folder:
        proven, refused, made = _make_enough(run, folder)
        finished = _publish(run, proven, out_dir)
    notes = (f"{made - request.takes} more takes were made because some failed.",) if made > request.takes else ()
    return Result(run.request, idea, finished, tuple(refused), notes)


def _with_words(run: Run) -> Run:
    """The run with its prompt written out for an engine that reads words, so that its JSON makes the same again."""
    if "text" not in run.engine.info.hears:
        return run
    prompt, negative = write_prompt(run.request.engine, run.request, run.analysis)
    options = {**run.request.options, "prompt": prompt, "negative_prompt": negative}
    return dataclasses.replace(run, request=run.request.with_(options=options))


def _guide(run: Run) -> Clip | None:
    """What a neural engine follows: the sketch of the same request, the idea from its first downbeat, or nothing."""
    request, idea = run.request, run.idea
    if not run.engine.hears_guide or request.guide == "none" or request.guide_strength == 0:
        return None
    if request.guide == "idea":
        if idea is None:
            raise InvalidInput("There is no idea to follow; use the sketch as guide, or none.")
        starts = run.analysis.tempo.downbeats if run.analysis else ()
        first = round((starts[0] if starts else 0.0) * idea.clip.sample_rate)
        return Clip(idea.clip.samples[:, max(first, 0) :].copy(), idea.clip.sample_rate)
    run.progress("Sketching the guide", None, None)
    drawn = sketch_of(request).with_(dry=True)
    return registry.get_engine("sketch").generate(drawn, analysis=run.analysis, cancel=run.cancel)[0].clip


def sketch_of(request: Request) -> Request:
    """The sketch whose notes a neural model follows in every take of the request; it can be heard first."""
    return request.with_(engine="sketch", seed=request.family_seed, takes=1, options={})


def _make_enough(run: Run, folder: Path) -> tuple[list[tuple[Loop, Path]], list[str], int]:
    """Proven loops with their staged files, why takes were refused, and how many were made until enough passed."""
    refused: list[str] = []
    proven: list[tuple[Loop, Path]] = []
    made, wanted, budget = 0, run.request.takes, run.request.takes * (1 + MOST_REROLLS)
    while wanted > 0 and made < budget:
        count = min(wanted, budget - made)
        takes: list[Take] = []
        try:
            takes = run.engine.generate(
                run.request,
                analysis=run.analysis,
                guide=run.guide,
                count=count,
                first=made,
                progress=run.progress,
                cancel=run.cancel,
            )
        except Refused as reason:  # every take of this group came out silent
            refused.append(str(reason))
        made += count
        with ThreadPoolExecutor(min(MOST_WORKERS, os.cpu_count() or 1)) as pool:
            work = [(take, pool.submit(_finish, run, take, folder)) for take in takes]
            for done, (take, finished) in enumerate(work):
                run.progress("Cutting and proving the takes", done / len(work), None)
                try:
                    proven.append(finished.result())
                except Refused as reason:
                    refused.append(f"Take {take.number + 1}: {reason}")
        wanted = run.request.takes - sum(_card(loop).verdict != "failed" for loop, _ in proven)
    if not proven:
        raise Refused(
            f"None of {made} takes could be made into a loop. {refused[-1] if refused else ''} "
            "Try another seed, instrument or engine; the sketch engine always fits."
        )
    return proven, refused, made


def _finish(run: Run, take: Take, folder: Path) -> tuple[Loop, Path]:
    """The take's loop, proven on its staged file; raises Refused with the reason why there is none."""
    from .loops import make_loop, prove

    stop_if(run.cancel)
    loop = make_loop(take, run.request, run.analysis)
    staged = stage_wav(loop, run.request, folder)
    fit = prove(read_back(staged), run.request, run.analysis, loop.corrections)
    return dataclasses.replace(loop, fit=fit), staged


def _card(loop: Loop) -> FitCard:
    assert loop.fit is not None, "only proven loops get here"
    return loop.fit


def _publish(run: Run, proven: list[tuple[Loop, Path]], out_dir: str | os.PathLike[str]) -> tuple[FinishedLoop, ...]:
    """The best of the loops under their names, as many as were asked for, best first."""
    staged = {id(loop.take): path for loop, path in proven}
    best = ranking.rank([loop for loop, _ in proven], run.request, run.analysis)[: run.request.takes]
    idea, folder = run.idea.to_json() if run.idea else {}, Path(out_dir)
    return tuple(
        FinishedLoop(
            rank, loop, _card(loop), publish(staged[id(loop.take)], loop, _card(loop), run.request, idea, rank, folder)
        )
        for rank, loop in enumerate(best, 1)
    )


# ---------------------------------------------------------------------------------------- any audio: into a loop, proof


def fit_take(
    source: str | os.PathLike[str],
    request: Request,
    idea: Idea | None,
    analysis: Analysis | None,
    out_dir: str | os.PathLike[str],
    progress: Progress = silent_progress,
) -> Result:
    """Make any audio file into a loop that fits ``request``, with its fit card; raises Refused with the reason."""
    file = read_audio(source)
    clip = file.clip if file.clip.channels <= 2 else Clip(file.clip.mono()[None], file.clip.sample_rate)
    clip = resample(clip, request.sample_rate)
    take = Take(
        clip=clip,
        engine="upload",
        engine_version="1",
        seed=request.seed,
        prompt="",
        licence="The licence of the file that was given.",
        notes=(f"Made from {shown_name(source)}, SHA-256 {file.sha256}.",),
    )
    progress("Finding the loop in the take", None, None)
    run = Run(request, idea, analysis, progress=progress)
    with staging(out_dir) as folder:
        finished = _publish(run, [_finish(run, take, folder)], out_dir)
    return Result(request, idea, finished, (), file.notes)


def plan_target(
    loop: str | os.PathLike[str] | None, analysis: Analysis | None, **asked: Any
) -> tuple[Request, tuple[str, ...]]:
    """What ``loop`` is measured against: what is asked, else its own JSON or tempo tag, else what is heard in it.

    Raises
    ------
    InvalidInput
        If neither says the tempo and the number of bars.
    """
    given = read_controls(asked)
    if loop is None or {"bpm", "bars"} <= set(given):
        return plan_measure(analysis, **given)
    tags = read_tags(loop)
    if tags:
        return plan_measure(analysis, **(tags | given))
    idea = load_idea(loop)
    heard = analyze_idea(idea, tags=False).tempo
    if given.setdefault("bpm", heard.bpm) is None:
        raise InvalidInput(
            f"No tempo could be heard in “{shown_name(loop)}” and none is stored in it; add --bpm and --bars."
        )
    time = parse_meter(given.setdefault("meter", heard.meter.name))
    filled = round(idea.clip.seconds / bar_seconds(given["bpm"], time))
    given.setdefault("bars", max(1, min(MOST_BARS, filled)))
    request, notes = plan_measure(analysis, **given)
    said = f"Measured against what was heard in the file itself: {request.bpm:.6g} BPM, {request.bars} bars."
    return request, (*notes, said)


def prove_file(source: str | os.PathLike[str], request: Request, analysis: Analysis | None) -> FitCard:
    """The fit card of any audio file against ``request``, whose rate becomes the file's own."""
    from .loops import prove

    clip = read_audio(source).clip
    return prove(clip, request.with_(sample_rate=clip.sample_rate), analysis)


def loops_for(source: str | os.PathLike[str], out_dir: str | os.PathLike[str] = "loops", **settings: Any) -> Result:
    """The whole way in one call: hear the idea at ``source``, make loops for it (settings of `plan_request`), write."""
    idea = load_idea(source)
    analysis = analyze_idea(idea)
    request, notes = plan_request(analysis, **settings)
    result = make_loops(request, idea, analysis, out_dir)
    return dataclasses.replace(result, notes=(*notes, *result.notes))


# ------------------------------------------------------------------------------------------------- the score by itself


def write_parts(request: Request, analysis: Analysis | None, out_dir: str | os.PathLike[str]) -> list[Path]:
    """Compose the request's takes and write each score as MIDI only (sketch engine); nothing is overwritten."""
    from .sketch import compose, write_midi

    if request.engine != "sketch":
        raise InvalidInput(f"The engine {request.engine} has no score to write; use the sketch engine for MIDI.")
    written = []
    for take in range(request.takes):
        data = write_midi(compose(request, analysis, take))
        path = free_name(Path(out_dir), loop_stem(request, take), ".mid")
        write_whole(path, data)
        written.append(path)
    return written


def plot_loops(result: Result, analysis: Analysis | None) -> list[Path]:
    """Draw the piano roll of each sketch loop beside its WAV and return the pictures' paths."""
    from .sketch import compose, plot_roll

    drawn = []
    for finished in result.loops:
        if finished.loop.take.engine != "sketch":
            continue
        path = free_name(finished.files.wav.parent, finished.files.wav.stem, ".png")
        plot_roll(compose(result.request, analysis, finished.loop.take.number), result.request, analysis, path)
        drawn.append(path)
    return drawn
