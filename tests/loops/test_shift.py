"""Which transposition a take is given: the limits of the decision on pitch classes written by hand."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops import shift as shifts
from helpers.loops.shift import Shift, chord_share, key_fit, plan_shift, progression_fit, progression_tones, scale_share
from helpers.music.pitch import ALL_KEYS, parse_key
from helpers.sound.features import key_scores

from .takes import request_for

C_MAJOR = parse_key("C major")
LINES = (1.0, 3.0, 5.0)
REQUEST = request_for("pad", bars=2).with_(key=C_MAJOR)


def heard(columns, first=1.0, every=0.5, cents=0.0) -> SimpleNamespace:
    """Pitch classes frame by frame, a frame each half second from ``first`` on."""
    chroma = np.array(columns, float).T.reshape(12, -1)
    times = first + every * np.arange(chroma.shape[1])
    return SimpleNamespace(notes=SimpleNamespace(chroma=lambda: chroma, times=times, tuning_cents=cents))


def classes(*numbers: int, strength: float = 1.0) -> np.ndarray:
    return strength * np.isin(np.arange(12), np.array(numbers) % 12)


SCALE = classes(*C_MAJOR.scale) + 2 * classes(0, 4, 7)


# ---- tuning


@pytest.mark.parametrize(
    ("asked", "cents", "moved"),
    [
        (0, -12.0, 12.0),
        (0, 12.0, -12.0),
        (0, 11.9, 0.0),
        (-30, 20, -50.0),
        (40, -40, -20.0),
        (-40, 40, 20.0),
        (10, 30, -20.0),
    ],
)
def test_tuning_moves_by_12_cents_and_more_the_short_way(asked, cents, moved):
    request = REQUEST.with_(tuning_cents=asked)
    plan = plan_shift(heard([SCALE] * 8, cents=cents), LINES, request)
    assert plan.cents == pytest.approx(moved) and plan.semitones == 0
    assert plan_shift(heard([SCALE] * 8, cents=cents), LINES, request.with_(key=None)) == Shift(0, plan.cents)


def test_nothing_pitched_and_no_drum_is_moved():
    assert plan_shift(heard([SCALE] * 8, cents=30), LINES, request_for(bars=2)) == Shift()
    assert plan_shift(heard([0 * SCALE] * 8, cents=30), LINES, REQUEST) == Shift()
    loud_outside = [SCALE, *([0 * SCALE] * 8), SCALE]
    assert plan_shift(heard(loud_outside, first=0.5, cents=30), LINES, REQUEST) == Shift(), "only the bars taken count"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Shift().cents = 1.0


# ---- key


@pytest.mark.parametrize("semitones", [*range(-6, 0), *range(1, 6)])
def test_a_take_in_another_key_goes_back_the_short_way(semitones):
    plan = plan_shift(heard([np.roll(SCALE, -semitones)] * 8), LINES, REQUEST)
    assert plan.semitones == semitones
    share = np.roll(SCALE, -semitones)[list(C_MAJOR.scale)].sum() / SCALE.sum()
    assert plan.scale_before == pytest.approx(share) and plan.scale_after == pytest.approx(1.0)
    both = plan_shift(heard([np.roll(SCALE, -semitones)] * 8, cents=-20), LINES, REQUEST)
    assert both.total_semitones == pytest.approx(semitones + 0.2)


def fits_of(monkeypatch, moved: float, stay: float, share: float, by: int = 2, chords=None, turn=0.0) -> int:
    """What is decided where leaving the take alone fits ``stay``, moving it ``by`` semitones ``moved``."""
    loud = np.zeros(12)
    loud[5] = 1.0
    fits = {5: stay, (5 + by) % 12: moved}
    monkeypatch.setattr(shifts, "key_fit", lambda chroma, key: fits.get(int(np.argmax(chroma)), -1.0))
    monkeypatch.setattr(shifts, "scale_share", lambda chroma, key: 0.5 + share * (int(np.argmax(chroma)) != 5))
    monkeypatch.setattr(shifts, "progression_tones", lambda request: chords)
    monkeypatch.setattr(
        shifts, "progression_fit", lambda bars, chords, first: turn * (int(np.argmax(bars.sum(0))) != 5)
    )
    return plan_shift(heard([loud] * 8), LINES, REQUEST).semitones


@pytest.mark.parametrize(
    ("moved", "share", "by", "shifted"),
    [
        (0.587, 0.5, 2, True),  # 0.08 better after 0.003 a semitone
        (0.585, 0.5, 2, False),
        (0.587, 0.5, -2, True),
        (0.591, 0.5, 4, False),
        (0.593, 0.5, 4, True),
        (0.9, 0.051, 2, True),  # and a twentieth of the notes more on the scale
        (0.9, 0.049, 2, False),
    ],
)
def test_a_shift_must_fit_clearly_better(moved, share, by, shifted, monkeypatch):
    assert fits_of(monkeypatch, moved, 0.5, share, by) == (by if shifted else 0)


def test_chords_overrule_the_scale(monkeypatch):
    chords = np.eye(12)[:2]
    assert fits_of(monkeypatch, 0.9, 0.5, 0.0, chords=chords) == 2, "chords say it though the scale does not"
    assert fits_of(monkeypatch, 0.5, 0.5, 0.0, chords=chords, turn=0.087) == 2
    assert fits_of(monkeypatch, 0.5, 0.5, 0.0, chords=chords, turn=0.085) == 0


def test_of_equal_fits_the_nearer_transposition_is_taken(monkeypatch):
    monkeypatch.setattr(shifts, "scale_share", lambda chroma, key: float(int(np.argmax(chroma)) != 5))
    for near, far in ((-1, -3), (1, -2), (-2, 3)):
        best = (5 + near, 5 + far)
        monkeypatch.setattr(shifts, "key_fit", lambda chroma, key, best=best: float(int(np.argmax(chroma)) in best))
        assert plan_shift(heard([np.eye(12)[5]] * 8), LINES, REQUEST).semitones == near


def test_the_bars_are_turned_until_they_fit_the_progression():
    """Two bars, C then F, asked for as F then C: the same chords from the second bar on."""
    asked = REQUEST.with_(progression=(("F",), ("C",)))
    frames = [classes(0, 4, 7)] * 4 + [classes(5, 9, 0)] * 4
    assert plan_shift(heard(frames), LINES, asked).semitones == 0
    up = [np.roll(frame, 2) for frame in frames]
    assert plan_shift(heard(up), LINES, asked).semitones == -2


# ---- the measures


def test_key_fit_is_four_fifths_profile_and_one_fifth_scale():
    chroma = np.random.default_rng(2).uniform(size=12)
    scores = dict(zip(ALL_KEYS, key_scores(chroma), strict=True))
    for key in ALL_KEYS[::5]:
        profile = max(scores[key], 0.9 * scores[key.relative])
        share = chroma[list(key.scale)].sum() / chroma.sum()
        assert key_fit(chroma, key) == pytest.approx(0.8 * profile + 0.2 * (2 * share - 1))
    assert scale_share(0.01 * classes(0, 1), C_MAJOR) == 0.5


def test_the_share_on_the_chords_counts_each_half_bar_from_its_first_moment():
    request = request_for("chords", bars=1, progression=(("C", "F"),))  # halves of one second
    frames = np.array([classes(0), classes(5), classes(5, 1), classes(0)]).T
    times = np.array([0.0, 0.99, 1.0, 1.99])
    # C on C counts, F on C does not; F of F and C sharp counts one of two, C on F counts
    assert chord_share(frames, times, request) == pytest.approx(3 / 5)
    assert chord_share(frames, times + 2.0, request) is None, "past the end"


def test_the_fit_of_a_progression_is_the_share_on_its_chords():
    tones = progression_tones(request_for("chords", progression=(("C",), ("F", "G"))))
    assert tones[1].tolist() == [0.5, 0, 0.5, 0, 0, 0.5, 0, 0.5, 0, 0.5, 0, 0.5]
    bars = np.array([classes(0, 1), classes(5, 7), classes(4)])
    assert progression_fit(bars, tones, 0) == pytest.approx((1 + 1 + 1) / 5)
    assert progression_fit(bars, tones, 1) == pytest.approx((0.5 + 1 + 0) / 5)
    doubled = progression_fit(bars, 3 * tones, 0)
    assert doubled == pytest.approx((1 + 2 + 1) / 5), "a tone counts once"
