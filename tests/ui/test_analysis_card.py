"""What was heard, as shown: honest about doubt, one click from the other readings."""

import pytest

from helpers.music.pitch import parse_key
from helpers.records import Analysis, KeyAlternative, KeyEstimate, Request, Tag, Tempo, TempoAlternative
from helpers.ui.analysis_card import check_file, chords_by_bar, click_times, confidence, describe, with_chord
from tests import signals


def heard(tempo, key=None, **more):
    return Analysis("i.wav", "0" * 64, 8.0, 44_100, 2, tempo, key, **more)


def test_unknown_is_shown_as_unknown():
    card = describe(heard(Tempo(None, 0.0)))
    assert card["tempo"]["bpm"] is None and card["tempo"]["others"] == []
    assert card["key"] is None and card["genres"] == [] and card["spans"] == []


def test_half_and_double_are_offered_once_each():
    tempo = Tempo(120.004, 0.9, alternatives=(TempoAlternative(60.002, "half"), TempoAlternative(80.0, "2/3")))
    others = describe(heard(tempo))["tempo"]["others"]
    assert [(o["bpm"], o["relation"]) for o in others] == [(60.0, "half"), (240.01, "double"), (80.0, "two thirds")]
    assert "half" not in [o["relation"] for o in describe(heard(Tempo(50.0, 0.9)))["tempo"]["others"]]


def test_the_relative_key_is_always_among_the_buttons():
    key = parse_key("A minor")
    plain = describe(heard(Tempo(120.0, 1.0), KeyEstimate(key, 0.9, (KeyAlternative("E minor", 0.8),))))["key"]
    assert [(o["name"], o["relation"]) for o in plain["others"]] == [("E minor", "next best"), ("C major", "relative")]
    among = describe(heard(Tempo(120.0, 1.0), KeyEstimate(key, 0.9, (KeyAlternative("C major", 0.8),))))["key"]
    assert [(o["name"], o["relation"]) for o in among["others"]] == [("C major", "relative")]


def test_doubt_is_said():
    words = [confidence(value)["word"] for value in (0.9, 0.6, 0.2)]
    assert words[0] == "sure" and "check by ear" in words[2] and len(set(words)) == 3


def test_three_tags_at_most_with_percentages():
    tags = tuple(Tag(name, 0.5) for name in "abcde")
    assert describe(heard(Tempo(120.0, 1.0), genres=tags))["genres"] == [{"label": n, "score": 50} for n in "abc"]


def test_chords_are_written_bar_by_bar_and_one_can_be_changed():
    request = Request("piano", "chords", 120.0, bars=4, progression=(("Am", "Am"), ("F", "G")))
    assert chords_by_bar(request) == ["Am", "F G", "Am", "F G"]
    assert with_chord(request, 2, " Dm7,  E7 ") == "| Am | F G | Dm7 E7 | F G |"
    assert with_chord(request, 0, "") == "| N | F G | Am | F G |"
    assert with_chord(Request("piano", "chords", 120.0, bars=2), 1, "C") == "| N | C |"


def test_clicks_follow_the_idea_or_the_tempo_set_by_hand():
    tempo = Tempo(120.0, 1.0, beats=tuple(0.1 + 0.501 * n for n in range(16)), downbeats=(0.1, 2.104, 4.108, 6.112))
    assert click_times(tempo, None, 8.0) == (list(tempo.beats), list(tempo.downbeats))
    half, strong = click_times(tempo, 60.0, 8.0)
    assert half[:3] == pytest.approx([0.1, 1.1, 2.1]) and strong[1] == pytest.approx(4.1)
    assert click_times(Tempo(None, 0.0), None, 8.0) == ([], [])


def test_the_check_carries_clicks_and_the_drone_of_the_key_set():
    clip = signals.noise(50.0, level=0.1)
    analysis = heard(Tempo(120.0, 1.0, beats=(0.0, 0.5)), KeyEstimate(parse_key("A minor"), 0.9))
    file = check_file(clip, analysis, Request("piano", "chords", 120.0, key=parse_key("C major")))
    assert file.meta["samples"] == 40 * 44_100 and file.meta["beats"] == [0.0, 0.5]
    assert [pitch % 12 for pitch in file.meta["drone"]] == [0, 7, 4]
    assert check_file(clip, heard(Tempo(None, 0.0)), None).meta["drone"] == []
