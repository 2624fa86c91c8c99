"""Tempo, beats, bars and swing of loops and takes whose truth we built."""

import numpy as np
import pytest

from helpers.analysis import estimate_tempo
from helpers.analysis.listening import Listening
from helpers.analysis.tempo import _fills_file
from tests import signals


def with_silence(clip, before: float, after: float):
    pad = [np.zeros(round(s * clip.sample_rate), dtype=np.float32) for s in (before, after)]
    return signals.clip_of(np.concatenate([pad[0], clip.samples[0], pad[1]]), clip.sample_rate)


@pytest.mark.parametrize(("bpm", "bars"), [(71.0, 2), (93.37, 4), (120.0, 4), (128.5, 8), (147.21, 4)])
def test_an_exact_loop_has_its_exact_tempo_and_starts_on_one(bpm, bars):
    tempo = estimate_tempo(signals.drum_loop(bpm, bars))
    assert tempo.bpm == pytest.approx(bpm, rel=5e-4)
    assert tempo.is_loop and tempo.bars == bars
    assert tempo.beats[0] == tempo.downbeats[0] == 0.0
    assert len(tempo.beats) == 4 * bars and len(tempo.downbeats) == bars


@pytest.mark.parametrize("bpm", [84.0, 111.0, 140.6])
def test_a_free_take_is_no_loop_but_keeps_its_tempo_and_beats(bpm):
    tempo = estimate_tempo(with_silence(signals.drum_loop(bpm, 4), 0.43, 0.81))
    assert not tempo.is_loop and tempo.bars is None
    assert tempo.bpm == pytest.approx(bpm, rel=3e-3)
    truth = 0.43 + np.arange(16) * 60 / bpm
    beats = np.array(tempo.beats)
    assert max(np.abs(beats - t).min() for t in truth) < 0.03
    assert min(abs(d - 0.43) for d in tempo.downbeats) < 0.03


def test_half_and_double_are_always_offered():
    tempo = estimate_tempo(signals.drum_loop(100, 4))
    relations = {a.relation: a.bpm for a in tempo.alternatives}
    assert relations["half"] == pytest.approx(50, rel=1e-3)
    assert relations["double"] == pytest.approx(200, rel=1e-3)
    assert {"2/3", "3/2"} <= set(relations)


@pytest.mark.parametrize(("swing", "expected"), [(0.5, 0.5), (0.58, 0.58), (2 / 3, 2 / 3)])
def test_swing_is_where_the_off_beat_falls(swing, expected):
    assert estimate_tempo(signals.drum_loop(96, 4, swing=swing)).swing == pytest.approx(expected, abs=0.02)


def test_steady_beats_are_sure_and_a_held_chord_is_not():
    sure = estimate_tempo(signals.drum_loop(118, 8)).confidence
    held = estimate_tempo(signals.chord_loop([(57, 60, 64)], 118, beats_each=16, struck=False))
    assert sure > 0.8
    assert held.bpm is None or held.confidence < 0.6


def mains_hum(seconds: float):
    t = np.arange(round(seconds * signals.RATE)) / signals.RATE
    return signals.clip_of(0.1 * sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in (1, 2, 3, 5)))


@pytest.mark.parametrize("seconds", [3.0, 12.0])
@pytest.mark.parametrize(
    "drone",
    [
        lambda seconds: signals.noise(seconds, seed=2),
        mains_hum,
        lambda seconds: signals.melody([(p, 0.0, seconds) for p in (48, 60, 64, 67)], seconds),
    ],
    ids=["noise", "mains hum", "held chord"],
)
def test_noise_and_drones_have_no_tempo_to_trust(drone, seconds):
    assert estimate_tempo(drone(seconds)).confidence < 0.25


def test_silence_has_no_tempo():
    tempo = estimate_tempo(signals.silence(4.0))
    assert tempo.bpm is None and tempo.confidence == 0.0 and tempo.beats == () and tempo.alternatives == ()


def test_tempo_does_not_depend_on_level_rate_or_channels():
    loop = signals.drum_loop(104, 4)
    quiet = signals.Clip(loop.samples * np.float32(0.02), loop.sample_rate)
    stereo = signals.clip_of(loop.samples[0], channels=2)
    slow_rate = signals.drum_loop(104, 4, rate=16_000)
    for other in (quiet, stereo, slow_rate):
        assert estimate_tempo(other).bpm == pytest.approx(104, rel=5e-4)


def test_a_carelessly_cut_loop_keeps_the_tempo_of_its_onsets():
    tempo = estimate_tempo(with_silence(signals.drum_loop(120, 4), 0.0, 0.1))  # 1.25 % too long
    assert tempo.bpm == pytest.approx(120, rel=5e-4)
    assert not tempo.is_loop and tempo.bars is None


def test_a_waltz_has_three_beats():
    beat = 60 / 126
    chords = [(48, 64, 67), (43, 62, 67), (45, 64, 69), (41, 65, 69)] * 2
    notes = []
    for bar, (bass, *upper) in enumerate(chords):
        notes.append((bass, 3 * bar * beat, 0.9 * beat))
        notes += [(p, (3 * bar + k) * beat, 0.5 * beat) for k in (1, 2) for p in upper]
    tempo = estimate_tempo(signals.melody(notes, 24 * beat))
    assert tempo.bpm == pytest.approx(126, rel=5e-4)
    assert tempo.meter.name == "3/4" and tempo.bars == 8
    assert np.allclose(np.diff(tempo.downbeats), 3 * beat)


def test_notes_at_random_moments_are_not_trusted():
    rng = np.random.default_rng(5)
    starts = np.cumsum(rng.exponential(0.45, 18) + 0.08)
    clip = signals.melody([(int(rng.integers(55, 75)), float(s), 0.3) for s in starts], float(starts[-1]) + 0.7)
    assert estimate_tempo(clip).confidence < 0.7


@pytest.mark.parametrize(("bars", "bpm", "fills"), [(4, 124, True), (8, 130, True), (5, 94, False), (4, 90.37, False)])
def test_a_length_of_bars_as_loops_have_them_speaks_for_its_tempo(bars, bpm, fills):
    clip = signals.noise(round(bars * 240 / bpm * signals.RATE) / signals.RATE)
    near, beside, in_three = _fills_file(Listening(clip), np.array([0.99 * bpm, 1.2 * bpm, 0.75 * bpm]))
    assert (bool(near), bool(beside)) == (fills, False)
    assert bool(in_three) == (fills and float(0.75 * bpm).is_integer())
