"""The coherence score of the composer's benchmark: 0 for what the metre alone explains, more for what fits."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sketch.coherence import Grid, coherence, grid_of_audio, grid_of_notes, harmony, rhythm
from helpers.music.meter import METERS
from helpers.records import Note
from tests import signals

METER = METERS["4/4"]
PUSHED = (0, 3, 6, 11, 14)


def idea(*steps: int, classes: tuple[int, ...] = (9, 0, 4)) -> Grid:
    """Four equal bars with onsets on the given steps in all registers, over one chord."""
    onsets = np.full((64, 3), 0.05)
    halves = np.zeros((8, 12))
    halves[:, list(classes)] = 1.0
    for bar in range(4):
        onsets[[16 * bar + s for s in steps]] = 1.0
    return Grid(METER, 4, onsets, halves)


def part(*steps: int, pitches: tuple[int, ...] = (57, 60, 64)) -> Grid:
    notes = [Note(p, 4.0 * bar + s / 4, 0.25, 90) for bar in range(4) for s in steps for p in pitches]
    return grid_of_notes(notes, meter=METER, bars=4)


@pytest.mark.parametrize("steps", [(0, 4, 8, 12), range(16), (0, 8), (0, 2, 4, 6, 8, 10, 12, 14), (4, 12, 0, 8)])
def test_a_part_that_only_marks_the_metre_explains_nothing(steps):
    assert rhythm(part(*steps), idea(*PUSHED)) == pytest.approx(0.0, abs=1e-9)


def test_sitting_on_the_accents_and_filling_the_gaps_explain_them():
    heard = idea(*PUSHED)
    assert rhythm(part(*PUSHED), heard) > 0.95
    assert rhythm(part(*(s for s in range(16) if s not in PUSHED)), heard) > 0.95


def test_parts_that_have_nothing_to_do_with_the_idea_are_at_chance():
    rng = np.random.default_rng(0)
    heard = Grid(METER, 4, rng.random((64, 3)), np.zeros((8, 12)))
    scores = []
    for _ in range(200):
        notes = [Note(int(rng.integers(40, 60)), s / 4, 0.25, 90) for s in range(64) if rng.random() < 0.4]
        scores.append(rhythm(grid_of_notes(notes, meter=METER, bars=4, pitched=False), heard))
    assert abs(float(np.mean(scores))) < 0.01  # adjusted: no reward for having regressors


def test_harmony_is_shared_pitch_classes():
    heard = idea(0)
    assert harmony(part(0), heard) == pytest.approx(1.0)
    assert harmony(part(0, pitches=(57,)), heard) == pytest.approx(np.sqrt(1 / 3))  # the root alone
    assert harmony(part(0, pitches=(58, 61)), heard) == 0.0
    assert harmony(part(0).transposed(3), heard) < 0.7
    assert harmony(Grid(METER, 4, np.ones((64, 2)), np.zeros((8, 12))), heard) is None


def test_coherence_is_the_mean_of_both_and_rhythm_alone_for_drums():
    heard = idea(*PUSHED)
    assert coherence(part(*PUSHED), heard) == pytest.approx((1.0 + rhythm(part(*PUSHED), heard)) / 2)
    drums = grid_of_notes([Note(36, s / 4, 0.25, 100) for s in PUSHED], meter=METER, bars=4, pitched=False)
    assert coherence(drums, heard) == rhythm(drums, heard)


def test_a_recording_is_read_on_its_grid_and_goes_round():
    clip = signals.drum_loop(120, 2)
    grid = grid_of_audio(clip, bpm=120, meter=METER)
    assert grid.onsets.shape == (32, 3) and grid.halves.shape == (4, 12)
    strength = grid.onsets.sum(axis=1)
    assert strength[::2].min() > 2 * strength[1::2].max()
    assert np.array_equal(grid.first(4).onsets, np.tile(grid.onsets, (2, 1)))
    late = grid_of_audio(clip, bpm=120, meter=METER, start=2.0)
    assert late.bars == 1 and late.onsets[::2].sum(axis=1).min() > 2 * late.onsets[1::2].sum(axis=1).max()
