"""Ranking: what fits the idea comes first, what failed comes last, and each loop says why."""

import dataclasses

import numpy as np
import pytest

from helpers.loops import IdeaSide, prove
from helpers.loops.level import set_level
from helpers.loops.ranking import WEIGHTS, rank
from helpers.records import FIT_FIELDS, Clip, Correction, Loop
from helpers.records.fit_fields import FITS
from tests.loops.takes import analysis_of, drums, piano, request_for, take_of
from tests.signals import RATE, mixed

REQUEST = request_for("chords", bars=4, progression=(("Am",), ("F",), ("C",), ("G",)))


def loop_of(clip: Clip, request=REQUEST, corrections: tuple[Correction, ...] = ()) -> Loop:
    clip = set_level(clip)
    return Loop(clip, take_of(clip), corrections, prove(clip, request, None, corrections))


def leaking() -> Clip:
    return mixed(piano(bars=4), Clip(drums(bars=4).samples * np.float32(0.6), RATE))


def detached() -> Clip:
    clip = piano(bars=4)
    faded = clip.samples.copy()
    faded[:, -RATE:] *= np.linspace(1, 0, RATE, dtype=np.float32) ** 2
    return Clip(faded, RATE)


@pytest.mark.parametrize("seed", range(4))
def test_the_undamaged_loop_comes_first_among_five(seed):
    late = Clip(np.roll(piano(bars=4).samples, round(0.03 * RATE), axis=1), RATE)
    clips = [piano(bars=4), piano(bars=4, transpose=1), leaking(), detached(), late]
    order = np.random.default_rng(seed).permutation(5)
    loops = [loop_of(clips[i]) for i in order]
    best = rank(loops, REQUEST)[0]
    assert np.array_equal(best.clip.samples, set_level(clips[0]).samples), [loop.why for loop in rank(loops, REQUEST)]


def test_failed_loops_come_last_and_all_have_scores_and_reasons():
    loops = [loop_of(piano(bars=4, transpose=1)), loop_of(piano(bars=4)), Loop(piano(bars=4), take_of(piano(bars=4)))]
    ranked = rank(loops, REQUEST)
    assert ranked[0].fit.verdict == "pass" and {r.fit.verdict for r in ranked[1:] if r.fit} == {"failed"}
    assert all(0 <= loop.score <= 1 and loop.why for loop in ranked)
    assert loops[0].score is None, "the loops handed in are left alone"


def test_each_loop_says_in_a_sentence_what_put_it_in_its_place():
    loops = [loop_of(piano(bars=4)), loop_of(leaking()), loop_of(piano(bars=4, transpose=1))]
    first, second, failed = rank(loops, REQUEST)
    assert first.why[0].startswith("Place 1 of 3, score ") and "ahead in" in first.why[0]
    assert "behind in purity" in second.why[0]
    assert failed.why[0].startswith("Place 3 of 3") and failed.fit.reasons[0] in failed.why[0]
    assert "others" not in rank(loops[:1], REQUEST)[0].why[0]


def test_a_failed_loop_comes_after_a_passing_one_of_lower_score():
    good, late = loop_of(piano(bars=4)), loop_of(Clip(np.roll(piano(bars=4).samples, 900, axis=1), RATE))
    failed = dataclasses.replace(good, fit=dataclasses.replace(good.fit, verdict="failed"))
    ranked = rank([failed, late], REQUEST)
    assert ranked[0].clip is late.clip and ranked[0].score < ranked[1].score


def test_an_untouched_loop_beats_the_same_loop_corrected():
    clip = piano(bars=4)
    ranked = rank([loop_of(clip, corrections=(Correction("stretch", 4.0),)), loop_of(clip)], REQUEST)
    assert ranked[0].corrections == ()


def test_half_of_the_score_is_fit_with_the_idea_and_the_reason_names_the_bar():
    fits = sum(row.weight for row in FIT_FIELDS.values() if row.group == FITS)
    assert fits >= 0.5 * sum(w.weight for w in WEIGHTS.values())
    side = IdeaSide(piano(bars=4), analysis_of(4))
    cards = [prove(set_level(piano(bars=4, transpose=t)), REQUEST, idea=side) for t in (0, 1)]
    loops = [Loop(piano(bars=4), take_of(piano(bars=4)), (), card) for card in cards]
    alone = dataclasses.replace(loops[1], fit=dataclasses.replace(cards[1], verdict="pass"))
    best, worst = rank([alone, loops[0]], REQUEST)
    assert best.fit is cards[0] and "semitone" in worst.why[0], worst.why


def test_weights_sum_to_one():
    assert sum(w.weight for w in WEIGHTS.values()) == pytest.approx(1.0)


def test_what_cannot_be_measured_takes_no_part():
    loop = loop_of(drums(bars=4), request_for(bars=4))
    bare = dataclasses.replace(loop, fit=loop.fit.with_(purity=None, seam=None, grid_error_ms=None))
    ranked = rank([bare], request_for(bars=4))[0]
    assert not any("purity" in text for text in ranked.why)


def test_what_was_not_measured_is_neither_ahead_nor_what_others_are_ahead_in():
    side, clip = IdeaSide(piano(bars=4), analysis_of(4)), set_level(piano(bars=4))
    card = prove(clip, REQUEST, idea=side)
    heard, unheard = card.with_(lock=-0.4, form=-0.9), card.with_(lock=None, form=None)
    first, second = rank([Loop(clip, take_of(clip), (), fit) for fit in (heard, unheard)], REQUEST)
    assert first.fit is unheard, "an unmeasured part counts a little, a part that never fits nothing"
    assert not any(f"{side} in" in loop.why[0] for loop in (first, second) for side in ("ahead", "behind")), second.why
    best, other = rank([Loop(clip, take_of(clip), (), fit) for fit in (card, unheard)], REQUEST)
    assert "ahead in" in best.why[0] and "behind in" in other.why[0] and "(unknown, the others' " in other.why[0]
