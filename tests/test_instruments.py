"""Instruments are found by everyday words, and guesses are said."""

from __future__ import annotations

import pytest

from helpers.errors import InvalidInput, UnknownInstrument
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


@pytest.mark.parametrize(
    ("word", "name"), [("accordeon", "accordion"), ("gutiar", "acoustic guitar"), ("vioiln", "violin")]
)
def test_a_typo_is_mended_and_said(word, name):
    match = find_instrument(word)
    assert match.instrument.name == name
    assert name in match.note


@pytest.mark.parametrize(
    ("word", "offered"),
    [("waterphone", "vibraphone"), ("vocals", "choir"), ("kazoo", None), ("handdrumset 3", "drum kit")],
)
def test_a_word_that_is_not_understood_is_a_question(word, offered):
    with pytest.raises(UnknownInstrument) as caught:
        find_instrument(word)
    nearest = caught.value.nearest
    assert len(set(nearest)) == 3 and all(find_instrument(n).instrument.name == n for n in nearest)
    assert offered is None or offered in nearest
    assert all(n in str(caught.value) for n in nearest) and caught.value.word == word


@pytest.mark.parametrize("word", ["ukulele", "mandolin", "tabla", "cajon", "handpan", "erhu"])
def test_an_everyday_instrument_says_whose_sound_it_takes(word):
    match = find_instrument(word)
    assert match.instrument.name == word
    assert match.instrument.stand_in in match.note != ""


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
        assert find_instrument(word).note == find_instrument(instrument.name).note
    if instrument.stand_in:
        assert find_instrument(instrument.stand_in).instrument.name == instrument.stand_in


def test_no_word_means_two_instruments():
    words = [w for i in INSTRUMENTS for w in (i.name, *i.words)]
    assert len(words) == len(set(words))
