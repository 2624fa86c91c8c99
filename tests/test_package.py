"""An installed copy has what a clone has: the command, the example, the requirements; and it says what is missing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from helpers.install.pip import read_requirements

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The project installed into a folder of its own, without its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    project = folder / "project"
    shutil.copytree(ROOT / "helpers", project / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    for source in [*(ROOT / name for name in NEEDED), *ROOT.glob("requirements*.txt")]:
        shutil.copyfile(source, project / source.name)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", folder / "site", project], check=True)
    return folder / "site"


def run(installed, folder, *words, bare=False):
    """Run Python in another folder with the installed copy; ``bare`` hides every other package."""
    env = dict(os.environ, PYTHONPATH=str(installed))
    command = [sys.executable, *(["-S"] if bare else []), *map(str, words)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False)


def test_the_demo_passes_in_another_folder(installed, tmp_path):
    done = run(installed, tmp_path, installed / "bin" / "loops-generator", "demo", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["loops"][0]["fit"]["verdict"] in ("pass", "corrected")
    assert {path.suffix for path in (tmp_path / "loops").iterdir()} == {".wav", ".mid", ".json"}


def test_it_finds_its_own_requirements(installed, tmp_path):
    code = "from helpers.install import INSTALLABLE as i; print(*(str(x.requirements) for x in i.values()), sep='\\n')"
    done = run(installed, tmp_path, "-c", code)
    files = [Path(line) for line in done.stdout.split()]
    assert files and all(file.is_relative_to(installed) and file.is_file() for file in files)


def test_its_dependencies_are_the_requirements_files(installed):
    declared = next(importlib.metadata.distributions(name="loops-generator", path=[str(installed)])).requires
    core = read_requirements(ROOT / "requirements.txt")
    named = {str(Requirement(line)) for line in declared if "extra ==" not in line}
    assert named == {str(Requirement(line)) for line in core}
    for extra in ("diffusers", "bench", "dev"):
        lines = {line.split(";")[0].strip() for line in declared if f'extra == "{extra}"' in line}
        assert lines == set(read_requirements(ROOT / f"requirements-{extra}.txt")) - set(core), extra


@pytest.mark.parametrize("words", [("-m", "helpers", "engines"), ("-c", "import helpers.pipeline")])
def test_without_its_dependencies_it_says_what_to_install(installed, tmp_path, words):
    done = run(installed, tmp_path, *words, bare=True)
    assert done.returncode != 0 and "internal fault" not in done.stderr
    assert "numpy is not installed; run: " in done.stderr and "requirements.txt" in done.stderr.splitlines()[-1]
