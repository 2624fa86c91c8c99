"""Loops spoiled on purpose: in the score where notes change, in the sound where time does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from helpers.loops import make_loop
from helpers.planning import plan_request
from helpers.records import Analysis, Clip, Note, Request, Take
from helpers.sketch import Score, compose, render

JITTER_SECONDS = 0.025
MOVED = {"semitone": 1, "tritone": 6, "fourth": 5}


def loop_of(score: Score, request: Request, analysis: Analysis) -> Clip:
    """A score as the finished loop that the sketch engine would make of it."""
    take = Take(render(score, request, 44_100), "sketch", "1", request.seed, "", exact=True)
    return make_loop(take, request, analysis).clip


def good_takes(request: Request, analysis: Analysis, count: int) -> list[Clip]:
    return [loop_of(compose(request, analysis, number), request, analysis) for number in range(count)]


def spoiled(
    clip: Clip, request: Request, analysis: Analysis, other: Analysis | None, rng: np.random.Generator
) -> Iterator[tuple[str, Clip]]:
    """Each spoiled version of the first take ``clip`` with its name; ``other`` is of another piece in its metre."""
    beat = 60 / request.bpm * clip.sample_rate
    lags = {"sixteenth late": beat / request.time.steps_per_beat, "half beat late": beat / 2, "beat late": beat}
    for name, lag in (lags | {"30 ms late": 0.03 * clip.sample_rate}).items():
        yield name, Clip(np.roll(clip.samples, round(lag), axis=1), clip.sample_rate)
    score = compose(request, analysis, 0)

    def changed(change: Callable[[Note], Note], of: Score = score) -> Score:
        return dataclasses.replace(of, notes=tuple(change(note) for note in of.notes), bends=())

    def made(part: Score) -> Clip:
        return loop_of(part, request, analysis)

    quarters = JITTER_SECONDS * request.bpm * request.time.quarters_per_beat / 60
    yield "jitter", made(changed(lambda n: dataclasses.replace(n, start=max(0.0, n.start + quarters * rng.normal()))))
    drums = request.role == "drums"
    if other is not None:
        theirs, _ = plan_request(other, instrument=request.instrument, bars=request.bars, seed=1)
        foreign = dataclasses.replace(compose(theirs, other, 0), bpm=request.bpm)
        home = foreign.key.tonic if foreign.key else 0
        up = 0 if drums or request.key is None else (request.key.tonic - home + 6) % 12 - 6
        yield "another idea", made(changed(lambda n: dataclasses.replace(n, pitch=n.pitch + up), foreign))
    if drums:
        return
    for name, semitones in MOVED.items():
        yield name, made(changed(lambda n, s=semitones: dataclasses.replace(n, pitch=n.pitch + s)))
    turned = request.progression[1:] + request.progression[:1]
    if turned != request.progression:
        yield "other order", made(compose(request.with_(progression=turned), analysis, 0))
    low = min(n.pitch for n in score.notes)
    high = max(low + 12, *(n.pitch for n in score.notes))
    scale = request.key.scale if request.key else (0, 2, 4, 5, 7, 9, 11)
    pool = [pitch for pitch in range(low, high + 1) if pitch % 12 in scale]
    yield "soup", made(changed(lambda n: dataclasses.replace(n, pitch=int(rng.choice(pool)))))
    root = low + ((request.key.tonic if request.key else 0) - low) % 12
    eighths = tuple(Note(root, start / 2, 0.45) for start in range(int(2 * score.quarters)))
    for name, notes in (("drone in eighths", eighths), ("drone held", (Note(root, 0.0, score.quarters),))):
        yield name, made(dataclasses.replace(score, notes=notes, bends=(), swells=()))
