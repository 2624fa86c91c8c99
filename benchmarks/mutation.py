"""Mutation testing: how many small faults in the parts that decide do the tests notice?

Cosmic Ray plants one fault at a time (a comparison, a number, an operator, a condition) at a random place of ``loops``,
``ranking``, ``planning`` and the pipeline, in a copy of the tree; the tests that run the changed line, the fastest
first, must fail. Faults in annotations and docstrings change nothing and are not drawn.

    python -m benchmarks.mutation --sample 80 --seed 1 --write results/mutation.json
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = (
    "helpers/loops/**/*.py",
    "helpers/loops/ranking.py",
    "helpers/planning.py",
    "helpers/pipeline/__init__.py",
    "helpers/pipeline/making.py",
)
TESTS = (
    "tests/loops",
    "tests/loops/test_ranking.py",
    "tests/test_planning.py",
    "tests/test_planning_lines.py",
    "tests/test_controls.py",
    "tests/test_pipeline.py",
    "tests/test_pipeline_lines.py",
    "tests/test_making.py",
    "tests/test_mending.py",
)
LONGEST_SECONDS = 240.0  # a fault that makes the tests run on for ever is noticed too
MOST_TESTS = 40  # of those that run a line, the fastest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=80, help="how many faults (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: %(default)s)")
    parser.add_argument("--coverage", type=Path, help="keep (or read) which test runs which line here")
    parser.add_argument("--write", type=Path, help="write every fault and its fate as JSON")
    args = parser.parse_args()
    for library in ("mido", "numpy", "scipy.ndimage", "scipy.signal", "soundfile", "soxr", "pyloudnorm"):
        importlib.import_module(library)  # once, here, for every run of the tests
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        _copy(tree)
        covered = _who_runs_what(tree, args.coverage or Path(folder) / "covered.json")
        faults = draw(tree, args.sample, args.seed)
        rows = []
        for number, fault in enumerate(faults, 1):
            row = _fate(tree, fault, covered)
            rows.append(row)
            print(
                f"{number:3} of {len(faults)}  {row['fate']:9} {row['seconds']:5.1f} s  {row['where']}  {row['fault']}"
            )
            sys.stdout.flush()
    killed = sum(row["fate"] in ("killed", "timed out") for row in rows)
    print(f"\n{killed} of {len(rows)} faults were noticed ({killed / max(1, len(rows)):.0%}); seed {args.seed}.")
    if args.write:
        document = {"seed": args.seed, "noticed": killed, "of": len(rows), "faults": rows}
        args.write.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _copy(tree: Path) -> None:
    kept = ["ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(["git", *kept], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)


def draw(tree: Path, count: int, seed: int) -> list[dict]:
    """Random faults: a place first, then one of the faults that can be planted there."""
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import WorkDB, use_db

    paths = sorted(path for part in PARTS for path in tree.glob(part))
    places = defaultdict(list)
    with use_db(str(tree.parent / "faults.sqlite"), mode=WorkDB.Mode.create) as db:
        init(paths, db, {})
        for item in db.work_items:
            change = item.mutations[0]
            place = (str(Path(change.module_path).relative_to(tree)), *change.start_pos, *change.end_pos)
            places[place].append((change.operator_name, change.occurrence))
    rng, drawn = random.Random(seed), []
    for place in rng.sample(sorted(places), len(places)):
        operator, occurrence = rng.choice(sorted(places[place]))
        source = (tree / place[0]).read_text(encoding="utf-8")
        changed = _planted(source, operator, occurrence)
        if changed is not None and _meaning(changed) not in (None, _meaning(source)):
            fault = operator.split("/")[-1]
            drawn.append({"file": place[0], "line": place[1], "fault": fault, "source": source, "changed": changed})
        if len(drawn) == count:
            break
    return drawn


def _planted(source: str, operator: str, occurrence: int) -> str | None:
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    return mutate_code(source, get_operator(operator)(), occurrence)


def _meaning(source: str) -> str | None:
    """The program without its annotations and docstrings; None when it is no program."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.dump(tree)


def _who_runs_what(tree: Path, kept: Path) -> dict[str, dict[str, list[str]]]:
    """File -> line -> the tests that run it, fastest first."""
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    print("Which test runs which line: all of them once, with their times", flush=True)
    rules = tree.parent / "coverage.ini"
    data = tree.parent / "coverage.data"
    wanted = ",".join(part.replace("**/*.py", "*") for part in PARTS)
    rules.write_text(f"[run]\ndynamic_context = test_function\ninclude = {wanted}\ndata_file = {data}\n")
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={rules}", "-m", "pytest", "-vv", "--durations=0"]
    done = subprocess.run([*command, *TESTS], cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The tests do not pass without a fault:\n{done.stdout[-2000:]}")
    covered = read_coverage(tree, data, done.stdout)
    kept.write_text(json.dumps(covered), encoding="utf-8")
    return covered


def read_coverage(tree: Path, data: Path, log: str) -> dict[str, dict[str, list[str]]]:
    from coverage import CoverageData

    seconds: dict[str, float] = defaultdict(float)
    for took, test in re.findall(r"^([\d.]+)s (?:call|setup) +(\S+?::\w+)", log, re.M):
        seconds[test] += float(took)
    coverage = CoverageData(str(data))
    coverage.read()
    covered: dict[str, dict[str, list[str]]] = {}
    for file in coverage.measured_files():
        lines = {}
        for line, contexts in coverage.contexts_by_lineno(file).items():
            tests = {f"{c.rsplit('.', 1)[0].replace('.', '/')}.py::{c.rsplit('.', 1)[1]}" for c in contexts if c}
            lines[str(line)] = sorted(tests, key=lambda test: seconds[test])
        covered[str(Path(file).resolve().relative_to(tree.resolve()))] = lines
    return covered


def _tests_of(tree: Path, fault: dict, covered: dict[str, dict[str, list[str]]]) -> list[str]:
    """The tests that run the line; of a constant, those that run a line with its name; else those of the module."""
    lines = covered.get(fault["file"], {})
    node = _statement(fault["source"], fault["line"])
    names = (
        {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} if node else set()
    )
    tests: dict[str, None] = {}
    if names:
        for file, found in covered.items():
            text = (tree / file).read_text(encoding="utf-8").split("\n")
            for line, those in found.items():
                if any(re.search(rf"\b{name}\b", text[int(line) - 1]) for name in names):
                    tests |= dict.fromkeys(those)
    span = range(node.lineno, node.end_lineno + 1) if node else [fault["line"]]
    for line in [fault["line"], *span]:
        tests |= dict.fromkeys(lines.get(str(line), ()))
    if not tests:
        for those in lines.values():
            tests |= dict.fromkeys(those)
    return list(tests)[:MOST_TESTS] or [f"tests/test_{Path(fault['file']).stem}.py"]


def _statement(source: str, line: int) -> ast.stmt | None:
    """The statement at the module's own level on which the line lies, unless it is a function or a class."""
    for node in ast.parse(source).body:
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            return None if isinstance(node, ast.FunctionDef | ast.ClassDef) else node
    return None


def _run(tree: Path, tests: list[str]) -> int | None:
    """The exit status of pytest in a fork of this process, with its libraries loaded; None when it took too long."""
    child = os.fork()
    if child == 0:
        os.chdir(tree)
        sys.path[:] = [str(tree), *(p for p in sys.path if p not in ("", str(ROOT)))]
        sys.dont_write_bytecode = True
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os._exit(int(pytest.main(["-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests])))
    end = time.monotonic() + LONGEST_SECONDS
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(ended[1])


def _fate(tree: Path, fault: dict, covered: dict[str, dict[str, list[str]]]) -> dict:
    path, began = tree / fault["file"], time.monotonic()
    tests = _tests_of(tree, fault, covered)
    path.write_text(fault["changed"], encoding="utf-8")
    try:
        fate = {None: "timed out", 0: "survived", 1: "killed", 2: "killed"}.get(_run(tree, tests), "no tests")
    finally:
        path.write_text(fault["source"], encoding="utf-8")
    before, after = (text.split("\n") for text in (fault["source"], fault["changed"]))
    changed = next(((a.strip(), b.strip()) for a, b in zip(before, after, strict=False) if a != b), ("", ""))
    return {
        "where": f"{fault['file']}:{fault['line']}",
        "fault": fault["fault"],
        "from": changed[0],
        "to": changed[1],
        "fate": fate,
        "tests": len(tests),
        "seconds": round(time.monotonic() - began, 1),
    }


if __name__ == "__main__":
    main()
