"""Beats and bars: crops that are no loops, padding that is no tempo, tempi that move, bars of five and seven."""

import numpy as np
import pytest

from helpers.analysis import analyze, estimate_tempo
from helpers.analysis.drift import Drift
from helpers.analysis.listening import Listening
from helpers.analysis.metre import SURE_METRE, odd_meter
from helpers.analysis.phase import beat_candidates
from helpers.records import Clip
from helpers.sound.audio import resample
from tests import signals

RATE = signals.RATE


def distance(beats: tuple[float, ...], moment: float) -> float:
    return min(abs(beat - moment) for beat in beats)


def band(bpm: float, bars: int, beats: int = 4, when=None) -> Clip:
    """Kick on the odd and snare on the even beats, eighths above, bass on every beat and a new chord every bar."""
    when = when or (lambda beat: beat * 60.0 / bpm)
    rng = np.random.default_rng(0)
    events = []
    for bar in range(bars):
        root = (57, 53, 50, 52)[bar % 4]
        for beat in range(beats):
            at = bar * beats + beat
            low = beat % 2 == 0
            hit = signals._hit(RATE, 55.0 if low else 190.0, 0.09 if low else 0.06, 0.05 if low else 0.8, rng)
            events.append((when(at), (0.9 if low else 0.5) * hit))
            events.append((when(at), 0.3 * signals.harmonic_tone(signals.note_hz(root - 24), 50.0 / bpm)))
            for half in (0.0, 0.5):
                events.append((when(at + half), 0.15 * signals._hit(RATE, 7000.0, 0.02, 1.0, rng)))
        for third in (0, 3, 7):
            events.append((when(bar * beats), 0.12 * signals.harmonic_tone(signals.note_hz(root + third), 150.0 / bpm)))
    return signals.clip_of(0.5 * signals.place(events, when(bars * beats)))


@pytest.mark.parametrize(("bpm", "offset"), [(120, 0.10), (120, 0.25), (96, 0.08)])
def test_a_crop_of_whole_beats_is_no_loop_and_keeps_its_own_beats(bpm, offset):
    whole = band(bpm, 8)
    start = round(offset * RATE)
    tempo = estimate_tempo(Clip(whole.samples[:, start : start + 10 * RATE].copy(), RATE))
    assert tempo.bpm == pytest.approx(bpm, rel=1e-3) and not tempo.is_loop
    assert distance(tempo.beats, 60.0 / bpm - offset) < 0.015


@pytest.mark.parametrize(("bpm", "beats", "is_loop"), [(120, 0, True), (120, 2, False), (104, 2, False)])
def test_a_file_whose_second_half_opens_on_another_beat_is_no_loop(bpm, beats, is_loop):
    whole = band(bpm, 9).samples
    half, late = round(16 * 60 / bpm * RATE), round(beats * 60 / bpm * RATE)
    clip = Clip(np.concatenate([whole[:, :half], whole[:, half + late :][:, :half]], axis=1), RATE)
    assert estimate_tempo(clip).is_loop == is_loop


@pytest.mark.parametrize(
    ("bpm", "before", "after"), [(100, 0.0, 0.013), (140, 0.025, 0.02), (90, 0.0, 0.0), (87.5, 0.011, 0.003)]
)
def test_what_a_codec_adds_is_no_tempo(bpm, before, after):
    loop = band(bpm, 4)
    padded = np.pad(loop.samples[0], (round(before * RATE), round(after * RATE)))
    tempo = estimate_tempo(signals.clip_of(padded))
    assert tempo.bpm == pytest.approx(bpm, rel=2e-4)
    assert tempo.is_loop and tempo.bars == 4
    assert tempo.downbeats[0] == pytest.approx(before, abs=0.015)


def test_padding_lasts_longer_at_a_low_rate():
    """An mp3 of 22 kHz holds as many samples too many as one of 44 kHz."""
    loop = resample(band(100, 4), 22_050).samples[0]
    tempo = estimate_tempo(Clip(np.pad(loop, (1105, 500))[None], 22_050))
    assert (tempo.bpm, tempo.is_loop) == (pytest.approx(100, rel=2e-4), True)


def beside(bpm: float, bars: int, places: tuple[float, ...], *, attack_at_0: bool = False) -> np.ndarray:
    """A lone bass (mono) that strikes at these places of each bar, in beats, a new root every bar."""
    beat = 60.0 / bpm
    events = []
    for bar in range(bars):
        tone = signals.harmonic_tone(signals.note_hz((45, 41, 36, 43)[bar % 4]), 0.4 * beat)
        events += [((bar * 4 + place) * beat, tone) for place in places]
    if attack_at_0:
        events.append((0.0, events[0][1]))
    return 0.5 * signals.place(events, 4 * bars * beat)


OFF_BEATS = (0.5, 1.5, 2.5, 3.5)


@pytest.mark.parametrize(
    ("bpm", "places", "attack_at_0", "padding", "delay"),
    [
        (128, OFF_BEATS, False, 0, 0),
        (143, OFF_BEATS, True, 0, 0),
        (120, OFF_BEATS, False, 0, 0),
        (110, (0.5, 0.75, 1.5, 1.75, 2.5, 2.75, 3.5, 3.75), False, 0, 0),
        (92, (1, 3), False, 0, 0),
        (124, OFF_BEATS, False, 1300, 1105),
    ],
)
def test_a_loop_of_a_lone_part_beside_the_beat_begins_with_its_file(bpm, places, attack_at_0, padding, delay):
    loop = beside(bpm, 4, places, attack_at_0=attack_at_0)
    tempo = estimate_tempo(signals.clip_of(np.pad(loop, (delay, padding - delay))))
    assert (tempo.bpm, tempo.is_loop, tempo.bars) == (pytest.approx(bpm, rel=2e-4), True, 4)
    assert tempo.beats[0] == tempo.downbeats[0] == pytest.approx(delay / RATE, abs=0.012)


def test_a_crop_of_whole_seconds_off_the_beat_is_no_loop():
    """At 120 BPM every crop of whole seconds is whole beats, wherever it is cut: its strokes are its beats."""
    tempo = estimate_tempo(signals.clip_of(beside(120, 4, OFF_BEATS, attack_at_0=True)))
    assert not tempo.is_loop and distance(tempo.beats, 0.25) < 0.015


@pytest.mark.parametrize("before", [0.09, 0.22])
def test_silence_before_a_take_is_no_rest(before):
    """Of no whole bars, or with a first stroke on none of their steps."""
    take = band(100, 4).samples[0]
    for clip in (np.pad(take, (round(before * RATE), 0)), np.pad(take, (round(before * RATE), 0))[: take.size]):
        tempo = estimate_tempo(signals.clip_of(clip))
        assert not tempo.is_loop and distance(tempo.beats, before) < 0.015


def test_offsets_that_are_one_after_they_settled_share_no_odds():
    """170 BPM from an mp3 without a tag: 24 ms of padding, and the file's start as a candidate of its own."""
    heard = Listening(signals.clip_of(np.pad(band(170, 8).samples[0], (round(0.024 * RATE), round(0.019 * RATE)))))
    offsets = np.sort(beat_candidates(heard, 60 / 170))
    assert np.diff(offsets).min() > 0.02


def test_a_tempo_that_moves_is_said_and_followed():
    drift, total = 0.04, 64
    moved = lambda beat: 0.6 * total / np.log1p(drift) * np.log1p(drift * beat / total)  # noqa: E731
    heard = analyze(band(100, 16, when=moved), tags=False)
    assert heard.tempo.drift_bpm == pytest.approx((98, 102), rel=0.005)
    assert max(distance(heard.tempo.beats, moved(beat)) for beat in range(60)) < 0.04
    assert any("tempo moves" in note for note in heard.notes) and heard.tempo.confidence < 0.7
    assert analyze(band(100, 8), tags=False).tempo.drift_bpm is None


def test_even_time_goes_there_and_back():
    drift = Drift(100.0, 0.05, 30.0)
    moments = np.linspace(0.0, 30.0, 50)
    assert np.allclose(drift.played(drift.even(moments)), moments, atol=1e-3)
    assert drift.ends_bpm == pytest.approx((97.5, 102.5))


def triplets(bpm: float, bars: int, hats: tuple[int, ...]) -> Clip:
    """Kick and snare in turn on four beats a bar, hats on the thirds of the beat that are named."""
    rng, beat = np.random.default_rng(0), 60.0 / bpm
    events = []
    for at in range(4 * bars):
        low = at % 2 == 0
        events.append((at * beat, 0.8 * signals._hit(RATE, 55.0 if low else 190.0, 0.09, 0.05 if low else 0.8, rng)))
        events += [((at + third / 3) * beat, 0.15 * signals._hit(RATE, 7000.0, 0.02, 1.0, rng)) for third in hats]
    return signals.clip_of(0.5 * signals.place(events, 4 * bars * beat))


@pytest.mark.parametrize(("beats", "late_ms", "is_loop"), [(0, 0, True), (0, 9, False), (2, 0, False)])
def test_a_crop_as_long_as_a_loop_says_its_bars_but_is_none(beats, late_ms, is_loop):
    loop = band(123, 4)
    away = round((beats * 60 / 123 + late_ms / 1000) * RATE)
    tempo = estimate_tempo(signals.clip_of(np.roll(loop.samples[0], -away)))
    assert (tempo.bpm, tempo.is_loop, tempo.bars) == (pytest.approx(123, rel=1e-3), is_loop, 4)


@pytest.mark.parametrize(("spare_seconds", "beat_is_first"), [(0.0, True), (0.05, False)])
def test_a_line_between_the_beats_leaves_them_to_a_loops_length(spare_seconds, beat_is_first):
    """A lead of which one stroke in five is on a beat; as a take a little longer it tells another beat."""
    step, pitches = 15 / 143, (69, 72, 76, 74, 69, 67, 64, 72)
    events = [
        ((16 * bar + at) * step, 0.4 * signals.harmonic_tone(signals.note_hz(pitches[(i + bar) % 8]), 1.5 * step))
        for bar in range(8)
        for i, at in enumerate((0, 3, 7, 9, 13))
    ]
    tempo = estimate_tempo(signals.clip_of(signals.place(events, 128 * step + spare_seconds)))
    assert tempo.bpm == pytest.approx(143, rel=1e-3)
    assert (distance(tempo.beats, 0.0) < 0.01) is beat_is_first


@pytest.mark.parametrize(("hats", "meter"), [((0, 1, 2), "12/8"), ((0, 2), None)])
def test_beats_in_three_are_twelve_eighths_and_a_shuffle_is_not(hats, meter):
    assert odd_meter(Listening(triplets(90, 4, hats)), 90, 0.0) == meter


@pytest.mark.parametrize(("bpm", "beats", "meter"), [(132, 3, "3/4"), (120, 4, "4/4")])
def test_a_metre_that_every_bar_tells_is_sure(bpm, beats, meter):
    tempo = estimate_tempo(band(bpm, 12, beats))
    assert (tempo.meter.name, tempo.bpm) == (meter, pytest.approx(bpm, rel=1e-3))
    assert tempo.meter_confidence > SURE_METRE


def test_a_metre_that_a_rule_found_or_that_is_doubtful_is_said_to_be_unsure():
    five = analyze(band(110, 6, 5), tags=False)
    assert (five.tempo.meter.name, five.tempo.meter_confidence) == ("5/4", 0.0)
    assert any("metre is unsure" in note and "if it is 4/4" in note for note in five.notes)
    assert not any("metre" in note for note in analyze(band(110, 6, 4), tags=False).notes)


@pytest.mark.parametrize("bpm", [56, 70, 100])
def test_triplets_are_never_a_silent_four_four(bpm):
    tempo = estimate_tempo(triplets(bpm, 6, (0, 1, 2)))
    assert tempo.bpm == pytest.approx(bpm, rel=1e-3) and tempo.meter.name in ("6/8", "12/8")
    assert tempo.is_loop and tempo.downbeats[0] == 0.0


def test_seven_eighths_taken_for_six_are_heard_by_what_returns(monkeypatch):
    """Six eighths by the model, at two thirds of the quarters: the accents return after seven eighths."""
    monkeypatch.setattr("helpers.analysis.tempo.read_metre", six_at_two_thirds)
    tempo = estimate_tempo(band(220, 8, 7))
    assert (tempo.meter.name, tempo.bpm) == ("7/8", pytest.approx(110, rel=1e-3))
    assert tempo.meter_alternatives == ("6/8",)


def six_at_two_thirds(candidates, evidence, probability, seconds):
    return int(np.abs(candidates - 73.3).argmin()), "6/8", 0.5, ("12/8",)


@pytest.mark.parametrize(("beats", "meter"), [(5, "5/4"), (7, "7/4"), (4, None), (3, None)])
def test_accents_that_return_after_an_odd_bar(beats, meter):
    assert odd_meter(Listening(band(110, 6, beats)), 110, 0.0) == meter
