"""AudioLDM2: samplers, language loop and UNet step against diffusers'."""

import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from benchmarks.engines.models import build_audioldm2
from helpers.engines.fast.audioldm2 import AudioLDM2Runner, Context, continue_words, count_frames, decode
from helpers.engines.fast.ddim import plan_ddim_steps, plan_dpm_steps
from helpers.engines.fast.noise import Solver
from helpers.engines.fast.numerics import NotFinite
from helpers.engines.fast.streams import TakeStreams
from helpers.errors import InvalidInput

SCHEDULE = dict(
    num_train_timesteps=1000, beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False,
    set_alpha_to_one=False, steps_offset=1, prediction_type="epsilon",
)  # fmt: skip
FRAMES, WIDTH = 12, 8


def their_scheduler(kind):
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

    ddim = DDIMScheduler(**SCHEDULE)
    return ddim if kind == "ddim" else DPMSolverMultistepScheduler.from_config(ddim.config)


PLANS = {"ddim": plan_ddim_steps, "dpm": plan_dpm_steps}


@pytest.mark.parametrize("steps", [200, 25, 7])
@pytest.mark.parametrize("kind", ["ddim", "dpm"])
def test_plans_equal_diffusers_schedulers(kind, steps):
    theirs, plan = their_scheduler(kind), PLANS[kind](steps)
    theirs.set_timesteps(steps)
    np.testing.assert_array_equal(plan.timesteps, theirs.timesteps)
    solver = Solver(plan, TakeStreams([1], "test"), (4, 6))
    solver.start()
    x = solver.latents.clone()
    assert float(theirs.init_noise_sigma) == plan.start
    for timestep in theirs.timesteps:
        model = lambda x, t=timestep: torch.tanh(2 * x) * (0.5 + t / 2000)  # noqa: E731
        x = theirs.step(model(x), timestep, x).prev_sample
        solver.update(model(solver.model_input()))
        torch.testing.assert_close(solver.latents, x, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    return build_audioldm2("tiny")


def context(seed=1, length=5):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(2, length, dtype=torch.long)
    mask[0, 1:] = 0  # the free half is one end token, padded to the words' length
    generated, words = torch.randn(2, 8, 16, generator=generator), torch.randn(2, length, 24, generator=generator)
    return Context(generated, words, mask)


def their_latents(unet, given, seeds, plan, guidance):
    """The library's UNet, called as its pipeline calls it, with our solver and streams."""
    solver = Solver(plan, TakeStreams(seeds, "audioldm2"), (4, FRAMES, WIDTH))
    solver.start()
    halves = slice(0 if guidance > 1 else 1, 2)
    rows = dict(
        encoder_hidden_states=given.generated[halves].repeat_interleave(len(seeds), 0),
        encoder_hidden_states_1=given.words[halves].repeat_interleave(len(seeds), 0),
        encoder_attention_mask_1=given.mask[halves].repeat_interleave(len(seeds), 0),
    )
    for timestep in plan.timesteps:
        seen = torch.cat([solver.model_input()] * (2 if guidance > 1 else 1))
        noise = unet(seen, torch.tensor(float(timestep)), **rows).sample
        if guidance > 1:
            free, guided = noise.chunk(2)
            noise = free + guidance * (guided - free)
        solver.update(noise)
    return solver.latents


@pytest.mark.parametrize("guidance", [3.5, 1.0])
@pytest.mark.parametrize("kind", ["ddim", "dpm"])
def test_latents_equal_the_librarys_unet(parts, kind, guidance):
    plan, given = PLANS[kind](6), context()
    want = their_latents(parts["unet"], given, [1, 2], plan, guidance)
    got = AudioLDM2Runner(parts["unet"]).generate(given, [1, 2], FRAMES, plan, guidance=guidance, width=WIDTH)
    torch.testing.assert_close(got.values, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))
    assert got.how == "plain"
    again = their_latents(parts["unet"], given, [1, 2], plan, guidance)
    torch.testing.assert_close(again, want, rtol=1e-5, atol=1e-5)  # the UNet is as it was


def test_words_are_read_once_and_heard(parts):
    runner, plan = AudioLDM2Runner(parts["unet"]), plan_ddim_steps(5)
    makers = [m.to_k for m in parts["unet"].modules() if getattr(m, "is_cross_attention", False)]
    calls = []
    hooks = [maker.register_forward_hook(lambda *_: calls.append(1)) for maker in makers]
    base = runner.generate(context(1), [1], FRAMES, plan, width=WIDTH).values
    for hook in hooks:
        hook.remove()
    assert len(calls) == len(makers) > 0
    assert not torch.allclose(runner.generate(context(2), [1], FRAMES, plan, width=WIDTH).values, base, atol=1e-4)


def test_a_take_alone_equals_the_take_in_a_batch(parts):
    runner, plan = AudioLDM2Runner(parts["unet"]), plan_dpm_steps(6)
    together = runner.generate(context(), [1, 2, 3, 4], FRAMES, plan, width=WIDTH).values
    alone = runner.generate(context(), [3], FRAMES, plan, width=WIDTH).values
    torch.testing.assert_close(alone[0], together[2], rtol=1e-4, atol=1e-4)
    assert float((together[0] - together[1]).abs().max()) > 0.1


def test_language_loop_equals_the_pipelines(parts):
    from diffusers import AudioLDM2Pipeline

    model = parts["language_model"]
    embeds = torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    stand_in = types.SimpleNamespace(language_model=model, device="cpu")
    want = AudioLDM2Pipeline.generate_language_model(stand_in, embeds, attention_mask=mask, max_new_tokens=8)
    for given in (model, model.transformer):  # both classes the hub's repositories name
        torch.testing.assert_close(continue_words(given, embeds, mask), want, rtol=1e-5, atol=1e-5)


def test_decoding_equals_the_pipelines_two_steps(parts):
    vae, vocoder = parts["vae"], parts["vocoder"]
    latents = torch.randn(4, FRAMES, 2)
    mel = vae.decode(latents[None] / vae.config.scaling_factor).sample
    want = vocoder(mel.squeeze(1))
    got = decode(vae, vocoder, latents)
    assert got.shape[1] >= FRAMES * 640
    torch.testing.assert_close(got[0], want.flatten(), rtol=1e-5, atol=1e-6)
    with pytest.raises(NotFinite, match="decoded audio"):
        decode(vae, vocoder, latents * torch.nan)


def test_lengths_are_multiples_of_0_32_seconds():
    assert [count_frames(seconds) for seconds in (0.1, 0.32, 0.33, 8.0, 8.01)] == [8, 8, 16, 200, 208]


def test_odd_lengths_are_refused(parts):
    with pytest.raises(InvalidInput, match="11 latent frames are not a multiple of 2"):
        AudioLDM2Runner(parts["unet"]).generate(context(), [1], 11, plan_ddim_steps(5), width=WIDTH)
    with pytest.raises(InvalidInput, match="1 sampling steps"):
        plan_ddim_steps(1)
