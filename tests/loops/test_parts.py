"""The smaller steps: cutting, stretching, level, noise, purity."""

import numpy as np
import pytest

from helpers.errors import Refused
from helpers.loops.hearing import check_usable
from helpers.loops.level import (
    PEAK_DBTP,
    TARGET_LUFS,
    apply_cleaning,
    level_beside,
    offset_db,
    set_level,
)
from helpers.loops.purity import measure_purity
from helpers.loops.seam import cut_loop
from helpers.records import Analysis, Clip, Tempo
from helpers.sound.features import onset_times
from helpers.sound.levels import loudness_lufs, true_peak_dbtp
from helpers.sound.stretch import apply_stretch, apply_warp
from tests.signals import RATE, clip_of, mixed, noise, note_hz

from .takes import drums, piano, request_for


def test_a_cut_is_exact_and_keeps_its_surroundings():
    clip = clip_of(np.arange(100) / 100)
    cut = cut_loop(clip, 10, 50)
    assert cut.loop.length == 50 and cut.lead_in.shape[1] == 10 and cut.tail.shape[1] == 40
    assert cut.loop.samples[0, 0] == np.float32(0.1)
    with pytest.raises(Refused, match="loop needs"):
        cut_loop(clip, 60, 50)


@pytest.mark.parametrize("ratio", [0.95, 1.0, 1.06])
def test_a_stretch_has_the_length_asked_for_and_moves_onsets_in_proportion(ratio):
    clip = drums(bars=2)
    length = round(clip.length * ratio)
    out = apply_stretch(clip, length)
    assert out.length == length
    before, after = (onset_times(c)[0] for c in (clip, out))
    nearest = np.abs(after[:, None] - before[None, :] * ratio).min(axis=1)
    assert np.median(nearest) < 0.005


def test_a_shift_moves_the_pitch_and_not_the_length():
    tone = clip_of(0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE))
    out = apply_stretch(tone, tone.length, 3.0)
    spectrum = np.abs(np.fft.rfft(out.samples[0, RATE // 2 : RATE // 2 + RATE]))
    assert out.length == tone.length and abs(np.argmax(spectrum) - note_hz(57 + 3)) < 2


def test_a_warp_moves_each_line_to_its_place_and_joins_without_a_hole():
    clip = drums(bars=4)
    bar = clip.length / 4
    sources = np.array([0, bar * 1.01, bar * 2.03, bar * 3.01, clip.length])
    targets = np.round(bar * np.arange(5)).astype(int)
    out = apply_warp(clip, sources, targets)
    assert out.length == clip.length
    tone = clip_of(0.3 * np.sin(2 * np.pi * 220 * np.arange(clip.length) / RATE))
    held = apply_warp(tone, sources, targets).samples[0]
    frames = np.sqrt(np.mean(held[RATE // 2 : -RATE // 2][: 40 * 4410].reshape(-1, 441) ** 2, axis=1))
    assert frames.min() > 0.7 * np.median(frames)


def test_level_reaches_the_target_or_the_peak_and_never_clips():
    for clip in (drums(bars=2), piano(bars=2), Clip(drums(bars=2).samples * np.float32(0.03), RATE)):
        out = set_level(clip)
        assert true_peak_dbtp(out) < PEAK_DBTP + 0.05
        assert loudness_lufs(out) < TARGET_LUFS + 0.05
        assert max(true_peak_dbtp(out) - PEAK_DBTP, loudness_lufs(out) - TARGET_LUFS) > -0.1


def test_cleaning_takes_out_offset_and_infrasound_and_moves_no_onset():
    clip = drums(bars=2)
    t = np.arange(clip.length) / RATE
    dirty = Clip((clip.samples + 0.1 + 0.1 * np.sin(2 * np.pi * 5 * t)).astype(np.float32), RATE)
    assert offset_db(dirty) > -10
    clean = apply_cleaning(dirty)
    assert offset_db(clean) < -40
    assert np.allclose(onset_times(clean)[0][:5], onset_times(clip)[0][:5], atol=0.002)


def test_noise_is_told_from_music():
    for clip in (drums(bars=2), piano(bars=2)):
        check_usable(clip)
    rng = np.random.default_rng(0)
    pink = np.fft.irfft(np.fft.rfft(rng.standard_normal(4 * RATE)) / np.sqrt(np.arange(1, 2 * RATE + 2)))
    for clip in (noise(4.0), clip_of(0.2 * pink / np.abs(pink).max())):
        with pytest.raises(Refused, match="noise"):
            check_usable(clip)


def test_drums_in_a_tonal_loop_and_chords_in_drums_lower_the_purity():
    chords, beat = piano(bars=4), drums(bars=4)
    for request, own, foreign in (
        (request_for("chords", bars=4), chords, beat),
        (request_for("drums", bars=4), beat, chords),
    ):
        gain = np.sqrt(np.mean(own.samples**2) / np.mean(foreign.samples**2)) * 0.5
        leaking = mixed(own, Clip(foreign.samples * np.float32(gain), RATE))
        pure, _ = measure_purity(own, request)
        impure, parts = measure_purity(leaking, request)
        assert pure > impure + 0.1, parts


def test_silence_has_no_purity():
    assert measure_purity(clip_of(np.zeros(RATE)), request_for(bars=1))[0] is None


def test_a_part_lies_beside_the_idea_and_never_out_of_hearing():
    def level(role, lufs, channels=2):
        return level_beside(
            role, Analysis("idea.wav", "", 4.0, RATE, channels, Tempo(None, 0.0), None, loudness_lufs=lufs)
        )

    assert level("pad", -20.0) == pytest.approx(-28.0) and level("drums", -20.0) == pytest.approx(-23.0)
    assert level("drums", -20.0, channels=1) == pytest.approx(-20.0, abs=0.1)
    assert level("bass", -5.0) <= -13.0 and level("bass", -60.0) >= -28.0
    assert level("bass", None) == level_beside("bass", None) == TARGET_LUFS
    out = set_level(noise(4.0), level("chords", -18.0))
    assert loudness_lufs(out) == pytest.approx(-24.0, abs=0.1)
