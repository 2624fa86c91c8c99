"""The environment of the isolated audiocraft worker: where it is, how it is made, how it is started.

The worker runs in another process, because audiocraft pins versions (torch 2.1, numpy below 2) that the main
environment cannot take. Its environment is a folder with audiocraft and its dependencies that only the worker has on
its path, beside this interpreter's torch and transformers; or the interpreter named by ``LOOPS_AUDIOCRAFT_PYTHON``,
which brings its own audiocraft (1.3 or newer). A folder is complete when it holds its manifest, which is written last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ...errors import CancelCheck, NotAvailable, with_details
from ...machine.files import staging
from ...machine.home import cache_home, requirements_file
from ...machine.run import CommandFailed, OnLine, child_environment, run_lines

WORKER_PROGRAM = Path(__file__).resolve().with_name("worker")
REQUIREMENTS = requirements_file("requirements-audiocraft.txt")
OWN_PYTHON_VARIABLE = "LOOPS_AUDIOCRAFT_PYTHON"
TITLE = "audiocraft"
# What the worker takes from the main environment besides torch; whatever is missing goes into the worker's own folder.
_FROM_MAIN = {
    "transformers": "transformers>=4.46",
    "sentencepiece": "sentencepiece>=0.2",
    "librosa": "librosa>=0.11",
    "soundfile": "soundfile>=0.13",
}


@dataclass(frozen=True)
class WorkerHome:
    """What the worker runs in: an interpreter, and the folder that goes first on its path (None: its own packages)."""

    python: str
    packages: str | None = None


def home_folder() -> Path:
    """The folder we make; it holds compiled packages, so each Python version has its own."""
    return cache_home() / "audiocraft" / f"cp{sys.version_info.major}{sys.version_info.minor}"


def find_home() -> WorkerHome | None:
    """The environment the worker would run in now; None when there is none, or it was made for another list."""
    own = os.environ.get(OWN_PYTHON_VARIABLE)
    if own:
        return WorkerHome(own)
    try:
        made_for = json.loads((home_folder() / "home.json").read_text(encoding="utf-8"))["requirements"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return WorkerHome(sys.executable, str(home_folder())) if made_for == _requirements_digest() else None


def missing() -> tuple[str, ...]:
    """What keeps the worker from running, in words; empty when nothing does."""
    if os.environ.get(OWN_PYTHON_VARIABLE):
        return ()
    torch = () if find_spec("torch") else ("torch",)
    return torch if find_home() else (*torch, "audiocraft==1.3.0 (or what is here was made for an older version)")


def make_home(pip_install: Callable[..., None], say: OnLine, cancel: CancelCheck) -> None:
    """Make the environment with ``pip_install`` (:func:`helpers.install.pip.pip_install`) and test it.

    Raises NotAvailable with the reason and the last lines. Raises Cancelled if ``cancel`` became true.
    """
    folder = home_folder()
    with staging(folder.parent) as hidden:
        made = hidden / folder.name
        own_folder = ["--no-user", "--target", str(made)]
        given = dict(on_line=say, cancel=cancel)
        pip_install(TITLE, requirements=REQUIREMENTS, options=["--no-deps", *own_folder], constrained=False, **given)
        lacking = [line for module, line in _FROM_MAIN.items() if find_spec(module) is None]
        if lacking:
            say(f"Not in the main environment, so added to the worker's own folder: {', '.join(lacking)}.")
            pip_install(TITLE, packages=lacking, options=own_folder, **given)
        say("Trying it out: the worker imports audiocraft.")
        check = [sys.executable, str(WORKER_PROGRAM), "--check"]
        try:
            environment = worker_environment(WorkerHome(sys.executable, str(made)))
            run_lines(check, on_line=say, cancel=cancel, env=environment)
        except CommandFailed as failure:
            text = (
                f"{TITLE} was installed but cannot be imported beside the torch that is here; name a Python that has it"
            )
            raise NotAvailable(with_details(f"{text} in {OWN_PYTHON_VARIABLE}.", failure.lines[-12:])) from None
        (made / "home.json").write_text(json.dumps({"requirements": _requirements_digest()}), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def worker_environment(home: WorkerHome) -> dict[str, str]:
    """Environment of the worker: ours in UTF-8 with only its own packages added; no Hub token and no network.

    Everything it needs is fetched before it starts; ``HF_HOME`` and ``LD_LIBRARY_PATH`` are kept.
    """
    kept = {k: v for k, v in child_environment().items() if k not in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")}
    kept |= {
        "MPLBACKEND": "Agg",  # a notebook exports its inline back end, which the worker does not have
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    return kept | ({"PYTHONPATH": home.packages} if home.packages else {})


def _requirements_digest() -> str:
    """Changes when our list of packages changes, so that an older environment is made again."""
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest() if REQUIREMENTS.is_file() else ""
