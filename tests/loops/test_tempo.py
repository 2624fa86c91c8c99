"""Tempo against a known grid, and slow drift."""

import numpy as np
import pytest

from helpers.loops.tempo import estimate_drift, estimate_take_tempo
from helpers.music.meter import step_seconds
from helpers.sound.features import Onsets, onset_times
from tests.signals import drum_loop, melody

from .takes import request_for


def onsets_of(clip):
    return Onsets(*onset_times(clip))


@pytest.mark.parametrize("bpm", [113.1, 119.0, 120.0, 123.45, 127.0])
def test_the_true_tempo_is_found_to_half_a_tenth_of_a_percent(bpm):
    tempo = estimate_take_tempo(onsets_of(drum_loop(bpm, 8)), request_for(bars=8))
    assert tempo.bpm == pytest.approx(bpm, rel=5e-4) and tempo.fit > 0.5


@pytest.mark.parametrize("bpm", [106.0, 134.0])
def test_a_tempo_farther_off_is_seen_too(bpm):
    tempo = estimate_take_tempo(onsets_of(drum_loop(bpm, 8)), request_for(bars=8))
    assert tempo.bpm == pytest.approx(bpm, rel=2e-3)


def test_a_sixteenth_lies_where_the_onsets_lie():
    request = request_for(bars=4)
    clip = drum_loop(120, 4)
    tempo = estimate_take_tempo(onsets_of(clip), request)
    step = step_seconds(tempo.bpm, request.time)
    assert abs((tempo.step_offset_seconds + step / 2) % step - step / 2) < 0.004


def test_swing_does_not_move_the_tempo():
    tempo = estimate_take_tempo(onsets_of(drum_loop(120, 8, swing=0.62)), request_for(bars=8))
    assert tempo.bpm == pytest.approx(120, rel=1e-3)


def test_held_notes_have_no_tempo():
    tempo = estimate_take_tempo(onsets_of(melody([(60, 0.0, 7.5)], 8.0)), request_for("pad", bars=4))
    assert tempo.bpm is None and tempo.reason


def test_drift_is_followed_and_none_is_invented():
    rng = np.random.default_rng(0)
    request = request_for(bars=8)
    even = np.arange(0, 16, 0.25) + rng.normal(0, 0.003, 64)
    weights = np.ones(even.size)
    straight = Onsets(even, weights)
    assert estimate_drift(straight, estimate_take_tempo(straight, request), request).coefficients == ()
    late = 0.05 * np.sin(np.pi * even / 16)
    bent = Onsets(even + late, weights)
    tempo = estimate_take_tempo(bent, request)
    drift = estimate_drift(bent, tempo, request)
    step = step_seconds(tempo.bpm, request.time)
    left = bent.times - drift.late_seconds(bent.times) - tempo.step_offset_seconds
    assert drift.worst_seconds > 0.02
    assert np.median(np.abs((left + step / 2) % step - step / 2)) < 0.006
