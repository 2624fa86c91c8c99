"""A loop's bars as the fit hears them: notes, pitch classes and their change, step by step."""

import numpy as np
import pytest

from helpers.loops.fit.bars import Bars
from helpers.music.meter import METERS
from helpers.records import Clip
from tests.signals import chord_loop

from .takes import A_MINOR

CLASSES = [{n % 12 for n in chord} for chord in A_MINOR]


@pytest.fixture(scope="module")
def bars():
    return Bars(chord_loop(A_MINOR, 120, struck=False), bars=4, meter=METERS["4/4"])


def test_every_step_and_half_bar_holds_the_chords_notes(bars):
    assert bars.note_steps.shape == (84, 64) and bars.chroma_steps.shape == (12, 64) and bars.half_bars.shape == (12, 8)
    for half in range(8):
        loudest = set(np.argsort(bars.half_bars[:, half])[-3:].tolist())
        assert loudest == CLASSES[half // 2]
    low = bars.note_steps[:, 2]
    assert {24 + int(n) for n in np.argsort(low)[-3:]} == set(A_MINOR[0])


def test_the_notes_change_where_the_chords_do_and_nowhere_else(bars):
    change = bars.note_change(8)
    assert change.shape == (64,)
    for line in range(0, 64, 16):
        assert abs(int(np.argmax(np.roll(change, 8 - line)[:16])) - 8) <= 1, "most at the bar line"
        middle = change[(line + 8) % 64]
        assert middle < 0.1 * change[line : line + 2].max(), "and nothing in the middle of a chord"


def test_onsets_are_those_of_a_loop_that_goes_round():
    """A loop that is cut in the middle of a note starts with no stroke; one on beat 1 is one wherever it is cut."""
    chords = chord_loop(A_MINOR, 120)
    whole = Bars(chords, bars=4, meter=METERS["4/4"])
    assert whole.strong.times[0] == pytest.approx(0.0, abs=0.01)
    for beats in (0.5, 1.5):
        late = Clip(np.roll(chords.samples, round(beats * 0.5 * chords.sample_rate), axis=1), chords.sample_rate)
        moved = Bars(late, bars=4, meter=METERS["4/4"])
        turned = np.sort((whole.strong.times + beats * 0.5) % chords.seconds)
        np.testing.assert_allclose(moved.strong.times, turned, atol=0.006)
        assert moved.accents["all"][0] < 0.5 * whole.accents["all"][0]
    early = Clip(np.roll(chords.samples, -round(0.01 * chords.sample_rate), axis=1), chords.sample_rate)
    first = Bars(early, bars=4, meter=METERS["4/4"]).strong.times
    assert first[0] == 0.0 and first[-1] < 7.5, "10 ms before the seam is beat 1"


def test_the_bands_of_each_beat_are_those_of_its_sound(bars):
    assert bars.erb_beats.shape[1] == 16
    silent = Bars(chord_loop(A_MINOR[:2], 120), bars=2, meter=METERS["7/8"])
    assert silent.erb_beats.shape[1] == 7, "an odd metre has half beats: a whole number of parts all the same"
