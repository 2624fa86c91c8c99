"""Cutting, hearing where a take sounds, its level and its noise: each number from both sides, on known sounds."""

import dataclasses

import numpy as np
import pytest

from helpers.errors import Refused
from helpers.loops import hearing
from helpers.loops.findings import Findings
from helpers.loops.hearing import Hearing, Noisiness, active_span, check_usable, measure_noisiness, starts_cut_in
from helpers.loops.level import apply_cleaning, level_beside, offset_db, plan_gain_db, set_level
from helpers.loops.seam import cut_loop
from helpers.records import Analysis, Clip, Tempo
from helpers.sound.levels import loudness_lufs, true_peak_dbtp
from tests.signals import clip_of, noise

LOW_RATE = 8000


def sine(hz: float, seconds: float, amplitude: float = 1.0, rate: int = LOW_RATE) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def db(ratio: float) -> float:
    return 10 ** (ratio / 20)


# ---- cut


def test_a_cut_may_use_the_whole_take_and_cannot_be_changed():
    clip = clip_of(np.arange(100) / 100, rate=100)
    cut = cut_loop(clip, 0, 100)
    assert cut.loop.length == 100 and cut.lead_in.size == cut.tail.size == 0
    assert np.array_equal(cut_loop(clip, 7, 90).tail, clip.samples[:, 97:])
    assert np.array_equal(cut_loop(clip, 7, 90).lead_in, clip.samples[:, :7])
    with pytest.raises(dataclasses.FrozenInstanceError):
        cut.tail = cut.lead_in
    assert hash(cut) != hash(cut_loop(clip, 0, 100)), "what holds sound is only itself"


@pytest.mark.parametrize(("start", "length", "have"), [(60, 50, 0.40), (-1, 50, 1.00), (150, 50, 0.00), (0, 101, 1.00)])
def test_a_refused_cut_says_what_there_is_from_the_first_beat(start, length, have):
    with pytest.raises(Refused) as caught:
        cut_loop(clip_of(np.zeros(100), rate=100), start, length)
    assert str(caught.value) == (
        f"The take holds {have:.2f} s from its first beat, the loop needs {length / 100:.2f} s; "
        "ask for fewer bars or make another take."
    )


def test_findings_join_and_the_later_value_counts():
    first = Findings({"a": 1, "b": 2}, {"a": "x"}, ("one",), ("p",), (0.1,))
    both = first | Findings({"b": 3}, {"a": "y", "c": "z"}, ("two",), ("q",), (0.2,))
    assert both == Findings({"a": 1, "b": 3}, {"a": "y", "c": "z"}, ("one", "two"), ("p", "q"), (0.1,))
    assert (Findings() | first).bars == (0.1,)
    with pytest.raises(dataclasses.FrozenInstanceError):
        both.bars = ()


# ---- hearing


@pytest.mark.parametrize(("before_db", "begin"), [(-44.9, 0.5), (-45.1, 1.0)])
def test_a_take_sounds_from_45_db_under_its_loudest_moment_on(before_db, begin):
    gain = np.repeat([0.0, db(before_db), 1.0, db(before_db), 0.0], LOW_RATE // 2)
    clip = clip_of(sine(1000, 2.5, 0.5) * gain, LOW_RATE)
    assert active_span(clip) == pytest.approx((begin, 2.5 - begin))
    heard = Hearing(clip)
    assert (heard.begin, heard.end) == active_span(clip) and heard.cut_in == False  # noqa: E712  not a method
    with pytest.raises(dataclasses.FrozenInstanceError):
        heard.begin = 0.0
    assert hash(heard) != hash(Hearing(clip))


def test_a_take_below_60_db_is_silent():
    assert active_span(clip_of(np.full(800, 0.00101), LOW_RATE)) == (0.0, 0.1)
    for quiet in (np.full(800, 0.00099), np.zeros(0)):
        with pytest.raises(Refused, match="silent"):
            active_span(clip_of(quiet, LOW_RATE))


@pytest.mark.parametrize(("start_db", "cut_in"), [(-1.4, True), (-1.6, False)])
def test_a_take_is_cut_in_where_its_first_2_ms_are_as_loud_as_the_next_60(start_db, cut_in):
    """A first block of 2.5 ms, then 57.5 ms at full level, then an attack that says nothing of the start."""
    samples = np.r_[np.full(20, db(start_db)), np.ones(460), np.full(400, 4.0)]
    clip = clip_of(np.where(np.arange(samples.size) % 2, samples, -samples), LOW_RATE)
    assert starts_cut_in(clip) == cut_in and Hearing(clip).cut_in == cut_in
    late = clip_of(np.r_[np.ones(380), np.full(100, 4.0)], LOW_RATE)
    assert not starts_cut_in(late), "an attack within 60 ms"


def test_too_little_to_compare_is_not_cut_in():
    for length in (0, 20, 99):
        assert not starts_cut_in(clip_of(np.ones(length), LOW_RATE))


# ---- level


@pytest.mark.parametrize(("hz", "gain"), [(18, 1 / 2), (9, 1 / 17), (36, 16 / 17)])
def test_cleaning_takes_out_what_lies_below_its_corner(hz, gain):
    """Two passes of second order: 1 / (1 + (18 / f)^4)."""
    sound = sine(hz, 4.0)
    clean = apply_cleaning(Clip(np.array([sound, 0.5 * sound + 0.3], np.float32), LOW_RATE))
    middle = clean.samples[:, LOW_RATE : 3 * LOW_RATE]
    assert np.sqrt(2 * np.mean(np.square(middle), axis=1)) == pytest.approx([gain, gain / 2], abs=2e-3)
    assert abs(float(middle.mean())) < 1e-3, "and a constant offset altogether"
    assert clean.samples.dtype == np.float32 and clean.sample_rate == LOW_RATE


def test_cleaning_leaves_the_ends_as_they_are_and_takes_the_shortest_clip():
    sound = np.r_[sine(220, 1.0), 0.0]
    assert np.abs(apply_cleaning(clip_of(sound, LOW_RATE)).samples[0] - sound).max() < 0.01
    assert apply_cleaning(clip_of(sound[:10], LOW_RATE)).length == 10


def test_an_offset_is_measured_against_the_whole_of_the_louder_channel():
    """0.1 beside a sine of 0.4: 0.1 / sqrt(0.01 + 0.08)."""
    sound = sine(100, 1.0, 0.4)
    assert offset_db(Clip(np.array([sound, sound - 0.1], np.float32), LOW_RATE)) == pytest.approx(-9.542, abs=0.01)
    silent = offset_db(clip_of(np.zeros(LOW_RATE), LOW_RATE))
    assert np.isfinite(silent) and silent < -40


@pytest.mark.parametrize(
    ("role", "lufs", "channels", "expected"),
    [
        ("drums", -18.0, 2, -21.0),
        ("bass", -18.0, 2, -22.0),
        ("lead", -18.0, 2, -22.0),
        ("chords", -18.0, 2, -24.0),
        ("arpeggio", -18.0, 2, -24.0),
        ("pad", -18.0, 2, -26.0),
        ("bass", -18.0, 1, -18.99),  # one channel plays from two loudspeakers
        ("pad", -20.5, 2, -28.0),
        ("drums", -9.5, 2, -13.0),
        ("", -18.0, 2, -16.0),
        ("bass", None, 2, -16.0),
    ],
)
def test_each_role_lies_its_own_distance_under_the_idea(role, lufs, channels, expected):
    idea = Analysis("idea.wav", "", 4.0, LOW_RATE, channels, Tempo(None, 0.0), None, loudness_lufs=lufs)
    assert level_beside(role, idea) == pytest.approx(expected)
    assert level_beside(role, None) == -16.0


def test_the_gain_reaches_the_target_the_peak_or_its_own_limit():
    quiet = noise(1.0, LOW_RATE, level=0.02)
    assert plan_gain_db(quiet) == pytest.approx(-16.0 - loudness_lufs(quiet))
    assert plan_gain_db(quiet, -30.0) == pytest.approx(-30.0 - loudness_lufs(quiet))
    click = np.zeros(LOW_RATE)
    click[::400] = 0.5
    for clip in (clip_of(click, LOW_RATE), clip_of(click[: LOW_RATE // 4], LOW_RATE)):
        assert plan_gain_db(clip) == pytest.approx(-1.0 - true_peak_dbtp(clip)), "the peak, however short the clip"
    assert plan_gain_db(noise(1.0, LOW_RATE, level=3e-4), -10.0) == 40.0
    assert loudness_lufs(set_level(quiet, -25.0)) == pytest.approx(-25.0, abs=0.01)


# ---- noise


def test_steady_noise_is_flat_and_does_not_move():
    """Geometric over arithmetic mean of noise power: e to the minus 0.577; six octaves of 9 to 297 bins that overlap
    as a Hann window has it move by sqrt(1.94 / bins), 0.22 on average."""
    measured = measure_noisiness(noise(60.0, 22_050))
    assert measured.flatness == pytest.approx(np.exp(-0.5772), abs=0.03) and measured.movement == pytest.approx(
        0.217, abs=0.03
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        measured.flatness = 0.0


def test_a_gate_moves_noise_and_silence_takes_no_part_in_its_flatness():
    """Open for every third frame of 93 ms: 3 over its mean of a second (11 frames) there, else nothing."""
    size, rate = 2048, 22_050
    sound = noise(60.0, rate).samples[0]
    gate = (np.arange(sound.size) // size) % 3 == 0
    measured = measure_noisiness(clip_of(sound * gate, rate))
    opened = np.tile([1.0, 0, 0], 300)
    level = opened / np.convolve(opened, np.ones(11) / 11, "same")
    assert measured.movement == pytest.approx(float(np.std(level[20:-20])), rel=0.06)
    assert measured.flatness == pytest.approx(np.exp(-0.5772), abs=0.04)
    tone = measure_noisiness(clip_of(sum(sine(120 * 2**n, 10.0, 0.1, rate) for n in range(6)), rate))
    assert tone.flatness < 0.05


def test_less_than_four_frames_are_no_noise():
    sound = noise(1.0, 22_050).samples[0]
    assert measure_noisiness(clip_of(sound[: 4 * 2048 - 1], 22_050)) == Noisiness(0.0, 1.0)
    assert measure_noisiness(clip_of(sound[: 4 * 2048], 22_050)).flatness > 0.3


@pytest.mark.parametrize(
    ("flatness", "movement", "usable"), [(0.46, 0.35, False), (0.44, 0.35, True), (0.46, 0.37, True)]
)
def test_noise_is_flat_and_still(flatness, movement, usable, monkeypatch):
    monkeypatch.setattr(hearing, "measure_noisiness", lambda clip: Noisiness(flatness, movement))
    if usable:
        return check_usable(clip_of(np.zeros(10)))
    with pytest.raises(Refused, match="noise without pitch or pulse"):
        check_usable(clip_of(np.zeros(10)))
