"""The fit card: measured, never copied; None where nothing could be measured."""

import dataclasses

import numpy as np
import pytest

from helpers.loops import prove
from helpers.loops.fit import bars
from helpers.loops.pulse import grid_distances_seconds
from helpers.records import Clip, Correction
from helpers.sound.features import Onsets
from tests.signals import RATE, clip_of, melody

from .takes import drums, piano, request_for


def level(clip: Clip) -> Clip:
    from helpers.loops.level import set_level

    return set_level(clip)


def test_a_right_loop_passes():
    for clip, role in ((drums(bars=4), "drums"), (piano(bars=4), "chords")):
        card = prove(level(clip), request_for(role, bars=4))
        assert card.verdict == "pass", card.reasons
        assert card.samples == card.samples_expected
        assert abs(card.tempo_error_percent) < 0.1 and card.grid_error_ms < 6 and abs(card.downbeat_offset_ms) < 10
        assert card.seam <= 1.5 and card.true_peak_dbtp < 0


def test_tempo_is_measured_and_not_copied():
    card = prove(level(drums(124.0, bars=4)), request_for(bars=4))
    assert card.bpm_measured == pytest.approx(124.0, rel=2e-3)
    assert card.verdict == "failed" and any("samples" in reason for reason in card.reasons)
    assert any("tempo" in reason for reason in card.reasons)


def test_key_is_measured_and_not_copied():
    request = request_for("chords", bars=4)
    right = prove(level(piano(bars=4)), request)
    wrong = prove(level(piano(bars=4, transpose=1)), request)
    assert right.in_key_share > 0.8 and wrong.in_key_share < 0.6
    assert wrong.verdict == "failed" and right.verdict == "pass"
    assert right.key_measured in ("A minor", "C major") and wrong.key_measured not in ("A minor", "C major")


def test_chords_are_compared_bar_by_bar():
    request = request_for("chords", bars=4, progression=(("Am",), ("F",), ("C",), ("G",)))
    turned = dataclasses.replace(request, progression=(("F",), ("C",), ("G",), ("Am",)))
    clip = level(piano(bars=4))
    assert prove(clip, request).chord_agreement > prove(clip, turned).chord_agreement + 0.15


def test_drums_have_no_key_and_held_notes_no_tempo():
    card = prove(level(drums(bars=2)), request_for(bars=2))
    assert card.key_measured is None and any("drums" in r for r in card.reasons)
    held = level(melody([(57, 0.0, 7.9), (60, 0.0, 7.9), (64, 0.0, 7.9)], 8.0))
    card = prove(held, request_for("pad", bars=4))
    assert card.bpm_measured is None and card.grid_error_ms is None
    assert any("sustained" in reason for reason in card.reasons)


def test_corrections_decide_between_pass_and_corrected():
    clip, request = level(drums(bars=2)), request_for(bars=2)
    assert prove(clip, request, None, (Correction("fold", 640.0), Correction("offset"))).verdict == "pass"
    assert prove(clip, request, None, (Correction("stretch", 1.8),)).verdict == "corrected"


def test_purity_of_an_unnamed_instrument_is_not_measured():
    request = dataclasses.replace(request_for("chords", bars=4), instrument="", role="")
    card = prove(level(piano(bars=4)), request)
    assert card.purity is None and any("no instrument" in reason for reason in card.reasons)


@pytest.mark.parametrize("damage", ["silent", "clipped", "clicking", "off grid"])
def test_damage_fails_with_its_reason(damage):
    request = request_for("chords", bars=2)
    clip = level(piano(bars=2))
    samples = clip.samples.copy()
    word = damage
    if damage == "silent":
        samples[:] = 0
    elif damage == "clipped":
        samples = np.clip(samples * 30, -1.2, 1.2)
        word = "clips"
    elif damage == "clicking":
        samples[0, 0] += 0.9
        word = "abrupt"
    else:
        samples = np.roll(samples, round(0.055 * RATE), axis=1)
        word = "grid"
    card = prove(Clip(samples, RATE), request)
    assert card.verdict == "failed" and any(word in reason for reason in card.reasons), card.reasons


def test_the_grid_swings_with_the_request():
    straight = request_for(bpm=120, bars=1)
    swung = dataclasses.replace(straight, swing=2 / 3)
    late = np.array([0.5 * 2 / 3])
    assert abs(grid_distances_seconds(late, straight)[0]) > 0.03
    assert abs(grid_distances_seconds(late, swung)[0]) < 1e-6


def test_a_card_survives_anything_short_or_empty():
    for clip in (clip_of(np.zeros(10)), clip_of(np.full(2000, 0.5)), clip_of(np.zeros(0))):
        assert prove(clip, request_for(bars=1)).verdict == "failed"


def test_swelling_notes_have_no_place_on_the_grid():
    """Eight notes that each swell over 250 ms, 60 ms late: no moment of them is their time."""
    request = request_for(bars=2)
    beat = 60 / request.bpm
    out = np.zeros(request.samples())
    swell = np.minimum(np.arange(round(beat * RATE)) / (0.25 * RATE), 1.0)
    for number in range(7):
        start = round((number * beat + 0.06) * RATE)
        time = np.arange(swell.size) / RATE
        out[start : start + swell.size] += 0.1 * swell * np.sin(2 * np.pi * 220 * 2 ** (number / 12) * time)
    out += 0.1 * np.sin(2 * np.pi * 330 * np.arange(out.size) / RATE)
    card = prove(clip_of(out), request)
    assert card.grid_error_ms is None and any("sustained" in reason for reason in card.reasons)


def test_swung_off_beats_are_not_taken_for_three_quarters_of_the_tempo(monkeypatch):
    """These onsets are three quarters' beats almost as well as they are swung sixteenths of the tempo asked for."""
    request = request_for("chords", bpm=170.0, bars=4, swing=0.625)
    step = 60 / request.bpm / 4
    places = np.array([0, 5.25, 17.28, 21.25, 25.27, 31.97, 37.25, 47.97, 55.96])
    strengths = np.array([1, 0.3, 0.55, 0.26, 0.25, 0.29, 0.29, 0.43, 0.29])
    monkeypatch.setattr(bars.Bars, "onsets", Onsets(places * step, strengths))
    card = prove(melody([(57, place * step, 2 * step) for place in places], request.seconds), request)
    assert abs(card.tempo_error_percent) < 0.5 and card.grid_error_ms < 10
