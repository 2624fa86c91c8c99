"""Chords half bar by half bar."""

import itertools

import numpy as np
import pytest

from helpers.analysis import estimate_chords, estimate_key, estimate_tempo
from helpers.analysis.chords import half_bar_edges
from helpers.music.pitch import CHORD_INTERVALS, parse_chord
from helpers.records import Tempo
from tests import signals


def heard_chords(clip):
    return estimate_chords(clip, estimate_tempo(clip), estimate_key(clip))


def voiced(label: str) -> tuple[int, ...]:
    chord = parse_chord(label)
    return (36 + chord.root, *(60 + (chord.root + i) % 12 for i in CHORD_INTERVALS[chord.quality]))


@pytest.mark.parametrize(
    "labels",
    [
        ["Am", "F", "C", "G"],
        ["D", "A", "Bm", "G"],
        ["Cm", "G#", "D#", "A#"],
        ["Em", "Am", "B", "Em"],
        ["Dm7", "G7", "Cmaj7", "Cmaj7"],
    ],
)
def test_one_chord_a_bar_is_read_back(labels):
    clip = signals.mixed(signals.chord_loop([voiced(x) for x in labels], 100), signals.drum_loop(100, len(labels)))
    found = [parse_chord(c.label) for c in heard_chords(clip)]
    wanted = [parse_chord(x) for x in labels for _ in (0, 1)]
    assert [(c.root, c.is_minor) for c in found] == [(c.root, c.is_minor) for c in wanted]


def test_two_chords_a_bar_are_told_apart():
    labels = ["C", "G", "Am", "F", "C", "F", "G", "C"]
    clip = signals.mixed(signals.chord_loop([voiced(x) for x in labels], 90, beats_each=2), signals.drum_loop(90, 4))
    assert [c.label for c in heard_chords(clip)] == labels


def test_a_bar_of_silence_is_no_chord():
    clip = signals.chord_loop([voiced("Am"), voiced("F")], 120)
    samples = np.concatenate([clip.samples, np.zeros_like(clip.samples[:, : 2 * 44_100])], axis=1)
    tempo = Tempo(120.0, 1.0, beats=tuple(np.arange(12) * 0.5), downbeats=(0.0, 2.0, 4.0))
    found = estimate_chords(signals.Clip(samples, 44_100), tempo, estimate_key(clip))
    assert [c.label for c in found] == ["Am", "Am", "F", "F", "N", "N"]


def test_spans_cover_the_clip_without_gaps():
    clip = signals.chord_loop([voiced("Am"), voiced("F"), voiced("C"), voiced("G")], 96)
    spans = heard_chords(clip)
    assert spans[0].start == 0.0 and spans[-1].end == pytest.approx(clip.seconds)
    assert all(a.end == b.start for a, b in itertools.pairwise(spans))


def test_half_bar_lines_lie_on_the_grid_of_a_take_that_starts_late():
    edges = half_bar_edges(Tempo(120.0, 1.0, beats=(0.3, 0.8), downbeats=(0.3, 2.3)), 5.0)
    assert edges == pytest.approx([0.0, 0.3, 1.3, 2.3, 3.3, 4.3, 5.0])


def test_no_key_no_chords():
    assert estimate_chords(signals.drum_loop(100, 2), estimate_tempo(signals.drum_loop(100, 2)), None) == ()
