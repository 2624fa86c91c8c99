"""The settings: converted, refused in one sentence, greyed out with a reason, saved and loaded."""

import json

import pytest

from helpers.errors import InvalidInput
from helpers.records import Analysis, Request, Tempo
from helpers.ui.form import Form, controls, read_settings, settings_file, unusable
from helpers.ui.plan import choose_engine, make_request
from tests.ui.fakes import AbsentEngine, SlowEngine, ToneEngine

SKETCH, AUDIO, WORDS = ToneEngine.info, AbsentEngine.info, SlowEngine.info
HEARD = Analysis("idea.wav", "0" * 64, 8.0, 44_100, 2, Tempo(120.0, 0.9), None)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("bpm", "92,5", 92.5),
        ("bpm", "", None),
        ("bars", "8", 8),
        ("seed", "999999999999999", 999999999999999),
        ("bars", "4.0", 4),
        ("seed", "1e3", 1000),
        ("key", " a minor ", "a minor"),
        ("genre", " ", None),
        ("complexity", 0.3, 0.3),
        ("chords", "| Am | F |", "| Am | F |"),
        ("style", "  warm ", "warm"),
        ("style", "", ""),
        ("dry", True, True),
        ("role", "", None),
    ],
)
def test_a_setting_takes_what_the_page_sends(name, text, value):
    form = Form()
    form.set(name, text)
    assert getattr(form, name) == value


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("bpm", "fast", "give a number from 30 to 300"),
        ("bpm", "nan", "give a number from 30 to 300"),
        ("bars", "inf", "whole number from 1 to 16"),
        ("seed", "1000000000000000", "whole number from 0 to 999999999999999"),
        ("swing", "4.0", "from 0.5 to 0.75"),
        ("engine", "cassette", "not an engine"),
        ("key", "H", "not a key"),
        ("dry", "perhaps", "true or false"),
        ("bpm", 1000, "30 to 300"),
        ("bars", 2.5, "whole number from 1 to 16"),
        ("takes", 0, "1 to 16"),
        ("chords", "| Xm |", "not a chord"),
        ("guide", "stars", "sketch, idea, none"),
        ("instrument", " ", "cannot be empty"),
        ("colour", "red", "no setting"),
        ("complexity", 2, "0 to 1"),
    ],
)
def test_a_wrong_value_is_refused_and_the_old_one_stays(name, value, match):
    form = Form()
    before = form.to_json()
    with pytest.raises(InvalidInput, match=match):
        form.set(name, value)
    assert form.to_json() == before


def test_options_become_numbers_and_can_be_taken_back():
    form = Form()
    form.set("options.steps", "80")
    form.set("options.prompt", "90")
    assert form.options == {"steps": 80, "prompt": "90"}
    form.set("options.steps", "")
    assert form.options == {"prompt": "90"}


def test_settings_survive_their_file():
    form = Form(mode="advanced", bars=8, bpm=93.5, key="A minor", seed=7, options={"steps": 80})
    assert read_settings(settings_file(form).decode()) == form


def test_the_json_beside_a_loop_loads_as_settings():
    request = Request("piano", "chords", 90.0, bars=8, progression=(("Am", "Am"), ("F", "G")), seed=5)
    form = read_settings(json.dumps({"format": "loops-generator/1", "request": request.to_json()}))
    assert (form.mode, form.instrument, form.bars, form.seed) == ("advanced", "piano", 8, 5)
    assert form.chords == "| Am | F G |"
    heard = request.with_(chords_heard=True)
    assert read_settings(json.dumps({"format": "loops-generator/1", "request": heard.to_json()})).chords is None
    assert form.role is None, "another instrument can be chosen next"
    lead = request.with_(role="lead")
    assert read_settings(json.dumps({"format": "loops-generator/1", "request": lead.to_json()})).role == "lead"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other"}'])
def test_any_other_file_is_refused(text):
    with pytest.raises(InvalidInput, match="settings"):
        read_settings(text)


def test_normal_mode_keeps_the_cards_edits_and_nothing_else():
    form = Form(bpm=60.0, genre="house", bars=8, takes=7, complexity=0.9, seed=3, style="warm")
    request, _ = make_request(form, HEARD, SKETCH)
    assert (request.bpm, request.genre, request.bars, request.takes) == (60.0, "house", 8, 3)
    assert request.complexity is None and request.style == ""


def test_advanced_mode_passes_everything_the_engine_can_use():
    form = Form(mode="advanced", bars=8, takes=5, complexity=0.9, style="warm", avoid="reverb", seed=3)
    request, _ = make_request(form, HEARD, SKETCH)
    assert (request.bars, request.takes, request.complexity, request.seed) == (8, 5, 0.9, 3)
    assert request.style == "" and request.avoid == ""
    request, _ = make_request(form, HEARD, AUDIO)
    assert request.style == "warm" and request.avoid == "reverb"


def test_options_of_another_engine_are_left_out():
    form = Form(mode="advanced", options={"steps": 80, "guidance": 7})
    assert make_request(form, HEARD, SKETCH)[0].options == {}
    assert make_request(form, HEARD, WORDS)[0].options == {"steps": 80}


def test_what_an_engine_cannot_use_has_a_reason():
    form = Form(mode="advanced")
    assert "style" in unusable(form, SKETCH) and "complexity" not in unusable(form, SKETCH)
    assert "avoid" in unusable(form, WORDS) and "style" not in unusable(form, WORDS)
    assert unusable(form, AUDIO) == {}
    form.guide = "none"
    off = unusable(form, AUDIO)
    assert "guide_strength" in off and "sketch as guide" in off["complexity"]
    assert all(reason.endswith(".") for reason in off.values())


def test_every_control_is_a_setting():
    names = [c["name"] for group in controls(AUDIO) for c in group["controls"]]
    assert len(names) == len(set(names))
    for name in names:
        assert name.startswith("options.") or name in Form().to_json()


def test_normal_mode_takes_the_neural_model_where_it_runs_and_the_sketch_elsewhere():
    rows = [{"name": "stable-audio-open", "title": "Stable Audio Open", "ready": True, "reason": ""}]
    rows.append({"name": "sketch", "title": "Sketch", "ready": True, "reason": ""})
    assert choose_engine(Form(), rows) == ("stable-audio-open", "")
    rows[0] |= {"ready": False, "reason": "There is no GPU."}
    assert choose_engine(Form(), rows) == ("sketch", ""), "Normal mode plays with what is here; MODELS says the rest"
    name, sentence = choose_engine(Form(mode="advanced", engine="stable-audio-open"), rows)
    assert name == "sketch" and "cannot run here: There is no GPU. The sketch" in sentence
    rows[0] |= {"reason": "No token.", "remedy": "Open the page, accept, set HF_TOKEN."}
    for other in ("foundation-1", "musicgen"):
        rows.append({"name": other, "title": other.title(), "ready": True, "gpu": True, "here": False, "reason": ""})
    assert choose_engine(Form(), rows) == (
        "foundation-1",
        "Stable Audio Open cannot run here: No token. Foundation-1 plays instead. Open the page, accept, set HF_TOKEN.",
    )
    assert choose_engine(Form(instrument="drum kit"), rows)[0] == "musicgen", "Foundation-1 knows no drums"
    assert choose_engine(Form(meter="3/4"), rows)[0] == choose_engine(Form(), rows, "3/4")[0] == "musicgen", "nor 3/4"
    for row in rows[2:]:
        row["gpu"] = False
    assert choose_engine(Form(), rows)[0] == "sketch", "on a CPU nobody is made to wait for what was not chosen"
    rows[2]["here"] = rows[0]["ready"] = True
    assert choose_engine(Form(), rows) == ("foundation-1", ""), "trained for it, and already here"
    assert choose_engine(Form(instrument="drum kit"), rows) == ("stable-audio-open", "")
    assert choose_engine(Form(mode="advanced"), rows) == ("sketch", "")
