"""Tempo, phase and drift on onsets whose grid is known to the microsecond."""

import dataclasses

import numpy as np
import pytest

from helpers.loops import tempo as tempi
from helpers.loops.tempo import (
    Drift,
    TakeTempo,
    estimate_drift,
    estimate_take_tempo,
    grid_fit,
    grid_phase,
    refine_take_tempo,
)
from helpers.sound.features import Onsets

from .takes import request_for

REQUEST = request_for(bars=4)  # 120 BPM: a beat of 0.5 s, sixteenths of 0.125 s
SIX = request_for(bars=4, meter="6/8")
BEATS = np.arange(16) * 0.5


def ones(times: np.ndarray) -> Onsets:
    return Onsets(np.asarray(times, float), np.ones(len(times)))


def test_records():
    for record, name in ((TakeTempo(120.0), "bpm"), (Drift(), "worst_seconds")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, 1.0)
    assert TakeTempo(120.0) == TakeTempo(120.0, 0.0, 0.0, 0.0, "") and Drift() == Drift((), 0.0)
    times = np.array([0.0, 1.0, 2.0])
    assert Drift((0.5, 1.0, 2.0), 1.0).late_seconds(times).tolist() == [2.0, 3.5, 6.0]
    assert Drift().late_seconds(times).tolist() == [0, 0, 0]


# ---- how well onsets gather


@pytest.mark.parametrize(
    ("request_", "offsets", "fit"),
    [
        (REQUEST, [0], 1.0),  # beats gather at the beat, its half and the sixteenth
        (REQUEST, [0, 0.25], 0.7),  # eighths cancel at the beat
        (REQUEST, [0, 0.125, 0.25, 0.375], 0.4),
        (REQUEST, [0, 1 / 6, 1 / 3], 0.0),  # triplets cancel everywhere
        (SIX, [0], 1.0),
        (SIX, [0, 1 / 6, 1 / 3], 0.7),  # eighths of a dotted quarter: three to a beat
        (SIX, [0, 1 / 12, 1 / 6, 0.25, 1 / 3, 5 / 12], 0.4),
    ],
)
def test_a_grid_fits_as_its_levels_gather(request_, offsets, fit):
    times = np.sort((BEATS[:, None] + 0.03 + np.array(offsets)).ravel())
    assert grid_fit(times, np.ones(times.size), request_, np.zeros(1)) == pytest.approx([fit], abs=1e-9)
    assert grid_fit(times / 1.02, np.ones(times.size), request_, np.array([0.02])) == pytest.approx([fit], abs=1e-9)


def plain_fit(times, weights, stretch):
    """The definition: windows of 12 s, 6 s apart, those of five onsets and more, each by its weight."""
    total = mass = 0.0
    start = times[0]
    while start < max(times[0] + 1e-6, times[-1] - 6):
        inside = [(t, w) for t, w in zip(times, weights, strict=True) if start <= t < start + 12]
        if len(inside) >= min(5, len(times)):
            mass += sum(w for _, w in inside)
            for level, share in ((1, 0.3), (2, 0.3), (4, 0.4)):
                total += share * abs(sum(w * np.exp(2j * np.pi * 2 * level * (1 + stretch) * t) for t, w in inside))
        start += 6
    return total / mass if mass else 0.0


@pytest.mark.parametrize(("count", "seconds"), [(4, 3.0), (9, 13.0), (40, 31.0), (15, 60.0)])
def test_long_takes_are_searched_window_by_window(count, seconds):
    rng = np.random.default_rng(count)
    times = 0.4 + np.sort(rng.uniform(0, seconds, count))
    weights = rng.uniform(0.1, 1, count)
    stretches = np.array([-0.1, 0.0, 0.07])
    wanted = [plain_fit(times, weights, s) for s in stretches]
    assert grid_fit(times, weights, REQUEST, stretches) == pytest.approx(wanted)


@pytest.mark.parametrize("meter", ["4/4", "6/8"])
def test_the_phase_is_that_of_the_beats_or_of_what_there_is(meter):
    per_beat = request_for(meter=meter).time.steps_per_beat
    step = 0.5 / per_beat
    for at in (0, 5, 37, 64 * per_beat - 1):
        phase = at * step / 64
        assert grid_phase(BEATS + phase, np.ones(16), step, per_beat) == pytest.approx(phase)
        assert grid_phase(BEATS + phase + 0.5, np.ones(16), step, per_beat) == pytest.approx(phase)
    if meter == "4/4":
        late = np.arange(32) * 0.25 + 0.125 + 5 * step / 64  # eighths that lie a sixteenth late
        assert grid_phase(late, np.ones(32), step, per_beat) == pytest.approx(0.125 + 5 * step / 64)
    eighths = np.arange(32) * 0.25 + 5 * step / 64
    loud = np.tile([1.0, 2.0], 16)
    assert grid_phase(eighths, loud, step, per_beat) == pytest.approx(0.25 + 5 * step / 64), "the stronger of the two"
    swung = np.sort(np.r_[BEATS, BEATS + 0.3])
    assert abs(grid_phase(swung, np.tile([1.0, 0.5], 16), 0.125, 4)) < 0.03, "swing does not lead it astray"


# ---- regression


def refined(times, weights=None, bpm=120.0, fit=0.5):
    weights = np.ones(len(times)) if weights is None else np.asarray(weights, float)
    return tempi._refined(np.asarray(times, float), weights, REQUEST, bpm, fit)


@pytest.mark.parametrize("bpm", [118.9, 120.0, 120.7])
def test_even_onsets_give_their_tempo_exactly(bpm):
    found = refined(0.2 + np.arange(16) * 60 / bpm)
    assert found.bpm == pytest.approx(bpm) and found.fit == 0.5 and found.margin_percent == pytest.approx(0, abs=1e-9)
    step = 15 / bpm
    assert abs((found.step_offset_seconds - 0.2 + step / 2) % step - step / 2) < 1e-9


def test_the_margin_is_two_standard_errors():
    """Errors of 5 ms whose signs +--+ lean neither way: the slope stays, what is left is 5 ms."""
    times = BEATS + 0.005 * np.tile([1, -1, -1, 1], 4)
    found = refined(times)
    number = np.arange(16) * 4
    assert found.bpm == pytest.approx(120.0)
    assert found.margin_percent == pytest.approx(200 * 0.005 / (number.std() * 0.125 * 4))


def test_strong_onsets_count_by_their_weight():
    times, weights = BEATS.copy(), np.ones(16)
    times[12:] += 0.01
    weights[12:] = 4.0
    mean_n, mean_t = np.average(np.arange(16) * 4, weights=weights), np.average(times, weights=weights)
    n = np.arange(16) * 4 - mean_n
    slope = np.sum(weights * n * (times - mean_t)) / np.sum(weights * n * n)
    assert refined(times, weights).bpm == pytest.approx(60 / slope / 4)


@pytest.mark.parametrize(
    ("times", "bpm", "margin"),
    [
        (BEATS[:4], 120.0, 0.1),  # too few to regress
        (np.arange(8) * 0.125, 120.0, 0.1),  # seven sixteenths are too short
        (np.arange(9) * 0.125, 120.0, 0.0),
        (np.arange(5) * 0.25, 120.0, 0.0),
        (np.r_[BEATS, 2.0 + 0.041, 2.0 - 0.041], 120.0, 0.0),  # 0.3 of a sixteenth off belongs to nothing
    ],
)
def test_what_can_be_regressed(times, bpm, margin):
    found = refined(np.sort(times))
    assert found.bpm == pytest.approx(bpm) and found.margin_percent == pytest.approx(margin, abs=1e-6)


@pytest.mark.parametrize(("off", "kept"), [(0.027, False), (0.036, True)])
def test_after_the_first_turn_a_fifth_of_a_sixteenth_is_near(off, kept):
    """Two onsets late by so much first pull the line by a ninth of it; within 0.2 of it they go on doing so."""
    times = np.sort(np.r_[BEATS, BEATS[[5, 10]] + 0.125 + off])
    assert bool(abs(refined(times).margin_percent) < 1e-6) is kept


@pytest.mark.parametrize(("bpm", "taken"), [(122.3, True), (122.6, False)])
def test_a_regression_two_percent_away_is_not_believed(bpm, taken):
    """Over two seconds the line is off by less than a third of a sixteenth, so that all onsets are near."""
    times = np.arange(9) * 15 / bpm
    found = refined(times)
    assert found.bpm == pytest.approx(bpm if taken else 120.0) and (found.margin_percent == 0.1) is not taken


def test_a_tempo_known_to_be_that_asked_for_is_refined_there():
    times = 0.2 + np.arange(16) * 60 / 120.6
    found = refine_take_tempo(ones(times), REQUEST)
    assert found.bpm == pytest.approx(120.6)
    assert found.fit == pytest.approx(float(grid_fit(times, np.ones(16), REQUEST, np.zeros(1))[0]))


# ---- the search


@pytest.fixture
def search(monkeypatch):
    """``search(fit)``: what is taken where a grid stretched by ``s`` fits ``fit(s)``; and the stretches tried."""

    def run(fit, times=BEATS, **more):
        tried = []

        def fits(times, weights, request, stretches):
            tried.append(stretches)
            return np.array([fit(float(s)) for s in stretches])

        monkeypatch.setattr(tempi, "grid_fit", fits)
        monkeypatch.setattr(tempi, "_refined", lambda times, weights, request, bpm, fit: TakeTempo(bpm, fit))
        return estimate_take_tempo(ones(times), REQUEST, **more), tried

    return run


@pytest.mark.parametrize(("last", "resolution"), [(4.0, 0.1 / 32), (0.5, 0.1 / 8), (20.0, 0.1 / 96), (11.0, 0.1 / 88)])
def test_the_search_is_as_fine_as_a_tenth_of_a_sixteenth_at_the_ends(last, resolution, search):
    _, tried = search(lambda s: 0.5, times=np.linspace(0, last, 16))
    assert np.diff(tried[0]) == pytest.approx(resolution)
    assert tried[0][0] == pytest.approx(-0.2) and 0.2 <= tried[0][-1] + 1e-9 < 0.2 + resolution
    assert tried[1] == pytest.approx(np.linspace(-0.0025, 0.0025, 11))


def peak(at: float, height: float, width=0.004, floor=0.2):
    return lambda s: height if abs(s - at) < width else floor


@pytest.mark.parametrize(
    ("near", "height", "away"),
    [
        (-1.0, 0.559, False),
        (-1.0, 0.561, True),
        # within near_percent 0.06 is added, and each hundredth of tempo costs 0.0025: 0.0016 where this peak begins
        (0.25, 0.5612, False),
        (0.25, 0.5620, True),
    ],
)
def test_another_tempo_must_fit_six_hundredths_better(near, height, away, search):
    def fit(s):
        return 0.5 if abs(s) < 0.004 else peak(0.01, height)(s)

    found, _ = search(fit, times=np.linspace(0, 8, 16), near_percent=near)
    assert bool(found.bpm > 120.6) is away and found.fit == pytest.approx(height if away else 0.5)
    if near == 0.25:
        assert search(fit, times=np.linspace(0, 8, 16))[0] == found


def test_the_best_of_the_tempi_asked_for_is_where_the_regression_starts(search):
    found, _ = search(lambda s: 0.6 - abs(s - 0.001))
    assert found.bpm == pytest.approx(120 * 1.001) and found.fit == pytest.approx(0.6)


@pytest.mark.parametrize(("near", "at", "taken"), [(2.0, 0.019, True), (2.0, 0.021, False)])
def test_near_tempi_are_preferred(near, at, taken, search):
    """Two peaks: one near, and one far off that fits 0.05 better."""

    def fit(s):
        return max(peak(at, 0.6, 0.002)(s), peak(0.1, 0.66, 0.002)(s))

    found, _ = search(fit, times=np.linspace(0, 8, 16), near_percent=near)
    assert bool(found.bpm < 125) is taken


@pytest.mark.parametrize(("height", "reason"), [(0.31, ""), (0.29, "sustained, no steady pulse")])
def test_onsets_that_gather_nowhere_have_no_tempo(height, reason, search):
    found, _ = search(lambda s: height)
    assert (found.bpm is None) is bool(reason) and found.reason == reason and found.fit == pytest.approx(height)


def test_fewer_than_five_onsets_are_sustained():
    assert estimate_take_tempo(ones(BEATS[:4]), REQUEST) == TakeTempo(None, reason="sustained")
    assert estimate_take_tempo(ones(BEATS[:5]), REQUEST).bpm == pytest.approx(120.0)


# ---- drift


AT_120 = TakeTempo(120.0, 0.9)


def drift_of(late, tempo=AT_120) -> Drift:
    times = np.arange(64) * 0.25
    return estimate_drift(ones(times + late(times)), tempo, REQUEST)


def bow(milli: float):
    """Late by a parabola over 16 s that lies ``milli`` off its straight line at either end."""
    return lambda t: milli / 1000 * 6 * ((t / 15.75) ** 2 - t / 15.75)


@pytest.mark.parametrize(("milli", "followed"), [(5.0, False), (9.0, True), (-9.0, True), (20.0, True)])
def test_a_drift_of_six_milliseconds_is_followed(milli, followed):
    found = drift_of(bow(milli))
    assert bool(found.coefficients) is followed
    if followed:
        assert found.worst_seconds == pytest.approx(abs(milli) / 1000, rel=0.15) and len(found.coefficients) == 4
        times = np.linspace(1, 15, 29)
        assert found.late_seconds(times) - bow(milli)(times) == pytest.approx(0 * times, abs=abs(milli) / 8000 + 5e-4)
    else:
        assert found == Drift()


def test_a_cubic_is_followed_and_a_step_of_a_whole_sixteenth_is_none():
    def cubic(t):
        x = t / 8 - 1
        return 0.03 * (x**3 - 0.6 * x)

    times = np.linspace(2, 14, 25)
    found = drift_of(cubic)
    assert found.late_seconds(times) == pytest.approx(cubic(times), abs=0.004)
    assert drift_of(lambda t: 0.125 + 0 * t) == Drift(), "the same grid"
    shifted = drift_of(lambda t: 0.125 + bow(20)(t))
    assert shifted.late_seconds(times) == pytest.approx(bow(20)(times), abs=0.004)


def test_a_straight_line_is_the_tempos_matter_and_short_takes_have_no_drift():
    assert drift_of(lambda t: 0.002 * t) == Drift()
    assert drift_of(bow(20), tempo=TakeTempo(None)) == Drift()
    for last, enough in ((5.1, True), (4.9, False)):  # seven half bars of a second, the last begun
        times = np.linspace(0, last, 41)
        late = 0.024 * 6 * ((times / last) ** 2 - times / last)
        found = estimate_drift(ones(times + late), AT_120, REQUEST)
        assert bool(found.coefficients) is enough, last


@pytest.mark.parametrize(("bend", "followed"), [(0.025, True), (0.036, False)])
def test_a_change_of_tempo_by_three_percent_is_no_drift(bend, followed):
    """A parabola whose slope at either end is ``bend``."""
    span = 15.75
    found = drift_of(lambda t: bend * (t * t / span - t))
    assert bool(found.coefficients) is followed


@pytest.mark.parametrize(("loose", "followed"), [(0.004, True), (0.04, False)])
def test_a_drift_must_bring_the_onsets_nearer_to_the_grid(loose, followed):
    late = bow(14)
    scatter = loose * np.tile([1, -1, -1, 1], 16)
    found = drift_of(lambda t: late(t) + scatter)
    assert bool(found.coefficients) is followed
