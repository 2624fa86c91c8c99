"""Keys, scales and chords."""

import pytest

from benchmarks.measure import mirex_score
from helpers.errors import InvalidInput
from helpers.music.pitch import (
    ALL_KEYS,
    CHORD_INTERVALS,
    ChordSymbol,
    Key,
    midi_hz,
    midi_name,
    parse_chord,
    parse_key,
    parse_progression,
    write_progression,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A minor", "A minor"),
        ("Am", "A minor"),
        ("a min", "A minor"),
        ("C", "C major"),
        ("CM", "C major"),
        ("f# major", "F# major"),
        ("Gb", "F# major"),
        ("D♭ major", "Db major"),
        ("  eb_minor ", "Eb minor"),
        ("B♯", "C major"),
        ("E Minor", "E minor"),
        ("A MAJOR", "A major"),
        ("D dorian", "D dorian"),
        ("f# Phrygian", "F# phrygian"),
        ("C harmonic minor", "C harmonic minor"),
        ("a-Moll", "A minor"),
        ("h-Moll", "B minor"),
        ("B-Dur", "Bb major"),
        ("Es Dur", "Eb major"),
        ("fis-moll", "F# minor"),
        ("As-Dur", "Ab major"),
        ("8A", "A minor"),
        ("8B", "C major"),
        ("1a", "G# minor"),
        ("12B", "E major"),
    ],
)
def test_keys_are_read_as_musicians_write_them(text, name):
    assert parse_key(text).name == name


@pytest.mark.parametrize("text", ["", "H minor", "A doric", "13A", "0B", "minor", "C##b", "12", "A minor please"])
def test_what_is_not_a_key_is_refused(text):
    with pytest.raises(InvalidInput, match=r"not a key|not a note"):
        parse_key(text)


def test_every_key_reads_back_from_its_name():
    assert [parse_key(key.name) for key in ALL_KEYS] == list(ALL_KEYS) and len({k.name for k in ALL_KEYS}) == 24


def test_relatives_share_their_notes():
    for key in ALL_KEYS:
        assert set(key.relative.scale) == set(key.scale) and key.relative.relative == key


def test_mirex_weights():
    c = Key(0, "major")
    scores = {
        name: mirex_score(parse_key(name), c)
        for name in ("C major", "G major", "F major", "A minor", "C minor", "D major")
    }
    assert scores == {"C major": 1, "G major": 0.5, "F major": 0.5, "A minor": 0.3, "C minor": 0.2, "D major": 0}


def test_chords_read_back_from_their_labels():
    for root in range(12):
        for quality in CHORD_INTERVALS:
            chord = ChordSymbol(root, quality)
            for key in (Key(0, "major"), Key(5, "major")):
                assert parse_chord(chord.label(key)) == chord


def test_chord_tones():
    assert parse_chord("Am7").pitch_classes == (9, 0, 4, 7)
    assert parse_chord("Bbmaj7").pitch_classes == (10, 2, 5, 9)
    assert parse_chord("C/E").pitch_classes == (0, 4, 7)
    assert parse_chord("N") is None


@pytest.mark.parametrize("label", ["H", "Cxyz", "am", "C#####"])
def test_what_is_not_a_chord_is_refused(label):
    with pytest.raises(InvalidInput, match="not a chord"):
        parse_chord(label)


def test_a_chord_list_is_read_and_written():
    bars = parse_progression("| Am | F | C G | Em |")
    assert bars == (("Am",), ("F",), ("C", "G"), ("Em",))
    assert write_progression((("Am", "Am"), ("C", "G"))) == "| Am | C G |"
    assert parse_progression("| Am | % | C % G |") == (("Am",), ("Am",), ("C", "C", "G"))


@pytest.mark.parametrize(
    ("label", "tones", "bass"),
    [
        ("C6", (0, 4, 7, 9), 0),
        ("C9", (0, 4, 7, 10, 2), 0),
        ("Dm11", (2, 5, 9, 0, 4, 7), 2),
        ("G13", (7, 11, 2, 5, 9, 4), 7),
        ("Cadd9", (0, 4, 7, 2), 0),
        ("A7sus4", (9, 2, 4, 7), 9),
        ("Am(maj7)", (9, 0, 4, 8), 9),
        ("Bm7b5", (11, 2, 5, 9), 11),
        ("Bø", (11, 2, 5, 9), 11),
        ("C#dim7", (1, 4, 7, 10), 1),
        ("C+", (0, 4, 8), 0),
        ("G7(b9)", (7, 11, 2, 5, 8), 7),
        ("G7alt", (7, 11, 5, 8, 10, 3), 7),
        ("C6/9", (0, 4, 7, 9, 2), 0),
        ("D/F#", (2, 6, 9), 6),
        ("C/Bb", (0, 4, 7, 10), 10),
    ],
)
def test_chords_of_jazz_and_slashes(label, tones, bass):
    chord = parse_chord(label)
    assert chord.pitch_classes == tones and chord.bass == bass
    assert parse_chord(chord.label()) == chord


def test_modes_are_written_with_the_accidentals_they_have():
    assert parse_key("D dorian").signature.name == "C major" and parse_key("Bb mixolydian").prefers_flats
    assert parse_key("E phrygian").scale == (4, 5, 7, 9, 11, 0, 2) and parse_key("E phrygian").plain.name == "E minor"
    assert mirex_score(parse_key("C major"), parse_key("D dorian")) == 1.0
    assert mirex_score(parse_key("D minor"), parse_key("D dorian")) == 1.0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("| |", "empty"),
        ("| A B C D E |", "holds 5"),
        ("| % | C |", "begins with %"),
        ("| Am | Hm |", "not a chord"),
    ],
)
def test_a_broken_chord_list_says_what_is_wrong(text, word):
    with pytest.raises(InvalidInput, match=word):
        parse_progression(text)


def test_spelling_follows_the_key():
    assert ChordSymbol(10, "").label(parse_key("F major")) == "Bb"
    assert ChordSymbol(6, "m").label(parse_key("D major")) == "F#m"
    assert midi_name(60) == "C4" and midi_name(61, flats=True) == "Db4" and midi_hz(69) == 440


def test_roots_of_chords_may_be_typed_small():
    assert parse_progression("am dm7 | g/b c#m") == (("Am", "Dm7"), ("G/B", "C#m"))
    with pytest.raises(InvalidInput, match="add9"):
        parse_progression("add9")
