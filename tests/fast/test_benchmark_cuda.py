"""The engine benchmark's way on a GPU, rehearsed without one, on tiny models, failures included."""

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = [
    pytest.mark.neural,
    pytest.mark.filterwarnings(
        "ignore:PyTorch was compiled without cuDNN", "ignore:.*weight_norm", "ignore:Should have"
    ),
]

from benchmarks.engines import cases as engine_cases
from benchmarks.engines import engines, models
from benchmarks.measure import Launches
from tests.pretend_cuda import PretendCuda


@pytest.fixture
def gpu(monkeypatch):
    """A T4; what only a real driver offers (its profiler, its random generators) is left out."""
    runs = []
    monkeypatch.setattr(engines, "count_launches", lambda run, device: runs.append(run()) or Launches(1, len(runs), 1))
    monkeypatch.setattr(engines, "measure_samplers", lambda device: None)

    class Generator(torch.Generator):
        def __new__(cls, *_):
            return super().__new__(cls)

    monkeypatch.setattr(torch, "Generator", Generator)
    monkeypatch.setattr(engine_cases, "_relative", lambda ours, theirs: float(ours.shape != theirs.shape))
    for kind in (engine_cases.StableAudioCase, engine_cases.AudioLDM2Case, engine_cases.MusicgenCase):
        monkeypatch.setattr(kind, "theirs", lambda self, takes, steps: [])  # a thousand operations a step take minutes
    make, build = engine_cases.make_case, models.build_parts

    def build_and_move(makers, device, dtype):  # as a checkpoint comes: some layers keep their settings in tensors
        return {name: part.to(device) for name, part in build(makers, "cpu", dtype).items()}

    monkeypatch.setattr(models, "build_parts", build_and_move)
    monkeypatch.setattr(engines, "make_case", lambda name, size, *rest: make(name, "tiny", *rest))
    with PretendCuda(14.5) as gpu:
        yield gpu


def run(out, *arguments):
    code = engines.main(
        ["--quick", "--steps", "25", "--repeats", "1", "--seconds", "0.5", *arguments, "--out", str(out)]
    )
    return code, json.loads(out.read_text(encoding="utf-8"))


def test_a_quick_run_measures_and_leaves_nothing_on_the_gpu(gpu, tmp_path):
    names = ["musicgen-small"]
    code, result = run(tmp_path / "engines.json", "--takes", "1", "--engines", *names)
    assert [(row["engine"], row["takes"], row["failed"]) for row in result["rows"]] == [
        (name, 1, None) for name in names
    ]
    for row in result["rows"]:
        assert row["how"] == "cuda-graph"
        assert row["theirs_extrapolated"] == "24 of 25 steps were run"
        assert "ours_extrapolated" not in row
        assert row["ours_peak_gib"] is not None
    assert (code, gpu.held_bytes) == (0, 0)
    assert result["machine"]["name"] == "Tesla T4"


def test_what_fails_is_a_row_and_the_rest_goes_on(gpu, tmp_path, monkeypatch, capsys):
    def breaks(self, takes, steps):
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    def cannot(self):
        raise ValueError("no such step")

    monkeypatch.setattr(engine_cases.StableAudioCase, "theirs", breaks)
    monkeypatch.setattr(engine_cases.AudioLDM2Case, "agreement", cannot)
    names = ["audioldm2-music", "stable-audio-open"]
    code, result = run(tmp_path / "engines.json", "--takes", "1", "--engines", *names)
    first, second = result["rows"]
    assert first["failed"] == "ValueError: no such step"
    assert second["failed"].startswith("theirs: RuntimeError: CUDA error: an illegal memory access was encountered")
    assert second["ours_seconds"] > 0 and second["theirs_seconds"] is None
    assert code == 1
    assert "could not be run: audioldm2-music" in capsys.readouterr().err
