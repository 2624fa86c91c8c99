"""Measuring primitives: right on sounds we built, calm on sounds that hold nothing."""

import numpy as np
import pytest

from helpers.music.pitch import ALL_KEYS
from helpers.sound import features
from tests import signals


def nearest_errors(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.array([found[np.abs(found - t).argmin()] - t for t in truth])


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_onsets_of_clicks_are_placed_within_three_milliseconds(rate):
    clip, truth = signals.click_track(117, 6.0, rate=rate, offset_seconds=0.21)
    times, strengths = features.onset_times(clip)
    assert len(times) == len(truth)
    assert np.abs(nearest_errors(times, truth)).max() < 0.003
    assert strengths.min() > 0 and strengths.max() == 1.0


def test_onset_envelope_is_fine_and_unbiased():
    clip, truth = signals.click_track(120, 8.0, offset_seconds=0.5)
    bands = features.onset_bands(clip)
    envelope, rate = bands.all, bands.rate
    assert rate >= 200
    peaks = [
        (round(t * rate) - 10 + envelope[round(t * rate) - 10 : round(t * rate) + 11].argmax()) / rate for t in truth
    ]
    assert abs(np.mean(np.array(peaks) - truth)) < 0.003


def test_an_attack_on_the_first_sample_counts():
    times, _ = features.onset_times(signals.drum_loop(100, 2))
    assert times[0] < 0.003


def test_registers_are_kept_apart():
    low = features.onset_bands(signals.melody([(33, i * 0.5, 0.4) for i in range(8)], 4.0, harmonics=1))
    high = features.onset_bands(signals.melody([(105, i * 0.5, 0.4) for i in range(8)], 4.0, harmonics=1))
    assert low.low.sum() > low.high.sum()
    assert high.high.sum() > high.low.sum()


@pytest.mark.parametrize("cents", [-40.0, -12.0, 0.0, 30.0])
def test_tuning_is_measured_to_three_cents(cents):
    clip = signals.melody([(57 + i % 12, i * 0.4, 0.4) for i in range(16)], 6.4, cents=cents)
    assert features.note_gram(clip).tuning_cents == pytest.approx(cents, abs=3.0)


@pytest.mark.parametrize(("cents", "near"), [(48.0, -50.0), (-48.0, 50.0)])
def test_half_a_semitone_off_is_counted_from_the_side_that_is_asked_for(cents, near):
    clip = signals.melody([(60, 0.0, 1.0), (67, 1.0, 1.0)], 2.0, cents=cents)
    plain, turned = features.note_gram(clip), features.note_gram(clip, near_cents=near)
    assert plain.tuning_cents == pytest.approx(cents, abs=3.0)
    assert abs(turned.tuning_cents - plain.tuning_cents) == pytest.approx(100.0)
    found = [int(g.chroma().mean(axis=1).argmax()) for g in (plain, turned)]
    assert (found[1] - found[0]) % 12 == (1 if near < 0 else 11)


@pytest.mark.parametrize("lowest", [31, 48, 72])
def test_note_gram_finds_the_fundamental_not_an_overtone(lowest):
    pitches = [lowest + i for i in range(12)]
    clip = signals.melody([(p, i * 0.6, 0.58) for i, p in enumerate(pitches)], 7.2)
    gram = features.note_gram(clip)
    found = [24 + int(gram.frames[:, np.abs(gram.times - (i * 0.6 + 0.3)).argmin()].argmax()) for i in range(12)]
    assert sum(a == b for a, b in zip(found, pitches, strict=True)) >= 11


def test_chroma_of_a_triad_is_its_three_notes_even_detuned():
    clip = signals.chord_loop([(57, 60, 64)], 100, cents=35)
    mean = features.note_gram(clip).chroma().mean(axis=1)
    assert set(np.argsort(-mean)[:3]) == {9, 0, 4}
    assert np.sort(mean)[-4] < 0.3 * mean.max()


def test_key_scores_prefer_the_key_that_is_played():
    clip = signals.chord_loop([(57, 60, 64), (53, 57, 60), (48, 52, 55), (52, 56, 59)], 100)  # Am F C E
    best = ALL_KEYS[int(features.key_scores(features.note_gram(clip).chroma().mean(axis=1)).argmax())]
    assert best.name == "A minor"
    assert not features.key_scores(np.zeros(12)).any()


ODD = {
    "empty": signals.clip_of(np.zeros(0)),
    "one sample": signals.clip_of(np.ones(1)),
    "silence": signals.silence(2.0),
    "not finite": signals.clip_of(np.where(np.arange(20_000) % 3, np.nan, np.inf)),
    "constant": signals.clip_of(np.ones(30_000)),
    "noise at 8 kHz": signals.noise(1.0, 8_000),
    "opposite phase": signals.Clip(np.stack([signals.noise(1.0).samples[0], -signals.noise(1.0).samples[0]]), 44_100),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_audio_is_measured_without_error(name):
    clip = ODD[name]
    times, strengths = features.onset_times(clip)
    gram = features.note_gram(clip)
    assert times.shape == strengths.shape
    assert all(np.isfinite(found).all() for found in (times, gram.frames, features.onset_bands(clip).all))
    assert -50 <= gram.tuning_cents <= 50
    if name in ("empty", "silence"):
        assert times.size == 0 and not gram.frames.any()


def test_channels_in_opposite_phase_do_not_vanish():
    assert features.clean_mono(ODD["opposite phase"]).any()


def test_what_a_cache_hands_out_cannot_be_changed():
    for array in (*features._onset_filters(44_100, 2048), *features._note_dictionary(10.0, 512, 0)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
