"""Harmony note by note, where agreement and clash can be counted on fingers, and the sentence of a card."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.loops.findings import Findings
from helpers.loops.fit import harmony
from helpers.loops.fit.bars import returns_alike
from helpers.loops.fit.harmony import agreement, certainty, heard_triad, mean_agreement, measure_harmony
from helpers.loops.fit.summary import summarise
from helpers.machine.weights import load_weights
from helpers.music.pitch import parse_key

from .takes import request_for

C, CIS, E, F, G, A, B = 0, 1, 4, 5, 7, 9, 11


def notes(*columns) -> np.ndarray:
    """Pitch classes (12, n): a number, or several of equal strength, in each half bar."""
    out = np.zeros((12, len(columns)))
    for number, classes in enumerate(columns):
        for one in np.atleast_1d(classes):
            out[one, number] += 1 / np.atleast_1d(classes).size
    return out


def harmony_cues(loop: np.ndarray, idea: np.ndarray, *, bass: bool = False):
    return harmony.harmony_cues(bars(loop), bars(idea), bass=bass)


# ---- agreement


@pytest.mark.parametrize(
    ("loop", "idea", "value"),
    [(C, C, 12), (C, CIS, -6), (C, B, -6), (C, E, 0), ((C, E), (C, E), 6), ((C, CIS), (C, CIS), 3), (C, (C, CIS), 3)],
)
def test_agreement_is_12_for_the_same_note_and_minus_6_for_a_semitone(loop, idea, value):
    for loud in (1.0, 5.0):
        assert agreement(loud * notes(loop, loop), notes(idea, idea)) == pytest.approx([value, value], abs=1e-6)
    assert not agreement(np.zeros((12, 1)), notes(C)).any(), "silence agrees with nothing"


def test_moments_count_as_both_sound_there():
    loop, idea = notes(C, C) * [1, 4], notes(C, CIS) * [4, 4]  # weights 2 and 4
    assert mean_agreement(loop, idea) == pytest.approx((2 * 12 - 4 * 6) / 6, abs=1e-6)
    assert np.isfinite(mean_agreement(np.zeros((12, 2)), idea))


def test_cues_of_the_same_notes():
    cues = harmony_cues(notes(C, C), notes(C, C))
    assert cues["agreement"] == cues["idea_itself"] == pytest.approx(12)
    assert cues["above_moved"] == pytest.approx(12) and cues["above_turned"] == 0.0, "one bar cannot be turned"
    assert cues["fifth_above"] == pytest.approx(-1.0), "of one note alone no fifth sounds"
    assert set(cues) == {"agreement", "above_moved", "idea_itself", *harmony.CUES}


@pytest.mark.parametrize("interval", range(12))
def test_the_fifth_is_what_the_idea_sounds_seven_semitones_above_the_loop(interval):
    cues = harmony_cues(notes(G, G), notes((G + interval) % 12, (G + interval) % 12))
    assert cues["fifth_above"] == pytest.approx(11.0 if interval == 7 else -1.0, abs=1e-5)
    twice = harmony_cues(notes(C, C) * [9, 1], notes(G, F) * [9, 1])
    assert twice["fifth_above"] == pytest.approx(12 * 0.9 - 1, abs=1e-5), "weighted as both sound"


@pytest.mark.parametrize("semitones", [1, 6, 11])
def test_a_loop_moved_in_pitch_agrees_better_elsewhere(semitones):
    idea = notes((C, E), (C, E), (F, A), (F, A))
    cues = harmony_cues(np.roll(idea, semitones, axis=0), idea)
    assert cues["agreement"] + 1e-9 < 6 and cues["above_moved"] == pytest.approx(cues["agreement"] - 6)


@pytest.mark.parametrize("turn", [2, 4])
def test_a_loop_whose_bars_are_turned_agrees_better_in_another_order(turn):
    idea = notes(C, C, E, E, 8, 8)
    cues = harmony_cues(np.roll(idea, turn, axis=1), idea)
    assert cues["agreement"] == pytest.approx(0, abs=1e-6) and cues["above_turned"] == pytest.approx(-12)
    half = harmony_cues(np.roll(notes(C, E, C, E), 1, axis=1), notes(C, E, C, E))
    assert half["above_turned"] == pytest.approx(0, abs=1e-6), "whole bars only"


def test_what_comes_back_in_the_idea_comes_back_in_a_part_written_over_it():
    """By the distances of all pairs of beats, here of the half bars twice: C C E E has two that are alike."""
    idea = notes(C, C, E, E)
    for loop, returns in (((G, G, A, A), 1.0), ((C, E, C, E), -0.5), ((C, C, C, C), 0.0), ((E, E, C, C), 1.0)):
        assert harmony_cues(notes(*loop), idea)["returns"] == pytest.approx(returns, abs=1e-6), loop
    rows = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 2.0, 0.0, 5.0]])
    far = np.array([np.hypot(*(rows[:, i] - rows[:, j])) for i, j in itertools.combinations(range(4), 2)])
    other = np.array([[0.0, 1.0, 3.0, 3.5]])
    near = np.array([abs(other[0, i] - other[0, j]) for i, j in itertools.combinations(range(4), 2)])
    assert returns_alike(rows, other) == pytest.approx(np.corrcoef(far, near)[0, 1])


def test_the_share_on_the_triad_that_holds_most_of_the_idea():
    cues = harmony_cues(notes((C, E, G), (C, B)), notes((C, E, G), (E, G, B)))
    assert cues["on_triad"] == pytest.approx((1 + 0.5) / 2), "C major, then E minor, which holds B and not C"


def test_a_bass_is_told_with_its_agreement():
    over = notes(C, C), notes((C, E), (C, E))
    assert harmony_cues(*over, bass=True)["bass_agreement"] == pytest.approx(6) == harmony_cues(*over)["agreement"]
    assert harmony_cues(*over)["bass_agreement"] == 0.0


def test_certainty_is_logistic_in_the_learnt_weights():
    learnt = load_weights("helpers.loops", "harmony")
    none = dict.fromkeys(harmony.CUES, 0.0)
    even = -learnt["intercept"] / learnt["above_turned"]
    for odds, share in ((0.0, 0.5), (1.0, 1 / (1 + np.exp(-1))), (-2.0, 1 / (1 + np.exp(2))), (500.0, 1.0)):
        cues = none | {"above_turned": even + odds / learnt["above_turned"], "agreement": 9.9}
        assert certainty(cues) == pytest.approx(share)


@pytest.mark.parametrize(
    ("flats", "names"), [(False, "C C# D D# E F F# G G# A A# B"), (True, "C Db D Eb E F Gb G Ab A Bb B")]
)
def test_the_triad_that_sounds_is_named(flats, names):
    for root, name in enumerate(names.split()):
        major = notes((root, (root + 4) % 12, (root + 7) % 12))
        minor = notes((root, (root + 3) % 12, (root + 7) % 12))
        assert heard_triad(np.c_[major, major], flats) == name and heard_triad(minor, flats) == name + "m"


# ---- the fields


def measured(loop, idea, request=None, *, pitched=True) -> Findings:
    return measure_harmony(loop, idea, request or REQUEST, pitched=pitched)


def bars(half_bars: np.ndarray, tonal: float = 0.5) -> SimpleNamespace:
    beats = half_bars / (np.linalg.norm(half_bars, axis=0) + 1e-9)
    return SimpleNamespace(half_bars=half_bars, beats=beats, notes=SimpleNamespace(tonal_share=tonal))


REQUEST = request_for("pad", bars=2)
TRIADS = notes((A, C, E), (A, C, E), (F, A, C), (F, A, C))


def test_the_fields_of_a_part_over_the_ideas_own_chords():
    found = measured(bars(TRIADS), bars(TRIADS))
    assert found.values["agreement"] == pytest.approx(4.0) and found.values["moved_semitones"] == 0
    assert (
        found.bars == (4.0, 4.0)
        and found.notes == ()
        and found.values["harmony"] == pytest.approx(certainty(harmony_cues(TRIADS, TRIADS)))
    )
    assert found.values["movement"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("loop", "idea", "movement"),
    [
        ((C, C, C, C), (C, C, F, F), 0.0),
        ((C, C, C, E), (C, E, C, E), 0.5),
        ((C, E, C, E), (C, C, F, F), 2.0),
        ((C, E, C, E), (C, C, C, C), None),
    ],
)
def test_a_part_moves_as_much_as_the_idea_does(loop, idea, movement):
    found = measured(bars(notes(*loop)), bars(notes(*idea)))
    assert found.values["movement"] == (movement if movement is None else pytest.approx(movement, abs=1e-6))


@pytest.mark.parametrize(
    ("loop", "apart", "movement", "role"),
    [
        (((C, E), (C, E)), 0.121, 0.0, "pad"),
        (((C, E), (C, E)), 0.119, None, "pad"),  # a chord may stay where the idea hardly moves
        ((C, C), 0.119, 0.0, "pad"),  # one note may not
        ((C, (C, E)), 0.051, (1 - np.sqrt(0.5)) / 0.051, "pad"),
        ((C, (C, E)), 0.049, 0.0, "pad"),
        (((C, E), (C, E)), 0.051, 0.0, "bass"),  # the overtones of one note
        (((C, E), (C, E)), 0.049, None, "bass"),
    ],
)
def test_what_an_idea_that_hardly_moves_asks_for(loop, apart, movement, role):
    """One half bar of two differs by this much from the other, both ways round."""
    idea = notes(C, C)
    idea[:, 1] = [1 - apart, *[0] * 6, np.sqrt(1 - (1 - apart) ** 2), *[0] * 4]
    found = measured(bars(notes(*loop)), bars(idea), request_for(role, bars=2)).values["movement"]
    assert found == (movement if movement is None else pytest.approx(movement, abs=1e-6))


@pytest.mark.parametrize(("share", "movement"), [(0.61, 0.0), (0.59, None)])
def test_over_an_idea_that_stays_one_note_is_a_drone(share, movement):
    loop = share * notes(C, C) + (1 - share) * notes(G, G)
    assert measured(bars(loop), bars(notes(C, C))).values["movement"] == movement


@pytest.mark.parametrize(("apart", "movement"), [(0.049, 0.0), (0.051, None)])
def test_over_an_idea_without_pitch_a_part_that_does_not_move_is_a_drone(apart, movement):
    loop = notes(C, C)
    loop[:, 1] = [1 - apart, *[0] * 6, np.sqrt(1 - (1 - apart) ** 2), *[0] * 4]
    assert measured(bars(loop), bars(notes(C, C), 0.0)).values == {"movement": movement}


def test_what_rings_out_hardly_counts_as_movement():
    """Each step counts by the softer side: here 1, 1, 0.01 and 0.01; the last two change."""
    loop = notes(C, C, C, E) * [1, 1, 1, 0.01]
    found = measured(bars(loop), bars(notes(C, E, C, E)))
    assert found.values["movement"] == pytest.approx(0.02 / 2.02, abs=1e-3)


@pytest.mark.parametrize(
    ("loop_tonal", "idea_tonal", "role", "said"),
    [
        (0.02, 0.02, "chords", None),
        (0.0199, 0.5, "chords", "nothing pitched sounds in the loop"),
        (0.5, 0.0199, "chords", "no clear pitch sounds in the idea"),
        (0.5, 0.5, "drums", "drums have none"),
    ],
)
def test_harmony_is_compared_where_both_have_pitch(loop_tonal, idea_tonal, role, said):
    request = REQUEST if role == "chords" else request_for(bars=2)
    found = measured(bars(TRIADS, loop_tonal), bars(TRIADS, idea_tonal), request)
    assert ("harmony" in found.values) is (said is None)
    assert found.notes == () if said is None else said in found.notes[0]
    unheard = measured(bars(TRIADS), bars(TRIADS), pitched=False)
    assert "no clear pitch sounds in the idea" in unheard.notes[0], "no key was heard"


@pytest.mark.parametrize(("itself", "compared"), [(0.601, True), (0.599, False)])
def test_an_idea_that_hardly_agrees_with_itself_is_no_measure(itself, compared, monkeypatch):
    cues = harmony_cues(TRIADS, TRIADS) | {"idea_itself": itself}
    monkeypatch.setattr(harmony, "harmony_cues", lambda own, other, bass: cues)
    assert ("harmony" in measured(bars(TRIADS), bars(TRIADS)).values) is compared


@pytest.mark.parametrize("moved", range(-5, 7))
def test_the_way_back_is_named_within_a_tritone(moved):
    """A fifth of two notes: no transposition but the way back shares more than one of them."""
    idea = notes((C, G), (C, G), (2, A), (2, A))
    found = measured(bars(np.roll(idea, -moved, axis=0)), bars(idea))
    assert found.values["moved_semitones"] == moved
    if moved:
        said = f"moved by {moved:+d} semitone{'' if abs(moved) == 1 else 's'} it would agree better"
        assert found.details["harmony"] == said


@pytest.mark.parametrize(("cost", "moved"), [(-0.26, -1), (-0.24, 0)])
def test_a_transposition_is_named_where_it_costs_a_quarter(cost, moved, monkeypatch):
    idea = notes(C, C)
    cues = harmony_cues(idea, idea) | {"above_moved": cost}
    monkeypatch.setattr(harmony, "harmony_cues", lambda own, other, bass: cues)
    found = measured(bars(np.roll(idea, 1, axis=0)), bars(idea))
    assert found.values["moved_semitones"] == moved
    assert ("moved by" in found.details["harmony"]) is bool(moved)


@pytest.mark.parametrize(
    ("cues", "said"),
    [
        ({"above_moved": -0.5, "above_turned": -0.5}, "moved by -2 semitones it would agree better"),
        (
            {"above_moved": -0.5, "above_turned": -0.6},
            "its bars come in another order; 1 bar later it would agree better",
        ),
        ({"above_moved": 0.5, "above_turned": -0.26}, "its bars come in another order; 1 bar later"),
        ({"above_moved": 0.5, "above_turned": -0.24}, "bar 3 clashes: its C♯ against the idea's D"),
    ],
)
def test_the_costliest_cause_is_said(cues, said):
    loop, idea = notes(C, C, E, E, CIS, CIS), notes(8, 8, C, C, 2, 2)
    assert harmony._said(loop, idea, cues, -2, REQUEST).startswith(said)


def test_the_order_is_said_in_bars():
    idea = notes(C, C, E, E, 8, 8)
    said = harmony._said(np.roll(idea, 2, axis=1), idea, {"above_moved": 0.0, "above_turned": -9.0}, 0, REQUEST)
    assert said == "its bars come in another order; 2 bars later it would agree better"


@pytest.mark.parametrize(
    ("loop", "idea", "key", "said"),
    [
        (notes(C, C, CIS, CIS), notes(C, C, C, C), "A minor", "bar 2 clashes: its C♯ against the idea's C"),
        (notes(C, C, CIS, CIS), notes(C, C, 2, 2), "A minor", "bar 2 clashes: its C♯ against the idea's D"),
        (notes(3, 3, C, C), notes(E, E, C, C), "F major", "bar 1 clashes: its E♭ against the idea's E"),
        # a quarter tells a clash from what only agrees least: 12 / 50 and 12 / 46
        (notes(C, C), notes((C, *[E] * 49), (C, *[E] * 49)), None, "bar 1 clashes"),
        (notes(C, C), notes((C, *[E] * 45), (C, *[E] * 45)), None, "bar 1 agrees least"),
    ],
)
def test_the_bar_and_the_two_notes_are_named(loop, idea, key, said):
    request = REQUEST.with_(key=parse_key(key) if key else None)
    assert harmony._said(loop, idea, {"above_moved": 0.0, "above_turned": 0.0}, 0, request).startswith(said)


# ---- the sentence


@pytest.mark.parametrize(
    ("values", "bars_found", "sentence"),
    [
        ({}, (), ""),
        ({}, (0.9,), "Agrees with the idea's notes."),
        ({}, (-0.2,), "Shares few of the idea's notes."),
        ({}, (-0.2, -0.15), "Shares few of the idea's notes."),
        ({}, (0.5, -0.4), "Shares few of the idea's notes."),
        ({}, (0.9, 0.81), "Agrees with the idea's notes in every bar alike."),
        ({}, (0.79, 0.9, 0.85), "Shares the idea's notes in every bar, most in bar 2, least in bar 1."),
        ({}, (0.9, 0.51), "Shares the idea's notes in every bar, most in bar 1, least in bar 2."),
        ({}, (0.9, 0.5), "Shares the idea's notes most in bar 1 and hardly in bar 2."),
        ({"groove": 0.61}, (), "Hits its accents."),
        ({"groove": 0.6}, (), "Follows its accents."),
        ({"groove": 0.26}, (), "Follows its accents."),
        ({"groove": 0.25}, (), "Plays across its accents."),
        ({"pocket_ms": 3.9}, (), "In its pocket."),
        ({"pocket_ms": -4.0}, (), "4 ms ahead of its pocket."),
        ({"pocket_ms": 4.1}, (), "4 ms behind its pocket."),
        ({"looseness_ms": 7.4}, (), "Steady to 7 ms."),
        ({"looseness_ms": 3.0}, (), "Steady to 3 ms."),
        ({"looseness_ms": 2.9}, (), "Tight."),
        ({"masked_share": 0.26}, (), "26% of it lies hidden under the idea."),
        ({"masked_share": 0.25, "low_end": 0.3}, (), ""),
        (
            {"masked_share": 0.9, "low_end": 0.31},
            (0.8,),
            "Agrees with the idea's notes; its low notes differ from the idea's for 31% of their time.",
        ),
        ({"masked_share": 0.1, "low_end": 0.9}, (), ""),  # drums have no low notes
        (
            {"groove": 0.7, "pocket_ms": 0.0, "looseness_ms": 4.0, "masked_share": 0.5},
            (1.0,),
            "Agrees with the idea's notes; hits its accents, in its pocket, steady to 4 ms; "
            "50% of it lies hidden under the idea.",
        ),
        ({"groove": None, "pocket_ms": None, "masked_share": None, "low_end": None, "looseness_ms": None}, (), ""),
    ],
)
def test_the_card_in_one_sentence(values, bars_found, sentence):
    assert summarise(Findings(values, bars=bars_found), []) == sentence


@pytest.mark.parametrize(
    ("strokes", "sentence"),
    [
        (9.4, "Plays 9 strokes a bar, in its pocket."),
        (1.49, "Plays 1 stroke a bar, in its pocket."),
        (0.4, "In its pocket."),
    ],
)
def test_how_busy_the_part_is_tells_takes_apart(strokes, sentence):
    assert summarise(Findings({"pocket_ms": 0.0}), [], strokes) == sentence
    assert summarise(Findings({"pocket_ms": None}), [], strokes) == "", "of held notes none are counted"


def test_a_loop_that_fails_says_why_first():
    found = Findings({"groove": 0.9})
    assert summarise(found, ["It clicks."]) == "Not usable as it is: it clicks."
    assert summarise(found, ["It clicks.", "It is silent."]) == "Not usable as it is: it clicks (1 more below)."
    assert summarise(found, ["One", "two", "three"]) == "Not usable as it is: one (2 more below)."
