"""The notebook's memory: written whole, read back, tolerant of what has gone."""

import json

from helpers.ui.state import STATE_FILE, IdeaEntry, RunEntry, State


def entry(name="a"):
    return IdeaEntry(name * 12, f"{name}.wav", f"{name}.wav", name * 64, 1.0, 44_100, 1, [1, 2])


def kept(folder, *names):
    state = State(folder)
    state.ideas_folder.mkdir(parents=True)
    for name in names:
        state.add_idea(entry(name))
        (state.ideas_folder / f"{name}.wav").write_bytes(b"x")
    return state


def test_what_was_saved_comes_back(tmp_path):
    state = kept(tmp_path, "a", "b")
    (tmp_path / "loop.json").write_text("{}")
    state.form, state.marks = {"bars": 8}, {"loop.json": "kept"}
    state.runs = [RunEntry("bass", "a" * 12, ["loop.json"], ["a note"])]
    state.save()
    assert State.load(tmp_path) == state
    assert not list(tmp_path.glob(".state-*"))


def test_files_that_have_gone_are_left_out(tmp_path):
    state = kept(tmp_path, "a", "b")
    state.runs = [RunEntry("bass", "b" * 12, ["gone.json"])]
    state.save()
    (state.ideas_folder / "b.wav").unlink()
    again = State.load(tmp_path)
    assert [idea.name for idea in again.ideas] == ["a.wav"]
    assert again.current == "a" * 12 and again.runs == []


def test_an_unreadable_file_is_set_aside(tmp_path):
    for text in ("not json", "[]", json.dumps({"format": 99}), json.dumps({"format": 1, "ideas": [{"odd": 1}]})):
        (tmp_path / STATE_FILE).write_text(text)
        assert State.load(tmp_path) == State(tmp_path)
        assert not (tmp_path / STATE_FILE).exists()
        assert (tmp_path / "notebook-state.unreadable.json").read_text() == text


def test_the_same_idea_is_kept_once_and_can_be_forgotten(tmp_path):
    state = State(tmp_path)
    for name in "aba":
        state.add_idea(entry(name))
    assert [idea.name for idea in state.ideas] == ["b.wav", "a.wav"] and state.current == "a" * 12
    state.forget_idea("a" * 12)
    assert state.current == "b" * 12
    state.forget_idea("b" * 12)
    assert state.current is None


def test_two_notebooks_in_one_folder_lose_nothing_of_each_other(tmp_path):
    one = kept(tmp_path, "a")
    one.save()
    two = State.load(tmp_path)
    one.add_idea(entry("b"))
    one.marks["x.json"] = "kept"
    one.save()
    two.add_idea(entry("c"))
    two.marks["y.json"] = "kept"
    two.runs.insert(0, RunEntry("bass", None, ["y.json"]))
    two.save()
    for name in "bc":
        (tmp_path / "ideas" / f"{name}.wav").write_bytes(b"x")
    (tmp_path / "y.json").write_text("{}")
    both = State.load(tmp_path)
    assert {idea.name for idea in both.ideas} == {"a.wav", "b.wav", "c.wav"}
    assert both.marks == {"x.json": "kept", "y.json": "kept"} and len(both.runs) == 1
    one.forget_idea("a" * 12)
    del one.marks["x.json"]
    one.save()
    two.save()
    assert {idea.name for idea in State.load(tmp_path).ideas} == {"b.wav", "c.wav"}, "removed stays removed"
    assert State.load(tmp_path).marks == {"y.json": "kept"}


def test_each_notebook_of_a_folder_has_its_own_settings_and_idea_in_use(tmp_path, monkeypatch):
    kept(tmp_path, "a", "b").save()
    for name in "ab":
        monkeypatch.setenv("JPY_SESSION_NAME", f"{name}.ipynb")
        state = State.load(tmp_path)
        state.current, state.form = name * 12, {"key": name}
        state.save()
    for name in "ab":
        monkeypatch.setenv("JPY_SESSION_NAME", f"{name}.ipynb")
        state = State.load(tmp_path)
        assert (state.current, state.form) == (name * 12, {"key": name})
    monkeypatch.setenv("JPY_SESSION_NAME", "new.ipynb")
    assert State.load(tmp_path).form == {"key": "b"}, "a new one begins as the last one left it"


def test_runs_of_version_0_1_keep_their_order(tmp_path):
    names = ["new.json", "old.json"]
    runs = [{"title": name, "idea": None, "loops": [name], "notes": []} for name in names]
    for name in names:
        (tmp_path / name).write_text("{}")
    data = {"format": 1, "ideas": [], "current": None, "form": {}, "runs": runs, "marks": {}}
    (tmp_path / STATE_FILE).write_text(json.dumps(data))
    state = State.load(tmp_path)
    state.runs.insert(0, RunEntry("newest", None, ["new.json"]))
    state.save()
    assert [run.title for run in State.load(tmp_path).runs] == ["newest", "new.json", "old.json"]
