"""Installing: nothing that is there is replaced, every failure shows pip's words, no secret is shown or handed on.

The pip runs are real: a bare virtual environment and wheels built here stand in for a notebook runtime and its index.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from helpers import install as installing
from helpers.engines.audiocraft import home as audiocraft
from helpers.errors import Cancelled, InvalidInput, NotAvailable
from helpers.install import INSTALLABLE, install, missing
from helpers.install.pip import constraints, explain, pip_install, read_requirements, unmet
from helpers.machine.run import CommandFailed, run_lines

from .wheels import build_wheel

REPOSITORY = Path(__file__).resolve().parents[1]


# ------------------------------------------------------------------------------------------- requirements, constraints


def test_requirements_follow_other_files_and_drop_comments(tmp_path):
    (tmp_path / "base.txt").write_text("librosa>=0.11  # analysis\n\n# nothing\n", encoding="utf-8")
    (tmp_path / "more.txt").write_text("-r base.txt\ntransformers>=5.15\n", encoding="utf-8")
    assert read_requirements(tmp_path / "more.txt") == ["librosa>=0.11", "transformers>=5.15"]
    with pytest.raises(NotAvailable, match="copy of the repository"):
        read_requirements(tmp_path / "nothing.txt")


def test_unmet_requirements_are_named_with_what_is_there():
    present = {"librosa": "0.10.2", "essentia": "2.1b6.dev1389"}
    lines = ["librosa>=0.11", "essentia>=2.1b6.dev1389", "python-stretch>=0.3", "winonly; sys_platform == 'win32'"]
    assert unmet(lines, present) == ["librosa>=0.11 (0.10.2 is installed)", "python-stretch>=0.3"]


def test_constraints_pin_everything_but_what_must_move():
    present = {"torch": "2.11.0+cu128", "transformers": "4.57.6", "tokenizers": "0.22.1", "odd": "not-a-version"}
    pins = constraints(["transformers>=5.15", "tokenizers"], present=present).split()
    assert pins == ["tokenizers==0.22.1", "torch==2.11.0+cu128"]
    assert constraints([], protected_only=True, present=present).split() == ["torch==2.11.0+cu128"]
    assert "torch==2.11.0+cu128" in constraints(["torch>=3"], present=present), "not even when we ask for another"


def test_our_own_files_never_list_what_belongs_to_the_runtime():
    for item in INSTALLABLE.values():
        names = {
            line.split(";")[0].split(">")[0].split("=")[0].strip().lower()
            for line in read_requirements(item.requirements)
        }
        assert not names & {"torch", "torchaudio", "torchvision", "numpy", "scipy", "numba", "pillow", "tornado"}, (
            item.name
        )


# --------------------------------------------------------------------------------------------------- running a command


def python_lines(code: str, **options) -> list[str]:
    lines: list[str] = []
    run_lines([sys.executable, "-u", "-c", code], on_line=lines.append, **options)
    return lines


def test_lines_arrive_while_the_command_runs_and_keep_every_letter():
    arrived = []
    code = "import time; print('first ♯ é', flush=True); time.sleep(1); print('second')"
    run_lines([sys.executable, "-c", code], on_line=lambda line: arrived.append((line, time.monotonic())))
    assert [line for line, _ in arrived] == ["first ♯ é", "second"]
    assert arrived[1][1] - arrived[0][1] > 0.3, "the first line waited for the second"


def test_secrets_never_reach_a_line(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "no-usual-shape")
    code = "print('https://me:pa55@index.example.org/simple hf_abcdefgh123 no-usual-shape')"
    assert python_lines(code) == ["https://***@index.example.org/simple *** ***"]


def test_a_failing_command_keeps_its_last_lines():
    with pytest.raises(CommandFailed) as caught:
        python_lines("import sys\nfor i in range(100): print('line', i)\nsys.exit(3)")
    assert caught.value.code == 3
    assert caught.value.lines[-1] == "line 99"
    shown = explain("Piano", caught.value)
    assert "Piano could not be installed" in shown and "  line 99" in shown
    assert "line 80" not in shown, "only the last lines are shown"


def test_cancel_stops_the_command_and_its_children(tmp_path):
    started, finished = tmp_path / "pid", tmp_path / "finished"
    grandchild = f"import pathlib, time; time.sleep(15); pathlib.Path({str(finished)!r}).touch()"
    code = (
        "import pathlib, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {grandchild!r}])\n"
        f"pathlib.Path({str(started)!r}).write_text(str(child.pid))\n"
        "child.wait()"
    )
    with pytest.raises(Cancelled):
        python_lines(code, cancel=lambda: started.exists() and started.read_text() != "")
    child = int(started.read_text())
    while is_running(child):
        time.sleep(0.05)
    assert not finished.exists(), "it was ended, it did not end by itself"


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split(")")[1].split()[0]
    except OSError:
        return False


def test_a_command_that_says_nothing_is_ended():
    with pytest.raises(CommandFailed, match="said nothing") as caught:
        python_lines("import time; print('alive'); time.sleep(30)", silence_seconds=0.6)
    assert caught.value.code is None and caught.value.lines == ("alive",)


# ------------------------------------------------------------------------------------------ pip, in a bare environment


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """The interpreter of a fresh environment that holds pip, numpy 1.0 and tokenlib 1.0 (both made of nothing)."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "env", with_pip=True)
    index = folder / "index"
    build_wheel(index, "numpy", "1.0")
    build_wheel(index, "numpy", "2.0")
    build_wheel(index, "tokenlib", "1.0")
    build_wheel(index, "tokenlib", "2.0")
    build_wheel(index, "synth", "1.0", requires=("numpy", "tokenlib"))
    build_wheel(index, "modern", "1.0", requires=("numpy", "tokenlib>=2"))
    build_wheel(index, "greedy", "1.0", requires=("numpy>=2",))
    python = folder / "env" / "bin" / "python"
    command = [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", index, "numpy==1.0", "tokenlib==1.0"]
    subprocess.run([str(part) for part in command], check=True)
    return python


def install_in(python: Path, requirement: str, tmp_path: Path, **environment: str) -> dict:
    """Run ``install("core")`` with another requirements file in the bare environment; what happened, as data."""
    (tmp_path / "requirements.txt").write_text(requirement + "\n", encoding="utf-8")
    code = """
import dataclasses, json, sys
from pathlib import Path
from helpers import errors, install as installing
from helpers.install.pip import versions
table = installing.INSTALLABLE
table["core"] = dataclasses.replace(table["core"], requirements=Path(sys.argv[1]), disk_bytes=1)
lines, out = [], {"error": None}
try:
    installing.install("core", on_line=lines.append)
except errors.LoopsError as error:
    out["error"] = f"{type(error).__name__}: {error}"
print(json.dumps(out | {"lines": lines, "versions": versions(), "numpy": "numpy" in sys.modules}))
"""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    env |= {"PYTHONPATH": str(REPOSITORY), "PIP_CONFIG_FILE": os.devnull}
    env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(python.parents[2] / "index")} | environment
    done = subprocess.run(
        [str(python), "-c", code, str(tmp_path / "requirements.txt")],
        env={k: v for k, v in env.items() if v},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_installed_stays_as_it_is(bare, tmp_path):
    result = install_in(bare, "synth>=1", tmp_path)
    assert result["error"] is None
    assert result["error"] is None and result["lines"][-1] == "Loops Generator: installed."
    assert result["versions"]["synth"] == "1.0"
    assert result["versions"]["numpy"] == "1.0" and result["versions"]["tokenlib"] == "1.0"
    assert not result["numpy"], "the installer itself needs nothing that may not be there yet"
    assert any("MiB to download" in line for line in result["lines"][:1]), "sizes come before anything else"
    again = install_in(bare, "synth>=1", tmp_path)
    assert len(again["lines"]) == 1 and "installed" in again["lines"][0], "nothing is run a second time"


def test_a_conflict_moves_what_may_move_and_never_the_runtime(bare, tmp_path):
    result = install_in(bare, "modern>=1", tmp_path)
    assert result["error"] is None
    assert result["versions"]["tokenlib"] == "2.0"
    assert result["versions"]["numpy"] == "1.0"
    assert any("trying again" in line for line in result["lines"])


def test_a_conflict_with_the_runtime_is_refused_in_words(bare, tmp_path):
    result = install_in(bare, "greedy>=1", tmp_path)
    assert result["error"].startswith("NotAvailable: Loops Generator could not be installed")
    assert "new environment" in result["error"] and "ResolutionImpossible" in result["error"], "pip's own words"
    assert result["versions"]["numpy"] == "1.0" and "greedy" not in result["versions"]


def test_an_index_out_of_reach_is_named_without_its_password(bare, tmp_path):
    result = install_in(
        bare,
        "elsewhere>=1",
        tmp_path,
        PIP_NO_INDEX="",
        PIP_FIND_LINKS="",
        PIP_INDEX_URL="http://me:pa55word@127.0.0.1:9/simple",
        PIP_RETRIES="1",
        PIP_TIMEOUT="1",
    )
    assert "NewConnectionError" in result["error"], "pip's own words"
    assert "pa55word" not in json.dumps(result)
    assert "  " in result["error"], "the last lines are shown"


def test_pip_and_what_it_runs_never_see_the_hub_token(bare, tmp_path):
    """A source package whose build says what it can see; pip runs it as it runs every setup.py."""
    source = tmp_path / "curious"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n', encoding="utf-8"
    )
    (source / "backend.py").write_text(
        "import os\ndef _fail(*_, **__):\n    raise RuntimeError('TOKENS ' + str([n for n in os.environ if 'HF_T' in n "
        "or 'HUGGING' in n]))\nget_requires_for_build_wheel = build_wheel = prepare_metadata_for_build_wheel = _fail\n",
        encoding="utf-8",
    )
    result = install_in(
        bare,
        f"curious @ {source.as_uri()}",
        tmp_path,
        HF_TOKEN="hf_abcdefgh123",
        HUGGING_FACE_HUB_TOKEN="hf_abcdefgh123",
    )
    assert "TOKENS []" in result["error"]
    assert "hf_abcdefgh123" not in json.dumps(result)


def test_a_python_without_pip(tmp_path):
    venv.create(tmp_path / "index" / "env", with_pip=False)
    result = install_in(tmp_path / "index" / "env" / "bin" / "python", "synth>=1", tmp_path)
    assert "this Python has no pip" in result["error"] and "ensurepip" in result["error"]


# ---------------------------------------------------------------------------------------------------- refusals at once


def test_unknown_things_are_refused():
    for function in (install, missing):
        with pytest.raises(InvalidInput, match="core, ears, sfz, diffusers, audiocraft"):
            function("jukebox")


def test_too_little_disk_is_refused_before_anything_is_run(monkeypatch):
    monkeypatch.setattr(installing, "pip_install", never_called)
    monkeypatch.setattr(installing, "missing", lambda what: ["piano"])
    monkeypatch.setitem(INSTALLABLE, "core", dataclasses.replace(INSTALLABLE["core"], disk_bytes=1 << 60))
    with pytest.raises(NotAvailable, match=r"needs about 1073741824\.\d GiB and .* GiB are free .*free some space"):
        install("core")


def never_called(*args, **kwargs):
    raise AssertionError("pip was run")


def test_without_torch_or_gpu_the_two_builds_are_named(monkeypatch):
    monkeypatch.setattr(installing, "_has_torch", lambda: False)
    monkeypatch.setattr(installing.shutil, "which", lambda name: None)
    monkeypatch.setattr(installing, "pip_install", never_called)
    with pytest.raises(NotAvailable, match=r"needs torch.*CPU build first.*CUDA build"):
        install("diffusers")
    assert "torch" in missing("diffusers")


def test_without_torch_on_a_gpu_machine_torch_is_installed_and_said(monkeypatch):
    asked, lines = [], []
    monkeypatch.setattr(installing, "_has_torch", lambda: False)
    monkeypatch.setattr(installing.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(installing, "pip_install", lambda title, **options: asked.append((title, options)))
    with pytest.raises(NotAvailable, match="still lacks torch"):
        install("diffusers", on_line=lines.append)
    assert asked[0][1]["packages"] == ["torch"] and asked[1][1]["requirements"] == INSTALLABLE["diffusers"].requirements
    assert any("about 3 GB" in line for line in lines)


def test_one_installation_at_a_time():
    with installing._running, pytest.raises(NotAvailable, match="already"):
        install("core")


def test_a_change_under_a_running_kernel_asks_for_a_restart(monkeypatch):
    import PIL  # noqa: F401  a package whose module has another name

    answers = iter([["pillow"], []])
    monkeypatch.setattr(installing, "missing", lambda what: next(answers))
    monkeypatch.setattr(installing, "pip_install", lambda *args, **kwargs: None)
    seen = iter([{"pillow": "1.0", "other": "1"}, {"pillow": "2.0", "other": "2"}])
    monkeypatch.setattr(installing, "versions", lambda: next(seen))
    lines: list[str] = []
    install("core", on_line=lines.append)
    assert "pillow changed while in use; restart" in lines[-1] and "other" not in lines[-1]


# -------------------------------------------------------------------------------------------- audiocraft's environment


@pytest.fixture
def no_home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LOOPS_AUDIOCRAFT_PYTHON", raising=False)
    monkeypatch.setattr(installing, "_has_torch", lambda: True)
    monkeypatch.setattr(audiocraft, "find_spec", lambda name: name)
    monkeypatch.setattr(audiocraft, "_FROM_MAIN", {})
    return tmp_path / "home"


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Put a worker program of a few lines and a requirements file of one made-up package in place of the real ones."""
    build_wheel(tmp_path / "index", "audiocraft", "1.3.0", requires=("torch==2.1.0",))
    (tmp_path / "requirements.txt").write_text("audiocraft==1.3.0\n", encoding="utf-8")
    monkeypatch.setattr(audiocraft, "REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))

    def write(code: str) -> None:
        (tmp_path / "worker.py").write_text(code, encoding="utf-8")
        monkeypatch.setattr(audiocraft, "WORKER_PROGRAM", tmp_path / "worker.py")

    return write


def test_the_worker_is_tried_out_and_its_home_then_found(no_home, worker):
    worker("import audiocraft; print('version', audiocraft.__version__)")
    assert missing("audiocraft")
    lines: list[str] = []
    install("audiocraft", on_line=lines.append)
    assert not missing("audiocraft")
    assert "version 1.3.0" in lines
    home = audiocraft.find_home()
    assert home.python == sys.executable
    assert Path(home.packages).is_relative_to(no_home) and (Path(home.packages) / "audiocraft.py").is_file()
    assert "audiocraft" not in sys.modules, "the main environment knows nothing of it"
    assert not list(no_home.rglob("*.partial-*"))


def test_a_home_made_for_another_list_of_packages_does_not_count(no_home, worker, tmp_path):
    worker("import audiocraft")
    install("audiocraft")
    (tmp_path / "requirements.txt").write_text("audiocraft==1.3.0  # changed\n", encoding="utf-8")
    assert audiocraft.find_home() is None
    assert "older version" in missing("audiocraft")[0]


def test_a_worker_that_does_not_import_leaves_nothing_behind(no_home, worker):
    worker("raise ImportError('no such symbol in this torch')")
    with pytest.raises(NotAvailable, match=r"LOOPS_AUDIOCRAFT_PYTHON[\s\S]*no such symbol in this torch"):
        install("audiocraft")
    assert not list(no_home.rglob("audiocraft.py"))


def test_an_interpreter_of_ones_own_needs_nothing_of_ours(no_home, monkeypatch):
    monkeypatch.setattr(installing, "_has_torch", lambda: False)
    monkeypatch.setenv("LOOPS_AUDIOCRAFT_PYTHON", sys.executable)
    assert not missing("audiocraft")
    assert audiocraft.find_home() == audiocraft.WorkerHome(sys.executable)


def test_the_constraints_reach_pip(monkeypatch):
    seen = {}

    def run(command, **options):
        seen["command"] = command
        seen["pins"] = Path(command[command.index("-c") + 1]).read_text(encoding="utf-8")

    monkeypatch.setattr("helpers.install.pip.run_lines", run)
    pip_install("Piano", packages=["piano"], on_line=print)
    assert seen["command"][:4] == [sys.executable, "-m", "pip", "install"]
    assert "-U" not in seen["command"] and "only-if-needed" in seen["command"]
    assert "pytest==" in seen["pins"]
