"""The engines' way on a GPU, rehearsed without one: see :mod:`tests.pretend_cuda`.

The loading code, the checkpoints, the branches and the sizes are the real ones; only what is computed is not.
"""

import numpy as np
import pytest

from helpers.records import Clip, Request
from tests.engines.conftest import options_for

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = [pytest.mark.neural, pytest.mark.filterwarnings("ignore:PyTorch was compiled without cuDNN")]

from tests.pretend_cuda import PretendCuda

GUIDE = Clip(0.3 * np.sin(np.arange(88_200) * 0.05, dtype=np.float32)[None], 44_100)


def asked(family, **options):
    options = options_for(family, **options)
    options |= {"steps": 2} if "steps" in options else {}  # every one takes seconds here
    return Request("piano", "chords", 120.0, bars=1, guide="none", options=options)


@pytest.fixture
def engine_for(tiny_engine):
    """``engine_for(family)``: nothing loaded before or after, so that a GPU that is not there is not remembered."""
    used = []

    def engine(family):
        used.append(tiny_engine(family))
        used[-1].release()
        return used[-1]

    yield engine
    for engine in used:
        engine.release()


@pytest.mark.parametrize("family", ["stable-audio-open", "audioldm2-music", "musicgen-stereo-melody"])
def test_every_family_runs_as_a_graph_and_gives_its_memory_back(engine_for, family):
    engine = engine_for(family)
    hears = engine.hears_guide
    request = asked(family).with_(guide="idea" if hears else "none", guide_strength=0.6 if hears else 0.5)
    with PretendCuda() as gpu:
        takes = engine.generate(request, count=3, guide=GUIDE if hears else None)
        assert len(takes) == 3
        assert all(take.notes[-1].endswith("in float16, replayed as a CUDA graph") for take in takes)
        assert gpu.replays >= gpu.captures > 0
        engine.release()
        assert gpu.held_bytes == 0


def test_a_newer_gpu_runs_bfloat16(engine_for):
    family = "stable-audio-open"
    with PretendCuda(name="NVIDIA A100", capability=(8, 0)):
        take = engine_for(family).generate(asked(family))[0]
    assert take.notes[-1].endswith("in bfloat16, replayed as a CUDA graph")


def test_a_group_that_does_not_fit_is_halved_and_its_memory_is_free_again(engine_for, monkeypatch):
    engine, family = engine_for("stable-audio-open"), "stable-audio-open"
    with PretendCuda() as gpu:
        engine.generate(asked(family, batch=4), count=4)
        engine.release()
        most = gpu.peak_bytes
    sizes = []
    with PretendCuda(memory_gib=(most - 1) / 2**30) as gpu:
        engine.generate(asked(family, batch=1))  # loaded
        kind = type(engine._model)
        real = kind.sample
        monkeypatch.setattr(kind, "sample", lambda *a: sizes.append(len(a[3])) or real(*a))
        takes = engine.generate(asked(family, batch=4), count=4)
        engine.release()
        assert gpu.held_bytes == 0
    assert sizes == [4, 2, 2]
    assert all(take.notes[-1].endswith("replayed as a CUDA graph") for take in takes)


@pytest.mark.parametrize("family", ["stable-audio-open", "musicgen"])
def test_weights_in_half_precision_do_not_stay_beside_those_in_full(engine_for, family):
    engine = engine_for(family)
    with PretendCuda() as gpu:
        engine.generate(asked(family))
        gpu.reset_peak()
        engine._model.to_float32()
        assert gpu.peak_bytes < 1.1 * gpu.held_bytes
        engine.release()


def test_what_makes_keys_and_values_of_the_words_is_on_the_gpu_for_them_only(engine_for):
    engine = engine_for("musicgen")
    with PretendCuda():
        engine.generate(asked("musicgen"))
        for layer in engine._model.model.decoder.model.decoder.layers:
            places = {name: p.device.type for name, p in layer.encoder_attn.named_parameters()}
            assert places.pop("k_proj.weight") == places.pop("v_proj.weight") == "cpu"
            assert set(places.values()) == {"cuda"}
        engine.release()
