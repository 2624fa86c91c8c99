"""Foundation-1: a checkpoint in stable-audio-tools' layout, told tempi, and takes at the tempo asked for."""

import json
import re

import numpy as np
import pytest

from helpers.engines.prompts import TRAINED_BPM, told_tempo, write_prompt
from helpers.engines.registry import get_engine
from helpers.errors import InvalidInput
from helpers.loops import make_loop
from helpers.loops.hearing import Hearing
from helpers.loops.tempo import estimate_take_tempo
from helpers.music.instruments import INSTRUMENTS
from helpers.music.pitch import parse_key
from helpers.records import Clip, Request, Take
from helpers.sound.stretch import apply_stretch
from tests.engines.conftest import options_for
from tests.loops.takes import piano

REQUEST = Request("synth bass", "bass", 140.0, bars=8, key=parse_key("E minor"), engine="foundation-1", guide="none")
BPMS = (70, 74.3, 80, 85, 90, 96.5, 100, 105, 112, 120, 125.7, 128, 135, 145, 155.5, 168, 180)


# Of the model card (huggingface.co/RoyalCities/Foundation-1): its families, and three of its own examples.
CARD_FAMILIES = {
    *("Synth", "Keys", "Bass", "Bowed Strings", "Mallet", "Wind", "Guitar", "Brass", "Vocal", "Plucked Strings"),
}
CARD_EXAMPLES = (
    "Sub Bass, Bass, Gritty, Small, Square, Bass, Dark, Digital, Thick, Clean, Simple, Bassline, Epic, Choppy, Melody, "
    "4 Bars, 150 BPM, G# minor",
    "Synth, Pad, Chord Progression, Rising, Digital, Bass, Fat, Near, Wide, Silky, Warm, Focused, 8 Bars, 110 BPM, "
    "D major",
    "Fiddle, Bowed Strings, Full, Clean, Spacey, Rich, Intimate, Thick, Rolling, Arp, Fast Speed, Complex, 8 Bars, "
    "128 BPM, B minor",
)
LAST_TAGS = re.compile(r"(4|8) Bars, (100|110|120|128|130|140|150) BPM, [A-G][#b]? (major|minor)$")


def test_prompts_are_tags_that_end_in_bars_tempo_and_key():
    assert all(LAST_TAGS.search(example) for example in CARD_EXAMPLES)
    prompt, negative = write_prompt("foundation-1", REQUEST.with_(style="gritty, wide", mood="warm", dry=True))
    assert prompt == "Bass, Synth Bass, Gritty, Wide, Warm, Bassline, Dry, 8 Bars, 140 BPM, E minor"
    assert "drums" in negative
    prompt = write_prompt("foundation-1", REQUEST.with_(instrument="violin", role="lead", bpm=70.0, bars=2))[0]
    assert prompt == "Bowed Strings, Violin, Melody, 4 Bars, 140 BPM, E minor"


def test_instruments_have_the_names_of_the_models_card():
    def tags(instrument, role, **more):
        return write_prompt("foundation-1", REQUEST.with_(instrument=instrument, role=role, **more))[0].split(", ")

    assert tags("electric piano", "chords")[:3] == ["Keys", "Rhodes Piano", "Chord Progression"]
    assert tags("bass guitar", "bass", density=0.1)[:4] == ["Bass", "Electric Bass", "Bassline", "Simple"]
    assert tags("folk fiddle", "lead", density=0.9)[:4] == ["Bowed Strings", "Fiddle", "Melody", "Complex"]
    assert tags("warm pad", "pad")[:4] == ["Synth", "Pad", "Warm", "Sustained"]
    for instrument in INSTRUMENTS:
        if not instrument.is_drums:
            assert tags(instrument.name, instrument.role)[0] in CARD_FAMILIES


def test_only_the_two_genres_it_knows_are_told():
    prompts = [write_prompt("foundation-1", REQUEST.with_(genre=genre))[0] for genre in ("dubstep", "house")]
    assert "Dubstep" in prompts[0] and "House" not in prompts[1]


@pytest.mark.parametrize("bpm", BPMS)
def test_the_tempo_told_is_a_trained_one_near_enough_to_stretch(bpm):
    for bars in (1, 2, 4, 8):
        told = told_tempo(REQUEST.with_(bpm=float(bpm), bars=bars))
        assert told.bpm in TRAINED_BPM and told.bars in (4, 8)
        assert 0.86 < told.bpm / (bpm * told.pace) < 1.15
        assert told.bars >= min(8, bars * told.pace)
        if bpm in TRAINED_BPM:
            assert told.bpm == bpm and told.pace == 1


def test_drums_and_other_meters_are_refused_at_once():
    engine = get_engine("foundation-1")
    with pytest.raises(InvalidInput, match="pitched instruments only"):
        engine.check(REQUEST.with_(instrument="drum kit", role="drums"))
    with pytest.raises(InvalidInput, match="knows 4/4 only and 3/4 is asked for"):
        engine.check(REQUEST.with_(meter="3/4"))


@pytest.mark.parametrize("bpm", BPMS)
def test_what_was_made_at_the_tempo_told_ends_exact(bpm):
    request = Request("piano", "chords", float(bpm), bars=2, key=parse_key("C major"), sample_rate=44_100)
    told = told_tempo(request)
    made = piano(told.bpm, bars=told.bars)
    ratio = request.bpm * told.pace / told.bpm
    take = Take(apply_stretch(made, round(made.length / ratio)), "foundation-1", "1", 1, "")
    loop = make_loop(take, request)
    assert loop.clip.length == request.samples()
    heard = estimate_take_tempo(Hearing(loop.clip).struck, request)
    assert heard.error_percent(bpm) == pytest.approx(0, abs=0.3)


# ---- on a tiny checkpoint

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")


@pytest.mark.neural
def test_a_converted_checkpoint_equals_the_same_weights_in_diffusers_layout(tiny_folder):
    from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioProjectionModel

    from helpers.engines.fast import stable_audio_tools as tools

    folder = tiny_folder("foundation-1")
    config, weights = tools.read_checkpoint(folder)
    pairs = {
        "transformer": (tools.build_transformer(config, weights), StableAudioDiTModel),
        "vae": (tools.build_codec(config, weights), AutoencoderOobleck),
        "projection_model": (tools.build_projection(config, weights), StableAudioProjectionModel),
    }
    for name, (ours, kind) in pairs.items():
        theirs = kind.from_pretrained(folder / "diffusers", subfolder=name, torch_dtype=torch.float16)
        mine, others = ours.state_dict(), theirs.state_dict()
        assert mine.keys() == others.keys()
        assert all(torch.equal(mine[key], others[key]) for key in mine)
        settings = {key: value for key, value in theirs.config.items() if not key.startswith("_")}
        assert {key: list(v) if isinstance(v := ours.config[key], tuple) else v for key in settings} == settings
    sound = 0.2 * torch.randn(1, 2, 8 * 2048)
    with torch.no_grad():
        ours, theirs = (part.float().encode(sound).latent_dist.mode() for part in (pairs["vae"][0], _codec(folder)))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def _codec(folder):
    from diffusers import AutoencoderOobleck

    return AutoencoderOobleck.from_pretrained(folder / "diffusers", subfolder="vae")


@pytest.mark.neural
def test_another_kind_of_model_is_refused(tmp_path):
    from helpers.engines.fast import stable_audio_tools as tools

    (tmp_path / "model_config.json").write_text(json.dumps({"model_type": "autoencoder"}), encoding="utf-8")
    with pytest.raises(InvalidInput, match="describes a 'autoencoder', not a Stable Audio Open"):
        tools.read_checkpoint(tmp_path)


@pytest.mark.neural
def test_a_take_lasts_as_its_bars_at_the_tempo_asked_for(tiny_engine):
    engine = tiny_engine("foundation-1")
    request = Request("piano", "chords", 70.0, bars=4, guide="none", options=options_for("foundation-1"))
    take = engine.generate(request)[0]
    assert take.clip.length == request.samples(44_100)
    assert "Made as 8 bars at 140 BPM." in take.notes
    longer = engine.generate(request.with_(bars=8))[0]
    assert longer.clip.length == 2 * take.clip.length and "so they repeat" in " ".join(longer.notes)
    stretched = engine.generate(request.with_(bpm=105.0, bars=2))[0]
    assert stretched.clip.length == pytest.approx(4 * 4 * 60 / 105 * 44_100, abs=2)
    assert any("4 bars at 110 BPM, then stretched by +4.8 %" in note for note in stretched.notes)
    assert "canvas" not in " ".join(stretched.labels)


@pytest.mark.neural
def test_a_guide_is_followed_at_the_tempo_told(tiny_engine):
    engine = tiny_engine("foundation-1")
    guide = Clip(np.random.default_rng(5).normal(0, 0.3, (2, 4 * 44_100)).astype(np.float32), 44_100)
    request = Request("piano", "chords", 120.0, bars=2, guide="idea", options=options_for("foundation-1"))
    levels = []
    for strength in (0.2, 1.0):
        takes = engine.generate(request.with_(guide_strength=strength), guide=guide)
        plan = engine._plan(request.with_(guide_strength=strength), guide)
        back = engine._model.decode(engine._model._encode_guide(plan), plan)
        count = min(back.shape[1], takes[0].clip.length)
        levels.append(float(np.corrcoef(back[:, :count].ravel(), takes[0].clip.samples[:, :count].ravel())[0, 1]))
    assert levels[0] < levels[1] and levels[1] > 0.6
