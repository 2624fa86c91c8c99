"""What the README prints is true: its commands run, its tables are those of the code."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from benchmarks.batch import cost_markdown
from benchmarks.fit.tables import docs_markdown, readme_markdown
from docs.tables import engines_markdown, fit_card_markdown, instruments_markdown
from helpers import Session, cli
from helpers.engines import registry
from helpers.errors import InvalidInput
from helpers.machine.home import EXAMPLE_IDEA
from helpers.music.instruments import find_instrument

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^loops-generator (.+?)(?:  +#.*)?$", README, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_run(command, tmp_path, monkeypatch, capfd):
    (tmp_path / "ideas").mkdir()
    for copy in ("idea.wav", "ideas/idea.wav"):
        shutil.copyfile(EXAMPLE_IDEA, tmp_path / copy)
    monkeypatch.chdir(tmp_path)
    if command.startswith("pack"):
        assert cli.main(shlex.split("make idea.wav --instrument bass --bars 1 --takes 1 --out batch")) == 0
    status = cli.main(shlex.split(command))
    assert status == 0, capfd.readouterr().err


def test_its_python_runs(tmp_path, monkeypatch, capsys):
    shutil.copyfile(EXAMPLE_IDEA, tmp_path / "idea.wav")
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line]) == 3
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.split()[0] in ("pass", "corrected") and Path(said.split(maxsplit=1)[1].strip()).is_file()


@pytest.mark.parametrize("number", range(3))
def test_the_python_of_its_page_runs(number, tmp_path, monkeypatch, capsys):
    (tmp_path / "ideas").mkdir()
    for copy in ("idea.wav", "ideas/idea.wav"):
        shutil.copyfile(EXAMPLE_IDEA, tmp_path / copy)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[number]
    exec(compile(code, "python.md", "exec"), {"__name__": "__main__"})
    assert len(list(tmp_path.rglob("*.wav"))) > 2 and capsys.readouterr().out.strip()


def test_python_and_the_command_line_ask_for_the_same(tmp_path, monkeypatch):
    shutil.copyfile(EXAMPLE_IDEA, tmp_path / "idea.wav")
    monkeypatch.chdir(tmp_path)
    asked = []

    def stop(request, *args, **more):
        asked.append(request)
        raise InvalidInput("It is enough to see what is asked.")

    monkeypatch.setattr("helpers.pipeline.make_loops", stop)
    with pytest.raises(InvalidInput):
        Session("idea.wav").make("bass guitar", seed=7)
    assert cli.main(["make", "idea.wav", "--instrument", "bass guitar", "--seed", "7"]) == cli.WRONG
    assert asked[0] == asked[1]


def test_it_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 130
    links = re.findall(r"\]\(([\w./-]+)\)", README)
    assert {"docs/ARCHITECTURE.md", "CONTRIBUTING.md"} <= set(links) and [
        x for x in links if not (ROOT / x).exists()
    ] == []


def test_it_prints_commands_at_all():
    assert len(COMMANDS) >= 5


def test_its_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named
    assert [t for t in sorted(named) if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []


def test_its_engines_and_licences_are_those_of_the_code():
    written = re.search(r"<!-- engines: .*?-->\n(.*?)\n<!-- /engines -->", README, re.DOTALL).group(1)
    assert written == engines_markdown()
    assert all(f"| `{engine.info.name}` |" in written for engine in registry.all_engines())


def test_its_instruments_are_those_of_the_table():
    page = (ROOT / "docs" / "instruments.md").read_text(encoding="utf-8")
    written = re.search(r"<!-- instruments: .*?-->\n(.*?)\n<!-- /instruments -->", page, re.DOTALL).group(1)
    assert written == instruments_markdown()
    assert find_instrument("rhodes").note == ""


def test_the_fit_card_is_that_of_the_table():
    text = (ROOT / "docs" / "fit-card.md").read_text(encoding="utf-8")
    written = re.search(r"<!-- fit card: .*?-->\n(.*?)\n<!-- /fit card -->", text, re.DOTALL).group(1)
    assert written == fit_card_markdown()


@pytest.mark.parametrize(("page", "table"), [("README.md", readme_markdown), ("docs/fit-card.md", docs_markdown)])
def test_the_table_of_spoiled_loops_is_what_the_benchmark_found(page, table):
    found = json.loads((ROOT / "benchmarks" / "results" / "fit.json").read_text(encoding="utf-8"))
    assert table(found) in (ROOT / page).read_text(encoding="utf-8")


def test_the_table_of_what_the_card_never_saw_is_what_the_benchmark_found():
    found = json.loads((ROOT / "benchmarks" / "results" / "fit_unseen.json").read_text(encoding="utf-8"))
    assert docs_markdown(found) in (ROOT / "docs" / "fit-card.md").read_text(encoding="utf-8")
    assert "learnt" not in docs_markdown(found) and all("/" in name for name in found["about"])


def test_what_loops_cost_is_what_was_measured():
    assert cost_markdown() in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


def test_the_files_it_names_exist():
    for name in ("loops_generator.ipynb", "LICENSE", "CHANGELOG.md", "requirements.txt", "examples/README.md"):
        assert (ROOT / name).is_file(), name
