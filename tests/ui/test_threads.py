"""Threads of one kernel: what several of them need is imported before the first of them runs."""

import json
import subprocess
import sys

# Prints what of these libraries was imported after the app had been made, while its threads were at work.
SCRIPT = """
import json, sys
from pathlib import Path
from helpers.machine.home import EXAMPLE_IDEA
from helpers.ui.app import App

app = App(Path(sys.argv[1]))
before = set(sys.modules)
for cell in (app.show_upload, app.show_mode, app.show_results):
    cell()
app.ideas.add(EXAMPLE_IDEA)
app.jobs.wait()
app.change("takes", 1)
app.making.generate()
app.jobs.wait()
loop = app.state.runs[0].loops[0]
app._panels["results"]._send_slice(f"loop:{loop}", 0)
late = {name for name in set(sys.modules) - before if name.split(".")[0] in ("scipy", "librosa", "numba")}
print(json.dumps([len(app.state.runs), sorted(late)]))
"""


def test_no_thread_imports_a_part_of_scipy_or_librosa(tmp_path):
    """Two threads that enter SciPy in different places get a half-imported module: a reload then heard no idea."""
    ran = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == [1, []]
