"""A served page: each visitor has a folder of their own, whatever the others do."""

import os
import time

import pytest

from helpers.errors import InvalidInput
from helpers.ui import visitors
from helpers.ui.app import App

ANN, BOB = "a" * 32, "b" * 32


@pytest.fixture
def serve(tmp_path, monkeypatch, app):
    """A kernel as a served page has it; each page load is one."""
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.0")

    def load(visitor):
        page = App(tmp_path / "served")
        page.show_upload()
        page.visit(visitor)
        return page

    return load


def test_nobody_sees_or_loses_what_another_has_made(serve, idea_file):
    ann = serve(ANN)
    ann.ideas.add(idea_file, "secret demo.wav")
    bob = serve(BOB)
    assert bob.state.ideas == [] and bob.state.folder != ann.state.folder
    bob.ideas.add(idea_file, "beat.wav")
    bob.change("bars", 2)
    for page, visitor, name in ((ann, ANN, "secret demo.wav"), (bob, BOB, "beat.wav")):
        page.jobs.wait(60)
        assert [entry.name for entry in serve(visitor).state.ideas] == [name], "also after a reload"


def test_before_the_browser_has_said_who_it_is_the_folder_is_nobodys(serve, tmp_path):
    first, second = serve(""), serve("")
    assert first.state.folder != second.state.folder
    assert all(page.state.folder.parent == tmp_path / "served" / "visitors" for page in (first, second))


@pytest.mark.parametrize("name", ["..", "../" + ANN, "A" * 32, ANN + "/x", "ab"])
def test_an_id_that_is_not_ours_is_refused(tmp_path, name):
    with pytest.raises(InvalidInput):
        visitors.visitor_folder(tmp_path, name)


def test_a_notebook_has_no_visitors(app):
    before = app.state.folder
    app.visit(ANN)
    assert app.state.folder == before


def test_who_does_not_come_back_for_a_week_is_swept_and_who_fills_the_disk_is_told(tmp_path, monkeypatch):
    for visitor, days in ((ANN, 8), (BOB, 1)):
        file = visitors.visitor_folder(tmp_path, visitor) / "notebook-state.json"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
        os.utime(file, (time.time() - days * 86_400,) * 2)
    visitors.sweep(tmp_path)
    assert [path.name for path in (tmp_path / "visitors").iterdir()] == [BOB]
    monkeypatch.setattr(visitors, "MOST_BYTES", 1)
    with pytest.raises(InvalidInput, match="download what you want to keep"):
        visitors.require_room(tmp_path)
