"""Guides cut to the grid: what repeats, and what comes just before bar 1."""

import numpy as np
import pytest

from helpers.engines.guides import lead_in, loop_of_guide, repeated
from helpers.records import Clip, Request

RATE = 8_000
REQUEST = Request("piano", "chords", 120.0, bars=2)  # 4 s, a bar is 2 s


def ramp(seconds: float, channels: int = 1) -> Clip:
    line = np.linspace(0, 1, round(seconds * RATE), dtype=np.float32)
    return Clip(np.stack([line] * channels), RATE)


@pytest.mark.parametrize(("given", "kept"), [(4.0, 4.0), (5.5, 4.0), (3.9, 2.0), (2.0, 2.0), (1.2, 1.2)])
def test_a_guide_is_cut_to_the_loop_or_to_whole_bars(given, kept):
    loop = loop_of_guide(ramp(given), REQUEST, RATE, 1)
    assert loop.shape == (1, round(kept * RATE))
    assert loop.dtype == np.float32
    assert np.array_equal(loop[0], ramp(given).samples[0, : loop.shape[1]])


def test_channels_and_rate_are_the_models():
    assert loop_of_guide(ramp(4.0, 1), REQUEST, RATE, 2).shape[0] == 2
    assert loop_of_guide(ramp(4.0, 2), REQUEST, RATE, 1).shape[0] == 1
    assert loop_of_guide(ramp(4.0), REQUEST, 16_000, 1).shape == (1, 64_000)


def test_a_guide_in_opposite_phase_is_not_silent_in_one_channel():
    tone = np.sin(2 * np.pi * 220 * np.arange(4 * RATE) / RATE).astype(np.float32)
    loop = loop_of_guide(Clip(np.stack([tone, -tone]), RATE), REQUEST, RATE, 1)
    assert np.sqrt(np.mean(np.square(loop))) > 0.5


def test_a_loop_repeats_from_its_beginning():
    loop = np.arange(5, dtype=np.float32)[None]
    assert repeated(loop, 12)[0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]


@pytest.mark.parametrize(("samples", "expected"), [(2, [3, 4]), (5, [0, 1, 2, 3, 4]), (7, [3, 4, 0, 1, 2, 3, 4])])
def test_the_lead_in_ends_where_bar_one_begins(samples, expected):
    assert lead_in(np.arange(5, dtype=np.float32)[None], samples)[0].tolist() == expected
