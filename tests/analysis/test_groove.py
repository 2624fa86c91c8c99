"""Accents, density, registers and levels, folded onto a bar."""

import numpy as np
import pytest

from helpers.analysis import estimate_groove, estimate_tempo
from helpers.records import Tempo
from tests import signals


def test_accents_fall_where_the_drums_do():
    loop = signals.drum_loop(100, 4)
    groove = estimate_groove(loop, estimate_tempo(loop))
    assert len(groove.accents) == len(groove.low_accents) == 16
    assert all(groove.accents[i] > 0.1 for i in range(0, 16, 2))
    assert all(groove.accents[i] < 0.1 for i in range(1, 16, 2))
    assert min(groove.low_accents[0], groove.low_accents[8]) > 3 * max(groove.low_accents[2], groove.low_accents[6])
    assert groove.density == pytest.approx(2.0, abs=0.1)


def test_accents_are_told_bar_by_bar():
    """Sixteenths in bar 2 alone: bar 2 differs, the others are alike, and the profile starts on the first downbeat."""
    hits = [2.0 * bar + 0.5 * beat for bar in range(4) for beat in range(4)] + [2.0 + 0.125 * k for k in range(16)]
    click = np.hanning(220).astype(np.float32) * np.sin(np.arange(220) * 0.3, dtype=np.float32)
    clip = signals.clip_of(signals.place([(t, click) for t in sorted(set(hits))], 8.0))
    groove = estimate_groove(clip, Tempo(120.0, 1.0, beats=tuple(np.arange(16) * 0.5), downbeats=(0, 2, 4, 6)))
    bars = np.array(groove.bar_accents)
    assert bars.shape == np.array(groove.bar_low_accents).shape == (4, 16)
    assert bars.max() == 1.0
    assert (bars[1] > 0.3).all()
    for bar in (0, 2, 3):
        assert (bars[bar, ::4] > 0.3).all() and bars[bar, [1, 2, 3, 5, 6, 7]].max() < 0.2


def test_registers_and_levels_are_measured():
    notes = [(36, i * 0.5, 0.4) for i in range(8)] + [(36, 4 + i * 0.5, 0.4) for i in range(8)]
    clip = signals.melody(notes, 8.0)
    samples = clip.samples.copy()
    samples[:, 4 * 44_100 :] *= 0.1
    groove = estimate_groove(
        signals.Clip(samples, 44_100), Tempo(120.0, 1.0, beats=tuple(np.arange(16) * 0.5), downbeats=(0, 2, 4, 6))
    )
    assert np.argmax(groove.octaves) == 1 and sum(groove.octaves) == pytest.approx(1.0)
    assert groove.bar_levels_db == pytest.approx((0.0, 0.0, -20.0, -20.0), abs=0.5)


def test_without_tempo_or_sound_nothing_is_invented():
    groove = estimate_groove(signals.silence(2.0), Tempo(None, 0.0))
    assert groove.accents == () and groove.octaves == () and groove.bar_levels_db == () and groove.density == 0.0
