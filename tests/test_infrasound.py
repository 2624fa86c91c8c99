"""Direct current and infrasound go; notes, onsets and the wrap stay."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.loops import make_loop
from helpers.music.instruments import INSTRUMENTS
from helpers.records import Clip, Note, Take
from helpers.sketch import Score, render
from helpers.sketch.soundfont import _packaged
from helpers.sound.infrasound import infrasound_share, remove_infrasound
from tests.signals import RATE
from tests.sketch.ideas import request

MOST_INFRASOUND = 0.005


def wave(hz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def clip_of(*waves: np.ndarray) -> Clip:
    return Clip(np.stack(waves).astype(np.float32), RATE)


def test_share_is_that_of_the_worse_channel():
    assert infrasound_share(clip_of(wave(10) + wave(100), wave(100))) == pytest.approx(0.5, abs=1e-3)
    assert infrasound_share(clip_of(0.5 + 0 * wave(1), 0 * wave(1))) == pytest.approx(1.0, abs=1e-3)
    assert infrasound_share(clip_of(0 * wave(1))) is None


def test_what_lies_below_hearing_goes_and_the_lowest_note_stays():
    clean = clip_of(wave(31.0))
    dirty = Clip(clean.samples + clip_of(0.5 + 0.3 * wave(9.0)).samples, RATE)
    assert infrasound_share(dirty) > 0.3
    assert np.allclose(remove_infrasound(dirty).samples, clean.samples, atol=1e-4)


def test_the_loop_is_one_period():
    """Turned by half its length, the clip is cleaned the same: there is no edge."""
    rng = np.random.default_rng(1)
    clip = Clip(rng.uniform(-0.5, 0.5, (2, 30_011)).astype(np.float32), RATE)
    turned = Clip(np.roll(clip.samples, 15_000, axis=1), RATE)
    assert np.allclose(
        np.roll(remove_infrasound(clip).samples, 15_000, axis=1), remove_infrasound(turned).samples, atol=1e-4
    )


@pytest.mark.parametrize("exact", [True, False])
def test_an_offset_never_reaches_a_loop(exact):
    asked = request("bass", bars=1, sample_rate=RATE)
    pulse = np.tile(0.3 * wave(110, 0.3) * np.exp(-np.arange(round(0.3 * RATE)) / 2000), 16)
    sound = pulse + 0.2 * (1 + wave(4.0, pulse.size / RATE)[: pulse.size])
    loop = make_loop(Take(clip_of(sound, sound), "test", "1", 0, "", exact=exact), asked)
    assert infrasound_share(clip_of(sound)) > 0.5
    assert infrasound_share(loop.clip) < MOST_INFRASOUND


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda i: i.name)
def test_no_instrument_has_infrasound(instrument, monkeypatch):
    monkeypatch.setenv("LOOPS_SOUNDFONT", str(_packaged()))
    asked = request(instrument.role, instrument=instrument.name, bars=1, bpm=240.0, sample_rate=RATE)
    pitches = (36, 42) if instrument.is_drums else (instrument.low, (instrument.low + instrument.high) // 2)
    notes = tuple(Note(p, q, 0.9, 100) for p in pitches for q in (0.0, 2.0))
    score = Score(
        asked.instrument,
        asked.role,
        instrument.program,
        instrument.is_drums,
        240.0,
        asked.time,
        1,
        asked.key,
        (),
        notes,
    )
    loop = make_loop(Take(render(score, asked, RATE), "sketch", "1", 0, "", exact=True), asked)
    assert infrasound_share(loop.clip) < MOST_INFRASOUND
