"""The doctor: a report of what every model did here, that a person can send."""

import json

import pytest

from helpers import cli
from helpers.engines import doctor, neural, ready, registry
from helpers.engines.hub.sources import SOURCES
from helpers.errors import Cancelled
from helpers.records import Readiness

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural


@pytest.fixture
def models(monkeypatch, tmp_path, tiny_folder):
    """Stable Audio Open wants its licence, MusicGen runs out of memory, AudioLDM2 works, ACE-Step lacks a package."""
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "home"))
    for family, source in (("audioldm2-music", "audioldm2-music"), ("musicgen", "musicgen-small")):
        monkeypatch.setenv(SOURCES[source].variable, str(tiny_folder(family)))
    monkeypatch.setattr(registry, "_instances", {})
    monkeypatch.setattr(doctor, "REQUEST", doctor.REQUEST.with_(bars=1))

    def full(self, *_):
        raise MemoryError

    monkeypatch.setattr("helpers.engines.fast.musicgen.MusicGenModel.sample", full)
    no_package = Readiness("ace-step", False, "diffusers is not installed.", "Run: loops-generator install diffusers.")
    monkeypatch.setattr(registry.get_engine("ace-step"), "readiness", lambda: no_package)
    for name in ("foundation-1", "audiocraft"):
        monkeypatch.setattr(registry.get_engine(name), "readiness", lambda: Readiness("x", False, "Not here.", ""))
    monkeypatch.setattr(registry.get_engine("audioldm2-music"), "presets", {
        "reference": {"steps": 2, "guidance": 3.5, "sampler": "ddim"}, "balanced": {}, "draft": {},
    })  # fmt: skip


def test_one_success_one_out_of_memory_one_licence_one_package(models, tmp_path, capfd):
    assert cli.main(["doctor", "--out", str(tmp_path / "out"), "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    written = json.loads((tmp_path / "out" / "doctor.json").read_text(encoding="utf-8"))
    assert printed == written and written["format"] == doctor.FORMAT
    rows = {row["engine"]: row for row in written["engines"]}
    assert set(rows) == {engine.info.name for engine in registry.all_engines()}
    assert rows["sketch"]["outcome"] == "made" and rows["sketch"]["fit_card"]["verdict"] == "pass"
    worked = rows["audioldm2-music"]
    assert worked["outcome"] == "made" and worked["seconds"] > 0
    assert rows["musicgen"]["outcome"] == "failed" and "ran out of memory on CPU" in rows["musicgen"]["reason"]
    licence = rows["stable-audio-open"]
    assert licence["outcome"] == "not-ready" and "accept its licence" in licence["reason"]
    assert "accept the licence, make a token" in licence["remedy"]
    assert rows["ace-step"] == {
        "engine": "ace-step", "title": "ACE-Step 1.5 (experimental)", "model": SOURCES["ace-step"].hub_id,
        "outcome": "not-ready", "reason": "diffusers is not installed.",
        "remedy": "Run: loops-generator install diffusers.",
    }  # fmt: skip
    assert "torch" in written["system"] and str(tmp_path) not in json.dumps(written["system"])
    text = doctor.report_lines(written)
    assert "musicgen            failed" in text and "sketch              made        pass" in text


def test_a_fault_of_ours_is_told_with_the_way_to_it_and_cancel_ends_it(models, tmp_path):
    def breaks(*_):
        raise KeyError("hf_abcdefgh12345")

    report = doctor.examine(breaks, tmp_path)
    row = report["engines"][0]
    assert row["outcome"] == "fault" and "KeyError" in row["reason"] and "in breaks" in row["reason"]
    assert "hf_abcdefgh12345" not in json.dumps(report)

    def cancelled(*_):
        raise Cancelled

    with pytest.raises(Cancelled):
        doctor.examine(cancelled, tmp_path)


def test_weights_that_are_not_here_are_not_fetched(models, monkeypatch, tmp_path):
    monkeypatch.delenv(SOURCES["musicgen-small"].variable)
    monkeypatch.setattr(neural.hub, "fetch_model", lambda *_: pytest.fail("a download began"))
    monkeypatch.setattr(ready, "free_bytes", lambda _: 10**12)
    row = next(r for r in doctor.examine(lambda *_: 1 / 0, tmp_path)["engines"] if r["engine"] == "musicgen")
    assert row["outcome"] == "no-weights" and "not been fetched" in row["reason"]
