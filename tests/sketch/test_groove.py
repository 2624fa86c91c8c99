"""What of an idea's accents its metre does not explain, and how a bar follows it."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.sketch.brief import Brief
from helpers.sketch.cells import Hit
from helpers.sketch.form import Bar, heard_letters
from helpers.sketch.groove import follow, in_letter, unexpected
from tests.sketch.ideas import accent_steps, idea, request

BEATS = tuple(Hit(float(s), 4.0, "1") for s in (0, 4, 8, 12))


def brief(answer=None, **heard):
    return Brief(request("bass", answer=answer), idea(**heard), 0)


def test_an_idea_that_only_marks_the_metre_has_nothing_unexpected():
    """Every metrical level as strong as can be, but the same wherever it comes: nothing stands out."""
    weights = tuple(1.0 if s == 0 else 0.8 if s == 8 else 0.6 if s % 4 == 0 else 0.3 * (s % 2 == 0) for s in range(16))
    read = brief(bar_accents=(weights,) * 4)
    assert not unexpected(read, read.accents).any()


def test_pushes_and_holes_stand_out():
    read = brief(bar_accents=(accent_steps(0, 4, 7, 8),) * 2)
    wish = unexpected(read, read.accents)[0]
    assert int(np.argmax(wish)) == 7 and wish[7] > 1
    assert int(np.argmin(wish)) == 12 and wish[12] < -1  # the beat that is left out


def test_an_echo_is_not_answered():
    """A soft sixteenth after a beat is more than the metre expects there, yet nothing to play on."""
    bar = tuple(0.1 if s == 5 else 1.0 * (s in (0, 4, 7, 8)) for s in range(16))
    read = brief(bar_accents=(bar,) * 2)
    wish = unexpected(read, read.accents)[0]
    assert wish[5] == 0.0 and wish[7] > 1


@pytest.mark.parametrize("seed", range(5))
def test_a_bar_takes_up_what_stands_out(seed):
    read = brief(answer=0.0, bar_accents=(accent_steps(0, 4, 7, 8),) * 2)
    wish = unexpected(read, read.accents)[0]
    hits = follow(read, BEATS, wish, "1", np.random.default_rng(seed))
    assert {h.step for h in hits} == {h.step for h in BEATS} | {7.0}
    assert [h.step for h in hits] == sorted(h.step for h in hits)
    # A bar that its cell leaves empty (half-time feel) hears the idea too.
    assert 7.0 in [h.step for h in follow(read, (), wish, "1", np.random.default_rng(seed))]


def test_nothing_heard_leaves_a_bar_alone_and_no_more_than_a_few_hits_come():
    read = brief(answer=0.0)
    assert follow(read, BEATS, np.zeros(16), "1", np.random.default_rng(0)) == list(BEATS)
    assert len(follow(read, BEATS, np.full(16, 2.0), "1", np.random.default_rng(0), most=2)) == len(BEATS) + 2


def test_letters_are_heard_only_where_bars_come_back():
    one, other = accent_steps(0, 4, 8, 12), accent_steps(0, 3, 6, 11)
    assert heard_letters(np.array([one, other, one, other])) == "ABAB"
    assert heard_letters(np.array([one] * 4)) == ""  # all alike: the take picks
    assert heard_letters(np.array([one, other, other, other])) == ""  # the first never comes back
    assert heard_letters(np.zeros((4, 16))) == ""


def test_the_bars_of_a_letter_share_their_mean_accents():
    profile = np.array([accent_steps(0), accent_steps(4), accent_steps(8)])
    form = [Bar(0, "A", 0, False), Bar(1, "B", 0, False), Bar(2, "A", 0, True)]
    assert in_letter(profile, form, "A")[[0, 4, 8]].tolist() == [0.5, 0.0, 0.5]


def test_a_loud_beginning_does_not_drown_the_accents():
    """A recording cut into a sound begins with its strongest onset by far; the others are accents all the same."""
    bars = [list(accent_steps(0, 3, 6, 10)) for _ in range(4)]
    quiet = [[0.2 * v for v in bar] for bar in bars]
    quiet[0][0] = 1.0
    read = brief(bar_accents=tuple(map(tuple, quiet)))
    assert read.accents[1, 3] == pytest.approx(1.0)


def test_accents_are_re_read_at_half_and_double_tempo():
    heard = idea(bar_accents=(accent_steps(0, 4, 8, 12),) * 2)
    slow = Brief(request("bass", bpm=50.0, bars=1), heard, 0)
    assert np.flatnonzero(slow.accents[0]).tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    fast = Brief(request("bass", bpm=200.0, bars=2), heard, 0)
    assert np.flatnonzero(fast.accents).tolist() == [0, 8, 16, 24]
