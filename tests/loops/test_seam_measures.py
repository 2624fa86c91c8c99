"""What is measured at a wrap, against its definition and on sounds whose click, fall or hole is known."""

import dataclasses

import numpy as np
import pytest

from helpers.loops import seam_measure as measures
from helpers.loops.seam_measure import SeamMeasure, _falls_db, _holes_db, _ordinary, _roughness, measure_seam
from helpers.records import Clip
from tests.signals import RATE

from .takes import request_for


@pytest.mark.parametrize(
    ("parts", "value", "words"),
    [((3, 2, 1), 3, "clicks"), ((1, 3, 2), 3, "cuts a sound off"), ((1, 2, 3), 3, "leaves a hole")],
)
def test_the_largest_part_is_the_value_and_named(parts, value, words):
    measure = SeamMeasure(*parts)
    assert measure.value == value and measure.words() == words
    with pytest.raises(dataclasses.FrozenInstanceError):
        measure.click = 0.0


# ---- the moments

ROUGH, FRAME = 64, 220  # samples: blocks of roughness, 5 ms
REQUEST = request_for(bars=2)  # 32 sixteenths of 125 ms


def measured(monkeypatch, click=None, fall=None, hole=None):
    """The measure of a loop of 4 s whose three curves are given."""
    length = 4 * RATE
    flat = {name: np.ones(length // hop) for name, hop in (("c", ROUGH), ("f", FRAME))}
    click = flat["c"] if click is None else click
    fall, hole = (flat["f"] if curve is None else curve for curve in (fall, hole))
    monkeypatch.setattr(measures, "_roughness", lambda samples: click)
    monkeypatch.setattr(measures, "_falls_db", lambda mono, rate: (fall, FRAME))
    monkeypatch.setattr(measures, "_holes_db", lambda samples, rate: (hole, FRAME))
    return measure_seam(Clip(np.zeros((1, length), np.float32), RATE), REQUEST)


def test_an_even_curve_is_measured_against_its_floor_or_itself(monkeypatch):
    plain = measured(monkeypatch)
    assert (plain.click, plain.fall, plain.hole) == pytest.approx((1 / 4, 1 / 12, 1 / 24))
    high = measured(monkeypatch, *(np.full(4 * RATE // hop, 50.0) for hop in (ROUGH, FRAME, FRAME)))
    assert (high.click, high.fall, high.hole) == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(
    ("hop", "part", "reach"),
    [(ROUGH, "click", 10), (FRAME, "fall", 3), (FRAME, "hole", 3)],  # 15 ms: 661 samples
)
@pytest.mark.parametrize("side", [1, -1])
def test_a_moment_is_15_ms_either_side_of_its_line(hop, part, reach, side, monkeypatch):
    floor = {"click": 4.0, "fall": 12.0, "hole": 24.0}[part]
    for away, expected in ((0, 8.0), (reach, 8.0), (reach + 1, 1.0)):
        curve = np.ones(4 * RATE // hop)
        curve[(side * away) % curve.size] = 8.0
        assert getattr(measured(monkeypatch, **{part: curve}), part) == pytest.approx(expected / floor)
    for away, ordinary in ((reach, 100.0), (reach + 1, floor)):
        curve = np.full(4 * RATE // hop, floor)
        for other in (1, 2, 3):  # the same on three lines: what comes thrice in 31 is ordinary
            curve[round(other * RATE / hop) + side * away] = 100.0
        value = getattr(measured(monkeypatch, **{part: curve}), part)
        assert value == pytest.approx(1.0) if ordinary == floor else value < 0.3


def test_what_is_ordinary_never_lies_below_the_floor():
    assert _ordinary(np.array([2.0, 2.0]), 0.5) == pytest.approx(2.0)
    assert _ordinary(np.array([0.1, 0.1, 0.1]), 0.5) == 0.5
    one = np.r_[np.ones(9), 3.0]  # upper half: four ones and a three; the 99th percentile counts 0.91 of the way up
    top = np.log([1, 1, 1, 1, 3])
    assert _ordinary(one, 0.1) == pytest.approx(max(1 + 2 * 0.91, np.exp(top.mean() + 2.05 * top.std())))
    rare = np.r_[np.full(998, 3.0), 100.0, 100.0]  # less than one in a hundred is not ordinary
    top = np.log(np.sort(rare)[500:])
    assert _ordinary(rare, 0.1) == pytest.approx(np.exp(top.mean() + 2.05 * top.std()))
    many = np.r_[np.ones(180), np.full(20, 3.0)]  # counted: 3; spread: e^(0.2 ln 3 + 2.05 * 0.4 ln 3)
    assert _ordinary(many, 0.1) == pytest.approx(max(3.0, 3 ** (0.2 + 2.05 * 0.4)))


# ---- click


def test_a_lone_impulse_is_as_rough_as_its_blocks_floor_allows():
    """Second differences of an impulse are 1, -2, 1: the block's 2 against 2 % of their root mean square."""
    samples = np.zeros((2, 64 * 40))
    samples[1, 64 * 20 + 32] = 0.5
    rough = _roughness(samples)
    assert rough.size == 40 and np.argmax(rough) == 20
    assert rough[20] == pytest.approx(2 / (0.02 * np.sqrt(6 / samples.shape[1])), rel=1e-3)
    assert rough[19] == rough[21] == 0 and not _roughness(samples[:1]).any()


def test_roughness_compares_with_24_blocks_that_are_no_neighbours():
    samples = np.where(np.arange(64 * 60) % 2, -1.0, 1.0)[None]  # second differences of 4 everywhere
    even = _roughness(samples)
    assert even == pytest.approx(4 / (4 + 0.02 * 4))
    samples[0, 64 * 20 : 64 * 21] *= 3  # 12 within, 8 at its two ends
    rough = _roughness(samples)
    root = np.sqrt((59 * 64 * 16 + 62 * 144 + 2 * 100 - 2 * 16 + 2 * 36) / (60 * 64))
    floor = 0.02 * root
    assert rough[20] == pytest.approx(12 / (4 + floor), rel=2e-3)
    for away in (-13, -2, 2, 13):
        assert rough[20 + away] == pytest.approx(4 / ((22 * 4 + 12 + 6) / 24 + floor), rel=2e-3)
    for away in (-14, 14):  # one edge is within reach
        assert rough[20 + away] == pytest.approx(4 / ((23 * 4 + 6) / 24 + floor), rel=2e-3)
    for away in (-15, 15, 20):
        assert rough[20 + away] == pytest.approx(4 / (4 + floor), rel=2e-3)
    for neighbour in (19, 21):  # its own edge is rougher, its surroundings are not
        assert rough[neighbour] == pytest.approx(6 / (4 + floor), rel=0.02)


def test_the_wrap_itself_belongs_to_the_first_block_and_the_rest_to_the_last():
    step = np.zeros((1, 64 * 40 + 30))
    step[0, 64 * 20 :] = 1.0  # up in the middle, down over the wrap
    rough = _roughness(step)
    assert {0, 19, 20, 39} == set(np.flatnonzero(rough))
    late = np.zeros((1, 64 * 40 + 30))
    late[0, -15] = 1.0
    assert np.flatnonzero(_roughness(late)).tolist() == [39]


# ---- fall


def impulses(gains_db: np.ndarray, rate: int) -> np.ndarray:
    """An impulse in every frame of 5 ms, so that all frames are alike; ``gains_db`` (n,) for each sample."""
    return (np.arange(gains_db.size) % round(0.005 * rate) == 0) * 10 ** (gains_db / 20)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize(("loss", "falls_by"), [(10.0, (9.5, 12.0)), (30.0, (29.0, 31.0)), (90.0, (45.0, 60.0))])
def test_a_sound_cut_off_falls_by_what_it_loses_where_it_does(loss, falls_by, rate):
    """Of a window of 23 ms the loud part counts most, so the fall is seen up to 8 ms late."""
    for at in (0.3, 0.6):
        level = np.where(np.arange(rate) < at * rate, 0.0, -loss)
        level[: rate // 100] = -loss  # nothing is cut off over the wrap
        falls, hop = _falls_db(impulses(level, rate), rate)
        assert hop == round(0.005 * rate) and falls.size == -(-rate // hop)
        assert falls_by[0] < falls[10:-10].max() < falls_by[1]
        top = np.flatnonzero(falls[10:-10] > 0.5 * falls[10:-10].max()) + 10
        assert -0.001 < top.mean() * 0.005 - at < 0.008 and 3 <= top.size <= 5


def test_what_falls_over_the_wrap_is_seen_in_the_first_frames():
    level = np.where(np.arange(200 * 220) < 100 * 220, -20.0, 0.0)
    falls = _falls_db(impulses(level, RATE), RATE)[0]
    assert falls[:3].max() == pytest.approx(20.0, abs=0.7) and falls[20:180].max() < 2, "a rise is no fall"
    assert not _falls_db(np.zeros(RATE), RATE)[0].any()


def test_bands_count_as_they_sounded():
    """Two tones; the one that stops was 40 dB softer and counts 20 against 60, less what a window leaks."""
    t = np.arange(RATE) / RATE
    on = t < 0.5
    low, high = np.sin(2 * np.pi * 430.664 * t), np.sin(2 * np.pi * 6029.3 * t)
    equal = _falls_db(low + on * high, RATE)[0][20:150].max()
    soft = _falls_db(low + 0.01 * on * high, RATE)[0][20:150].max()
    alone = _falls_db(on * high, RATE)[0][20:150].max()
    assert 0.5 * alone < equal < 0.75 * alone and soft < 0.5 * equal


# ---- hole


def plain_holes(levels: np.ndarray) -> np.ndarray:
    """The definition, frame by frame round the loop."""
    n = levels.size

    def loudest(first, last):
        return np.array([max(levels[(k + d) % n] for d in range(first, last + 1)) for k in range(n)])

    return np.minimum(loudest(-12, -5), loudest(0, 29)) - loudest(-3, -1)


def test_a_hole_is_15_ms_under_what_sounds_on_both_sides():
    levels = np.random.default_rng(3).uniform(-50, 0, 90)
    levels[17] = 0.0
    levels[40:43] = -75.0  # count as 60 under the loudest
    frame = round(0.005 * RATE)
    samples = np.repeat(10 ** (levels / 20), frame)
    samples = np.r_[samples, np.full(100, 0.5)]  # less than a frame is left out
    holes, hop = _holes_db(np.array([samples, -samples]), RATE)
    assert hop == frame
    np.testing.assert_allclose(holes, plain_holes(np.maximum(levels, -60)), atol=1e-3)
    one = _holes_db(np.array([samples, 0 * samples]), RATE)[0]  # both channels at once
    np.testing.assert_allclose(one, plain_holes(np.maximum(levels, -60)), atol=1e-3)
