"""The score of a loop and its words, and what is mended, on cards written by hand."""

import dataclasses
import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops import ranking
from helpers.loops.ranking import _untouched, rank, score
from helpers.loops.repair import plan_recomposed_bar, repair
from helpers.music.pitch import parse_key
from helpers.records import FIT_FIELDS, Clip, Correction, FitCard, Loop
from tests.signals import clip_of

from .takes import request_for, take_of

REQUEST = request_for("chords", bars=1)
CLIP = clip_of(np.zeros(16))
LEVEL, UNTOUCHED = 0.02, 0.05  # their weights, written out as the limits of the card are


def loop_of(parts=None, verdict="pass", **card) -> Loop:
    """A loop whose card holds the parts of its score; None: it was never proven."""
    if parts is None:
        return Loop(CLIP, take_of(CLIP), fit=None)
    values = {name: FIT_FIELDS[name].counting_as(part) for name, part in parts.items() if name in FIT_FIELDS}
    fit = FitCard(values, verdict, purity_parts=parts, **card)
    return Loop(CLIP, take_of(CLIP), fit=fit)


@pytest.fixture
def ranked(monkeypatch):
    """Ranks by parts written by hand, with weights of the test's own, however the table's may be tuned."""
    weights = {"level": 0.04, "untouched": 0.05, "purity": 0.07, "seam": 0.06, "harmony": 0.18, "agreement": 0.21}
    own = {name: dataclasses.replace(ranking.WEIGHTS[name], weight=weight) for name, weight in weights.items()}
    monkeypatch.setattr(ranking, "WEIGHTS", own)
    monkeypatch.setattr(ranking, "score_parts", lambda clip, fit, request: dict(fit.purity_parts))
    return lambda *loops: rank(list(loops), REQUEST)


# ---- the score


@pytest.mark.parametrize(
    ("corrections", "left"),
    [
        ([], 1.0),
        ([("stretch", -2.0)], 0.8),
        ([("shift", 2)], 0.5),
        ([("tuning", -20.0)], 0.8),
        ([("drift", 20.0)], 0.7),
        ([("place", 2), ("recomposed", 3), ("fold", 640.0)], 1.0),
        ([("stretch", 1.0), ("tuning", 20.0)], 0.7),
        ([("shift", 5), ("drift", 200.0)], 0.0),
    ],
)
def test_each_correction_has_its_cost(corrections, left):
    assert _untouched(tuple(Correction(*made) for made in corrections)) == pytest.approx(left)


@pytest.mark.parametrize(
    ("second_db", "level"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (-4.5, 0.5), (4.5, 0.5), (-8.0, 0.0), (-40.0, 0.0)]
)
def test_level_counts_how_far_the_halves_are_apart(second_db, level):
    tone = np.tile([0.5, -0.5], 8000)
    tone[8000:] *= 10 ** (second_db / 20)
    parts = ranking.score_parts(clip_of(tone), FitCard({}, "pass"), REQUEST)
    assert parts == {"level": pytest.approx(level, abs=1e-4), "untouched": 1.0}
    assert [ranking.WEIGHTS[name].weight for name in ("level", "untouched")] == [LEVEL, UNTOUCHED]
    by_hand = (LEVEL * level + UNTOUCHED) / (LEVEL + UNTOUCHED)
    assert score(clip_of(tone), FitCard({}, "pass"), REQUEST) == pytest.approx(by_hand, abs=1e-4)
    with_purity = ranking.score_parts(CLIP, FitCard({"purity": 0.05, "loudness_lufs": -16.0}, "pass"), REQUEST)
    assert set(with_purity) == {"level", "untouched", "purity"} and with_purity["purity"] == 0.0
    resting = np.where(np.arange(16_000) % 8000 < 4000, tone[:1], 0.0)
    assert ranking.score_parts(clip_of(resting), FitCard({}, "pass"), REQUEST)["level"] == 1.0, "a rest is no fade"


@pytest.mark.parametrize(
    ("role", "values", "counted"),
    [
        ("chords", {"lock": 0.8}, {"lock": 1.0, "harmony": 0.2, "agreement": 0.2, "form": 0.2}),
        ("drums", {"lock": 0.8}, {"lock": 1.0, "form": 0.2}),  # a kit has no notes to agree
        ("chords", {"agreement": 3.0}, {"agreement": 1.0, "harmony": 0.2, "lock": 0.2, "form": 0.2}),
        ("chords", {"seam": 2.5}, {"seam": 0.0}),  # nothing was compared with an idea
        ("chords", {}, {}),
        ("chords", {"level_db": -3.0}, {"harmony": 0.2, "agreement": 0.2, "lock": 0.2, "form": 0.2}),
    ],
)
def test_what_an_idea_gave_nothing_to_measure_by_counts_as_little(role, values, counted):
    assert ranking.field_parts(values, role) == pytest.approx(counted)


def test_a_part_of_noises_does_not_outrank_one_that_was_heard_to_fit():
    """Both lie over the same idea; in the first nothing pitched sounds."""
    both = {"lock": 0.4, "seam": 0.5}
    noise = Loop(CLIP, take_of(CLIP), fit=FitCard(both | {"lock": 0.45}, "pass"))
    fits = Loop(CLIP, take_of(CLIP), fit=FitCard(both | {"harmony": 0.6, "agreement": 1.0}, "pass"))
    first, second = rank([noise, fits], REQUEST)
    assert first.fit is fits.fit and "notes shared (unknown, the others' 1.00)" in second.why[0]
    assert "harmony with the idea unknown" in second.why
    # The lock lies beyond neither end: the card's 0.45 and 0.40, not the .56 and .50 that they count as.
    assert "locked in with the idea 0.45" in second.why and "(0.45, the others' 0.40)" in second.why[0]


# ---- the order and the words


def test_scores_are_means_of_what_was_measured_and_failed_loops_come_last(ranked):
    loops = [
        loop_of({"level": 1.0, "untouched": 1.0}, "failed", reasons=("It clicks.",)),
        loop_of({"level": 0.5, "untouched": 0.5}),
        loop_of(),
        loop_of({"level": 1.0, "untouched": 0.5}, "corrected"),
    ]
    found = ranked(*loops)
    assert [loop.score for loop in found] == pytest.approx([0.065 / 0.09, 0.5, 1.0, 0.0])
    assert found[2].why[0] == "Place 3 of 4, score 1.00, behind every loop that did not fail: It clicks."
    assert found[3].why == ("It was not measured.",) and found[3].fit is None
    assert found[2].why[1:] == ("how little had to be corrected 1.00", "evenness of level 1.00")
    unsaid = ranked(loop_of({"level": 1.0}, "failed"))[0]
    assert unsaid.why[0] == "Place 1 of 1, score 1.00, behind every loop that did not fail: its fit card failed"


@pytest.mark.parametrize(("movement", "first"), [(0.151, 1.0), (0.149, 0.5), (None, 1.0)])
def test_a_part_that_stays_where_the_idea_moves_ranks_behind_those_that_move(movement, first, ranked):
    stays = dataclasses.replace(loop_of({"level": 1.0}).fit, values={"movement": movement})
    found = ranked(Loop(CLIP, take_of(CLIP), fit=stays), loop_of({"level": 0.5}), loop_of({"level": 1.0}, "failed"))
    assert found[0].score == first and found[2].fit.verdict == "failed"
    said = [loop.why[0].endswith("; its notes stay where the idea's move.") for loop in found]
    assert said == [False, movement == 0.149, False]


def test_of_parts_that_stay_the_stillest_ranks_last(ranked):
    fits = [dataclasses.replace(loop_of({"level": 1.0}).fit, values={"movement": moved}) for moved in (0.02, 0.13)]
    drone, part = (Loop(CLIP, take_of(CLIP), fit=fit) for fit in fits)
    found = ranked(drone, part)
    assert [loop.fit for loop in found] == [part.fit, drone.fit]


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        ({"level": 0.9}, {"level": 0.77}, "ahead in evenness of level (0.90, the others' 0.77)."),
        ({"level": 0.9}, {"level": 0.78}, "much like the others."),  # less than 0.005 of the score
        ({"level": 0.77}, {"level": 0.9}, "behind in evenness of level (0.77, the others' 0.90)."),
        ({"level": 0.78}, {"level": 0.9}, "much like the others."),
        (
            {"level": 1.0, "untouched": 1.0, "purity": 0.5, "seam": 0.0},
            {"level": 0.5, "untouched": 0.0, "purity": 0.0, "seam": 1.0},
            "ahead in how little had to be corrected (1.00, the others' 0.00) and purity (0.42, the others' 0.05), "
            "behind in ",
        ),
        ({"level": 1.0}, {"untouched": 1.0}, "ahead in evenness of level (1.00, the others' 0.70)."),
    ],
)
def test_a_loop_says_what_put_it_in_its_place_against_the_others(own, other, said, ranked):
    why = next(loop.why for loop in ranked(loop_of(own), loop_of(other)) if loop.fit.purity_parts == own)
    assert why[0].split(": ", 1)[1].startswith(said), why[0]
    assert len(why) == 1 + len(own)


def test_the_two_largest_effects_are_said_largest_first_and_all_are_listed(ranked):
    own = {"level": 0.9, "untouched": 0.9, "purity": 0.9}
    best = ranked(loop_of(own), loop_of(dict.fromkeys(own, 0.0)))[0]
    purity = ranking.WEIGHTS["purity"].said
    assert best.why[0] == (
        f"Place 1 of 2, score 0.90: ahead in {purity} (0.73, the others' 0.05) and how little had to be corrected "
        "(0.90, the others' 0.00)."
    )
    assert best.why[1:] == (f"{purity} 0.73", "how little had to be corrected 0.90", "evenness of level 0.90")
    worst = ranked(loop_of(own), loop_of(dict.fromkeys(own, 0.0)))[1]
    assert worst.why[0] == (
        f"Place 2 of 2, score 0.00: behind in {purity} (0.05, the others' 0.73) and how little had to be corrected "
        "(0.00, the others' 0.90)."
    )


def test_several_others_count_by_their_mean_and_none_as_ordinary(ranked):
    three = ranked(loop_of({"level": 1.0}), loop_of({"level": 0.2}), loop_of({"level": 0.4}))
    assert three[0].why[0] == "Place 1 of 3, score 1.00: ahead in evenness of level (1.00, the others' 0.30)."
    alone = ranked(loop_of({"level": 1.0}))[0]
    assert alone.why[0] == "Place 1 of 1, score 1.00: ahead in evenness of level (1.00, an ordinary 0.70)."
    assert ranked(loop_of({"level": 0.7}))[0].why[0].endswith(": ordinary throughout.")


def test_what_puts_a_loop_in_its_place_is_said_as_its_card_writes_it():
    """One label, one scale: what counts as 1.00 in the score is no correlation of 1.00."""
    early, late = ({"lock": lock, "pocket_ms": ms, "seam": 0.3} for lock, ms in ((0.95, -3.0), (0.4, 11.0)))
    first, second = rank([Loop(CLIP, take_of(CLIP), fit=FitCard(card, "pass")) for card in (early, late)], REQUEST)
    pocket = "off the idea's pocket, beyond its attacks"
    assert f"locked in with the idea (0.95, the others' 0.40) and {pocket} (3 ms, the others' 11 ms)" in first.why[0]
    assert f"locked in with the idea (0.40, the others' 0.95) and {pocket} (11 ms, the others' 3 ms)" in second.why[0]
    alone = rank([Loop(CLIP, take_of(CLIP), fit=FitCard(early, "pass"))], REQUEST)[0]
    assert "locked in with the idea (0.95, an ordinary 0.56)" in alone.why[0] and "seam 0.30" in alone.why


@pytest.mark.parametrize(
    ("harmony", "agreement", "details", "noted"),
    [
        (0.5, 0.7, {"harmony": "bar 3 clashes"}, True),  # the notes cost it something
        (0.7, 0.5, {"harmony": "bar 3 clashes"}, True),
        (0.7, 0.7, {"harmony": "bar 3 clashes"}, False),
        (0.9, 0.9, {"harmony": "bar 3 clashes"}, False),
        (0.5, 0.5, {}, False),
        (None, None, {"harmony": "bar 3 clashes"}, False),
    ],
)
def test_the_bar_is_named_where_the_notes_cost_the_loop_its_place(harmony, agreement, details, noted, ranked):
    parts = {"level": 0.7} | ({} if harmony is None else {"harmony": harmony, "agreement": agreement})
    why = ranked(loop_of(parts, details=details))[0].why[0]
    assert ("; bar 3 clashes." in why) is noted


# ---- mending


def card(failed=(), bars=(), **values) -> FitCard:
    return FitCard(values, "failed", tuple(failed), bars)


COUNTED = Clip(np.arange(160, dtype=np.float32)[None], 80)


@pytest.mark.parametrize(("steps", "failed"), [(2, ["place"]), (-3, ["place", "groove"]), (4, ["place"])])
def test_a_take_off_its_place_is_moved_by_sixteenths(steps, failed):
    loop = Loop(COUNTED, take_of(COUNTED), (Correction("fold", 1.0),))
    mended = repair(loop, card(failed, place_steps=steps), REQUEST)
    assert mended.clip.samples[0, 0] == steps * 10 % 160 and mended.clip.sample_rate == 80
    assert mended.corrections == (Correction("fold", 1.0), Correction("place", -steps)) and mended.take is loop.take


@pytest.mark.parametrize(
    ("failed", "moved", "shifted"),
    [
        (["harmony"], 5, True),
        (["harmony"], -5, True),
        (["harmony"], 6, False),
        (["harmony", "in_key_share"], 2, True),
        (["in_key_share"], 2, True),
        (["harmony", "seam"], 2, False),
        (["harmony"], 0, False),
        ([], 2, False),
    ],
)
def test_a_take_off_its_pitch_is_shifted_by_five_semitones_at_most(failed, moved, shifted, monkeypatch):
    asked = []
    monkeypatch.setattr(
        importlib.import_module("helpers.loops.repair"), "apply_stretch", lambda *how: asked.append(how) or COUNTED
    )
    mended = repair(Loop(COUNTED, take_of(COUNTED)), card(failed, moved_semitones=moved), REQUEST)
    assert (mended is not None) is shifted
    if shifted:
        assert asked == [(COUNTED, 160, moved)]
        assert mended.corrections == (Correction("shift", moved, "towards the idea's notes"),)


def test_what_cannot_be_mended_is_left():
    loop = Loop(COUNTED, take_of(COUNTED))
    for failed, values in (
        (["place"], {"place_steps": 0}),
        (["place", "seam"], {"place_steps": 2}),
        (["groove"], {"place_steps": 2}),
        ([], {}),
    ):
        assert repair(loop, card(failed, **values), REQUEST) is None
    scored = Loop(COUNTED, dataclasses.replace(take_of(COUNTED), midi=b"MThd"))
    assert repair(scored, card(["place"], place_steps=2), REQUEST) is None


def side_of(*triads: tuple[int, ...]) -> SimpleNamespace:
    half_bars = np.array([np.isin(np.arange(12), triad) for triad in triads for _ in range(2)], float).T
    return side_in(REQUEST.key, SimpleNamespace(half_bars=half_bars))


def side_in(key, bars=None) -> SimpleNamespace:
    """The idea as a card hears it, in a key."""
    return SimpleNamespace(bars_for=lambda request: bars, analysis=SimpleNamespace(key=SimpleNamespace(key=key)))


C, F = (0, 4, 7), (5, 9, 0)
TWO = request_for("chords", bars=2, progression=(("F#",), ("F",)), chords_heard=True, options={"kept": 1})


@pytest.mark.parametrize(
    ("failed", "bars", "asked"),
    [
        (["harmony"], (0.1, 0.9), "1:C"),
        ([], (0.24, 0.9), "1:C"),  # a clash, though the others carry the card
        ([], (0.26, 0.9), None),
        (["harmony"], (0.9, 0.1), None),  # that bar was written over the chord that sounds
        (["harmony", "seam"], (-0.9, 0.9), None),
        (["seam"], (-0.9, 0.9), None),
        (["harmony"], (), None),
    ],
)
def test_the_bar_that_agrees_least_is_planned_again(failed, bars, asked):
    plan = plan_recomposed_bar(card(failed, bars), TWO, side_of(C, F))
    assert (plan is not None) is (asked is not None)
    if plan:
        assert plan[0].options == {"kept": 1, "recomposed": asked}
        assert plan[1] == Correction("recomposed", 1, "over C, which sounds in the idea there")


def test_a_bar_is_planned_in_the_requests_spelling_and_only_over_chords():
    clash = card(["harmony"], (0.9, 0.1, 0.9, 0.9))
    four = request_for("chords", bars=4, progression=(("C",), ("F#",)), chords_heard=True)
    sharp = plan_recomposed_bar(clash, four, side_of(C, (10, 2, 5), C, F))
    assert sharp[0].options == {"recomposed": "2:A#"}
    flat = plan_recomposed_bar(clash, four.with_(key=parse_key("F major")), side_of(C, (10, 2, 5), C, F))
    assert flat[0].options == {"recomposed": "2:Bb"}
    assert plan_recomposed_bar(clash, four.with_(key=None), side_of(C, (10, 2, 5), C, F))[1].amount == 2
    last = plan_recomposed_bar(card(["harmony"], (0.9, 0.9, 0.1, 0.9)), four, side_of(F, F, (7, 11, 2), C))
    assert last[0].options == {"recomposed": "3:G"}
    third = card(["harmony"], (0.9, 0.9, 0.1, 0.9))
    assert plan_recomposed_bar(third, four, side_of(F, F, C, F)) is None, "the progression goes round: bar 3 is C"
    assert plan_recomposed_bar(clash, four.with_(progression=(), chords_heard=False), side_of(C, C, C, F)) is None
    assert plan_recomposed_bar(clash, four, side_in(four.key)) is None


def test_what_the_musician_gave_is_not_composed_over_another_chord():
    clash, side = card(["harmony"], (0.1, 0.9)), side_of((5, 8, 0), F)  # F minor sounds
    asked = plan_recomposed_bar(clash, TWO, side)[0].options["recomposed"]
    assert asked == "1:Fm", "the key was heard: it may be wrong"
    assert plan_recomposed_bar(clash, TWO.with_(chords_heard=False), side) is None, "the chords are the musician's"
    assert plan_recomposed_bar(clash, TWO.with_(key=parse_key("E minor")), side) is None, "and so is the key"
    within = plan_recomposed_bar(clash, TWO.with_(key=parse_key("C minor")), side)
    assert within[0].options["recomposed"] == "1:Fm"
