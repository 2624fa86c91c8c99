"""The card's decisions from both sides, with what is measured written by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops import proof
from helpers.loops.findings import Findings
from helpers.loops.proof import _fails_others, _measure_key, _measure_level, _measure_seam, prove
from helpers.loops.seam_measure import SeamMeasure
from helpers.records import Correction
from tests.signals import clip_of

from .takes import request_for

RATE = 8000
DRUMS = request_for(bars=2, sample_rate=RATE)
TONAL = request_for("pad", bars=2, sample_rate=RATE)
PASSING = {"loudness_lufs": -16.0, "true_peak_dbtp": -1.0, "seam": 1.0, "tempo_error_percent": 0.0}


@pytest.fixture
def card(monkeypatch):
    """``card(values)``: the card of a loop on which these values were measured."""

    def run(values=None, request=DRUMS, idea=None, fits=None, seconds=4.0, extra=0, excused=(), **more):
        found = Findings(PASSING | (values or {}), notes=("a note",), excused=excused)
        monkeypatch.setattr(proof, "_measure_level", lambda clip: found)
        monkeypatch.setattr(proof, "measure_pulse", lambda *_: Findings())
        monkeypatch.setattr(proof, "_measure_key", lambda *_: Findings())
        monkeypatch.setattr(proof, "_measure_seam", lambda *_: Findings())
        monkeypatch.setattr(proof, "_measure_purity", lambda *_: (Findings(), {"part": 1.0}))
        monkeypatch.setattr(proof, "measure_fit", lambda *_: Findings(fits or {}, bars=(0.5,)))
        return prove(clip_of(np.zeros(round(seconds * RATE) + extra), RATE), request, idea=idea, **more)

    return run


@pytest.mark.parametrize(("seconds", "short"), [(0.3, False), (0.2999, True)])
def test_under_300_ms_nothing_is_measured(seconds, short, card):
    found = card(seconds=seconds)
    assert any("too short to be measured" in reason for reason in found.reasons) is short
    assert found.verdict == "failed" and ("seam" in found.values) is not short
    assert found.purity_parts == ({} if short else {"part": 1.0})
    if short:
        assert found.reasons[-1] == "0.30 s is too short to be measured."


@pytest.mark.parametrize(
    ("loudness", "peak", "silent"), [(None, -60.1, True), (None, -59.9, False), (-16.0, -60.1, False)]
)
def test_a_loop_is_silent_where_neither_loudness_nor_a_peak_is_heard(loudness, peak, silent, card):
    found = card({"loudness_lufs": loudness, "true_peak_dbtp": peak})
    assert ("It is silent." in found.reasons) is silent and (found.verdict == "failed") is silent


@pytest.mark.parametrize(
    ("corrections", "idea", "fits", "role", "verdict"),
    [
        ((), None, {}, "drums", "pass"),
        ((Correction("fold", 5.0),), None, {}, "drums", "pass"),
        ((Correction("fold", 5.0), Correction("shift", 1)), None, {}, "drums", "corrected"),
        ((), "idea", {}, "drums", "unproven"),
        ((Correction("shift", 1),), "idea", {}, "drums", "unproven"),
        ((), "idea", {"place": 0.9}, "drums", "pass"),
        ((), "idea", {"groove": 0.9}, "drums", "pass"),
        ((), "idea", {"harmony": 0.9}, "drums", "unproven"),
        ((), "idea", {"harmony": 0.9}, "chords", "pass"),
        ((), "idea", {"harmony": None, "place": 0.9, "groove": 0.9}, "chords", "unproven"),
        ((), "idea", {"harmony": 0.1}, "chords", "failed"),
    ],
)
def test_the_verdict(corrections, idea, fits, role, verdict, card):
    found = card(None, TONAL if role == "chords" else DRUMS, idea, fits, corrections=corrections)
    assert found.verdict == verdict and found.corrections == corrections
    assert found.bars == ((0.5,) if idea else ()) and found.reasons[-1] == "a note"


def test_what_is_excused_or_a_remark_is_no_failure(card):
    fast = {"tempo_error_percent": 0.7}
    assert card(fast).failed == ("tempo_error_percent",) and card(fast, excused=("tempo_error_percent",)).failed == ()
    both = card({"seam": 2.0, "loudness_lufs": -50.0}, foreign=True)
    assert both.failed == ("loudness_lufs",) and len(both.reasons) == 3, "the seam within others' limit is a remark"
    assert both.reasons[2] == "a note" and both.summary.startswith("Not usable as it is")
    assert card({"seam": 2.0}, foreign=True).verdict == "pass" and card({"seam": 2.0}).verdict == "failed"


@pytest.mark.parametrize(("off", "fails"), [(160, False), (-160, False), (161, True), (-161, True)])
def test_a_loop_by_somebody_else_may_be_20_ms_longer_or_shorter(off, fails, card):
    assert ("samples" in card(extra=off, foreign=True).failed) is fails
    assert "samples" in card(extra=1).failed
    found = Findings({"samples": 32_000 + off, "samples_expected": 32_000})
    assert _fails_others(found, "samples", RATE) is fails


def test_level_and_seam_are_measured_as_they_are_called(monkeypatch):
    loud = _measure_level(clip_of(0.1 * np.sin(np.arange(RATE) / 9), RATE))
    assert loud.notes == () and -30 < loud.values["loudness_lufs"] < -15
    assert loud.values["true_peak_dbtp"] == pytest.approx(-20.0, abs=0.1) and loud.values["infrasound_share"] < 0.05
    assert _measure_level(clip_of(np.zeros(100), RATE)).notes == ("Loudness was not measured: too quiet or too short.",)
    monkeypatch.setattr(proof, "measure_seam", lambda clip, request: SeamMeasure(1.0, 3.0, 2.0))
    seam = _measure_seam(clip_of(np.zeros(100), RATE), DRUMS)
    assert seam.values == {"seam": 3.0} and seam.details == {"seam": "cuts a sound off"}


def sounding(classes: dict[int, float]) -> SimpleNamespace:
    """Pitch classes by their strength, in ten frames of 4 s."""
    frames = np.zeros((12, 10))
    for pitch, strength in classes.items():
        frames[pitch] = strength
    return SimpleNamespace(notes=SimpleNamespace(chroma=lambda: frames, times=np.arange(10) * 0.4))


A_MINOR = {9: 3.0, 0: 2.0, 4: 2.0, 11: 1.0, 2: 1.0, 5: 1.0, 7: 1.0}


def test_key_and_chords_by_energy():
    found = _measure_key(sounding(A_MINOR | {1: 2.0}), TONAL.with_(progression=(("Am",),)))
    energy = sum(v * v for v in A_MINOR.values())
    assert found.values["in_key_share"] == pytest.approx(energy / (energy + 4)) and found.notes == ()
    assert found.values["chord_agreement"] == pytest.approx((9 + 4 + 4) / (energy + 4))
    assert found.values["key_measured"] == "A minor" and found.details == {"in_key_share": "A minor"}
    assert _measure_key(sounding(A_MINOR), DRUMS).notes == ("Key was not measured: drums have none.",)
    assert _measure_key(sounding({}), TONAL).notes == ("Key was not measured: nothing pitched sounds.",)
    open_key = _measure_key(sounding(A_MINOR), TONAL.with_(key=None, progression=(("Am",),)))
    assert open_key.notes == ("Key was not compared: none was asked for.",)
    assert set(open_key.values) == {"key_measured", "chord_agreement"} and open_key.values["key_measured"] == "A minor"


@pytest.mark.parametrize(("sharp", "key"), [(0.029, "A minor"), (0.031, "G major")])
def test_another_key_is_named_where_three_percent_of_the_energy_speak_for_it(sharp, key, monkeypatch):
    """G major's notes, with so much on F sharp, which A minor lacks; F is not played."""
    notes = {7: 1.0, 11: 1.0, 2: 1.0, 0: 1.0, 4: 1.0, 9: 1.0}
    notes[6] = np.sqrt(sharp / (1 - sharp) * 6)
    g_major = proof.ALL_KEYS.index(next(k for k in proof.ALL_KEYS if k.name == "G major"))
    monkeypatch.setattr(proof, "key_scores", lambda chroma: np.eye(len(proof.ALL_KEYS))[g_major])
    assert _measure_key(sounding(notes), TONAL).values["key_measured"] == key
