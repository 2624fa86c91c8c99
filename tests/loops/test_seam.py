"""The wrap: folds keep what decays, crossfades keep the level, and the measure knows a click from a hit."""

import numpy as np

from helpers.loops import seam as seams
from helpers.loops.seam import Seam, apply_seam, close_loop, cut_loop, fade_pair, fold_tail, plan_seam
from helpers.loops.seam_measure import measure_seam
from helpers.records import Clip
from tests.signals import RATE, clip_of

from .takes import drums, piano, request_for, rms_db


def test_fades_hold_the_power():
    out, into = fade_pair(441)
    assert np.allclose(out**2 + into**2, 1, atol=1e-6) and out[0] > 0.99 and into[0] < 0.01


def test_a_tail_longer_than_the_loop_goes_round_again():
    loop = clip_of(np.zeros(1000))
    folded = fold_tail(loop, np.ones((1, 2500), np.float32))
    assert folded.length == 1000
    assert 2.5 < folded.samples[0, 100] <= 3.0 and np.isclose(folded.samples[0, 900], 2.0, atol=1e-5)
    assert not loop.samples.any(), "the loop handed in is left alone"


def test_the_end_of_a_cut_off_tail_fades():
    folded = fold_tail(clip_of(np.zeros(44_100)), np.ones((1, 20_000), np.float32))
    assert np.abs(np.diff(folded.samples[0, 19_000:21_000])).max() < 0.01


def test_a_decay_after_silence_is_folded_and_music_that_goes_on_is_crossed():
    rate, request = RATE, request_for(bars=1)
    count = request.samples()
    t = np.arange(count + rate) / rate
    ringing = clip_of(np.sin(2 * np.pi * 300 * t) * np.exp(-t / 0.7))
    assert plan_seam(cut_loop(ringing, 0, count)).kind == "fold"
    assert plan_seam(cut_loop(ringing, 0, count)).seconds > 0.5
    music = piano(bars=4)
    cut = cut_loop(music, count, count)
    seam = plan_seam(cut)
    assert seam.kind == "crossfade"
    closed = apply_seam(cut, seam)
    assert closed.length == count
    # the last sample leads into the first as it did in the take
    before = cut.lead_in[0, -1] - cut.lead_in[0, -2]
    assert abs((closed.samples[0, -1] - closed.samples[0, -2]) - before) < 0.01


def test_a_note_that_begins_after_the_end_is_not_taken_for_a_tail():
    music = piano(bars=2)
    silence = np.zeros((music.channels, RATE // 5), np.float32)
    again = np.concatenate([silence, music.samples, music.samples[:, :RATE]], axis=1)
    cut = cut_loop(Clip(again, RATE), RATE // 5, music.length)
    seam = plan_seam(cut)
    closed, few = apply_seam(cut, seam).samples, round(0.002 * RATE)
    assert seam.seconds <= 0.002
    assert np.array_equal(closed[:, few:], music.samples[:, few:])


def test_the_foot_of_a_slow_attack_is_heard_before_the_wrap():
    """A note that swells over 30 ms up to the bar line: its swell belongs to the end of the loop."""
    count = RATE
    t = np.arange(2 * count) / RATE
    swell = np.clip((t - 0.17) / 0.03, 0, 1) * np.exp(-np.maximum(t - 0.2, 0) / 0.1)
    cut = cut_loop(clip_of(0.5 * swell * np.sin(2 * np.pi * 110 * t)), round(0.2 * RATE), count)
    closed = apply_seam(cut, plan_seam(cut)).samples[0]
    around = np.r_[closed[-200:], closed[:200]]
    assert np.abs(np.diff(around)).max() < 1.5 * np.abs(np.diff(closed[:1000])).max()
    assert rms_db(closed[None, -400:]) > rms_db(closed[None, :400]) - 6


def test_where_the_planned_seam_is_heard_a_better_one_is_taken(monkeypatch):
    t = np.arange(8 * RATE) / RATE
    held = clip_of(0.3 * np.sin(2 * np.pi * 220.3 * t) + 0.1 * np.sin(2 * np.pi * 333.7 * t))
    request = request_for("pad", bars=2)
    cut = cut_loop(held, RATE, request.samples())
    monkeypatch.setattr(seams, "plan_seam", lambda _: Seam("fold", 0.0))
    closed, seam = close_loop(cut, request)
    assert measure_seam(cut.loop, request).value > 1 >= measure_seam(closed, request).value
    assert seam.kind == "crossfade"


def test_a_crossfade_of_like_sound_neither_swells_nor_dips():
    t = np.arange(6 * RATE) / RATE
    held = clip_of(0.3 * np.sin(2 * np.pi * 220 * t))
    cut = cut_loop(held, RATE, 2 * RATE)  # whole periods: both ends are alike
    closed = apply_seam(cut, plan_seam(cut))
    frames = closed.samples[0, -RATE // 4 :].reshape(-1, 441)
    levels = [rms_db(frame[None]) for frame in frames]
    assert max(levels) - min(levels) < 0.7


def test_the_measure_calls_a_natural_wrap_ordinary():
    for clip, role in ((drums(bars=4), "drums"), (piano(bars=4), "chords")):
        turned = Clip(np.roll(clip.samples, -clip.length // 2, axis=1), RATE)
        assert measure_seam(turned, request_for(role, bars=4)).value <= 1.0


def test_the_measure_hears_a_click():
    clip = piano(bars=4)
    turned = np.roll(clip.samples, -clip.length // 4 - 5000, axis=1)
    clean = measure_seam(Clip(turned, RATE), request_for("chords", bars=4))
    turned[0, 0] += 0.3
    assert measure_seam(Clip(turned, RATE), request_for("chords", bars=4)).click > max(2.0, 2 * clean.click)


def test_the_measure_hears_a_gap():
    t = np.arange(8 * RATE) / RATE
    held = (0.3 * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 330 * t)).astype(np.float32)[None]
    assert measure_seam(Clip(held, RATE), request_for("pad", bars=4)).value <= 1.0
    held[:, -RATE // 40 :] = 0
    measure = measure_seam(Clip(held, RATE), request_for("pad", bars=4))
    assert measure.hole > 1.0 and measure.value > 1.0


def test_the_measure_survives_silence():
    assert np.isfinite(measure_seam(clip_of(np.zeros(4 * RATE)), request_for(bars=2)).value)
