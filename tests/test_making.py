"""A run line by line: which takes are made, mended, written and ranked, with loops and engines stood in for."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import loops
from helpers.engines import registry
from helpers.errors import Cancelled, Refused
from helpers.loops.ranking import rank
from helpers.pipeline import making
from helpers.pipeline.making import FinishedLoop, Idea, Proven, Result, Run
from helpers.records import Clip, Correction, FitCard, Loop, Take, Written
from tests.test_pipeline import HEARD, NAME, REQUEST

CLIP = Clip(np.arange(10, dtype=np.float32)[None], 10)
IDEA = Idea("idea.wav", Clip(np.arange(30, dtype=np.float32)[None], 10), "0" * 64)


def take(number: int = 0, **more) -> Take:
    return Take(
        **({"clip": CLIP, "engine": NAME, "engine_version": "1", "seed": 7, "prompt": "", "number": number} | more)
    )


def loop_of(number: int = 0, verdict: str = "pass", score: float | None = None, bars=(), **more) -> Loop:
    card = FitCard({}, verdict, bars=tuple(bars), purity_parts={"score": score or 0.0})
    return Loop(CLIP, take(number, **more), (), card, score)


# ---- records


def test_an_idea_keeps_its_side_for_one_analysis_and_tells_its_span():
    side = IDEA.side(HEARD)
    assert IDEA.side(HEARD) is side and side.clip is IDEA.clip and side.analysis is HEARD
    other = dataclasses.replace(HEARD)
    assert IDEA.side(other) is not side and IDEA.side(other).analysis is other
    assert IDEA.to_json() == {"file": "idea.wav", "sha256": "0" * 64, "seconds": 3.0}
    long = dataclasses.replace(IDEA, clip=Clip(np.zeros((1, 100_000), np.float32), 44_100), span=(0.5, 2.5))
    assert long.to_json() == {"file": "idea.wav", "sha256": "0" * 64, "seconds": 2.2676, "span": [0.5, 2.5]}
    for record, name in ((IDEA, "name"), (Run(REQUEST), "request"), (Result(REQUEST, None, ()), "notes")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, None)
        assert hash(record) != hash(dataclasses.replace(record))
    proven = Proven(loop_of(), Path("a.wav"))
    proven.files = None
    assert hash(proven) != hash(Proven(proven.loop, proven.staged))


def test_a_result_in_json_word_for_word():
    loop = loop_of(3, score=0.123456, licence="free", labels=("made",), prompt="words")
    finished = FinishedLoop(
        2,
        dataclasses.replace(loop, why=("Place 2.",)),
        FitCard({}, "corrected"),
        Written(Path("a.wav"), Path("a.json"), Path("a.mid")),
    )
    bare = FinishedLoop(0, loop_of(4), FitCard({}, "failed"), Written(Path("b.wav"), Path("b.json"), None))
    document = Result(REQUEST, IDEA, (finished, bare), ("Take 1: no",), ("a note",)).to_json()
    assert document["loops"][0] == {
        "rank": 2, "wav": "a.wav", "json": "a.json", "midi": "a.mid", "engine": NAME, "take": 3, "seed": 7,
        "prompt": "words", "license": "free", "labels": ["made"], "score": 0.1235, "why": ["Place 2."],
        "fit": finished.fit.to_json(),
    }  # fmt: skip
    assert document["loops"][1]["midi"] is document["loops"][1]["score"] is None
    assert document["idea"] == IDEA.to_json() and document["request"] == REQUEST.to_json()
    assert document["refused"] == ["Take 1: no"] and document["notes"] == ["a note"]
    assert Result(REQUEST, None, ()).to_json()["idea"] is None
    assert [Result(REQUEST, None, x).any_passed for x in ((finished, bare), (bare,), ())] == [True, False, False]
    with pytest.raises(dataclasses.FrozenInstanceError):
        bare.rank = 1
    assert hash(bare) != hash(finished)


# ---- enough takes


@pytest.fixture
def enough(monkeypatch):
    """``enough(script)``: takes made until enough pass; the script says of each number what becomes of it."""

    def run(script, takes=2, one_by_one=False, refuse_all=(), spare_cores=0):
        asked, told, proven = [], [], []

        def generate(request, *, analysis, guide, first, cancel, count=1, progress=None):
            asked.append(list(range(first, first + count)))
            if len(asked) - 1 in refuse_all:
                raise Refused("only silence")
            assert (request.takes, analysis, guide) == (takes, HEARD, CLIP)
            return [take(n) for n in range(first, first + count)]

        def finish(run, take, folder, out, proven):
            fate = script[min(take.number, len(script) - 1)]
            if fate == "refused":
                raise Refused("too short")
            files = None if fate == "failed" else Written(Path(f"{take.number}.wav"), Path("x"), None)
            proven.append(Proven(loop_of(take.number), Path("s"), files))

        engine = SimpleNamespace(one_by_one=one_by_one, generate=generate)
        monkeypatch.setattr(making, "finish_take", finish)
        monkeypatch.setitem(registry._instances, NAME, engine)
        run = Run(REQUEST.with_(takes=takes), None, HEARD, CLIP, lambda *said: told.append(said))
        run = dataclasses.replace(run, spare_cores=spare_cores)
        refused, made = making.make_enough(run, Path("f"), Path("o"), proven)
        return SimpleNamespace(asked=asked, told=told, refused=refused, made=made, proven=proven)

    return run


@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize(
    ("script", "takes", "groups", "made"),
    [
        (["good"], 2, [[0, 1]], 2),
        (["good"], 1, [[0]], 1),
        (["refused", "good"], 2, [[0, 1], [2]], 3),
        (["failed", "failed", "good"], 2, [[0, 1], [2, 3]], 4),
        (["good", "failed"], 2, [[0, 1], [2], [3], [4], [5]], 6),
        (["failed"], 1, [[0], [1], [2]], 3),  # thrice as many as were asked for, at most
        (["good", "failed", "failed", "refused", "failed", "good"], 3, [[0, 1, 2], [3, 4], [5, 6]], 7),
        (["failed"] * 4 + ["good"] + ["failed"], 3, [[0, 1, 2], [3, 4, 5], [6, 7], [8]], 9),
    ],
)
def test_takes_are_made_again_until_enough_pass_or_the_bound(script, takes, groups, made, one_by_one, enough):
    if takes == 3 and made == 9:
        groups = [[0, 1, 2], [3, 4, 5], [6, 7], [8]]
    found = enough(script, takes, one_by_one)
    assert found.asked == ([[n] for group in groups for n in group] if one_by_one else groups)
    assert found.made == made
    wanted = [f"Take {n + 1}: too short" for n in range(made) if script[min(n, len(script) - 1)] == "refused"]
    assert found.refused == wanted
    stage = "Composing and proving the takes" if one_by_one else "Cutting and proving the takes"
    first = groups[0]
    shares = [(stage, n / len(first), None) for n in range(len(first))]
    assert found.told[: len(first) + one_by_one] == [(stage, 0.0, None)] * one_by_one + shares


def test_when_nothing_can_be_used_the_last_reason_is_given(enough):
    with pytest.raises(Refused) as caught:
        enough(["refused"], 2)
    assert str(caught.value) == (
        "None of 6 takes could be made into a loop. Take 6: too short Try another seed, instrument or engine; the "
        "sketch engine always fits."
    )
    found = enough(["good"], 2, refuse_all=(0,))
    assert found.refused == ["only silence"] and found.asked == [[0, 1], [2, 3]] and found.made == 4


@pytest.mark.parametrize(
    ("cores", "spare", "workers"), [(2, 0, 2), (2, 1, 1), (1, 1, 1), (3, 1, 2), (9, 1, 4), (None, 0, 1)]
)
def test_takes_are_made_on_all_cores_but_those_to_be_spared(cores, spare, workers, enough, monkeypatch):
    pools = []
    pool = making.ThreadPoolExecutor
    monkeypatch.setattr(making.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(making, "ThreadPoolExecutor", lambda workers: pools.append(workers) or pool(workers))
    enough(["good"], spare_cores=spare)
    assert pools == [workers]


# ---- one take


@pytest.fixture
def finish(monkeypatch):
    """``finish(first, mended, recomposed)``: a take whose card is the first, and that of its mended loop the second."""

    def run(first, mended=None, recomposed=None, run=None, takes_engine=NAME):
        state = SimpleNamespace(proofs=[], published=[], heard=[], proven=[])
        start = loop_of()
        cards = iter([first, mended or recomposed])
        monkeypatch.setattr(loops, "make_loop", lambda take, request, analysis: dataclasses.replace(start, take=take))
        monkeypatch.setattr(making, "stage_wav", lambda loop, request, folder: folder / f"{len(state.proofs)}.wav")
        monkeypatch.setattr(making, "read_back", lambda staged: CLIP)

        def prove(clip, request, analysis, corrections, *, idea, foreign):
            state.proofs.append((corrections, idea is not None, foreign))
            verdict, bars = next(cards)
            return FitCard({}, verdict, bars=tuple(bars))

        moved = dataclasses.replace(start, corrections=(Correction("shift", 1),))
        monkeypatch.setattr(loops, "prove", prove)
        monkeypatch.setattr(loops, "repair", lambda loop, card, request: moved if mended else None)
        anew = dataclasses.replace(start, corrections=(Correction("recomposed", 1),))
        monkeypatch.setattr(making, "_recomposed", lambda *_: anew if recomposed else None)
        monkeypatch.setattr(making, "with_heard_notes", lambda loop, request: state.heard.append(loop) or loop)
        files = Written(Path("a.wav"), Path("a.json"), None)
        monkeypatch.setattr(making, "publish", lambda *what: state.published.append(what) or files)
        state.told = []
        run = run or Run(REQUEST, IDEA, HEARD, on_loop=state.told.append)
        making.finish_take(run, take(engine=takes_engine), Path("f"), Path("o"), state.proven)
        (state.one,) = state.proven
        return state

    return run


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (("failed", ()), ("corrected", ()), True),
        (("failed", ()), ("failed", ()), False),
        (("pass", (0.1, 0.9)), ("corrected", (0.2, 0.5)), True),  # its worst bar is better
        (("pass", (0.1, 0.9)), ("corrected", (0.1, 0.9)), False),
        (("pass", (0.1, 0.9)), ("failed", (0.9, 0.9)), False),
        (("pass", ()), ("corrected", (-0.5,)), False),
        (("pass", ()), ("corrected", (0.1,)), True),
        (("pass", (-0.1,)), ("corrected", ()), True),
    ],
)
def test_a_mended_loop_is_kept_where_it_is_better(first, second, kept, finish):
    for how in ("mended", "recomposed"):
        state = finish(first, **{how: second})
        assert len(state.proofs) == 2
        assert bool(state.one.loop.corrections) is kept
        assert state.one.staged == Path("f") / f"{int(kept)}.wav"
        written = second[0] if kept else first[0]
        assert (state.one.files is None) is (written == "failed")
        assert len(state.published) == len(state.told) == int(written != "failed")


def test_a_loop_is_proven_on_its_file_with_the_ideas_side_and_told_at_once(finish):
    state = finish(("pass", ()))
    assert state.proofs == [((), True, False)] and state.one.loop.clip is CLIP
    (published,) = state.published
    assert published[0] == Path("f/0.wav") and published[4:] == (IDEA.to_json(), 0, Path("o"))
    assert published[2] is state.one.loop.fit and published[3] is REQUEST
    assert (state.told[0].rank, state.told[0].loop, state.told[0].files.wav) == (0, state.one.loop, Path("a.wav"))
    assert len(state.heard) == 1
    foreign = finish(("pass", ()), takes_engine="upload", run=Run(REQUEST, None, HEARD))
    assert foreign.proofs == [((), False, True)] and foreign.published[0][4] == {}
    assert finish(("pass", ()), run=Run(REQUEST, IDEA, None)).proofs == [((), False, False)]


def test_cancel_is_looked_at_before_and_after_a_take_is_proven(finish):
    presses = iter([False, True])
    with pytest.raises(Cancelled):
        finish(("pass", ()), run=Run(REQUEST, IDEA, HEARD, cancel=lambda: next(presses)))
    with pytest.raises(Cancelled):
        finish(("pass", ()), run=Run(REQUEST, IDEA, HEARD, cancel=lambda: True))
    presses = iter([False])
    finish(("failed", ()), run=Run(REQUEST, IDEA, HEARD, cancel=lambda: next(presses)))  # nothing to write


@pytest.mark.parametrize(
    ("engine", "has_side", "has_plan", "made"),
    [
        ("sketch", True, True, True),
        (NAME, True, True, False),
        ("sketch", False, True, False),
        ("sketch", True, False, False),
    ],
)
def test_a_bar_of_a_sketch_is_composed_again(engine, has_side, has_plan, made, monkeypatch):
    changed, record = REQUEST.with_(options={"recomposed": "1:C"}), Correction("recomposed", 1)
    asked = []
    monkeypatch.setattr(
        loops, "plan_recomposed_bar", lambda card, request, side: (changed, record) if has_plan else None
    )
    monkeypatch.setattr(loops, "make_loop", lambda take, request, analysis: asked.append((take, request)) or first)
    first = dataclasses.replace(loop_of(), corrections=(Correction("fold", 1.0),))

    def generate(request, *, analysis, count, first, cancel):
        asked.append((request, count, first))
        return [take(first)]

    monkeypatch.setitem(registry._instances, NAME, SimpleNamespace(generate=generate))
    loop = making._recomposed(Run(REQUEST, IDEA, HEARD), loop_of(5, engine=engine), object() if has_side else None)
    assert (loop is not None) is made
    if made:
        assert asked[0] == (changed, 1, 5) and asked[1][1] is REQUEST
        assert loop.corrections == (Correction("fold", 1.0), record)


@pytest.mark.parametrize(
    ("midi", "engine", "role", "notes", "heard"),
    [
        (None, NAME, "chords", [1], True),
        (b"MThd", NAME, "chords", [1], False),
        (None, "upload", "chords", [1], False),
        (None, NAME, "drums", [1], False),
        (None, NAME, "chords", [], False),
    ],
)
def test_notes_are_heard_in_a_models_pitched_loop(midi, engine, role, notes, heard, monkeypatch):
    melody = importlib.import_module("helpers.analysis.melody")
    asked = []
    monkeypatch.setattr(melody, "estimate_notes", lambda clip: notes)
    monkeypatch.setattr(melody, "notes_to_midi", lambda notes, tempo: asked.append(tempo) or b"heard")
    loop = loop_of(midi=midi, engine=engine, notes=("first",))
    request = REQUEST if role == "chords" else REQUEST.with_(instrument="drum kit", role="drums")
    found = making.with_heard_notes(loop, request)
    if not heard:
        assert found is loop
        return
    assert found.take.midi == b"heard" and found.take.notes == ("first", making.HEARD_NOTES)
    (tempo,) = asked
    assert (tempo.bpm, tempo.confidence, tempo.meter, tempo.downbeats) == (120.0, 1.0, REQUEST.time, (0.0,))


# ---- the best of them


def test_the_best_are_written_in_their_order_and_the_first_of_equals_is_the_first_made(monkeypatch):
    files = {n: Written(Path(f"{n}.wav"), Path(f"{n}.json"), None) for n in range(4)}
    proven = [
        Proven(loop_of(3, "failed"), Path("s3")),
        Proven(loop_of(2), Path("s2"), files[2]),
        Proven(loop_of(0), Path("s0"), files[0]),
        Proven(loop_of(1, "failed"), Path("s1")),
    ]
    calls = []

    def publish(staged, loop, fit, request, idea, rank, out):
        calls.append(("publish", staged, rank, idea, out))
        return files[loop.take.number]

    monkeypatch.setattr(making, "publish", publish)
    monkeypatch.setattr(
        making, "write_sidecar", lambda file, loop, request, idea, rank: calls.append((file, rank, idea))
    )
    run = Run(REQUEST.with_(takes=3), IDEA)
    best = making.publish_best(run, proven, Path("o"))
    assert [f.loop.take.number for f in best] == [0, 2, 1] and [f.rank for f in best] == [1, 2, 3]
    assert [f.files for f in best] == [files[0], files[2], files[1]] and best[0].fit is best[0].loop.fit
    described = IDEA.to_json()
    assert calls == [
        (Path("0.json"), 1, described),
        (Path("2.json"), 2, described),
        ("publish", Path("s1"), 3, described, Path("o")),
    ]
    assert best[0].loop.score == rank([loop_of(0)], REQUEST)[0].score
