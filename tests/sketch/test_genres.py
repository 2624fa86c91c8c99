"""Which genre a part is composed in: the musician's word, what was heard, or what tempo and kicks speak for."""

from dataclasses import replace

import pytest

from helpers.records import Analysis, Groove, Request, Tag, Tempo
from helpers.sketch.brief import Brief

FOUR = (1.0, 0.0, 0.0, 0.0) * 4
HALF = (1.0, *(0.0,) * 9, 1.0, *(0.0,) * 5)  # a kick on 1 and one before 4, as in drum and bass


def idea(label: str, bpm: float, kicks: tuple[float, ...], score: float = 0.9) -> Analysis:
    heard = Analysis("idea.wav", "0" * 64, 8.0, 44_100, 2, Tempo(bpm, 1.0), None, genres=(Tag(label, score),))
    return replace(heard, groove=Groove(accents=kicks, low_accents=kicks, density=3.0))


def composed(analysis: Analysis, **asked) -> str:
    return Brief(Request(instrument="bass", role="bass", bpm=analysis.tempo.bpm, **asked), analysis, 0).genre.name


@pytest.mark.parametrize(
    ("label", "bpm", "kicks", "genre"),
    [
        ("electronic", 140.0, FOUR, "techno"),
        ("electronic", 122.0, FOUR, "house"),
        ("electronic", 172.0, HALF, "drum and bass"),
        ("electronic", 70.0, FOUR, "electronic"),  # nothing electronic has these kicks at 70: the family itself
        ("rock", 140.0, FOUR, "rock"),  # what is no family is not made another by its kicks
        ("hip hop", 122.0, FOUR, "hip hop"),  # another family's kicks do not count
    ],
)
def test_tempo_and_kicks_choose_within_the_family_that_was_heard(label, bpm, kicks, genre):
    heard = idea(label, bpm, kicks)
    assert composed(heard) == composed(heard, genre=label) == genre


def test_the_musicians_word_is_kept_and_an_unsure_family_steers_nothing():
    assert composed(idea("electronic", 140.0, FOUR), genre="jazz") == "jazz"
    assert composed(idea("rock", 140.0, FOUR, score=0.2)) == "techno"
