"""Options of the neural engines: read, checked, labelled."""

import pytest

from helpers.engines.options import (
    PRESETS,
    describe_options,
    planned_seconds,
    read_settings,
    written_prompt,
)
from helpers.engines.registry import get_engine
from helpers.errors import InvalidInput
from helpers.records import Request

REQUEST = Request("piano", "chords", 120.0, bars=4)


def with_options(**options):
    return REQUEST.with_(options=options)


@pytest.mark.parametrize(
    ("engine", "options", "labels"),
    [
        ("stable-audio-open", {}, ()),
        ("stable-audio-open", {"preset": "balanced"}, ("50 of 100 steps",)),
        ("stable-audio-open", {"preset": "draft"}, ("25 of 100 steps", "canvas fitted to the loop")),
        ("stable-audio-open", {"steps": 30, "guidance": 5.0}, ("30 of 100 steps", "guidance 5")),
        ("audioldm2-music", {"preset": "balanced"}, ("25 DPM-Solver++ steps instead of 200 DDIM steps",)),
        ("musicgen", {"preset": "draft"}, ()),
        ("stable-audio-open", {"steps": "30", "canvas": "fitted"}, ("30 of 100 steps", "canvas fitted to the loop")),
        ("stable-audio-open", {"steps": 200}, ()),
        ("audioldm2-music", {"steps": 50}, ("50 of 200 steps",)),
        ("musicgen", {"top_k": 50, "temperature": 0.9}, ("top-k 50", "temperature 0.9")),
    ],
)
def test_labels_name_what_is_not_as_published(engine, options, labels):
    assert read_settings(get_engine(engine).presets, with_options(**options))[1] == labels


@pytest.mark.parametrize("engine", ["stable-audio-open", "audioldm2-music", "musicgen"])
def test_the_reference_carries_no_label_and_every_preset_is_complete(engine):
    presets = get_engine(engine).presets
    reference, labels = read_settings(presets, REQUEST)
    assert labels == ()
    for preset in PRESETS:
        settings, labels = read_settings(presets, with_options(preset=preset))
        assert settings.keys() == reference.keys()
        assert (settings == reference) == (labels == ())
    assert describe_options(presets=presets)["preset"].startswith("reference (as published); balanced (")


def test_the_help_of_an_option_holds_its_range_and_its_usual_value():
    lines = get_engine("audioldm2-music").info.options
    assert lines["guidance"] == "how closely the words are followed, 1 to 20; default 3.5"
    assert lines["steps"] == "sampling steps, 2 to 500, instead of the preset's" and "canvas" not in lines


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"steps": 1}, r"The option steps is 1; give a whole number from 2 to 500"),
        ({"steps": 2.5}, r"The option steps is 2\.5; give a whole number"),
        ({"steps": "many"}, r"The option steps is 'many'"),
        ({"steps": float("nan")}, r"The option steps is nan"),
        ({"guidance": -1}, r"The option guidance is -1; give a number from 1 to 20"),
        ({"preset": "best"}, r"The option preset is 'best'; use one of reference, balanced, draft"),
        ({"canvas": "round"}, r"The option canvas is 'round'; use one of full, fitted"),
        ({"precision": "int4"}, r"The option precision is 'int4'; use one of auto, float16, bfloat16, float32"),
        ({"batch": 0}, r"The option batch is 0; give a whole number from 1 to 16"),
    ],
)
def test_values_that_cannot_be_used_are_named_with_their_range(options, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        read_settings(get_engine("stable-audio-open").presets, with_options(**options))


def test_at_least_a_bar_more_than_the_loop_is_rendered_where_the_canvas_allows():
    assert planned_seconds(REQUEST, 47.0) == pytest.approx(8.0 + 2.0)
    assert planned_seconds(REQUEST.with_(bpm=60.0), 47.0) == pytest.approx(16.0 + 4.0)
    assert planned_seconds(REQUEST.with_(bpm=240.0, bars=1), 47.0) == pytest.approx(1.0 + 2.0)
    assert planned_seconds(REQUEST.with_(bars=16), 33.0) == pytest.approx(33.0)


@pytest.mark.parametrize("options", [{}, {"prompt": ""}, {"prompt": "  "}, {"prompt": 5}])
def test_no_words_are_refused_with_where_to_get_them(options):
    with pytest.raises(InvalidInput, match=r"MusicGen needs words; .*write_prompt"):
        written_prompt(with_options(**options), "MusicGen")
