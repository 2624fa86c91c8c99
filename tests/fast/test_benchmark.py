"""The engine benchmark checks itself on tiny models, and notices when it should fail."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = [pytest.mark.neural, pytest.mark.filterwarnings("ignore:Should have")]  # the tree, at its very ends

from benchmarks.engines import engines
from benchmarks.engines.cases import MusicgenCase

QUICK = ["--tiny", "--takes", "1", "--steps", "8", "--repeats", "1", "--seconds", "0.5"]


@pytest.fixture(autouse=True)
def no_sampler_timing(monkeypatch):
    monkeypatch.setattr(engines, "measure_samplers", lambda device: None)


def test_a_tiny_run_fills_every_column_and_agrees(tmp_path, capsys):
    out = tmp_path / "engines.json"
    names = ["stable-audio-open", "audioldm2-music", "musicgen-small", "musicgen-melody"]
    assert engines.main([*QUICK, "--out", str(out), "--engines", *names]) == 0
    result = json.loads(out.read_text(encoding="utf-8"))
    assert [row["engine"] for row in result["rows"]] == names
    for row in result["rows"]:
        assert row["how"] == "plain"
        assert row["ours_seconds"] > 0 < row["theirs_seconds"]
        if row["engine"] != "audioldm2-music":  # there both sides call the library's UNet as it is
            assert row["ours_launches"] < row["theirs_launches"]
    assert max(result["agreement"].values()) < 1e-5
    assert {"torch", "diffusers", "transformers", "name"} <= result["machine"].keys()
    table = capsys.readouterr().out
    assert all(name in table for name in names)


def test_a_model_that_disagrees_fails_the_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(MusicgenCase, "agreement", lambda self: 0.5)
    out = str(tmp_path / "engines.json")
    assert engines.main([*QUICK, "--out", out, "--engines", "musicgen-small"]) == 1
    assert "disagrees with the library by more than rounding: musicgen-small" in capsys.readouterr().err


def test_running_out_of_memory_is_a_row_not_a_crash(tmp_path, monkeypatch):
    def full(self, takes, steps):
        if takes == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return theirs(self, takes, steps)

    theirs = MusicgenCase.theirs
    monkeypatch.setattr(MusicgenCase, "theirs", full)
    out = tmp_path / "engines.json"
    assert engines.main([*QUICK, "--out", str(out), "--engines", "musicgen-small", "--takes", "1", "2"]) == 0
    one, two = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert one["theirs_seconds"] > 0
    assert two["theirs_seconds"] is None
    assert two["theirs_failed"] == "out of memory"
    assert two["ours_seconds"] > 0


def test_startup_lists_what_was_loaded_and_can_hide_packages():
    from benchmarks.startup import NEURAL, measure_start

    plain = measure_start("import numpy", (), 1)
    assert plain["seconds"] >= 0 <= plain["cpu_seconds"]
    assert plain["loaded"] == []
    assert "failed" not in measure_start("import json, helpers", NEURAL, 1)
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is not None)"
    assert "failed" not in measure_start(look, NEURAL, 1)
    assert "No module named 'torch'" in measure_start("import torch", NEURAL, 1)["failed"]
    assert measure_start("import scipy", (), 1)["loaded"] == ["scipy"]
