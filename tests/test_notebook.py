"""The notebook itself: thin, without outputs, and it runs from top to bottom on the sketch engine."""

import ast
import http.server
import json
import subprocess
import threading
import urllib.parse
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

from helpers import __version__
from helpers.sound.audio import write_wav
from tests import signals

NOTEBOOK = Path(__file__).parents[1] / "loops_generator.ipynb"
MOST_LINES = 60
FORK = "https://github.com/someone/their-fork"
VERSION = f"v{__version__}"


@pytest.fixture
def book():
    return nbformat.read(NOTEBOOK, 4)


def code_cells(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def code_lines(cell):
    return [line for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_the_notebook_is_thin(book):
    assert sum(len(code_lines(cell)) for cell in code_cells(book)) <= MOST_LINES
    for cell in code_cells(book):
        tree = ast.parse(cell.source)  # also: no "!" and no "%" lines
        assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda) for n in ast.walk(tree))
        modules = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert modules == ["helpers"], cell.source


def test_the_notebook_holds_no_outputs_and_its_forms_have_titles(book):
    for cell in code_cells(book):
        assert cell.outputs == [] and cell.execution_count is None
        assert cell.source.startswith("# @title ") and "# @markdown" in cell.source
    titles = [cell.source.splitlines()[0].split("·")[1].strip() for cell in code_cells(book)]
    assert titles == ["SETUP", "MODELS", "LOGIN", "UPLOAD", "MODE", "RESULTS"]
    nbformat.validate(book)


def set_value(book, name, value):
    """Set a form value as papermill would."""
    for cell in code_cells(book):
        lines = cell.source.splitlines()
        for i, line in enumerate(lines):
            if line.startswith(f"{name} = "):
                lines[i] = f"{name} = {value!r}"
                cell.source = "\n".join(lines)
                return
    raise AssertionError(f"The notebook has no form value {name}.")


def run(book, folder):
    first = f"import sys; sys.path.insert(0, {str(NOTEBOOK.parent)!r})"
    book.cells.insert(0, nbformat.v4.new_code_cell(first))
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.fixture
def idea(tmp_path):
    kicks, _ = signals.click_track(100, 9.6, accent_every=4)
    notes = [(48 + root, 2.4 * bar, 2.3) for bar, root in enumerate((9, 5, 0, 7))]
    song = kicks.samples[0] + 0.5 * signals.melody(notes, 9.6).samples[0]
    path = tmp_path / "idea.wav"
    write_wav(path, signals.clip_of(song, channels=2))
    return path


def test_the_notebook_makes_loops_from_top_to_bottom(book, tmp_path, idea):
    for name, value in (("FILE", str(idea)), ("INSTRUMENT", "bass guitar"), ("GENERATE_NOW", True), ("MODE", "normal")):
        set_value(book, name, value)
    done = run(book, tmp_path)
    views = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in views if output.output_type == "error"]
    assert sum("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in views) == 5
    for suffix in (".wav", ".json", ".mid"):
        assert len(list((tmp_path / "loops").glob(f"bass-guitar_*{suffix}"))) == 3
    assert len(NOTEBOOK.read_bytes()) < 20_000


def test_the_notebook_runs_without_an_idea_and_says_so(book, tmp_path):
    run(book, tmp_path)
    assert not list((tmp_path / "loops").glob("*.wav"))


def test_a_cell_that_raises_fails_the_run(book, tmp_path):
    code_cells(book)[-1].source += "\nraise RuntimeError('planted')"
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="planted"):
        run(book, tmp_path)


@pytest.fixture
def setup_elsewhere(book):
    """The SETUP cell alone, as it runs where the program does not lie beside the notebook."""
    setup = code_cells(book)[0]
    setup.source = setup.source.replace('"helpers"', '"helpers_that_is_not_here"')
    book.cells = [setup]
    return setup


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with two commits, in place of someone's fork on GitHub; returns what git answers there."""
    folder = tmp_path / "fork"
    for number, (name, value) in enumerate(
        {f"url.file://{folder}.insteadOf": FORK, "user.name": "a", "user.email": "b"}.items()
    ):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "3")
    folder.mkdir()

    def git(*arguments):
        return subprocess.run(
            ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--initial-branch", "main")
    git("config", "uploadpack.allowAnySHA1InWant", "true")  # as GitHub does
    for words in ("old", "new"):
        git("commit", "--allow-empty", "--message", words)
    return git


class Sessions(http.server.BaseHTTPRequestHandler):
    """Colab's session service, as it answers for a notebook opened from GitHub."""

    opened_at = ""

    def do_GET(self):
        path = f"fileId={urllib.parse.quote(FORK)}/blob/{self.opened_at}/loops_generator.ipynb"
        body = json.dumps([{"path": path, "name": "loops_generator.ipynb"}]).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def colab(monkeypatch):
    """Colab's session service on the loopback; the tag, branch or commit that the notebook was opened at."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Sessions)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("COLAB_JUPYTER_IP", "127.0.0.1")
    monkeypatch.setenv("KMP_TARGET_PORT", str(server.server_port))
    yield lambda at: monkeypatch.setattr(Sessions, "opened_at", at)
    server.shutdown()


def fetched(book, tmp_path):
    """What SETUP says, and the commit message of the program that it brought."""
    said = "".join(output.get("text", "") for output in run(book, tmp_path).cells[1].outputs)
    log = ["git", "-C", str(tmp_path / "loops-generator"), "log", "-1", "--format=%s"]
    assert "Ready." in said
    return said, subprocess.run(log, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("at", ["v0.2.0", "sound/tape", "commit"])
def test_on_colab_setup_brings_the_program_that_the_notebook_was_opened_at(
    setup_elsewhere, book, tmp_path, repository, colab, at
):
    at = repository("rev-parse", "main~1") if at == "commit" else at
    if "." in at or "/" in at:
        repository("branch" if "/" in at else "tag", at, "main~1")
    colab(at)
    said, program = fetched(book, tmp_path)
    assert program == "old" and "newest" not in said


def test_a_tag_that_is_not_there_is_one_sentence_and_the_newest_program(setup_elsewhere, book, tmp_path, repository):
    set_value(book, "REPOSITORY", FORK)
    said, program = fetched(book, tmp_path)
    assert program == "new" and f"{FORK} has no {VERSION}; its newest state is used." in said
    assert "Traceback" not in said


def test_the_notebook_is_pinned_to_the_tag_of_this_version(book):
    assert f'VERSION = "{VERSION}"' in code_cells(book)[0].source


def test_an_address_where_nothing_is_ends_in_one_sentence(setup_elsewhere, book, tmp_path):
    set_value(book, "REPOSITORY", str(tmp_path / "nowhere"))
    with pytest.raises(nbclient.exceptions.CellExecutionError, match=r"Nothing could be fetched from .*nowhere; check"):
        run(book, tmp_path)


def test_without_the_package_setup_asks_for_the_repository(setup_elsewhere, book, tmp_path):
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="REPOSITORY"):
        run(book, tmp_path)
