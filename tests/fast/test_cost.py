"""The work we count against torch's own counter, and what follows from it."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

from benchmarks.engines.models import build_audioldm2, build_musicgen, build_stable_audio
from helpers.engines.fast import cost
from helpers.engines.fast.presets import choose_settings


def flops(run):
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def one_more_step(engine, takes=1, **arguments):
    """Work of one sampling step: the difference between two runs."""
    steps = [choose_settings(engine, given={"steps": steps}) for steps in (10, 11)]
    few, more = (cost.count_work(engine, takes=takes, settings=s, **arguments) for s in steps)
    return more.flops - few.flops


def test_stable_audio_step_and_decode_match_the_real_architecture():
    parts = build_stable_audio("full", "meta")
    table = torch.empty(1025, 32, device="meta")
    real = flops(
        lambda: parts["transformer"](
            torch.empty(2, 64, 1024, device="meta"),
            torch.empty(1, device="meta"),
            encoder_hidden_states=torch.empty(2, 130, 768, device="meta"),
            global_hidden_states=torch.empty(2, 1, 1536, device="meta"),
            rotary_embedding=(table, table),
        )
    )
    # The library also makes the words' keys and values in every step; we do not.
    assert one_more_step("stable-audio-open", seconds=8.0) == pytest.approx(real, rel=0.03)
    decode = flops(lambda: parts["vae"].decode(torch.empty(1, 64, 193, device="meta")))
    settings = choose_settings("stable-audio-open", given={"steps": 2, "guidance": 1.0})
    ours = cost.count_work("stable-audio-open", seconds=8.0, takes=2, settings=settings).flops
    alone = cost.count_work("stable-audio-open", seconds=8.0, takes=1, settings=settings).flops
    sampled = one_more_step("stable-audio-open", seconds=8.0) / 2 * 2
    assert ours - alone - sampled == pytest.approx(decode, rel=0.03)


def test_audioldm2_step_matches_the_real_architecture():
    unet = build_audioldm2("full", "meta")["unet"]
    real = flops(
        lambda: unet(
            torch.empty(2, 8, 200, 16, device="meta"),
            torch.zeros((), device="meta"),
            encoder_hidden_states=torch.empty(2, 8, 768, device="meta"),
            encoder_hidden_states_1=torch.empty(2, 16, 1024, device="meta"),
            encoder_attention_mask_1=torch.ones(2, 16, device="meta"),
        )
    )
    assert one_more_step("audioldm2-music", seconds=8.0) == pytest.approx(real, rel=0.03)


@pytest.mark.parametrize("variant", ["small", "stereo-medium", "large", "melody"])
def test_musicgen_bytes_match_the_real_weights(variant):
    decoder = build_musicgen(variant, "full", "meta").decoder
    matrices = sum(p.numel() for n, p in decoder.named_parameters() if p.dim() == 2 and "embed" not in n)
    cross = sum(p.numel() for n, p in decoder.named_parameters() if "encoder_attn." in n and p.dim() == 2)
    settings = choose_settings("musicgen")
    work = cost.count_work("musicgen", seconds=2.0, takes=1, settings=settings, variant=variant, words=64)
    # At 64 words a folded head is as large as the two matrices it stands for, of cross-attention's four.
    weights = (matrices - cross / 2) * work.steps * 2
    assert weights < work.moved_bytes < 1.2 * weights


def test_estimates_grow_as_they_should():
    speed = cost.Speed(6e13, 3e11, 0.5)

    def seconds(engine, preset="reference", **arguments):
        settings = choose_settings(engine, preset)
        arguments = dict(seconds=8.0, takes=1) | arguments
        return cost.estimate_seconds(cost.count_work(engine, settings=settings, **arguments), speed)

    sao = "stable-audio-open"
    assert seconds(sao, takes=4) == pytest.approx(4 * seconds(sao))
    assert seconds(sao, "balanced") < 0.55 * seconds(sao)
    assert seconds(sao, "draft") < 0.1 * seconds(sao)
    assert seconds("audioldm2-music", "balanced") < 0.2 * seconds("audioldm2-music")
    # Takes of MusicGen share the weights that are read.
    assert seconds("musicgen", takes=4) < 2 * seconds("musicgen")
    assert seconds("musicgen", variant="large") > 4 * seconds("musicgen")
    assert seconds("musicgen", weight_bytes=4) > 1.5 * seconds("musicgen")


def test_speed_is_measured_and_threads_are_put_back(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with cost.enough_threads() as threads:
        assert threads == cost.usable_threads() == 1
        speed = cost.measure_speed()
    assert torch.get_num_threads() == before
    assert 1e8 < speed.flops_per_second < 1e14
    assert 1e8 < speed.bytes_per_second < 1e13
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert cost.usable_threads() >= 1
