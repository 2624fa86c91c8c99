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
