"""Which run of bars is taken, and each part of its score, on takes whose bars are written by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.errors import Refused
from helpers.loops import window as windows
from helpers.loops.find import Phase
from helpers.loops.shift import progression_tones, scale_share
from helpers.loops.tempo import Drift, TakeTempo
from helpers.loops.window import _bar_parts, _beat_levels_db, _chord_shares, _likeness, _purities, find_window
from helpers.records import Clip
from helpers.sound.features import Onsets

from .takes import request_for

RATE = 1000
NONE, AT_120 = Drift(), TakeTempo(120.0, 0.9)
REQUEST = request_for(bars=2)  # bars of 2 s
LINES = np.array([0.0, 2.0, 4.0, 6.0, 8.0])


def take(seconds=8.0, begin=0.0, end=None, samples=None, times=(), chroma=None) -> SimpleNamespace:
    """A take heard from ``begin`` to ``end``; pitch classes ten times a second."""
    clip = Clip(np.ones((1, round(seconds * RATE)), np.float32) if samples is None else samples, RATE)
    frames = np.zeros((12, round(seconds * 10))) if chroma is None else chroma
    notes = SimpleNamespace(chroma=lambda: frames, times=(np.arange(frames.shape[1]) + 0.5) / 10)
    times = np.array(times, float)
    struck = Onsets(times, np.ones(times.size))
    return SimpleNamespace(clip=clip, begin=begin, end=seconds if end is None else end, notes=notes, struck=struck)


# ---- the lines and the places


def lines_of(heard, first, monkeypatch, request=REQUEST, tempo=AT_120, drift=NONE):
    seen = []
    monkeypatch.setattr(windows, "has_room", lambda heard, start, length, request: seen.append((start, length)) or True)
    monkeypatch.setattr(windows, "_bar_parts", lambda *_: {"level": np.ones(20)})
    monkeypatch.setattr(windows, "_chord_shares", lambda *_: None)
    monkeypatch.setattr(windows, "_likeness", lambda *_: 1.0)
    find_window(heard, Phase(first, 1.0), tempo, drift, request)
    return [start for start, _ in seen], {round(length, 6) for _, length in seen}


@pytest.mark.parametrize(
    ("first", "begin", "seconds", "starts"),
    [
        (0.0, 0.0, 8.0, [0, 2, 4]),
        (4.0, 0.0, 8.0, [0, 2, 4]),  # back to where the take begins
        (4.0, 2.04, 8.0, [2, 4]),  # 45 ms may lack there
        (4.0, 2.05, 8.0, [4]),
        (0.0, 0.0, 7.96, [0, 2, 4]),  # and at the end
        (0.0, 0.0, 7.95, [0, 2]),
        (0.5, 0.4, 8.0, [0.5, 2.5]),
    ],
)
def test_bar_lines_run_from_the_first_sound_to_the_end(first, begin, seconds, starts, monkeypatch):
    found, lengths = lines_of(take(seconds, begin), first, monkeypatch)
    assert found == pytest.approx(starts) and lengths == {4.0}


def test_the_lines_follow_the_takes_own_tempo_and_drift(monkeypatch):
    starts, lengths = lines_of(take(8.0), 0.0, monkeypatch, tempo=TakeTempo(96.0, 0.9))
    assert starts == pytest.approx([0, 2.5]) and lengths == {5.0}
    assert lines_of(take(8.0), 0.0, monkeypatch, tempo=TakeTempo(None))[0] == pytest.approx([0, 2, 4])
    starts, lengths = lines_of(take(8.0), 0.0, monkeypatch, drift=Drift((0.01, 0.1), 0.1))
    assert starts == pytest.approx([0.1, 2.12, 4.14]) and lengths == {4.04}


def test_too_short_a_take_is_refused_with_what_it_needs():
    with pytest.raises(Refused) as caught:
        find_window(take(3.5, 0.25, 3.0), Phase(0.0, 1.0), TakeTempo(96.0), NONE, REQUEST)
    assert str(caught.value) == (
        "The take sounds for 2.8 s from 0.2 s on; 2 bars at 96.00 BPM from its first bar line need 5.0 s. "
        "Ask for fewer bars or make another take."
    )
    with pytest.raises(Refused):
        find_window(take(0.0), Phase(0.0, 1.0), AT_120, NONE, REQUEST)
    assert find_window(take(4.0), Phase(0.0, 1.0), AT_120, NONE, REQUEST) == (0.0, 2.0, 4.0)


@pytest.fixture
def choose(monkeypatch):
    """``choose(level=[...])``: the first bar taken of a take whose bars have these parts; ``out`` has no room."""

    def run(seam=None, chords=None, out=(), bars=2, **by_bar):
        n = len(next(iter(by_bar.values())))
        monkeypatch.setattr(windows, "has_room", lambda heard, start, *_: round(start / 2) not in out)
        monkeypatch.setattr(windows, "_bar_parts", lambda *_: {k: np.array(v, float) for k, v in by_bar.items()})
        monkeypatch.setattr(windows, "_chord_shares", lambda *_: None if chords is None else np.array(chords, float))
        monkeypatch.setattr(windows, "_likeness", lambda heard, ends, _: seam[round(ends[0] / 2)] if seam else 0.0)
        lines = find_window(take(2.0 * n), Phase(0.0, 1.0), AT_120, NONE, request_for(bars=bars))
        assert lines == tuple(lines[0] + 2.0 * bar for bar in range(bars + 1))
        return lines[0] / 2

    return run


def test_the_best_run_of_bars_is_taken_half_by_its_mean_half_by_its_worst(choose):
    assert choose(purity=[1, 0, 0.9, 0.7, 0.2]) == 2 and choose(purity=[1, 0, 0.9, 0.7, 0.2], out=(2,)) == 3
    # against an even 0.5: a mean of 0.65 with a worst of 0.30 is worse, of 0.685 with 0.37 better
    assert choose(purity=[0.5, 0.5, 0, 1.0, 0.30]) == 0 and choose(purity=[0.5, 0.5, 0, 1.0, 0.37]) == 3
    assert windows._with_worst(np.array([1.0, 0.5, 0.0])) == pytest.approx(0.25)
    assert windows._with_worst(np.array([0.9, 0.7])) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("name", "weight"), [("even level", 0.25), ("level", 0.10), ("grid", 0.15), ("purity", 0.15), ("harmony", 0.20)]
)
def test_parts_count_by_their_weights(name, weight, choose):
    """The second bar is better by that part alone, the first by the seam, which weighs 0.15, as much as it takes."""
    least = 0.8 * weight / 0.15
    ahead = (0.002 * (weight + 0.15)) / 0.15  # what the earlier place is ahead
    for seam, taken in ((least - ahead - 0.01, 1), (least - ahead + 0.01, 0)):
        assert choose(bars=1, seam=[seam, 0.0], **{name: [0.0, 0.8]}) == taken
    assert choose(bars=1, chords=[[0.0], [1.0], [0.0]], level=[0.5, 0.5, 0.5]) == 1
    assert choose(bars=1, chords=[[0.3], [0.0]], level=[0.0, 0.65]) == 1, "0.065 of 0.10 against 0.06 of 0.20"
    assert choose(bars=1, chords=[[0.3], [0.0]], level=[0.0, 0.55]) == 0


def test_of_equal_places_the_earlier_and_a_clearly_better_one(choose):
    assert choose(bars=1, level=[0.5, 0.5, 0.5]) == 0
    # a place later costs 0.002 of the score: 0.005 of level (0.10 of 0.25)
    assert choose(bars=1, level=[0.5, 0.5049, 0.5]) == 0 and choose(bars=1, level=[0.5, 0.5051, 0.5]) == 1
    assert choose(bars=1, seam=[0.1, 0.2, 0.9], level=[0.5, 0.5, 0.5]) == 2


def test_chords_are_taken_in_the_order_asked_for(choose):
    """Bars that hold B A B A, asked for A B: from the second bar on."""
    assert choose(chords=[[0, 1], [1, 0], [0, 1], [1, 0]], level=[1, 1, 1, 1]) == 1
    assert choose(chords=[[1.0], [0.5], [0.1], [0.1]], level=[1] * 4) == 0


# ---- bar by bar


def test_levels_of_beats_are_against_the_loudest_moment():
    gain = np.repeat([0.0, -6.0, -12.0, -60.0] * 4, 500)  # each beat of 0.5 s
    gain[:500] = -3.0  # the first beat of the first bar
    samples = (10 ** (gain / 20) * np.where(np.arange(8000) % 2, 1, -1))[None].astype(np.float32)
    levels = _beat_levels_db(take(samples=samples), LINES, 4)
    wanted = np.tile([0.0, -6.0, -12.0, -40.0], (4, 1))
    wanted[0, 0] = -3.0
    np.testing.assert_allclose(levels, wanted, atol=0.05)
    late = _beat_levels_db(take(samples=samples), LINES + 0.25, 4)  # half of each beat and half of the next
    assert late[1, 0] == pytest.approx(10 * np.log10((1 + 10**-0.6) / 2), abs=0.05)
    assert _beat_levels_db(take(samples=0 * samples), LINES, 4).tolist() == [[-40.0] * 4] * 4
    two = _beat_levels_db(take(samples=samples), LINES, 2)
    assert two[1].tolist() == pytest.approx([10 * np.log10((1 + 10**-0.6) / 2), 10 * np.log10(10**-1.2 / 2)], abs=0.05)


def bar_parts(monkeypatch, levels, request=REQUEST, tempo=AT_120, drift=NONE, **heard):
    monkeypatch.setattr(windows, "_beat_levels_db", lambda heard, lines, beats: np.array(levels, float))
    monkeypatch.setattr(windows, "_purities", lambda *_: "purities")
    return _bar_parts(take(**heard), LINES, tempo, drift, request)


def test_a_beat_off_the_level_of_most_bars_counts_by_mean_and_most(monkeypatch):
    levels = np.zeros((4, 4))
    levels[1, 2], levels[2] = -8.0, [4.0, 4, 4, 4]
    parts = bar_parts(monkeypatch, levels)
    assert parts["even level"] == pytest.approx(np.exp([0, -(2 + 8) / 20, -(4 + 4) / 20, 0]))
    assert parts["purity"] == "purities" and set(parts) == {"even level", "level", "purity"}


def test_a_bars_level_is_that_of_its_loudest_beat(monkeypatch):
    levels = [[-10, -30, -40, -40], [-40, -40, -40, -40], [0, 0, 0, 0], [2, -40, -40, -40]]
    assert bar_parts(monkeypatch, levels)["level"] == pytest.approx([0.75, 0.0, 1.0, 1.0])


def test_the_grid_counts_what_lies_more_than_8_percent_of_a_sixteenth_off(monkeypatch):
    """Sixteenths of 125 ms from 20 ms on. Bar 1: 5 ms off; bar 2: 30 and 20 ms; bar 3: nothing; bar 4: 10 ms."""
    times = np.array([0.15, 2.05, 2.5, 6.01])
    tempo = TakeTempo(120.0, 0.9, 0.02)
    grid = bar_parts(monkeypatch, np.zeros((4, 4)), tempo=tempo, times=times)["grid"]
    usual = np.median([0.04, 0.24, 0.16, 0.08])
    assert grid == pytest.approx(np.exp(-np.array([0, 0.2 - 0.08, usual - 0.08, 0]) / 0.1))
    late = bar_parts(monkeypatch, np.zeros((4, 4)), tempo=tempo, times=times + 0.05, drift=Drift((0.05,), 0.05))["grid"]
    assert late == pytest.approx(grid), "a drift that is known is no fault"
    assert "grid" not in bar_parts(monkeypatch, np.zeros((4, 4)), tempo=TakeTempo(None), times=times)


@pytest.mark.parametrize(
    ("time", "bar"), [(1.979, 0), (1.981, 1), (-0.019, 0), (-0.021, None), (7.979, 3), (7.981, None)]
)
def test_an_onset_20_ms_before_a_line_belongs_to_its_bar(time, bar, monkeypatch):
    parts = bar_parts(monkeypatch, np.zeros((4, 4)), tempo=TakeTempo(120.0, 0.9, time - 0.0625), times=(time,))
    if bar is None:
        assert "grid" not in parts
        return
    # half a sixteenth off: e^-(0.5 - 0.08) / 0.1; the other bars take it as the usual
    assert parts["grid"] == pytest.approx([np.exp(-4.2)] * 4)


def test_where_no_chords_are_asked_for_the_notes_on_the_scale_count(monkeypatch):
    chroma = np.zeros((12, 80))
    chroma[0] = 1.0
    chroma[1, 20:40] = 3.0  # in the second bar three of four off the scale
    tonal = request_for("pad", bars=2)
    parts = bar_parts(monkeypatch, np.zeros((4, 4)), tonal, chroma=chroma)
    assert parts["harmony"] == pytest.approx([1.0, 0.25, 1.0, 1.0]) and scale_share(chroma[:, 0], tonal.key) == 1.0
    for other in (REQUEST, tonal.with_(key=None), tonal.with_(progression=(("Am",), ("F",)))):
        assert "harmony" not in bar_parts(monkeypatch, np.zeros((4, 4)), other, chroma=chroma)


def test_purity_is_against_the_takes_usual_one(monkeypatch):
    monkeypatch.setattr(
        windows, "spectra_of", lambda clip, times, notes: SimpleNamespace(part=lambda a, b: (a, b, notes))
    )
    monkeypatch.setattr(windows, "measure_parts", lambda part, drums: {"at": part, "drums": drums} if part[0] else {})
    pure = {2.0: 0.4, 4.0: 0.2, 6.0: 0.9}
    asked = []

    def purity(parts, drums):
        asked.append((parts["at"][:2], parts["drums"], drums, parts["at"][2] is None))
        return pure[parts["at"][0]]

    monkeypatch.setattr(windows, "purity_of", purity)
    assert _purities(take(), LINES, REQUEST) == pytest.approx([1.0, 0.4 / 0.65, 0.2 / 0.65, 1.0])  # silence is pure
    assert asked[0] == ((2.0, 4.0), True, True, True)
    _purities(take(), LINES, request_for("pad", bars=2))
    assert asked[-1] == ((6.0, 8.0), False, False, False)
    pure |= {2.0: 0.01, 4.0: 0.0, 6.0: 0.04}
    monkeypatch.setattr(windows, "measure_parts", lambda part, drums: {"at": part, "drums": drums})
    pure[0.0] = 0.02
    assert _purities(take(), LINES, REQUEST) == pytest.approx([0.4, 0.2, 0.0, 0.8]), "never against less than 0.05"


def test_each_bars_share_on_each_chord():
    chroma = np.zeros((12, 80))
    chroma[9, :20], chroma[0, :20], chroma[6, :20] = 2.0, 1.0, 1.0  # A, C and F sharp
    chroma[5, 20:] = 1.0
    request = request_for("pad", bars=2, progression=(("Am",), ("F",)))
    shares = _chord_shares(take(chroma=chroma), LINES, request)
    assert shares == pytest.approx(np.array([[0.75, 0.75], [0, 1], [0, 1], [0, 1]]), abs=1e-6)
    assert _chord_shares(take(chroma=chroma), LINES, REQUEST.with_(progression=request.progression)) is None
    assert _chord_shares(take(chroma=chroma), LINES, request.with_(progression=())) is None
    halves = request.with_(progression=(("Am", "F"), ("F",)))
    assert _chord_shares(take(chroma=chroma), LINES, halves)[0, 0] == pytest.approx((2 + 1) / 4)  # A, C in both halves
    assert progression_tones(halves)[0, 9] == 1.0


@pytest.mark.parametrize(("before_db", "end_db"), [(0.0, 0.0), (-8.0, 0.0), (0.0, -16.0)])
def test_the_200_ms_before_start_and_end_are_compared_in_level(before_db, end_db):
    gain = np.full(8000, -90.0)
    gain[1800:2000], gain[5800:6000] = before_db, end_db
    samples = (10 ** (gain / 20) * np.where(np.arange(8000) % 2, 1, -1))[None].astype(np.float32)
    likeness = _likeness(take(samples=samples), np.array([2.0, 6.0]), REQUEST)
    assert likeness == pytest.approx(np.exp(-abs(before_db - end_db) / 8), abs=2e-3)


def test_and_in_notes_where_it_is_no_drum():
    chroma = np.zeros((12, 80))
    chroma[0, 18:20], chroma[7, 58:60] = 1.0, 1.0
    chroma[3, 17], chroma[3, 20] = 9.0, 9.0  # not in the last 200 ms
    ends, tonal = np.array([2.0, 6.0]), request_for("pad", bars=2)
    assert _likeness(take(chroma=chroma), ends, tonal) == pytest.approx(0.5)
    assert _likeness(take(chroma=chroma), ends, REQUEST) == pytest.approx(1.0)
    chroma[7, 18:20] = 1.0
    assert _likeness(take(chroma=chroma), ends, tonal) == pytest.approx(1 - 0.5 * (1 - np.sqrt(0.5)))
    assert _likeness(take(chroma=chroma), np.array([0.199, 4.199]), REQUEST) == 0.5, "nothing leads in"
    assert _likeness(take(chroma=chroma), np.array([0.2, 4.2]), REQUEST) == pytest.approx(1.0)
