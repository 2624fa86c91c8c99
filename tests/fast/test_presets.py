"""Presets become settings, settings become labels."""

import pytest

from helpers.engines.fast.presets import (
    PRESETS,
    choose_settings,
    describe_presets,
    label_settings,
)
from helpers.errors import InvalidInput


@pytest.mark.parametrize("engine", ["stable-audio-open", "audioldm2-music", "musicgen"])
def test_the_reference_carries_no_label_and_every_preset_is_complete(engine):
    reference = choose_settings(engine)
    assert label_settings(engine, reference) == ()
    for preset in PRESETS:
        settings = choose_settings(engine, preset)
        assert settings.keys() == reference.keys()
        assert (settings == reference) == (label_settings(engine, settings) == ())
    assert describe_presets(engine).startswith("reference (as published); balanced (")


@pytest.mark.parametrize(
    ("engine", "preset", "labels"),
    [
        ("stable-audio-open", "balanced", ("50 of 100 steps",)),
        ("stable-audio-open", "draft", ("25 of 100 steps", "canvas fitted to the loop")),
        ("audioldm2-music", "balanced", ("25 DPM-Solver++ steps instead of 200 DDIM steps",)),
        ("audioldm2-music", "draft", ("12 DPM-Solver++ steps instead of 200 DDIM steps",)),
        ("musicgen", "draft", ()),
    ],
)
def test_labels_of_the_presets(engine, preset, labels):
    assert label_settings(engine, choose_settings(engine, preset)) == labels


def test_a_setting_changed_by_hand_is_labelled_too():
    changed = choose_settings("stable-audio-open", "reference", {"steps": 30, "guidance": 5.0})
    assert label_settings("stable-audio-open", changed) == ("30 of 100 steps", "guidance 5")
    assert label_settings("stable-audio-open", choose_settings("stable-audio-open", given={"steps": 150})) == ()
    assert label_settings("audioldm2-music", choose_settings("audioldm2-music", given={"steps": 50})) == (
        "50 of 200 steps",
    )
    changed = choose_settings("musicgen", given={"top_k": 50, "temperature": 0.9})
    assert label_settings("musicgen", changed) == ("top-k 50", "temperature 0.9")


def test_unknown_words_are_refused():
    with pytest.raises(InvalidInput, match="'fast' is not known; use one of reference, balanced, draft"):
        choose_settings("musicgen", "fast")
    with pytest.raises(InvalidInput, match="'sketch' has no presets"):
        choose_settings("sketch")
    with pytest.raises(InvalidInput, match="'canvas' is not a setting of musicgen"):
        choose_settings("musicgen", given={"canvas": "full"})
