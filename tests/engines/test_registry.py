"""Engines by name: all are there, cheap to ask, and a wrong name is answered with the right ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.engines import registry
from helpers.engines.base import Engine
from helpers.engines.prompts import write_prompt
from helpers.errors import InvalidInput
from helpers.records import ROLES, Readiness

NAMES = ("sketch", "stable-audio-open", "foundation-1", "audioldm2-music", "ace-step", "musicgen", "audiocraft")


def test_all_engines_are_there_the_universal_one_first():
    assert tuple(engine.info.name for engine in registry.all_engines()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_engine_declares_itself(name):
    engine = registry.get_engine(name)
    info = engine.info
    assert isinstance(engine, Engine)
    assert info.name == name
    assert info.sample_rate in (16_000, 32_000, 44_100, 48_000)
    assert info.channels in (1, 2)
    assert info.max_seconds >= 10
    assert info.licence and info.title and info.good_at
    assert info.hears <= {"text", "negative", "init-audio", "melody", "continuation", "context", "analysis"}
    assert all(info.options.values()), "every option has a line of description"
    assert ("prompt" in info.options) == ("text" in info.hears)


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_has_a_prompt_format(name):
    from helpers.records import Request

    for role in set(ROLES) - ({"drums"} if name == "foundation-1" else set()):
        assert len(write_prompt(name, Request("piano", role, 100.0))) == 2


def test_the_same_name_gives_the_same_engine():
    assert registry.get_engine("musicgen") is registry.get_engine("musicgen")


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(InvalidInput, match=r"'jukebox' is not an engine; use one of sketch, .*sketch engine works"):
        registry.get_engine("jukebox")


def test_readiness_of_all_in_order():
    found = [engine.readiness() for engine in registry.all_engines()]
    assert [r.engine for r in found] == list(NAMES)
    assert all(isinstance(r, Readiness) for r in found)
    assert found[0].ready
    assert all(r.reason and r.remedy for r in found if not r.ready)


def test_asking_all_engines_imports_nothing_heavy():
    code = (
        "import sys; from helpers.engines import registry; [engine.readiness() for engine in registry.all_engines()]; "
        "print([m for m in ('torch', 'diffusers', 'transformers', 'librosa') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_release_others_spares_the_one_and_frees_the_rest(monkeypatch):
    freed = []
    for name in ("musicgen", "stable-audio-open"):
        monkeypatch.setattr(registry.get_engine(name), "release", lambda name=name: freed.append(name))
    registry.release_others("musicgen")
    assert "stable-audio-open" in freed
    assert "musicgen" not in freed
