"""The vocabulary is well formed: every cell and groove fills its bars, every name that is used exists."""

from __future__ import annotations

import pytest

from helpers.music.harmony import degree_chord
from helpers.music.meter import METERS
from helpers.music.pitch import parse_key
from helpers.sketch.cells import BANKS, cells, read_cell
from helpers.sketch.form import plan_form
from helpers.sketch.genres import GENRES, STYLE_WORDS, find_genre, find_mood
from helpers.sketch.harmony import PROGRESSIONS
from helpers.sketch.kits import FILLS, NOTES, drum_style
from helpers.sketch.parts.arpeggio import ORDERS, order_indices
from helpers.sketch.parts.pad import STRAYS

SYMBOLS = {"bass": "135678npacbg", "chords": "XxyDdumpP1234", "left": "1358", "lead": "Xx", "gate": "Xx"}


@pytest.mark.parametrize("bank", BANKS)
def test_cells_fill_whole_bars_with_known_symbols(bank):
    for style, meters in BANKS[bank].items():
        for meter in meters:
            for cell in cells(bank, style, meter):
                assert cell.steps % METERS[meter].steps_per_bar == 0, cell.name
                assert {h.symbol for h in cell.hits} <= set(SYMBOLS[bank]), cell.name
                assert cell.hits, cell.name


def test_reading_a_cell():
    cell = read_cell("x", "1--. 8.a-")
    assert [(h.step, h.length, h.symbol) for h in cell.hits] == [(0, 3, "1"), (4, 1, "8"), (6, 2, "a")]
    assert cell.scaled(2).hits[1].step == 8


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("genre", GENRES)
def test_genres_name_styles_that_exist(genre, meter):
    g = GENRES[genre]
    for bank, styles in (
        ("bass", g.bass),
        ("chords", g.chords),
        ("chords", g.guitar),
        ("lead", g.lead),
        ("gate", g.gate),
    ):
        for style in styles:
            assert cells(bank, style, meter)
    assert set(g.pad) <= {*STRAYS, "pulse"}
    assert {(g.progressions, "major"), (g.progressions, "minor")} <= set(PROGRESSIONS)
    style = drum_style(g.drums, meter)
    assert set(style.fills) <= set(FILLS)
    for groove in style.grooves:
        assert set(groove) <= set(NOTES)
        assert {METERS[meter].steps_per_bar % len(text) for text in groove.values()} == {0}


def test_style_words_name_styles_that_exist():
    banks = {
        "bass": BANKS["bass"],
        "chords": BANKS["chords"],
        "guitar": BANKS["chords"],
        "pad": {*STRAYS, "pulse"},
        "lead": BANKS["lead"],
        "gate": BANKS["gate"],
    }
    for wanted in STYLE_WORDS.values():
        for field, styles in wanted.items():
            assert set(styles) <= set(banks[field])


def test_words_find_genres_and_moods():
    assert find_genre("Electronic---Deep House").name == "house"
    assert find_genre("some lo-fi hip hop beat").name == "lo-fi"
    assert find_genre("Hip Hop").name == "hip hop"
    assert find_genre("zydeco noise") is None
    assert find_mood("melancholic and dark")[0] in ("sad and dark", "dark and sad")
    assert find_mood("") == find_mood(None)


def test_progressions_are_diatonic():
    for (_, mode), texts in PROGRESSIONS.items():
        for degree in " ".join(texts).replace("+", " ").split():
            chord = degree_chord(parse_key(f"D {mode}"), int(degree), sevenths=True)
            assert set(chord.pitch_classes) <= set(parse_key(f"D {mode}").scale)
            if mode in ("major", "minor"):
                assert chord.quality not in ("dim", "m7b5") or degree == "2"


@pytest.mark.parametrize("bars", range(1, 17))
def test_form_states_varies_and_turns(bars):
    for pick in range(4):
        form = plan_form(bars, pick)
        assert len(form) == bars
        assert form[0].letter == "A"
        assert form[0].variation == 0
        assert form[-1].turn == (bars > 1)
        if bars >= 4:
            assert any(b.variation or b.letter != "A" for b in form)
            assert sum(b.letter == "A" for b in form) >= 2


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_orders_visit_every_tone(order, n):
    assert set(order_indices(order, n)) == set(range(n))
