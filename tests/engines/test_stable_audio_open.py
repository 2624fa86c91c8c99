"""Stable Audio Open: every trap of the library's pipeline, by name."""

import sys

import numpy as np
import pytest

from helpers.engines.hub.sources import SOURCES
from helpers.engines.neural import Plan
from helpers.errors import InvalidInput
from helpers.records import Clip, Request
from tests.engines.conftest import options_for

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

REQUEST = Request(
    "piano", "chords", 120.0, bars=1, guide="idea", guide_strength=0.5, options=options_for("stable-audio-open")
)


@pytest.fixture
def engine(tiny_engine):
    engine = tiny_engine("stable-audio-open")
    engine.generate(REQUEST)
    return engine


@pytest.fixture
def guide():
    """Two seconds of noise, like itself at no other time; mono at 22.05 kHz, so that it is resampled and doubled."""
    return Clip(np.random.default_rng(5).normal(0, 0.3, (1, 44_100)).astype(np.float32), 22_050)


def round_trip(engine, guide, seconds):
    """The guide as the model's own codec gives it back: what a take that followed it perfectly would be."""
    plan = Plan(REQUEST, SOURCES["stable-audio-open"], "", "", seconds, 4, guide, {"canvas": "full"})
    return engine._model.decode(engine._model._encode_guide(plan), plan)


def likeness(one, other):
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


# ---- init audio (diffusers#10861: at the library's defaults it does nothing)


def followed(engine, guide, strength):
    """Correlation of the sampled latents with the guide's, over what is kept."""
    request = REQUEST.with_(guide_strength=strength)
    plan = engine._plan(request, guide)
    prepared = engine._model.prepare(plan)
    latents = engine._model.sample(prepared, plan, [1], lambda done: None).values[0]
    kept = round(plan.seconds * 44_100) // engine._model.hop
    return likeness(latents[:, :kept].numpy(), engine._model._encode_guide(plan)[:, :kept].numpy())


def test_with_high_strength_the_take_correlates_with_the_guide(engine, guide):
    assert followed(engine, guide, 1.0) > 0.9  # a random model cannot take the last noise away again
    take = engine.generate(REQUEST.with_(guide_strength=1.0), guide=guide)[0]
    without = engine.generate(REQUEST.with_(guide_strength=1.0))[0]
    heard = round_trip(engine, guide, take.clip.seconds)
    assert likeness(take.clip.samples, heard) > 3 * abs(likeness(without.clip.samples, heard))


def test_with_strength_zero_the_take_equals_no_guide_at_all(engine, guide):
    request = REQUEST.with_(guide_strength=0.0)
    with_guide, without = engine.generate(request, guide=guide)[0], engine.generate(request)[0]
    assert np.array_equal(with_guide.clip.samples, without.clip.samples)


def test_more_strength_means_more_of_the_guide(engine, guide):
    heard = [followed(engine, guide, strength) for strength in (0.1, 0.4, 0.7, 1.0)]
    assert heard == sorted(heard)
    assert heard[0] < 0.4
    assert heard[-1] > 0.9


def test_the_noise_level_and_the_shorter_schedule_are_on_the_take(engine, guide):
    request = REQUEST.with_(options=REQUEST.options | {"steps": 50})
    steps = []
    take = engine.generate(request, guide=guide, progress=lambda stage, *_: steps.append(stage))[0]
    assert take.notes[0] == "Follows the guide at strength 0.5: noise level 1.22, 15 of 50 steps."
    assert sum(stage.startswith("Sampling") for stage in steps) == 15
    assert take.labels == ("50 of 100 steps",), "the density is the label, not how far the run begins"


def test_guide_none_means_that_a_guide_is_not_heard(engine, guide):
    request = REQUEST.with_(guide="none", guide_strength=1.0)
    assert np.array_equal(
        engine.generate(request, guide=guide)[0].clip.samples, engine.generate(request)[0].clip.samples
    )


def test_the_guide_repeats_on_the_grid_over_all_that_is_rendered(engine, guide):
    # A loop of 43 whole latent frames: a random codec, unlike a trained one, gives something else between frames.
    loop = 43 * 2048
    request = REQUEST.with_(guide_strength=1.0, bpm=240.0 * 44_100 / loop)
    sound = engine.generate(request, guide=guide)[0].clip.samples
    middle, frame = slice(loop // 4, 3 * loop // 4), 2048
    one = sound[:, :loop][:, middle]
    by_shift = {shift: likeness(one, sound[:, loop + shift :][:, middle]) for shift in (-3 * frame, 0, 3 * frame)}
    assert by_shift[0] > 0.35
    assert by_shift[0] > 1.5 * max(by_shift[-3 * frame], by_shift[3 * frame])


# ---- what the pipeline needs and we do not


def test_neither_torchsde_nor_torchaudio_is_needed(tiny_engine, monkeypatch):
    for name in ("torchsde", "torchaudio"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises ImportError
    engine = tiny_engine("stable-audio-open")
    engine.release()
    assert engine.generate(REQUEST)


def test_the_conditioning_is_the_pipelines_own(engine):
    from diffusers import EDMDPMSolverMultistepScheduler, StableAudioPipeline
    from transformers import T5Tokenizer

    model = engine._model
    tokenizer, encoder = model._text_encoder()
    assert isinstance(tokenizer, T5Tokenizer)
    pipeline = StableAudioPipeline(
        vae=model.vae,
        text_encoder=encoder,
        projection_model=model._projection,
        tokenizer=tokenizer,
        transformer=model.transformer,
        scheduler=EDMDPMSolverMultistepScheduler(),
    )
    for negative in ("", "drums, vocals"):
        plan = Plan(REQUEST, SOURCES["stable-audio-open"], "92 BPM rhodes", negative, 5.3, 4, None)
        with torch.no_grad():
            context, durations = model._conditioning(plan)
            words = pipeline.encode_prompt("92 BPM rhodes", "cpu", True, negative or None)
            start, end = pipeline.encode_duration(0.0, 6.0, "cpu", bool(negative), 1)
        theirs = torch.cat([words, start, end], dim=1)
        if not negative:  # without negative words the pipeline's free half is all zeros
            theirs = torch.cat([torch.zeros_like(theirs), theirs])
        assert torch.allclose(context, theirs, atol=1e-6)
        assert torch.allclose(durations[1], torch.cat([start, end], dim=2)[-1], atol=1e-6)


def test_words_and_negative_words_both_matter(engine):
    def sound(**options):
        return engine.generate(REQUEST.with_(options=REQUEST.options | options))[0].clip.samples

    usual = sound()
    assert not np.allclose(usual, sound(prompt="a distant choir"), atol=1e-3)
    assert not np.allclose(usual, sound(negative_prompt=""), atol=1e-3)
    assert not np.allclose(usual, sound(guidance=2.0), atol=1e-3)


def test_a_prompt_longer_than_the_encoder_reads_is_cut_not_refused(engine):
    assert engine.generate(REQUEST.with_(options=REQUEST.options | {"prompt": "rhodes " * 100}))


def test_t5_reads_in_float32_whatever_the_rest_runs_in(tiny_engine):
    engine = tiny_engine("stable-audio-open")
    engine.generate(REQUEST.with_(options=options_for("stable-audio-open", precision="float16")))
    model = engine._model
    assert model.transformer.dtype == torch.float16
    assert next(model._text_encoder()[1].parameters()).dtype == torch.float32


# ---- length, canvas, stereo


@pytest.mark.parametrize(("bpm", "bars"), [(120.0, 1), (93.7, 2), (140.0, 4)])
def test_a_take_is_the_loop_and_at_least_a_bar_more(engine, bpm, bars):
    request = REQUEST.with_(bpm=bpm, bars=bars)
    take = engine.generate(request)[0]
    wanted = request.seconds + max(request.seconds / bars, 2.0)
    assert take.clip.length == round(wanted * 44_100)


def test_the_longest_loop_fills_the_canvas(engine):
    request = REQUEST.with_(bpm=60.0, bars=11)
    assert engine.generate(request)[0].clip.seconds == pytest.approx(47.0, abs=1e-4)
    with pytest.raises(InvalidInput, match="at most 47 s"):
        engine.generate(request.with_(bars=12))


def test_stereo_is_stereo(engine):
    left, right = engine.generate(REQUEST)[0].clip.samples
    assert not np.allclose(left, right, atol=1e-3)


def test_a_fitted_canvas_is_shorter_labelled_and_hears_the_guide(engine, guide):
    options = options_for("stable-audio-open", canvas="fitted")
    take = engine.generate(REQUEST.with_(options=options, guide_strength=1.0), guide=guide)[0]
    assert "canvas fitted to the loop" in take.labels
    plan = engine._plan(REQUEST.with_(options=options), None)
    assert engine._model.frames(plan) == -(-take.clip.length // engine._model.hop)
    assert likeness(take.clip.samples, round_trip(engine, guide, take.clip.seconds)) > 0.4


def test_reference_settings_have_no_labels(engine):
    plan = engine._plan(REQUEST.with_(options={"prompt": "x"}), None)
    assert plan.labels == ()
    assert plan.steps == 100
    assert plan.settings["guidance"] == 7.0


def test_staged_halves_rest_in_turn_and_give_the_same_take(engine, monkeypatch):
    from helpers.engines.devices import Device

    before = engine.generate(REQUEST)[0].clip.samples
    model, moved = engine._model, []
    for name in ("transformer", "vae"):
        module = getattr(model, name)
        part = module if name == "transformer" else module.decoder
        # A GPU that is none: what would travel there and back is noted and stays.
        monkeypatch.setattr(part, "to", lambda place, *_, name=name: moved.append((name, place)))
    with monkeypatch.context() as patch:
        patch.setattr(model, "device", Device("cuda", "Pretended", "float32"))
        model.stage()
        assert moved == [("vae", "cpu")]
        sampled = torch.zeros(4, 1024)
        patch.setattr(model, "decode", lambda *_: moved.append("decode"))
        model.decode_alone(sampled, None)
    assert moved[1:] == [("transformer", "cpu"), ("vae", "cuda"), "decode", ("vae", "cpu"), ("transformer", "cuda")]
    model.staged = False
    assert np.array_equal(engine.generate(REQUEST)[0].clip.samples, before)


def test_the_way_the_steps_ran_is_noted(engine):
    assert any("steps" in note for note in engine.generate(REQUEST)[0].notes)
