"""A token is kept in the environment only, and the page says what the Hub made of it."""

import dataclasses
import os

import pytest

from helpers.engines import registry
from helpers.ui import hub_login
from tests.ui.fakes import ToneEngine, send


class GatedEngine(ToneEngine):
    info = dataclasses.replace(ToneEngine.info, name="gated", title="Gated", gated=True, hub_id="someone/gated")
    problem = ""

    def access_problem(self):
        assert os.environ["HF_TOKEN"] == "hf_secret"
        return self.problem


@pytest.fixture
def gated(monkeypatch):
    engine = GatedEngine()
    monkeypatch.setattr(registry, "_instances", {"sketch": ToneEngine(), "gated": engine})
    monkeypatch.setattr(registry, "_ADAPTERS", {"sketch": "none:None", "gated": "none:None"})
    return engine


@pytest.mark.parametrize(("problem", "tone"), [
    ("", "good"),
    ("The licence of someone/gated has not been accepted; open https://hub.example/someone/gated.", "warn"),
])  # fmt: skip
def test_the_hub_is_asked_what_a_new_token_opens(app, gated, monkeypatch, problem, tone):
    monkeypatch.setenv("HF_TOKEN", "")
    gated.problem = problem
    app.show_login()
    panel = app._panels["login"]
    send(panel, "token", token="hf_secret")
    assert app.login.jobs.wait(10)
    assert panel.message["tone"] == tone
    assert (problem or "opens Gated") in panel.message["text"]
    assert "hf_secret" not in str(panel.get_state())


def test_a_hub_that_fails_is_a_sentence_and_the_token_stays(app, gated, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(GatedEngine, "access_problem", lambda self: 1 / 0)
    app.show_login()
    send(app._panels["login"], "token", token="hf_secret")
    assert app.login.jobs.wait(10)
    assert app._panels["login"].message["tone"] == "bad"
    assert os.environ["HF_TOKEN"] == "hf_secret"


def test_the_steps_lead_to_the_pages(gated, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example/")
    found = hub_login.status()
    assert found["tokens"] == "https://hub.example/settings/tokens"
    assert found["models"] == [{"title": "Gated", "page": "https://hub.example/someone/gated"}]
