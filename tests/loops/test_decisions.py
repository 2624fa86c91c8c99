"""The small decisions of the loop maker, each on numbers that can be worked out by hand."""

import numpy as np
import pytest

from helpers.loops.find import _rotations, _standard, metre_template
from helpers.loops.pulse import grid_distances_seconds, sharp_onsets
from helpers.loops.ranking import _untouched
from helpers.loops.seam import CutLoop, _decay_samples, _is_steady, _level_db, _starts_with_a_jump, plan_seam
from helpers.loops.seam_measure import _falls_db, _ordinary, _roughness
from helpers.loops.shift import Shift
from helpers.loops.tempo import TakeTempo
from helpers.music.meter import METERS
from helpers.records import Correction
from helpers.sound.features import Onsets
from tests.signals import RATE, clip_of

from .takes import request_for


def test_the_metre_alone_makes_steps_strong():
    four = metre_template(METERS["4/4"])
    assert four.tolist() == [1, 0, 0.25, 0, 0.55, 0, 0.25, 0, 0.7, 0, 0.25, 0, 0.55, 0, 0.25, 0]
    assert metre_template(METERS["3/4"]).tolist() == [1, 0, 0.25, 0, 0.55, 0, 0.25, 0, 0.55, 0, 0.25, 0]
    assert metre_template(METERS["6/8"]).tolist() == [1, 0, 0, 0.25, 0, 0, 0.7, 0, 0, 0.25, 0, 0]


def test_accents_agree_with_the_template_where_the_bar_begins():
    template = metre_template(METERS["4/4"])
    turned = _rotations(template, np.roll(template, 5) * 3 + 1)
    assert int(np.argmax(turned)) == 5 and turned[5] == pytest.approx(1.0) and turned.min() >= -1
    assert not _rotations(template, np.ones(16)).any()
    values = _standard(np.array([1.0, 3.0]))
    assert values.tolist() == pytest.approx([-1 / 1.001, 1 / 1.001])


def test_distances_to_the_grid_are_signed_and_swung():
    request = request_for("drums", bpm=120.0)  # a sixteenth is 125 ms
    away = grid_distances_seconds(np.array([0.0, 0.13, 0.24, 0.495, 0.7]), request)
    assert away == pytest.approx([0.0, 0.005, -0.01, -0.005, -0.05])
    swung = request.with_(swing=0.6)  # the second eighth comes at 300 ms, its sixteenths at 150 and 400
    assert grid_distances_seconds(np.array([0.3, 0.15, 0.4, 0.25]), swung) == pytest.approx([0, 0, 0, -0.05])


def test_only_attacks_that_rise_at_once_have_a_time():
    t = np.arange(RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 220 * t)
    sharp = np.r_[np.zeros(RATE // 2), tone[: RATE // 2]]
    slow = tone * np.clip((t - 0.3) / 0.5, 1e-3, 1)
    for sound, expected in ((sharp, True), (slow, False)):
        assert sharp_onsets(Onsets(np.array([0.5]), np.array([1.0])), clip_of(sound)).tolist() == [expected]
    assert sharp_onsets(Onsets(np.zeros(0), np.zeros(0)), clip_of(sharp)).size == 0


def steps_db(*levels_db: float) -> np.ndarray:
    """5 ms of a steady tone at each level."""
    frame = round(0.005 * RATE)
    tone = np.sin(2 * np.pi * 1000 * np.arange(frame * len(levels_db)) / RATE)
    return (tone * np.repeat(10 ** (np.array(levels_db) / 20), frame))[None].astype(np.float32)


def test_a_decay_lasts_until_the_next_note():
    fall = np.linspace(-6, -40, 40)
    assert _decay_samples(steps_db(*fall), RATE) == pytest.approx(40 * 0.005 * RATE, abs=2 * 0.005 * RATE)
    note = _decay_samples(steps_db(*fall, *np.full(20, -6.0)), RATE)
    assert note == pytest.approx(38 * 0.005 * RATE, abs=3 * 0.005 * RATE)
    assert _decay_samples(steps_db(*np.full(40, -20.0)), RATE) == 0, "it does not fall"
    assert _decay_samples(steps_db(-6, -40), RATE) == 0, "too short to tell"
    assert _decay_samples(steps_db(-6, -20, -40), RATE) >= 0


def test_steady_sound_neither_begins_nor_stops():
    assert _is_steady(steps_db(*np.full(12, -20.0)), RATE) and _is_steady(steps_db(*np.linspace(-20, -24, 12)), RATE)
    assert not _is_steady(steps_db(*np.full(6, -40.0), *np.full(6, -20.0)), RATE)
    assert not _is_steady(steps_db(*np.full(5, -20.0)), RATE), "too short to tell"
    assert _is_steady(steps_db(*np.full(6, -20.0)), RATE)


def test_levels_in_db():
    assert _level_db(np.ones((1, 100))) == pytest.approx(0.0, abs=1e-6)
    assert _level_db(np.full((2, 100), 0.1)) == pytest.approx(-20.0, abs=1e-6) and _level_db(np.zeros((1, 0))) == -120.0


def cut_of(loop: np.ndarray, lead_in: int = 0, tail: float | None = None) -> CutLoop:
    rest = np.zeros((1, 0), np.float32) if tail is None else np.full((1, 10), tail, np.float32)
    return CutLoop(clip_of(loop), np.zeros((1, lead_in), np.float32), rest)


def test_a_start_that_jumps_is_known_from_one_that_is_led_to():
    ramp = np.linspace(0.5, 0.0, RATE)  # starts at half, ends at nothing: a jump over the wrap
    assert _starts_with_a_jump(cut_of(ramp), 0)
    assert not _starts_with_a_jump(cut_of(ramp, lead_in=RATE // 100), 0), "the lead-in leads to it"
    assert not _starts_with_a_jump(cut_of(np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)), 0)
    assert not _starts_with_a_jump(cut_of(ramp, tail=-0.5), 10), "what rings on adds up with the start"
    assert _starts_with_a_jump(cut_of(np.linspace(0.0, 0.5, RATE), tail=-0.2), 10)


def test_a_tail_known_to_be_decay_is_folded_whole():
    seam = plan_seam(cut_of(np.ones(RATE), tail=0.1), whole_tail=True)
    assert (seam.kind, seam.seconds) == ("fold", 10 / RATE)


def test_a_shift_says_what_it_does():
    assert Shift().made == () and Shift(0, 0.0, 0.5, 0.9).made == ()
    moved, tuned = Shift(-2, 12.0, 0.5, 0.9).made
    assert (moved.kind, moved.amount) == ("shift", -2) and "90%" in moved.words and "before 50%" in moved.words
    assert (tuned.kind, tuned.amount) == ("tuning", 12.0) and "flat" in tuned.words
    assert "sharp" in Shift(0, -12.0).made[0].words and Shift(-2, 50.0).total_semitones == -1.5


def test_the_error_of_a_tempo_is_signed():
    assert TakeTempo(121.2, 1.0, 0.0, 0.1).error_percent(120.0) == pytest.approx(1.0)
    assert TakeTempo(118.8, 1.0, 0.0, 0.1).error_percent(120.0) == pytest.approx(-1.0)
    assert TakeTempo(None, 0.0, 0.0, 0.1).error_percent(120.0) is None


def test_corrections_cost_what_they_do_to_the_sound():
    assert _untouched(()) == 1.0 and _untouched((Correction("unknown", 5.0),)) == 1.0
    small, large = (_untouched((Correction("stretch", amount),)) for amount in (1.0, 4.0))
    assert 1 > small > large > 0 and _untouched((Correction("stretch", -4.0),)) == large
    both = _untouched((Correction("stretch", 1.0), Correction("shift", 1.0)))
    assert both < small and _untouched((Correction("stretch", 99.0),) * 3) == 0.0


def test_the_ordinary_moment_is_the_counted_or_the_likely_worst():
    assert _ordinary(np.full(100, 2.0), 0.5) == pytest.approx(2.0) and _ordinary(np.full(100, 0.1), 0.5) == 0.5
    few = np.array([1.0, 1.0, 2.0, 4.0])  # spread of the upper half: e^(ln 2.83 + 2.05 * 0.35) is above the largest
    assert _ordinary(few, 0.1) == pytest.approx(np.sqrt(8) * np.exp(2.05 * np.log(2) / 2))
    quiet = np.array([1e-6, 1e-6, 1e-6, 20.0, 20.0])  # moments far below the floor count as a twentieth of it
    half = np.log([0.2, 20.0, 20.0])
    assert _ordinary(quiet, 4.0) == pytest.approx(float(np.exp(half.mean() + 2.05 * half.std())))


def test_a_click_is_rough_and_the_remainder_belongs_to_the_last_block():
    sound = 0.1 * np.sin(2 * np.pi * 100 * np.arange(64 * 40 + 30) / RATE)[None]
    plain = _roughness(sound)
    assert plain.size == 40
    for at, block in ((64 * 20 + 32, 20), (64 * 40 + 20, 39)):
        clicked = sound.copy()
        clicked[0, at] += 0.5
        assert int(np.argmax(_roughness(clicked))) == block and _roughness(clicked).max() > 20


def test_where_the_sound_is_cut_off_it_falls():
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    tone[RATE // 2 :] *= 0.001
    falls, hop = _falls_db(tone, RATE)
    assert hop == round(0.005 * RATE) and falls.size == int(np.ceil(RATE / hop))
    assert abs(int(np.argmax(falls[: falls.size - 10])) * hop - RATE // 2) <= 3 * hop and falls.max() > 25
