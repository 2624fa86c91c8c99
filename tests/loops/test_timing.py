"""A loop's accents, pocket and steadiness on strokes whose places are written down."""

import dataclasses

import numpy as np
import pytest

from helpers.loops.fit import timing
from helpers.loops.fit.timing import measure_timing, strong_times

from .takes import request_for
from .test_fit_numbers import REQUEST, RNG, bars


@pytest.mark.parametrize(
    ("strengths", "sharp", "kept"),
    [
        ([1.0, 0.26, 0.24], [1, 1, 1], [0, 1]),  # a quarter of the 90th percentile, which is 0.85 here
        ([1.0] * 9 + [0.251, 0.249], [1] * 11, [*range(9), 9]),
        ([0.4, 0.151, 0.149], [1, 1, 1], [0, 1]),  # and 0.15 in any case
        ([1.0, 1.0], [1, 0], [0]),
        ([], [], []),
    ],
)
def test_strokes_with_a_clear_and_strong_start_are_placed(strengths, sharp, kept, monkeypatch):
    monkeypatch.setattr(
        timing, "sharp_onsets", lambda onsets, clip: np.array([sharp[int(t)] for t in onsets.times], bool)
    )
    made = bars(times=range(len(strengths)), strengths=strengths)
    if strengths[:1] == [1.0] and len(strengths) == 3:
        kept = [n for n in range(3) if strengths[n] >= 0.25 * np.percentile(strengths, 90)]
    assert strong_times(made).tolist() == kept


def timed(monkeypatch, late: float, pocket: float, loop_n=5, idea_n=5):
    """What is measured where the loop's strokes lie so late, and the idea's."""
    loop, idea = bars(times=np.arange(loop_n) * 0.5), bars(times=np.arange(idea_n) * 0.5 + 0.001)
    asked = []

    def distances(times, clip, request, scale=1.0):
        asked.append(scale)
        return np.full(times.size, late if clip is loop.clip else pocket)

    monkeypatch.setattr(timing, "stroke_distances_seconds", distances)
    monkeypatch.setattr(timing, "strong_times", lambda sound: sound.struck.times)
    found = measure_timing(loop, idea, REQUEST)
    return found, asked


@pytest.mark.parametrize(
    ("late", "pocket", "beyond", "said"),
    [
        (0.010, 0.0, 10.0, "10 ms late"),
        (-0.010, 0.0, -10.0, "10 ms early"),
        (0.010, 0.015, 0.0, "0 ms early"),  # between the grid and the idea's pocket
        (0.020, 0.015, 5.0, "5 ms late"),
        (-0.005, 0.015, -5.0, "5 ms early"),
        (-0.010, -0.015, 0.0, "0 ms early"),
        (-0.020, -0.015, -5.0, "5 ms early"),
    ],
)
def test_between_the_grid_and_the_ideas_pocket_is_in_time(late, pocket, beyond, said, monkeypatch):
    found, asked = timed(monkeypatch, late, pocket)
    assert found.values["pocket_ms"] == pytest.approx(beyond, abs=1e-9) and found.details["pocket_ms"] == said
    assert asked == [1.0, 1.0] and found.notes == ()


def test_fewer_than_four_strokes_have_no_feel(monkeypatch):
    found, _ = timed(monkeypatch, 0.01, 0.0, loop_n=3)
    assert found.values == {"looseness_ms": None} and "too few notes" in found.notes[0]
    found, _ = timed(monkeypatch, 0.02, 0.015, idea_n=3)  # the idea's pocket is then the grid
    assert found.values["pocket_ms"] == pytest.approx(20.0) and "groove" not in found.values
    found, _ = timed(monkeypatch, 0.02, 0.015, loop_n=4, idea_n=4)
    assert found.values["pocket_ms"] == pytest.approx(5.0) and "groove" in found.values


def test_the_groove_is_the_likeness_of_the_accents():
    loop, idea = bars(times=range(4)), bars(times=range(4))
    for one in (loop, idea):
        one.__dict__["accents"] = {"all": RNG.uniform(size=32)}
    wanted = np.corrcoef(loop.accents["all"], idea.accents["all"])[0, 1]
    found = measure_timing(loop, idea, REQUEST)
    assert found.values["groove"] == pytest.approx(wanted, abs=1e-6) and found.excused == ("groove",)
    assert measure_timing(loop, idea, request_for(bars=2)).excused == (), "drums that play across the accents fail"


def test_the_form_is_shared_where_half_bars_return_as_the_ideas_do():
    """Half bars A B A C of the idea: of the six pairs only the first and the third are alike."""
    kinds = dict(zip("ABCD", RNG.uniform(1, 2, (4, 8)), strict=True))
    idea = bars(times=range(4))
    idea.__dict__["accents"] = {"all": np.concatenate([kinds[k] for k in "ABAC"])}

    def form(order: str) -> float:
        loop = bars(times=range(4))
        loop.__dict__["accents"] = {"all": np.concatenate([kinds[k] for k in order])}
        return measure_timing(loop, idea, REQUEST).values["form"]

    assert form("ABAC") == pytest.approx(1.0) and form("DBDC") > 0.5 > form("AABC") and form("AAAA") == 0.0
    one = [bars(1, times=np.arange(4) / 2) for _ in "ab"]
    assert "form" not in measure_timing(*one, REQUEST.with_(bars=1)).values, "nothing can return in one bar"


@pytest.mark.parametrize(
    ("strokes", "loose"),
    [
        # (step, ms late) over two bars of 16 steps of 125 ms: pairs at the same place of the bar
        ([(0, 0), (16, 10), (4, 0), (20, 10)], 10.0),
        ([(0, 0), (16, 10), (4, 0), (20, 30), (8, 0), (24, 20)], 20.0),
        ([(0, 5), (16, 5), (4, -5), (20, -5)], 0.0),  # off the grid alike is steady
        ([(0, 0), (16, 12), (2, 0), (29, 0)], None),  # one pair of the bar, and no more of the beat
        ([(0, 0), (4, 20), (8, 20)], 20.0),  # no place of the bar returns: pairs of the beat are 20, 20 and 0 apart
        ([(0, 0), (16, 49), (4, 0), (20, 49)], 49.0),
        ([(0, 0), (16, 51), (4, 0), (20, 51)], None),  # 0.4 of a step and more: a thirty-second
        ([], None),
    ],
)
@pytest.mark.parametrize("rise_ms", [10, 25])
def test_looseness_is_how_much_strokes_at_one_place_differ_however_slowly_they_start(strokes, loose, rise_ms):
    times = np.array([step * 0.125 + late / 1000 for step, late in strokes])
    measured = timing._looseness_ms(struck(times, rise_ms))
    assert measured is None if loose is None else measured == pytest.approx(loose * 1.0483, abs=1.5)


@pytest.mark.parametrize(("kick", "compared"), [(4.9, True), (5.6, False)])
def test_strokes_that_are_hardly_alike_are_not_compared(kick, compared):
    """A snare against itself and so much of a kick: their curves correlate by 1 / sqrt(1 + kick), 0.4 is asked."""
    both = struck(np.array([0.5, 2.5]))
    low = kick * struck(np.array([2.5]), name="low").bands.low
    both.__dict__["bands"] = dataclasses.replace(both.bands, low=low)
    apart = timing._apart_seconds(both, np.array([4]), np.array([20]))
    assert apart == (pytest.approx([0.0], abs=1e-6) if compared else pytest.approx([]))


def struck(times, rise_ms=10, name="mid"):
    """A sound of which only onset curves are heard, a bell around each time; it starts over again at its end."""
    t = np.arange(400) / 100
    apart = (t[:, None] - times + 2.0) % 4.0 - 2.0
    return bars(times=times, **{name: np.exp(-0.5 * (apart / (rise_ms / 1000)) ** 2).sum(axis=1)})
