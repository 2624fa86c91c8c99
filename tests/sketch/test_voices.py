"""The electronic voices: what makes an 808 an 808, a pad a pad; names that give the same sound; a hit like no other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.sketch.sound import struck
from helpers.errors import InvalidInput
from helpers.music.instruments import find_instrument
from helpers.music.meter import METERS
from helpers.music.pitch import midi_hz
from helpers.records import Note
from helpers.sketch import Score, compose, plan_sound, render
from helpers.sketch.soundfont import _packaged
from helpers.sketch.voices import FAMILIES, VOICES, WORDS, choose_sound, play, read_sound
from helpers.sketch.voices.oscillators import phase_of, read_table, wave_table
from tests.sketch.ideas import request

RATE = 44_100
WIDE = ("pluck", "warm pad", "supersaw")


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    """The SoundFont every machine has."""
    monkeypatch.setenv("LOOPS_SOUNDFONT", str(_packaged()))


def score_of(instrument: str, *notes: Note, bars: int = 1) -> Score:
    found = find_instrument(instrument).instrument
    return Score(found.name, found.role, found.program, found.is_drums, 120.0, METERS["4/4"], bars, None, (), notes)


def loop_of(instrument: str, **changes) -> np.ndarray:
    """Two composed bars in the sound that everyone gets to hear first."""
    asked = request(find_instrument(instrument).instrument.role, instrument=instrument, bars=2, **changes)
    return render(compose(asked, None), asked).samples[:, : asked.samples(RATE)].astype(float)


def power(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one = np.square(np.abs(np.fft.rfft(np.atleast_2d(sound), axis=1))).sum(axis=0)
    return np.arange(one.size) * RATE / np.atleast_2d(sound).shape[1], one


def share(sound: np.ndarray, low_hz: float, high_hz: float) -> float:
    hz, one = power(sound)
    return float(one[(hz >= low_hz) & (hz < high_hz)].sum() / one.sum())


def centroid_hz(sound: np.ndarray) -> float:
    hz, one = power(sound * np.hanning(sound.size))
    return float(np.sum(hz * np.sqrt(one)) / np.sum(np.sqrt(one)))


@pytest.mark.parametrize("word", ["classic", "dark", "gritty", "bright"])
@pytest.mark.parametrize("instrument", ["808", "sub bass"])
def test_a_sub_is_felt(instrument, word):
    assert share(loop_of(instrument, sound=word), 20, 80) > 0.6


def test_an_808_drops_into_its_pitch():
    asked = request("bass", instrument="808", sound="classic 0")
    mono = render(score_of("808", Note(33, 0.0, 2.0, 100)), asked).mono()
    crossings = np.flatnonzero((mono[:-1] <= 0) & (mono[1:] > 0))
    periods = np.diff(crossings[crossings > 0.002 * RATE]) / RATE
    late = np.median(periods[5:])
    assert late == pytest.approx(1 / midi_hz(33), rel=0.01)
    assert periods[0] < 0.9 * late and crossings[1] < 0.04 * RATE


def test_an_808_rings_as_long_as_its_note():
    asked = request("bass", instrument="808", sound="classic 0")
    long, short = (render(score_of("808", Note(33, 0.0, q, 100)), asked).mono() for q in (3.5, 0.5))
    at = slice(round(0.6 * RATE), round(0.8 * RATE))
    assert np.std(long[at]) > 5 * np.std(short[at])


@pytest.mark.parametrize("instrument", WIDE)
def test_wide_above_and_one_below(instrument):
    left, right = loop_of(instrument, sound="classic 0") * np.hanning(2 * round(2.4 * RATE))
    middle, side = (left + right) / 2, (left - right) / 2
    assert 20 * np.log10(side.std() / middle.std()) > -9
    low = power(middle)[0] < 120
    assert power(side)[1][low].sum() < 0.05 * power(middle)[1][low].sum() + 1e-6 * power(middle)[1].sum()


def test_a_pad_has_air():
    assert share(loop_of("warm pad"), 2000, 20_000) > 0.02


def test_a_plucks_filter_closes():
    asked = request("arpeggio", instrument="pluck", sound="classic 0", dry=True)
    mono = render(score_of("pluck", Note(60, 0.0, 1.0, 100)), asked).mono()
    early, late = (centroid_hz(mono[round(s * RATE) : round((s + 0.03) * RATE)]) for s in (0.0, 0.2))
    assert early > 2 * late


@pytest.mark.parametrize(
    "instrument", ["808 kit", "909 kit", "drum kit", "bass guitar", "synth bass", "reese bass", "808"]
)
def test_no_two_hits_are_the_same_and_harder_is_brighter(instrument):
    repeat, touch = struck(instrument, "")
    assert repeat < 0.995
    assert touch > 1.2


@pytest.mark.parametrize(
    "instrument", ["electric guitar", "muted guitar", "piano", "electric piano", "fm piano", "drawbar organ"]
)
def test_touch_is_heard_in_the_colour(instrument):
    assert struck(instrument, "")[1] > 1.2


@pytest.mark.parametrize("wave", ["saw", "pulse", "triangle"])
def test_oscillators_do_not_alias(wave):
    hz = 2637.02  # E7
    sound = read_table(wave_table(wave, hz, 0.3), phase_of(hz, RATE, RATE))
    found, one = power(sound * np.hanning(RATE))
    near = np.abs(found / hz - np.round(found / hz)) * hz < 10
    assert one[~near].sum() < 1e-7 * one.sum()


@pytest.mark.parametrize("cents", [-32.0, 0.0, 45.0])
def test_voices_sound_at_the_ideas_tuning(cents):
    sound = choose_sound("square lead", "classic 0", "", "", b"")
    made = play(sound, score_of("square lead", Note(69, 0.0, 4.0, 90)), 0.0, 2.0, RATE, dry=True, tuning_cents=cents)
    mono = made.mean(axis=0)[: RATE // 4]  # before the vibrato
    hz = np.argmax(np.abs(np.fft.rfft(mono * np.hanning(mono.size), 1 << 20))) * RATE / (1 << 20)
    assert 1200 * np.log2(hz / 440.0) == pytest.approx(cents, abs=6)


def test_every_family_has_every_word_and_stays_itself():
    for family in set(VOICES.values()):
        patches = {word: choose_sound(family, f"{word} 3", "", "", b"").patch for word in WORDS}
        assert len(set(patches.values())) == len(WORDS)
        assert {p.engine for p in patches.values()} == {FAMILIES[family].engine}


def test_a_name_is_one_sound_whatever_the_seed():
    one, other = (choose_sound("pluck", "warm 7", "house", "dark", bytes([b])) for b in (1, 2))
    assert one == other and one.name == "warm 7"
    assert one.to_json()["values"]["cutoff_hz"] != choose_sound("pluck", "warm 8", "", "", b"").patch.cutoff_hz


def test_genre_and_mood_weigh_and_the_seed_draws():
    drawn = [choose_sound("pad", "", "ambient", "calm", bytes([i])).word for i in range(120)]
    assert set(drawn) == set(WORDS)
    assert drawn.count("soft") > 2 * drawn.count("gritty")


@pytest.mark.parametrize("asked", ["loud", "warm 100", "warm -1", "7 warm"])
def test_an_unknown_sound_is_refused_with_the_list(asked):
    with pytest.raises(InvalidInput, match="classic, warm"):
        read_sound(asked)


def test_same_notes_new_sound_and_the_reverse():
    asked = request("arpeggio", bars=1)
    warm, dark = (asked.with_(sound=s) for s in ("warm 7", "dark"))
    assert compose(warm, None) == compose(dark, None)
    again = warm.with_(seed=warm.seed + 1)
    assert compose(again, None).notes != compose(warm, None).notes
    assert plan_sound(compose(again, None), again) == plan_sound(compose(warm, None), warm)
    score = compose(asked, None)
    assert not np.array_equal(render(score, warm).samples, render(score, dark).samples)


def test_the_bank_plays_electronic_instruments_when_asked():
    asked = request("arpeggio", sound="sampled", bars=1)
    assert plan_sound(compose(asked, None), asked).is_sampled


def test_width_is_obeyed():
    narrow, wide = (loop_of("warm pad", sound="classic 0", width=w) for w in (0.0, 1.0))
    assert np.allclose(narrow[0], narrow[1], atol=1e-6)
    side = [np.std(s[0] - s[1]) / np.std(s[0] + s[1]) for s in (loop_of("warm pad", sound="classic 0"), wide)]
    assert side[1] == pytest.approx(2 * side[0], rel=0.05)


def test_the_part_ducks_under_the_kick():
    asked = request("pad", instrument="warm pad", sound="classic 0", bars=1, duck=1.0)
    score = dataclasses.replace(compose(asked, None), swells=())
    plain, ducked = (render(score, asked, kicks=k).mono()[: asked.samples()] for k in ((), (1.0, 2.0)))
    gain = np.abs(ducked) / np.maximum(np.abs(plain), 1e-3)
    beat = 0.6 * RATE
    near, far = (gain[round(k * beat) : round((k + 0.05) * beat)] for k in (1.0, 1.8))
    assert np.median(near) < 0.5 * np.median(far)
