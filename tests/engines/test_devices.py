"""Which precision on which GPU, what counts as out of memory, how many takes at once."""

import subprocess
import sys

import pytest

from helpers.engines import devices
from helpers.engines.devices import GIB, Device, Machine, choose_precision, plan_group
from helpers.errors import InvalidInput

T4 = "Tesla T4, 15360, 14900, 7.5"


@pytest.mark.parametrize(
    ("capability", "precision"),
    [(None, "float32"), (7.0, "float16"), (7.5, "float16"), (8.0, "bfloat16"), (8.9, "bfloat16"), (9.0, "bfloat16")],
)
def test_a_t4_gets_float16_and_never_bfloat16(capability, precision):
    assert choose_precision(capability) == precision


@pytest.fixture(autouse=True)
def nothing_remembered():
    devices._probe_driver.cache_clear()


def test_the_driver_is_asked_at_most_once_in_five_seconds(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    now, asked = [100.0], []
    monkeypatch.setattr(devices.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        subprocess, "run", lambda *_, **__: asked.append(1) or subprocess.CompletedProcess([], 0, stdout=T4)
    )
    for now[0] in (100.0, 101.0, 104.9, 105.0):
        devices.probe_machine()
    assert len(asked) == 2


def test_the_driver_is_read_without_torch(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    answer = subprocess.CompletedProcess([], 0, stdout=T4 + "\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    machine = devices.probe_machine()
    assert machine.gpu == "Tesla T4"
    assert machine.gpu_gib == pytest.approx(15.0)
    assert machine.precision == "float16"


@pytest.mark.parametrize("answer", ["", "No devices were found", "Tesla T4, [N/A], [N/A], 7.5", "a, b"])
def test_an_answer_that_is_not_one_means_no_gpu(monkeypatch, answer):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=answer))
    machine = devices.probe_machine()
    assert machine.gpu is None
    assert machine.precision == "float32"


def test_no_driver_means_no_gpu(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(subprocess, "run", absent)
    assert devices.probe_machine().gpu is None


@pytest.mark.parametrize(
    ("wanted", "each", "free", "planned"),
    [
        (4, GIB, 14 * GIB, 4),
        (8, GIB, 4 * GIB, 3),  # three quarters of four
        (8, GIB, GIB // 2, 1),  # never less than one: the rescue begins there
        (16, 1, 14 * GIB, 8),
    ],
)
def test_groups_are_as_large_as_the_memory_allows(wanted, each, free, planned):
    assert plan_group(wanted, each, free) == planned


def test_out_of_memory_is_recognised_and_nothing_else_is():
    torch = pytest.importorskip("torch")
    assert devices.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert devices.is_out_of_memory(MemoryError())
    assert devices.is_out_of_memory(RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert devices.is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."))
    assert not devices.is_out_of_memory(RuntimeError("shape '[1, 4, -1]' is invalid"))
    assert not devices.is_out_of_memory(ValueError("out of memory"))


@pytest.mark.neural
def test_a_cpu_runs_float32_and_what_is_asked_for(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.find_device() == Device("cpu", "CPU", "float32")
    assert devices.find_device("bfloat16").dtype is torch.bfloat16


@pytest.mark.neural
def test_bfloat16_is_refused_where_it_would_be_emulated(monkeypatch):
    torch = pytest.importorskip("torch")
    properties = type("P", (), {"name": "Tesla T4", "major": 7, "minor": 5})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**33, 2**34))
    assert devices.find_device() == Device("cuda", "Tesla T4", "float16")
    with pytest.raises(InvalidInput, match="Tesla T4 has no bfloat16; use float16"):
        devices.find_device("bfloat16")


@pytest.mark.neural
def test_modules_visit_the_device_and_go_home(monkeypatch):
    pytest.importorskip("torch")
    trips = []
    module = type("M", (), {"to": lambda self, place: trips.append(place)})()
    with pytest.raises(ZeroDivisionError), devices.placed(Device("cuda", "Tesla T4", "float16"), module):
        raise ZeroDivisionError
    assert trips == ["cuda", "cpu"]
    with devices.placed(Device("cpu", "CPU", "float32"), module):
        assert trips == ["cuda", "cpu"]


@pytest.mark.neural
def test_libraries_are_quiet_for_a_while_only():
    logging = pytest.importorskip("transformers.utils.logging")
    pytest.importorskip("diffusers")
    before = (logging.get_verbosity(), logging.is_progress_bar_enabled())
    with devices.quiet_libraries():
        assert logging.get_verbosity() == logging.ERROR
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_a_machine_without_a_gpu_runs_float32():
    assert Machine(ram_gib=12.0).precision == "float32"


def test_half_sums_are_exact_for_a_while_only():
    torch = pytest.importorskip("torch")
    matmul = torch.backends.cuda.matmul
    assert matmul.allow_fp16_reduced_precision_reduction
    threads = torch.get_num_threads()
    with devices.sampling_settings():
        assert not matmul.allow_fp16_reduced_precision_reduction
        assert torch.get_num_threads() == devices.usable_threads()
    assert matmul.allow_fp16_reduced_precision_reduction and torch.get_num_threads() == threads


def test_what_cublas_keeps_for_the_streams_of_captured_graphs_is_given_back_too(monkeypatch):
    torch = pytest.importorskip("torch")
    done = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("cache"))
    monkeypatch.setattr(torch._C, "_cuda_clearCublasWorkspaces", lambda: done.append("workspaces"), raising=False)
    devices.free_memory()
    assert done == ["workspaces", "cache"], "before the cache, into which they are given back"
