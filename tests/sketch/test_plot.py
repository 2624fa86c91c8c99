"""The piano roll is drawn to a file or on given axes."""

from __future__ import annotations

from matplotlib.figure import Figure

from helpers.sketch import compose, plot_roll
from tests.sketch.ideas import accent_steps, idea, request


def test_picture_is_written(tmp_path):
    asked = request("chords")
    plot_roll(compose(asked, None), asked, None, tmp_path / "roll.png")
    assert (tmp_path / "roll.png").read_bytes()[:4] == b"\x89PNG"


def test_every_note_is_drawn_and_chords_are_named():
    asked = request("lead")
    heard = idea(accents=accent_steps(0, 4))
    axes = Figure().add_subplot()
    score = compose(asked, heard)
    plot_roll(score, asked, heard, axes)
    boxes = {(round(p.get_x(), 4), round(p.get_width(), 4)) for p in axes.patches}
    assert {(round(n.start, 4), round(n.length, 4)) for n in score.notes} <= boxes
    assert [t.get_text() for t in axes.texts] == ["Am", "F", "C", "G"]


def test_drums_are_drawn_by_name():
    asked = request("drums", genre="rock")
    axes = Figure().add_subplot()
    plot_roll(compose(asked, None), asked, None, axes)
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert "kick" in names
    assert "snare" in names
