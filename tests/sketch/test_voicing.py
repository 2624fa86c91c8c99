"""Hands and strings can play what is written, and voices move little."""

from __future__ import annotations

from itertools import pairwise

import pytest

from helpers.music.pitch import parse_key
from helpers.sketch import compose
from helpers.sketch.harmony import read_harmony
from helpers.sketch.voicing import (
    FINGER_FRETS,
    HAND_SPAN_SEMITONES,
    OPEN_STRINGS,
    distance,
    guitar_voicing,
    lead_voices,
)
from tests.sketch.ideas import request

PROGRESSIONS = ("| Am | F | C | G |", "| Dm7 | G7 | Cmaj7 | Am |", "| C | Em | F | Dm |")


def strokes(score):
    """Notes struck together (within a strum), as sorted pitches."""
    groups: dict[int, list[int]] = {}
    for n in score.notes:
        groups.setdefault(round(n.start * 4), []).append(n.pitch)
    return [tuple(sorted(set(g))) for g in groups.values()]


@pytest.mark.parametrize("chords", PROGRESSIONS)
def test_keyboard_chords_fit_a_hand_and_make_no_mud(chords):
    for take in range(6):
        for stroke in strokes(compose(request("chords", key="C major", chords=chords), None, take)):
            right = stroke if stroke[-1] - stroke[0] <= HAND_SPAN_SEMITONES else stroke[1:]  # the left has one note
            assert right[-1] - right[0] <= HAND_SPAN_SEMITONES
            assert all(b - a >= 7 for a, b in pairwise(stroke) if a < 48)


@pytest.mark.parametrize("chords", PROGRESSIONS)
def test_guitar_chords_lie_on_strings(chords):
    for take in range(4):
        score = compose(request("chords", instrument="acoustic guitar", key="C major", chords=chords), None, take)
        for stroke in strokes(score):
            assert len(stroke) <= 6
            assert _held(stroke), stroke


def _held(stroke, strings=OPEN_STRINGS, frets=()):
    """Whether the notes can be put on different strings within FINGER_FRETS frets (open strings are free)."""
    if not stroke:
        used = [f for f in frets if f > 0]
        return not used or max(used) - min(used) < FINGER_FRETS
    return any(
        _held(stroke[1:], strings[i + 1 :], (*frets, stroke[0] - string))
        for i, string in enumerate(strings)
        if 0 <= stroke[0] - string <= 12
    )


def test_guitar_knows_the_open_chords():
    harmony = read_harmony(("C", "G", "Am", "E"), parse_key("C major"), heard=True)
    first = guitar_voicing(harmony[0], (), low=40, high=84)
    assert first[0] % 12 == 0
    assert {p % 12 for p in first} == {0, 4, 7}
    assert len(first) >= 4


def test_voices_move_less_than_root_positions():
    harmony = read_harmony(("Am", "F", "C", "G"), parse_key("A minor"), heard=True)
    led, before = [], ()
    for chord in harmony:
        before = lead_voices(chord, before, voices=4, low=48, high=84, centre=62)
        led.append(before)
    roots = [tuple(sorted(60 + (chord.root + i) % 12 + 0 for i in (0, 3, 7, 12))) for chord in harmony]
    assert sum(distance(a, b) for a, b in pairwise(led)) < sum(distance(a, b) for a, b in pairwise(roots)) + 4
    assert max(distance(a, b) for a, b in pairwise(led)) <= 8


def test_distance_counts_each_voice():
    assert distance((60, 64, 67), (60, 65, 69)) == 3
    assert distance((60, 64, 67), (60, 64, 67)) == 0
