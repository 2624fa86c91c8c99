"""Sampling with Stable Audio Open's transformer against diffusers' plain loop."""

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from benchmarks.engines.models import build_stable_audio
from helpers.engines.fast.numerics import NotFinite
from helpers.engines.fast.sampling import cosine_levels, cosine_sampler, guided_levels
from helpers.engines.fast.stable_audio import make_latents
from helpers.engines.fast.streams import TakeStreams

STEPS = 8
LEVELS = cosine_levels(STEPS)


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


@torch.no_grad()
def their_latents(transformer, context, durations, seeds, levels, guidance, frames=64, init=None):
    """The library's transformer, called as its pipeline calls it, with our sampler and streams."""
    from diffusers.models.embeddings import get_1d_rotary_pos_embed

    rotary = get_1d_rotary_pos_embed(4, frames + 1, use_real=True, repeat_interleave_real=False)
    sampler = cosine_sampler(levels, TakeStreams(seeds, "stable-audio-open"), (8, frames), "cpu", init)
    halves = slice(0 if guidance > 1 else 1, 2)
    velocity = None
    while True:
        try:
            seen, time = sampler.send(velocity)
        except StopIteration as end:
            return end.value
        velocity = transformer(
            seen.repeat(len(context[halves]), 1, 1),
            torch.tensor([time]),
            encoder_hidden_states=context[halves].repeat_interleave(len(seeds), dim=0),
            global_hidden_states=durations[halves].repeat_interleave(len(seeds), dim=0),
            rotary_embedding=rotary,
        ).sample
        if guidance > 1:
            free, guided = velocity.chunk(2)
            velocity = free + guidance * (guided - free)


@pytest.mark.parametrize("guidance", [7.0, 1.0])
@pytest.mark.parametrize("negative", [False, True], ids=["no negative", "negative"])
def test_latents_equal_the_librarys_loop(transformer, negative, guidance):
    context, durations = conditioning(negative)
    want = their_latents(transformer, context, durations, [1, 2, 3], LEVELS, guidance)
    got = make_latents(transformer, context, durations, [1, 2, 3], LEVELS, guidance=guidance)
    torch.testing.assert_close(got.values, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))
    assert got.how == "plain"
    assert got.note.startswith(f"{STEPS} steps on 64 latent frames in float32, run one by one")


def test_a_shorter_canvas_and_a_guide_go_through(transformer):
    context, durations = conditioning(True)
    levels = guided_levels(4 * STEPS, 0.6)
    init = torch.randn(8, 40, generator=torch.Generator().manual_seed(3))
    want = their_latents(transformer, context, durations, [5], levels, 7.0, frames=40, init=init)
    got = make_latents(transformer, context, durations, [5], levels, frames=40, init=init).values
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))


def test_a_take_alone_equals_the_take_in_a_batch(transformer):
    context, durations = conditioning(False)
    together = make_latents(transformer, context, durations, [1, 2, 3, 4], LEVELS).values
    alone = make_latents(transformer, context, durations, [3], LEVELS).values
    torch.testing.assert_close(alone[0], together[2], rtol=1e-4, atol=2e-4 * float(alone.abs().max()))
    assert float((together[0] - together[1]).abs().max()) > 0.1


def test_words_negative_words_and_durations_are_heard(transformer):
    context, durations = conditioning(True)
    base = make_latents(transformer, context, durations, [1], LEVELS).values
    for change in ("words", "negative", "durations"):
        other, seconds = context.clone(), durations.clone()
        if change == "durations":
            seconds += 1.0
        else:
            other[1 if change == "words" else 0] += 1.0
        made = make_latents(transformer, other, seconds, [1], LEVELS).values
        assert float((made - base).abs().max()) > 1e-2, change


def test_half_precision_tells_the_first_noise_levels_apart():
    """The library rounds the time itself: 0.9987 and 0.9986 are one number in bfloat16."""
    context, durations = conditioning(True)
    seen = []
    model = tiny().to(torch.bfloat16)
    model.timestep_proj.register_forward_hook(lambda module, given, out: seen.append(given[0].float()))
    make_latents(model, context, durations, [1], cosine_levels(30))
    assert len(seen) == 30 and all(float((a - b).abs().max()) > 0 for a, b in pairwise(seen))


def test_steps_are_reported_and_may_be_cancelled(transformer):
    context, durations = conditioning(False)
    seen = []

    def stop(done):
        seen.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_latents(transformer, context, durations, [1], LEVELS, on_step=stop)
    assert seen == [1, 2]
    assert torch.isfinite(make_latents(transformer, context, durations, [1], LEVELS).values).all()


def test_nan_is_reported():
    model = tiny()
    model.proj_out.weight.data[0, 0] = torch.nan
    with pytest.raises(NotFinite, match="sampled latents"):
        make_latents(model, *conditioning(False), [1], LEVELS)
