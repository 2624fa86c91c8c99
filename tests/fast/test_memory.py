"""What the engines reckon a take needs, against live tensors of full-size models, without a GPU."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = [
    pytest.mark.neural,
    pytest.mark.filterwarnings("ignore:PyTorch was compiled without cuDNN", "ignore:.*weight_norm"),
]

from benchmarks.engines import memory


def test_four_takes_stay_within_the_target_and_the_plan():
    engine = "stable-audio-open"  # the others run the same check in the benchmark
    row = memory.measure(engine, 4, "float16", memory.T4_GIB)
    assert row["groups"] == "4"
    assert row["path"].endswith("replayed as a CUDA graph")
    assert row["take_mib"] <= row["planned_mib"] <= 2 * row["take_mib"]
    assert row["peak"] <= memory.TARGETS.get(engine, 1.5)
