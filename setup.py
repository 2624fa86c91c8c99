"""What pyproject.toml cannot say: requirements files name one another (``-r``), and an installed copy carries them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
CORE = "requirements.txt"
EXTRAS = ("diffusers", "ray", "bench", "dev")


def requirements(name: str) -> list[str]:
    """The lines of a requirements file and of the files it names, without the core's: those come with the package."""
    found: list[str] = []
    for raw in (ROOT / name).read_text(encoding="utf-8").splitlines():
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        if not line.startswith("-r"):
            found += [line] if line else []
        elif (other := line[2:].strip()) != CORE:
            found += requirements(other)
    return found


class BuildWithRequirements(build_py):
    """Puts the requirements files into ``helpers/install``, where an installed copy looks for them."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for file in ROOT.glob("requirements*.txt"):
                shutil.copyfile(file, Path(self.build_lib, "helpers", "install", file.name))


setup(
    install_requires=requirements(CORE),
    extras_require={extra: requirements(f"requirements-{extra}.txt") for extra in EXTRAS},
    cmdclass={"build_py": BuildWithRequirements},
)
