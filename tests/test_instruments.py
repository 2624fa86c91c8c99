"""Instruments are found by everyday words, and guesses are said."""

from __future__ import annotations

import pytest

from helpers.errors import InvalidInput
from helpers.music.instruments import INSTRUMENTS, find_instrument
from helpers.records import ROLES


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("rhodes", "electric piano"),
        ("Bass", "bass guitar"),
        ("808s", "808"),
        ("guitar", "acoustic guitar"),
        ("Synth_Bass", "synth bass"),
        ("violins", "strings"),
        ("flutes", "flute"),
        ("TR-808", "808 kit"),
        ("drums", "drum kit"),
    ],
)
def test_everyday_words(word, name):
    match = find_instrument(word)
    assert match.instrument.name == name
    assert match.note == ""


def test_a_known_word_inside_a_phrase_is_said():
    match = find_instrument("warm fingered bass guitar")
    assert match.instrument.name == "bass guitar"
    assert "bass guitar" in match.note


def test_an_unknown_word_gets_the_nearest_and_says_so():
    match = find_instrument("accordeon")
    assert match.instrument.name == "accordion"
    assert "nearest" in match.note


def test_nothing_is_refused():
    with pytest.raises(InvalidInput):
        find_instrument("   ")


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda i: i.name)
def test_table_rows_are_sound(instrument):
    assert instrument.role in ROLES
    assert 0 <= instrument.program <= 127
    assert 0 <= instrument.low < instrument.high <= 127
    assert instrument.high - instrument.low >= 12
    assert find_instrument(instrument.name).instrument == instrument
    for word in instrument.words:
        assert find_instrument(word).note == ""


def test_no_word_means_two_instruments():
    words = [w for i in INSTRUMENTS for w in (i.name, *i.words)]
    assert len(words) == len(set(words))
