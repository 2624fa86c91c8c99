"""Tiny checkpoints, built once a run, and engines that load them through the real loading code, offline."""

from __future__ import annotations

import os

import pytest

from helpers.engines.hub.sources import SOURCES
from tests.engines.tiny import FAMILIES, build_tiny, options_for  # noqa: F401  options_for: for the tests

ENGINE_OF = {family: family if not family.startswith("musicgen") else "musicgen" for family in FAMILIES}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny products on two threads of a busy machine wait for each other longer than they compute."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    yield
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before


@pytest.fixture(autouse=True)
def no_outside(monkeypatch, tmp_path):
    """No network, no token, no weights of the machine's owner."""
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING", "LOOPS_MODEL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub_home(monkeypatch, tmp_path / "hf")


def hub_home(monkeypatch, home):
    """Make ``home`` the Hub's, for children and for the library here, which reads its variables once."""
    monkeypatch.setenv("HF_HOME", str(home))
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """``tiny_folder(family)``: the folder of a tiny checkpoint, built at its first use."""
    pytest.importorskip("diffusers")
    pytest.importorskip("transformers")
    import torch

    torch.set_num_threads(1)
    built = {}

    def folder(family: str):
        if family not in built:
            from helpers.engines.devices import quiet_libraries

            with quiet_libraries():
                built[family] = build_tiny(tmp_path_factory.mktemp("tiny") / family, family)
        return built[family]

    return folder


@pytest.fixture(scope="session")
def loaded_engines():
    """Engines by family, kept over the run so that each checkpoint is loaded once."""
    return {}


@pytest.fixture
def tiny_engine(tiny_folder, loaded_engines, monkeypatch):
    """``tiny_engine(family)``: the engine for a family, with its tiny checkpoint behind the usual variable."""

    def engine(family: str):
        from helpers.engines import ace_step, audioldm2_music, foundation_1, musicgen, stable_audio_open

        kinds = {
            "stable-audio-open": stable_audio_open.StableAudioOpenEngine,
            "ace-step": ace_step.AceStepEngine,
            "foundation-1": foundation_1.Foundation1Engine,
            "audioldm2-music": audioldm2_music.AudioLDM2MusicEngine,
            "musicgen": musicgen.MusicGenEngine,
        }
        source = {
            "musicgen": "musicgen-small",
            "musicgen-stereo": "musicgen-stereo-small",
        }.get(family, family)
        monkeypatch.setenv(SOURCES[source].variable, str(tiny_folder(family)))
        monkeypatch.setattr(ace_step, "LIKED_SECONDS", 2.0)  # the codec decodes a minute in half a minute here
        if family == "foundation-1":
            monkeypatch.setenv(SOURCES["t5-base"].variable, str(tiny_folder(family) / "t5"))
        if family not in loaded_engines:
            loaded_engines[family] = kinds[ENGINE_OF[family]]()
        return loaded_engines[family]

    return engine
