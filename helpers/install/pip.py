"""Runs pip under constraints that keep what a notebook runtime is built around; pip's last lines say why it failed.

Requirements files are read and held against what is installed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CancelCheck, Cancelled, NotAvailable, never_cancelled, with_details
from ..machine.run import CommandFailed, OnLine, run_lines
from ..music.tables import read_table

if TYPE_CHECKING:
    from types import ModuleType

    from packaging.requirements import Requirement

LAST_LINES = 12
OUR_OWN = "loops-generator"
# What a hosted runtime is built around. Never replaced, not even to solve a conflict.
_PROTECTED = {name for row in read_table(__package__, "protected.txt")["packages"] for name in row[0].split()}
_PROTECTED_PREFIXES = ("nvidia-", "cuda-", "cupy", "google-")


def pip_install(
    title: str,
    *,
    requirements: Path | None = None,
    packages: Sequence[str] = (),
    options: Sequence[str] = (),
    constrained: bool = True,
    on_line: OnLine,
    cancel: CancelCheck = never_cancelled,
) -> None:
    """Install into the running interpreter's environment, keeping every version that is there.

    First everything installed is pinned. If that leaves no solution, a second try pins only what the runtime is built
    around (torch, numpy, the notebook's packages): those never move. pip and what it runs never see the Hub token.

    ``title`` names what is being installed in the error; a ``requirements`` file or requirement strings (``packages``)
    say what it is; ``options`` are more for ``pip install``, such as ``--no-deps --target FOLDER``. ``constrained`` is
    False for a folder of its own, where nothing can be replaced. Raises NotAvailable with pip's last lines, and
    Cancelled.
    """
    lines = [*(read_requirements(requirements) if requirements else ()), *packages]
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--upgrade-strategy", "only-if-needed", *options]
    command += [*(("-r", str(requirements)) if requirements else ()), *packages]
    for protected_only in (False, True) if constrained else (True,):
        with tempfile.TemporaryDirectory(prefix="loops-install-") as folder:
            pins = Path(folder) / "constraints.txt"
            pins.write_text(constraints(lines, protected_only=protected_only) if constrained else "", encoding="utf-8")
            try:
                run_lines([*command, "-c", str(pins)], on_line=on_line, cancel=cancel)
                return
            except Cancelled:
                raise Cancelled("Cancelled; the installation was stopped. Install again to complete it.") from None
            except CommandFailed as failure:
                if protected_only or "ResolutionImpossible" not in "\n".join(failure.lines):
                    raise NotAvailable(explain(title, failure)) from None
        on_line(
            "Keeping every installed version leaves no solution; trying again with torch, numpy and the notebook kept."
        )


def explain(title: str, failure: CommandFailed) -> str:
    """Two sentences and the last lines, as they came."""
    tail = [line for line in failure.lines if line.strip()][-LAST_LINES:]
    text = (
        f"{title} could not be installed and nothing was replaced. The installer's last lines say why; mend that (or "
        "use a new environment: python3 -m venv .venv) and install again."
    )
    return with_details(text, tail)


def read_requirements(file: Path) -> list[str]:
    """Requirement lines of ``file`` and of the files it names with ``-r``, in order, comments removed.

    Raises NotAvailable if the file is not there (the package was installed without its repository).
    """
    if not file.is_file():
        raise NotAvailable(f"{file.name} is not beside the helpers folder; run this from a copy of the repository.")
    lines: list[str] = []
    for raw in file.read_text(encoding="utf-8").splitlines():
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        if line.startswith("-r"):
            lines += read_requirements(file.parent / line[2:].strip())
        elif line:
            lines.append(line)
    return lines


def versions() -> dict[str, str]:
    """Installed packages by normalized name; the first on the path wins, as it does for an import."""
    importlib.invalidate_caches()  # a package may have arrived a moment ago
    found: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name and package.version:
            found.setdefault(canonical(name), package.version)
    return found


def unmet(lines: Iterable[str], present: dict[str, str] | None = None) -> list[str]:
    """The requirements that ``present`` (default: this environment) does not meet, each in words."""
    present = versions() if present is None else present
    missing = []
    for requirement in map(_parse, lines):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        version = present.get(canonical(requirement.name))
        wanted = f"{requirement.name}{requirement.specifier}"
        if version is None:
            missing.append(wanted)
        elif not requirement.specifier.contains(version, prereleases=True):
            missing.append(f"{wanted} ({version} is installed)")
    return missing


def constraints(lines: Iterable[str], *, protected_only: bool = False, present: dict[str, str] | None = None) -> str:
    """A pip constraints file that pins what is installed, one ``name==version`` a line.

    Of the requirements about to be installed (``lines``) those that the present version does not meet stay free to
    move. ``protected_only`` pins only what a runtime is built around (torch, numpy, the notebook's own packages): the
    second try, when pinning everything leaves no solution. ``present`` are versions by name, by default this
    environment's.
    """
    present = versions() if present is None else present
    to_move = {canonical(r.name) for r in map(_parse, lines) if unmet([str(r)], present)}
    pins = []
    for name, version in sorted(present.items()):
        if name == OUR_OWN or (name in to_move and not is_protected(name)) or not _is_valid(version):
            continue
        if is_protected(name) or not protected_only:
            pins.append(f"{name}=={version}")
    return "\n".join(pins) + "\n"


def is_protected(name: str) -> bool:
    """Whether an installed package must never be replaced by us."""
    return name in _PROTECTED or name.startswith(_PROTECTED_PREFIXES)


def canonical(name: str) -> str:
    """Normalized project name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _parse(line: str) -> Requirement:
    return _packaging("requirements").Requirement(line)


def _is_valid(version: str) -> bool:
    """Pip refuses a whole constraints file for one version that is not PEP 440."""
    packaging = _packaging("version")
    try:
        packaging.Version(version)
    except packaging.InvalidVersion:
        return False
    return True


def _packaging(module: str) -> ModuleType:
    """A module of ``packaging``; a bare environment has the copy that pip carries."""
    for package in ("packaging", "pip._vendor.packaging"):
        try:
            return importlib.import_module(f"{package}.{module}")
        except ImportError:
            continue
    raise NotAvailable("Nothing can be installed: this Python has no pip. Run: python -m ensurepip --upgrade.")
