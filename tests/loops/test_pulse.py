"""Tempo, grid and bar 1 of a finished loop: each decision from both sides, on strokes whose places are known."""

import numpy as np
import pytest

from helpers.loops import pulse
from helpers.loops.pulse import (
    grid_distances_seconds,
    measure_pulse,
    rise_seconds,
    sharp_onsets,
    stroke_distances_seconds,
)
from helpers.loops.tempo import TakeTempo
from helpers.records import Clip
from helpers.sound.features import Onsets

from .takes import request_for

RATE = 1000  # a frame of 5 ms is 5 samples
REQUEST = request_for(bars=2)  # 4 s, sixteenths of 125 ms


def frames(*levels_db: float, count: int = 800, fill: float = -40.0) -> Clip:
    """A clip of ``count`` frames of 5 ms at ``fill`` dB, the first of them at the levels given."""
    levels = np.full(count, fill)
    levels[: len(levels_db)] = levels_db
    samples = np.repeat(10 ** (levels / 20), 5) * np.where(np.arange(count * 5) % 2, 1, -1)
    return Clip(samples[None].astype(np.float32), RATE)


def onsets(*frame_numbers: int) -> Onsets:
    return Onsets(np.array(frame_numbers) * 0.005 + 0.002, np.ones(len(frame_numbers)))


@pytest.mark.parametrize(
    ("levels", "sharp"),
    [
        ([-40] * 20 + [-33.9] * 40, True),  # 6 dB up within 25 ms
        ([-40] * 20 + [-34.1] * 40, False),
        ([-40] * 25 + [-20] * 40, True),  # the last frame that counts lies 25 ms after
        ([-40] * 26 + [-20] * 40, False),
        ([-40] * 16 + [-20] * 40, True),  # and the first 25 ms before
        ([-40] * 15 + [-20] * 40, False),
        ([-30] * 15 + [-40] + [-30] * 50, True),
        ([-30] * 14 + [-40] + [-30] * 50, False),
        ([-30] * 20 + [-40] + [-30] * 50, True),  # the onset's own frame belongs to what was before
        ([-30] * 21 + [-40] + [-30] * 50, False),  # the next does not
    ],
)
def test_an_onset_is_sharp_where_the_level_rises_6_db_within_25_ms(levels, sharp):
    assert sharp_onsets(onsets(20), frames(*levels)).tolist() == [sharp]


def test_round_the_loop_and_of_nothing():
    assert sharp_onsets(onsets(0), frames(-20, -20, -20, -20)).tolist() == [True], "before the start comes the end"
    assert sharp_onsets(onsets(798), frames(-20)).tolist() == [True]
    assert sharp_onsets(onsets(), frames()).size == 0
    assert sharp_onsets(onsets(20), Clip(np.zeros((1, 4000), np.float32), RATE)).tolist() == [False]


@pytest.mark.parametrize(
    ("levels", "since_ms", "until_ms"),
    [
        ([-40] * 20 + [-10] * 780, 0, 0),  # all at once
        # four frames of rise and the onset's own, of which any stroke takes two; full at once after it
        ([-40] * 16 + [-30, -25, -20, -15] + [-10] * 780, 15, 0),
        ([-40] * 16 + [-37.1, -25, -20, -15] + [-10] * 780, 10, 0),  # within 3 dB of the quietest is not begun
        ([-40] * 16 + [-36.9, -25, -20, -15] + [-10] * 780, 15, 0),
        # three frames go on to rise: to 3 dB under the loudest
        ([-40] * 20 + [-25, -20, -15] + [-10] * 777, 0, 15),
        ([-40] * 20 + [-25, -20, -13.1] + [-10] * 777, 0, 15),
        ([-40] * 20 + [-25, -20, -12.9] + [-10] * 777, 0, 10),
        # the quietest of 60 ms before: twelve frames, the loudest of 100 ms after: the onset's and twenty
        ([-40] * 8 + [-30] * 12 + [-10] * 780, 0, 0),
        ([-40] * 9 + [-30] * 11 + [-10] * 780, 50, 0),
        ([-40] * 20 + [-20] * 20 + [-10] * 760, 0, 100),
        ([-40] * 20 + [-20] * 21 + [-10] * 759, 0, 0),
    ],
)
def test_a_stroke_has_risen_since_and_rises_until(levels, since_ms, until_ms):
    since, until = rise_seconds(onsets(20).times, frames(*levels))
    assert since * 1000 == pytest.approx([since_ms]) and until * 1000 == pytest.approx([until_ms])
    both, on = rise_seconds(onsets(20, 400).times, frames(*levels))
    assert (both[0], on[0]) == (since[0], until[0]) and both.shape == on.shape == (2,), "each by itself"
    turned = Clip(np.roll(frames(*levels).samples, -100, axis=1), RATE)  # the same at the start of the loop
    since, until = rise_seconds(onsets(0).times, turned)
    assert since * 1000 == pytest.approx([since_ms]) and until * 1000 == pytest.approx([until_ms])


@pytest.mark.parametrize(
    ("times", "swing", "meter", "away"),
    [
        ([0.0, 0.13, 0.24, 0.495, 0.7, 3.95], None, "4/4", [0, 5, -10, -5, -50, -50]),
        ([0.3, 0.15, 0.4, 0.25, 0.34], 0.6, "4/4", [0, 0, 0, -50, 40]),
        ([0.25, 0.3], 0.0, "4/4", [0, 50]),
        ([1 / 12, 0.25, 0.3], 0.6, "6/8", [0, 0, -1000 / 30]),  # sixths of a beat of 500 ms swing as eighths do
    ],
)
def test_the_grid_is_of_sixteenths_each_eighth_divided_evenly(times, swing, meter, away):
    request = request_for(bars=2, meter=meter).with_(swing=swing or None)
    if meter == "6/8":
        lines = np.interp(np.arange(7) / 6, (0, 0.5, 1), (0, 0.6, 1)) * 0.5
        away = [1000 * min((t - line for line in lines), key=abs) for t in times]
    assert grid_distances_seconds(np.array(times), request) * 1000 == pytest.approx(away, abs=1e-6)


@pytest.mark.parametrize(
    ("away_ms", "left"),
    [(-30, -10), (-15, 0), (30, 20), (5, 0)],  # 20 ms of further rise are let pass, and 10 ms of rise before
)
def test_a_swell_is_in_time_while_it_rises(away_ms, left, monkeypatch):
    monkeypatch.setattr(pulse, "rise_seconds", lambda times, clip: (np.full(4, 0.010), np.full(4, 0.020)))
    times = np.arange(1, 5) * 0.5 + away_ms / 1000
    found = stroke_distances_seconds(times, frames(), REQUEST)
    assert found * 1000 == pytest.approx([left] * 4, abs=1e-6)
    longer = stroke_distances_seconds(times / 2, frames(), REQUEST, 2.0)
    assert longer == pytest.approx(found), "times of a file at another tempo"


def test_strokes_keep_to_the_swung_or_the_straight_grid(monkeypatch):
    monkeypatch.setattr(pulse, "rise_seconds", lambda times, clip: (0 * times, 0 * times))
    swung = REQUEST.with_(swing=0.6)
    for off_beat in (0.25, 0.3):
        times = np.arange(1, 7) * 0.5 + off_beat
        assert stroke_distances_seconds(times, frames(), swung) == pytest.approx([0] * 6, abs=1e-9)
    mostly = np.array([0.25, 0.75, 1.25, 0.3])  # three straight, one swung
    assert stroke_distances_seconds(mostly, frames(), swung) == pytest.approx([0, 0, 0, 0.05])
    assert stroke_distances_seconds(np.zeros(0), frames(), swung).size == 0


# ---- the fields


def measured(monkeypatch, times, strengths=None, sharp=None, tempo=None, refined=None, away=None, request=REQUEST):
    times = np.array(times, float)
    strengths = np.ones(times.size) if strengths is None else np.array(strengths)
    sharp = np.ones(times.size, bool) if sharp is None else np.array(sharp, bool)
    seen = []
    monkeypatch.setattr(pulse, "sharp_onsets", lambda heard, clip: sharp)
    monkeypatch.setattr(pulse, "estimate_take_tempo", lambda heard, *more: seen.append((heard, more)) or tempo)
    monkeypatch.setattr(pulse, "refine_take_tempo", lambda heard, request: refined)
    if away is not None:
        monkeypatch.setattr(pulse, "stroke_distances_seconds", lambda times, clip, request: np.full(times.size, away))
    return measure_pulse(Clip(np.zeros((1, 4000), np.float32), RATE), request, Onsets(times, strengths)), seen


AT_TEMPO = TakeTempo(120.0, 0.9)
BEATS = np.arange(8) * 0.5


@pytest.mark.parametrize(
    ("strengths", "sharp", "counted"),
    [
        ([1] * 4, [1] * 4, 4),
        ([1] * 3, [1] * 3, None),  # fewer than four strong ones
        ([], [], None),
        ([1] * 8 + [0.26, 0.24], [1] * 10, 9),  # a quarter of the 90th percentile
        ([0.5] * 19 + [100.0], [1] * 20, 20),  # one great accent makes no other weak
        ([1] * 8, [1] * 4 + [0] * 4, 4),  # half of them sharp
        ([1] * 8, [1] * 3 + [0] * 5, None),
        ([1] * 8 + [0.1] * 8, [0] * 8 + [1] * 8, None),  # only strong ones count
    ],
)
def test_strong_and_sharp_onsets_tell_the_grid(strengths, sharp, counted, monkeypatch):
    times = np.arange(len(strengths)) * 0.5
    away = []
    monkeypatch.setattr(pulse, "stroke_distances_seconds", lambda t, clip, request: away.append(t.size) or 0 * t)
    found, seen = measured(monkeypatch, times, strengths, sharp, AT_TEMPO)
    if counted is None:
        assert found.values == {} and found.notes == ("Tempo and grid were not measured: the notes are sustained.",)
        return
    assert away == [counted] and found.values["bpm_measured"] == 120.0
    assert seen[0][0].times.size == sum(sharp) and seen[0][1] == (REQUEST, 0.7)


@pytest.mark.parametrize(
    ("bpm", "away", "taken"),
    [
        (120.8, 0.0149, 120.8),  # 0.67 %: near enough to be taken at its word
        (120.9, 0.0149, 119.9),  # 0.75 % off, but 12 % of a sixteenth from the grid asked for: on it
        (120.9, 0.0151, 120.9),
        (119.1, 0.0149, 119.9),
        (119.2, 0.0149, 119.2),
    ],
)
def test_what_keeps_to_the_grid_asked_for_is_at_its_tempo(bpm, away, taken, monkeypatch):
    found, _ = measured(monkeypatch, BEATS, tempo=TakeTempo(bpm, 0.9), refined=TakeTempo(119.9, 0.8), away=away)
    assert found.values["bpm_measured"] == taken
    assert found.values["tempo_error_percent"] == pytest.approx((taken / 120 - 1) * 100)
    assert found.values["grid_error_ms"] == pytest.approx(away * 1000)


@pytest.mark.parametrize(
    ("tempo", "said"),
    [
        (TakeTempo(120.0, 0.4), None),
        (TakeTempo(120.0, 0.39), "sustained, attacks too soft to place"),
        (TakeTempo(None, 0.9, reason="no steady pulse"), "no steady pulse"),
    ],
)
def test_scattered_onsets_have_no_tempo(tempo, said, monkeypatch):
    found, _ = measured(monkeypatch, BEATS, tempo=tempo, away=0.0)
    assert ("bpm_measured" in found.values) is (said is None)
    assert found.notes == (() if said is None else (f"Tempo and grid were not measured: {said}.",))


@pytest.mark.parametrize(
    ("bpm", "excused", "astray"), [(121.3, True, 43.3), (121.4, False, 46.7), (118.7, True, 43.3), (118.6, False, 46.7)]
)
def test_a_tempo_that_strays_45_ms_in_all_is_let_pass(bpm, excused, astray, monkeypatch):
    found, _ = measured(monkeypatch, BEATS, tempo=TakeTempo(bpm, 0.9), away=0.05)
    assert found.values["astray_ms"] == pytest.approx(astray, abs=0.1)
    assert found.excused == (("tempo_error_percent",) if excused else ())
    assert found.details["tempo_error_percent"] == f"120, and is {astray:.0f} ms astray by its end"


@pytest.mark.parametrize(
    ("first", "downbeat"),
    [
        ([(0.01, 1)], 10.0),
        ([(3.98, 1)], -20.0),  # just before the end belongs to the first beat
        ([(0.01, 0.5), (3.98, 1)], -20.0),  # the strongest counts
        ([(0.01, 1), (3.98, 0.5)], 10.0),
        ([(0.124, 1)], 124.0),
        ([(0.126, 1)], None),
        ([(3.874, 1)], None),
    ],
)
def test_bar_1_is_the_strongest_stroke_within_a_sixteenth_of_it(first, downbeat, monkeypatch):
    times, strengths = zip(*first, *((t, 1.0) for t in BEATS[1:]), strict=True)
    found, _ = measured(monkeypatch, times, strengths, tempo=AT_TEMPO, away=0.0)
    value = found.values["downbeat_offset_ms"]
    assert value is None if downbeat is None else value == pytest.approx(downbeat)
    assert found.notes == (() if downbeat is not None else ("Bar 1 was not measured: nothing starts on beat 1.",))
