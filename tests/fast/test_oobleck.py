"""A cropped decode is the full decode, and costs what it keeps."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from helpers.engines.fast.numerics import NotFinite, fold_weight_norm
from helpers.engines.fast.oobleck import MARGIN_FRAMES, decode_start, encode_pieces

# The released models' strides, so that their receptive fields are the ones under test, with few channels.
STABLE_AUDIO = dict(
    encoder_hidden_size=4,
    downsampling_ratios=[2, 4, 4, 8, 8],
    channel_multiples=[1, 1, 2, 2, 2],
    decoder_channels=4,
    decoder_input_channels=8,
)
ACE_STEP = dict(STABLE_AUDIO, downsampling_ratios=[2, 4, 4, 6, 10])


def tiny_vae(config=STABLE_AUDIO, dtype=torch.float64, *, lively=True):
    from diffusers import AutoencoderOobleck

    torch.manual_seed(0)
    vae = AutoencoderOobleck(**config)
    for name, parameter in vae.named_parameters() if lively else ():  # sound at the level of music
        if name.endswith("weight_g"):
            parameter.data *= 1.2
        if name.endswith(("alpha", "beta")):
            parameter.data.normal_(0, 0.3)
    return vae.eval().requires_grad_(False).to(dtype)


@pytest.mark.parametrize("config", [STABLE_AUDIO, ACE_STEP])
def test_a_cropped_decode_equals_the_full_decode(config):
    vae = tiny_vae(config)
    latents = torch.randn(8, 48, dtype=torch.float64)
    full = vae.decode(latents[None]).sample[0].float()
    for start, stop in [(0, 9000), (51_001, 70_203), (87_000, 48 * vae.hop_length)]:
        part = decode_start(vae, latents, stop)[:, start:]
        assert part.dtype == torch.float32
        np.testing.assert_allclose(part, full[:, start:stop], atol=1e-12 + 1e-7 * float(full.abs().max()))


@pytest.mark.parametrize("config", [STABLE_AUDIO, ACE_STEP])
def test_no_sample_depends_on_a_frame_beyond_the_margin(config):
    vae = tiny_vae(config)
    latents = torch.randn(1, 8, 48, dtype=torch.float64, requires_grad=True)
    sound, hop = vae.decode(latents).sample[0, 0], vae.hop_length
    for sample in (24 * hop, 24 * hop + hop // 2, 25 * hop - 1):
        (slope,) = torch.autograd.grad(sound[sample], latents, retain_graph=True)
        touched = slope[0].abs().amax(dim=0).nonzero()
        assert int(touched.min()) >= 24 - MARGIN_FRAMES and int(touched.max()) <= 24 + MARGIN_FRAMES


def test_in_half_precision_a_cropped_decode_equals_the_full_one_to_a_thousandth():
    vae = tiny_vae(dtype=torch.float32, lively=False)
    latents = torch.randn(8, 40, generator=torch.Generator().manual_seed(1))
    fold_weight_norm(vae)
    vae.half()
    full = vae.decode(latents[None].half()).sample[0, :, 20_000:50_000].float()
    assert float(full.abs().max()) > 0.01
    torch.testing.assert_close(decode_start(vae, latents, 50_000)[:, 20_000:], full, rtol=0, atol=1e-3)


def test_in_half_precision_cropping_loud_sound_adds_less_than_rounding_does():
    # Convolutions of another length are added up in another order; what that changes is below a thousandth (rms), and
    # no larger anywhere than the distance of half precision itself from the truth.
    vae = tiny_vae(dtype=torch.float32)
    latents = torch.randn(8, 40, generator=torch.Generator().manual_seed(1))
    fold_weight_norm(vae)
    truth = vae.decode(latents[None]).sample[0, :, 20_000:50_000]
    vae.half()
    full = vae.decode(latents[None].half()).sample[0, :, 20_000:50_000].float()
    apart = (decode_start(vae, latents, 50_000)[:, 20_000:] - full).abs()
    assert float(apart.square().mean().sqrt()) < 1e-3
    assert float(apart.max()) < 2 * float((full - truth).abs().max())


def test_pieces_join_without_a_trace():
    vae = tiny_vae()
    latents = torch.randn(8, 60, dtype=torch.float64)
    whole = decode_start(vae, latents, 110_000)[:, 1000:]
    pieces = decode_start(vae, latents, 110_000, piece_frames=7)[:, 1000:]
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-6 * float(whole.abs().max()))


def test_decode_work_follows_the_kept_length():
    from torch.utils.flop_counter import FlopCounterMode

    vae, work = tiny_vae(dtype=torch.float32), {}
    latents = torch.randn(8, 300)
    for frames in (50, 100, 300):
        with FlopCounterMode(display=False) as counter:
            decode_start(vae, latents, frames * 2048)
        work[frames] = counter.get_total_flops()
    assert work[100] / work[300] == pytest.approx(112 / 336, rel=0.05)  # a seam between pieces costs two margins
    assert work[50] < 0.6 * work[100]


def test_folding_weight_norm_changes_nothing_and_is_done_in_float32():
    vae = tiny_vae(dtype=torch.float32)
    latents = torch.randn(1, 8, 20)
    before = vae.decode(latents).sample
    layers = sum(hasattr(m, "weight_g") for m in vae.modules())
    assert layers > 0
    assert fold_weight_norm(vae) == layers
    assert not any(hasattr(m, "weight_g") for m in vae.modules())
    torch.testing.assert_close(vae.decode(latents).sample, before, rtol=1e-5, atol=1e-5 * float(before.abs().max()))
    assert fold_weight_norm(vae) == 0

    layer = torch.nn.utils.weight_norm(torch.nn.Conv1d(512, 16, 7)).requires_grad_(False).half()
    g, v = layer.weight_g.double(), layer.weight_v.double()
    exact = g * v / v.norm(dim=(1, 2), keepdim=True)
    fold_weight_norm(layer)
    assert layer.weight.dtype == torch.float16
    assert (
        float(((layer.weight.double() - exact) / exact).abs()[exact.abs() > 1e-4].max()) < 1.01 * 2**-11
    )  # one rounding


def test_overflow_in_half_precision_is_decoded_again_in_float32():
    vae = tiny_vae(dtype=torch.float32)
    fold_weight_norm(vae)
    latents = torch.randn(8, 12)
    loud = vae.decoder.conv1.weight
    loud.data *= 6e4 / float(vae.decoder.conv1(latents[None]).abs().max())
    want = decode_start(vae, latents, 5000)
    vae.half()
    assert not torch.isfinite(vae.decode(latents[None].half()).sample).all()
    got = decode_start(vae, latents, 5000)
    torch.testing.assert_close(got, want, rtol=0.05, atol=0.05 * float(want.abs().max()))
    assert vae.decoder.conv1.weight.dtype == torch.float16


def test_what_is_not_finite_in_float32_is_an_error():
    vae = tiny_vae(dtype=torch.float32)
    with pytest.raises(NotFinite, match="decoded audio holds values that are not finite"):
        decode_start(vae, torch.full((8, 12), torch.nan), 5000)


def test_a_guide_encoded_in_pieces_is_the_guide_encoded_at_once():
    vae = tiny_vae(dtype=torch.float32)
    audio = torch.randn(2, 60 * 2048, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        want = vae.encode(audio[None]).latent_dist.mode()[0]
    got = encode_pieces(vae, audio, piece_frames=23)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-5 * float(want.abs().max()))
