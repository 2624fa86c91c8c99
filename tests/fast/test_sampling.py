"""The sampler against diffusers' own, and the law of the noise that replaces its Brownian tree."""

import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from helpers.engines.fast.sampling import (
    SIGMA_MAX,
    cosine_levels,
    cosine_sampler,
    guided_levels,
    sample,
    start_sigma,
)
from helpers.engines.fast.streams import TakeStreams

SHAPE = (8, 50)
LEVELS = cosine_levels(10)


def toy_model(x, timestep):
    """Anything nonlinear that depends on both its inputs."""
    return torch.tanh(x + timestep) - 0.3 * x


def run(seeds, levels=LEVELS, init=None, model=toy_model):
    sampler = cosine_sampler(levels, TakeStreams(seeds, "test"), SHAPE, torch.device("cpu"), init)
    return sample(sampler, model, torch.device("cpu"), torch.float32, lambda done: None).values


@pytest.fixture
def their_scheduler(monkeypatch):
    """diffusers' scheduler; its noise is injected, so where torchsde is missing an empty stand-in will do."""
    try:
        import torchsde  # noqa: F401
    except ImportError:
        monkeypatch.setitem(sys.modules, "torchsde", types.ModuleType("torchsde"))
    from diffusers.schedulers.scheduling_cosine_dpmsolver_multistep import CosineDPMSolverMultistepScheduler

    return CosineDPMSolverMultistepScheduler


@pytest.mark.parametrize(("steps", "sigma_max"), [(100, SIGMA_MAX), (25, SIGMA_MAX), (12, 7.0)])
def test_latents_equal_diffusers_for_the_same_noise(their_scheduler, steps, sigma_max):
    streams = TakeStreams([3, 4], "test")
    theirs = their_scheduler(sigma_min=0.3, sigma_max=sigma_max, sigma_schedule="exponential")
    theirs.set_timesteps(steps)
    seen = []

    def model(x, timestep):
        seen.append(float(timestep))
        return toy_model(x, timestep)

    ours = run([3, 4], cosine_levels(steps, sigma_max), model=model)
    x = streams.normal(0, SHAPE) * theirs.init_noise_sigma
    np.testing.assert_allclose(seen, theirs.timesteps, atol=1e-6)
    for step, timestep in enumerate(theirs.timesteps):
        theirs.noise_sampler = lambda *_, step=step: streams.normal(step + 1, SHAPE)
        x = theirs.step(toy_model(theirs.scale_model_input(x, timestep), timestep), timestep, x).prev_sample
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


def test_noise_of_every_step_is_standard_normal():
    draws = torch.stack([TakeStreams([7], "test").normal(step, (64, 256)) for step in range(60)]).double()
    n = draws[0].numel()
    assert draws.mean(dim=(1, 2, 3)).abs().max() < 5 / np.sqrt(n)
    assert (draws.var(dim=(1, 2, 3)) - 1).abs().max() < 5 * np.sqrt(2 / n)
    assert abs(float((draws**4).mean()) - 3.0) < 0.03  # a normal's kurtosis, not only its variance


def test_noise_is_independent_across_steps_and_takes():
    streams = TakeStreams([1, 2, 3], "test")
    blocks = torch.cat([streams.normal(step, (20_000,)) for step in range(8)]).double()
    correlation = torch.corrcoef(blocks) - torch.eye(len(blocks))
    assert correlation.abs().max() < 5 / np.sqrt(20_000)


def test_blocks_of_a_stream_never_overlap():
    streams = TakeStreams([1], "test")
    first, second = streams.uniform(0, (400,))[0], streams.uniform(1, (400,))[0]
    for shift in range(40):
        assert not torch.allclose(first[shift : shift + 300], second[:300])


def test_a_take_alone_equals_the_take_in_a_batch():
    together = run([10, 11, 12])
    assert torch.equal(together[1], run([11])[0])
    assert not torch.equal(together[0], together[1])


def test_blocks_can_be_drawn_in_any_order_and_purposes_differ():
    streams = TakeStreams([5], "test")
    first, second = streams.normal(1, (100,)), streams.normal(2, (100,))
    again = TakeStreams([5], "test")
    assert torch.equal(again.normal(2, (100,)), second)
    assert torch.equal(again.normal(1, (100,)), first)
    assert not torch.equal(TakeStreams([5], "other").normal(1, (100,)), first)


def test_the_streams_never_change():
    # These numbers are in every musician's saved seeds; a change here changes all loops made before.
    np.testing.assert_allclose(
        TakeStreams([0], "test").uniform(0, (3,))[0],
        [0.020807862281799316, 0.8590100407600403, 0.8702754378318787],
        atol=1e-7,
    )


def test_init_audio_is_kept_as_far_as_the_start_sigma_allows():
    init = torch.linspace(-1, 1, SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    distances = []
    for strength in (0.2, 0.6, 1.0):
        levels, streams = guided_levels(10, strength), TakeStreams([1], "test")
        seen, _ = next(cosine_sampler(levels, streams, SHAPE, "cpu", init))
        distances.append(float((seen[0] * np.hypot(levels[0], 1.0) - init).std()))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == pytest.approx(start_sigma(1.0), rel=0.1)


@pytest.mark.parametrize(("strength", "sigma"), [(0.0, 6.0), (0.25, 2.71), (0.5, 1.22), (0.75, 0.55), (1.0, 0.25)])
def test_the_law_from_strength_to_noise(strength, sigma):
    assert start_sigma(strength) == pytest.approx(sigma, abs=0.005)
    levels = guided_levels(100, strength)
    assert levels[0] == pytest.approx(start_sigma(strength))
    assert 28 <= len(levels) - 1 <= 42, "two to four times fewer"
    whole = np.diff(np.log(cosine_levels(100)[:-1])).mean()
    assert np.diff(np.log(levels[:-1])) == pytest.approx(whole, rel=0.02), "as close as in the whole schedule"


@pytest.mark.parametrize("index", [60, 65, 70])
def test_truncated_is_the_tail_of_the_reference_schedule(index):
    whole = cosine_levels(100)
    strength = np.log(6.0 / whole[index]) / np.log(6.0 / 0.25)
    np.testing.assert_allclose(guided_levels(100, strength), whole[index:], rtol=1e-5)


def test_the_same_seed_gives_the_same_latents():
    assert torch.equal(run([1]), run([1]))


@pytest.mark.filterwarnings("ignore:Should have")  # the tree, asked at its very ends
def test_a_step_does_a_tenth_of_the_trees_work(their_scheduler):
    pytest.importorskip("torchsde")
    from benchmarks.measure import count_launches

    steps, seeds = 40, [torch.Generator().manual_seed(n) for n in range(4)]
    velocity = torch.zeros(4, *SHAPE)

    def ours():
        run(range(4), cosine_levels(steps), model=lambda x, t: velocity)

    def theirs():
        scheduler, x = their_scheduler(sigma_min=0.3, sigma_max=500, sigma_schedule="exponential"), velocity
        scheduler.set_timesteps(steps)
        for timestep in scheduler.timesteps:
            x = scheduler.step(velocity, timestep, x, generator=seeds).prev_sample

    # Operations are counted, because a clock in a test measures the machine's other guests; the benchmark has times.
    assert count_launches(theirs, "cpu").launched >= 10 * count_launches(ours, "cpu").launched
