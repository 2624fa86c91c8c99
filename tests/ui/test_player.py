"""What the page plays: exact samples, the idea aligned under a loop, levels that match."""

import numpy as np
import pytest

from helpers.records import Analysis, Clip, Request, Tempo
from helpers.sound.levels import loudness_lufs
from helpers.ui.player import LISTENING_LUFS, lay_idea, listening_gain, pcm_file, peaks, preview_file
from tests import signals

RATE = 44_100


def heard(seconds, bpm, **tempo):
    return Analysis("i", "0" * 64, seconds, RATE, 1, Tempo(bpm, 1.0, **tempo), None)


def test_peaks_are_the_loudest_magnitudes():
    samples = np.zeros((2, 1000), np.float32)
    samples[1, 250] = -0.5
    assert peaks(Clip(samples, RATE), 4) == [0, 50, 0, 0]
    assert peaks(Clip(np.zeros((1, 0), np.float32), RATE), 4) == []


def test_pcm_keeps_every_sample_in_its_channel():
    left = np.linspace(-1, 1, 101, dtype=np.float32)
    file = pcm_file(Clip(np.stack([left, -left, left]), 8_000))
    back = np.frombuffer(file.data, "<i2").reshape(file.meta["channels"], file.meta["samples"]) / 32768
    assert (file.meta["rate"], back.shape) == (8_000, (2, 101))
    assert np.abs(back[0] - left).max() < 1 / 32000


def test_the_listening_level_is_common_and_safe():
    quiet = signals.noise(3.0, level=0.03)
    loud = signals.noise(3.0, level=0.3)
    for clip in (quiet, loud):
        level = loudness_lufs(Clip(clip.samples * np.float32(listening_gain(clip)), RATE))
        assert level == pytest.approx(LISTENING_LUFS, abs=0.2)
    click = np.zeros((1, RATE), np.float32)
    click[0, 100] = 1.0
    assert listening_gain(Clip(click, RATE)) <= 1.0
    assert listening_gain(signals.silence(1.0)) == 1.0


@pytest.mark.parametrize("offset", [0.0, 0.37])
def test_the_ideas_first_downbeat_lies_on_bar_one(offset):
    clip, _ = signals.click_track(120, 12.0, offset_seconds=offset)
    request = Request("piano", "chords", 120.0, bars=2)
    laid, together = lay_idea(
        clip, heard(12.0, 120.0, downbeats=(offset,)), request, samples=request.samples(), sample_rate=RATE
    )
    assert together and laid.length == request.samples()
    for beat in range(8):
        at = round(beat * 0.5 * RATE)
        assert np.abs(laid.samples[0, at : at + 400]).max() > 0.1
        assert np.abs(laid.samples[0, at + 8_000 : at + 20_000]).max() < 0.01


def test_a_short_idea_repeats_whole_bars_without_drifting():
    clip, _ = signals.click_track(93.7, 60 / 93.7 * 4 + 0.5)
    request = Request("piano", "chords", 93.7, bars=8)
    laid, _ = lay_idea(clip, heard(clip.seconds, 93.7), request, samples=request.samples(), sample_rate=RATE)
    beat = 60 / 93.7
    for number in range(1, 32):
        at = round(number * beat * RATE)
        window = np.abs(laid.samples[0, at - 200 : at + 400])
        assert window.max() > 0.1 and abs(int(np.argmax(window > 0.05)) - 200) <= 3


def test_an_idea_of_another_rate_and_channel_count_fits():
    clip = Clip(np.ones((8, 16_000), np.float32) * 0.1, 8_000)
    request = Request("piano", "chords", 120.0, bars=1)
    laid, _ = lay_idea(clip, heard(2.0, 120.0), request, samples=request.samples(), sample_rate=RATE)
    assert laid.samples.shape == (2, request.samples())


def test_a_tempo_of_ones_own_is_said_not_to_stay_together():
    clip, _ = signals.click_track(120, 4.0)
    for bpm, together in ((120.0, True), (60.0, True), (240.0, True), (100.0, False)):
        request = Request("piano", "chords", bpm, bars=1)
        assert lay_idea(clip, heard(4.0, 120.0), request, samples=request.samples(), sample_rate=RATE)[1] is together


def test_previews_are_small_and_named_by_their_content(tmp_path):
    from helpers.sound.audio import mp3_bytes, wav_bytes

    clip = signals.noise(10.0, level=0.1)
    for name, data in (("a.wav", wav_bytes(clip)), ("b.wav", mp3_bytes(clip))):
        path = tmp_path / name
        path.write_bytes(data)
        file = preview_file(path, clip)
        assert file.type == "audio/mpeg" and len(file.data) < 0.3 * len(wav_bytes(clip))
