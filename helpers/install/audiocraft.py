"""Making a home for the audiocraft worker: set B by default, set A where B cannot work.

Set B (seconds, 130 MB): the torch and transformers that are here, audiocraft 1.3.0 and its small packages in a folder
that only the worker sees. Set A (minutes, 5 GB): a Python 3.10 with audiocraft's own pins, resolved as of the day they
were last coherent. Neither touches the main environment. A home is tried out before it counts.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import NotAvailable
from ..machine.audiocraft_home import (
    OWN_PYTHON_VARIABLE,
    REQUIREMENTS,
    WORKER_PROGRAM,
    WorkerHome,
    find_home,
    home_folder,
    homes_folder,
    worker_environment,
    write_manifest,
)
from .disk import require_disk
from .pip import LAST_LINES, CancelCheck, CommandFailed, OnLine, explain, pip_install, run_lines, utf8_environment
from .table import InstallStatus

TITLE = "audiocraft"
SET_VARIABLE = "LOOPS_AUDIOCRAFT_SET"
# What set B takes from the main environment besides torch; whatever is missing goes into the worker's own folder.
_FROM_MAIN = {
    "transformers": "transformers>=4.46",
    "sentencepiece": "sentencepiece>=0.2",
    "librosa": "librosa>=0.11",
    "soundfile": "soundfile>=0.13",
}
_A_BYTES = 6 * 1024**3
# The last day on which audiocraft's loose pins resolve to a set that works, and where they must be bent: av 11 is gone
# from the index but for its sources; numpy 2 and newer transformers do not go with torch 2.1; the rest is never called.
_A_DAY = "2024-09-01"
_A_OVERRIDES = """av>=12.3,<13
numpy<2
transformers<4.47
spacy; sys_platform == 'never'
gradio; sys_platform == 'never'
torchtext; sys_platform == 'never'
torchvision; sys_platform == 'never'
xformers; sys_platform == 'never'
"""


def status() -> InstallStatus:
    """Whether a worker home is ready, and what it is."""
    home = find_home()
    if home is None:
        return InstallStatus(
            "audiocraft", False, ("audiocraft==1.3.0",), "audiocraft: not installed (or made for an older version)."
        )
    if home.kind == "own":
        return InstallStatus("audiocraft", True, (), f"audiocraft: the one of {home.python} ({OWN_PYTHON_VARIABLE}).")
    if home.kind == "B" and not _has_torch():
        return InstallStatus("audiocraft", False, ("torch",), "audiocraft: installed for a torch that is gone.")
    where = "beside this Python's torch" if home.kind == "B" else "in its own Python 3.10"
    return InstallStatus("audiocraft", True, (), f"audiocraft {home.version}: installed {where}.")


def install(say: OnLine, cancel: CancelCheck) -> WorkerHome:
    """Make and try out a home; set B first, set A when B cannot work here.

    Raises
    ------
    NotAvailable
        With the reason, what to do, and the last lines.
    Cancelled
        If ``cancel`` became true.
    """
    forced = os.environ.get(SET_VARIABLE, "").strip().upper()
    if forced == "A":
        return _install_a(say, cancel)
    if not _has_torch():
        say("There is no torch here to share: making audiocraft's own Python 3.10 instead (set A).")
        return _install_a(say, cancel)
    try:
        return _install_b(say, cancel)
    except _DoesNotRun as error:
        if forced == "B":
            raise
        say(str(error))
        say("It does not work beside the torch that is here: making audiocraft's own Python 3.10 instead (set A).")
        return _install_a(say, cancel)


class _DoesNotRun(NotAvailable):
    """A home was made, and audiocraft cannot be imported in it."""


def _install_b(say: OnLine, cancel: CancelCheck) -> WorkerHome:
    folder = home_folder("B")
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        own_folder = ["--no-user", "--target", str(partial)]
        pip_install(
            TITLE,
            requirements=REQUIREMENTS,
            options=["--no-deps", *own_folder],
            constrained=False,
            on_line=say,
            cancel=cancel,
        )
        missing = [line for module, line in _FROM_MAIN.items() if importlib.util.find_spec(module) is None]
        if missing:
            say(f"Not in the main environment, so added to the worker's own folder: {', '.join(missing)}.")
            pip_install(TITLE, packages=missing, options=own_folder, on_line=say, cancel=cancel)
        home = _try_out(WorkerHome("B", sys.executable, str(partial)), say, cancel)
        home = replace(home, packages=str(folder))
        write_manifest(home, partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        return home
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _install_a(say: OnLine, cancel: CancelCheck) -> WorkerHome:
    folder = home_folder("A")
    require_disk("audiocraft's own Python 3.10", homes_folder(), _A_BYTES)
    say("This fetches torch 2.1 with its CUDA libraries: about 2.5 GB to download, 5 GB on disk.")
    uv = _find_uv(say, cancel)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    overrides = homes_folder() / "set-a-overrides.txt"
    overrides.write_text(_A_OVERRIDES, encoding="utf-8")
    python = folder / "bin" / "python"
    try:
        env = utf8_environment() | index_settings_for_uv()
        _make_python_310(uv, folder, env, say, cancel)
        command = [uv, "pip", "install", "--python", str(python), "--exclude-newer", _A_DAY]
        command += ["--override", str(overrides), "audiocraft==1.3.0", "soundfile"]
        run_lines(command, on_line=say, cancel=cancel, env=env)
        home = _try_out(WorkerHome("A", str(python)), say, cancel)
    except CommandFailed as failure:
        shutil.rmtree(folder, ignore_errors=True)
        raise NotAvailable(explain("audiocraft's own Python 3.10", failure)) from None
    write_manifest(home, folder)
    return home


def _make_python_310(uv: str, folder: Path, env: dict[str, str], say: OnLine, cancel: CancelCheck) -> None:
    """An empty environment with the Python 3.10 of this machine (Colab has one), else with one that uv fetches."""
    try:
        run_lines([uv, "venv", "--python", "3.10", str(folder)], on_line=say, cancel=cancel, env=env)
    except CommandFailed as failure:
        text = (
            "audiocraft's own Python 3.10 could not be made: there is none here and none could be fetched. Install it "
            "(on Debian or Ubuntu: apt-get install python3.10) and try again."
        )
        raise NotAvailable("\n".join([text, *(f"  {line}" for line in failure.lines[-LAST_LINES:])])) from None


def _try_out(home: WorkerHome, say: OnLine, cancel: CancelCheck) -> WorkerHome:
    """Import audiocraft as the worker does; returns the home with what the worker says of its version."""
    say("Trying it out: the worker imports audiocraft.")
    answers: list[str] = []
    try:
        run_lines(
            [home.python, str(WORKER_PROGRAM), "--check"],
            on_line=answers.append,
            cancel=cancel,
            env=worker_environment(home),
        )
        found = json.loads(answers[-1])
    except CommandFailed as failure:
        raise _DoesNotRun(explain(TITLE, failure)) from None
    except (ValueError, IndexError):
        raise _DoesNotRun(f"{TITLE} was installed, but its worker gave no answer.") from None
    say(f"audiocraft {found['audiocraft']} on torch {found['torch']} imports.")
    return replace(home, version=found["audiocraft"], has_style=found["style"])


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _find_uv(say: OnLine, cancel: CancelCheck) -> str:
    """The ``uv`` that is here, else one fetched into a folder of ours."""
    there = shutil.which("uv")
    if there:
        return there
    tools = homes_folder() / "uv"
    program = tools / "bin" / "uv"
    if not program.is_file():
        options = ["--no-deps", "--no-user", "--target", str(tools)]
        pip_install("uv", packages=["uv"], options=options, constrained=False, on_line=say, cancel=cancel)
    return str(program)


def index_settings_for_uv(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """pip's configured index and certificate as the variables uv reads (it does not read pip's configuration).

    Whatever is set for uv already stays.
    """
    environment = os.environ if environment is None else environment
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=utf8_environment() | dict(environment),
        check=False,
    ).stdout
    # Lines are `global.index-url='https://...'`; environment variables come as `:env:.index-url` and win.
    lines = re.findall(r"^(:env:|global|install|site|user)\.([\w.-]+)='(.*)'$", listed, re.M)
    pip = {key: value for _, key, value in sorted(lines, key=lambda line: line[0] == ":env:")}
    pairs = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": pip.get("extra-index-url", "").replace("\\n", " ").strip(),
        "UV_INDEX_STRATEGY": "unsafe-best-match" if "extra-index-url" in pip else "",  # as pip does: all are asked
        "SSL_CERT_FILE": pip.get("cert", ""),
    }
    return {name: value for name, value in pairs.items() if value and name not in environment}
