"""Presets become settings, settings become labels."""

import pytest

from helpers.engines.fast.presets import (
    PRESETS,
    choose_settings,
    describe_presets,
    label_settings,
)
from helpers.engines.registry import get_engine
from helpers.errors import InvalidInput

PRESET_TABLES = {name: get_engine(name).presets for name in ("stable-audio-open", "audioldm2-music", "musicgen")}


@pytest.mark.parametrize("engine", PRESET_TABLES)
def test_the_reference_carries_no_label_and_every_preset_is_complete(engine):
    reference = choose_settings(PRESET_TABLES[engine])
    assert label_settings(PRESET_TABLES[engine], reference) == ()
    for preset in PRESETS:
        settings = choose_settings(PRESET_TABLES[engine], preset)
        assert settings.keys() == reference.keys()
        assert (settings == reference) == (label_settings(PRESET_TABLES[engine], settings) == ())
    assert describe_presets(PRESET_TABLES[engine]).startswith("reference (as published); balanced (")


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
    assert label_settings(PRESET_TABLES[engine], choose_settings(PRESET_TABLES[engine], preset)) == labels


def test_a_setting_changed_by_hand_is_labelled_too():
    def labels(engine, **given):
        return label_settings(PRESET_TABLES[engine], choose_settings(PRESET_TABLES[engine], given=given))

    assert labels("stable-audio-open", steps=30, guidance=5.0) == ("30 of 100 steps", "guidance 5")
    assert labels("stable-audio-open", steps=150) == ()
    assert labels("audioldm2-music", steps=50) == ("50 of 200 steps",)
    assert labels("musicgen", top_k=50, temperature=0.9) == ("top-k 50", "temperature 0.9")


def test_unknown_words_are_refused():
    with pytest.raises(InvalidInput, match="'fast' is not known; use one of reference, balanced, draft"):
        choose_settings(PRESET_TABLES["musicgen"], "fast")
    with pytest.raises(InvalidInput, match="'canvas' is not a setting here"):
        choose_settings(PRESET_TABLES["musicgen"], given={"canvas": "full"})
