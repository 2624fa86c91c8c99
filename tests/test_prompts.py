"""Prompts: every model gets the request in its own format, and nothing that the request does not say."""

import pytest

from helpers.engines.prompts import NEGATIVES, ROLE_WORDS, write_prompt
from helpers.errors import InvalidInput
from helpers.music.pitch import parse_key
from helpers.records import ROLES, Request

TEXT_ENGINES = ("stable-audio-open", "audioldm2-music", "musicgen", "audiocraft")
REQUEST = Request("rhodes", "chords", 92.4, key=parse_key("A minor"), genre="lo-fi hip hop", mood="warm")


def test_stable_audio_leads_with_bpm_then_genre_and_instrument():
    assert write_prompt("stable-audio-open", REQUEST)[0].startswith("92 BPM lo-fi hip hop rhodes loop, ")


def test_musicgen_is_fields_with_the_tempo_last_and_no_negative():
    prompt, negative = write_prompt("musicgen", REQUEST)
    assert prompt.endswith(", A minor, bpm: 92")
    assert negative == ""


def test_audioldm2_gets_words_and_no_numbers():
    prompt, negative = write_prompt("audioldm2-music", REQUEST)
    assert not any(c.isdigit() for c in prompt)
    assert "A minor" not in prompt
    assert "low quality" in negative


@pytest.mark.parametrize(("bpm", "word"), [(60, "slow tempo"), (100, "medium tempo"), (150, "fast tempo")])
def test_audioldm2_names_the_pace(bpm, word):
    assert word in write_prompt("audioldm2-music", REQUEST.with_(bpm=bpm))[0]


@pytest.mark.parametrize("engine", TEXT_ENGINES)
@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_words_and_names_the_instrument(engine, role):
    prompt, _ = write_prompt(engine, REQUEST.with_(role=role))
    assert ROLE_WORDS[role] in prompt
    assert "rhodes" in prompt
    assert ", ," not in prompt


@pytest.mark.parametrize("role", [r for r in ROLES if r != "drums"])
def test_pitched_roles_keep_drums_and_vocals_out(role):
    negative = write_prompt("stable-audio-open", REQUEST.with_(role=role))[1].split(", ")
    assert {"drums", "percussion", "vocals"} <= set(negative)


def test_drums_keep_melody_and_key_out():
    prompt, negative = write_prompt("stable-audio-open", REQUEST.with_(instrument="drum kit", role="drums"))
    assert "A minor" not in prompt
    assert set(NEGATIVES["drums"]) <= set(negative.split(", "))


@pytest.mark.parametrize(
    ("instrument", "role", "absent"),
    [("choir", "pad", "vocals"), ("steel drums", "arpeggio", "drums"), ("marimba", "arpeggio", "percussion")],
)
def test_negatives_never_deny_the_instrument_itself(instrument, role, absent):
    negative = write_prompt("stable-audio-open", REQUEST.with_(instrument=instrument, role=role))[1]
    assert absent not in negative.split(", ")


def test_avoid_comes_first_and_once():
    negative = write_prompt("stable-audio-open", REQUEST.with_(avoid="cymbals; drums"))[1].split(", ")
    assert negative[:2] == ["cymbals", "drums"]
    assert negative.count("drums") == 1


def test_a_prompt_by_hand_is_used_as_it_stands():
    request = REQUEST.with_(options={"prompt": "Moog ♯ 303", "negative_prompt": ""})
    assert write_prompt("stable-audio-open", request) == ("Moog ♯ 303", "")


def test_an_empty_prompt_by_hand_is_refused():
    with pytest.raises(InvalidInput, match="leave it out to have them written"):
        write_prompt("musicgen", REQUEST.with_(options={"prompt": "  "}))


def test_silent_fields_leave_no_trace():
    prompt = write_prompt("musicgen", Request("piano", "chords", 120))[0]
    assert prompt == "solo piano loop, chord progression, bpm: 120"


def test_controls_become_words():
    prompt = write_prompt("musicgen", REQUEST.with_(density=0.9, dry=True, meter="3/4", style="tape saturated"))[0]
    for word in ("busy", "dry, no reverb", "waltz time", "tape saturated"):
        assert word in prompt


def test_long_styles_are_cut_at_whole_parts():
    prompt = write_prompt("musicgen", REQUEST.with_(style="x" * 500, mood="warm"))[0]
    assert len(prompt) <= 400
    assert "xxx" not in prompt


def test_the_sketch_reads_no_words():
    assert write_prompt("sketch", REQUEST) == ("", "")


def test_an_unknown_engine_is_named_with_the_known_ones():
    with pytest.raises(InvalidInput, match=r"'jukebox'.*stable-audio-open"):
        write_prompt("jukebox", REQUEST)
