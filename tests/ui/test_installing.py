"""MODELS installs packages, then fetches weights, and says what is missing."""

import dataclasses

import pytest

from helpers.engines import registry
from helpers.errors import NotAvailable
from helpers.install.extras import EXTRAS
from helpers.records import Readiness
from helpers.ui import installing, readiness


@pytest.fixture
def models(app, monkeypatch):
    """The panel's handlers with packages that count as installed once asked for; what happened is in ``done``."""
    app.show_models()
    models, models.done = app.models, []
    there = set()

    def install(family, *, on_line, cancel):
        on_line(f"got {family}")
        there.add(family)
        models.done.append(family)

    monkeypatch.setattr(installing, "install", install)
    monkeypatch.setattr(installing, "missing", lambda family: [] if family in there else [family])
    for engine in registry.all_engines():
        name = engine.info.name
        monkeypatch.setattr(engine, "fetch", lambda progress, cancel, name=name: models.done.append(name))
    return models


def finished(models):
    assert models.jobs.wait(10)
    return models.jobs.view


def test_packages_come_once_and_then_the_weights_of_every_ticked_model(models):
    assert models.install(["musicgen", "stable-audio-open"])
    assert finished(models)["tone"] == "good"
    assert models.done == ["diffusers", "stable-audio-open", "musicgen"]
    assert any("got diffusers" in line for line in models.jobs.view["log"])
    assert models.install(["musicgen"])
    finished(models)
    assert models.done[3:] == ["musicgen"]


def test_weights_that_are_refused_are_named_and_the_others_come(models, monkeypatch):
    def refused(progress, cancel):
        raise NotAvailable("its licence has not been accepted.")

    monkeypatch.setattr(registry.get_engine("stable-audio-open"), "fetch", refused)
    models.install(["stable-audio-open", "musicgen"])
    view = finished(models)
    assert view["tone"] == "warn" and "Stable Audio Open: its licence has not been accepted." in view["text"]
    assert models.done == ["diffusers", "musicgen"]


def test_extras_come_after_the_models_and_ideas_are_heard_again(models, app, monkeypatch, idea_file):
    app.show_upload()
    app.show_mode()
    app.ideas.add(idea_file)
    assert app.jobs.wait(60) and app.analysis is not None
    before, heard = app.analysis, []
    real = app.library.hear
    monkeypatch.setattr(app.library, "hear", lambda entry, progress: heard.append(entry.id) or real(entry, progress))
    for name in ("tags", "soundfont"):
        extra = dataclasses.replace(EXTRAS[name], fetch=lambda progress, cancel, name=name: models.done.append(name))
        monkeypatch.setitem(EXTRAS, name, extra)
    models.install(["soundfont"])
    finished(models)
    assert not heard
    models.install(["tags", "musicgen"])
    finished(models)
    assert models.done == ["soundfont", "diffusers", "musicgen", "tags"]
    assert app.jobs.wait(60) and heard == [app.state.current]
    assert app.analysis is not None and app.analysis.tempo == before.tempo


def test_extras_are_rows_with_size_licence_and_a_tick(app, monkeypatch):
    for name, here in (("tags", True), ("soundfont", False)):
        monkeypatch.setitem(EXTRAS, name, dataclasses.replace(EXTRAS[name], is_here=lambda here=here: here))
    rows = {row["name"]: row for row in readiness.report(app.state.folder)["extras"]}
    assert rows["tags"]["ready"] and not rows["tags"]["installable"]
    assert not rows["soundfont"]["ready"] and rows["soundfont"]["installable"]
    assert rows["soundfont"]["size"] == "34 MB" and "MIT" in rows["soundfont"]["licence"]


def test_nothing_ticked_is_a_sentence_and_unknown_names_are_left_alone(models, app):
    assert not models.install([])
    assert not models.install(["sketch", "no such"])
    assert "Tick" in app._panels["readiness"].message["text"]
    assert models.done == []


@pytest.mark.parametrize(("weights", "left", "offered"), [("download", 3.3, True), ("cached", 0.0, False)])
def test_a_model_that_is_ready_without_its_weights_can_be_ticked(app, monkeypatch, weights, left, offered):
    details = {"weights": weights, "download_gib_left": left}
    monkeypatch.setattr(
        registry.get_engine("musicgen"), "readiness", lambda: Readiness("musicgen", True, "", "", details)
    )
    row = next(row for row in readiness.report(app.state.folder)["engines"] if row["name"] == "musicgen")
    assert row["installable"] is offered and row["gib_left"] == left and row["packages"] == ""
