"""Where the loop finder draws its lines, each from both sides."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops import plan_corrections
from helpers.loops.find import CUT_IN_TRUST, _first
from helpers.loops.hearing import Hearing
from helpers.music.meter import METERS
from helpers.records import Clip
from tests.signals import RATE

from .takes import drums, request_for

STEP = 0.125  # a sixteenth at 120 BPM


@pytest.mark.parametrize(
    ("begin", "cut_in", "place", "trust"),
    [
        (0.0, False, 0, 1.0),
        (0.019, True, None, 0.0),  # begins later than 18 ms behind the grid
        (0.017, True, 0, CUT_IN_TRUST),
        (0.017, False, 0, 1.0),
        (0.125, True, 1, 1.0),  # silence comes before it, so nothing was cut off
        (0.125 - 0.044, False, 1, 1.0),
        (0.125 - 0.046, False, None, 0.0),
        (16 * STEP, False, 0, 1.0),
    ],
)
def test_a_take_that_begins_on_the_grid_names_its_step(begin, cut_in, place, trust):
    cue = _first(SimpleNamespace(begin=begin, cut_in=cut_in), 0.0, STEP, METERS["4/4"])
    want = np.zeros(16)
    if place is not None:
        want[place] = trust
    np.testing.assert_array_equal(cue, want)


def test_where_the_bars_fit_once_that_place_is_taken():
    request = request_for("drums", bars=2)
    take = drums(bars=2)
    take = Clip(np.concatenate([take.samples, take.samples[:, : RATE // 2]], axis=1), RATE)
    lines = plan_corrections(Hearing(take), request).lines
    assert lines == pytest.approx((0.0, 2.0, 4.0), abs=0.01)
