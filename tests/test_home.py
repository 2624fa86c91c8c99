"""Where cached things lie, and what a process holds that works for long."""

import ast
import ctypes
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import helpers
from helpers.machine.home import cache_home

# Of module level and empty at first; each says what bounds it.
BOUNDED = {
    "errors.py:_known_secrets",  # by the variables of the environment and the tokens given
    "engines/registry.py:_instances",  # by the engines
    "sound/features.py:_measured",  # by the clips that live
    "sketch/cells.py:BANKS",  # by the genres: filled on import
    "sketch/bank_file.py:kept",  # by the number that each reader names
}
GROWING = re.compile(r"\{\}$|\[\]$|(\w+\.)*(dict|list|set|OrderedDict|defaultdict|Weak\w+|deque)\(")


def test_order_of_precedence(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_home() == tmp_path / "mine"
    monkeypatch.delenv("LOOPS_HOME")
    assert cache_home() == tmp_path / "xdg" / "loops-generator"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_home() == Path.home() / ".cache" / "loops-generator"
    assert not (tmp_path / "mine").exists(), "naming the folder does not make it"


def test_every_cache_has_a_bound():
    """A batch worker lives for thousands of loops; whatever grows with each of them would fill its memory."""
    found, caches = set(), 0
    root = Path(helpers.__file__).parent
    for path in root.rglob("*.py"):
        tree, name = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(root).as_posix()
        for node in ast.walk(tree):
            for word in getattr(node, "decorator_list", []):
                if re.search(r"\b(lru_)?cache\b", text := ast.unparse(word)):
                    caches += 1
                    if not re.search(r"lru_cache\((maxsize=)?[1-9]\d*\)", text):
                        found.add(f"{name}:{node.name}")
        for node in tree.body:
            value = ast.unparse(getattr(node, "value", None) or ast.Constant(0))
            if isinstance(node, ast.Assign | ast.AnnAssign) and GROWING.match(value):
                found.update(f"{name}:{ast.unparse(t)}" for t in getattr(node, "targets", None) or [node.target])
    assert caches > 20 and found == BOUNDED


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_what_a_job_freed_goes_back_to_the_system():
    script = """
import contextlib, re, sys
from pathlib import Path
from helpers.machine.home import freed_memory_returned
def held_mib():
    return int(re.search(r"VmRSS:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10
before = held_mib()
with freed_memory_returned() if sys.argv[1] == "returned" else contextlib.nullcontext():
    blocks = [bytes(60_000) for _ in range(2000)]
    kept = blocks[::100]  # between the freed ones, as caches lie between a loop's arrays
    del blocks
print(held_mib() - before)
"""
    root = Path(helpers.__file__).parents[1]
    run = partial(subprocess.run, cwd=root, check=True, capture_output=True, text=True)
    kept, returned = (int(run([sys.executable, "-c", script, how]).stdout) for how in ("kept", "returned"))
    assert kept > 60 and returned < 20
