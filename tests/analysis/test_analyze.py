"""The whole analysis on sounds we built."""

import json

import pytest

from helpers.analysis import analyze
from helpers.analysis.phase import whole_bars_bpm
from helpers.machine.home import EXAMPLE_IDEA
from helpers.music.meter import METERS
from helpers.sound.audio import read_clip
from tests import signals


def test_a_loop_is_heard_whole():
    chords = [(45, 57, 60, 64), (41, 57, 60, 65), (48, 55, 60, 64), (43, 55, 59, 62)]  # Am F C G
    loop = signals.mixed(signals.drum_loop(123.4, 4), signals.chord_loop(chords, 123.4))
    heard = analyze(loop, file="idea.wav", sha256="ab")
    assert heard.tempo.bpm == pytest.approx(123.4, rel=5e-4)
    assert heard.tempo.is_loop and heard.tempo.bars == 4
    assert heard.key is not None and heard.key.key.name in ("A minor", "C major")
    assert [c.label for c in heard.chords] == ["Am", "Am", "F", "F", "C", "C", "G", "G"]
    assert (heard.file, heard.sha256) == ("idea.wav", "ab")
    json.dumps(heard.to_json())


def test_the_same_samples_give_the_same_record():
    loop = signals.drum_loop(95, 2)
    assert analyze(loop).to_json() == analyze(loop).to_json()


def test_silence_is_unknown_and_says_so():
    heard = analyze(signals.silence(3.0))
    assert heard.tempo.bpm is None and heard.key is None and not heard.chords and not heard.melody
    assert any("silent" in note for note in heard.notes)


def test_the_example_is_heard_as_the_exact_loop_that_it_is():
    heard = analyze(read_clip(EXAMPLE_IDEA), tags=False).tempo
    assert heard.is_loop and heard.bars == 4 and heard.downbeats[0] == 0.0


@pytest.mark.parametrize(
    ("samples", "bpm", "is_it"),
    [
        (403_200, 105.0, True),  # four bars of 105 BPM
        (403_201, 105.0, False),
        (403_200, 104.5, True),  # heard a little wrong
        (403_200, 102.0, True),
        (403_200, 110.0, False),
        (441_000, 120.0, False),  # five bars of 120 BPM are ten seconds, and clips are cut to those
    ],
)
def test_a_length_that_only_a_loop_has(samples, bpm, is_it):
    assert (whole_bars_bpm(samples, 44_100, bpm, METERS["4/4"]) is not None) is is_it
