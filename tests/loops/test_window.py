"""Which bars of a take are taken: the clean ones, whatever is wrong with the others."""

import numpy as np
import pytest

from helpers.loops import plan_corrections
from helpers.loops.hearing import Hearing, starts_cut_in
from helpers.records import Clip
from tests.signals import RATE, mixed, silence

from .takes import drums, piano, request_for

BAR = 2 * RATE  # at 120 BPM


def chosen_bars(clip: Clip, role: str, bars: int) -> tuple[int, ...]:
    request = request_for(role, bars=bars)
    lines = plan_corrections(Hearing(clip), request).lines
    return tuple(round(line * RATE / BAR) for line in lines[:-1])


def damaged(clip: Clip, bar: int, kind: str) -> Clip:
    """``clip`` with one bar spoilt."""
    samples = clip.samples.copy()
    place = slice(bar * BAR, (bar + 1) * BAR)
    if kind == "hole":
        samples[:, bar * BAR + BAR // 4 : bar * BAR + BAR // 2] *= 0.02
    elif kind == "wrong notes":
        samples[:, place] = piano(bars=8, transpose=1).samples[:, place]
    elif kind == "drums":
        leak = mixed(clip, Clip(drums(bars=8).samples, RATE)).samples
        samples[:, place] = leak[:, place]
    else:
        samples[:, place] = np.roll(samples[:, place], round(0.3 * BAR / 16), axis=1)
    return Clip(samples, RATE)


@pytest.mark.parametrize("kind", ["hole", "wrong notes", "drums"])
@pytest.mark.parametrize("bar", [1, 5])
def test_bars_without_the_spoilt_one_are_taken(kind, bar):
    take = damaged(piano(bars=8), bar, kind)
    assert bar not in chosen_bars(take, "chords", 2)


@pytest.mark.parametrize("kind", ["hole", "late"])
def test_drums_are_taken_where_they_keep_time_and_sound(kind):
    assert 2 not in chosen_bars(damaged(drums(bars=8), 2, kind), "drums", 2)


def test_a_bar_that_fades_in_is_left_out():
    take = drums(bars=6)
    gain = np.ones(take.length, np.float32)
    gain[:BAR] = np.linspace(0.03, 1, BAR)
    assert 0 not in chosen_bars(Clip(take.samples * gain, RATE), "drums", 2)


def test_of_equal_bars_early_ones_are_taken():
    assert chosen_bars(drums(bars=8), "drums", 2)[0] <= 1  # the second bar has a lead-in for its seam


def test_a_take_cut_out_of_held_sound_is_known_from_one_that_begins():
    t = np.arange(RATE) / RATE
    held = Clip((0.3 * np.sin(2 * np.pi * 220 * t + 1))[None].astype(np.float32), RATE)
    begun = Clip((held.samples * np.minimum(t / 0.01, 1)).astype(np.float32), RATE)
    assert starts_cut_in(held) and not starts_cut_in(begun) and not starts_cut_in(silence(1.0))
