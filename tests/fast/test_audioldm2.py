"""AudioLDM2: sampling and decoding against diffusers'."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from benchmarks.engines.models import build_audioldm2
from helpers.engines.fast.audioldm2 import count_frames, decode, make_latents, make_scheduler
from helpers.engines.fast.numerics import NotFinite
from helpers.engines.fast.streams import TakeStreams

FRAMES, WIDTH = 12, 8


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    return build_audioldm2("tiny")


def context(seed=1, length=5):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(2, length, dtype=torch.long)
    mask[0, 1:] = 0  # the free half is one end token, padded to the words' length
    generated, words = torch.randn(2, 8, 16, generator=generator), torch.randn(2, length, 24, generator=generator)
    return {
        "encoder_hidden_states": generated,
        "encoder_hidden_states_1": words,
        "encoder_attention_mask_1": mask,
    }


@torch.no_grad()
def their_latents(unet, given, seeds, kind, steps, guidance):
    """The library's UNet and scheduler in the plain loop of its pipeline, with our streams."""
    scheduler = make_scheduler(kind, steps)
    x = TakeStreams(seeds, "audioldm2").normal(0, (4, FRAMES, WIDTH)) * scheduler.init_noise_sigma
    halves = slice(0 if guidance > 1 else 1, 2)
    rows = {name: part[halves].repeat_interleave(len(seeds), 0) for name, part in given.items()}
    for timestep in scheduler.timesteps:
        noise = unet(torch.cat([x] * (2 if guidance > 1 else 1)), timestep, **rows).sample
        if guidance > 1:
            free, guided = noise.chunk(2)
            noise = free + guidance * (guided - free)
        x = scheduler.step(noise, timestep, x).prev_sample
    return x


@pytest.mark.parametrize("guidance", [3.5, 1.0])
@pytest.mark.parametrize("kind", ["ddim", "dpm"])
def test_latents_equal_the_librarys_loop(parts, kind, guidance):
    given = context()
    want = their_latents(parts["unet"], given, [1, 2], kind, 6, guidance)
    made = make_scheduler(kind, 6)
    got = make_latents(parts["unet"], given, [1, 2], FRAMES, made, guidance=guidance, width=WIDTH)
    torch.testing.assert_close(got.values, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))
    assert got.how == "plain"


def test_words_are_heard(parts):
    heard = [
        make_latents(parts["unet"], context(n), [1], FRAMES, make_scheduler("ddim", 5), width=WIDTH).values
        for n in (1, 2)
    ]
    assert not torch.allclose(*heard, atol=1e-4)


def test_a_take_alone_equals_the_take_in_a_batch(parts):
    together, alone = (
        make_latents(parts["unet"], context(), seeds, FRAMES, make_scheduler("dpm", 6), width=WIDTH).values
        for seeds in ([1, 2, 3, 4], [3])
    )
    torch.testing.assert_close(alone[0], together[2], rtol=1e-4, atol=1e-4)
    assert float((together[0] - together[1]).abs().max()) > 0.1


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
