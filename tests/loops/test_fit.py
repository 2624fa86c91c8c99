"""A loop laid over its idea: what fits passes, what was moved in pitch, order or time fails and names the cause."""

import dataclasses

import numpy as np
import pytest

from helpers.loops import IdeaSide, prove
from helpers.loops.fit.bars import Bars
from helpers.loops.fit.harmony import agreement
from helpers.loops.level import set_level
from helpers.records import Clip
from tests.signals import RATE, chord_loop, melody, mixed

from .takes import A_MINOR, analysis_of, drums, piano, request_for

BARS = 4
REQUEST = request_for("chords", bars=BARS)
STEP = 60 / 120 / 4


@pytest.fixture(scope="module")
def idea():
    return IdeaSide(mixed(piano(bars=BARS), drums(bars=BARS)), analysis_of(BARS))


@pytest.fixture(scope="module")
def part():
    """Held triads of the idea's chords, struck on every beat, an octave up, with accents of their own."""
    chords = [tuple(n + 12 for n in A_MINOR[bar % 4]) for bar in range(BARS)]
    return set_level(mixed(chord_loop(chords, 120.0), piano(bars=BARS)))


def rolled(clip: Clip, seconds: float) -> Clip:
    return Clip(np.roll(clip.samples, round(seconds * RATE), axis=1), RATE)


def test_a_part_over_the_ideas_chords_passes_and_says_how_it_fits(part, idea):
    card = prove(part, REQUEST, idea=idea)
    assert card.verdict == "pass", card.reasons
    assert card.harmony > 0.8 and card.place > 0.5 and abs(card.pocket_ms) < 6 and len(card.bars) == BARS
    assert "bar" in card.summary and card.summary.endswith(".")


@pytest.mark.parametrize("semitones", [1, 6])
def test_a_part_off_the_ideas_pitch_fails_and_says_where_it_would_agree(semitones, idea):
    card = prove(set_level(piano(bars=BARS, transpose=semitones)), dataclasses.replace(REQUEST, key=None), idea=idea)
    assert "harmony" in card.failed and card.moved_semitones in (-semitones, 12 - semitones)
    assert f"moved by {card.moved_semitones:+d} semitone" in card.reasons[0]


def test_bars_in_another_order_fail(part, idea):
    card = prove(rolled(part, 2.0), REQUEST, idea=idea)
    assert "harmony" in card.failed and "another order" in card.reasons[0]


def test_what_the_chord_labels_say_is_not_believed(part, idea):
    """The request's chords were misheard and the part obeys them: both say F, the idea plays on."""
    misheard = dataclasses.replace(REQUEST, progression=(("F#",), ("B",), ("F#",), ("C#",)))
    wrong = set_level(chord_loop([(66, 70, 73), (59, 63, 66), (66, 70, 73), (61, 65, 68)], 120.0))
    card = prove(wrong, dataclasses.replace(misheard, key=None), idea=idea)
    assert card.chord_agreement > 0.8 and "harmony" in card.failed


def test_one_wrong_chord_is_named_with_its_bar(idea):
    chords = [A_MINOR[0], A_MINOR[1], (49, 53, 56), A_MINOR[3]]
    card = prove(set_level(chord_loop(chords, 120.0)), REQUEST, idea=idea)
    assert np.argmin(card.bars) == 2 and "bar 3" in card.details["harmony"] and "♯" in card.details["harmony"]


@pytest.mark.parametrize(("steps", "word"), [(1, "a sixteenth late"), (2, "half a beat late"), (4, "a beat late")])
def test_a_loop_off_its_place_fails_and_says_by_how_much(steps, word, idea):
    card = prove(rolled(set_level(drums(bars=BARS)), steps * STEP), request_for(bars=BARS), idea=idea)
    assert "place" in card.failed and card.place_steps == steps
    assert any(word in reason for reason in card.reasons)


def test_thirty_milliseconds_late_are_no_feel_unless_the_idea_has_it(idea):
    late = rolled(set_level(drums(bars=BARS)), 0.03)
    card = prove(late, request_for(bars=BARS), idea=idea)
    assert "pocket_ms" in card.failed and card.pocket_ms == pytest.approx(30, abs=6)
    laid_back = IdeaSide(rolled(mixed(piano(bars=BARS), drums(bars=BARS)), 0.03), analysis_of(BARS))
    assert "pocket_ms" not in prove(late, request_for(bars=BARS), idea=laid_back).failed
    ducks = prove(late, request_for(bars=BARS, duck=1.0), idea=idea)  # swells behind the kick because it was asked to
    assert "pocket_ms" not in ducks.failed and ducks.pocket_ms == card.pocket_ms


def test_where_the_idea_gives_nothing_to_fit_to_the_verdict_is_unproven(part):
    no_pitch = IdeaSide(drums(bars=BARS), analysis_of(BARS))
    card = prove(part, REQUEST, idea=no_pitch)
    assert card.verdict == "unproven" and card.harmony is None and any("no clear pitch" in r for r in card.reasons)
    unheard = IdeaSide(piano(bars=BARS), dataclasses.replace(analysis_of(BARS), key=None))
    assert prove(part, REQUEST, idea=unheard).verdict == "unproven", "the report says that nothing is clearly pitched"
    held = IdeaSide(melody([(57, 0.0, 7.9), (60, 0.0, 7.9), (64, 0.0, 7.9)], 8.0), analysis_of(BARS))
    card = prove(set_level(drums(bars=BARS)), request_for(bars=BARS), idea=held)
    assert card.verdict == "unproven" and card.place is None and any("no pulse" in r for r in card.reasons)


def test_a_loop_by_somebody_else_keeps_its_peaks_and_a_few_samples(idea):
    clip = drums(bars=BARS)
    louder = Clip(np.ascontiguousarray(rolled(clip, 0.012).samples[:, :-9] / np.abs(clip.samples).max()), RATE)
    request = request_for(bars=BARS)
    assert {"samples", "true_peak_dbtp"} <= set(prove(louder, request, idea=idea).failed)
    card = prove(louder, request, idea=idea, foreign=True)
    assert card.verdict == "pass" and any("samples long" in reason for reason in card.reasons)
    halved = Clip(np.ascontiguousarray(clip.samples[:, : clip.length // 2]), RATE)
    assert "samples" in prove(halved, request, idea=idea, foreign=True).failed


def test_an_idea_shorter_than_the_loop_goes_round_and_is_measured_once():
    side = IdeaSide(piano(bars=2), analysis_of(2))
    bars = side.bars_for(REQUEST)
    assert bars.clip.length == REQUEST.samples() and side.bars_for(REQUEST) is bars
    assert np.array_equal(bars.clip.samples[:, : bars.clip.length // 2], bars.clip.samples[:, bars.clip.length // 2 :])


def test_an_idea_at_another_tempo_is_laid_under_bar_by_bar(part):
    side = IdeaSide(mixed(piano(100.0, BARS), drums(100.0, BARS)), analysis_of(BARS, 100.0))
    assert prove(part, REQUEST, idea=side).harmony > 0.8


def test_agreement_is_zero_by_chance_and_negative_for_semitones():
    c, e, cis = np.eye(12)[[0, 4, 1]].T[:, :, None].transpose(1, 0, 2)
    flat = np.ones((12, 1))
    assert agreement(flat, flat)[0] == pytest.approx(0, abs=1e-6)
    assert agreement(c, c)[0] > 5 > agreement(c, e)[0] > agreement(c, cis)[0]


def test_a_slow_attack_that_begins_early_is_in_time_and_a_struck_one_is_not(idea):
    """The same strokes 30 ms early: one is full at once, the other 80 ms later."""
    request, beats = request_for(bars=BARS), np.arange(1, 4 * BARS) * 0.5 - 0.03
    t = np.arange(round(0.3 * RATE)) / RATE
    for rise, within in ((0.001, False), (0.08, True)):
        hit = 0.5 * np.minimum(t / rise, 1) * np.exp(-np.maximum(t - rise, 0) / 0.05) * np.sin(2 * np.pi * 440 * t)
        out = np.zeros(BARS * 2 * RATE)
        for beat in beats:
            at = round(beat * RATE)
            out[at : at + hit.size] += hit
        card = prove(set_level(Clip(out[None].astype(np.float32), RATE)), request, idea=idea)
        assert (abs(card.pocket_ms) < 12) is within, (rise, card.pocket_ms)


def test_steps_are_sixteenths_of_either_file(idea):
    bars = Bars(piano(bars=BARS), bars=BARS, meter=REQUEST.time)
    assert bars.steps == 64 and bars.chroma_steps.shape == (12, 64) and bars.half_bars.shape == (12, 8)
    assert bars.half_bars[:, 0].argmax() in {n % 12 for n in A_MINOR[0]} | {9, 11}


def test_what_lies_in_opposite_phase_in_the_idea_is_heard_as_what_lies_in_the_middle(part):
    beat, chords = drums(bars=BARS).mono(), piano(bars=BARS).mono()
    ideas = [Clip(np.array([beat + chords, beat + side * chords]), RATE) for side in (1, -1)]
    plain, wide = (prove(part, REQUEST, idea=IdeaSide(idea, analysis_of(BARS))) for idea in ideas)
    assert wide.harmony == pytest.approx(plain.harmony, abs=0.05) and wide.harmony > 0.5
    assert wide.level_db == pytest.approx(plain.level_db, abs=0.5)
