"""Many channels in two, two in one: nothing that sounds is lost."""

import numpy as np
import pytest

from helpers.sound.channels import heard_mono, loudness_weights, positions, stereo_gains

RATE = 44_100


def tone(hz, seconds=1.0):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def level(sound, hz):
    inner = sound[RATE // 10 : -RATE // 10]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(inner.size))) * 4 / inner.size
    return spectrum[round(hz * inner.size / RATE)]


@pytest.mark.parametrize(("left", "right"), [(1, 1), (1, -1), (1, 0), (0, 1), (0.8, -0.3), (-0.2, 0.9)])
@pytest.mark.parametrize("hz", [80.0, 440.0, 6000.0])
def test_a_source_keeps_its_power_wherever_it_stands(left, right, hz):
    drums = tone(1000.0)  # in the middle, beside it
    mono = heard_mono(np.stack([drums + left * tone(hz), drums + right * tone(hz)]))
    assert level(mono, hz) == pytest.approx(np.sqrt((left**2 + right**2) / 2), rel=0.03)
    assert level(mono, 1000.0) == pytest.approx(1.0, rel=0.03)


def test_a_narrow_sound_is_the_mean_itself():
    sound = np.stack([tone(440.0), 0.99 * tone(440.0)])
    assert np.array_equal(heard_mono(sound), sound.mean(axis=0, dtype=np.float32))


def test_the_turn_moves_no_click():
    clicks = np.zeros((2, RATE), np.float32)
    clicks[0, 20_000] = 1.0
    assert np.argmax(np.abs(heard_mono(clicks))) == pytest.approx(20_000, abs=2)


@pytest.mark.parametrize(
    ("speakers", "names"),
    [
        ("NONE NONE NONE NONE NONE NONE", "L R C LFE Ls Rs"),
        ("FL FR FC LFE SL SR", "L R C LFE Ls Rs"),
        ("FL FR FC BC", "L R C Cs"),
        ("NONE " * 12, "any " * 12),
    ],
)
def test_loudspeakers_by_name_or_number(speakers, names):
    assert positions(speakers.split()) == tuple(names.split())


def test_gains_of_the_standard():
    names = positions(["NONE"] * 6)
    assert np.allclose(stereo_gains(names)[0], [1, 0, 0.7071, 0, 0.7071, 0], atol=1e-4)
    assert list(loudness_weights(names)) == [1, 1, 1, 0, 1.41, 1.41]
