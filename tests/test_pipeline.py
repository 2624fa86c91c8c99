"""The pipeline by itself, with an engine that plays what the test wrote down for each take."""

from __future__ import annotations

import dataclasses
import json

import mido
import numpy as np
import pytest

from helpers import export, pipeline
from helpers.engines import registry
from helpers.engines.base import Engine
from helpers.errors import Cancelled, InvalidInput, NotAvailable, Refused
from helpers.music.pitch import parse_key
from helpers.pipeline import making
from helpers.records import MEMBERS, Analysis, Clip, EngineInfo, Readiness, Request, Take, Tempo
from helpers.sound.audio import write_wav
from tests.signals import RATE, chord_loop

NAME = "stable-audio-open"  # it plays in that one's place, and reads the words written for it
REQUEST = Request(
    "piano", "chords", 120.0, bars=1, key=parse_key("A minor"), progression=(("Am",),), engine=NAME, takes=2
)
HEARD = Analysis("idea.wav", "0" * 64, 4.0, RATE, 1, Tempo(120.0, 0.9, downbeats=(0.5, 2.5)), None)


def sound(kind: str) -> Clip:
    """A bar of A minor that passes, the same in a foreign key, a beat of it, or nothing."""
    notes = (58, 61, 65) if kind == "off key" else (57, 60, 64)
    clip = chord_loop([notes], bpm=120)
    if kind == "short":
        return Clip(clip.samples[:, : RATE // 2], RATE)
    return Clip(clip.samples * (kind != "silent"), RATE)


class Scripted(Engine):
    """Take ``k`` is the ``k``-th word of the script; a callable is called, to raise or to press Cancel."""

    info = EngineInfo(
        name=NAME,
        title="Scripted",
        sample_rate=RATE,
        channels=1,
        max_seconds=10.0,
        licence="none needed",
        memory_gib=0.0,
        hears=frozenset({"text", "negative", "init-audio"}),
        good_at="tests",
        prompt_style=NAME,
        options={"prompt": "the words", "negative_prompt": "the others"},
    )

    def __init__(self, *script):
        super().__init__()
        self.script, self.guides, self.asked = script, [], []
        self.ready = True

    def readiness(self, request=None):
        return Readiness(NAME, self.ready, "the test says so", "Change the test.")

    def _generate(self, job):
        request, numbers = job.request, job.numbers
        self.guides.append(job.guide)
        self.asked.append(list(numbers))
        lines = [self.script[min(number, len(self.script) - 1)] for number in numbers]
        played = [line if isinstance(line, Clip) else sound(line() if callable(line) else line) for line in lines]
        return [
            Take(clip, NAME, "1", request.take_seed(n), request.options["prompt"], exact=True)
            for n, clip in zip(numbers, played, strict=True)
        ]


@pytest.fixture
def make(monkeypatch, tmp_path):
    """``make(script, request, idea)``: the result and the engine that played the script."""

    def run(script, request=REQUEST, idea=None, analysis=None, **more):
        engine = Scripted(*script)
        monkeypatch.setitem(registry._instances, NAME, engine)
        return engine, pipeline.make_loops(request, idea, analysis, tmp_path / "out", **more)

    return run


def idea_of(*notes: int) -> pipeline.Idea:
    return pipeline.Idea("idea.wav", chord_loop([notes], bpm=120), "0" * 64)


def test_takes_that_pass_at_once_are_not_made_again(make, tmp_path):
    engine, result = make(["good"])
    assert engine.asked == [[0, 1]] and [f.rank for f in result.loops] == [1, 2]
    assert result.any_passed and result.refused == result.notes == ()
    kinds = sorted(path.suffix for path in (tmp_path / "out").glob("*") if path.suffix != ".mid")
    assert kinds == [".json", ".json", ".wav", ".wav"], "the staging folder is gone"


def test_a_models_loop_has_midi_that_was_heard_and_says_so(make):
    """The script's sound is the chord A, C, E; an engine with a score keeps its own."""
    pytest.importorskip("basic_pitch")
    _, result = make(["good"])
    finished = result.loops[0]
    assert any("heard in the finished loop" in note for note in finished.loop.take.notes)
    played = {m.note % 12 for m in mido.MidiFile(finished.files.midi) if m.type == "note_on"}
    assert played and played <= {9, 0, 4}
    assert making.with_heard_notes(finished.loop, result.request) is finished.loop
    drums = dataclasses.replace(finished.loop, take=dataclasses.replace(finished.loop.take, midi=None))
    assert making.with_heard_notes(drums, result.request.with_(instrument="drum kit", role="drums")).take.midi is None


def test_a_refused_take_is_made_again_with_the_next_number_and_said(make):
    engine, result = make(["short", "good"])
    assert engine.asked == [[0, 1], [2]]
    assert sorted(f.loop.take.number for f in result.loops) == [1, 2]
    assert len(result.refused) == 1 and result.refused[0].startswith("Take 1: ")
    assert result.notes == ("1 more take was made because one failed.",)


def test_a_take_that_fails_its_card_gives_way_to_one_that_passes(make):
    engine, result = make(["good", "off key", "good"])
    assert engine.asked == [[0, 1], [2]] and [f.loop.take.number for f in result.loops] == [0, 2]
    assert all(f.fit.verdict != "failed" for f in result.loops)


def test_the_work_is_bounded_and_what_failed_is_labelled(make):
    engine, result = make(["good"] + ["off key"] * 9)
    assert engine.asked == [[0, 1], [2], [3], [4], [5]], "twice as many again as were asked for, at most"
    assert [f.fit.verdict == "failed" for f in result.loops] == [False, True]
    assert "FAILED" in result.loops[1].files.wav.name and result.loops[1].fit.reasons
    assert result.notes == ("4 more takes were made because some failed.",)


def test_a_member_of_a_family_that_fails_is_made_again_as_the_same_member(make):
    """Five parts that belong together: the fill and the build fail, the fill twice."""
    script = ["good", "good", "off key", "good", "off key", *["good"] * 2, "off key", *["good"] * 9]
    engine, result = make(script, REQUEST.with_(takes=5, family=True))
    assert engine.asked == [[0, 1, 2, 3, 4], [7], [9], [12]]
    numbers = sorted(f.loop.take.number for f in result.loops)
    assert numbers == [0, 1, 3, 9, 12] and all(f.fit.verdict != "failed" for f in result.loops)
    assert {REQUEST.with_(family=True).member(n) for n in numbers} == set(MEMBERS)
    said = result.notes[-1].removeprefix("Made from another seed, since the family's own failed: ")
    assert sorted(said.rstrip(".").split(", ")) == ["build", "fill"]


def test_a_family_whose_members_fail_for_good_has_one_of_each(make):
    """The main part never passes, nor does the fill: each is there once, with its verdict."""
    script = ["off key", "good", "off key", "good", "good"] * 3
    _, result = make(script, REQUEST.with_(takes=5, family=True))
    assert sorted(f.loop.take.number % 5 for f in result.loops) == [0, 1, 2, 3, 4]
    assert [f.fit.verdict == "failed" for f in result.loops] == [False, False, False, True, True]


def test_when_none_can_be_used_the_last_reason_is_given_and_nothing_is_left(make, tmp_path):
    with pytest.raises(Refused, match=r"None of 6 takes could be made into a loop\. Take 6: .* Try another seed"):
        make(["short"])
    assert not (tmp_path / "out").exists()


def test_a_group_of_silent_takes_is_made_again(make):
    engine, result = make(["silent", "silent", "good"])
    assert engine.asked == [[0, 1], [2, 3]] and len(result.loops) == 2
    assert len(result.refused) == 1 and "only silence" in result.refused[0]
    with pytest.raises(Refused, match=r"None of 6 takes .* only silence"):
        make(["silent"])


def test_cancel_leaves_nothing_on_disk(make, tmp_path):
    pressed = []

    def press():
        pressed.append(True)
        return "good"

    with pytest.raises(Cancelled):
        make([press], cancel=lambda: bool(pressed))
    assert pressed and not (tmp_path / "out").exists()


def test_a_loop_that_passes_is_written_at_once_and_ranked_in_the_end(make, tmp_path):
    seen = []

    def look(loop):
        document = json.loads(loop.files.json.read_text(encoding="utf-8"))
        seen.append((loop.rank, document["rank"], loop.files.wav.is_file()))

    _, result = make(["good"], on_loop=look)
    assert seen == [(0, None, True)] * 2
    ranks = [json.loads(f.files.json.read_text(encoding="utf-8"))["rank"] for f in result.loops]
    assert ranks == [f.rank for f in result.loops] == [1, 2]
    assert not any(p.name.startswith(".") for p in (tmp_path / "out").iterdir())


def test_a_disk_that_fills_up_leaves_complete_loops_and_names_them(make, tmp_path, monkeypatch):
    published = []

    def full(*arguments):
        if published:
            raise InvalidInput("The loop cannot be written (No space left on device); free disk space.")
        published.append(export.publish(*arguments))
        return published[0]

    monkeypatch.setattr(making, "publish", full)
    monkeypatch.setattr(making, "MOST_WORKERS", 1)
    with pytest.raises(InvalidInput, match="No space left") as caught:
        make(["good"])
    (files,) = published
    assert str(caught.value).endswith(f"Finished before, and complete: {files.wav.name}.")
    beside = {files.midi.name} if files.midi else set()
    assert {p.name for p in (tmp_path / "out").iterdir()} == {files.wav.name, files.json.name} | beside


def test_the_loudness_of_surround_is_that_of_all_channels():
    idea = pipeline.Idea("a.wav", chord_loop([(57, 60, 64)] * 4, bpm=120), "0" * 64, loudness_lufs=-12.5)
    assert pipeline.analyze_idea(idea, tags=False).loudness_lufs == -12.5


def test_a_fault_of_the_engine_is_not_taken_for_a_refused_take(make, tmp_path):
    def fall_over():
        raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        make([fall_over])
    assert not (tmp_path / "out").exists()


def test_an_engine_that_cannot_run_here_is_said_before_any_work(monkeypatch, tmp_path):
    engine = Scripted("good")
    engine.ready = False
    monkeypatch.setitem(registry._instances, NAME, engine)
    with pytest.raises(NotAvailable, match=r"the test says so\. Change the test|the test says so Change the test"):
        pipeline.make_loops(REQUEST, None, None, tmp_path / "out")
    assert engine.asked == [] and not (tmp_path / "out").exists()


def test_progress_rises_within_each_stage(make):
    told = []
    make(["good"], progress=lambda stage, fraction=None, left=None: told.append((stage, fraction)))
    cutting = [fraction for stage, fraction in told if stage == "Cutting and proving the takes"]
    assert cutting == sorted(cutting) and cutting[0] == 0.0 and max(cutting) <= 1.0
    assert "Sketching the guide" in [stage for stage, _ in told]


def test_the_words_are_written_into_the_request(make):
    _, result = make(["good"])
    assert "piano" in result.request.options["prompt"]
    kept = json.loads(result.loops[0].files.json.read_text())["request"]["options"]
    assert kept == result.request.options and "negative_prompt" in kept


def test_the_sketch_is_the_guide_and_can_be_left_out(make):
    engine, _ = make(["good"])
    guide = engine.guides[0]
    assert guide is not None and np.abs(guide.samples).max() > 0.01
    for change in ({"guide": "none"}, {"guide_strength": 0.0}):
        engine, _ = make(["good"], REQUEST.with_(**change))
        assert engine.guides == [None]


def test_the_sketch_heard_first_is_the_guide_that_every_take_follows(make, tmp_path):
    request = REQUEST.with_(seed=4212, dry=True, style="warm")  # the third take or so of a family
    engine, _ = make(["good"], request)
    first = pipeline.make_loops(pipeline.sketch_of(request), None, None, tmp_path / "first").loops[0]
    sketched = registry.get_engine("sketch").generate(pipeline.sketch_of(request))[0]
    assert first.files.midi.read_bytes() == sketched.midi
    assert np.array_equal(engine.guides[0].samples, sketched.clip.samples)
    engine, _ = make(["good"], request.with_(seed=4257, takes=1))
    assert np.array_equal(engine.guides[0].samples, sketched.clip.samples), "the same for each seed of the family"


def test_the_idea_is_the_guide_from_its_first_downbeat_on(make):
    request, idea = REQUEST.with_(guide="idea"), idea_of(57, 60, 64)
    engine, _ = make(["good"], request, idea, HEARD)
    assert np.array_equal(engine.guides[0].samples, idea.clip.samples[:, RATE // 2 :])
    engine, _ = make(["good"], request, idea)
    assert np.array_equal(engine.guides[0].samples, idea.clip.samples), "nothing heard: from its start"
    with pytest.raises(InvalidInput, match="no idea to follow"):
        make(["good"], request)


def test_an_engine_that_plays_to_a_context_hears_the_idea_whatever_the_guide(make, monkeypatch):
    plays_along = dataclasses.replace(Scripted.info, hears=frozenset({"text", "negative", "context"}))
    monkeypatch.setattr(Scripted, "info", plays_along)
    idea = idea_of(57, 60, 64)
    engine, _ = make(["good"], REQUEST.with_(guide="sketch"), idea)
    assert np.array_equal(engine.guides[0].samples, idea.clip.samples)
    engine, _ = make(["good"], REQUEST.with_(guide="sketch"))
    assert engine.guides == [None], "no idea: a sketch of its own part would be no context"


def test_a_bare_file_is_measured_against_what_is_heard_in_it(tmp_path):
    path = tmp_path / "loop.wav"
    write_wav(path, chord_loop([(57, 60, 64), (53, 57, 60)], bpm=100))
    request, notes = pipeline.plan_target(path, None)
    assert request.bpm == pytest.approx(100, rel=0.001) and request.bars == 2 and request.instrument == ""
    assert "Measured against what was heard in the file itself" in notes[-1]
    request, _ = pipeline.plan_target(path, None, bars=1)
    assert request.bars == 1
    assert pipeline.plan_target(path, None, bpm=90, bars=3)[0].bpm == 90
    tone = tmp_path / "tone.wav"
    write_wav(tone, Clip(0.3 * np.sin(np.arange(3 * RATE) * 0.06)[None].astype(np.float32), RATE))
    with pytest.raises(InvalidInput, match=r"No tempo could be heard in “tone.wav”.*--bpm"):
        pipeline.plan_target(tone, None)


# ---- a part of an idea, any audio, the score alone


@pytest.fixture
def ten_bars(monkeypatch):
    """An idea of ten bars of two seconds from 0.5 s on, whose hearing is written down; the part that was cut out."""
    lines = tuple(0.5 + 2.0 * n for n in range(10))
    whole = dataclasses.replace(HEARD, seconds=20.6, tempo=Tempo(120.0, 0.9, downbeats=lines))
    idea = pipeline.Idea("idea.wav", Clip(np.arange(20_600, dtype=np.float32)[None], 1000), "0" * 64)
    monkeypatch.setattr(pipeline, "analyze_idea", lambda heard, *_, **__: whole)
    return idea


@pytest.mark.parametrize(
    ("start", "bars", "span"),
    [
        ("bar 1", 1, (0.5, 2.5)),
        ("bar 3", 2, (4.5, 8.5)),
        (None, 3, (0.5, 6.5)),
        ("5.4", 1, (4.5, 6.5)),
        (5.4, 1, (4.5, 6.5)),
        (3, 1, (2.5, 4.5)),
        ("5.6 s", 1, (6.5, 8.5)),
        ("0", 1, (0.5, 2.5)),
        ("bar 9", None, (16.5, 20.5)),
        ("BAR 10", 1, (18.5, 20.5)),
    ],
)
def test_a_part_begins_on_the_nearest_bar_line_and_holds_whole_bars(ten_bars, start, bars, span):
    part, heard = pipeline.hear_part(ten_bars, start, bars)
    assert part.span == pytest.approx(span)
    assert part.clip.samples[0, 0] == span[0] * 1000 and part.clip.length == round((span[1] - span[0]) * 1000)
    assert heard.tempo.bars == round((span[1] - span[0]) / 2)


@pytest.mark.parametrize(
    ("start", "bars", "said"),
    [
        ("bar 0", None, "outside"),
        ("bar 11", None, r"outside the idea, which has 10 bars in 20\.6 s"),
        ("20.6", None, "outside"),
        ("-1", None, "outside"),
        ("later", None, "give seconds, such as 12.5, or a bar"),
        ("bar 2", 0, "0 bars cannot be heard; give a whole number from 1"),
        ("bar nan", 1, "give seconds, such as 12.5, or a bar"),
        ("inf", 1, "give seconds, such as 12.5, or a bar"),
        (1.5, 1.5, "1.5 bars cannot be heard"),
        (0, "2", "2 bars cannot be heard"),
        ("bar 10", 2, "From bar 10 on the idea has fewer than 2 bars"),
    ],
)
def test_a_part_that_the_idea_does_not_have_is_refused(ten_bars, start, bars, said):
    with pytest.raises(InvalidInput, match=said):
        pipeline.hear_part(ten_bars, start, bars)


def test_an_idea_without_bars_has_no_parts_and_all_of_it_is_itself(ten_bars, monkeypatch):
    assert pipeline.hear_part(ten_bars, None, None)[0] is ten_bars
    unheard = dataclasses.replace(HEARD, tempo=Tempo(None, 0.0))
    monkeypatch.setattr(pipeline, "analyze_idea", lambda heard, *_, **__: unheard)
    with pytest.raises(InvalidInput, match="No bars were heard"):
        pipeline.hear_part(ten_bars, "bar 1", None)


def test_any_audio_becomes_a_loop_that_keeps_its_licence_open(tmp_path):
    path = tmp_path / "take.wav"
    write_wav(path, chord_loop([(57, 60, 64)] * 2, bpm=120))
    request = dataclasses.replace(REQUEST, engine="sketch", takes=1)
    result = pipeline.fit_take(path, request, None, None, tmp_path / "out")
    (finished,) = result.loops
    take = finished.loop.take
    assert finished.rank == 1 and take.engine == "upload" and "file that was given" in take.licence
    assert take.notes[0].startswith("Made from take.wav, SHA-256 ") and result.refused == ()
    assert finished.loop.clip.length == request.samples()


def test_a_file_is_proven_at_its_own_rate_and_scored(tmp_path):
    path = tmp_path / "loop.wav"
    write_wav(path, chord_loop([(57, 60, 64)], bpm=120))
    card = pipeline.prove_file(path, REQUEST.with_(sample_rate=48_000), None)
    assert card.samples == card.samples_expected == RATE * 2 and 0 < card.score <= 1


def test_the_score_alone_is_a_midi_file_for_each_take_and_only_the_sketch_has_one(tmp_path):
    request = REQUEST.with_(engine="sketch", takes=2)
    files = pipeline.write_parts(request, None, tmp_path)
    assert len(files) == 2 and all(path.suffix == ".mid" and mido.MidiFile(path).length > 1 for path in files)
    again = pipeline.write_parts(request, None, tmp_path, "my song.wav")
    assert all(path.stem.endswith("_for-my-song") for path in again)
    assert not set(pipeline.write_parts(request, None, tmp_path)) & set(files), "nothing is overwritten"
    with pytest.raises(InvalidInput, match="has no score to write; use the sketch engine"):
        pipeline.write_parts(REQUEST, None, tmp_path)
