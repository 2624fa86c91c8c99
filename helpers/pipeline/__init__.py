"""The steps in order: read an idea, hear it, plan a request, make takes, prove loops, write them.

Each step is a function that takes and returns records, so the command line and the notebook run the same steps and a
musician may change what lies between two steps.
"""

from __future__ import annotations

from ..machine.home import package_missing

try:
    import numpy  # noqa: F401  without it nothing below can be imported
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(package_missing(error), name=error.name) from None

import dataclasses
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from ..engines import registry
from ..engines.prompts import write_prompt
from ..errors import Cancelled, InvalidInput, NotAvailable
from ..export import free_name, loop_stem, read_tags, request_beside
from ..loops.ranking import score
from ..machine.files import shown_name, staging, write_whole
from ..music.meter import MOST_BARS, bar_seconds, parse_meter
from ..planning import change_request, part_of, plan_measure, plan_request
from ..records import (
    MEMBERS,
    Analysis,
    CancelCheck,
    Clip,
    FitCard,
    Progress,
    Request,
    Take,
    never_cancelled,
    read_controls,
    silent_progress,
)
from ..sound.audio import read_audio, resample
from .making import UPLOAD, FinishedLoop, Idea, Proven, Result, Run, finish_take, make_enough, publish_best

__all__ = [
    "FinishedLoop", "Idea", "Result", "analyze_idea", "change_request", "check_engine", "cut_part", "fit_take",
    "hear_part", "load_idea", "make_loops", "plan_request", "plan_target", "plot_loops", "prove_file", "sketch_of",
    "write_parts",
]  # fmt: skip
# ------------------------------------------------------------------------------------------------------ the idea, heard


def load_idea(source: str | os.PathLike[str], name: str | None = None) -> Idea:
    """Read and check an upload; raises InvalidInput or NotAvailable as :func:`helpers.sound.audio.read_audio` does."""
    file = read_audio(source, name)
    return Idea(shown_name(name or source), file.clip, file.sha256, Path(source), file.notes, file.loudness_lufs)


def analyze_idea(idea: Idea, progress: Progress = silent_progress, *, tags: bool = True) -> Analysis:
    """Hear an idea: tempo, grid, key, chords, melody, groove, genre and mood."""
    from ..analysis import analyze

    with threadpool_limits(1):  # on signals this short a second thread of BLAS mostly waits
        analysis = analyze(idea.clip, file=idea.name, sha256=idea.sha256, progress=progress, tags=tags)
    if idea.loudness_lufs is not None:
        analysis = dataclasses.replace(analysis, loudness_lufs=idea.loudness_lufs)
    return dataclasses.replace(analysis, notes=(*idea.notes, *analysis.notes)) if idea.notes else analysis


def hear_part(
    idea: Idea, start: str | float | None, bars: int | None, progress: Progress = silent_progress
) -> tuple[Idea, Analysis]:
    """An idea and what is heard in it; with ``start`` or ``bars`` only that part, on the grid of all of it.

    ``start`` is seconds, or ``bar 5``; it moves to the nearest bar line. ``bars`` None takes all that follows. Raises
    InvalidInput if they cannot be read, no grid was heard to count on, or the part lies outside the idea.
    """
    text = str(start or "bar 1").strip().lower()
    try:
        number = float(text.removeprefix("bar").removesuffix("s"))
        if not math.isfinite(number):
            raise ValueError
    except ValueError:
        raise InvalidInput(
            f"The start {start!r} is not understood; give seconds, such as 12.5, or a bar: 'bar 5'."
        ) from None
    if bars is not None and (not isinstance(bars, int) or bars < 1):
        raise InvalidInput(f"{bars} bars cannot be heard; give a whole number from 1 on.")
    whole = analyze_idea(idea, progress)
    if start is None and bars is None:
        return idea, whole
    lines, tempo = whole.tempo.downbeats, whole.tempo
    if not lines or tempo.bpm is None:
        raise InvalidInput("No bars were heard in the idea, so no part of it can be chosen; cut the file instead.")
    first = (
        round(number) - 1 if text.startswith("bar") else min(range(len(lines)), key=lambda i: abs(lines[i] - number))
    )
    if not 0 <= first < len(lines) or (not text.startswith("bar") and not 0 <= number < whole.seconds):
        raise InvalidInput(
            f"The start {start} is outside the idea, which has {len(lines)} bars in {whole.seconds:.1f} s."
        )
    begin = lines[first]
    length = bar_seconds(tempo.bpm, tempo.meter)
    stop = len(lines) if bars is None else first + bars
    end = lines[stop] if stop < len(lines) else min(whole.seconds, lines[-1] + length * (stop - len(lines) + 1))
    if bars is not None and begin + (bars - 0.1) * length > end:
        raise InvalidInput(f"From bar {first + 1} on the idea has fewer than {bars} bars; choose an earlier start.")
    return cut_part(idea, whole, begin, end, progress)


def cut_part(
    idea: Idea, whole: Analysis, begin: float, end: float, progress: Progress = silent_progress, *, tags: bool = True
) -> tuple[Idea, Analysis]:
    """The idea from ``begin`` to ``end`` seconds and what is heard in it, on the grid of the whole."""
    part = idea.part(begin, end)
    return part, part_of(whole, analyze_idea(part, progress, tags=tags), begin, end)


# ----------------------------------------------------------------------------------------------------- takes into loops


def check_engine(request: Request) -> None:
    """Raise InvalidInput or NotAvailable, with a way out, if the engine of ``request`` cannot make it here."""
    engine = registry.get_engine(request.engine)
    engine.require_ready(request)
    engine.check(request)


def make_loops(
    request: Request,
    idea: Idea | None,
    analysis: Analysis | None,
    out_dir: str | os.PathLike[str],
    progress: Progress = silent_progress,
    cancel: CancelCheck = never_cancelled,
    on_loop: Callable[[FinishedLoop], None] = lambda loop: None,
    spare_cores: int = 0,
) -> Result:
    """Make takes, turn them into loops, prove each on its file, write them and rank them.

    A take that is refused or fails its fit card is made again with a new seed, within a bound; ``request.takes`` loops
    are written at most, failed ones (labelled so) only where no better take took their place. A loop that passes is
    written at once and handed to ``on_loop`` (on a thread of ours); its rank is added to its JSON in the end.
    ``spare_cores`` are left to others meanwhile. On InvalidInput, NotAvailable and Cancelled what passed before is
    there, each loop with all its files, and is named; nothing else is left on disk. Raises Refused if no take could be
    made into a loop at all.
    """
    check_engine(request)
    run = _with_words(Run(request, idea, analysis, None, progress, cancel, on_loop, spare_cores))
    run = dataclasses.replace(run, guide=_guide(run))
    proven: list[Proven] = []
    try:
        with staging(out_dir) as folder:
            refused, made = make_enough(run, folder, Path(out_dir), proven)
            finished = publish_best(run, proven, Path(out_dir))
    except (InvalidInput, NotAvailable, Cancelled) as error:
        there = [p.files.wav.name for p in proven if p.files and p.files.wav.exists()]
        if not there:
            raise
        raise type(error)(f"{error} Finished before, and complete: {', '.join(there)}.") from None
    more = made - request.takes
    said = "1 more take was made because one" if more == 1 else f"{more} more takes were made because some"
    notes = [f"{said} failed."] if more > 0 else []
    others = [f.loop.take for f in finished if f.loop.take.seed != request.take_seed(0)] if request.family else []
    if others and request.takes <= len(MEMBERS):
        names = ", ".join(request.member(take.number) for take in others)
        notes.append(f"Made from another seed, since the family's own failed: {names}.")
    return Result(run.request, idea, finished, tuple(refused), tuple(notes))


def _with_words(run: Run) -> Run:
    """The run with its prompt written out for an engine that reads words, so that its JSON makes the same again."""
    if "text" not in run.engine.info.hears:
        return run
    prompt, negative = write_prompt(run.request.engine, run.request)
    options = {**run.request.options, "prompt": prompt, "negative_prompt": negative}
    return dataclasses.replace(run, request=run.request.with_(options=options))


def _guide(run: Run) -> Clip | None:
    """What a neural engine follows: the sketch of the same request, the idea from its first downbeat, or nothing.

    An engine that plays to a context hears the idea whatever the guide; it would only repeat a sketch of its own part.
    """
    request, idea = run.request, run.idea
    if not run.engine.hears_guide or request.guide == "none" or request.guide_strength == 0:
        return None
    plays_to_idea = "context" in run.engine.info.hears
    if plays_to_idea and idea is None:
        return None
    if request.guide == "idea" or plays_to_idea:
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
    clip = resample(file.clip, request.sample_rate)
    take = Take(
        clip=clip,
        engine=UPLOAD,
        engine_version="1",
        seed=request.seed,
        prompt="",
        licence="The licence of the file that was given.",
        notes=(f"Made from {shown_name(source)}, SHA-256 {file.sha256}.",),
    )
    progress("Finding the loop in the take", None, None)
    run, proven = Run(request, idea, analysis, progress=progress), list[Proven]()
    with staging(out_dir) as folder:
        finish_take(run, take, folder, Path(out_dir), proven)
        finished = publish_best(run, proven, Path(out_dir))
    return Result(request, idea, finished, (), file.notes)


def plan_target(
    loop: str | os.PathLike[str] | None, analysis: Analysis | None, **asked: Any
) -> tuple[Request, tuple[str, ...]]:
    """What ``loop`` is measured against: what is asked, else its own JSON or tempo tag, else what is heard in it.

    Raises InvalidInput if neither says the tempo and the number of bars.
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


def prove_file(
    source: str | os.PathLike[str], request: Request, analysis: Analysis | None, idea: Idea | None = None
) -> FitCard:
    """The fit card of any audio file against ``request``, whose rate becomes the file's own, and against ``idea``.

    A file without our JSON beside it was made elsewhere: its feel, its peaks and a few samples are remarks.
    """
    from ..loops import prove

    clip = read_audio(source).clip
    side = idea.side(analysis) if idea and analysis else None
    own = request_beside(source) is not None
    card = prove(clip, request.with_(sample_rate=clip.sample_rate), analysis, idea=side, foreign=not own)
    return dataclasses.replace(card, score=score(clip, card, request))


# ------------------------------------------------------------------------------------------------- the score by itself


def write_parts(
    request: Request, analysis: Analysis | None, out_dir: str | os.PathLike[str], idea: str = ""
) -> list[Path]:
    """Compose the request's takes and write each score as MIDI only (sketch engine); nothing is overwritten.

    ``idea`` is the idea's file name, which the files' names then tell.
    """
    from ..sketch import compose, write_midi

    if request.engine != "sketch":
        raise InvalidInput(f"The engine {request.engine} has no score to write; use the sketch engine for MIDI.")
    written = []
    for take in range(request.takes):
        data = write_midi(compose(request, analysis, take))
        path = free_name(Path(out_dir), loop_stem(request, take, idea=idea), ".mid")
        write_whole(path, data)
        written.append(path)
    return written


def plot_loops(result: Result, analysis: Analysis | None) -> list[Path]:
    """Draw the piano roll of each sketch loop beside its WAV and return the pictures' paths."""
    from ..sketch import compose, plot_roll

    drawn = []
    for finished in result.loops:
        if finished.loop.take.engine != "sketch":
            continue
        path = free_name(finished.files.wav.parent, finished.files.wav.stem, ".png")
        plot_roll(compose(result.request, analysis, finished.loop.take.number), result.request, analysis, path)
        drawn.append(path)
    return drawn


# ------------------------------------------------------------------------------------------------ the models themselves


def examine_models(
    out_dir: str | os.PathLike[str], progress: Progress = silent_progress, cancel: CancelCheck = never_cancelled
) -> tuple[dict[str, Any], Path]:
    """One short loop with every installed model, and the report of it as a file (:mod:`helpers.engines.doctor`)."""
    from ..engines import doctor

    report = doctor.examine(make_loops, Path(out_dir), progress, cancel)
    path = free_name(Path(out_dir), "doctor", ".json")
    write_whole(path, json.dumps(report, indent=1, ensure_ascii=False).encode())
    return report, path
