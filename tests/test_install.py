"""Installing: nothing that is there is replaced, every failure is explained, no secret is shown.

The pip runs are real: a bare virtual environment and wheels built here stand in for a notebook runtime and its index.
"""

from __future__ import annotations

import dataclasses
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

import pytest

from helpers import install as installing
from helpers.errors import Cancelled, InvalidInput, NotAvailable
from helpers.install import INSTALLABLE, audiocraft, install, installed
from helpers.install.disk import require_disk
from helpers.install.pip import CommandFailed, explain, find_cause, pip_install, progress_lines, run_lines
from helpers.install.requirements import constraints, read_requirements, unmet
from helpers.machine import audiocraft_home

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
    assert "Piano could not be installed" in shown and "status 3" in shown and "line 99" in shown
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
    with pytest.raises(Cancelled, match="Install again"):
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


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("error: externally-managed-environment", "belongs to the operating system"),
        ("ERROR: [Errno 13] Permission denied: '/usr/lib'", "cannot be written"),
        ("/usr/bin/python3: No module named pip", "has no pip"),
        ("ERROR: HTTP error 403 while getting https://***@host/simple/", "refused the login"),
        ("WARNING: broken by 'NewConnectionError'\nERROR: No matching distribution found for x", "cannot be reached"),
        ("ERROR: ResolutionImpossible: for help visit", "exclude what is needed"),
        ("ERROR: Could not find a version that satisfies x (from versions: none)", "nothing of that name"),
        ("ERROR: No matching distribution found for x==99", "no fitting version"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "arrived damaged"),
    ],
)  # fmt: skip
def test_known_causes_in_words(line, words):
    lines = line.splitlines()
    assert words in find_cause(lines).meaning
    assert words in explain("Piano", CommandFailed(1, lines))


def test_raw_progress_becomes_a_line_every_ten_percent():
    shown: list[str] = []
    show = progress_lines(shown.append)
    for done in range(0, 101):
        show(f"Progress {done * 1_000_000} of 100000000")
    show("Progress 5 of 10")
    show("Installed")
    assert shown == [*(f"  {tenth}0 % of 100 MB" for tenth in range(1, 11)), "Installed"]


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
from helpers.install.requirements import versions
table = installing.INSTALLABLE
table["core"] = dataclasses.replace(table["core"], requirements=Path(sys.argv[1]), disk_bytes=1)
lines, out = [], {"error": None}
try:
    status = installing.install("core", on_line=lines.append)
    out["status"] = dataclasses.asdict(status)
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
    assert result["status"]["installed"] and not result["status"]["restart"]
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
    assert "new environment" in result["error"]
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
    assert "the package index cannot be reached" in result["error"]
    assert "pa55word" not in json.dumps(result)
    assert "  " in result["error"], "the last lines are shown"


def test_an_index_that_refuses_the_login(bare, tmp_path):
    with refusing_index() as address:
        result = install_in(
            bare, "elsewhere>=1", tmp_path, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=address, PIP_RETRIES="0"
        )
    assert result["error"].startswith("NotAvailable")
    assert "whether it lets you in" in result["error"], "pip says no more than that it found nothing"
    assert "pa55word" not in json.dumps(result)


class refusing_index:
    """A package index on the loopback that answers 401 to everything."""

    def __enter__(self) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(401)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://me:pa55word@127.0.0.1:{self.server.server_port}/simple"

    def __exit__(self, *details) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_a_python_without_pip(tmp_path):
    venv.create(tmp_path / "index" / "env", with_pip=False)
    result = install_in(tmp_path / "index" / "env" / "bin" / "python", "synth>=1", tmp_path)
    assert "this Python has no pip" in result["error"] and "ensurepip" in result["error"]


# ---------------------------------------------------------------------------------------------------- refusals at once


def test_unknown_things_are_refused():
    for function in (install, installed):
        with pytest.raises(InvalidInput, match="core, diffusers, audiocraft"):
            function("jukebox")


def test_too_little_disk_is_refused_before_anything_is_run(tmp_path, monkeypatch):
    with pytest.raises(NotAvailable, match=r"Piano needs about 1048576\.0 GiB and .* GiB are free"):
        require_disk("Piano", tmp_path / "not" / "there", 1024 * 1024**4)
    monkeypatch.setattr(installing, "pip_install", never_called)
    monkeypatch.setattr(installing, "installed", lambda what: dataclasses.replace(STATUS, installed=False))
    monkeypatch.setitem(INSTALLABLE, "core", dataclasses.replace(INSTALLABLE["core"], disk_bytes=1 << 60))
    with pytest.raises(NotAvailable, match="free some space"):
        install("core")


STATUS = installing.InstallStatus("core", True, (), "there")


def never_called(*args, **kwargs):
    raise AssertionError("pip was run")


def test_without_torch_or_gpu_the_two_builds_are_named(monkeypatch):
    monkeypatch.setattr(installing, "_has_torch", lambda: False)
    monkeypatch.setattr(installing.shutil, "which", lambda name: None)
    monkeypatch.setattr(installing, "pip_install", never_called)
    with pytest.raises(NotAvailable, match=r"needs torch.*CPU build first.*CUDA build"):
        install("diffusers")
    assert "torch" in installed("diffusers").missing


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
    import packaging  # noqa: F401  some package that is imported

    answers = iter([dataclasses.replace(STATUS, installed=False), STATUS])
    monkeypatch.setattr(installing, "installed", lambda what: next(answers))
    monkeypatch.setattr(installing, "pip_install", lambda *args, **kwargs: None)
    seen = iter([{"packaging": "1.0", "other": "1"}, {"packaging": "2.0", "other": "2"}])
    monkeypatch.setattr(installing, "versions", lambda: next(seen))
    status = install("core")
    assert status.restart and "packaging changed" in status.detail and "other" not in status.detail


# --------------------------------------------------------------------------------------------------- audiocraft's home


@pytest.fixture
def no_home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LOOPS_AUDIOCRAFT_PYTHON", raising=False)
    monkeypatch.delenv("LOOPS_AUDIOCRAFT_SET", raising=False)
    monkeypatch.setattr(audiocraft, "_has_torch", lambda: True)
    monkeypatch.setattr(audiocraft, "_FROM_MAIN", {})
    return tmp_path / "home"


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Put a worker program of a few lines and a requirements file of one made-up package in place of the real ones."""
    build_wheel(tmp_path / "index", "audiocraft", "1.3.0", requires=("torch==2.1.0",))
    (tmp_path / "requirements.txt").write_text("audiocraft==1.3.0\n", encoding="utf-8")
    monkeypatch.setattr(audiocraft, "REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setattr(audiocraft_home, "REQUIREMENTS", tmp_path / "requirements.txt")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))

    def write(code: str) -> None:
        (tmp_path / "worker.py").write_text(code, encoding="utf-8")
        monkeypatch.setattr(audiocraft, "WORKER_PROGRAM", tmp_path / "worker.py")

    return write


SAYS_VERSION = """
import audiocraft, json
print("a library talks")
print(json.dumps({"audiocraft": audiocraft.__version__, "torch": "2.11.0", "style": False}))
"""


def test_set_b_is_tried_out_and_then_found(no_home, worker):
    worker(SAYS_VERSION)
    assert not installed("audiocraft")
    lines: list[str] = []
    status = install("audiocraft", on_line=lines.append)
    assert status.installed and "1.3.0" in status.detail
    home = audiocraft_home.find_home()
    assert (home.kind, home.version, home.python) == ("B", "1.3.0", sys.executable)
    assert Path(home.packages).is_relative_to(no_home) and (Path(home.packages) / "audiocraft.py").is_file()
    environment = audiocraft_home.worker_environment(home)
    assert environment["PYTHONPATH"] == home.packages and environment["PYTHONUTF8"] == "1"
    assert "audiocraft" not in sys.modules, "the main environment knows nothing of it"
    assert not list(no_home.rglob("*.partial-*"))


def test_a_home_made_for_another_list_of_packages_does_not_count(no_home, worker, tmp_path):
    worker(SAYS_VERSION)
    install("audiocraft")
    (tmp_path / "requirements.txt").write_text("audiocraft==1.3.0  # changed\n", encoding="utf-8")
    assert audiocraft_home.find_home() is None
    assert "older version" in installed("audiocraft").detail


def test_set_b_that_does_not_import_leads_to_set_a(no_home, worker, monkeypatch):
    worker("raise ImportError('no such symbol in this torch')")
    asked = []
    monkeypatch.setattr(audiocraft, "_install_a", lambda say, cancel: asked.append("A"))
    lines: list[str] = []
    with pytest.raises(NotAvailable, match="still lacks"):
        install("audiocraft", on_line=lines.append)
    assert asked == ["A"]
    assert any("no such symbol in this torch" in line for line in lines)
    assert not list(no_home.rglob("audiocraft.py")), "what does not run is not left behind"
    monkeypatch.setenv("LOOPS_AUDIOCRAFT_SET", "B")
    with pytest.raises(NotAvailable, match="no such symbol in this torch"):
        install("audiocraft")


def test_without_torch_set_a_is_made_and_its_size_told(no_home, worker, monkeypatch):
    monkeypatch.setattr(audiocraft, "_has_torch", lambda: False)
    monkeypatch.setattr(audiocraft, "_find_uv", lambda say, cancel: str(no_home / "uv"))
    (no_home).mkdir()
    (no_home / "uv").write_text("#!/bin/sh\necho uv \"$@\"\necho 'error: no Python 3.10 was found'\nexit 2\n")
    (no_home / "uv").chmod(0o755)
    lines: list[str] = []
    with pytest.raises(NotAvailable, match=r"apt-get install python3.10[\s\S]*no Python 3.10 was found"):
        install("audiocraft", on_line=lines.append)
    assert any("5 GB on disk" in line for line in lines)
    assert any(line.startswith("uv venv --python 3.10") for line in lines)


def test_an_interpreter_of_ones_own(no_home, monkeypatch):
    monkeypatch.setenv("LOOPS_AUDIOCRAFT_PYTHON", sys.executable)
    assert installed("audiocraft").installed
    assert audiocraft_home.find_home().kind == "own"


def test_uv_gets_the_index_that_pip_is_configured_with(monkeypatch, tmp_path):
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://mirror.example.org/simple\nextra-index-url = https://a.example.org\n",
        encoding="utf-8",
    )
    environment = {"PIP_CONFIG_FILE": str(config), "PIP_CERT": "/etc/ssl/own.pem"}
    settings = audiocraft.index_settings_for_uv(environment)
    assert settings["UV_DEFAULT_INDEX"] == "https://mirror.example.org/simple"
    assert settings["SSL_CERT_FILE"] == "/etc/ssl/own.pem"
    assert settings["UV_INDEX_STRATEGY"] == "unsafe-best-match", "an extra index does not hide the main one"
    assert "UV_DEFAULT_INDEX" not in audiocraft.index_settings_for_uv(
        environment | {"UV_DEFAULT_INDEX": "https://mine"}
    )


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
