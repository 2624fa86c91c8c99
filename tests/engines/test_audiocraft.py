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
from helpers.engines.audiocraft.link import WorkerFailed, WorkerLink
from helpers.errors import Cancelled, InvalidInput, NotAvailable
from helpers.machine.audiocraft_home import WORKER_PROGRAM, WorkerHome, worker_environment
from helpers.records import Clip, Request

STANDIN = Path(__file__).with_name("standin_worker.py")
REPOSITORY = Path(__file__).resolve().parents[2]
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
    monkeypatch.setattr(audiocraft, "find_home", lambda: WorkerHome("own", sys.executable))
    engine = AudiocraftEngine()
    yield engine
    engine.release()


def fails_once(monkeypatch, tmp_path, fault: str) -> None:
    monkeypatch.setenv("LOOPS_STANDIN", fault)
    monkeypatch.setenv("LOOPS_STANDIN_ONCE", str(tmp_path / "failed"))


def worker_pid(engine: AudiocraftEngine) -> int:
    return engine._link._process.pid


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
    assert stages[:2] == ["Starting audiocraft", "Loading MusicGen (audiocraft) debug"]
    shares = [share for stage, share, _ in told if stage.startswith("Sampling")]
    assert len(shares) == 40 and shares == sorted(shares) and shares[-1] == 1.0
    assert "Sampling take 2 of 2" in stages
    assert all(left is not None and left >= 0 for stage, _, left in told if stage.startswith("Sampling"))


def test_the_guide_is_continued_and_cut_off_again_to_the_sample(engine):
    guide = Clip(np.full((1, 2 * RATE), 0.25, dtype=np.float32), RATE)
    take = engine.generate(REQUEST.with_(guide="sketch"), guide=guide)[0]
    assert take.clip.samples[0, 0] == 0.75, "the first sample after the lead-in"
    assert take.clip.length == 4 * RATE
    assert "Continues a bar of the guide" in take.notes[0]
    free = engine.generate(REQUEST.with_(guide="sketch", guide_strength=0.0), guide=guide)[0]
    assert free.notes == () and free.clip.samples[0, 0] != 0.75


def test_a_melody_model_is_told_the_guide(engine, monkeypatch):
    monkeypatch.setattr(audiocraft, "_fetch", lambda variant, progress, cancel: (f"/models/{variant}", True))
    guide = Clip(np.full((1, 2 * RATE), 0.25, dtype=np.float32), RATE)
    options = REQUEST.options | {"variant": "melody"}
    take = engine.generate(REQUEST.with_(guide="sketch", options=options), guide=guide)[0]
    assert take.clip.samples[0, 0] == 0.25 and take.notes == ("Follows the guide's melody.",)


def test_loops_longer_than_the_window_say_so(engine):
    take = engine.generate(REQUEST.with_(bars=16))[0]
    assert take.clip.seconds == 34.0
    assert take.notes == ("Made in windows of 30 s, 18 s apart.",)
    with pytest.raises(InvalidInput, match="at most 180 s"):
        engine.generate(REQUEST.with_(bars=128))


def test_settings_that_differ_are_labelled(engine):
    take = engine.generate(REQUEST.with_(options=REQUEST.options | {"guidance": 5, "top_k": 250}))[0]
    assert take.labels == ("guidance 5",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variant": "huge"}, "use one of small, medium"),
        ({"guidance": 40}, "guidance is 40; give a number from 1 to 10"),
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
    assert "python -m helpers install audiocraft" in readiness.remedy
    with pytest.raises(NotAvailable, match="helpers install audiocraft"):
        AudiocraftEngine().generate(REQUEST)


def test_style_is_offered_only_where_the_version_has_it(engine, monkeypatch):
    style = REQUEST.with_(options=REQUEST.options | {"variant": "style"})
    monkeypatch.setattr(audiocraft, "find_home", lambda: WorkerHome("B", sys.executable, "/nowhere", "1.3.0"))
    with pytest.raises(InvalidInput, match=r"development version \(1.4\).*this is 1.3.0.*LOOPS_AUDIOCRAFT_PYTHON"):
        engine.check(style)
    assert "1.3.0" in engine.readiness().details["style"]
    monkeypatch.setattr(audiocraft, "find_home", lambda: WorkerHome("B", sys.executable, "/nowhere", "1.4.0", True))
    engine.check(style)
    assert engine.readiness().details["style"] == "available"


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


def test_the_workers_environment(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("PYTHONHOME", "/ours")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    monkeypatch.setenv("HF_HOME", "/weights")
    env = worker_environment(WorkerHome("B", sys.executable, "/home/set-b"))
    assert env["PYTHONPATH"] == "/home/set-b" and "PYTHONHOME" not in env
    assert (env["PYTHONUTF8"], env["LC_ALL"], env["MPLBACKEND"]) == ("1", "C.UTF-8", "Agg")
    assert env["HF_TOKEN"] == "hf_x" and env["HF_HOME"] == "/weights"
    assert "PYTHONPATH" not in worker_environment(WorkerHome("A", sys.executable))


# -------------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", r"ended by itself \(status 3\)"),
        ("segfault", r"crashed \(signal 11, SIGSEGV\)"),
        ("killed", "ended by the system .* when memory runs out"),
        ("hang", "said nothing for 1 s"),
        ("garbage", "not the protocol"),
        ("flood", "not the protocol"),
    ],
)
def test_a_broken_worker_is_a_sentence_and_the_next_take_works(engine, monkeypatch, tmp_path, fault, words):
    fails_once(monkeypatch, tmp_path, fault)
    monkeypatch.setattr(audiocraft, "_STEP_SILENCE_SECONDS", 1.0)
    with pytest.raises(NotAvailable, match=words) as caught:
        engine.generate(REQUEST)
    first, *log = str(caught.value).splitlines()
    assert "started again the next time" in first
    assert log[-1].strip() == "about to fail with ***", "the worker's last line, without its secret"
    assert engine._link is None, "nothing is left of it"
    monkeypatch.setattr(audiocraft, "_STEP_SILENCE_SECONDS", 60.0)
    assert engine.generate(REQUEST)[0].clip.length == 4 * RATE


def test_out_of_memory_keeps_the_worker_and_names_the_way_out(engine, monkeypatch, tmp_path):
    engine.generate(REQUEST)
    before = worker_pid(engine)
    engine.release()
    fails_once(monkeypatch, tmp_path, "memory")
    with pytest.raises(NotAvailable, match="ran out of memory on Stand-in GPU; ask for fewer bars"):
        engine.generate(REQUEST)
    kept = worker_pid(engine)
    assert kept != before and engine.generate(REQUEST) and worker_pid(engine) == kept


def test_a_worker_that_does_not_start(engine, monkeypatch):
    monkeypatch.setenv("LOOPS_STANDIN", "no-start")
    with pytest.raises(NotAvailable, match=r"status 1[\s\S]*no such symbol"):
        engine.generate(REQUEST)
    monkeypatch.setattr(audiocraft, "find_home", lambda: WorkerHome("own", "/no/such/python"))
    with pytest.raises(NotAvailable, match=r"could not be started.*install audiocraft"):
        engine.generate(REQUEST)


def test_a_part_nobody_knew_of_is_fetched_by_the_worker_itself(engine, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("LOOPS_STANDIN", "misses-a-part")
    assert engine.generate(REQUEST), "the second worker may download"
    engine.release()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotAvailable, match="could not fetch a part of its model; check the connection"):
        engine.generate(REQUEST)


# -------------------------------------------------------------------------------------------------------------- cancel


def test_cancel_within_a_step_keeps_the_model(engine, monkeypatch):
    monkeypatch.setenv("LOOPS_STANDIN_STEP", "0.1")
    steps: list[float] = []
    engine.generate(REQUEST)
    before = worker_pid(engine)
    with pytest.raises(Cancelled):
        engine.generate(
            REQUEST,
            progress=lambda stage, share, left: steps.append(share or 0),
            cancel=lambda: max(steps, default=0) > 0.2,
        )
    assert max(steps) < 0.8, "it stopped well before the end"
    assert worker_pid(engine) == before
    assert engine.generate(REQUEST)[0].number == 0 and worker_pid(engine) == before


def test_a_worker_that_does_not_hear_is_ended(engine, monkeypatch, tmp_path):
    fails_once(monkeypatch, tmp_path, "deaf")
    monkeypatch.setenv("LOOPS_STANDIN_STEP", "3")
    told: list[str] = []
    real = audiocraft.WorkerLink
    monkeypatch.setattr(audiocraft, "WorkerLink", lambda *args: real(*args, cancel_seconds=0.3))
    with pytest.raises(Cancelled):
        engine.generate(REQUEST, progress=lambda stage, *_: told.append(stage), cancel=lambda: "Sampling" in told)
    assert engine._link is None
    monkeypatch.setenv("LOOPS_STANDIN_STEP", "0")
    assert engine.generate(REQUEST)


def test_cancel_while_loading_ends_the_worker(engine, monkeypatch):
    monkeypatch.setenv("LOOPS_STANDIN", "slow-load")
    told: list[str] = []
    pids: list[int] = []

    def cancel() -> bool:
        if any(stage.startswith("Loading") for stage in told):
            pids.append(worker_pid(engine))
            return True
        return False

    with pytest.raises(Cancelled):
        engine.generate(REQUEST, progress=lambda stage, *_: told.append(stage), cancel=cancel)
    assert wait_until(lambda: not is_running(pids[0]))


def test_release_ends_the_process_and_its_files(engine):
    engine.generate(REQUEST)
    pid, folder = worker_pid(engine), engine._link.folder
    assert folder.is_dir()
    engine.release()
    assert wait_until(lambda: not is_running(pid)) and not folder.exists()


# ------------------------------------------------------------------------------- the real worker's end of the protocol


@pytest.fixture
def link():
    """The real worker program; nothing heavy is imported before it is told to say hello."""
    link = WorkerLink([sys.executable, str(WORKER_PROGRAM)], worker_environment(WorkerHome("own", sys.executable)))
    yield link
    link.kill()


@pytest.mark.parametrize("what", ["sing", "load", "generate"])
def test_requests_it_cannot_carry_out_are_answered(link, what):
    for _ in range(2):
        with pytest.raises(WorkerFailed) as caught:
            link.ask(what, silence_seconds=60)
        assert caught.value.kind == "request"
    assert link.running


def test_what_is_not_json_is_answered(link):
    with pytest.raises(WorkerFailed, match="'sing' is not a request"):
        link.ask("sing", silence_seconds=60)
    link._process.stdin.write("{not json\n")
    link._process.stdin.flush()
    assert link._answers.get(timeout=30) == {"id": None, "is": "error", "kind": "request", "text": "not a JSON object"}


def test_libraries_that_print_reach_the_log_and_not_the_protocol(link, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import json\nreal = json.dumps\njson.dumps = lambda *a, **k: (print('a library talks'), real(*a, **k))[1]\n",
        encoding="utf-8",
    )
    link._environment["PYTHONPATH"] = str(tmp_path)
    with pytest.raises(WorkerFailed, match="'sing' is not a request"):
        link.ask("sing", silence_seconds=60)
    link._process.stdin.close()
    link._process.wait(30)
    assert "a library talks" in "\n".join(link.log_tail())


def test_the_worker_ends_when_its_owner_is_killed():
    code = """
import sys, time
from helpers.machine.audiocraft_home import WORKER_PROGRAM, WorkerHome, worker_environment
from helpers.engines.audiocraft.link import WorkerFailed, WorkerLink
link = WorkerLink([sys.executable, str(WORKER_PROGRAM)], worker_environment(WorkerHome("own", sys.executable)))
try:
    link.ask("sing", silence_seconds=60)
except WorkerFailed:
    print(link._process.pid, flush=True)
time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        worker = int(owner.stdout.readline())
        assert is_running(worker)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        assert wait_until(lambda: not is_running(worker)), "an orphan would hold the GPU"
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
