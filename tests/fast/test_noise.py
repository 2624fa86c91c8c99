"""The sampler against diffusers' own, and the law of the noise that replaces its Brownian tree."""

import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from helpers.engines.fast.noise import SIGMA_MAX, Solver, plan_cosine_steps, plan_guided_steps, start_sigma
from helpers.engines.fast.streams import TakeStreams
from helpers.errors import InvalidInput

from .tree import tree_noise

SHAPE = (8, 50)


def solver(seeds, steps=10, shape=SHAPE, **plan):
    made = Solver(plan_cosine_steps(steps, **plan), TakeStreams(seeds, "test"), shape)
    made.start()
    return made


def toy_model(x, timestep):
    """Anything nonlinear that depends on both its inputs."""
    return torch.tanh(x + timestep) - 0.3 * x


def run(made):
    for step in range(made.plan.steps):
        made.load_noise(step)
        made.update(toy_model(made.model_input(), made.timestep()))
    return made.latents


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
    ours = solver([3, 4], steps, sigma_max=sigma_max)
    theirs = their_scheduler(sigma_min=0.3, sigma_max=sigma_max, sigma_schedule="exponential")
    theirs.set_timesteps(steps)
    x = ours.latents.clone()
    np.testing.assert_allclose(ours.plan.timesteps, theirs.timesteps, atol=1e-6)
    for step, timestep in enumerate(theirs.timesteps):
        ours.load_noise(step)
        theirs.noise_sampler = lambda *_: ours.noise
        x = theirs.step(toy_model(theirs.scale_model_input(x, timestep), timestep), timestep, x).prev_sample
        ours.update(toy_model(ours.model_input(), ours.timestep()))
        torch.testing.assert_close(ours.latents, x, rtol=2e-5, atol=2e-5 * float(theirs.sigmas[step]))


def test_noise_of_every_step_is_standard_normal():
    draws = torch.stack([solver([7], 5)._streams.normal(step, (64, 256)) for step in range(60)]).double()
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


def test_the_tree_follows_the_same_law():
    pytest.importorskip("torchsde")
    plan = plan_cosine_steps(20)
    like = torch.zeros(2, 64, 128)
    source, draws = tree_noise(plan, [1, 2], like), []
    for step in range(plan.steps - 1):
        draws.append(source(step, torch.empty_like(like)).flatten().double())
    draws = torch.stack(draws)
    assert draws.mean(dim=1).abs().max() < 5 / np.sqrt(draws.shape[1])
    assert (draws.var(dim=1) - 1).abs().max() < 5 * np.sqrt(2 / draws.shape[1])
    assert (torch.corrcoef(draws) - torch.eye(len(draws))).abs().max() < 5 / np.sqrt(draws.shape[1])


def test_a_take_alone_equals_the_take_in_a_batch():
    together = run(solver([10, 11, 12]))
    alone = run(solver([11]))
    assert torch.equal(together[1], alone[0])
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
        made = Solver(plan_guided_steps(10, strength), TakeStreams([1], "test"), SHAPE)
        made.start(init)
        distances.append(float((made.latents[0] - init).std()))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == pytest.approx(start_sigma(1.0), rel=0.1)


@pytest.mark.parametrize(("strength", "sigma"), [(0.0, 6.0), (0.25, 2.71), (0.5, 1.22), (0.75, 0.55), (1.0, 0.25)])
def test_the_law_from_strength_to_noise(strength, sigma):
    assert start_sigma(strength) == pytest.approx(sigma, abs=0.005)
    plan = plan_guided_steps(100, strength)
    assert plan.sigmas[0] == np.float32(start_sigma(strength))
    assert 28 <= plan.steps <= 42, "two to four times fewer"
    whole = np.diff(np.log(plan_cosine_steps(100).sigmas[:-1])).mean()
    assert np.diff(np.log(plan.sigmas[:-1])) == pytest.approx(whole, rel=0.02), "as close as in the whole schedule"


@pytest.mark.parametrize("index", [60, 65, 70])
def test_truncated_is_the_tail_of_the_reference_schedule(index):
    whole = plan_cosine_steps(100)
    strength = np.log(6.0 / float(whole.sigmas[index])) / np.log(6.0 / 0.25)
    tail = plan_guided_steps(100, strength)
    assert tail.steps == 100 - index
    for name in ("sigmas", "timesteps", "scale", "skip", "out", "keep", "stir"):
        np.testing.assert_allclose(getattr(tail, name), getattr(whole, name)[index:], rtol=1e-5, atol=1e-7)
    for name in ("now", "before"):  # the first step has no estimate before it
        np.testing.assert_allclose(getattr(tail, name)[1:], getattr(whole, name)[index + 1 :], rtol=1e-5, atol=1e-7)


def test_restart_gives_the_same_latents():
    made = solver([1])
    first = run(made).clone()
    made.start()
    assert torch.equal(run(made), first)


def test_impossible_plans_are_refused():
    with pytest.raises(InvalidInput, match="1 sampling steps are too few"):
        plan_cosine_steps(1)
    with pytest.raises(InvalidInput, match="does not fall"):
        plan_cosine_steps(10, sigma_max=0.2)


@pytest.mark.filterwarnings("ignore:Should have")  # the tree, asked at its very ends
def test_a_step_does_a_twentieth_of_the_trees_work(their_scheduler):
    pytest.importorskip("torchsde")
    from benchmarks.measure import count_launches

    shape, steps = (8, 50), 40
    velocity, seeds = torch.zeros(4, *shape), [torch.Generator().manual_seed(n) for n in range(4)]

    def ours():
        made = solver(range(4), steps, shape)
        for step in range(steps):
            made.load_noise(step)
            made.update(velocity)

    def theirs():
        scheduler, x = their_scheduler(sigma_min=0.3, sigma_max=500, sigma_schedule="exponential"), velocity
        scheduler.set_timesteps(steps)
        for timestep in scheduler.timesteps:
            x = scheduler.step(velocity, timestep, x, generator=seeds).prev_sample

    # Operations are counted, because a clock in a test measures the machine's other guests; the benchmark has times.
    assert count_launches(theirs, "cpu").launched >= 20 * count_launches(ours, "cpu").launched
