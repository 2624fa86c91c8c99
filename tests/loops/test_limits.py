"""Each limit of the fit card from both sides: just within it a loop passes, just beyond it fails and says why."""

import numpy as np
import pytest

from helpers.loops import proof, prove
from helpers.loops.findings import Findings
from helpers.loops.level import set_level
from helpers.records import FIT_FIELDS, Clip, Correction, FitCard
from helpers.records.fit_fields import EQUAL
from tests.signals import RATE, click_track

from .takes import drums, piano, request_for

# Name, within, beyond. The numbers are written out: a limit that moves must move here too, with a reason.
LIMITS = [
    ("samples", 176_400, 176_401),
    ("tempo_error_percent", -0.49, -0.51),
    ("grid_error_ms", 34.9, 35.1),
    ("in_key_share", 0.601, 0.599),
    ("seam", 1.49, 1.51),
    ("purity", 0.101, 0.099),
    ("loudness_lufs", -39.9, -40.1),
    ("true_peak_dbtp", -0.11, -0.09),
    ("infrasound_share", 0.099, 0.101),
    ("harmony", 0.51, 0.49),
    ("place", 0.171, 0.169),
    ("pocket_ms", -11.9, -12.1),
    ("groove", 0.221, 0.219),
    ("looseness_ms", 12.4, 12.6),
    ("tuning_cents", 34.9, -35.1),
]


@pytest.fixture(scope="module")
def good():
    return set_level(drums(bars=2))


@pytest.mark.parametrize(("name", "within", "beyond"), LIMITS)
def test_a_limit_is_where_the_table_says(name, within, beyond, good, monkeypatch):
    request = request_for(bars=2)
    assert prove(good, request).verdict == "pass"
    for value, verdict in ((within, "pass"), (beyond, "failed")):
        monkeypatch.setattr(proof, "measure_pulse", lambda *_: Findings())  # or it would excuse a short loop's tempo
        monkeypatch.setattr(proof, "_measure_seam", lambda *_, v=value: Findings({"seam": 1.0, name: v}))
        if name == "purity":
            monkeypatch.setattr(proof, "measure_purity", lambda *_, v=value: (v, {}))
        card = prove(good, request)
        assert card.verdict == verdict, card.reasons
        assert (name in card.failed) == (verdict == "failed")
    assert card.reasons[0] == FIT_FIELDS[name].failing(card.values, card.details.get(name, ""))


@pytest.mark.parametrize(("seam", "said"), [(1.49, {}), (1.51, {"seam": "clicks"})])
def test_what_is_kept_is_not_said_to_fail(seam, said, good, monkeypatch):
    """A seam that is fine does not "click", and of a pure kit no notes "are heard beside the drum kit"."""
    monkeypatch.setattr(proof, "_measure_seam", lambda *_: Findings({"seam": seam}, {"seam": "clicks"}))
    assert prove(good, request_for(bars=2)).details == said


def test_every_row_that_can_fail_is_held_from_both_sides_and_explained():
    can_fail = {name for name, row in FIT_FIELDS.items() if row.limit is not None or row.good == EQUAL}
    assert can_fail == {name for name, *_ in LIMITS}
    assert all(FIT_FIELDS[name].why and FIT_FIELDS[name].failure for name in can_fail)


def test_a_limit_is_said_to_its_last_digit():
    for name, row in FIT_FIELDS.items():
        for limit in (row.limit, row.others_limit):
            if limit is not None and np.isfinite(limit):
                said = row.text(limit)
                number = float(said.split()[0].rstrip("%")) / (100 if row.form.endswith("%") else 1)
                assert number == pytest.approx(limit), (name, said)


@pytest.mark.parametrize(("name", "within", "beyond"), [("seam", 3.9, 4.1), ("tempo_error_percent", 0.9, -1.1)])
def test_a_loop_by_somebody_else_has_wider_limits(name, within, beyond):
    row = FIT_FIELDS[name]
    assert row.fails({name: within}) and not row.fails({name: within}, others=True)
    assert row.fails({name: beyond}, others=True)


def level(samples: np.ndarray) -> Clip:
    return Clip(np.atleast_2d(samples).astype(np.float32), RATE)


@pytest.mark.parametrize(("peak_db", "fails"), [(-0.4, False), (0.3, True)])
def test_true_peak_on_real_samples(peak_db, fails, good):
    from helpers.sound.levels import true_peak_dbtp

    louder = good.samples * np.float32(10 ** ((peak_db - true_peak_dbtp(good)) / 20))
    assert ("true_peak_dbtp" in prove(level(louder), request_for(bars=2)).failed) == fails


@pytest.mark.parametrize(("lufs", "fails"), [(-39.5, False), (-40.5, True)])
def test_loudness_on_real_samples(lufs, fails, good):
    from helpers.sound.levels import loudness_lufs

    quieter = good.samples * np.float32(10 ** ((lufs - loudness_lufs(good)) / 20))
    assert ("loudness_lufs" in prove(level(quieter), request_for(bars=2)).failed) == fails


@pytest.mark.parametrize(("offset_db", "fails"), [(-11, False), (-9, True)])
def test_direct_current_on_real_samples(offset_db, fails, good):
    rms = np.sqrt(np.mean(np.square(good.samples)))
    shifted = level(0.5 * (good.samples + rms * np.float32(10 ** (offset_db / 20))))
    assert ("infrasound_share" in prove(shifted, request_for(bars=2)).failed) == fails


@pytest.mark.parametrize(("late_ms", "fails"), [(30, False), (40, True)])
def test_grid_on_real_samples(late_ms, fails):
    late = np.roll(set_level(piano(bars=2)).samples, round(late_ms / 1000 * RATE), axis=1)
    assert ("grid_error_ms" in prove(level(late), request_for("chords", bars=2)).failed) == fails


@pytest.mark.parametrize(("bpm", "fails"), [(120.5, False), (120.9, True)])
def test_tempo_on_real_samples(bpm, fails):
    request = request_for(bars=8)
    beats = np.r_[click_track(bpm, 18)[0].samples[0], np.zeros(RATE)][: request.samples()]
    card = prove(set_level(level(beats)), request)
    assert ("tempo_error_percent" in card.failed) == fails, card.values


def test_a_short_loop_may_be_half_a_percent_off_while_it_strays_little():
    card = prove(set_level(level(click_track(120.9, 4)[0].samples[0][: 2 * RATE])), request_for(bars=1))
    assert "tempo_error_percent" not in card.failed


def test_only_what_changes_the_sound_makes_a_loop_corrected(good):
    request = request_for(bars=2)
    minor = (Correction("fold", 640.0), Correction("offset"), Correction("rumble", 28.0), Correction("crossfade", 12.0))
    assert prove(good, request, None, minor).verdict == "pass"
    for made in (
        Correction("stretch", 0.1),
        Correction("drift", 7.0),
        Correction("shift", 1),
        Correction("tuning", 13),
    ):
        assert prove(good, request, None, (made,)).verdict == "corrected", made


def test_a_card_comes_back_from_its_json(good):
    card = prove(good, request_for(bars=2), None, (Correction("shift", -1, "why"), Correction("fold", 12.5)))
    again = FitCard.from_json(card.to_json())
    assert again.to_json() == card.to_json()
    assert [made.words for made in again.corrections] == ["shifted -1 semitone (why)", "tail wrapped 12 ms"]


def test_the_json_of_version_0_1_still_loads():
    old = {
        "samples": 5,
        "samples_expected": 5,
        "seam": 1.7,
        "purity": 0.4,
        "verdict": "failed",
        "reasons": ["It clicks."],
    }
    card = FitCard.from_json(old | {"corrections": ["tail wrapped 640 ms", "stretched +1.80 % (it played at 122 BPM)"]})
    assert card.seam == 1.7 and card.failed == ("seam",) and card.grid_error_ms is None
    assert [made.words for made in card.corrections][1].startswith("stretched +1.80 %")
    assert [made.is_minor for made in card.corrections] == [True, False]


def test_a_value_that_rounds_to_nothing_has_no_minus():
    assert FIT_FIELDS["tuning_cents"].text(-0.3) == "+0 cents"
    assert FIT_FIELDS["tuning_cents"].text(-4.0) == "-4 cents"
