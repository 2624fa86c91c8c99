"""How a wrap is closed: every branch of the plan from both sides of its limit, every fade sample by sample.

At 1000 samples a second 12 ms are 12 samples, a frame is 5, the foot of an attack 50, the long crossfade 120.
"""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops import seam as seams
from helpers.loops.seam import (
    CutLoop,
    Seam,
    _cross_into,
    _decay_samples,
    _fold_foot,
    _is_hollow,
    _is_steady,
    _softly_started,
    _starts_with_a_jump,
    apply_seam,
    close_loop,
    fade_pair,
    fold_tail,
    plan_seam,
)
from helpers.records import Clip

from .takes import request_for

RATE = 1000
NONE = np.zeros((1, 0), np.float32)


def clip(samples: np.ndarray) -> Clip:
    return Clip(np.asarray(samples, np.float32), RATE)


def at_db(*runs: tuple[float, int]) -> np.ndarray:
    """Samples of alternating sign, ``(level in dB, count)`` after one another (1, n)."""
    levels = np.concatenate([np.full(count, 10 ** (level / 20)) for level, count in runs])
    return (levels * np.where(np.arange(levels.size) % 2, -1.0, 1.0))[None].astype(np.float32)


def cut_of(lead_in=NONE, tail=NONE, loop=None) -> CutLoop:
    return CutLoop(clip(at_db((0, 1000)) if loop is None else loop), lead_in, tail)


# ---- the plan


@pytest.mark.parametrize(
    ("lead_in", "tail", "loop", "seam"),
    [
        # 24 samples lead in: enough for a crossfade of 12, too short to be called steady; 23 are not enough
        (at_db((0, 24)), NONE, None, Seam("crossfade", 0.012)),
        (at_db((0, 23)), NONE, None, Seam("fold", 0.0)),
        # steady on both sides: as long as it leads in, 120 at most
        (at_db((0, 60)), NONE, None, Seam("crossfade", 0.06)),
        (at_db((0, 300)), NONE, None, Seam("crossfade", 0.12)),
        (at_db((0, 120)), NONE, at_db((0, 940), (-8, 60)), Seam("crossfade", 0.012)),
        (at_db((-8, 60), (0, 60)), NONE, None, Seam("crossfade", 0.012)),
        (at_db((0, 60)), NONE, at_db((-8, 930), (0, 70)), Seam("crossfade", 0.06)),
        # a lead-in 30 dB under the loop is silence, and nothing led into the start ...
        (at_db((-29.5, 300)), NONE, None, Seam("crossfade", 0.12)),
        (at_db((-30.5, 300)), NONE, None, Seam("fold", 0.0)),
        # ... unless the loop ends that softly itself: then 15 dB under its last 120 ms
        (at_db((-35.5, 300)), NONE, at_db((0, 880), (-21, 120)), Seam("crossfade", 0.12)),
        (at_db((-36.5, 300)), NONE, at_db((0, 880), (-21, 120)), Seam("fold", 0.0)),
        # the last 10 ms before the start may hold an attack's foot, which makes no lead-in
        (at_db((-40, 290), (0, 10)), NONE, None, Seam("fold", 0.0)),
        (at_db((-40, 289), (0, 11)), NONE, None, Seam("crossfade", 0.012)),
    ],
)
def test_what_leads_into_the_start_decides_between_fold_and_crossfade(lead_in, tail, loop, seam):
    assert plan_seam(cut_of(lead_in, tail, loop)) == seam


QUIET = at_db((-60, 300))


@pytest.mark.parametrize(
    ("lead_in", "tail", "loop", "seam"),
    [
        # what rings on is folded whole, where it falls; 12 ms of it where it does not
        (QUIET, at_db(*((-n, 5) for n in range(40))), None, Seam("fold", 0.2)),
        (QUIET, at_db((-3, 200)), None, Seam("fold", 0.012)),
        (QUIET, at_db((-3, 7)), None, Seam("fold", 0.007)),
        # 4 dB louder than the last 12 ms: a new note; 2 ms of it carry what rings on
        (QUIET, at_db((3.9, 200)), None, Seam("fold", 0.012)),
        (QUIET, at_db((4.1, 200)), None, Seam("fold", 0.002)),
        (QUIET, at_db((4.1, 1)), None, Seam("fold", 0.001)),
        (QUIET, at_db((4.1, 12), (-60, 200)), None, Seam("fold", 0.002)),
        (QUIET, at_db((-60, 12), (4.1, 200)), None, Seam("fold", 0.012)),
        # its foot sounds before the start, 15 dB under the loop's last 12 ms at least: it is crossed into
        (at_db((-60, 288), (-14.5, 12)), at_db((5, 200)), None, Seam("crossfade", 0.012)),
        (at_db((-60, 288), (-15.5, 12)), at_db((5, 200)), None, Seam("fold", 0.002)),
        (at_db((-14.5, 2)), at_db((5, 200)), None, Seam("crossfade", 0.002)),
        (at_db((-14.5, 20)), at_db((5, 200)), None, Seam("crossfade", 0.012)),
        (at_db((-14.5, 1)), at_db((5, 200)), None, Seam("fold", 0.002)),
        # and 30 dB under the whole loop where that ends softly
        (at_db((-60, 288), (-29.5, 12)), at_db((5, 200)), at_db((0, 985), (-20, 15)), Seam("crossfade", 0.012)),
        (at_db((-60, 288), (-30.5, 12)), at_db((5, 200)), at_db((0, 985), (-20, 15)), Seam("fold", 0.002)),
    ],
)
def test_after_silence_the_tail_decides_how_much_of_it_is_folded(lead_in, tail, loop, seam):
    assert dataclasses.replace(plan_seam(cut_of(lead_in, tail, loop)), soft_start=False) == seam


def test_a_fold_without_a_lead_in_starts_softly_where_it_would_jump():
    ramp = np.linspace(0.5, 0.0, 1000)[None]
    assert plan_seam(cut_of(loop=ramp)) == Seam("fold", 0.0, True)
    assert plan_seam(cut_of(tail=np.full((1, 3), -0.5), loop=ramp)) == Seam("fold", 0.002, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Seam("fold", 0.0).seconds = 1.0


@pytest.mark.parametrize(
    ("start", "lead_in", "tail", "jumps"),
    [
        ([0.0, 0.1, 0.1, 0.1, 0.1], 0, None, False),
        ([0.2, 0.2, 0.2, 0.2, 0.2], 0, None, True),
        ([0.2, 0.2, 0.2, 0.2, 0.0], 0, None, False),  # a step as large lies within 5 ms
        ([0.2, 0.2, 0.2, 0.2, 0.2, 0.0], 0, None, True),  # the next frame's does not count
        ([0.2, 0.2, 0.2, 0.2, 0.2], 1, None, True),
        ([0.2, 0.2, 0.2, 0.2, 0.2], 2, None, False),  # 2 ms lead to it
        ([0.2, 0.2, 0.2, 0.2, 0.2], 0, -0.2, False),
        ([0.0, 0.0, 0.0, 0.0, 0.0], 0, -0.2, True),
    ],
)
def test_a_jump_is_larger_than_any_step_of_5_ms_around_it(start, lead_in, tail, jumps):
    loop = np.zeros((2, 100))
    loop[1, : len(start)] = start
    rest = np.zeros((2, 3), np.float32)
    rest[1] = (tail or 0.0, 0.9, 0.9)
    cut = CutLoop(clip(loop), np.zeros((2, lead_in)), rest)
    assert _starts_with_a_jump(cut, 3) is jumps
    assert not _starts_with_a_jump(CutLoop(clip(-loop * 0), np.zeros((2, 0)), rest), 0)
    backwards = CutLoop(clip(loop[:, ::-1].copy()), np.zeros((2, lead_in)), rest * 0)
    if tail is None:
        assert _starts_with_a_jump(backwards, 3) is jumps


# ---- how long a decay lasts, whether a sound is steady


def frames_db(*levels: float) -> np.ndarray:
    return at_db(*((level, 5) for level in levels))


@pytest.mark.parametrize(
    ("levels", "samples"),
    [
        ((), 0),
        ((-6, -30), 0),  # under three frames nothing can be said
        ((0, 0, 0, -12.1, -12.1, -12.1), 30),  # 12 dB down over the whole tail
        ((0, 0, 0, -11.8, -11.8, -11.8), 0),
        ((0, 0, 0, -15, -15, -15, -10.8, -10.8, -10.8), 20),  # 4 dB up again: it ends where it was lowest
        ((0, 0, 0, -15, -15, -15, -11.2, -11.2, -11.2), 45),
        ((0, 0, 0, -11.8, -11.8, -11.8, 0, 0, 0), 0),
        ((0, 0, 0, -80, -80, -80, -60.4, -60.4, -60.4), 45),  # what rises under -60 dB is no note
        ((0, 0, 0, -80, -80, -80, -59.6, -59.6, -59.6), 20),
    ],
)
def test_a_decay_falls_12_db_and_ends_at_a_rise_of_4(levels, samples):
    assert _decay_samples(frames_db(*levels) if levels else NONE, RATE) == samples


@pytest.mark.parametrize(
    ("levels", "steady"),
    [((0, 0, 0, -5.8, -5.8, -5.8), True), ((0, 0, 0, -6.2, -6.2, -6.2), False), ((-6.2,) * 3 + (0,) * 3, False)],
)
def test_steady_moves_by_less_than_6_db_in_15_ms(levels, steady):
    assert _is_steady(frames_db(*levels), RATE) is steady
    assert not _is_steady(frames_db(*[0] * 5), RATE), "too short to tell"


# ---- closing


@pytest.mark.parametrize(
    ("values", "hollow", "lead_in", "taken"),
    [
        ({None: 1.0, 0.012: 0.1}, (), 200, None),  # 1 is ordinary: nothing else is tried
        ({None: 1.1, 0.006: 1.2, 0.012: 1.1, 0.025: 1.1, 0.05: 1.2, 0.12: 1.2}, (), 200, None),
        ({None: 3.0, 0.006: 2.0, 0.012: 1.5, 0.025: 1.2, 0.05: 1.3, 0.12: 1.4}, (), 200, 0.025),
        ({None: 3.0, 0.006: 2.0, 0.012: 1.9, 0.025: 1.8, 0.05: 1.7, 0.12: 1.6}, (), 120, 0.12),
        ({None: 3.0, 0.006: 2.0, 0.012: 1.9, 0.025: 1.8, 0.05: 1.7, 0.12: 1.6}, (), 119, 0.05),
        ({None: 3.0, 0.006: 2.0, 0.012: 1.0, 0.025: 1.8, 0.05: 1.7, 0.12: 1.6}, (0.012,), 200, 0.12),
        ({None: 3.0, 0.006: 2.0}, (), 5, None),
    ],
)
def test_of_the_crossfades_that_fit_the_one_that_measures_best_is_taken(values, hollow, lead_in, taken, monkeypatch):
    planned, tried = Seam("fold", 0.5), []

    def measured(closed, _):
        tried.append(None if closed == planned else closed.seconds)
        return SimpleNamespace(value=values[tried[-1]])

    monkeypatch.setattr(seams, "plan_seam", lambda cut: planned)
    monkeypatch.setattr(seams, "apply_seam", lambda cut, seam: seam)
    monkeypatch.setattr(seams, "measure_seam", measured)
    monkeypatch.setattr(seams, "_is_hollow", lambda cut, seconds: seconds in hollow)
    closed, seam = close_loop(cut_of(np.zeros((1, lead_in))), request_for(bars=1))
    assert closed == seam == (planned if taken is None else Seam("crossfade", taken))
    assert len(tried) == (1 if values[None] <= 1 else 1 + sum(round(s * RATE) <= lead_in for s in values if s))


@pytest.mark.parametrize(("level_db", "hollow"), [(-20.9, False), (-21.1, True)])
def test_a_lead_in_15_db_under_the_end_is_hollow(level_db, hollow):
    loop = at_db((0, 950), (-6, 50))
    assert _is_hollow(cut_of(at_db((0, 100), (level_db, 50)), loop=loop), 0.05) is hollow


def test_equal_power_fades():
    out, into = fade_pair(3)
    assert out == pytest.approx(np.cos(np.radians([15, 45, 75]))) and into == pytest.approx(out[::-1])
    assert out.dtype == np.float32 and fade_pair(0)[0].size == 0


def test_a_crossfade_keeps_the_level_whatever_the_likeness():
    loop = np.random.default_rng(1).normal(size=(1, 100))
    fade_out, fade_in = fade_pair(40)
    end = loop[:, 60:]
    same = _cross_into(clip(loop), end.copy()).samples
    np.testing.assert_allclose(same, loop, atol=1e-6)  # gains that add up to themselves
    for other in (np.zeros((1, 40)), -end):
        plain = _cross_into(clip(loop), other).samples
        np.testing.assert_allclose(plain[:, 60:], end * fade_out + other * fade_in, atol=1e-6)
        np.testing.assert_array_equal(plain[:, :60], loop[:, :60].astype(np.float32))
    a, b = np.tile([1.0, 0.0], 20)[None], np.tile([1.0, 1.0], 20)[None]  # likeness 1 / sqrt(2)
    crossed = _cross_into(clip(np.concatenate([np.zeros((1, 60)), a], axis=1)), b).samples[:, 60:]
    np.testing.assert_allclose(
        crossed, (a * fade_out + b * fade_in) / np.sqrt(1 + np.sqrt(2) * fade_out * fade_in), atol=1e-6
    )
    silent = _cross_into(clip(np.zeros((1, 60))), np.zeros((1, 40)))
    assert not silent.samples.any() and silent.samples.dtype == np.float32


def test_a_tail_is_added_to_the_start_and_fades_over_its_last_12_ms():
    fade = fade_pair(12)[0]
    folded = fold_tail(clip(np.full((1, 100), 2.0, np.float32)), np.ones((1, 30), np.float32)).samples[0]
    np.testing.assert_allclose(folded, np.r_[np.full(18, 3.0), 2 + fade, np.full(70, 2.0)], atol=1e-6)
    short = fold_tail(clip(np.zeros((1, 100), np.float32)), np.ones((1, 5), np.float32)).samples[0]
    np.testing.assert_allclose(short[:6], np.r_[fade_pair(5)[0], 0.0], atol=1e-6)
    loop = clip(np.ones((1, 100), np.float32))
    assert np.array_equal(fold_tail(loop, NONE).samples, loop.samples)
    around = fold_tail(loop, np.ones((1, 250), np.float32)).samples[0]
    np.testing.assert_allclose(around, np.r_[np.full(38, 4.0), 3 + fade, np.full(50, 3.0)], atol=1e-6)


def test_the_foot_of_an_attack_is_added_to_the_end():
    loop = clip(np.zeros((1, 100), np.float32))
    into = np.sin(np.radians([22.5, 67.5]))
    for lead, foot in ((80, np.r_[into, np.ones(48)]), (2, into), (3, np.r_[into, 1.0])):
        out = _fold_foot(loop, np.ones((1, lead), np.float32)).samples[0]
        np.testing.assert_allclose(out, np.r_[np.zeros(100 - foot.size), foot], atol=1e-6)
    assert _fold_foot(loop, np.ones((1, 1), np.float32)) is loop
    short = clip(np.zeros((1, 30), np.float32))
    np.testing.assert_allclose(
        _fold_foot(short, np.ones((1, 80), np.float32)).samples[0], np.r_[into, np.ones(28)], atol=1e-6
    )


def test_a_soft_start_takes_2_ms():
    out = _softly_started(clip(np.ones((1, 50), np.float32))).samples[0]
    np.testing.assert_allclose(out, np.r_[np.sin(np.radians([22.5, 67.5])), np.ones(48)], atol=1e-6)


def test_a_seam_is_applied_as_planned():
    lead_in, tail = np.full((1, 40), 0.5, np.float32), np.full((1, 40), 0.25, np.float32)
    cut = cut_of(lead_in, tail, np.ones((1, 100), np.float32))
    folded = apply_seam(cut, Seam("fold", 0.02))
    by_hand = fold_tail(_fold_foot(cut.loop, lead_in), tail[:, :20])
    np.testing.assert_array_equal(folded.samples, by_hand.samples)
    soft = apply_seam(cut, Seam("fold", 0.02, True)).samples
    assert soft[0, 0] == pytest.approx(np.sin(np.radians(22.5)) + 0.25) and soft[0, 2] == folded.samples[0, 2]
    crossed = apply_seam(cut, Seam("crossfade", 0.03))
    np.testing.assert_array_equal(crossed.samples, _cross_into(cut.loop, lead_in[:, 10:]).samples)
    assert np.array_equal(cut.loop.samples, np.ones((1, 100))), "the loop handed in is left alone"
