"""Capturing a step: which path runs, and why; and that the real steps survive being repeated blindly.

The CUDA calls are played by a stand-in and the graph by a recording; real ones need a GPU.
"""

import contextlib
import gc
import weakref

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.neural

pytest.importorskip("diffusers")

from benchmarks.engines.models import build_audioldm2, build_musicgen, build_stable_audio
from helpers.engines.fast import graphs
from tests.fast.replay import HostSync, capture_by_recording


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

        self.pools, self.streams_put_back = [], []
        patch.setattr(torch.cuda, "CUDAGraph", Graph)
        patch.setattr(torch.cuda, "Stream", Stream)
        patch.setattr(torch.cuda, "graph", record)
        patch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
        patch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())
        patch.setattr(torch.cuda, "current_stream", lambda *_: Stream())
        patch.setattr(torch.cuda, "set_stream", self.streams_put_back.append)
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
    note = runner.sampled(None, "9 steps", torch.float32).note
    assert note == "9 steps in float32, run one by one (CUDA graphs need a CUDA device, this is cpu)"


def test_steps_are_captured_after_trial_runs_and_the_state_is_put_back(monkeypatch):
    fake, counter = FakeCuda(), Counter()
    fake.install(monkeypatch)
    step = fake.recordable(counter.step)
    runner = graphs.capture_steps({64: step, 128: step}, counter.reset, "cuda")
    assert (counter.calls, counter.count) == (4, 0)
    assert fake.pools == [None, "pool"]  # variants share their memory
    runner(64), runner(128)
    assert (counter.count, runner.how, runner.why) == (2, graphs.GRAPH, "")
    assert runner.sampled(None, "9 steps", torch.float16).note == "9 steps in float16, replayed as a CUDA graph"


def test_a_capture_that_fails_falls_back_to_the_plain_step(monkeypatch):
    fake, counter = FakeCuda(RuntimeError("operation not permitted when stream is capturing\nmore")), Counter()
    fake.install(monkeypatch)
    runner = graphs.capture_steps({0: counter.step}, counter.reset, "cuda")
    assert counter.count == 0
    assert len(fake.streams_put_back) == 1
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


def test_an_error_of_a_trial_holds_the_memory_no_longer_than_its_traceback(monkeypatch):
    FakeCuda().install(monkeypatch)

    class State:
        def step(self):
            raise torch.OutOfMemoryError("CUDA out of memory")

        def reset(self):
            pass

    state = State()
    held = weakref.ref(state)
    gc.disable()  # nobody collects between one group and the next, smaller one
    try:
        graphs.capture_steps({0: state.step}, state.reset, "cuda")
    except torch.OutOfMemoryError as error:
        error.__traceback__ = None
        del state
        assert held() is None
    finally:
        gc.enable()


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


# ------------------------------------------------------------ the real steps, recorded once and repeated blindly


def test_the_recording_catches_what_a_graph_would_get_wrong():
    state, calls = torch.zeros(1), []

    def counts_in_python():
        calls.append(1)
        state.add_(float(len(calls)))

    runner = capture_by_recording({0: counts_in_python}, state.zero_, "cpu")
    runner(0), runner(0)
    assert float(state) == 4.0  # two times what was recorded, not 3 + 4
    with pytest.raises(HostSync):
        capture_by_recording({0: state.item}, state.zero_, "cpu")


@pytest.mark.parametrize("variant", ["small", "stereo-small", "melody"])
def test_musicgens_step_can_be_captured(monkeypatch, variant):
    from helpers.engines.fast import musicgen

    torch.manual_seed(0)
    runner = musicgen.MusicgenRunner(build_musicgen(variant, "tiny"))
    text = runner.encode_text(torch.tensor([3, 14, 15, 9]))
    prompt = torch.randint(0, 64, (runner.weights.books, 7))
    want = runner.generate(text, [1, 2], 90, prompt=prompt)
    monkeypatch.setattr(musicgen, "capture_steps", capture_by_recording)
    got = runner.generate(text, [1, 2], 90, prompt=prompt)
    assert torch.equal(got.values, want.values)
    assert (want.how, got.how) == (graphs.PLAIN, graphs.GRAPH)


@pytest.mark.parametrize("negative", [False, True])
def test_stable_audios_step_can_be_captured(monkeypatch, negative):
    from helpers.engines.fast import sampling
    from helpers.engines.fast.stable_audio import make_latents

    torch.manual_seed(0)
    transformer = build_stable_audio("tiny")["transformer"]
    context, durations = torch.randn(2, 6, 16), torch.randn(2, 1, 32)
    context[0] *= negative
    init = torch.randn(8, 64)
    arguments = (transformer, context, durations, [1, 2], sampling.cosine_levels(12, 5.0))
    want = make_latents(*arguments, init=init).values
    monkeypatch.setattr(sampling, "capture_steps", capture_by_recording)
    got = make_latents(*arguments, init=init)
    assert got.how == graphs.GRAPH
    torch.testing.assert_close(got.values, want)


@pytest.mark.parametrize("kind", ["ddim", "dpm"])
def test_audioldm2s_step_can_be_captured(monkeypatch, kind):
    from helpers.engines.fast import audioldm2, sampling

    torch.manual_seed(0)
    unet = build_audioldm2("tiny")["unet"]
    mask = torch.tensor([[1, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    context = {
        "encoder_hidden_states": torch.randn(2, 8, 16),
        "encoder_hidden_states_1": torch.randn(2, 5, 24),
        "encoder_attention_mask_1": mask,
    }
    want = audioldm2.make_latents(unet, context, [1, 2], 8, audioldm2.make_scheduler(kind, 8), width=8).values
    monkeypatch.setattr(sampling, "capture_steps", capture_by_recording)
    got = audioldm2.make_latents(unet, context, [1, 2], 8, audioldm2.make_scheduler(kind, 8), width=8)
    assert got.how == graphs.GRAPH
    torch.testing.assert_close(got.values, want)
