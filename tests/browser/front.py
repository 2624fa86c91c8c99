"""A notebook server of our own with headless Chromium in front of it: JupyterLab or Voilà, any kernel.

Interpreters come from the environment: ``BROWSER_SERVER_PYTHON`` (jupyterlab or voila; default: this one) and
``BROWSER_KERNEL_PYTHON`` (the kernel; default: the server's). Pictures go to ``artifacts/``, which git ignores.
"""

from __future__ import annotations

import copy
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "loops_generator.ipynb"
PICTURES = ROOT / "artifacts"
PATIENCE_MS = 240_000  # a test waits for what must come, however busy the machine is
KERNEL_NAME = "loops-test"
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext"
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
# Seeds follow one another instead of being drawn, so that a run can be repeated.
SEEDS = """
from itertools import count
from types import SimpleNamespace
from helpers import planning
planning.secrets = SimpleNamespace(randbelow=lambda below, seeds=count(1): next(seeds))
"""
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
]


def has_server(module: str) -> bool:
    """Whether the interpreter that serves notebooks has this package."""
    python = os.environ.get("BROWSER_SERVER_PYTHON", sys.executable)
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_notebook(
    folder: Path, name: str = NOTEBOOK.stem, *, prelude: str = "", values: dict[str, str] | None = None
) -> Path:
    """A copy of the notebook with a hidden first cell and other form values (as papermill would set them)."""
    book = nbformat.read(NOTEBOOK, 4)
    for cell in book.cells if values else ():
        lines = cell.source.splitlines()
        for i, line in enumerate(lines):
            name = line.split(" = ")[0]
            if name in values and "# @param" in line:
                lines[i] = f"{name} = {values[name]}"
        cell.source = "\n".join(lines)
    first = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{SEEDS}{prelude}"
    book.cells.insert(0, nbformat.v4.new_code_cell(first, metadata={"jupyter": {"source_hidden": True}}))
    book.metadata["kernelspec"] = {"name": KERNEL_NAME, "display_name": KERNEL_NAME, "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(book, path)
    return path


class Front:
    """One server on the loopback with its own configuration, data and runtime folders."""

    def __init__(self, folder: Path, kind: str = "lab", *, message_limit_bytes: int = 0, **notebook):
        self.folder, self.kind, self.port, self.token = folder, kind, free_port(), secrets.token_hex(16)
        python = os.environ.get("BROWSER_SERVER_PYTHON", sys.executable)
        kernel_python = os.environ.get("BROWSER_KERNEL_PYTHON", python)
        self.root = folder / "work"
        self.root.mkdir(parents=True)
        self.notebook = write_notebook(self.root, **notebook)
        self.place = "/" if kind == "voila" else f"/lab/tree/{self.notebook.name}"
        self._settings()
        spec = folder / "data" / "kernels" / KERNEL_NAME
        spec.mkdir(parents=True)
        argv = [kernel_python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": KERNEL_NAME, "language": "python"}))
        command = [python, "-m", *self._command(message_limit_bytes)]
        env = dict(
            os.environ,
            JUPYTER_CONFIG_DIR=str(folder / "config"),
            JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
            JUPYTER_DATA_DIR=str(folder / "data"),
            JUPYTERLAB_SETTINGS_DIR=str(folder / "settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(folder / "workspaces"),
        )
        self.log = (folder / "server.log").open("w")
        self.process = subprocess.Popen(command, cwd=self.root, env=env, stdout=self.log, stderr=subprocess.STDOUT)
        self._wait()

    def another(self, name: str, folder: str = "", **notebook) -> Front:
        """The same server with a notebook of its own, in a fresh ``folder`` or in that of one that was made before."""
        other = copy.copy(self)
        other.root = self.root / (folder or name)
        other.root.mkdir(exist_ok=True)
        other.notebook = write_notebook(other.root, name, **notebook)
        other.place = f"/lab/workspaces/{name}/tree/{other.root.name}/{other.notebook.name}"
        return other

    def _settings(self) -> None:
        values = {
            # Lab 4 leaves cells out of view undrawn unless windowing is off.
            "notebook-extension/tracker": {"windowingMode": "none"},
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "apputils-extension/themes": {"theme": "JupyterLab Light"},
        }
        for name, value in values.items():
            path = self.folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))

    def _command(self, message_limit_bytes: int) -> list[str]:
        common = ["--no-browser", f"--port={self.port}"]
        if self.kind == "voila":
            return ["voila", *common, "--Voila.ip=127.0.0.1", f"--token={self.token}", str(self.notebook)]
        command = ["jupyterlab", *common, "--ip=127.0.0.1", "--allow-root", "--expose-app-in-browser"]
        command += [f"--ServerApp.token={self.token}", f"--ServerApp.root_dir={self.root}"]
        if message_limit_bytes:  # the websocket closes on a bigger message, as hosted notebooks' transports do
            command.append(f"--ServerApp.tornado_settings={{'websocket_max_message_size': {message_limit_bytes}}}")
        return command

    def _wait(self, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError("The server ended: " + (self.folder / "server.log").read_text()[-2000:])
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError("The server did not listen in time.")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.place}?token={self.token}"

    def load(self, page, more: str = "") -> None:
        """Load the notebook in ``page``; ``more`` goes into the address."""
        page.set_default_timeout(PATIENCE_MS)
        page.goto(self.url + more, wait_until="domcontentloaded")
        if self.kind == "lab":
            page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
            page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")

    def open(self, page, more: str = "") -> None:
        """Load the notebook and run all its cells; Voilà has run them when the page arrives."""
        self.load(page, more)
        if self.kind == "lab":
            page.evaluate(
                """async () => { const app = window.jupyterapp; await app.restored;
                const panel = app.shell.currentWidget; await panel.context.ready; await panel.sessionContext.ready;
                await panel.sessionContext.session.kernel.info; const began = performance.now();
                new MutationObserver((_, me) => { if (document.querySelector('.lg')) {
                    window.firstWidgetSeconds = (performance.now() - began) / 1000; me.disconnect(); } })
                    .observe(document.body, { childList: true, subtree: true });
                await app.commands.execute('notebook:run-all-cells'); }"""
            )
        page.wait_for_selector(".lg-upload")
        # The results panel leaves its player on the element it was drawn into.
        page.evaluate(
            """() => { window.player = () => [...document.querySelectorAll('.lg-results')]
            .map((root) => root.parentElement.lgPlayer).find(Boolean); }"""
        )

    def cell_errors(self, page) -> list[str]:
        """Errors in the cells' outputs, from the document itself (Lab)."""
        return page.evaluate(
            """() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells.flatMap((c, i) =>
            (c.outputs || []).filter(o => o.output_type === 'error').map(o => `cell ${i}: ${o.ename}: ${o.evalue}`))"""
        )

    def end_kernels(self) -> None:
        """End the kernels of the notebooks in this front's folder (Lab)."""
        sessions = f"http://127.0.0.1:{self.port}/api/sessions"
        head = {"Authorization": f"token {self.token}"}
        with urlopen(Request(sessions, headers=head)) as answer:
            ours = [s["id"] for s in json.load(answer) if s["path"].startswith(f"{self.root.name}/")]
        for session in ours:
            urlopen(Request(f"{sessions}/{session}", headers=head, method="DELETE")).close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()
