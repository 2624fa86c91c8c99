"""A draft through the real adapters: labelled, and in bfloat16 where a CPU multiplies in it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from helpers.engines import devices
from helpers.engines.audioldm2_music import AudioLDM2MusicEngine
from helpers.engines.hub.sources import SOURCES
from helpers.engines.stable_audio_open import StableAudioOpenEngine
from helpers.records import Request
from tests.engines.tiny import build_tiny


@pytest.mark.parametrize(("fast", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_hurried_cpu_takes_bfloat16_where_it_has_it(monkeypatch, fast, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "has_fast_bfloat16", lambda: fast)
    assert devices.find_device(hurry=True).precision == precision
    assert devices.find_device().precision == "float32"
    assert devices.find_device("float32", hurry=True).precision == "float32"
    assert devices.find_device("bfloat16").precision == "bfloat16"


@pytest.mark.parametrize("kind", [StableAudioOpenEngine, AudioLDM2MusicEngine])
def test_a_draft_is_labelled_and_says_its_precision(monkeypatch, tmp_path, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "has_fast_bfloat16", lambda: True)
    engine = kind()
    monkeypatch.setenv(SOURCES[engine.info.name].variable, str(build_tiny(tmp_path, engine.info.name)))
    request = Request("bass guitar", "bass", 120.0, bars=1, engine=engine.info.name)
    sounds, labels = {}, {}
    for precision in ("auto", "float32"):
        options = {"prompt": "bass", "preset": "draft", "precision": precision}
        (take,) = engine.generate(request.with_(options=options))
        sounds[precision], labels[precision] = take.clip.samples, take.labels
        asked = "bfloat16" if precision == "auto" else "float32"
        assert any(f"in {asked}, run one by one" in note for note in take.notes)
    assert labels["auto"] == labels["float32"] != ()
    assert np.isfinite(sounds["auto"]).all()
    assert sounds["auto"].shape == sounds["float32"].shape
