"""The chord-aware half of the loop finder: bar lines, the bars taken and the transposition that the chords ask for."""

import numpy as np
import pytest

from helpers.loops import plan_corrections
from helpers.loops.find import distances, span_sums
from helpers.loops.hearing import Hearing
from helpers.loops.shift import chord_share, key_fit, progression_fit, progression_tones, scale_share
from helpers.music.pitch import parse_key
from helpers.records import Clip
from tests.signals import RATE, chord_loop

from .takes import A_MINOR, request_for

CHORDS = (("Am",), ("F",), ("C",), ("G",))
BAR = 2 * RATE  # at 120 BPM
A_MINOR_KEY = parse_key("A minor")


def chorale(first: int, bars: int = 8, transpose: int = 0) -> Clip:
    """Am F C G from chord ``first`` on, struck alike: nothing but the harmony tells one bar from the next."""
    notes = [tuple(n + transpose for n in A_MINOR[(first + bar) % 4]) for bar in range(bars)]
    return chord_loop(notes, 120)


def plan(clip: Clip, bars: int = 4, **changes):
    request = request_for("chords", bars=bars, **({"progression": CHORDS} | changes))
    return plan_corrections(Hearing(clip), request)


@pytest.mark.parametrize("first", range(4))
def test_the_bars_are_taken_where_the_progression_begins(first):
    starts = plan(chorale(first)).lines[0] * RATE / BAR
    assert round(starts) % 4 == (-first) % 4 and abs(starts - round(starts)) < 0.05


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_bar_line_lies_where_the_chords_change(quarters):
    """The take begins within a bar, on a beat; every beat is struck alike."""
    struck = chord_loop([A_MINOR[bar % 4] for bar in range(9)], 120)
    take = Clip(struck.samples[:, quarters * BAR // 4 :].copy(), RATE)
    assert plan(take).lines[0] * RATE / BAR % 1 == pytest.approx(1 - quarters / 4, abs=0.02)


@pytest.mark.parametrize("semitones", [-2, 1, 2])
def test_a_take_of_the_right_chords_in_another_key_is_brought_back(semitones):
    shift = plan(chorale(0, 4, transpose=semitones)).shift
    assert shift.semitones == -semitones and shift.scale_after > 0.9 > shift.scale_before


def test_chords_decide_where_the_scale_alone_cannot():
    """F major's chords lie in C major and A minor but for B flat: moved a fourth, most notes stay on the scale."""
    vamp = chord_loop([(57, 60, 64), (52, 55, 59)] * 2, 120)  # Am Em Am Em
    down = Clip(vamp.samples.copy(), RATE)
    asked = (("Am",), ("Em",), ("Am",), ("Em",))
    assert plan(down, progression=asked).shift.semitones == 0
    up = chord_loop([(59, 62, 66), (54, 57, 61)] * 2, 120)  # Bm F#m
    assert plan(up, progression=asked).shift.semitones == -2


def test_tones_of_a_progression():
    tones = progression_tones(request_for("chords", progression=(("Am", "F"), ("C", "C"))))
    assert tones.shape == (2, 12)
    assert tones[0, 9] == 1 and tones[0, 4] == 0.5 and tones[0, 5] == 0.5  # A in both, E and F in one each
    assert tones[1].sum() == 3 and set(np.flatnonzero(tones[1])) == {0, 4, 7}
    assert progression_tones(request_for("chords")) is None
    assert progression_tones(request_for("chords", progression=(("Am",), ("Am", "Am")))) is None  # nothing to tell by
    silent = progression_tones(request_for("chords", progression=(("N",), ("Am",))))
    assert silent[0].sum() == 0 and silent[1].sum() == 3


def test_a_progression_fits_best_where_it_begins():
    tones = progression_tones(request_for("chords", progression=CHORDS))
    for first in range(4):
        heard = tones[(np.arange(4) + first) % 4] * 3.0
        fits = [progression_fit(heard, tones, at) for at in range(4)]
        assert fits[first] == pytest.approx(1.0) and sorted(fits)[-2] < 0.7
    assert progression_fit(np.zeros((4, 12)), tones, 0) == 0.0
    half = tones.copy()
    half[:, 1] = 3.0  # as much again on a tone of none of the chords
    assert progression_fit(half, tones, 0) == pytest.approx(0.5)


def test_share_on_the_chords_is_taken_half_bar_by_half_bar():
    request = request_for("chords", bars=2, progression=(("Am", "F"), ("C", "N")))
    times = np.arange(0.25, 4.0, 0.5)  # two frames a half bar of one second
    frames = np.zeros((12, times.size))
    frames[9, 0:4] = 1.0  # A: on both chords of the first bar
    frames[0, 4], frames[1, 5] = 3.0, 1.0  # C and C sharp over C
    frames[6, 6:] = 9.0  # nothing is asked for there
    assert chord_share(frames, times, request) == pytest.approx(7 / 8)
    assert chord_share(frames, times, request_for("chords", bars=2)) is None
    assert chord_share(np.zeros((12, times.size)), times, request) is None


def test_scale_and_key_fit():
    scale = np.zeros(12)
    scale[list(A_MINOR_KEY.scale)] = 1.0
    assert scale_share(scale, A_MINOR_KEY) == 1.0 and scale_share(1 - scale, A_MINOR_KEY) == 0.0
    assert scale_share(np.zeros(12), A_MINOR_KEY) == 0.0
    tonic = scale.copy()
    tonic[[9, 0, 4]] += 3.0
    fits = [key_fit(np.roll(tonic, s), A_MINOR_KEY) for s in range(12)]
    assert int(np.argmax(fits)) == 0 and fits[0] > 0.8 and min(fits) > -1
    assert key_fit(np.roll(tonic, 3), A_MINOR_KEY) < fits[0] - 0.3


def test_sums_between_times_and_their_distances():
    chroma = np.zeros((12, 10))
    chroma[0, :5], chroma[7, 5:] = 1.0, 2.0
    times = np.arange(10) * 0.1
    sums = span_sums(chroma, times, np.array([0.0, 0.5]), np.array([0.5, 1.0]))
    assert sums.shape == (2, 12) and sums[0, 0] == pytest.approx(5) and sums[1, 7] == pytest.approx(10)
    assert sums[0, 7] == sums[1, 0] == 0
    apart = distances(sums[:1], sums[1:])
    same = distances(sums[:1], 3 * sums[:1])
    assert float(np.ravel(apart)[0]) == pytest.approx(1.0) and float(np.ravel(same)[0]) == pytest.approx(0.0, abs=1e-6)
