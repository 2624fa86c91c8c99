"""What goes wrong on small machines, provoked: memory, numbers, cancelling, the locale. And what is kept loaded."""

import ctypes
import re
import shutil
import threading
import time
import weakref

import numpy as np
import pytest

from helpers.engines import neural, registry
from helpers.engines.devices import heal_locale
from helpers.errors import Cancelled, LoopsError, NotAvailable
from helpers.records import Request
from tests.engines.conftest import options_for

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytestmark = pytest.mark.neural

REQUEST = Request("piano", "chords", 120.0, bars=1, guide="none", options=options_for("stable-audio-open"))


@pytest.fixture
def engine(tiny_engine):
    """Stable Audio Open on its tiny checkpoint, loaded."""
    engine = tiny_engine("stable-audio-open")
    engine.generate(REQUEST)
    return engine


def replace_sample(monkeypatch, engine, around):
    """``around(real, prepared, plan, seeds, on_step)`` in place of the loaded model's sampling."""
    model = engine._model
    real = model.sample
    monkeypatch.setattr(model, "sample", lambda *arguments: around(real, *arguments))


# ---- memory


def test_an_allocator_that_fails_leads_to_smaller_groups_and_success(engine, monkeypatch):
    sizes = []

    def fails_above_one(real, prepared, plan, seeds, on_step):
        sizes.append(len(seeds))
        if len(seeds) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(prepared, plan, seeds, on_step)

    wanted = engine.generate(REQUEST, count=4)
    replace_sample(monkeypatch, engine, fails_above_one)
    takes = engine.generate(REQUEST.with_(options=REQUEST.options | {"batch": 4}), count=4)
    assert sizes == [4, 2, 1, 1, 1, 1]
    assert len(takes) == len(wanted) == 4


def test_progress_never_runs_backwards_when_groups_shrink(engine, monkeypatch):
    def fails_above_one(real, prepared, plan, seeds, on_step):
        if len(seeds) > 1:
            raise MemoryError
        return real(prepared, plan, seeds, on_step)

    replace_sample(monkeypatch, engine, fails_above_one)
    told = []
    engine.generate(
        REQUEST.with_(options=REQUEST.options | {"batch": 2}),
        count=2,
        progress=lambda stage, fraction=None, left=None: told.append(fraction) if "Sampling" in stage else None,
    )
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_memory_that_fails_for_one_take_leads_to_parts_resting_off_the_gpu(engine, monkeypatch):
    model = engine._model
    monkeypatch.setattr(model, "staged", False)

    def fails_unless_staged(real, prepared, plan, seeds, on_step):
        if not model.staged:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(prepared, plan, seeds, on_step)

    replace_sample(monkeypatch, engine, fails_unless_staged)
    assert engine.generate(REQUEST)
    assert model.staged


def test_memory_that_fails_always_ends_in_a_sentence_and_a_usable_engine(engine, monkeypatch):
    def fails(real, *_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        replace_sample(patch, engine, fails)
        with pytest.raises(NotAvailable, match=r"ran out of memory on CPU .* even one take at a time; ask"):
            engine.generate(REQUEST, count=3)
    assert engine.generate(REQUEST)


def test_decoding_that_runs_out_of_memory_is_tried_once_more_staged(engine, monkeypatch):
    model, real, failed = engine._model, engine._model.decode, []
    monkeypatch.setattr(model, "staged", False)

    def fails_once(sampled, plan):
        if not failed:
            failed.append(None)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(sampled, plan)

    monkeypatch.setattr(model, "decode", fails_once)
    assert engine.generate(REQUEST)
    assert model.staged


def test_other_errors_are_not_taken_for_memory(engine, monkeypatch):
    def breaks(real, *_):
        raise RuntimeError("shape '[1, 4, -1]' is invalid")

    replace_sample(monkeypatch, engine, breaks)
    with pytest.raises(RuntimeError, match="is invalid"):
        engine.generate(REQUEST)


def test_what_filled_the_memory_is_let_go_before_memory_is_given_back(engine, monkeypatch):
    held, alive = [], []

    def fails_above_one(real, prepared, plan, seeds, on_step):
        if len(seeds) > 1:
            big = torch.zeros(8)
            held.append(weakref.ref(big))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(prepared, plan, seeds, on_step)

    replace_sample(monkeypatch, engine, fails_above_one)
    monkeypatch.setattr(neural.devices, "free_memory", lambda: alive.extend(ref() is not None for ref in held))
    engine.generate(REQUEST.with_(options=REQUEST.options | {"batch": 2}), count=2)
    assert alive == [False]


# ---- numbers


@pytest.mark.parametrize("family", ["stable-audio-open", "audioldm2-music", "musicgen"])
def test_nan_injected_into_a_step_leads_to_float32_and_success(tiny_engine, monkeypatch, family):
    engine = tiny_engine(family)
    request = REQUEST.with_(options=options_for(family, precision="bfloat16"))
    engine.generate(request)
    model = engine._model
    core = {"stable-audio-open": "transformer", "audioldm2-music": "unet", "musicgen": "model"}[family]
    module = getattr(model, core)
    norm = next(m for m in module.modules() if isinstance(m, torch.nn.LayerNorm | torch.nn.GroupNorm))
    keep = norm.weight.data.clone()
    norm.weight.data[0] = float("nan")
    real, dtypes = model.to_float32, []

    def heals():
        norm.weight.data = keep.clone()
        real()
        dtypes.append(next(module.parameters()).dtype)

    monkeypatch.setattr(model, "to_float32", heals)
    take = engine.generate(request)[0]
    assert dtypes == [torch.float32]
    assert "Made in float32, because half precision overflowed." in take.notes
    # The next one is loaded afresh and runs in half precision again.
    again = engine.generate(request)[0]
    assert engine._model is not model
    assert not any("float32" in note for note in again.notes)


def test_nan_in_float32_is_a_sentence_not_noise(engine, monkeypatch):
    norm = next(m for m in engine._model.transformer.modules() if isinstance(m, torch.nn.LayerNorm))
    keep = norm.weight.data.clone()
    norm.weight.data[0] = float("nan")
    with pytest.raises(LoopsError, match="computed values that are not finite; try another seed"):
        engine.generate(REQUEST)
    norm.weight.data = keep
    assert engine.generate(REQUEST)


@pytest.mark.parametrize("family", ["stable-audio-open", "audioldm2-music", "musicgen"])
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_takes_come_back_as_float32(tiny_engine, family, precision):
    take = tiny_engine(family).generate(REQUEST.with_(options=options_for(family, precision=precision)))[0]
    assert take.clip.samples.dtype == np.float32


# ---- cancelling


def test_cancel_is_obeyed_within_one_step(engine, monkeypatch):
    done = []

    def counts(real, prepared, plan, seeds, on_step):
        def step(number):
            done.append(number)
            on_step(number)

        return real(prepared, plan, seeds, step)

    replace_sample(monkeypatch, engine, counts)
    with pytest.raises(Cancelled):
        engine.generate(REQUEST, cancel=lambda: len(done) >= 2)
    assert done == [1, 2]


# ---- the locale


LC_ALL_MASK = 0x1FBF  # glibc: every category, LC_ALL itself (bit 6) left out


def break_locale():
    """Do to this thread what nvrtcCompileProgram does."""
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = libc.uselocale.restype = ctypes.c_void_p
    libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    libc.uselocale.argtypes = [ctypes.c_void_p]
    broken = libc.newlocale(LC_ALL_MASK, b"C", None)
    assert broken
    libc.uselocale(broken)


def test_a_thread_locale_broken_by_the_gpus_compiler_is_healed(engine, monkeypatch):
    seen = []

    def breaks(real, *arguments):
        seen.append(heal_locale())  # False: it was healed before the model began
        break_locale()
        return real(*arguments)

    break_locale()
    replace_sample(monkeypatch, engine, breaks)
    engine.generate(REQUEST)
    assert seen == [False]
    assert heal_locale() is False, "the thread was left with a locale of its own"


def test_the_locale_is_healed_after_an_error_too(engine, monkeypatch):
    def breaks(real, *_):
        break_locale()
        raise RuntimeError("boom")

    replace_sample(monkeypatch, engine, breaks)
    with pytest.raises(RuntimeError, match="boom"):
        engine.generate(REQUEST)
    assert heal_locale() is False


# ---- what is loaded


def test_weights_are_loaded_once_and_again_after_release(engine, monkeypatch):
    loads = []
    real = engine.model_class
    monkeypatch.setattr(engine, "model_class", lambda *a: loads.append(1) or real(*a))
    engine.generate(REQUEST)
    assert not loads
    engine.release()
    assert engine._model is None
    engine.generate(REQUEST)
    assert len(loads) == 1


def test_a_stop_while_a_model_loads_frees_its_memory_and_the_engine(tiny_engine, monkeypatch):
    engine = tiny_engine("stable-audio-open")
    engine.release()
    reading, stop, parts, ended = threading.Event(), threading.Event(), [], []

    def reads_for_ever(source, folder, device, check):
        part = torch.nn.Linear(1000, 1000)
        parts.append(weakref.ref(part.weight))
        reading.set()
        while part is not None:
            check()
            time.sleep(0.01)

    def generate():
        try:
            engine.generate(REQUEST, cancel=stop.is_set)
        except Cancelled as error:
            ended.append(error)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "model_class", reads_for_ever)
        thread = threading.Thread(target=generate)
        thread.start()
        assert reading.wait(60) and parts[0]() is not None
        with pytest.raises(NotAvailable, match="already making takes"):
            engine.generate(REQUEST)
        stop.set()
        thread.join(10)
    assert ended, "the stop was obeyed between two reads"
    assert parts[0]() is None, "what had been read is freed while the error is still held"
    assert engine._model is None
    assert engine.generate(REQUEST), "the engine loads again and works"


@pytest.mark.parametrize("damage", ["cut short", "a web page", "another shape", "half a configuration"])
@pytest.mark.parametrize("family", ["stable-audio-open", "musicgen"])
def test_weights_that_cannot_be_loaded_are_a_sentence(tiny_engine, tiny_folder, monkeypatch, tmp_path, family, damage):
    from safetensors.torch import load_file, save_file

    engine = type(tiny_engine(family))()
    folder = shutil.copytree(tiny_folder(family), tmp_path / "damaged")
    path = max(folder.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    if damage == "another shape":
        weights = load_file(path)
        name = max(weights, key=lambda name: weights[name].numel())
        save_file(weights | {name: torch.zeros(3, 5)}, path, metadata={"format": "pt"})
    elif damage == "half a configuration":
        path = next(folder.rglob("text_encoder/config.json" if family == "stable-audio-open" else "config.json"))
        path.write_text('{"half')
    else:
        path.write_bytes(b"<!doctype html>" * 99 if damage == "a web page" else path.read_bytes()[:-99])
    source = engine._source(None)
    monkeypatch.setenv(source.variable, str(folder))
    with pytest.raises(NotAvailable, match=rf"The weights of {source.hub_id} cannot be loaded \(\w+Error: .* damaged"):
        engine.generate(REQUEST.with_(options=options_for(family)))


@pytest.mark.parametrize("family", ["stable-audio-open", "musicgen"])
def test_weights_that_the_files_lack_are_told(tiny_engine, tiny_folder, monkeypatch, tmp_path, family):
    from safetensors.torch import load_file, save_file

    engine = type(tiny_engine(family))()
    folder = shutil.copytree(tiny_folder(family), tmp_path / "lacking")
    path = max(folder.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    weights = load_file(path)
    weights.pop(gone := next(name for name in weights if name.endswith(".bias")))
    save_file(weights, path, metadata={"format": "pt"})
    monkeypatch.setenv(engine._source(None).variable, str(folder))
    request, lacking = REQUEST.with_(options=options_for(family)), f"1 weights, such as {gone}, are not in the files of"
    if family == "musicgen":  # its library fills them by chance
        assert [note for note in engine.generate(request)[0].notes if note.startswith(lacking)]
    else:
        with pytest.raises(NotAvailable, match=rf"cannot be loaded \(ValueError: {re.escape(lacking)}"):
            engine.generate(request)


def test_loading_one_engine_frees_the_others(engine, tiny_engine, monkeypatch):
    freed = []
    monkeypatch.setattr(registry, "release_others", freed.append)
    other = tiny_engine("musicgen")
    other.release()
    other.generate(REQUEST.with_(options=options_for("musicgen")))
    assert freed == ["musicgen"]


def test_the_words_are_encoded_once_for_the_same_prompt(engine, monkeypatch):
    engine.generate(REQUEST)
    monkeypatch.setattr(engine._model, "_text_encoder", lambda: pytest.fail("the text encoder was loaded again"))
    engine.generate(REQUEST, count=2, first=3)


def test_versions_and_model_are_on_every_take(engine):
    take = engine.generate(REQUEST)[0]
    for package in ("diffusers", "transformers", "torch"):
        assert package in take.engine_version
    assert take.model == "stabilityai/stable-audio-open-1.0@local"
    assert take.licence == "Stability AI Community License"
    assert take.prompt == REQUEST.options["prompt"]
    assert take.seed == REQUEST.take_seed(0)


def test_the_commit_is_named_for_weights_from_the_hub(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(engine._model, "folder", tmp_path / "snapshots" / "abc123")
    plan = engine._plan(REQUEST, None)
    take = engine._take(engine._model, plan, 1, np.zeros((2, 8), np.float32), ())
    assert take.model == "stabilityai/stable-audio-open-1.0@abc123"
