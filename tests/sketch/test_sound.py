"""The rendering is exact, in time, in tune, and the same again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.music.meter import METERS
from helpers.music.pitch import midi_hz
from helpers.records import Clip, Note
from helpers.sketch import Score, compose, find_soundfont, plan_sound, render
from helpers.sketch.sound import _limited
from helpers.sketch.soundfont import _packaged
from helpers.sketch.synth import bank_habits, sounding_program
from helpers.sound.features import onset_times
from helpers.sound.levels import loudness_lufs, true_peak_dbtp
from tests.sketch.ideas import PLAYERS, idea, request


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    """The SoundFont every machine has."""
    monkeypatch.setenv("LOOPS_SOUNDFONT", str(_packaged()))


def score_of(notes, program=0, instrument="piano", role="chords", bars=2) -> Score:
    return Score(instrument, role, program, role == "drums", 100.0, METERS["4/4"], bars, None, (), tuple(notes))


@pytest.mark.parametrize("role", PLAYERS)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_loop_then_tail(role, rate):
    asked = request(role, bpm=93.7, bars=2)
    clip = render(compose(asked, None), asked, rate)
    assert clip.sample_rate == rate
    assert clip.channels == 2
    assert asked.samples(rate) <= clip.length <= asked.samples(rate) + 3 * rate
    assert np.isfinite(clip.samples).all()
    assert 0.05 < np.abs(clip.samples).max() <= 0.85
    if clip.length > asked.samples(rate):
        assert np.abs(clip.samples[:, -1]).max() == 0.0


@pytest.mark.parametrize(
    ("role", "instrument"),
    [
        ("drums", "drum kit"),
        ("bass", "bass guitar"),
        ("chords", "piano"),
        ("chords", "acoustic guitar"),
        ("arpeggio", "pluck"),
    ],
)
def test_onsets_are_on_the_grid(role, instrument):
    asked = request(role, instrument=instrument, humanize=0.0, swing=0.5)
    clip = render(compose(asked, None), asked)
    times, _ = onset_times(Clip(np.ascontiguousarray(clip.samples[:, : asked.samples()]), 44_100))
    step = 60 / 100 / 4
    off = times - np.round(times / step) * step
    assert np.median(np.abs(off)) < 0.006


def test_first_beat_is_heard_at_sample_zero():
    clip = render(
        score_of([Note(36, 0.0, 0.2, 110), Note(36, 2.0, 0.2, 110)], role="drums"), request("drums", dry=True)
    )
    level = np.abs(clip.samples).max(axis=0)
    first = int(np.argmax(level > 0.3 * level.max()))
    second = int(np.argmax(level[44_100:] > 0.3 * level.max())) + 44_100
    assert first < 0.003 * 44_100
    assert abs(second - first - 1.2 * 44_100) < 0.002 * 44_100


def test_a_stroke_is_the_same_wherever_it_is_struck_and_a_closed_hat_ends_an_open_one():
    """Every second stroke of a pitch is the same one; it begins at its own sample."""
    notes = [Note(38, 0.0, 0.2, 100), Note(38, 0.9, 0.2, 40), Note(38, 6.0, 0.2, 100)]
    sound = render(score_of(notes, role="drums"), request("drums", dry=True)).samples
    at, size = round(6.0 * 0.6 * 44_100), 6000
    one, other = sound[0, :size], sound[0, at : at + size]
    assert np.corrcoef(one, other)[0, 1] > 0.999
    ends = []
    for pitch in (42, 38):
        hats = [Note(46, 0.0, 0.2, 100), Note(pitch, 1.0, 0.2, 20)]
        clip = render(score_of(hats, role="drums"), request("drums", dry=True))
        ends.append(float(np.abs(clip.samples[:, 66_150:132_300]).max() / np.abs(clip.samples).max()))
    assert ends[0] < 0.02 < ends[1]


def test_same_score_same_bytes():
    asked = request("pad")
    score = compose(asked, None)
    assert np.array_equal(render(score, asked).samples, render(score, asked).samples)


def test_dry_has_a_shorter_tail():
    asked = request("lead")
    score = compose(asked, None)
    wet, dry = render(score, asked), render(score, asked.with_(dry=True))
    assert dry.length < wet.length


def test_bass_is_mono_and_pad_is_wide():
    for role, wide in (("bass", False), ("pad", True)):
        asked = request(role)
        left, right = render(compose(asked, None), asked).samples
        assert (np.abs(left - right).max() > 1e-3) == wide


def strongest_hz(clip: Clip) -> float:
    mono = clip.mono()[8000:40_000]
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(mono.size), 1 << 19))
    return float(np.argmax(spectrum)) * clip.sample_rate / (1 << 19)


def test_a_patch_that_is_out_of_tune_is_tuned():
    program = 114  # the steel drums of TimGM6mb are 16 cents sharp
    path = find_soundfont().path
    assert bank_habits(path, program, False, (64,))[64].cents > 10
    clip = render(score_of([Note(64, 0.0, 2.0, 90)], program, "steel drums", "arpeggio"), request("arpeggio", dry=True))
    off = 12 * np.log2(strongest_hz(clip) / midi_hz(64))
    assert abs(off - round(off)) < 0.05


def test_a_broken_patch_is_played_by_its_neighbour():
    whistle = 78  # of TimGM6mb: a sixth too low, and silent from G5 up
    assert sounding_program(find_soundfont().path, whistle, (72, 76, 79, 81)) != whistle
    assert sounding_program(find_soundfont().path, 73, (72, 76, 79, 81)) == 73


def test_velocity_is_heard():
    levels = [np.abs(render_level(v)).max() for v in (40, 110)]
    assert levels[1] > 2 * levels[0]


def render_level(velocity: int) -> np.ndarray:
    """A soft and a fixed loud note, so that levelling does not hide the difference: the first, against the second."""
    clip = render(score_of([Note(60, 0.0, 1.0, velocity), Note(60, 4.0, 1.0, 127)]), request(dry=True, bars=2))
    second = np.abs(clip.samples[:, round(4 * 0.6 * 44_100) :]).max()
    return clip.samples[:, :44_100] / second


def test_an_808_glide_bends_the_sound():
    from helpers.sketch.score import Bend

    base = score_of([Note(40, 0.0, 4.0, 100)], 39, "808", "bass")
    bent = dataclasses.replace(base, bends=(Bend(0.0, 7.0),))
    low, high = (strongest_hz(render(s, request("bass"))) for s in (base, bent))
    assert 12 * np.log2(high / low) == pytest.approx(7.0, abs=0.15)


def test_the_packaged_soundfont_is_named_with_its_licence():
    font = find_soundfont()
    assert font.title == "TimGM6mb"
    assert "GPL-2" in font.licence


@pytest.mark.parametrize("genre", ["rock", "house", "funk"])
def test_drums_can_be_as_loud_as_other_parts(genre):
    """At -1 dBTP they reach -16 LUFS within 1 LU, as the loop's level asks."""
    asked = request("drums", genre=genre)
    clip = render(compose(asked, None), asked)
    loop = Clip(np.ascontiguousarray(clip.samples[:, : asked.samples()]), 44_100)
    assert true_peak_dbtp(loop) - loudness_lufs(loop) < 16.0


def test_limiting_moves_no_onset_and_lifts_nothing():
    rate = 44_100
    sound = np.full((2, 2 * rate), 0.02, dtype=np.float32)
    sound[:, ::2] *= -1
    sound[:, rate : rate + 200] *= 40
    out = _limited(sound, 2 * rate, rate)
    assert np.abs(out).max() < 0.6 * np.abs(sound).max()
    assert (np.abs(out) <= np.abs(sound) + 1e-7).all()
    far = np.r_[0 : rate - 300, rate + 500 : 2 * rate]
    assert np.array_equal(out[:, far], sound[:, far])
    assert int(np.argmax(np.abs(out[0]) > 0.1)) == rate
    assert np.array_equal(_limited(sound[:, : rate // 2], rate // 2, rate), sound[:, : rate // 2])  # nothing stands out


def test_the_rendering_counts_samples_as_the_request_does(monkeypatch):
    """In 6/8 at 38.4 BPM the same product in another order is one sample apart."""
    seen = []
    monkeypatch.setattr("helpers.sketch.sound._at_bar_one", lambda sound, lead, loop, rate: seen.append(loop) or sound)
    asked = request("bass", bpm=38.4, bars=1, meter="6/8")
    render(compose(asked, None), asked, 44_100)
    assert seen == [asked.samples(44_100)]


def test_a_part_gives_way_where_the_idea_is_busy_and_a_dry_one_does_not():
    """An idea whose notes lie in the octave from C4: the pad has less there against the rest, and its sound says so."""
    busy = idea(octaves=(0, 0, 0.05, 0.9, 0.05, 0, 0))
    asked = request("pad", instrument="warm pad")
    score = compose(asked, None)

    def share(sound):
        power = np.square(np.abs(np.fft.rfft(render(score, asked, sound=sound).mono())))
        hz = np.fft.rfftfreq(2 * power.size - 2, 1 / 44_100)
        return 10 * np.log10(power[(hz > 280) & (hz < 480)].sum() / power[(hz > 900) & (hz < 4000)].sum())

    plain, roomy = (plan_sound(score, asked, analysis=heard) for heard in (None, busy))
    assert share(roomy) < share(plain) - 1.5
    assert min(roomy.to_json()["room_db"]) == roomy.room_db[3] == -4.0 and "room_db" not in plain.to_json()
    assert not plan_sound(score, asked.with_(dry=True), analysis=busy).room_db
    assert plan_sound(compose(request("drums"), None), request("drums"), analysis=busy).room_db == ()
