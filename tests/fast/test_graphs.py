"""Capturing a step: which path runs, and why. The CUDA calls are played by a stand-in; real ones need a GPU."""

import contextlib

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.neural

from helpers.engines.fast import graphs  # noqa: E402


class Counter:
    """A step with a state: ``count`` moves on, ``reset`` puts it back."""

    def __init__(self):
        self.count = 0
        self.calls = 0

    def step(self):
        self.count += 1
        self.calls += 1

    def reset(self):
        self.count = 0


class FakeCuda:
    """Enough of torch.cuda: capturing records the step without running it, replaying runs it."""

    def __init__(self, fail=None):
        self.fail = fail
        self.recording = None

    def install(self, patch):
        fake = self

        class Graph:
            def __init__(self):
                self.steps = []

            def pool(self):
                return "pool"

            def replay(self):
                for step in self.steps:
                    step()

        class Stream:
            def __init__(self, *_):
                pass

            def wait_stream(self, other):
                pass

            def synchronize(self):
                pass

        @contextlib.contextmanager
        def record(graph, pool=None, stream=None, capture_error_mode=None):
            assert capture_error_mode == "thread_local"
            if fake.fail:
                raise fake.fail
            fake.recording = graph
            fake.pools.append(pool)
            yield
            fake.recording = None

        self.pools = []
        patch.setattr(torch.cuda, "CUDAGraph", Graph)
        patch.setattr(torch.cuda, "Stream", Stream)
        patch.setattr(torch.cuda, "graph", record)
        patch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
        patch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())
        patch.setattr(torch.cuda, "current_stream", lambda *_: Stream())
        patch.setattr(torch.cuda, "synchronize", lambda *_: None)

    def recordable(self, step):
        """``step``, but while capturing it is recorded instead of run, as kernels are."""

        def run():
            if self.recording is not None:
                self.recording.steps.append(step)
            else:
                step()

        return run


def test_on_a_cpu_the_plain_step_runs_and_says_why():
    counter = Counter()
    runner = graphs.capture_steps({"a": counter.step}, counter.reset, "cpu")
    assert counter.calls == 0  # no trial runs where nothing is captured
    runner("a")
    assert (counter.count, runner.how) == (1, graphs.PLAIN)
    assert runner.note == "steps run one by one (CUDA graphs need a CUDA device, this is cpu)"


def test_steps_are_captured_after_trial_runs_and_the_state_is_put_back(monkeypatch):
    fake, counter = FakeCuda(), Counter()
    fake.install(monkeypatch)
    step = fake.recordable(counter.step)
    runner = graphs.capture_steps({64: step, 128: step}, counter.reset, "cuda")
    assert (counter.calls, counter.count) == (4, 0)
    assert fake.pools == [None, "pool"]  # variants share their memory
    runner(64), runner(128)
    assert (counter.count, runner.how, runner.why) == (2, graphs.GRAPH, "")
    assert runner.note == "steps replayed as a CUDA graph"


def test_a_capture_that_fails_falls_back_to_the_plain_step(monkeypatch):
    fake, counter = FakeCuda(RuntimeError("operation not permitted when stream is capturing\nmore")), Counter()
    fake.install(monkeypatch)
    runner = graphs.capture_steps({0: counter.step}, counter.reset, "cuda")
    assert counter.count == 0
    runner(0)
    assert (counter.count, runner.how) == (1, graphs.PLAIN)
    assert runner.why == "capture failed: RuntimeError: operation not permitted when stream is capturing"


def test_memory_that_runs_out_while_capturing_leaves_the_plain_step(monkeypatch):
    fake, counter = FakeCuda(torch.OutOfMemoryError("CUDA out of memory")), Counter()
    fake.install(monkeypatch)
    assert graphs.capture_steps({0: counter.step}, counter.reset, "cuda").how == graphs.PLAIN


def test_memory_that_runs_out_in_the_step_itself_is_the_callers_to_handle(monkeypatch):
    fake = FakeCuda()
    fake.install(monkeypatch)

    def step():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        graphs.capture_steps({0: step}, lambda: None, "cuda")


def test_the_host_waits_for_a_step_a_few_back(monkeypatch):
    waited, made = [], iter(range(100))

    class Event:
        def __init__(self):
            self.number = next(made)

        def record(self):
            pass

        def synchronize(self):
            waited.append(self.number)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    pace = graphs.Pace("cuda", ahead=3)
    for _ in range(6):
        pace.tick()
    assert waited == [0, 1, 2]
    graphs.Pace("cpu").tick()
    assert next(made) == 6
