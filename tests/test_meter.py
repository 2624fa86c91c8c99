"""Bars, beats and samples."""

import pytest

from helpers.errors import InvalidInput
from helpers.music.meter import METERS, bar_seconds, loop_samples, parse_meter, step_seconds


@pytest.mark.parametrize(
    ("bars", "bpm", "meter", "rate", "samples"),
    [
        (4, 120.0, "4/4", 44_100, 352_800),
        (1, 60.0, "3/4", 48_000, 144_000),
        (2, 60.0, "6/8", 44_100, 176_400),  # two dotted quarters a bar
        (8, 92.5, "4/4", 44_100, 915_373),
    ],
)
def test_a_loop_has_its_exact_number_of_samples(bars, bpm, meter, rate, samples):
    assert loop_samples(bars, bpm, METERS[meter], rate) == samples


def test_steps_fill_a_bar():
    for meter in METERS.values():
        assert step_seconds(97.0, meter) * meter.steps_per_bar == pytest.approx(bar_seconds(97.0, meter))


def test_a_beat_of_six_eight_is_a_dotted_quarter():
    assert METERS["6/8"].quarters_per_beat == 1.5 and METERS["4/4"].quarters_per_beat == 1


def test_odd_meters_divide_after_their_longer_half():
    assert [METERS[m].steps_per_bar for m in ("5/4", "7/4", "7/8", "12/8")] == [20, 28, 14, 24]
    assert METERS["7/8"].chord_steps(2) == (0, 8) and METERS["5/4"].chord_steps(2) == (0, 12)
    assert METERS["4/4"].chord_steps(3) == (0, 8, 12) and METERS["12/8"].chord_steps(2) == (0, 12)
    assert METERS["7/8"].pulses_per_bar == 7 and METERS["5/4"].pulses_per_bar == 5
    for meter in METERS.values():
        for count in (1, 2, 3, 4):
            steps = meter.chord_steps(count)
            assert len(set(steps)) == count and max(steps) < meter.steps_per_bar


def test_an_unknown_time_signature_names_the_known_ones():
    with pytest.raises(InvalidInput, match="4/4, 3/4, 6/8"):
        parse_meter("9/8")
