"""Our step of Stable Audio Open against diffusers' transformer in a plain loop."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from benchmarks.engines.models import build_stable_audio
from helpers.engines.fast.noise import Solver, plan_cosine_steps, plan_guided_steps
from helpers.engines.fast.numerics import NotFinite
from helpers.engines.fast.stable_audio import StableAudioRunner
from helpers.engines.fast.streams import TakeStreams

from .tree import tree_noise

STEPS = 8


def tiny(seed=0):
    torch.manual_seed(seed)
    transformer = build_stable_audio("tiny")["transformer"]
    for parameter in transformer.parameters():
        if parameter.dim() > 1:
            parameter.data *= 2.0
    return transformer


@pytest.fixture(scope="module")
def transformer():
    return tiny()


def conditioning(negative, seed=1):
    generator = torch.Generator().manual_seed(seed)
    context = torch.randn(2, 11, 16, generator=generator)
    if not negative:
        context[0] = 0.0
    return context, torch.randn(1, 1, 32, generator=generator).repeat(2, 1, 1)


def their_latents(transformer, context, durations, seeds, plan, guidance, frames=64, init=None):
    """The library's transformer, called as its pipeline calls it, with our solver and streams."""
    from diffusers.models.embeddings import get_1d_rotary_pos_embed

    rotary = get_1d_rotary_pos_embed(4, frames + 1, use_real=True, repeat_interleave_real=False)
    solver = Solver(plan, TakeStreams(seeds, "stable-audio-open"), (8, frames))
    solver.start(init)
    halves = slice(0 if guidance > 1 else 1, 2)
    for step in range(plan.steps):
        solver.load_noise(step)
        velocity = transformer(
            solver.model_input().repeat(len(context[halves]), 1, 1),
            solver.timestep(),
            encoder_hidden_states=context[halves].repeat_interleave(len(seeds), dim=0),
            global_hidden_states=durations[halves].repeat_interleave(len(seeds), dim=0),
            rotary_embedding=rotary,
        ).sample
        if guidance > 1:
            free, guided = velocity.chunk(2)
            velocity = free + guidance * (guided - free)
        solver.update(velocity)
    return solver.latents


@pytest.mark.parametrize("guidance", [7.0, 1.0])
@pytest.mark.parametrize("negative", [False, True], ids=["no negative", "negative"])
def test_latents_equal_the_librarys_transformer(transformer, negative, guidance):
    context, durations = conditioning(negative)
    plan = plan_cosine_steps(STEPS)
    want = their_latents(transformer, context, durations, [1, 2, 3], plan, guidance)
    got = StableAudioRunner(transformer).generate(context, durations, [1, 2, 3], plan, guidance=guidance)
    torch.testing.assert_close(got.values, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))
    assert got.how == "plain"
    assert got.note.startswith(f"{STEPS} steps on 64 latent frames in float32, run one by one")


def test_a_shorter_canvas_and_a_guide_go_through(transformer):
    context, durations = conditioning(True)
    plan = plan_guided_steps(4 * STEPS, 0.6)
    init = torch.randn(8, 40, generator=torch.Generator().manual_seed(3))
    want = their_latents(transformer, context, durations, [5], plan, 7.0, frames=40, init=init)
    got = StableAudioRunner(transformer).generate(context, durations, [5], plan, frames=40, init=init).values
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))


def test_a_take_alone_equals_the_take_in_a_batch(transformer):
    context, durations = conditioning(False)
    runner, plan = StableAudioRunner(transformer), plan_cosine_steps(STEPS)
    together = runner.generate(context, durations, [1, 2, 3, 4], plan).values
    alone = runner.generate(context, durations, [3], plan).values
    torch.testing.assert_close(alone[0], together[2], rtol=1e-4, atol=1e-4)
    assert float((together[0] - together[1]).abs().max()) > 0.1


def test_words_negative_words_and_durations_are_heard(transformer):
    runner, plan = StableAudioRunner(transformer), plan_cosine_steps(STEPS)
    context, durations = conditioning(True)
    base = runner.generate(context, durations, [1], plan).values
    for change in ("words", "negative", "durations"):
        other, seconds = context.clone(), durations.clone()
        if change == "durations":
            seconds += 1.0
        else:
            other[1 if change == "words" else 0] += 1.0
        assert float((runner.generate(other, seconds, [1], plan).values - base).abs().max()) > 1e-2, change


def test_the_tree_can_replace_the_direct_draws(transformer, monkeypatch):
    pytest.importorskip("torchsde")
    context, durations = conditioning(False)
    plan = plan_cosine_steps(STEPS)
    noise = tree_noise(plan, [1, 2], torch.zeros(2, 8, 64))
    direct = StableAudioRunner(transformer).generate(context, durations, [1, 2], plan).values
    drawn = TakeStreams.normal_

    def draws(streams, index, out):
        return noise(index - 1, out) if index else drawn(streams, index, out)

    monkeypatch.setattr(TakeStreams, "normal_", draws)
    tree = StableAudioRunner(transformer).generate(context, durations, [1, 2], plan).values
    assert torch.isfinite(tree).all()
    assert not torch.allclose(tree, direct)
    assert float(tree.std()) == pytest.approx(float(direct.std()), rel=0.2)


def test_the_model_itself_still_works_after_fusing():
    model = tiny()
    arguments = dict(
        timestep=torch.tensor([0.5]),
        encoder_hidden_states=torch.randn(1, 5, 16),
        global_hidden_states=torch.randn(1, 1, 32),
    )
    x = torch.randn(1, 8, 64)
    before = model(x, **arguments).sample
    runner = StableAudioRunner(model)
    assert runner._qkv[0].data_ptr() == model.transformer_blocks[0].attn1.to_q.weight.data_ptr()
    torch.testing.assert_close(model(x, **arguments).sample, before)


def test_steps_are_reported_and_may_be_cancelled(transformer):
    context, durations = conditioning(False)
    runner, plan, seen = StableAudioRunner(transformer), plan_cosine_steps(STEPS), []

    def stop(done):
        seen.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.generate(context, durations, [1], plan, on_step=stop)
    assert seen == [1, 2]
    assert torch.isfinite(runner.generate(context, durations, [1], plan).values).all()


def test_nan_is_reported():
    model = tiny()
    model.proj_out.weight.data[0, 0] = torch.nan
    context, durations = conditioning(False)
    with pytest.raises(NotFinite, match="sampled latents"):
        StableAudioRunner(model).generate(context, durations, [1], plan_cosine_steps(STEPS))
