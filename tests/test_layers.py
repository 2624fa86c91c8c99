"""Layers: a part imports only from lower layers, and nothing heavy when it is imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HELPERS = ROOT / "helpers"

LAYERS = {
    "errors": 0,
    "music": 1,
    "records": 2,
    "machine": 3,
    "sound": 4,
    "install": 6,
    "analysis": 5,
    "sketch": 5,
    "loops": 5,
    "engines": 5,
    "report": 6,
    "export": 6,
    "planning": 6,
    "pipeline": 8,
    "batch": 9,
    "cli": 10,
    "ui": 10,
    "__main__": 11,
}
# The sketch engine adapter wraps the composer; write down any other exception here, with its reason.
ALLOWED = {("engines/sketch", "sketch")}

ONLY_IN = {
    "soundfile": ("sound/audio",),
    "av": ("sound/decode_worker",),
    "essentia": ("analysis/",),
    "librosa": ("analysis", "analysis/"),
    "torch": ("engines/",),
    "diffusers": ("engines/",),
    "transformers": ("engines/",),
    "ipywidgets": ("ui/",),
    "anywidget": ("ui/",),
    "google": ("ui/colab", "engines/hub/"),
}


def _modules(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def _name(path: Path, root: Path) -> str:
    name = path.relative_to(root).with_suffix("").as_posix()
    return name.removesuffix("/__init__")


def _imports(path: Path, root: Path) -> list[tuple[str, int]]:
    """(dotted module below ``helpers`` or an outside package, line) for every import in a file, at any depth."""
    package = ["helpers", *path.relative_to(root).parent.parts]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "helpers" or (node.level and node.module is None):
                found += [(f"{module}.{alias.name}", node.lineno) for alias in node.names]
            else:
                found.append((module, node.lineno))
    return found


def layer_faults(root: Path) -> list[str]:
    """Every import that goes sideways or up, in words."""
    faults = []
    for path in _modules(root):
        name = _name(path, root)
        part = name.split("/")[0]
        if part == "__init__":
            continue
        if part not in LAYERS:
            faults.append(f"{name}: this part has no layer; add it to LAYERS")
            continue
        for module, line in _imports(path, root):
            if not module.startswith("helpers."):
                continue
            other = module.split(".")[1]
            if other.startswith("__") or other == part or (name, other) in ALLOWED:
                continue
            if LAYERS.get(other, 99) >= LAYERS[part]:
                faults.append(f"{name}:{line} (layer {LAYERS[part]}) imports {other} (layer {LAYERS.get(other)})")
    return faults


def heavy_faults(root: Path) -> list[str]:
    """Every import of a heavy library outside the modules that may import it."""
    faults = []
    for path in _modules(root):
        name = _name(path, root)
        for module, line in _imports(path, root):
            places = ONLY_IN.get(module.split(".")[0])
            if places and not any(name == p or (p.endswith("/") and name.startswith(p)) for p in places):
                faults.append(f"{name}:{line} imports {module}; only {', '.join(places)} may")
    return faults


def test_imports_go_down_only():
    assert layer_faults(HELPERS) == []


def test_heavy_libraries_are_imported_in_one_place():
    assert heavy_faults(HELPERS) == []


@pytest.mark.parametrize(
    ("place", "line", "word"),
    [
        ("loops/seam.py", "from ..analysis import tempo", "loops/seam"),
        ("music/pitch.py", "from .. import records", "music/pitch"),
        ("engines/sketch.py", "from ..loops import cut", "engines/sketch"),
        ("sketch/groove.py", "from helpers.pipeline import make_loops", "sketch/groove"),
    ],
)
def test_a_planted_sideways_import_is_found(tmp_path, place, line, word):
    planted = tmp_path / place
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(f"def f():\n    {line}\n", encoding="utf-8")
    faults = layer_faults(tmp_path)
    assert len(faults) == 1 and word in faults[0]


def test_a_planted_heavy_import_is_found(tmp_path):
    (tmp_path / "export.py").write_text("import soundfile\n", encoding="utf-8")
    assert "imports soundfile" in heavy_faults(tmp_path)[0]


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, helpers, helpers.cli, helpers.pipeline; "
        "bad = {'torch', 'librosa', 'essentia', 'soundfile', 'av', 'scipy', 'ipywidgets', 'matplotlib', 'numba'}; "
        "bad &= set(sys.modules); "
        "sys.exit(f'imported: {sorted(bad)}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def test_no_module_has_grown_past_its_limit():
    long = {
        _name(p, HELPERS): n for p in _modules(HELPERS) if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}
