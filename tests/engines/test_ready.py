"""What an engine says about a machine it has not run on yet."""

import pytest

from helpers.engines import devices, ready
from helpers.engines.devices import Machine
from helpers.engines.hub import download as hub
from helpers.engines.hub.sources import SOURCES, repository_folder
from helpers.engines.ready import judge_readiness
from helpers.engines.registry import get_engine
from helpers.records import never_cancelled, silent_progress

SAO = SOURCES["stable-audio-open"]
SMALL = SOURCES["musicgen-small"]
T4 = Machine(ram_gib=12.7, gpu="Tesla T4", gpu_gib=15.0, gpu_free_gib=14.5, capability=7.5)


@pytest.fixture(autouse=True)
def a_machine_with_all(monkeypatch):
    monkeypatch.setattr(devices, "probe_machine", lambda: T4)
    monkeypatch.setattr(ready, "find_spec", lambda name: object())
    monkeypatch.setattr(ready, "free_bytes", lambda _: 60 * 2**30)


def cache(source):
    return lay_out(source, repository_folder(source) / "snapshots" / "main")


def lay_out(source, snapshot):
    for part in (*source.parts, *source.tokenizers, *source.extras):
        (snapshot / part).mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "tokenizer.json"):
            (snapshot / part / name).write_text("{}", encoding="utf-8")
        (snapshot / part / "model.safetensors").write_bytes(b"x")
    return snapshot


def info(name):
    return get_engine(name).info


def test_ready_with_a_download_to_come():
    found = judge_readiness(info("musicgen"), SMALL)
    assert found.ready
    assert found.details["weights"] == "download"
    assert found.details["download_gib_left"] == pytest.approx(SMALL.download_gib)
    assert found.details["precision"] == "float16"


def test_missing_packages_are_named_with_the_command(monkeypatch):
    monkeypatch.setattr(ready, "find_spec", lambda name: None if name in ("torch", "diffusers") else object())
    found = judge_readiness(info("musicgen"), SMALL)
    assert not found.ready
    assert found.reason == "torch, diffusers are not installed."
    assert "loops-generator install diffusers" in found.remedy


def test_a_gated_model_without_a_token_tells_the_steps():
    found = judge_readiness(info("stable-audio-open"), SAO)
    assert not found.ready
    assert "no Hub token was found" in found.reason
    for step in (SAO.page, "accept the licence", "/settings/tokens", "HF_TOKEN"):
        assert step in found.remedy


def test_a_token_makes_it_ready_and_is_not_shown(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_somethingSecret")
    found = judge_readiness(info("stable-audio-open"), SAO)
    assert found.ready
    assert found.details["token"] is True
    assert "hf_somethingSecret" not in str(found)


def test_cached_weights_need_no_token():
    cache(SAO)
    found = judge_readiness(info("stable-audio-open"), SAO)
    assert found.ready
    assert found.details["weights"] == "cached"
    assert found.details["download_gib_left"] == 0.0


def test_a_local_folder_that_is_wrong_is_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv(SMALL.variable, str(tmp_path / "gone"))
    found = judge_readiness(info("musicgen"), SMALL)
    assert not found.ready
    assert "which is not a folder" in found.reason


def test_too_little_disk_is_said(monkeypatch):
    monkeypatch.setattr(ready, "free_bytes", lambda _: 2**30)
    found = judge_readiness(info("musicgen"), SMALL)
    assert not found.ready
    assert "need 2.2 GiB and 1.0 GiB of disk are free" in found.reason


def test_too_little_memory_is_said_for_the_gpu_and_for_the_machine(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "x")
    monkeypatch.setattr(devices, "probe_machine", lambda: Machine(12.0, "Old GPU", 2.0, 1.9, 7.5))
    assert "Old GPU has 2.0" in judge_readiness(info("stable-audio-open"), SAO).reason
    monkeypatch.setattr(devices, "probe_machine", lambda: Machine(4.0))
    assert "this machine has 4.0" in judge_readiness(info("stable-audio-open"), SAO).reason


@pytest.mark.parametrize("name", ["stable-audio-open", "audioldm2-music", "musicgen", "audiocraft"])
def test_weights_can_be_fetched_before_the_first_loop(name, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(hub, "fetch_model", lambda source, progress, cancel: asked.append(source.hub_id) or tmp_path)
    engine = get_engine(name)
    engine.fetch(silent_progress, never_cancelled)
    assert asked[-1] == engine.info.hub_id


def test_a_local_folder_is_not_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOPS_MODEL_AUDIOLDM2_MUSIC", str(lay_out(SOURCES["audioldm2-music"], tmp_path)))
    monkeypatch.setattr(hub, "fetch_model", lambda *_: pytest.fail("the Hub was asked"))
    get_engine("audioldm2-music").fetch(silent_progress, never_cancelled)
