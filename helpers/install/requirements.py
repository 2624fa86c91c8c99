"""Requirements files against what is installed, and constraints that keep what is installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NotAvailable

if TYPE_CHECKING:
    from types import ModuleType

    from packaging.requirements import Requirement

OUR_OWN = "loops-generator"
# What a hosted runtime is built around. Never replaced, not even to solve a conflict.
_PROTECTED = frozenset(
    {
        *("torch", "torchaudio", "torchvision", "torchcodec", "triton", "jax", "jaxlib", "tensorflow"),
        *("numpy", "scipy", "numba", "llvmlite", "pandas", "pillow", "protobuf", "requests"),
        *("ipywidgets", "widgetsnbextension", "jupyterlab-widgets", "ipython", "ipykernel", "traitlets", "tornado"),
        *("pyzmq", "jupyter-client", "jupyter-core", "jupyter-server", "notebook", "google-colab"),
    }
)
_PROTECTED_PREFIXES = ("nvidia-", "cuda-", "cupy", "google-")


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
