"""What purity is made of, each measure on a spectrogram written by hand: bins 10 Hz apart, frames 10 ms apart."""

import dataclasses

import numpy as np
import pytest

from helpers.loops import purity as purities
from helpers.loops.purity import (
    Spectra,
    _band_edges,
    _bright_hits,
    _crest,
    _dull_hits,
    _flatness,
    _held_mid_db,
    _motion_hz,
    _onsets_together,
    _rises,
    measure_parts,
    measure_purity,
    purity_of,
    spectra_of,
)
from helpers.sound.features import NoteGram
from helpers.sound.listening import Listening
from tests.signals import RATE, clip_of

from .takes import request_for

HZ = np.arange(0, 20_010, 10.0)
FRAMES = 43


def spectra(power: np.ndarray, onsets=(), focus=(0.5,), weights=(1.0,), times=(0.0,)) -> Spectra:
    lists = (np.array(x, float) for x in (focus, weights, times))
    return Spectra(power, HZ, 0.01, np.array(onsets, int), *lists)


def flat(frames: int = FRAMES) -> np.ndarray:
    return np.ones((HZ.size, frames))


def band(low: float, high: float) -> np.ndarray:
    return (low <= HZ) & (high > HZ)


def test_a_part_keeps_what_lies_between_its_seconds():
    power = np.arange(50.0)[None] * np.ones((HZ.size, 1))
    whole = spectra(power, (9, 10, 19, 20), (0.1, 0.2, 0.3), (1, 2, 3), (0.09, 0.1, 0.2))
    part = whole.part(0.1, 0.2)
    assert part.power[0].tolist() == list(range(10, 20)) and part.onsets.tolist() == [0, 9]
    assert part.focus.tolist() == [0.2] and part.weights.tolist() == [2] and part.focus_times.tolist() == [0.0]
    assert part.hop_seconds == 0.01 and whole.part(-0.02, 0.1).power.shape[1] == 10
    with pytest.raises(dataclasses.FrozenInstanceError):
        part.hop_seconds = 1.0
    assert hash(part) != hash(whole)


def test_purity_is_half_where_the_odds_are_even():
    tonal = dict.fromkeys(
        ("bright_hits", "dull_hits", "high_flatness", "low_beats", "low_flatness", "low_motion_hz", "low_with_middle"),
        0.0,
    ) | {"mid_flatness": 0.0}
    assert purity_of(tonal | {"note_focus": 18.0 / 12.85}, drums=False) == pytest.approx(0.5)
    assert purity_of(tonal | {"note_focus": 19.0 / 12.85}, drums=False) == pytest.approx(1 / (1 + np.exp(-1)))
    drums = {"dull_hits": 0.0, "high_beats": 0.0, "high_with_middle": 0.0}
    assert purity_of(drums | {"held_mid_db": -14.12 / 0.2344}, drums=True) == pytest.approx(0.5)
    assert purity_of(drums | {"held_mid_db": 1e6}, drums=True) == 0.0


def test_notes_are_heard_in_tonal_loops_only(monkeypatch):
    monkeypatch.setattr(purities, "spectra_of", lambda clip, times, notes: notes)
    monkeypatch.setattr(purities, "measure_parts", lambda spectra, drums: {})
    loop = clip_of(np.zeros(150), 10)
    assert measure_purity(loop, request_for("drums")) == measure_purity(loop, request_for("chords")) == (None, {})
    monkeypatch.setattr(purities, "measure_parts", lambda notes, drums: {"drums": drums, "deaf": notes is None})
    monkeypatch.setattr(purities, "purity_of", lambda parts, drums: 0.25 if drums else 0.75)
    assert measure_purity(loop, request_for("drums")) == (0.25, {"drums": True, "deaf": True})
    assert measure_purity(loop, request_for("chords")) == (0.75, {"drums": False, "deaf": False})


def test_what_the_proof_has_heard_is_not_heard_again(monkeypatch):
    loop = clip_of(np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE))
    heard = Listening(loop)
    notes, onsets = heard.notes, heard.onsets
    seen = []
    monkeypatch.setattr(purities, "spectra_of", lambda clip, times, notes: seen.extend((times, notes)))
    monkeypatch.setattr(purities, "measure_parts", lambda spectra, drums: {})
    measure_purity(loop, request_for("chords"))
    assert seen[0] is onsets.times and seen[1] is notes


def test_the_spectrogram_of_a_tone_with_its_onsets_and_notes():
    """A sine of amplitude 0.5 on a bin: a magnitude of 0.25 in frames of 46 ms (2048), four to a frame."""
    t = np.arange(RATE) / RATE
    on_bin = clip_of(0.5 * np.sin(2 * np.pi * 50 * RATE / 2048 * t))
    chroma = np.zeros((84, 2))
    chroma[[0, 4, 7, 11], 0] = (4, 3, 2, 1)
    chroma[[0, 12], 1] = (1, 1)
    notes = NoteGram(chroma, np.array([0.1, 0.2]), 0.0, np.ones(2), 1.0)
    made = spectra_of(on_bin, np.array([0.0, 0.5, 9.0]), notes)
    assert made.hop_seconds == pytest.approx(512 / RATE) and made.hz.size == 1025
    assert np.argmax(made.power[:, 40]) == 50 and made.power[50, 40] == pytest.approx(0.0625, rel=1e-3)
    assert made.power.shape[1] == 1 + RATE // 512
    assert made.onsets.tolist() == [1, round(0.5 * RATE / 512) + 1, made.power.shape[1] - 1]
    assert made.focus == pytest.approx([0.9, 1.0]) and made.weights.tolist() == [10, 2]
    assert made.focus_times.tolist() == [0.1, 0.2]
    drums = spectra_of(on_bin, np.array([0.1]), None)
    assert drums.focus.size == drums.weights.size == drums.focus_times.size == 0 and drums.onsets.size == 1
    short = spectra_of(clip_of(np.ones(2047)), np.array([0.0]), notes)
    assert short.power.shape == (0, 0) and short.onsets.size == 0 and measure_parts(short, drums=False) == {}
    assert spectra_of(clip_of(np.ones(2048)), np.zeros(0), None).power.size


def test_bands_are_a_tenth_of_an_octave_or_a_bin_wide():
    edges = _band_edges(HZ)
    wanted = sorted({int(np.ceil(30 * 2 ** (n / 10.5) / 10 - 1e-9)) for n in range(97)})
    assert edges.tolist() == [edge for edge in wanted if edge < HZ.size - 1]
    assert _band_edges(HZ[:501])[-1] < 500


# ---- the measures


def test_what_rises_is_the_sound_after_less_the_sound_before():
    power = np.random.default_rng(1).uniform(0.1, 1, (HZ.size, FRAMES))
    made = spectra(power, (10, 0))
    before = power[:, 4:9].mean(axis=1)  # 58 to 23 ms before
    for span, frames in ((purities.AT, slice(10, 13)), (purities.LATER, slice(15, 19))):
        rises = _rises(made, span)
        wanted = np.maximum(power[:, frames].mean(axis=1) - before, 0)
        np.testing.assert_allclose(rises[:, 0], wanted + 1e-10 * power.max(), rtol=1e-9)
    first = np.maximum(power[:, :3].mean(axis=1) - power[:, 0], 0)
    np.testing.assert_allclose(_rises(made, purities.AT)[:, 1], first + 1e-10 * power.max(), rtol=1e-9)
    last = _rises(spectra(power, (FRAMES - 1,)), purities.LATER)[:, 0]
    np.testing.assert_allclose(last, np.maximum(power[:, -1] - power[:, -7:-2].mean(axis=1), 0) + 1e-10 * power.max())


def hits(*low_high: tuple[float, float], top=(5000, 16_000), middle=(150, 2500)) -> Spectra:
    """An onset every 20 frames that adds so much power in all to either band, from silence."""
    power = np.zeros((HZ.size, 20 * len(low_high) + 20))
    for number, (low, high) in enumerate(low_high, 1):
        at = slice(20 * number, 20 * number + 10)
        for (first, last), amount in ((middle, low), (top, high)):
            power[np.searchsorted(HZ, first), at] += amount / 2
            power[np.searchsorted(HZ, last) - 1, at] += amount / 2
    return spectra(power, [20 * n for n in range(1, len(low_high) + 1)])


def test_bright_hits_compare_what_rises_above_5_khz_with_the_middle():
    assert _bright_hits(hits((1.0, 3.0))) == pytest.approx(np.log(3.0), abs=1e-4)
    rising = [(1.0, np.exp(n)) for n in range(11)]  # nine of ten hits are duller than e^9
    assert _bright_hits(hits(*rising)) == pytest.approx(9.0, abs=1e-3)
    outside = hits((1.0, 3.0), top=(5000, 16_010), middle=(140, 2500))
    assert _bright_hits(outside) == pytest.approx(np.log(1.5 / 0.5), abs=1e-3), "half of each lies outside"
    assert _bright_hits(hits((0.0, 1.0))) == pytest.approx(np.log(1 / (0.5e-9 + 235 * 0.5e-10)), abs=1e-6)
    assert _bright_hits(spectra(flat())) == 0.0


def test_dull_hits_are_centred_low_60_ms_on():
    edges = _band_edges(HZ)
    at = [int(edges[np.searchsorted(edges, bin_)]) for bin_ in (30, 300)]
    power = np.zeros((HZ.size, 260))
    onsets = [20 * n for n in range(1, 12)]
    for number, onset in enumerate(onsets):
        power[at[1] if number else at[0], onset + 5 : onset + 9] = 1.0
    heights = np.log2(HZ[at] + 1)
    assert _dull_hits(spectra(power, onsets), edges) == pytest.approx(heights[1], abs=0.01)  # one in ten is duller
    power[at[0], onsets[1] + 5 : onsets[1] + 9] = 4.0  # two, the other with amplitudes of 2 to 1
    between = (2 * heights[0] + heights[1]) / 3
    assert _dull_hits(spectra(power, onsets), edges) == pytest.approx(between, abs=0.01)
    assert _dull_hits(spectra(flat()), edges) == 0.0


def steps(*at_height: tuple[int, float], frames: int = FRAMES) -> np.ndarray:
    """Power that rises by e^height at each frame, from 1."""
    level = np.zeros(frames)
    for at, height in at_height:
        level[at:] += height
    return np.exp(level)


@pytest.mark.parametrize(
    ("late", "likeness"),
    [(0, 1.0), (1, (3 * 41 - 16) / 148), (3, (41 - 16) / 148), (4, -16 / 148), (20, -16 / 148)],
)
def test_a_rise_is_seen_in_four_of_the_41_frames_and_compared_there(late, likeness):
    """Two moments of ones: with 4 of 41 each and n in common their correlation is (41 n - 16) / (4 * 41 - 16)."""
    together = _onsets_together(np.array([steps((10, 2.0)), 7 * steps((10 + late, 5.0)), np.ones(FRAMES)]))
    assert together[0, 1] == pytest.approx(likeness, abs=1e-4) and together[0, 0] == pytest.approx(1.0, abs=1e-4)
    assert together[0, 2] == 0.0, "what never rises goes with nothing"
    falling = _onsets_together(np.array([steps((10, 2.0)), steps((10, -2.0), (30, 2.0))]))
    assert falling[0, 1] == pytest.approx(-16 / 148, abs=1e-4)


def test_silence_before_a_sound_counts_as_50_db_under_its_loudest():
    burst = steps((10, 0.0), (25, 2.0))
    burst[:10] = 0.0
    rises = np.zeros((2, 41))
    rises[0, 7:11], rises[0, 22:26] = np.log(1 / np.exp(2) / 1e-5), 2.0
    rises[1, 7:11], rises[1, 22:26] = 1.0, 1.0
    together = _onsets_together(np.array([burst, steps((10, 1.0), (25, 1.0))]))
    assert together[0, 1] == pytest.approx(np.corrcoef(rises)[0, 1], abs=1e-3)
    assert np.isfinite(_onsets_together(np.zeros((2, FRAMES)))).all()


def test_a_crest_is_the_loudest_fiftieth_against_the_median():
    for loud in (1.0, 7e-6):
        assert _crest(loud * np.r_[np.full(97, 0.1), np.ones(3)]) == pytest.approx(np.log(1 / (0.1 + 1e-5)))
    assert _crest(np.r_[np.full(98, 0.1), np.ones(2)]) == pytest.approx(np.log((0.1 + 0.02 * 0.9) / (0.1 + 1e-5)))
    assert _crest(np.r_[np.zeros(90), np.ones(10)]) == pytest.approx(np.log(1e5)) and _crest(np.zeros(9)) == 0.0


def test_motion_is_the_spread_of_the_centre_weighted_by_power():
    hz = np.array([50.0, 100.0])
    assert _motion_hz(np.array([[1.0, 0, 1, 0], [0, 1.0, 0, 1]]), hz) == pytest.approx(25.0)
    assert _motion_hz(np.array([[3.0, 0], [0, 1.0]]), hz) == pytest.approx(50 * np.sqrt(3) / 4)
    assert _motion_hz(np.array([[3.0, 1], [3.0, 1]]), hz) == pytest.approx(0.0, abs=1e-9)


def test_flatness_is_geometric_over_arithmetic_mean_of_frames_within_20_db():
    band_power = np.repeat([[1.0], [4.0]], 9, axis=1)
    assert _flatness(band_power, band_power) == pytest.approx(0.8)
    for share, expected in ((0.0101, 1.0), (0.0099, 0.8)):  # most frames are that soft and flat
        band_power[:, 2:] = 2.5 * share
        assert _flatness(band_power, band_power) == pytest.approx(expected)
    assert _flatness(np.zeros((2, 9)), flat(9)) == pytest.approx(1.0), "evenly silent beside other sound"


def test_what_is_held_for_600_ms_in_the_middle_is_no_drum():
    edges = np.array([14, 15, 100, 250])  # bands from 140, 150, 1000 and 2500 Hz: the second and third count
    power = np.zeros((HZ.size, 300))
    power[edges] = 1.0
    assert _held_mid_db(power, HZ, edges, 0.01) == pytest.approx(10 * np.log10(0.5 + 1e-5))
    for frames, share in ((30, 0), (31, 1), (150, 1)):  # of 61 frames 31 make the median
        burst = np.zeros((HZ.size, 300))
        burst[15, 100 : 100 + frames] = 1.0
        assert _held_mid_db(burst, HZ, edges, 0.01) == pytest.approx(10 * np.log10(share + 1e-5), abs=1e-6)
    gap = np.zeros((HZ.size, 300))
    gap[15] = 1.0
    gap[15, 100:120] = 0.0  # the median bridges it; nothing sounds in it
    assert _held_mid_db(gap, HZ, edges, 0.01) == pytest.approx(10 * np.log10(1 + 1e-5), abs=1e-9)


# ---- which bands each measure looks at


@pytest.mark.parametrize(
    ("name", "low", "high"), [("low_flatness", 30, 150), ("mid_flatness", 150, 2500), ("high_flatness", 2500, 9000)]
)
def test_flatness_is_of_its_own_band(name, low, high):
    inside = band(low, high)
    power = np.where(inside[:, None], 1.0, 1000.0) * flat()
    assert measure_parts(spectra(power), drums=False)[name] == pytest.approx(1.0)
    power = flat()
    first, last = np.flatnonzero(inside)[[0, -1]]
    power[[first, last]] = 100.0
    n = int(inside.sum())
    assert measure_parts(spectra(power), drums=False)[name] == pytest.approx(10 ** (4 / n) / ((n - 2 + 200) / n))


def test_the_low_motion_is_of_30_to_200_hz():
    power = np.zeros((HZ.size, FRAMES))
    power[3, ::2], power[19, 1::2] = 1.0, 1.0  # 30 and 190 Hz in turn, 22 and 21 times
    power[2], power[20] = 100 * (np.arange(FRAMES) % 3), 100.0
    parts = measure_parts(spectra(power), drums=False)
    assert parts["low_motion_hz"] == pytest.approx(160 * np.sqrt(22 * 21) / 43)


OCTAVES = (30, 90, 180, 350, 700, 1400, 2800, 5600, 11_000)


def by_octave(**patterns: np.ndarray) -> np.ndarray:
    """Power that follows a pattern in octave ``o3`` and so on, and is even elsewhere."""
    power = flat()
    for name, pattern in patterns.items():
        number = int(name[1:])
        inside = band(OCTAVES[number], OCTAVES[number + 1])
        power[inside] = pattern / inside.sum()
    return power


def test_beats_are_the_crest_of_the_lows_or_highs_against_700_to_1400_hz():
    beats = np.full(FRAMES, 0.1)
    beats[::10] = 1.0
    crest = np.log(1 / (0.1 + 1e-5))
    even = np.log(1 / (1 + 1e-5))
    for drums, name, octave in ((False, "low_beats", "o0"), (True, "high_beats", "o6")):
        assert measure_parts(spectra(by_octave(**{octave: beats})), drums=drums)[name] == pytest.approx(crest - even)
        assert measure_parts(spectra(by_octave(o4=beats)), drums=drums)[name] == pytest.approx(even - crest)
        assert measure_parts(spectra(by_octave(o1=beats, o5=beats)), drums=drums)[name] == pytest.approx(0.0)


def test_onsets_of_lows_or_highs_are_compared_with_those_of_350_to_2800_hz():
    a, b, apart = steps((10, 2.0)), steps((30, 2.0)), -16 / 148
    middle = {f"o{n}": a for n in (3, 4, 5)}
    parts = measure_parts(spectra(by_octave(o0=a, o1=a, o2=b, o6=b, **middle)), drums=False)
    assert parts["low_with_middle"] == pytest.approx(1.0, abs=1e-3)
    parts = measure_parts(spectra(by_octave(o0=a, o1=b, **middle)), drums=False)
    assert parts["low_with_middle"] == pytest.approx((1 + apart) / 2, abs=1e-3)
    parts = measure_parts(spectra(by_octave(o0=a, o1=a, o3=b, o4=a, o5=a)), drums=False)
    assert parts["low_with_middle"] == pytest.approx((2 + apart) / 3, abs=1e-3)
    parts = measure_parts(spectra(by_octave(o6=a, o7=b, **middle)), drums=True)
    assert parts["high_with_middle"] == pytest.approx((1 + apart) / 2, abs=1e-3)


def test_the_measures_of_each_kind_and_nothing_of_silence():
    tonal = measure_parts(spectra(flat(8), (2,), (0.2, 0.8), (1, 3), (0, 1)), drums=False)
    assert tonal["note_focus"] == pytest.approx(0.65) and len(tonal) == 9
    assert len(measure_parts(spectra(1e-9 * flat(8)), drums=False)) == 9
    assert measure_parts(spectra(flat(8), (), (0.2,), (0,)), drums=False)["note_focus"] == 0.0
    drums = measure_parts(spectra(flat(8)), drums=True)
    assert set(drums) == {"dull_hits", "held_mid_db", "high_with_middle", "high_beats"}
    for drum in (True, False):
        assert measure_parts(spectra(flat(7)), drums=drum) == measure_parts(spectra(0 * flat()), drums=drum) == {}
    only_high = np.zeros((HZ.size, FRAMES))
    only_high[1500] = 1.0
    assert all(np.isfinite(v) for v in measure_parts(spectra(only_high, (3,)), drums=True).values())
