"""A notebook's app in a temporary folder, with engines that need nothing, and panels that are never drawn."""

from __future__ import annotations

import pytest

pytest.importorskip("anywidget")

from helpers import pipeline
from helpers.sound.audio import write_wav
from helpers.ui import app as app_module
from tests import signals
from tests.ui.fakes import use_fake_engines


@pytest.fixture
def engines(monkeypatch):
    use_fake_engines(monkeypatch)


@pytest.fixture(scope="session")
def analyses():
    """What was really heard, by the sound's digest: the tests' ideas are few and hearing one takes a second."""
    return {}


@pytest.fixture
def app(tmp_path, engines, analyses, monkeypatch):
    hear = pipeline.analyze_idea

    def once(idea, *args, **kwargs):
        if idea.sha256 not in analyses:
            analyses[idea.sha256] = hear(idea, *args, **kwargs)
        return analyses[idea.sha256]

    monkeypatch.setattr(pipeline, "analyze_idea", once)
    monkeypatch.setattr(app_module, "display", lambda widget, **_: None)
    opened = app_module.App(tmp_path / "loops")
    yield opened
    opened.jobs.cancel()
    opened.jobs.wait(20)


@pytest.fixture
def idea_file(tmp_path):
    """Two bars of 120 BPM: a kick on every beat under an A minor chord."""
    kicks, _ = signals.click_track(120, 4.0, accent_every=4)
    chord = signals.melody([(57, 0.0, 4.0), (60, 0.0, 4.0), (64, 0.0, 4.0)], 4.0)
    path = tmp_path / "my idea.wav"
    write_wav(path, signals.clip_of(kicks.samples[0] + 0.3 * chord.samples[0], channels=2))
    return path
