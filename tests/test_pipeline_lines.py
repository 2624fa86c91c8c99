"""The pipeline line by line: what is read, heard, followed and measured, with loops and engines stood in for."""

from __future__ import annotations

import dataclasses
import importlib
import json
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import loops, pipeline
from helpers.engines import registry
from helpers.errors import InvalidInput
from helpers.export import SIDECAR_FORMAT
from helpers.pipeline.making import FinishedLoop, Idea, Result, Run
from helpers.records import Clip, FitCard, Tempo, Written
from helpers.sound.audio import write_wav
from tests.test_making import CLIP, IDEA, loop_of, take
from tests.test_pipeline import HEARD, NAME, RATE, REQUEST

# ---- reading and hearing


def test_an_idea_is_read_with_its_name_and_heard_with_its_own_notes(tmp_path, monkeypatch):
    path = tmp_path / "my idea.wav"
    write_wav(path, Clip(0.1 * np.sin(np.arange(2 * RATE) / 9, dtype=np.float32)[None], RATE))
    idea = pipeline.load_idea(path)
    assert (idea.name, idea.path, idea.span, idea.clip.length, len(idea.sha256)) == (
        "my idea.wav",
        path,
        None,
        2 * RATE,
        64,
    )
    assert pipeline.load_idea(path, "other.wav").name == "other.wav"
    asked = []

    def analyze(clip, *, file, sha256, progress, tags):
        asked.append((clip, file, sha256, progress, tags))
        return dataclasses.replace(HEARD, notes=("heard",), loudness_lufs=-20.0)

    monkeypatch.setattr("helpers.analysis.analyze", analyze)
    told = lambda *_: None  # noqa: E731
    plain = pipeline.analyze_idea(IDEA, told)
    assert plain.notes == ("heard",) and plain.loudness_lufs == -20.0
    assert asked == [(IDEA.clip, "idea.wav", "0" * 64, told, True)]
    surround = dataclasses.replace(IDEA, notes=("folded",), loudness_lufs=-12.5)
    found = pipeline.analyze_idea(surround, told, tags=False)
    assert found.notes == ("folded", "heard") and found.loudness_lufs == -12.5 and asked[1][-1] is False


@pytest.mark.parametrize(
    ("seconds", "start", "bars", "span"),
    [
        (22.45, "bar 10", 2, (18.5, 22.45)),  # a tenth of a bar may lack at the end
        (22.29, "bar 10", 2, None),
        (30.0, "bar 10", 2, (18.5, 22.5)),
        (30.0, "bar 9", 4, (16.5, 24.5)),
        (30.0, "bar 9", None, (16.5, 20.5)),
        (20.6, "20.59", 1, (18.5, 20.5)),
        (20.6, "20.6", 1, None),
        (20.6, "bar10", 1, (18.5, 20.5)),
        (20.6, "0", None, (0.5, 20.5)),
        (20.6, "1.4", 1, (0.5, 2.5)),
        (20.6, "1.6", 1, (2.5, 4.5)),
    ],
)
def test_the_ends_of_a_part(seconds, start, bars, span, monkeypatch):
    lines = tuple(0.5 + 2.0 * n for n in range(10))
    whole = dataclasses.replace(HEARD, seconds=seconds, tempo=Tempo(120.0, 0.9, downbeats=lines))
    idea = Idea("i", Clip(np.arange(30_000, dtype=np.float32)[None], 1000), "0" * 64, loudness_lufs=-9.0)
    asked = []
    monkeypatch.setattr(
        pipeline, "analyze_idea", lambda heard, progress, *, tags=True: asked.append((heard, tags)) or whole
    )
    if span is None:
        with pytest.raises(InvalidInput):
            pipeline.hear_part(idea, start, bars)
        return
    part, heard = pipeline.hear_part(idea, start, bars)
    assert part.span == pytest.approx(span) and part.loudness_lufs is None and part.clip.sample_rate == 1000
    assert part.clip.samples[0, [0, -1]].tolist() == [round(1000 * span[0]), round(1000 * span[1]) - 1]
    assert asked == [(idea, True), (part, True)] and heard.tempo.downbeats[0] == 0.0
    assert idea.clip.length == 30_000


# ---- what a model follows


@pytest.mark.parametrize(
    ("hears", "guide", "idea", "downbeats", "follows"),
    [
        ({"init-audio"}, "sketch", IDEA, (), "sketch"),
        ({"init-audio"}, "idea", IDEA, (0.5,), 5),
        ({"init-audio"}, "idea", IDEA, (), 0),
        ({"init-audio"}, "idea", IDEA, (-0.2,), 0),
        ({"init-audio"}, "idea", IDEA, None, 0),
        ({"init-audio"}, "idea", None, (), "error"),
        ({"init-audio"}, "none", IDEA, (), None),
        ({"context"}, "sketch", IDEA, (0.5,), 5),
        ({"context"}, "sketch", None, (), None),
        ({"text"}, "sketch", IDEA, (), None),
    ],
)
def test_the_guide_is_the_sketch_the_idea_or_nothing(hears, guide, idea, downbeats, follows, monkeypatch):
    info = SimpleNamespace(hears=frozenset(hears))
    engine = SimpleNamespace(info=info, hears_guide=hears != {"text"})
    drawn = []

    def generate(request, *, analysis, cancel):
        drawn.append(request)
        return [take()]

    monkeypatch.setitem(registry._instances, NAME, engine)
    monkeypatch.setitem(registry._instances, "sketch", SimpleNamespace(generate=generate))
    analysis = None if downbeats is None else dataclasses.replace(HEARD, tempo=Tempo(120.0, 0.9, downbeats=downbeats))
    told = []
    request = REQUEST.with_(guide=guide, seed=4242, takes=3, options={"prompt": "x"})
    run = Run(request, idea, analysis, progress=lambda *said: told.append(said))
    if follows == "error":
        with pytest.raises(InvalidInput, match="no idea to follow"):
            pipeline._guide(run)
        return
    found = pipeline._guide(run)
    if follows == "sketch":
        assert found is CLIP and told == [("Sketching the guide", None, None)]
        wanted = request.with_(engine="sketch", seed=4200, takes=1, options={})
        assert drawn == [wanted.with_(dry=True)] and pipeline.sketch_of(request) == wanted
    elif follows is None:
        assert found is None
    else:
        assert found.samples[0].tolist() == list(range(follows, 30)) and found.sample_rate == 10
    strength = Run(request.with_(guide_strength=0.0), idea, analysis)
    assert pipeline._guide(strength) is None


def test_words_are_written_only_for_engines_that_read_them(monkeypatch):
    monkeypatch.setattr(pipeline, "write_prompt", lambda engine, request: ("words", "not these"))
    for hears, written in (({"text"}, True), ({"context"}, False)):
        monkeypatch.setitem(registry._instances, NAME, SimpleNamespace(info=SimpleNamespace(hears=frozenset(hears))))
        run = pipeline._with_words(Run(REQUEST.with_(options={"kept": 1})))
        wanted = {"kept": 1} | ({"prompt": "words", "negative_prompt": "not these"} if written else {})
        assert run.request.options == wanted


# ---- what a file is measured against


@pytest.mark.parametrize(
    ("loop", "asked", "tags", "planned"),
    [
        (None, {"bpm": 90}, {"bpm": 70}, {"bpm": 90}),
        ("l.wav", {"bpm": 90, "bars": 2}, {"bpm": 70}, {"bpm": 90, "bars": 2}),
        ("l.wav", {"bars": 2}, {"bpm": 70, "bars": 4}, {"bpm": 70, "bars": 2}),
        ("l.wav", {}, {}, {"bpm": 100.0, "meter": "4/4", "bars": 2}),
        ("l.wav", {"bpm": 50}, {}, {"bpm": 50, "meter": "4/4", "bars": 1}),
        ("l.wav", {"bpm": 25.0 * 12, "meter": "3/4"}, {}, {"bpm": 300, "meter": "3/4", "bars": 8}),
        ("l.wav", {"bars": 3}, {}, {"bpm": 100.0, "meter": "4/4", "bars": 3}),
    ],
)
def test_what_is_asked_comes_before_what_is_stored_and_heard(loop, asked, tags, planned, monkeypatch):
    tempo = Tempo(100.0, 0.9)
    idea = Idea("l.wav", Clip(np.zeros((1, 4800), np.float32), 1000), "0" * 64)
    seen = []
    monkeypatch.setattr(pipeline, "read_tags", lambda loop: tags)
    monkeypatch.setattr(pipeline, "load_idea", lambda loop: idea)
    monkeypatch.setattr(pipeline, "analyze_idea", lambda idea, *, tags: SimpleNamespace(tempo=tempo, tags=tags))
    plain = SimpleNamespace(bpm=123.4567, bars=4)
    monkeypatch.setattr(
        pipeline, "plan_measure", lambda analysis, **given: seen.append((analysis, given)) or (plain, ("n",))
    )
    request, notes = pipeline.plan_target(loop, HEARD, **asked)
    assert seen == [(HEARD, planned)] and request is plain
    heard = "Measured against what was heard in the file itself: 123.457 BPM, 4 bars."
    assert notes == (("n", heard) if loop and not tags and set(asked) != {"bpm", "bars"} else ("n",))


@pytest.mark.parametrize(("seconds", "bars"), [(0.1, 1), (0.9, 1), (47.0, 16), (33.0, 14)])
def test_a_files_bars_are_the_nearest_whole_number_that_a_loop_may_have(seconds, bars, monkeypatch):
    idea = Idea("l.wav", Clip(np.zeros((1, round(seconds * 1000)), np.float32), 1000), "0" * 64)
    monkeypatch.setattr(pipeline, "read_tags", lambda loop: {})
    monkeypatch.setattr(pipeline, "load_idea", lambda loop: idea)
    monkeypatch.setattr(pipeline, "analyze_idea", lambda idea, *, tags: SimpleNamespace(tempo=Tempo(100.0, 0.9)))
    assert pipeline.plan_target("l.wav", None)[0].bars == bars


OURS = {"format": SIDECAR_FORMAT, "request": REQUEST.to_json()}


@pytest.mark.parametrize(
    ("has_idea", "has_analysis", "beside"),
    [(True, True, None), (True, False, OURS), (False, True, None), (True, True, {"name": "a pack"}), (True, True, [])],
)
def test_a_file_without_our_json_was_made_elsewhere(has_idea, has_analysis, beside, tmp_path, monkeypatch):
    path = tmp_path / "loop.wav"
    write_wav(path, Clip(0.1 * np.sin(np.arange(RATE) / 9, dtype=np.float32)[None], RATE))
    if beside is not None:
        path.with_suffix(".json").write_text(json.dumps(beside))
    asked = []

    def prove(clip, request, analysis, *, idea, foreign):
        asked.append((clip.sample_rate, request.sample_rate, analysis, idea is not None, foreign))
        return FitCard({}, "pass")

    monkeypatch.setattr(loops, "prove", prove)
    monkeypatch.setattr(pipeline, "score", lambda clip, card, request: 0.25)
    analysis = HEARD if has_analysis else None
    card = pipeline.prove_file(path, REQUEST.with_(sample_rate=48_000), analysis, IDEA if has_idea else None)
    assert asked == [(RATE, RATE, analysis, has_idea and has_analysis, beside is not OURS)] and card.score == 0.25


def test_pictures_and_reports_beside_the_loops(tmp_path, monkeypatch):
    sketch = importlib.import_module("helpers.sketch")
    drawn = []
    monkeypatch.setattr(sketch, "compose", lambda request, analysis, number: ("score", number))
    monkeypatch.setattr(sketch, "plot_roll", lambda score, request, analysis, path: drawn.append((score, path)))
    files = Written(tmp_path / "a.wav", tmp_path / "a.json", None)
    both = tuple(
        FinishedLoop(1, loop_of(n, engine=e), FitCard({}, "pass"), files) for n, e in ((3, NAME), (5, "sketch"))
    )
    assert pipeline.plot_loops(Result(REQUEST, None, both), HEARD) == [tmp_path / "a.png"]
    assert drawn == [(("score", 5), tmp_path / "a.png")]
    doctor = importlib.import_module("helpers.engines.doctor")
    monkeypatch.setattr(doctor, "examine", lambda make, out, progress, cancel: {"é": out.name})
    report, path = pipeline.examine_models(tmp_path)
    assert report == {"é": tmp_path.name} and path == tmp_path / "doctor.json"
    assert path.read_text(encoding="utf-8") == f'{{\n "é": "{tmp_path.name}"\n}}'
