"""Where the isolated audiocraft worker lives, and how it is started. The installer writes it, the engine reads it.

The worker runs in another process, because audiocraft's own pins (torch 2.1, numpy below 2) must never touch the main
environment. Three kinds of home, in the order they are looked for:

- ``own``: the interpreter named by ``LOOPS_AUDIOCRAFT_PYTHON``, which brings its own audiocraft (1.3 or newer);
- ``B``: this interpreter's torch and transformers, and audiocraft with what else it needs in a folder of its own that
  only the worker sees;
- ``A``: a complete Python 3.10 with the packages of September 2024, for machines whose torch B cannot use.

A home is complete when its manifest lies beside it: the installer writes it last.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .home import cache_home, requirements_file

WORKER_PROGRAM = Path(__file__).resolve().parents[1] / "engines" / "audiocraft" / "worker"
REQUIREMENTS = requirements_file("requirements-audiocraft.txt")
OWN_PYTHON_VARIABLE = "LOOPS_AUDIOCRAFT_PYTHON"


@dataclass(frozen=True)
class WorkerHome:
    """An environment the worker can run in.

    ``packages`` is the folder that goes first on the worker's path (kind ``B`` only). ``version`` is audiocraft's, None
    until the worker has been asked (kind ``own``). ``has_style``: MusicGen-Style is in that version.
    """

    kind: str
    python: str
    packages: str | None = None
    version: str | None = None
    has_style: bool = False


def homes_folder() -> Path:
    """The folder that holds every home we made."""
    return cache_home() / "audiocraft"


def home_folder(kind: str) -> Path:
    """Folder of home ``A`` or ``B``; B holds compiled packages, so each Python version has its own."""
    name = "set-a" if kind == "A" else f"set-b-cp{sys.version_info.major}{sys.version_info.minor}"
    return homes_folder() / name


def requirements_digest() -> str:
    """Changes when our list of packages changes, so that an older home is made anew."""
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest() if REQUIREMENTS.is_file() else ""


def write_manifest(home: WorkerHome, folder: Path) -> None:
    """Declare ``folder`` complete."""
    data = asdict(home) | {"requirements": requirements_digest()}
    (folder / "home.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


def find_home() -> WorkerHome | None:
    """The environment the worker would run in now; None when there is none yet."""
    own = os.environ.get(OWN_PYTHON_VARIABLE)
    if own:
        return WorkerHome(kind="own", python=own)
    for kind in ("B", "A"):
        home = _read_manifest(home_folder(kind))
        if home is not None:
            return home
    return None


def worker_environment(home: WorkerHome) -> dict[str, str]:
    """Environment variables of the worker: ours, in UTF-8, with only its own packages added.

    The Hub token travels as ``HF_TOKEN`` in here and nowhere else; ``HF_HOME`` and ``LD_LIBRARY_PATH`` are kept.
    """
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")}
    env |= {
        "PYTHONUTF8": "1",
        "PYTHONIOENCODING": "utf-8",
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",  # a notebook exports its inline back end, which the worker does not have
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if home.packages:
        env["PYTHONPATH"] = home.packages
    if home.kind == "A":
        env["PYTHONNOUSERSITE"] = "1"
    return env


def _read_manifest(folder: Path) -> WorkerHome | None:
    try:
        data = json.loads((folder / "home.json").read_text(encoding="utf-8"))
        if data.pop("requirements") != requirements_digest():
            return None
        home = WorkerHome(**data)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if home.kind == "B":  # it belongs to whichever interpreter of this version is running
        home = replace(home, python=sys.executable)
    if not Path(home.python).exists() or (home.packages and not Path(home.packages).is_dir()):
        return None
    return home
