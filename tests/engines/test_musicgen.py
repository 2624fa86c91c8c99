"""MusicGen: every trap of the library's generate, by name, and the guide before bar 1."""

import inspect
import shutil

import numpy as np
import pytest

from helpers.engines.devices import Device
from helpers.engines.guides import lead_in, loop_of_guide
from helpers.engines.hub.sources import SOURCES
from helpers.engines.musicgen import FRAME_SAMPLES
from helpers.errors import InvalidInput
from helpers.records import Clip, Request
from tests.engines.tiny import VARIANT_OF, options_for

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from helpers.engines.fast.musicgen import CHROMA_HOP, MusicGenModel

pytestmark = pytest.mark.neural

BASE = Request("piano", "chords", 117.0, bars=1, guide="none", guide_strength=0.5)
PLAIN, MELODY = ("musicgen", "musicgen-stereo"), ("musicgen-melody", "musicgen-stereo-melody")


def request_for(family, **options):
    return BASE.with_(options=options_for(family, **options))


def tune(*notes, channels=1):
    time = np.arange(22_050) / 44_100
    line = np.concatenate([0.3 * np.sin(2 * np.pi * hz * time) for hz in notes]).astype(np.float32)
    return Clip(np.stack([line * (1 - 0.7 * side) for side in range(channels)]), 44_100)


def sound(engine, request, **more):
    return engine.generate(request, **more)[0].clip.samples


# ---- what is said to the model is heard (transformers 5.1 to 5.17 ignore it for melody models)


@pytest.mark.parametrize("family", VARIANT_OF)
def test_another_text_gives_another_take(tiny_engine, family):
    engine = tiny_engine(family)
    assert not np.array_equal(
        sound(engine, request_for(family)), sound(engine, request_for(family, prompt="a distant choir, bpm: 60"))
    )


@pytest.mark.parametrize("family", MELODY)
def test_another_melody_gives_another_take(tiny_engine, family):
    engine, request = tiny_engine(family), request_for(family).with_(guide="sketch")
    low, high = tune(220, 277, 330, 220), tune(247, 311, 370, 494)
    takes = [sound(engine, request, guide=guide) for guide in (low, high, None)]
    assert not np.array_equal(takes[0], takes[1])
    assert not np.array_equal(takes[0], takes[2])


def test_guidance_leads_away_from_the_unconditioned(tiny_engine):
    engine = tiny_engine("musicgen")
    strong, weak = (sound(engine, request_for("musicgen", guidance=g)) for g in (3.0, 1.0))
    assert not np.array_equal(strong, weak)
    assert np.isfinite(strong).all(), "the unconditional half is fully masked, which once gave NaN"


# ---- settings


def test_top_k_is_250_as_published_not_50(tiny_engine, monkeypatch):
    engine = tiny_engine("musicgen")
    engine.generate(request_for("musicgen"))
    seen = []
    real = engine._model.runner.generate
    monkeypatch.setattr(engine._model.runner, "generate", lambda *a, **k: seen.append(k["sampling"]) or real(*a, **k))
    engine.generate(request_for("musicgen"))
    assert (seen[0].top_k, seen[0].guidance, seen[0].temperature) == (250, 3.0, 1.0)


@pytest.mark.parametrize("family", VARIANT_OF)
def test_a_take_is_as_long_as_asked_for_to_the_sample(tiny_engine, family):
    request = request_for(family)
    take = tiny_engine(family).generate(request)[0]
    assert take.clip.length == round((request.seconds + max(request.seconds, 2.0)) * 32_000)


def test_three_takes_are_three_clips_not_one_glued(tiny_engine):
    takes = tiny_engine("musicgen").generate(request_for("musicgen"), count=3)
    assert len({take.clip.samples.tobytes() for take in takes}) == 3
    assert len({take.clip.length for take in takes}) == 1


@pytest.mark.parametrize("family", VARIANT_OF)
def test_take_k_alone_equals_take_k_in_a_batch_to_the_bit(tiny_engine, family):
    engine, request = tiny_engine(family), request_for(family)
    among = engine.generate(request, count=6)
    for number in (1, 5):
        assert np.array_equal(engine.generate(request, first=number)[0].clip.samples, among[number].clip.samples)


def test_a_take_is_always_made_in_the_same_company(tiny_engine, monkeypatch):
    engine, request = tiny_engine("musicgen"), request_for("musicgen")
    engine.generate(request)
    real, made = engine._model.sample, []
    monkeypatch.setattr(engine._model, "sample", lambda *a: made.append(a[2]) or real(*a))
    engine.generate(request, first=5)
    engine.generate(request.with_(seed=5))
    assert made == [(4, 5, 6, 7)] * 2


@pytest.mark.parametrize("family", ["musicgen-stereo", "musicgen-stereo-melody"])
def test_stereo_stays_stereo(tiny_engine, family):
    left, right = sound(tiny_engine(family), request_for(family))
    assert not np.allclose(left, right, atol=1e-3)


@pytest.mark.parametrize("family", ["musicgen", "musicgen-melody"])
def test_mono_is_one_channel(tiny_engine, family):
    assert sound(tiny_engine(family), request_for(family)).shape[0] == 1


def test_t5_and_the_codec_stay_in_float32(tiny_engine):
    engine = tiny_engine("musicgen")
    engine.generate(request_for("musicgen", precision="float16"))
    model = engine._model.model
    assert model.decoder.dtype == torch.float16
    assert {p.dtype for p in model.text_encoder.parameters()} == {torch.float32}
    assert {p.dtype for p in model.audio_encoder.parameters()} == {torch.float32}


def test_a_folder_with_another_kind_of_model_is_named(tiny_folder, tmp_path):
    from helpers.engines.devices import find_device

    folder = tmp_path / "parler"
    shutil.copytree(tiny_folder("musicgen"), folder)
    config = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text(config.replace('"model_type": "musicgen"', '"model_type": "parler"'), "utf-8")
    with pytest.raises(InvalidInput, match=r"parler holds a model of type 'parler'; MusicGen needs one of musicgen"):
        MusicGenModel(SOURCES["musicgen-small"], folder, find_device(), lambda: None)


def test_an_unknown_variant_is_answered_with_the_known_ones(tiny_engine):
    with pytest.raises(InvalidInput, match="The option variant is 'huge'; use one of small, medium, large, melody"):
        tiny_engine("musicgen").generate(request_for("musicgen", variant="huge"))


def test_the_short_variable_stands_for_the_default_variant(tiny_engine, tiny_folder, monkeypatch):
    engine = tiny_engine("musicgen")
    monkeypatch.delenv(SOURCES["musicgen-small"].variable)
    monkeypatch.setenv("LOOPS_MODEL_MUSICGEN", str(tiny_folder("musicgen")))
    assert engine.generate(BASE.with_(options={"prompt": "rhodes"}))
    assert engine.readiness().details["weights"] == "local"


def test_room_is_asked_for_by_the_checkpoint_that_a_request_asks_for(tiny_engine, monkeypatch):
    engine = tiny_engine("musicgen-melody")
    monkeypatch.delenv(SOURCES["musicgen-small"].variable, raising=False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**40, 2**40, 2**20))
    assert not engine.readiness().ready
    assert engine.generate(request_for("musicgen-melody"))


# ---- the guide before bar 1


@pytest.mark.parametrize(("strength", "bars"), [(0.3, 1), (0.5, 1), (0.75, 2), (1.0, 2)])
def test_strength_chooses_how_many_bars_come_before(tiny_engine, strength, bars):
    engine, request = tiny_engine("musicgen"), request_for("musicgen").with_(guide="sketch", guide_strength=strength)
    plan = engine._plan(request, tune(220))
    seconds = plan.values["lead_frames"] / 50
    assert 0 <= seconds - bars * request.seconds < 1 / 50


@pytest.mark.parametrize("family", PLAIN)
def test_the_lead_in_ends_on_bar_one_and_is_removed_to_the_sample(tiny_engine, family, monkeypatch):
    engine, request = tiny_engine(family), request_for(family).with_(guide="idea")
    guide = tune(220, 277, 330, 440, 220, channels=2)
    engine.generate(request, guide=guide)
    model, heard, codes = engine._model, [], []
    encode, decode = model.runner.encode_audio, model.runner.decode
    monkeypatch.setattr(model.runner, "encode_audio", lambda audio: heard.append(audio.numpy()) or encode(audio))
    monkeypatch.setattr(model.runner, "decode", lambda one: codes.append(one) or decode(one))
    take = engine.generate(request, guide=guide)[0]
    channels = model.runner.channels
    loop = loop_of_guide(guide, request, 32_000, channels)
    frames = heard[0].shape[1] // FRAME_SAMPLES
    # What the model continues is the guide up to the very sample where its bar 1 would come again ...
    assert heard[0].shape == (channels, frames * FRAME_SAMPLES)
    assert np.array_equal(heard[0], lead_in(loop, frames * FRAME_SAMPLES))
    assert frames * FRAME_SAMPLES >= request.seconds * 32_000
    # ... the codes begin with it, and the take begins at the first sample after it: bar 1 within nothing.
    assert torch.equal(codes[0][:, :frames], encode(torch.from_numpy(heard[0])))
    whole = decode(codes[0]).numpy()
    assert np.array_equal(take.clip.samples, whole[:, frames * FRAME_SAMPLES :][:, : take.clip.length])


@pytest.mark.parametrize("family", PLAIN)
def test_a_continuation_hangs_on_its_guide(tiny_engine, family):
    engine, request = tiny_engine(family), request_for(family).with_(guide="idea")
    takes = [sound(engine, request, guide=guide) for guide in (tune(220, 330), tune(494, 110), None)]
    assert not np.array_equal(takes[0], takes[1])
    assert not np.array_equal(takes[0], takes[2])


def test_a_loop_that_fills_the_canvas_leaves_no_room_and_says_so(tiny_engine):
    engine = tiny_engine("musicgen")
    request = request_for("musicgen").with_(bpm=64.0, bars=8, guide="idea")  # 30 s exactly
    take = engine.generate(request, guide=tune(220, 330))[0]
    assert take.clip.seconds == pytest.approx(30.0)
    assert any("no bar of the guide could come before it" in note for note in take.notes)


def test_the_melody_keeps_time_with_the_loop(tiny_engine, monkeypatch):
    engine, request = tiny_engine("musicgen-melody"), request_for("musicgen-melody").with_(guide="sketch", bpm=120.0)
    guide = tune(440, 440, 262, 262)  # half a bar A, half a bar C
    engine.generate(request, guide=guide)
    heard = engine._model.prepare(engine._plan(request, guide))["chroma"].numpy().argmax(axis=1)
    assert len(heard) >= 235
    times = np.arange(len(heard)) * CHROMA_HOP / 32_000 % 2.0
    assert (heard[(times > 0.3) & (times < 0.7)] == 9).all()
    assert (heard[(times > 1.3) & (times < 1.7)] == 0).all()


@pytest.mark.parametrize(("strength", "share"), [(0.25, 0.5), (0.5, 1.0), (1.0, 1.0)])
def test_strength_below_a_half_weakens_the_melody(tiny_engine, strength, share):
    engine = tiny_engine("musicgen-melody")
    request = request_for("musicgen-melody").with_(guide="sketch", guide_strength=strength)
    engine.generate(request, guide=tune(220))
    assert float(engine._model.prepare(engine._plan(request, tune(220)))["chroma"].max()) == share


def test_no_call_goes_through_the_librarys_generate():
    from helpers.engines import musicgen
    from helpers.engines.fast import musicgen as fast

    for module in (musicgen, fast):
        assert "model.generate(" not in inspect.getsource(module).replace("``model.generate(", "")


@pytest.mark.parametrize("family", ["musicgen", "musicgen-stereo-melody"])
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_only_the_decoder_is_rounded_to_half_precision(tiny_folder, family, precision):
    folder = tiny_folder(family)
    source = SOURCES["musicgen-small"]
    whole, half = (
        MusicGenModel(source, folder, Device("cpu", "CPU", kind), lambda: None).model for kind in ("float32", precision)
    )
    for part in ("text_encoder", "audio_encoder"):
        got, want = getattr(half, part).state_dict(), getattr(whole, part).state_dict()
        assert got.keys() == want.keys()
        assert all(torch.equal(got[name], want[name]) for name in want)
    assert {p.dtype for p in half.decoder.parameters()} == {getattr(torch, precision)}


def test_led_by_a_sketch_it_prefers_the_melody_variant_where_that_is_here(tiny_engine, tiny_folder, monkeypatch):
    engine = tiny_engine("musicgen")
    led = Request("piano", "chords", 120.0, bars=1, options={"prompt": "piano"})
    assert engine._source(led).name == "musicgen-small"
    monkeypatch.setenv("LOOPS_MODEL_MUSICGEN_MELODY", str(tiny_folder("musicgen-melody")))
    assert engine._source(led).name == "musicgen-melody"
    assert engine._source(led.with_(guide="none")).name == "musicgen-small"
    assert engine._source(led.with_(options=led.options | {"variant": "small"})).name == "musicgen-small"
