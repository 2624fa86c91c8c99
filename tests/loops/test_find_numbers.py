"""Where a bar starts: each cue and each decision on takes whose onsets and notes are written by hand."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops import find as finds
from helpers.loops.find import (
    CUES,
    Phase,
    _cues,
    _harmony_cues,
    _rotations,
    _standard,
    distances,
    find_phase,
    has_room,
    metre_template,
    span_sums,
)
from helpers.loops.shift import progression_fit, progression_tones
from helpers.loops.tempo import Drift, TakeTempo
from helpers.music.meter import METERS
from helpers.records import Clip
from helpers.sound.features import OnsetBands, Onsets

from .takes import request_for

STEP = 0.125  # a sixteenth at 120 BPM
REQUEST = request_for(bars=2)
RNG = np.random.default_rng(11)
STEADY = Drift()


def take(times=(0.0,), strengths=None, seconds=8.0, begin=0.0, end=None, cut_in=False, chroma=None, **bands):
    """A take with these onsets; pitch classes twenty and onset curves a hundred times a second."""
    times = np.array(times, float)
    zeros = np.zeros(round(seconds * 100))
    frames = np.zeros((12, round(seconds * 20))) if chroma is None else chroma
    return SimpleNamespace(
        clip=Clip(np.zeros((1, round(seconds * 1000)), np.float32), 1000),
        begin=begin,
        end=seconds if end is None else end,
        cut_in=cut_in,
        struck=Onsets(times, np.ones(times.size) if strengths is None else np.array(strengths, float)),
        bands=OnsetBands(*(bands.get(name, zeros) for name in ("low", "mid", "high")), 100.0),
        notes=SimpleNamespace(chroma=lambda: frames, times=(np.arange(frames.shape[1]) + 0.5) / 20),
    )


# ---- room


@pytest.mark.parametrize(
    ("start", "seconds", "end", "bars", "room"),
    [
        (0.0, 4.0, 4.0, 2, True),
        (-0.044, 4.0, 4.0, 2, True),  # 45 ms may lack at either end
        (-0.046, 4.0, 4.0, 2, False),
        (0.044, 4.0, 4.0, 2, True),
        (0.046, 4.0, 4.0, 2, False),
        (0.0, 8.0, 3.0, 2, True),  # it may ring out half a bar before its end, or a beat in many
        (0.0, 8.0, 2.99, 2, False),
        (0.0, 8.0, 1.5, 1, True),
        (0.0, 8.0, 1.49, 1, False),
    ],
)
def test_a_loop_has_room_where_the_take_sounds_nearly_to_its_end(start, seconds, end, bars, room):
    heard = take(seconds=seconds, end=end)
    assert has_room(heard, start, 2.0 * bars, request_for(bars=bars)) is room


def test_a_long_loop_may_ring_out_by_half_a_bar():
    for end, room in ((7.0, True), (6.99, False)):  # four bars of 2 s, of which half is 1 s; a quarter of all is 2 s
        assert has_room(take(seconds=9.0, end=end), 0.0, 8.0, request_for(bars=4)) is room


# ---- measures


def test_sums_and_distances_of_pitch_classes():
    chroma = np.arange(24.0).reshape(12, 2)
    times = np.array([0.5, 1.5])
    sums = span_sums(chroma, times, np.array([0.0, 0.5, 0.51]), np.array([0.5, 1.5, 1.51]))
    assert sums[:, 3].tolist() == [0.0, 6.0, 7.0], "from the first time on, up to before the second"
    a, b = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 0.0]]), np.array([[4.0, 3.0], [0.0, 2.0], [1.0, 0.0]])
    assert distances(a, b) == pytest.approx([1 - 24 / 25, 1.0, 0.0])


@pytest.mark.parametrize("name", ["4/4", "3/4", "6/8", "5/4", "7/8", "12/8"])
def test_the_metre_has_its_strong_places(name):
    meter = METERS[name]
    template = metre_template(meter)
    for step, weight in enumerate(template):
        if step == 0:
            wanted = 1.0
        elif meter.beats_per_bar % 2 == 0 and step == meter.steps_per_bar // 2:
            wanted = 0.7
        elif step % meter.steps_per_beat == 0:
            wanted = 0.55
        else:
            wanted = 0.25 if step % (meter.steps_per_beat // 2) == 0 else 0.0
        assert weight == wanted, step


def test_rotations_are_correlations_and_a_standard_is_in_deviations():
    template, accents = RNG.uniform(size=16), RNG.uniform(size=16)
    turned = _rotations(template, accents)
    for shift in range(16):
        assert turned[shift] == pytest.approx(np.corrcoef(np.roll(template, shift), accents)[0, 1])
    values = RNG.uniform(size=16)
    assert _standard(values) == pytest.approx((values - values.mean()) / (values.std() + 0.001))
    assert not _standard(np.ones(4)).any()


# ---- cues


@pytest.mark.parametrize("role", ["drums", "chords", "pad"])
@pytest.mark.parametrize("offset", [0.03, 0.09])
def test_accents_are_folded_onto_the_sixteenths_of_the_bar(role, offset):
    steps = np.array([0, 3, 4, 16, 19, 20, 28])
    strengths = np.array([1.0, 0.5, 0.3, 0.9, 0.2, 0.4, 0.7])
    times = steps * STEP + offset
    off = np.array([0.29, -0.29, 0.0, 0.0, 0.0, 0.31, -0.31]) * STEP  # the last two belong to no sixteenth
    curves = {name: RNG.uniform(size=800) for name in ("low", "mid", "high")}
    request = request_for(role, bars=2)
    heard = take(times + off, strengths, **curves)
    cues = _cues(heard, STEADY, offset, STEP, request, None)

    def folded(values):
        out = np.zeros(16)
        for n in range(5):
            out[steps[n] % 16] += values[n]
        return out

    def band(name):
        around = [round(t * 100) for t in times + off]
        return folded([curves[name][max(0, at - 3) : at + 4].max() for at in around])

    template = metre_template(METERS["4/4"])
    np.testing.assert_allclose(cues["metre"], _rotations(template, folded(strengths)))
    for name in ("low", "mid", "high"):
        np.testing.assert_allclose(cues[f"metre {name}"], _rotations(template, band(name)))
    np.testing.assert_allclose(cues["low accent"], _standard(band("low")))
    assert ("change" in cues) is (role != "drums") and "idea" not in cues and set(cues) <= set(CUES)


def test_a_known_drift_is_taken_out_before_folding():
    times = np.arange(32) * 0.25
    strengths = RNG.uniform(size=32)
    straight = _cues(take(times, strengths), STEADY, 0.0, STEP, REQUEST, None)
    drift = Drift((0.01, 0.02), 0.1)
    bent = times + drift.late_seconds(times / (1 - 0.01))
    found = _cues(take(bent, strengths), drift, 0.0, STEP, REQUEST, None)
    np.testing.assert_allclose(found["metre"], straight["metre"], atol=1e-9)


def test_the_ideas_accents_vote_where_it_has_them():
    strengths = RNG.uniform(size=16)
    low = np.repeat(RNG.uniform(size=16), 13)[:200]
    heard = take(np.arange(16) * STEP, strengths, seconds=2.0, low=low)
    accents, lows = tuple(RNG.uniform(size=16)), tuple(RNG.uniform(size=16))

    def idea(accents, lows):
        return SimpleNamespace(groove=SimpleNamespace(accents=accents, low_accents=lows))

    cues = _cues(heard, STEADY, 0.0, STEP, REQUEST, idea(accents, ()))
    by_all = _rotations(np.array(accents), strengths)
    np.testing.assert_allclose(cues["idea"], by_all)
    folded_low = np.array([low[max(0, round(s * 12.5) - 3) : round(s * 12.5) + 4].max() for s in range(16)])
    both = _cues(heard, STEADY, 0.0, STEP, REQUEST, idea(accents, lows))["idea"]
    np.testing.assert_allclose(both, (by_all + _rotations(np.array(lows), folded_low)) / 2)
    for other in (accents[:12], accents + accents):
        assert "idea" not in _cues(heard, STEADY, 0.0, STEP, REQUEST, idea(other, lows)), "of another metre"


@pytest.mark.parametrize("offset", [0.0, 0.06])
@pytest.mark.parametrize("chords", [(), (("Am",), ("F",))])
def test_notes_change_on_bar_lines_and_agree_with_the_chords(offset, chords):
    chroma = RNG.uniform(size=(12, 160))
    heard = take(chroma=chroma)
    request = request_for("chords", bars=2, progression=chords)
    cues = _harmony_cues(heard.notes, 8.0, offset, STEP, request)
    times = heard.notes.times
    change, new_bar, agreement = np.zeros(16), np.zeros(16), np.zeros(16)

    def between(a, b):
        return chroma[:, (times >= a) & (times < b)].sum(axis=1)

    tones = progression_tones(request)
    for at in range(16):
        lines, line = [], (offset + at * STEP) % 2.0
        while line < 8.0 - 1e-9:
            lines.append(line)
            line += 2.0
        for out, reach in ((change, 0.5), (new_bar, 1.0)):
            pairs = [(between(t - reach, t), between(t, t + reach)) for t in lines if t >= reach and t + reach <= 8.0]
            out[at] = np.mean([1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs])
        if tones is not None:
            bars = np.array([between(a, b) for a, b in itertools.pairwise(lines)])
            agreement[at] = max(progression_fit(bars, tones, first) for first in range(2))
    np.testing.assert_allclose(cues["change"], _standard(change), atol=1e-9)
    np.testing.assert_allclose(cues["new bar"], _standard(new_bar), atol=1e-9)
    assert ("chords" in cues) is bool(chords)
    if chords:
        follows = np.clip((agreement.max() - 0.6) / 0.3, 0, 1)
        np.testing.assert_allclose(cues["chords"], (agreement - agreement.mean()) * follows, atol=1e-9)


def test_a_take_of_one_whole_bar_and_a_rest_agrees_with_no_chords_yet():
    request = request_for("chords", bars=2, progression=(("Am",), ("F",)))
    chroma = np.zeros((12, 78))  # 3.9 s: lines at 0 and 2 s enclose one bar
    chroma[9], chroma[9, 40:] = 1.0, 0.0
    assert not _harmony_cues(take(seconds=3.9, chroma=chroma).notes, 3.9, 0.0, STEP, request)["chords"].any()


@pytest.mark.parametrize("share", [0.55, 0.75, 0.95])
def test_chords_vote_as_far_as_the_take_follows_them(share):
    """A on every A minor bar and F on every F bar, and of other notes what lacks to the share."""
    chroma = np.zeros((12, 160))
    for bar in range(4):
        chroma[9 if bar % 2 == 0 else 5, bar * 40 : bar * 40 + 40] = share
        chroma[6, bar * 40 : bar * 40 + 40] = 1 - share
    request = request_for("chords", bars=2, progression=(("Am",), ("F",)))
    cue = _harmony_cues(take(chroma=chroma).notes, 8.0, 0.0, STEP, request)["chords"]
    assert np.argmax(cue) == 0 or share < 0.6
    if share < 0.6:
        assert not cue.any()
    else:
        assert cue[0] == cue.max() > 0.02 and abs(cue.mean()) < 1e-9


# ---- the decision


TEMPO = TakeTempo(120.0, 0.9, 0.0)


@pytest.mark.parametrize(("begin", "first"), [(0.0, 0.0), (0.019, 0.0), (0.021, 0.021), (1.5, 1.5)])
def test_without_a_tempo_the_bar_starts_with_the_sound(begin, first):
    phase = find_phase(take(begin=begin), TakeTempo(None), STEADY, REQUEST)
    assert phase == Phase(first, 0.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        phase.confidence = 1.0


def votes(monkeypatch, **steps):
    """Cues that vote 1 for one sixteenth of the bar each."""
    cues = {name.replace("_", " "): np.eye(16)[step] for name, step in steps.items()}
    monkeypatch.setattr(finds, "_cues", lambda *_: cues or {"metre": np.zeros(16)})


@pytest.mark.parametrize(
    ("seconds", "begin", "offset", "bars", "drift", "cut"),
    [
        (4.0, 0.0, 0.0, 2, STEADY, True),
        (4.0019, 0.0, 0.0, 2, STEADY, True),  # within 2 ms of whole bars
        (3.9981, 0.0, 0.0, 2, STEADY, True),
        (4.0030, 0.0, 0.0, 2, STEADY, False),
        (8.0, 0.0, 0.0, 2, STEADY, True),
        (4.0, 0.019, 0.0, 2, STEADY, True),
        (4.0, 0.021, 0.0, 2, STEADY, False),
        (4.0, 0.0, 0.044, 2, STEADY, True),  # on the grid to 45 ms
        (4.0, 0.0, 0.046, 2, STEADY, False),
        (4.0, 0.0, 0.125 - 0.044, 2, STEADY, True),
        (4.0, 0.0, 0.125 - 0.046, 2, STEADY, False),
        (4.0, 0.0, 0.0, 3, STEADY, False),  # shorter than the loop
        (4.0, 0.0, 0.0, 2, Drift((0.1,), 0.1), False),
    ],
)
def test_a_take_cut_to_whole_bars_starts_where_it_does(seconds, begin, offset, bars, drift, cut, monkeypatch):
    votes(monkeypatch, first=4)
    heard = take(seconds=0.0 + seconds, begin=begin)
    heard.clip = Clip(np.zeros((1, round(seconds * 10_000)), np.float32), 10_000)
    phase = find_phase(heard, TakeTempo(120.0, 0.9, offset), drift, request_for(bars=bars))
    assert (phase == Phase(0.0, 1.0)) is cut


def test_a_take_a_little_off_tempo_counts_whole_bars_of_the_request(monkeypatch):
    votes(monkeypatch, first=4)
    assert find_phase(take(seconds=4.0), TakeTempo(120.5, 0.9), STEADY, REQUEST).confidence == 1.0
    assert find_phase(take(seconds=8.0 / 120.5 * 60), TakeTempo(120.5, 0.9), STEADY, REQUEST).confidence < 1.0


@pytest.mark.parametrize(
    ("step", "begin", "first"), [(4, 0.03, 0.5), (0, 0.0, 0.0), (4, 0.52, 0.5), (4, 0.55, 2.5), (15, 0.03, 1.875)]
)
def test_the_first_bar_line_lies_near_the_first_sound(step, begin, first, monkeypatch):
    votes(monkeypatch, first=step)
    phase = find_phase(take(seconds=9.3, begin=begin), TEMPO, STEADY, REQUEST)
    assert phase.first_bar_seconds == pytest.approx(first)
    assert phase.confidence == pytest.approx(1 - np.exp(-3.0))


@pytest.mark.parametrize("name", sorted(CUES))
def test_each_cue_votes_by_its_weight(name, monkeypatch):
    weights = {
        "metre": 0.7, "metre low": 0.4, "metre mid": 0.6, "metre high": 0.5, "low accent": 0.5, "change": 0.5,
        "new bar": 0.35, "idea": 1.0, "chords": 16.0, "first": 3.0,
    }  # fmt: skip
    votes(monkeypatch, **{name.replace(" ", "_"): 3})
    phase = find_phase(take(seconds=9.3), TEMPO, STEADY, REQUEST)
    assert phase.first_bar_seconds == pytest.approx(3 * STEP)
    assert -np.log(1 - phase.confidence) == pytest.approx(weights[name], rel=1e-6)


def test_a_take_just_long_enough_can_only_start_where_it_has_room(monkeypatch):
    votes(monkeypatch, chords=8, metre=2)
    phase = find_phase(take(seconds=4.3), TEMPO, STEADY, REQUEST)
    assert phase.first_bar_seconds == pytest.approx(2 * STEP), "steps 0 to 2 have room"
    assert phase.confidence == pytest.approx(1 - np.exp(-0.7))
    votes(monkeypatch, chords=8)
    none = find_phase(take(seconds=3.0), TEMPO, STEADY, REQUEST)
    assert none.first_bar_seconds == pytest.approx(8 * STEP), "no room anywhere: the vote stands"
