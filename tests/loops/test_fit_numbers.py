"""Bars, place and room on numbers written by hand: what is heard is put in the sound's place."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops import IdeaSide
from helpers.loops.fit import measure_fit, place, spectrum, timing
from helpers.loops.fit.bars import Bars
from helpers.loops.fit.place import likeness, measure_place, place_cues, place_probabilities
from helpers.loops.fit.spectrum import measure_room
from helpers.machine.weights import load_weights
from helpers.music.meter import METERS
from helpers.records import ROLES, Analysis, Clip, Tempo
from helpers.sound.features import NoteGram, OnsetBands, Onsets

from .takes import request_for

RATE = 8000
KICKS = {0: 1, 4: 1, 8: 1, 12: 1}
FOUR = METERS["4/4"]
RNG = np.random.default_rng(7)
REQUEST = request_for("chords", bars=2)  # 4 s, steps of 125 ms


def bars(
    count=2, meter=FOUR, seconds=None, times=(), strengths=None, frames=None, tonal=0.5, cents=0.0, **curves
) -> Bars:
    """``count`` bars at 120 BPM in which onsets, notes and onset curves (100 a second) are as given."""
    seconds = seconds or count * meter.beats_per_bar * 0.5
    clip = curves.pop("clip", None) or Clip(np.zeros((1, round(seconds * RATE)), np.float32), RATE)
    made = Bars(clip, bars=count, meter=meter)
    times = np.array(times, float)
    struck = Onsets(times, np.ones(times.size) if strengths is None else np.array(strengths, float))
    n = round(seconds * 20)
    frames = np.zeros((84, n)) if frames is None else frames
    notes = NoteGram(frames, (np.arange(n) + 0.5) / 20, cents, np.ones(n), tonal)
    zeros = np.zeros(round(seconds * 100))
    bands = OnsetBands(*(curves.get(name, zeros) for name in ("low", "mid", "high")), 100.0)
    made.__dict__.update(struck=struck, notes=notes, bands=bands)
    return made


# ---- bars


def test_notes_are_averaged_over_the_frames_of_each_step_and_folded():
    frames = RNG.uniform(size=(84, 80))
    made = bars(frames=frames)
    assert made.steps == 32 and made.step_seconds == 0.125
    at = np.minimum(((np.arange(80) + 0.5) / 20 / 0.125).astype(int), 31)
    for step in range(32):
        np.testing.assert_allclose(made.note_steps[:, step], frames[:, at == step].mean(axis=1))
    np.testing.assert_allclose(made.chroma_steps[3], made.note_steps[3::12].sum(axis=0))
    np.testing.assert_allclose(made.half_bars[:, 1], made.chroma_steps[:, 8:16].mean(axis=1))
    assert made.half_bars.shape == (12, 4)
    fast = bars(seconds=1.0, frames=np.ones((84, 20)))  # 31 ms a step: most hold no frame of 50 ms
    assert set(np.unique(fast.note_steps)) == {0.0, 1.0} and fast.note_steps[0].sum() == 20
    late = bars(frames=np.ones((84, 80)))
    late.notes.times[-1] = 9.0
    assert late.note_steps[0, 31] == 1.0, "what is heard past the end belongs to the last step"


@pytest.mark.parametrize(("meter", "beats"), [("4/4", 8), ("6/8", 4), ("7/8", 7)])
def test_the_notes_of_a_beat_are_its_mean_of_length_one(meter, beats):
    made = bars(2, METERS[meter])
    made.__dict__["chroma_steps"] = chroma = RNG.uniform(size=(12, made.steps))
    assert made.beats.shape == (12, beats)
    mean = chroma[:, : made.steps // beats].mean(axis=1)
    np.testing.assert_allclose(made.beats[:, 0], mean / np.linalg.norm(mean), rtol=1e-6)
    made = bars(2, METERS[meter])
    made.__dict__["chroma_steps"] = np.zeros((12, made.steps))
    assert not made.beats.any(), "silence has no direction"


@pytest.mark.parametrize("meter", ["4/4", "7/8"])
@pytest.mark.parametrize("reach", [2, 7])
def test_change_compares_what_sounds_on_either_side_round_the_loop(meter, reach):
    made = bars(2, METERS[meter])
    n = made.steps
    chroma = RNG.uniform(size=(12, n))
    made.__dict__["chroma_steps"] = chroma
    for at in range(n):
        before = sum(chroma[:, (at - d) % n] for d in range(1, reach + 1))
        after = sum(chroma[:, (at + d) % n] for d in range(reach))
        cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
        assert made.note_change(reach)[at] == pytest.approx(1 - cosine)


@pytest.mark.parametrize("meter", ["4/4", "7/8"])
def test_the_power_of_a_tone_lies_in_its_band_and_beat(meter):
    """Glasberg & Moore: band number 21.4 log10(1 + 0.00437 Hz), the first here from 2 to 3."""
    count = 2 * METERS[meter].beats_per_bar * 0.5
    t = np.arange(round(count * RATE)) / RATE
    beats = 8 if meter == "4/4" else 7
    beat = t.size // beats
    for hz in (60.0, 440.0, 3000.0):
        tone = 0.5 * np.sin(2 * np.pi * hz * t) * (np.arange(t.size) // beat == 3)
        power = bars(2, METERS[meter], clip=Clip(tone[None].astype(np.float32), RATE)).erb_beats
        band = int(21.4 * np.log10(1 + 0.00437 * hz)) - 2
        assert power.shape == (34, beats) and np.unravel_index(np.argmax(power), power.shape) == (band, 3)
        assert power[band, 3] == pytest.approx((0.25 * beat) ** 2 / t.size, rel=0.05)
        assert power[:, 3].sum() > 0.9 * power.sum()


def test_an_accent_is_the_strongest_onset_within_half_a_step():
    curve = np.zeros(400)
    curve[[25, 44, 43, 395]] = (3.0, 5.0, 7.0, 9.0)  # step 2; step 3 ends before 44 and step 4 begins there
    made = bars(low=curve)
    wanted = np.zeros(32)
    for step in range(32):
        centre = round(step * 12.5)
        wanted[step] = max(curve[(centre + d) % 400] for d in range(-6, 6))
    np.testing.assert_allclose(made.accents["low"], np.log1p(wanted))
    assert made.accents["all"][2] == np.log1p(3.0) and not made.accents["mid"].any() and set(made.accents) == {
        "all", "low", "mid", "high"
    }  # fmt: skip


def idea_side(seconds: float, bpm=120.0, downbeats=(0.0,), channels=1) -> IdeaSide:
    """Samples that count up from 1, so that each says where it came from."""
    samples = np.arange(1, round(seconds * RATE) + 1, dtype=np.float32)
    clip = Clip(np.array([samples * (n + 1) for n in range(channels)]), RATE)
    return IdeaSide(clip, Analysis("i", "", seconds, RATE, channels, Tempo(bpm, 1.0, downbeats=downbeats), None))


@pytest.mark.parametrize(
    ("seconds", "bpm", "downbeats", "first", "bar", "own_bars"),
    [
        (6.0, 120.0, (0.5,), 0.5, 2.0, 2),  # two bars from the first downbeat on
        (6.0, 120.0, (), 0.0, 2.0, 2),
        (4.0, 120.0, (0.5,), 0.5, 2.0, 1),  # 3.5 s hold one bar, which goes round
        (3.8, 120.0, (0.0,), 0.0, 2.0, 2),  # a tenth of a bar may lack
        (3.79, 120.0, (0.0,), 0.0, 2.0, 1),
        (6.0, 120.0, (-0.1,), -0.1, 2.0, 2),
        (6.0, 60.0, (0.5,), 0.5, 2.0, 2),  # read at twice the tempo: the request's own bars
        (6.0, 117.0, (0.5,), 0.5, 2.0, 2),  # within 3 %: another reading of the same
        (6.0, 116.0, (0.5,), 0.0, 2.0, 2),  # beyond: corrected, the file is three whole bars
        (8.0, 100.0, (0.7,), 0.0, 2.0, 2),  # no reading, but the file is whole bars of the tempo asked for
        (8.02, 100.0, (0.7,), 0.0, 2.0, 2),
        (8.03, 100.0, (0.7,), 0.7, 2.4, 2),  # else the idea keeps its own
        (0.5, 97.0, (0.0,), None, 0, 0),
        (1.79, 120.0, (0.0,), None, 0, 0),
        (6.0, None, (0.0,), None, 0, 0),
    ],
)
def test_the_bars_of_an_idea_are_cut_where_it_plays_them(seconds, bpm, downbeats, first, bar, own_bars):
    side = idea_side(seconds, bpm, downbeats)
    made = side.bars_for(REQUEST)
    if first is None:
        assert made is None and side.bars_for(REQUEST) is None
        return
    assert made.bars == 2 and made.meter == FOUR and made.clip.length == round(2 * bar * RATE)
    at = np.arange(round(2 * bar * RATE)) % round(own_bars * bar * RATE) + round(first * RATE)
    inside = (at >= 0) & (at < round(seconds * RATE))
    np.testing.assert_array_equal(made.clip.samples[0], np.where(inside, at + 1, 0))
    assert side.bars_for(REQUEST) is made, "measured once"
    assert side.bars_for(REQUEST.with_(bars=1)).bars == 1 and side.bars_for(REQUEST.with_(meter="3/4")).steps == 24


def test_the_channels_of_an_idea_are_averaged():
    assert idea_side(6.0, channels=3).bars_for(REQUEST).clip.samples[0, 0] == 2.0


@pytest.mark.parametrize(
    ("seconds", "downbeats", "half_bars"),
    [
        (6.0, (0.5,), [0.5, 1.5, 2.5, 3.5]),  # half bars of 1 s from the first downbeat on
        (4.0, (0.5,), [0.5, 1.5, 0.5, 1.5]),  # one bar, which goes round
        (6.0, (-0.1,), [-0.1, 0.9, 1.9, 2.9]),
    ],
)
@pytest.mark.parametrize("remembered", [True, False], ids=["all of it", "a long idea: its bars"])
def test_what_the_learned_ear_hears_counts_as_much_as_our_own_notes(
    seconds, downbeats, half_bars, remembered, monkeypatch
):
    """The ear hears A0 in the first second of the file, A#0 in the next ..., each surely in that second alone."""
    monkeypatch.setattr("helpers.loops.fit.bars.is_remembered", lambda clip: remembered)

    def ear(clip):
        begin = int(clip.samples[0, 0]) - 1  # the samples count from 1
        times = np.arange(0, clip.seconds, 0.01)
        sounding = np.full((88, times.size), 0.19)
        sounding[np.floor((times * RATE + begin + 0.5) / RATE).astype(int), np.arange(times.size)] = 0.8
        return SimpleNamespace(sounding=sounding, times=times)

    side = idea_side(seconds, downbeats=downbeats)
    made = IdeaSide(side.clip, side.analysis, ear).bars_for(REQUEST)
    assert made.ear.shape == (88, 32)
    heard = made.ear.reshape(88, 4, 8).mean(axis=2)
    for half, start in enumerate(half_bars):
        late = round(start % 1, 3)  # of this half bar so much lies in the file's next second
        shares = {int(np.floor(start)): 1 - late, int(np.floor(start)) + 1: late}
        for second in range(8):
            share = shares.get(second, 0.0) / (sum(s for at, s in shares.items() if at >= 0))
            assert heard[second, half] == pytest.approx(0.8 * share, abs=0.02)
    made.__dict__["note_steps"] = np.ones((84, 32))  # our own notes: every pitch class alike
    own, heard = np.full((12, 32), 1 / 12), np.roll(made.ear[:12], 9, axis=0)
    both = own + heard / heard.sum(axis=0).mean()
    np.testing.assert_allclose(made.chroma_steps, both, rtol=1e-6)
    np.testing.assert_allclose(made.half_bars, both.reshape(12, 4, 8).mean(axis=2), rtol=1e-6)


# ---- place


def test_likeness_is_a_correlation():
    other = np.array([1.0, 2.0, 3.0, 6.0])
    rows = np.array([2 * other + 1, -other, [1, 1, 1, 1], [6, 1, 2, 3]])
    assert likeness(rows, other) == pytest.approx([1, -1, 0, np.corrcoef(rows[3], other)[0, 1]], abs=1e-6)
    assert not likeness(rows, np.ones(4)).any()


@pytest.mark.parametrize("meter", ["4/4", "6/8"])
def test_each_cue_says_of_each_place_how_well_the_moved_loop_would_lie(meter):
    per_beat, per_bar = METERS[meter].steps_per_beat, METERS[meter].steps_per_bar
    loop, idea = bars(2, METERS[meter]), bars(2, METERS[meter])
    for one in (loop, idea):
        one.__dict__["accents"] = {name: RNG.uniform(0, 2, one.steps) for name in ("all", "low", "mid", "high")}
        one.__dict__["chroma_steps"] = RNG.uniform(size=(12, one.steps))
        one.__dict__["note_steps"] = RNG.uniform(size=(84, one.steps))
    begin = [np.maximum(x.note_steps - np.roll(x.note_steps, 1, axis=1), 0).sum(axis=0) for x in (loop, idea)]
    struck = np.flatnonzero(RNG.uniform(size=loop.steps) < 0.4)
    loop.__dict__["struck"] = Onsets(struck * loop.step_seconds, np.ones(struck.size))
    lengths = np.zeros(loop.steps)
    lengths[struck] = [next(d for d in range(1, 99) if (s + d) % loop.steps in struck) for s in struck]
    lags, table = place_cues(loop, idea, role="bass")
    assert lags.tolist() == list(range(-per_beat, per_beat + 1))
    wanted = []
    template = np.tile(place.metre_template(METERS[meter]), 2)
    for lag in lags:
        moved = {name: np.roll(curve, -lag) for name, curve in loop.accents.items()}
        half_bar, eighth = (np.roll(loop.note_change(reach), -lag) for reach in (per_bar // 2, 2))
        wanted.append(
            [np.corrcoef(moved[name], idea.accents[name])[0, 1] for name in ("mid", "high")]
            + [np.corrcoef(np.roll(lengths, -lag), template)[0, 1]]
            + [half_bar[::per_bar].mean(), eighth[:: per_bar // 2].mean()]
            + [np.corrcoef(np.roll(begin[0], -lag), begin[1])[0, 1], moved["low"][::per_bar].mean()]
        )
    wanted = np.array(wanted) - np.mean(wanted, axis=0)
    notes = np.array([name.startswith("new") for name in place.CUES])
    np.testing.assert_allclose(table, wanted, atol=1e-6)
    assert len(place.CUES) == table.shape[1]
    first = place.CUES.index("first")
    lead = place_cues(loop, idea, role="lead")[1]
    np.testing.assert_allclose(np.delete(lead, first, axis=1), np.delete(wanted, first, axis=1), atol=1e-6)
    assert not lead[:, first].any(), "a lead may begin anywhere in the bar"
    kit = place_cues(loop, idea, role="drums")[1]
    np.testing.assert_allclose(kit[:, ~notes], wanted[:, ~notes], atol=1e-6)
    assert not kit[:, notes].any(), "a kit has no notes that change"
    dull = bars(2, METERS[meter])
    dull.__dict__.update({name: loop.__dict__[name] for name in ("accents", "chroma_steps", "note_steps")})
    assert not place_cues(dull, idea, role="bass")[1][:, place.CUES.index("long")].any(), "no strokes"


@pytest.mark.parametrize(
    ("strokes", "lengths"),
    [
        ({0: 1, 4: 1, 6: 1}, {0: 4, 4: 2, 6: 16}),  # the last is long: a bar is the most
        ({0: 1, 4: 0.24, 6: 1}, {0: 6, 6: 16}),  # under a quarter of the strong ones: no stroke
        ({0: 1, 4: 0.26, 6: 1}, {0: 4, 4: 2, 6: 16}),
        ({2: 1, 20: 1}, {2: 16, 20: 14}),  # from the last one round to the first
        ({5.4: 1, 5.6: 1}, {5: 1, 6: 16}),
        ({31.6: 1}, {0: 16}),
        ({8: 0.14}, {}),  # too weak a sound for any stroke
        ({}, {}),
    ],
)
def test_a_stroke_is_as_long_as_nothing_follows_it(strokes, lengths):
    made = bars(times=[step * 0.125 for step in strokes], strengths=list(strokes.values()))
    wanted = np.zeros(32)
    wanted[list(lengths)] = list(lengths.values())
    np.testing.assert_array_equal(place._lengths(made), wanted)


def test_places_are_as_likely_as_the_learnt_weights_say():
    learnt = {name: RNG.uniform(0.5, 9) for name in place.CUES}
    assert place_probabilities(np.zeros((4, len(place.CUES))), learnt) == pytest.approx([0.25] * 4)
    for number, name in enumerate(place.CUES):
        table = np.zeros((2, len(place.CUES)))
        table[1, number] = np.log(3) / learnt[name]
        assert place_probabilities(table, learnt) == pytest.approx([0.25, 0.75])
    far = np.zeros((2, len(place.CUES)))
    far[0, 0] = 1e5
    assert place_probabilities(far, learnt) == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("role", ROLES)
def test_a_place_is_judged_by_the_weights_of_its_role(role, monkeypatch):
    asked = []
    monkeypatch.setattr(place, "place_probabilities", lambda table, learnt: asked.append(learnt) or np.full(9, 1 / 9))
    one = bars(2, times=range(4))
    assert measure_place(one, one, role=role).values["place"] == pytest.approx(0.5), "as likely as any other"
    assert asked == [load_weights("helpers.loops", "place")[role]]


@pytest.mark.parametrize(
    ("meter", "best", "said"),
    [
        ("4/4", 4, "a beat late"),
        ("4/4", -2, "half a beat early"),
        ("4/4", 1, "a sixteenth late"),
        ("4/4", 3, "3 sixteenths late"),
        ("6/8", 6, "a beat late"),
        ("6/8", 3, "half a beat late"),
        ("6/8", -4, "4 sixteenths early"),
    ],
)
def test_the_likeliest_place_is_named_and_that_of_the_loop_counts(meter, best, said, monkeypatch):
    steps = METERS[meter].steps_per_beat
    chances = np.full(2 * steps + 1, 0.01)
    chances[best + steps], chances[steps] = 0.6, 0.2
    monkeypatch.setattr(place, "place_probabilities", lambda table, learnt: chances)
    one = bars(2, METERS[meter], times=range(4))
    found = measure_place(one, one, role="drums")
    assert found.values["place"] == pytest.approx(0.25), "of it and the likeliest other, 0.2 of 0.8"
    assert (found.values["place_steps"], found.details["place"]) == (best, said)


@pytest.mark.parametrize(
    ("loop_onsets", "idea_onsets", "tonal", "said"),
    [(4, 4, 0.0, None), (3, 4, 0.0, "the loop"), (4, 3, 0.0, "the idea"), (3, 3, 0.0, "the loop"), (3, 3, 0.021, None)],
)
def test_place_needs_four_onsets_or_notes_on_either_side(loop_onsets, idea_onsets, tonal, said):
    loop, idea = (bars(times=range(n), tonal=tonal) for n in (loop_onsets, idea_onsets))
    found = measure_place(loop, idea, role="drums")
    assert ("place" in found.values) is (said is None)
    assert found.notes == (() if said is None else (f"Place was not compared: {said} has no pulse.",))
    assert "place" not in measure_place(bars(tonal=0.5), bars(tonal=0.02), role="drums").values


@pytest.mark.parametrize(
    ("strokes", "between"),
    [
        ({2: 1, 6: 1, 10: 1, 14: 1}, True),
        ({2: 1, 5: 0.3, 10: 1, 13: 0.3}, True),  # house chords
        ({2: 1, 6: 1, 10: 1, 14: 1, 0: 0.6}, True),
        ({2: 1, 6: 1, 10: 1, 14: 1, 0: 0.8}, False),  # a sixth of it on the beats
        ({2: 1, 6: 1, 10: 1, 14: 0.3}, True),
        ({2: 1, 6: 1, 10: 1}, False),
        ({2: 1, 10: 1}, False),  # half notes, half a beat late
        ({2: 1, 6: 0.2, 10: 1, 14: 0.2}, False),  # an echo is no stroke
        ({1: 1, 5: 1, 9: 1, 13: 1}, False),  # a sixteenth late
        ({2: 1, 6: 1, 9: 1, 13: 1}, True),
        ({2: 0.9, 6: 0.9, 9: 1, 13: 1}, False),  # less than half of it half-way
        ({}, False),
    ],
)
def test_an_off_beat_part_is_not_called_half_a_beat_late(strokes, between):
    loop, kit = bars(times=range(4), mid=_curve(strokes)), bars(times=range(4), low=_curve(KICKS))
    found = measure_place(loop, kit, role="chords")
    assert ("place" not in found.values) is between and (found.notes == (place.BETWEEN,)) is between
    assert "place" in measure_place(loop, kit, role="drums").values, "a kit has its beats"
    seven = bars(2, METERS["7/8"], times=range(4))
    assert "place" in measure_place(seven, seven, role="chords").values


def _curve(strokes: dict[int, float]) -> np.ndarray:
    """Onsets of two bars of 4/4: of each eighth of a beat, how strong."""
    curve = np.zeros(400)
    for bar in range(2):
        for step, size in strokes.items():
            curve[round(100 * (bar * 2 + step / 8))] = size
    return curve


@pytest.mark.parametrize(
    ("low", "high", "between"),
    [
        (KICKS, {}, True),
        (KICKS | {12: 0.2}, {}, False),  # a beat without a kick
        (KICKS | {12: 0.3}, {}, True),
        (KICKS | {2: 0.6}, {}, True),
        (KICKS | {2: 0.9}, {}, False),  # a sixth of it half-way
        ({}, {2: 1, 6: 1, 10: 1, 14: 1}, True),  # the idea's own off-beats
        ({}, {0: 1, 4: 1, 8: 1, 12: 1}, False),  # all else on the beats: the part seems late
        ({}, {}, False),
    ],
)
def test_an_off_beat_part_is_let_be_where_the_idea_has_off_beats_or_plain_kicks(low, high, between):
    loop = bars(times=range(4), mid=_curve({2: 1, 6: 1, 10: 1, 14: 1}))
    idea = bars(times=range(4), low=_curve(low), high=_curve(high))
    assert ("place" not in measure_place(loop, idea, role="bass").values) is between


# ---- timing


def clicks(*steps: float, late_ms: float = 0.0, size: float = 9.0, **more) -> Bars:
    """Two bars with a click at each of ``steps``, in the curves of the middle register that are not in ``more``."""
    curve = np.zeros(400)
    for step in steps:
        curve[round((step * 0.125 + late_ms / 1000) * 100) % 400] = size
    return bars(times=range(4), **({"mid": curve} | more))


def lock(loop: Bars, idea: Bars) -> float:
    locks = timing._locks(loop, idea)
    assert locks.size == 11, "50 ms either way, 100 frames a second"
    return locks[5]


def test_two_sounds_lock_by_their_strokes_moment_by_moment():
    kit, half = clicks(0, 4, 8, 12, high=np.zeros(400)), clicks(0, 8, high=np.zeros(400))
    locked = {ms: lock(clicks(0, 4, 8, 12, late_ms=ms), kit) for ms in (0, 10, 20, 30)}
    assert locked[0] == pytest.approx(0.5), "the middle register in full, nothing in the high one"
    assert locked[0] > 1.5 * locked[10] > 0 and abs(locked[20]) < 0.1 and abs(locked[30]) < 0.1
    assert locked[0] > lock(half, kit) > 0.3, "the strokes that both have"
    curve = half.bands.mid
    assert lock(bars(mid=curve, high=curve), bars(mid=curve, high=curve)) == pytest.approx(1.0)
    loud = bars(mid=100 * curve, high=100 * curve)
    assert lock(loud, bars(mid=curve, high=curve)) == pytest.approx(1.0), "whatever their level"
    slower = bars(seconds=5.0, mid=np.repeat(curve, 5)[::4])
    assert lock(half, slower) > 0.3, "an idea at another tempo is laid over its own bars"
    assert lock(bars(), kit) == 0.0


@pytest.mark.parametrize("late_ms", [-40, -20, 0, 30, 50])
def test_a_loop_locks_best_where_it_is_moved_back_by_its_delay(late_ms):
    locks = timing._locks(clicks(1, 4, 8, 12, late_ms=late_ms), clicks(1, 4, 8, 12))
    assert np.argmax(locks) - 5 == late_ms / 10


@pytest.mark.parametrize(
    ("best", "gained", "off_grid", "late"),
    [
        (2, 0.2, 0.03, 0.02),  # the idea says 20 ms, the grid 30
        (4, 0.2, 0.03, 0.03),
        (-3, 0.2, -0.05, 0.0),  # what swells begins early
        (2, 0.2, -0.03, 0.0),  # one says late, the other early
        (-2, 0.2, 0.03, 0.0),
        (2, 0.11, 0.03, 0.02),
        (2, 0.09, 0.03, 0.0),  # it hardly locks better
        (1, 0.2, 0.03, 0.0),  # 10 ms are feel
        (4, 0.2, 0.017, 0.0),
        (4, 0.2, 0.019, 0.019),
    ],
)
def test_a_part_is_surely_late_where_idea_and_grid_say_so(best, gained, off_grid, late):
    locks = np.zeros(11)
    locks[5 + best] = gained
    assert timing._surely_late_seconds(locks, 100.0, off_grid) == pytest.approx(late)


@pytest.mark.parametrize(("idea_late_ms", "late_ms"), [(0, 30.0), (30, 0.0)])
def test_a_slow_attack_is_no_excuse_for_a_part_that_would_lock_earlier(idea_late_ms, late_ms, monkeypatch):
    """Every stroke rises for as long as it is late, so that by itself it would be let pass."""
    monkeypatch.setattr(timing, "strong_times", lambda sound: sound.struck.times)
    monkeypatch.setattr(timing, "stroke_distances_seconds", lambda times, *grid: np.zeros(times.size))
    loop = clicks(0, 4, 8, 12, late_ms=30)
    loop.__dict__["struck"] = Onsets(np.arange(4) * 0.5 + 0.03, np.ones(4))
    found = timing.measure_timing(loop, clicks(0, 4, 8, 12, late_ms=idea_late_ms), REQUEST)
    assert found.values["pocket_ms"] == pytest.approx(late_ms)
    assert found.details["pocket_ms"] == f"{late_ms:.0f} ms {'late' if late_ms else 'early'}"


# ---- room


def with_notes(*runs: tuple[int, int, float], tonal=0.5, cents=0.0) -> Bars:
    """Notes ``(row above C1, step, strength)``; 32 steps."""
    made = bars(tonal=tonal, cents=cents)
    made.__dict__["note_steps"] = np.zeros((84, 32))
    for row, step, strength in runs:
        made.note_steps[row, step] += strength
    return made


@pytest.mark.parametrize(
    ("loop", "idea", "share"),
    [
        ([(0, 0, 1)], [(12, 0, 1)], 0.0),  # the same note, an octave up
        ([(0, 0, 1)], [(7, 0, 1)], 1.0),
        ([(0, 0, 1), (0, 1, 3)], [(7, 0, 1), (0, 1, 1)], 0.25),  # as much as both share of that moment
        ([(0, 0, 3), (0, 1, 1)], [(7, 0, 1), (0, 1, 1)], 0.5),
        ([(23, 0, 1)], [(22, 0, 1)], 1.0),
        ([(24, 0, 1)], [(22, 0, 1)], None),  # from C3 on nothing is low
        ([(0, 0, 1), (30, 0, 18.9)], [(7, 0, 1)], 1.0),
        ([(0, 0, 1), (30, 0, 19.1)], [(7, 0, 1)], None),  # a twentieth must be low
        ([(7, 0, 1)], [(0, 0, 1), (30, 0, 18.9)], 1.0),
        ([(7, 0, 1)], [(0, 0, 1), (30, 0, 19.1)], None),
        ([(0, 0, 1), (4, 0, 1)], [(0, 0, 1)], 1 - np.sqrt(0.5)),
        ([], [(0, 0, 1)], None),
        ([(0, 0, 1)], [], None),
    ],
)
def test_the_low_end_is_what_sounds_against_another_low_note(loop, idea, share):
    measured = spectrum._low_end(with_notes(*loop), with_notes(*idea))
    assert measured is None if share is None else measured == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize(("louder_db", "share"), [(5.9, 0.0), (6.1, 0.2)])
def test_masked_is_what_lies_6_db_under_the_idea_at_equal_loudness(louder_db, share):
    loop, idea = bars(), bars()
    own, other = np.array([[0.2, 0.8]]), np.array([[0.2, 0.0]]) * 10 ** (louder_db / 10)
    other[0, 1] = 1 - other[0, 0]
    loop.__dict__["erb_beats"], idea.__dict__["erb_beats"] = 7 * own, 3 * other
    assert spectrum._masked_share(loop, idea) == pytest.approx(share)
    for silent in (loop, idea):
        silent.__dict__["erb_beats"] = 0 * own
        assert spectrum._masked_share(loop, idea) is None


@pytest.mark.parametrize(
    ("cents", "apart"), [((10.0, -5.0), 15.0), ((40.0, -40.0), -20.0), ((-40.0, 40.0), 20.0), ((25.0, -25.0), -50.0)]
)
def test_tunings_lie_half_a_semitone_apart_at_most(cents, apart):
    loop, idea = (with_notes((0, 0, 1), cents=c) for c in cents)
    values = measure_room(loop, idea, REQUEST).values
    assert values["tuning_cents"] == pytest.approx(apart) and set(values) == {
        "low_end", "masked_share", "level_db", "tuning_cents"
    }  # fmt: skip
    assert "tuning_cents" not in measure_room(loop, idea, request_for(bars=2)).values
    assert "tuning_cents" not in measure_room(loop, with_notes(tonal=0.02), REQUEST).values


def test_levels_are_compared_in_one_channel():
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE)
    stereo = bars(clip=Clip(np.array([tone, tone], np.float32), RATE))
    softer = bars(clip=Clip(0.1 * tone[None].astype(np.float32), RATE))
    assert spectrum._level_db(stereo, softer) == pytest.approx(20.0, abs=0.01)
    assert spectrum._level_db(stereo, bars()) is spectrum._level_db(bars(), stereo) is None


# ---- all of it


def test_a_single_drum_is_not_judged_by_its_place_or_accents_and_an_idea_without_tempo_not_at_all(monkeypatch):
    assert measure_fit(bars(), idea_side(6.0, None), REQUEST).notes == (
        "Nothing was compared with the idea: it has no tempo.",
    )
    loop, side = bars(times=range(4)), idea_side(6.0)
    monkeypatch.setattr(IdeaSide, "bars_for", lambda self, request: loop)
    hat = measure_fit(loop, side, request_for(bars=2).with_(instrument="hi-hat"))
    kit = measure_fit(loop, side, request_for(bars=2))
    assert "place" not in hat.values and any("single drum" in note for note in hat.notes)
    assert "groove" in hat.values and "groove" in hat.excused and "groove" not in kit.excused
    assert "place" in kit.values and {"lock", "groove", "level_db"} <= set(kit.values) and "low_end" in kit.values
