"""ACE-Step on a tiny pipeline: what it is told, the context it hears, and what goes wrong."""

import numpy as np
import pytest

from helpers.engines.ace_step import track_name
from helpers.engines.prompts import write_prompt
from helpers.errors import LoopsError
from helpers.music.pitch import parse_key
from helpers.records import Clip, Request
from tests.engines.conftest import options_for

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

REQUEST = Request(
    "piano",
    "chords",
    120.0,
    bars=1,
    key=parse_key("A minor"),
    meter="4/4",
    guide="idea",
    options=options_for("ace-step"),
)


@pytest.fixture
def engine(tiny_engine):
    engine = tiny_engine("ace-step")
    engine.generate(REQUEST.with_(guide="none"))
    return engine


def noise(seed, seconds=2.0):
    return Clip(np.random.default_rng(seed).normal(0, 0.3, (1, round(seconds * 44_100))).astype(np.float32), 44_100)


@pytest.mark.parametrize(
    ("instrument", "role", "track"),
    [("bass guitar", "bass", "bass"), ("drum kit", "drums", "drums"), ("violin", "lead", "strings"),
     ("rhodes", "chords", "keyboard"), ("saw lead", "lead", "synth"), ("trumpet", "lead", "brass")],
)  # fmt: skip
def test_the_track_is_named_in_the_models_words(instrument, role, track):
    assert track_name(Request(instrument, role, 120.0)) == track


def test_tempo_key_and_metre_are_told_beside_the_words(engine, monkeypatch):
    assert "bpm" not in write_prompt("ace-step", REQUEST.with_(options={}))[0].lower()
    told = {}
    pipe = engine._model.pipe
    real = type(pipe).__call__
    monkeypatch.setattr(type(pipe), "__call__", lambda self, **given: told.update(given) or real(self, **given))
    engine.generate(REQUEST.with_(bpm=119.6, meter="6/8"), guide=noise(1))
    assert (told["bpm"], told["keyscale"], told["timesignature"], told["track_name"]) == (
        120,
        "A minor",
        "6",
        "keyboard",
    )
    assert told["task_type"] == "lego" and told["guidance_scale"] == 1.0
    engine.generate(REQUEST)
    assert told["task_type"] == "text2music" and told["src_audio"] is None


def test_the_context_changes_what_is_made_and_repeats_on_the_grid(engine):
    one, same, other = (engine.generate(REQUEST, guide=noise(seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(one.clip.samples, same.clip.samples)
    assert not np.allclose(one.clip.samples, other.clip.samples, atol=1e-3)
    assert one.notes[0] == "Plays to the idea, repeated; 4 s." and "Experimental" in one.notes[1]
    context = engine._model.prepare(engine._plan(REQUEST, noise(1, 3.1)))["context"]
    loop = REQUEST.samples(48_000)
    assert torch.equal(context[:, :loop], context[:, loop : 2 * loop]) and context.shape == (2, 4 * 48_000)


def test_without_an_idea_the_words_alone_are_used_and_it_says_so(engine):
    take = engine.generate(REQUEST.with_(guide="none"))[0]
    assert take.notes[0].startswith("Made from the words alone") and take.clip.sample_rate == 48_000


def test_values_that_are_not_finite_are_a_sentence(engine, monkeypatch):
    real = type(engine._model.pipe.transformer).forward

    def broken(self, *args, **given):
        out = real(self, *args, **given)
        return (out[0] * float("nan"),)

    monkeypatch.setattr(type(engine._model.pipe.transformer), "forward", broken)
    with pytest.raises(LoopsError, match="computed values that are not finite; try another seed"):
        engine.generate(REQUEST)
