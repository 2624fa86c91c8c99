"""The table of weights: names, folders, completeness. Files only, no network."""

import json
from fnmatch import fnmatch

import pytest

from helpers.engines.hub import sources
from helpers.engines.hub.sources import SOURCES
from helpers.errors import InvalidInput

SMALL = SOURCES["musicgen-small"]


@pytest.fixture
def folder(tmp_path):
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    return tmp_path


def test_every_variable_is_named_after_its_model():
    assert SOURCES["stable-audio-open"].variable == "LOOPS_MODEL_STABLE_AUDIO_OPEN"
    assert SOURCES["musicgen-stereo-melody"].variable == "LOOPS_MODEL_MUSICGEN_STEREO_MELODY"
    assert len({source.variable for source in SOURCES.values()}) == len(SOURCES)


def test_every_source_has_a_licence_a_size_and_a_revision():
    assert all(s.licence and s.download_gib > 0 and s.revisions for s in SOURCES.values())


def test_models_of_the_main_environment_are_safetensors_only():
    for name in ("stable-audio-open", "audioldm2-music", "musicgen-small", "musicgen-melody"):
        assert not [p for p in SOURCES[name].patterns if p.endswith((".bin", ".ckpt", ".th", ".pt", "*"))]


def test_the_single_file_beside_stable_audios_parts_is_not_fetched():
    patterns = SOURCES["stable-audio-open"].patterns
    assert not any(fnmatch("model.safetensors", pattern) for pattern in patterns)
    assert any(fnmatch("vae/diffusion_pytorch_model.safetensors", pattern) for pattern in patterns)


def test_a_complete_folder_lacks_nothing(folder):
    assert sources.missing_files(folder, SMALL) == []


def test_shards_are_counted(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert sources.missing_files(folder, SMALL) == ["model-00002-of-00002.safetensors"]


@pytest.mark.parametrize("text", ['{"weight_map": {"a', "[]", "{}", '{"weight_map": []}', ""])
def test_an_index_that_is_cut_short_is_lacking_and_stops_nothing(folder, text):
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    assert sources.missing_files(folder, SMALL) == ["model.safetensors.index.json in one piece"]


def test_a_local_folder_is_used_when_its_variable_names_it(folder, monkeypatch):
    assert sources.local_folder(SMALL) is None
    monkeypatch.setenv("LOOPS_MODEL_MUSICGEN_SMALL", str(folder))
    assert sources.local_folder(SMALL) == folder


def test_a_familys_variable_means_its_small_model_and_counts_last(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("LOOPS_MODEL_MUSICGEN", str(folder))
    assert sources.local_folder(SMALL) == folder
    assert sources.local_folder(SOURCES["musicgen-large"]) is None
    monkeypatch.setenv("LOOPS_MODEL_MUSICGEN_SMALL", str(tmp_path / "nowhere"))
    with pytest.raises(InvalidInput, match="MUSICGEN_SMALL names"):
        sources.local_folder(SMALL)


def test_a_wrong_folder_is_named_with_its_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOPS_MODEL_MUSICGEN_SMALL", str(tmp_path / "nowhere"))
    with pytest.raises(InvalidInput, match=r"LOOPS_MODEL_MUSICGEN_SMALL names .*nowhere, which is not a folder"):
        sources.local_folder(SMALL)


def test_an_incomplete_folder_is_named_with_what_it_lacks(folder, monkeypatch):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    monkeypatch.setenv("LOOPS_MODEL_MUSICGEN_SMALL", str(folder))
    with pytest.raises(InvalidInput, match=r"lacks \*\.safetensors; it must hold facebook/musicgen-small"):
        sources.local_folder(SMALL)


def test_a_snapshot_counts_only_when_it_is_complete():
    repository = sources.repository_folder(SMALL)
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc", encoding="utf-8")
    (snapshot / "config.json").write_text("{}", encoding="utf-8")
    assert sources.cached_folder(SMALL) is None
    (snapshot / "model.safetensors").write_bytes(b"x")
    assert sources.cached_folder(SMALL) is None, "stopped before the tokenizer: it would be deaf to words"
    (snapshot / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert sources.cached_folder(SMALL) == snapshot


def test_what_is_cached_is_weighed():
    assert sources.cached_gib(SMALL) == 0.0
    blobs = sources.repository_folder(SMALL) / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "a").write_bytes(b"x" * 2**20)
    assert sources.cached_gib(SMALL) == pytest.approx(1 / 1024)
