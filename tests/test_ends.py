"""However a run ends, nothing half is left: asked to stop, killed, a full disk, a reader that has gone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import cli
from helpers.machine import faults, files, terminal
from helpers.machine.home import EXAMPLE_IDEA

LONG = ("--bars", "1", "--takes", "12")  # the first is staged long before the last
REPOSITORY = Path(__file__).resolve().parent.parent
STAGES = """
import sys, time
from helpers.machine.files import staging
with staging(sys.argv[1]) as hidden:
    (hidden / "big.wav").write_bytes(bytes(1000))
    print("ready", flush=True)
    time.sleep(60)
"""


def child(*arguments, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"} | options
    return subprocess.Popen([sys.executable, *map(str, arguments)], cwd=REPOSITORY, **pipes)


def test_what_a_killed_process_left_is_swept_and_a_living_ones_is_not(tmp_path):
    dead, alive = (child("-c", STAGES, tmp_path) for _ in range(2))
    try:
        assert dead.stdout.readline() == alive.stdout.readline() == "ready\n"
        assert len(list(tmp_path.iterdir())) == 2
        dead.kill()
        dead.wait()
        files.write_whole(tmp_path / "a.bin", b"x")
        assert len([p for p in tmp_path.iterdir() if p.name.startswith(files.HIDDEN)]) == 1
    finally:
        for process in (dead, alive):
            process.kill()
            process.communicate()
    files.write_whole(tmp_path / "b.bin", b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bin", "b.bin"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_ends_clean(tmp_path, number):
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("whoever runs the tests ignores this signal, and so would the child")
    out = tmp_path / "out"
    process = child("-m", "helpers", "make", EXAMPLE_IDEA, "--instrument", "piano", *LONG, "--out", out)
    while not list(out.glob(f"{files.HIDDEN}*/*.wav")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number and "nothing half-written" in said
    assert not out.exists() or all(not p.name.startswith(".") for p in out.iterdir())


def test_handlers_are_put_back(monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    with terminal.ending_cleanly():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_one_sentence():
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = child("-m", "helpers", "engines", stdout=full)
        _, said = process.communicate(timeout=60)
    assert process.returncode == cli.WRONG and "standard output (No space left" in said and said.count("\n") == 1


@pytest.mark.parametrize("name", ["o" * 300, "o/" * 3000])
def test_a_name_that_is_too_long_is_one_sentence(name, tmp_path, capsys):
    code = cli.main(["demo", "--out", f"{tmp_path}/{name}"])
    said = capsys.readouterr().err.strip().splitlines()
    assert code == cli.WRONG and "choose another --out" in said[-1]


def test_a_fault_of_ours_writes_a_report_without_secrets(monkeypatch, tmp_path, capsys):
    def breaks(*_):
        raise KeyError("hf_AbCdEf123456 \x1b[31m")

    monkeypatch.setenv("LOOPS_HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "old-style-secret")
    monkeypatch.delenv("LOOPS_DEBUG", raising=False)
    monkeypatch.setitem(cli._COMMANDS, "analyze", breaks)
    assert cli.main(["analyze", "old-style-secret.wav"]) == cli.FAULT
    said = capsys.readouterr().err
    (place,) = (tmp_path / "faults").iterdir()
    report = place.read_text(encoding="utf-8")
    assert str(place) in said and "An internal fault: KeyError" in said
    assert "numpy" in report and "Traceback" in report and "'analyze' '***.wav'" in report
    for text in (said, report):
        assert not re.search("hf_A|old-style|\x1b", text)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "ran out of memory"),
        (PermissionError(13, "Permission denied", "/x/tags.json"), "refused “/x/tags.json”: Permission denied"),
        (OSError(28, "No space left on device"), "refused: No space left"),
        (ModuleNotFoundError("No module named 'python_stretch'", name="python_stretch"), "not installed; run: "),
        (OverflowError("timestamp too large to convert to C PyTime_t"), "clock of this machine"),
    ],
)
def test_what_the_system_refuses_is_no_fault_of_ours(error, words):
    assert words in faults.explain_fault(error)


def test_a_machine_that_can_write_nothing_still_says_the_fault(monkeypatch):
    monkeypatch.setattr(faults, "write_report", lambda *_: None)
    assert "LOOPS_DEBUG" in faults.explain_fault(KeyError("x"))


def test_a_killed_run_leaves_nothing_after_the_next(tmp_path):
    """kill -9 in the middle of a real run; the next run sweeps."""
    process = child("-m", "helpers", "make", EXAMPLE_IDEA, "--instrument", "piano", *LONG, "--out", tmp_path)
    while not list(tmp_path.glob(f"{files.HIDDEN}*/*.wav")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert any(p.name.startswith(files.HIDDEN) for p in tmp_path.iterdir())
    with files.staging(tmp_path):
        pass
    assert not any(p.name.startswith(files.HIDDEN) for p in tmp_path.iterdir())
