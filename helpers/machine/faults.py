"""Unforeseen failures: one sentence for the person, and a report that can be sent."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import tempfile
import traceback
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import LoopsError, first_line, shown_text
from .files import write_whole
from .home import cache_home, package_missing

_PACKAGES = (
    "numpy", "scipy", "soundfile", "av", "soxr", "librosa", "essentia", "onnxruntime", "midirenderer", "python-stretch",
    "ipywidgets", "anywidget", "torch", "diffusers", "transformers",
)  # fmt: skip


def explain_fault(error: BaseException, request: Sequence[str] = ()) -> str:
    """One sentence about an exception that is not a LoopsError; for an error in our code, with its report's path."""
    if isinstance(error, MemoryError):
        return "This machine ran out of memory; give a shorter idea, ask for fewer bars, or close other programs."
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] != __package__.partition(".")[0]:
        return package_missing(error)
    if isinstance(error, OSError) and error.strerror:
        name = "" if error.filename is None else f" “{error.filename}”"
        return f"The system refused{name}: {error.strerror}; check the path, its rights and the space on the disk."
    if isinstance(error, OverflowError) and "timestamp" in str(error):
        return "The clock of this machine is out of range; set its date right and try again."
    place = write_report(error, request)
    where = (
        f"A report without sound or secrets is in {place}; please send it."
        if place
        else "Set LOOPS_DEBUG=1 to see where."
    )
    return shown_text(f"An internal fault: {type(error).__name__}: {first_line(error)}. {where}")


def write_report(error: BaseException, request: Sequence[str] = ()) -> Path | None:
    """Write what is needed to understand a fault, secrets masked; None where nothing can be written."""
    name = f"fault-{uuid.uuid4().hex[:12]}.txt"
    data = report_text(error, request).encode()
    for folder in (cache_home() / "faults", Path(tempfile.gettempdir())):
        with suppress(LoopsError, OSError):
            write_whole(folder / name, data)
            return folder / name
    return None


def report_text(error: BaseException, request: Sequence[str] = ()) -> str:
    """Versions, the request and the traceback, secrets masked."""
    text = "\n".join(
        (
            describe_system(),
            f"Request: {' '.join(repr(word) for word in request)}",
            "",
            *(line.rstrip("\n") for line in traceback.format_exception(error)),
        )
    )
    return shown_text(text, keep="\n") + "\n"


def describe_system() -> str:
    """Our version, Python's, the system's, and those of the packages that matter, in two lines."""
    from .. import __version__

    python = f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} cores"
    return f"loops-generator {__version__}, {python}\n{versions_of(_PACKAGES)}"


def versions_of(packages: Iterable[str]) -> str:
    """Those of the packages that are installed, with their versions."""
    found = []
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{package} {importlib.metadata.version(package)}")
    return ", ".join(found)
