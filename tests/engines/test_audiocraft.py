"""The audiocraft engine against a stand-in worker: takes, guides, cancel, and every way a process can fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.engines.audiocraft import engine as audiocraft
from helpers.engines.audiocraft.engine import AudiocraftEngine
from helpers.engines.audiocraft.home import WORKER_PROGRAM, WorkerHome, worker_environment
from helpers.errors import Cancelled, InvalidInput, NotAvailable
from helpers.records import Clip, Request

STANDIN = Path(__file__).with_name("standin_worker.py")
RATE = 32_000
REQUEST = Request(
    "rhodes",
    "chords",
    bpm=120.0,
    bars=1,
    engine="audiocraft",
    guide="none",
    options={"variant": "debug", "prompt": "solo rhodes in F♯ — bpm: 120"},
)


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(audiocraft, "WORKER_PROGRAM", STANDIN)
    monkeypatch.setattr(audiocraft, "find_home", lambda: WorkerHome(sys.executable))
    return AudiocraftEngine()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


# --------------------------------------------------------------------------------------------------------------- takes


def test_takes_repeat_and_are_the_same_alone_or_among_others(engine):
    two = engine.generate(REQUEST, count=2)
    assert [take.number for take in two] == [0, 1]
    assert not np.array_equal(two[0].clip.samples, two[1].clip.samples)
    alone = engine.generate(REQUEST, count=1, first=1)[0]
    assert np.array_equal(alone.clip.samples, two[1].clip.samples) and alone.seed == two[1].seed
    assert two[0].clip.sample_rate == RATE
    assert two[0].clip.length == 4 * RATE, "the loop (2 s) and a bar (2 s) to cut from"
    assert two[0].engine_version == "audiocraft 1.3.0, torch 2.13.0" and "NC" in two[0].licence


def test_words_reach_the_worker_whatever_their_letters(engine):
    one = engine.generate(REQUEST)[0]
    other = engine.generate(REQUEST.with_(options=REQUEST.options | {"prompt": "solo rhodes in F — bpm: 120"}))[0]
    assert one.prompt == "solo rhodes in F♯ — bpm: 120"
    assert not np.array_equal(one.clip.samples, other.clip.samples)


def test_progress_counts_steps_over_all_takes(engine):
    told: list[tuple] = []
    engine.generate(REQUEST, count=2, progress=lambda *facts: told.append(facts))
    stages = [facts[0] for facts in told]
    assert stages[0] == "Loading MusicGen (audiocraft)"
    shares = [share for stage, share, _ in told if stage.startswith("Sampling")]
    assert len(shares) == 40 and shares == sorted(shares) and shares[-1] == 1.0
    assert "Sampling take 2 of 2" in stages
    assert all(left is not None and left >= 0 for stage, _, left in told if stage.startswith("Sampling"))


def test_the_guide_and_the_length_of_a_bar_reach_the_worker(engine):
    guide = Clip(np.full((1, 2 * RATE), 0.25, dtype=np.float32), RATE)
    take = engine.generate(REQUEST.with_(guide="sketch"), guide=guide)[0]
    assert take.clip.samples[0, 0] == 2.25, "the guide's level and a bar of two seconds"
    assert take.notes == ("Continues a bar of the guide, which was cut off again.",)
    free = engine.generate(REQUEST.with_(guide="sketch", guide_strength=0.0), guide=guide)[0]
    assert free.notes == () and free.clip.samples[0, 0] < 1


def test_a_melody_model_is_told_the_guide(engine, monkeypatch):
    monkeypatch.setattr(audiocraft, "_fetch", lambda variant, progress, cancel: (f"/models/{variant}", True))
    guide = Clip(np.full((1, 2 * RATE), 0.25, dtype=np.float32), RATE)
    options = REQUEST.options | {"variant": "melody"}
    take = engine.generate(REQUEST.with_(guide="sketch", options=options), guide=guide)[0]
    assert take.notes == ("Follows the guide's melody.",)


def test_loops_longer_than_the_window_say_so(engine):
    take = engine.generate(REQUEST.with_(bars=16))[0]
    assert take.clip.seconds == 34.0
    assert take.notes == ("Made in windows of 30 s, 18 s apart.",)


def test_settings_that_differ_are_labelled(engine):
    take = engine.generate(REQUEST.with_(options=REQUEST.options | {"guidance": 5, "top_k": 250}))[0]
    assert take.labels == ("guidance 5",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "huge"}, "use one of small, medium"),
        ({"guidance": 40}, "guidance is 40; give a number from 1 to 20"),
        ({"decoder": "mp3"}, "encodec, diffusion"),
        ({"decoder": "diffusion", "variant": "stereo-small"}, "mono models only and the variant is stereo-small"),
        ({"stride": 30}, "from 1 to 29"),
        ({"steps": 50}, "does not know the option 'steps'"),
    ],
)
def test_options_it_cannot_use_are_refused_at_once(engine, options, words):
    with pytest.raises(InvalidInput, match=words):
        engine.check(REQUEST.with_(options=options))


# ----------------------------------------------------------------------------------------------------------- readiness


def test_without_a_home_it_says_what_to_run(monkeypatch):
    monkeypatch.setattr(audiocraft, "find_home", lambda: None)
    readiness = AudiocraftEngine().readiness()
    assert not readiness.ready
    assert readiness.reason == "audiocraft is not installed here."
    assert "loops-generator install audiocraft" in readiness.remedy
    with pytest.raises(NotAvailable, match="loops-generator install audiocraft"):
        AudiocraftEngine().generate(REQUEST)


def test_style_is_offered_only_with_a_python_that_may_have_it(engine, monkeypatch):
    style = REQUEST.with_(options=REQUEST.options | {"variant": "style"})
    engine.check(style)
    monkeypatch.setattr(audiocraft, "find_home", lambda: WorkerHome(sys.executable, "/nowhere"))
    with pytest.raises(InvalidInput, match=r"development version \(1.4\).*LOOPS_AUDIOCRAFT_PYTHON"):
        engine.check(style)


def test_only_metas_own_weights_may_run_code(monkeypatch, tmp_path):
    monkeypatch.setattr(audiocraft.hub, "fetch_model", lambda source, *_: tmp_path / source.name)
    assert audiocraft._fetch("small", None, None) == (str(tmp_path / "audiocraft-small"), True)
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        (tmp_path / name).touch()
    monkeypatch.setenv("LOOPS_MODEL_AUDIOCRAFT", str(tmp_path))
    assert audiocraft._fetch("small", None, None) == (str(tmp_path), False)
    (tmp_path / "state_dict.bin").unlink()
    with pytest.raises(InvalidInput, match=r"lacks state_dict\.bin"):
        audiocraft._fetch("small", None, None)


@pytest.mark.parametrize(
    ("variant", "parts"),
    [("small", []), ("melody", ["stems"]), ("stereo-large", ["codec"])],
)
def test_what_a_checkpoint_only_names_is_fetched_with_it(monkeypatch, tmp_path, variant, parts):
    asked = []
    monkeypatch.setattr(audiocraft.hub, "fetch_model", lambda source, *_: asked.append(source.name) or tmp_path)
    audiocraft._fetch(variant, None, None)
    assert asked == ["t5-base", *(f"audiocraft-{name}" for name in (*parts, variant))]


def test_the_workers_environment(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("PYTHONHOME", "/ours")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    monkeypatch.setenv("HF_HOME", "/weights")
    env = worker_environment(WorkerHome(sys.executable, "/packages"))
    assert env["PYTHONPATH"] == "/packages" and "PYTHONHOME" not in env
    assert (env["PYTHONUTF8"], env["LC_ALL"], env["MPLBACKEND"]) == ("1", "C.UTF-8", "Agg")
    assert env["HF_HOME"] == "/weights" and env["HF_HUB_OFFLINE"] == "1"
    assert "HF_TOKEN" not in env, "everything is fetched before it starts"
    assert "PYTHONPATH" not in worker_environment(WorkerHome(sys.executable))


# -------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", r"ended by itself \(status 3\)"),
        ("segfault", r"crashed \(SIGSEGV\)"),
        ("killed", "ended by the system, which it does when memory runs out"),
        ("hang", "said nothing for 1 s"),
        ("memory", "ran out of memory; ask for fewer bars"),
    ],
)
def test_a_broken_worker_is_a_sentence_and_the_next_take_works(engine, monkeypatch, fault, words):
    monkeypatch.setenv("LOOPS_STANDIN", fault)
    monkeypatch.setattr(audiocraft, "_SILENCE_SECONDS", 1.0)
    with pytest.raises(NotAvailable, match=words) as caught:
        engine.generate(REQUEST)
    log = str(caught.value).splitlines()[1:]
    assert "  about to fail with ***" in log, "one of the worker's last lines, without its secret"
    monkeypatch.delenv("LOOPS_STANDIN")
    assert engine.generate(REQUEST)[0].clip.length == 4 * RATE


def test_a_worker_that_does_not_start(engine, monkeypatch):
    monkeypatch.setenv("LOOPS_STANDIN", "no-start")
    with pytest.raises(NotAvailable, match=r"does not work with the packages[\s\S]*no such symbol"):
        engine.generate(REQUEST)
    monkeypatch.setattr(audiocraft, "find_home", lambda: WorkerHome("/no/such/python"))
    with pytest.raises(NotAvailable, match=r"could not be started.*install audiocraft"):
        engine.generate(REQUEST)
    monkeypatch.setenv("LOOPS_AUDIOCRAFT_PYTHON", "/no/such/python")
    with pytest.raises(NotAvailable, match=r"could not be started; correct LOOPS_AUDIOCRAFT_PYTHON or unset it"):
        engine.generate(REQUEST)


def test_cancel_ends_the_process_within_a_step(engine, monkeypatch):
    monkeypatch.setenv("LOOPS_STANDIN_STEP", "0.2")
    monkeypatch.setattr("helpers.machine.run._GRACE_SECONDS", 0.2)
    steps: list[float] = []
    with pytest.raises(Cancelled):
        engine.generate(
            REQUEST,
            progress=lambda stage, share=None, left=None: steps.append(share or 0),
            cancel=lambda: max(steps, default=0) > 0.2,
        )
    assert max(steps) < 0.8, "it stopped well before the end"
    monkeypatch.setenv("LOOPS_STANDIN_STEP", "0")
    assert engine.generate(REQUEST)[0].number == 0


def test_the_real_worker_ends_when_its_owner_is_killed(tmp_path):
    for name in ("torch", "transformers"):  # it never gets further than its first import
        (tmp_path / f"{name}.py").write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    code = "import subprocess, sys, time; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); time.sleep(60)"
    worker = [sys.executable, str(WORKER_PROGRAM), str(tmp_path / "request.json")]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    owner = subprocess.Popen([sys.executable, "-c", code, *worker], env=env, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        pid = int(owner.stdout.readline())
        time.sleep(1.0)  # until it watches
        assert is_running(pid)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        assert wait_until(lambda: not is_running(pid)), "an orphan would hold the GPU"
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
