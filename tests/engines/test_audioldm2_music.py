"""AudioLDM2-Music: every trap of the library's pipeline, by name."""

import json

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

REQUEST = Request("warm pad", "pad", 120.0, bars=1, guide="none", options=options_for("audioldm2-music"))
SOURCE = SOURCES["audioldm2-music"]


@pytest.fixture
def engine(tiny_engine):
    engine = tiny_engine("audioldm2-music")
    engine.generate(REQUEST)
    return engine


def sound(engine, **options):
    return engine.generate(REQUEST.with_(options=REQUEST.options | options))[0].clip.samples


def test_the_language_model_loads_although_the_repository_names_gpt2model(engine, tiny_folder):
    config = json.loads((tiny_folder("audioldm2-music") / "language_model" / "config.json").read_text("utf-8"))
    assert config["architectures"] == ["GPT2Model"]
    index = json.loads((tiny_folder("audioldm2-music") / "model_index.json").read_text("utf-8"))
    assert index["language_model"] == ["transformers", "GPT2Model"]
    from transformers import GPT2LMHeadModel, GPT2Model

    folder = tiny_folder("audioldm2-music") / "language_model"
    with_head, body = GPT2LMHeadModel.from_pretrained(folder), GPT2Model.from_pretrained(folder)
    for mine, theirs in zip(with_head.transformer.parameters(), body.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_the_words_are_encoded_as_the_pipeline_encodes_them(engine, tiny_folder):
    from diffusers import AudioLDM2Pipeline
    from transformers import GPT2LMHeadModel

    folder = tiny_folder("audioldm2-music")
    language_model = GPT2LMHeadModel.from_pretrained(folder / "language_model")
    pipeline = AudioLDM2Pipeline.from_pretrained(folder, language_model=language_model, local_files_only=True)
    for negative in ("", "drums"):
        prompt = "a warm pad, slow"
        with torch.no_grad():
            words, mask, said = pipeline.encode_prompt(prompt, "cpu", 1, True, negative_prompt=negative)
        mine = engine._model.prepare(Plan(REQUEST, SOURCE, prompt, negative, 4.0, 4, None))
        assert torch.allclose(mine["encoder_hidden_states"], said, atol=1e-5)
        kept = mask.bool()
        assert torch.equal(mine["encoder_attention_mask_1"].bool(), kept)
        assert torch.allclose(mine["encoder_hidden_states_1"][kept], words[kept], atol=1e-5)


def test_negative_words_longer_than_the_prompt_are_not_cut(engine):
    short = dict(prompt="pad")
    one, other = (sound(engine, **short, negative_prompt=f"drums, vocals, {end}") for end in ("hiss", "bass"))
    assert not np.array_equal(one, other)


def test_what_the_prompt_says_does_not_hang_on_how_long_the_negative_words_are(engine):
    short, long = (
        engine._model.prepare(Plan(REQUEST, SOURCE, "pad", negative, 4.0, 4, None))
        for negative in ("", "drums, vocals, hiss")
    )
    said = "encoder_hidden_states"
    assert torch.allclose(short[said][1], long[said][1], atol=1e-6)


def test_words_matter(engine):
    usual = sound(engine)
    assert not np.allclose(usual, sound(engine, prompt="a distant choir"), atol=1e-4)
    assert not np.allclose(usual, sound(engine, guidance=1.5), atol=1e-4)


def test_takes_come_in_the_order_of_their_seeds_not_re_ranked(engine):
    among = [take.clip.samples for take in engine.generate(REQUEST, count=3)]
    for number, samples in enumerate(among):
        alone = engine.generate(REQUEST, first=number)[0].clip.samples
        assert np.allclose(alone, samples, atol=1e-4)


@pytest.mark.parametrize(("bpm", "bars"), [(120.0, 1), (93.7, 2), (100.0, 4)])
def test_lengths_between_the_models_blocks_are_trimmed_to_the_sample(engine, bpm, bars):
    request = REQUEST.with_(bpm=bpm, bars=bars)
    wanted = request.seconds + max(request.seconds / bars, 2.0)
    assert engine.generate(request)[0].clip.length == round(wanted * 16_000)


def test_longer_than_trained_is_said(engine):
    request = REQUEST.with_(bpm=60.0, bars=3)
    assert any("more than the 10.24 s" in note for note in engine.generate(request)[0].notes)
    assert not any("10.24" in note for note in engine.generate(REQUEST)[0].notes)


def test_it_is_mono_at_16_khz_and_cannot_hear_audio(engine):
    take = engine.generate(REQUEST)[0]
    assert (take.clip.channels, take.clip.sample_rate) == (1, 16_000)
    with pytest.raises(InvalidInput, match="cannot hear audio, only negative and text"):
        engine.generate(REQUEST, guide=Clip(np.ones((1, 100), np.float32), 16_000))


def test_the_short_sampler_is_another_distribution_and_says_so(engine):
    take = engine.generate(REQUEST.with_(options=REQUEST.options | {"sampler": "dpm"}))[0]
    assert take.labels == ("4 DPM-Solver++ steps instead of 200 DDIM steps",)
    assert not np.allclose(take.clip.samples, sound(engine), atol=1e-4)


def test_reference_settings_have_no_labels(engine):
    plan = engine._plan(REQUEST.with_(options={"prompt": "x"}), None)
    assert plan.labels == ()
    assert (plan.steps, plan.settings["guidance"], plan.settings["sampler"]) == (200, 3.5, "ddim")


def test_text_models_are_not_kept_while_sampling(engine):
    kept = {type(value).__name__ for value in vars(engine._model).values()}
    assert not kept & {"ClapModel", "T5EncoderModel", "GPT2LMHeadModel"}
