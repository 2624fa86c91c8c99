"""Learnt numbers: read as they were written, and a change by hand is noticed."""

import json
from importlib import resources

import pytest

from helpers.machine import weights

FILES = sorted(
    (package, path.name.removesuffix(".json"))
    for package in ("helpers.loops", "helpers.analysis", "helpers.sketch")
    if (folder := resources.files(package) / "weights").is_dir()
    for path in folder.iterdir()
    if path.name.endswith(".json")
)


@pytest.mark.parametrize(("package", "name"), FILES)
def test_the_numbers_are_those_that_the_named_script_wrote(package, name):
    assert weights.load_weights(package, name)
    text = (resources.files(package) / "weights" / f"{name}.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["data"] and document["script"].startswith(("benchmarks/", "training/"))
    assert text == weights.weights_text(document["weights"], document["script"], document["data"])


def test_a_list_of_numbers_stands_on_one_line_and_words_are_left_alone():
    text = weights.weights_text({"a": [[1.5, -2e-05], [3]], "b": ["x  y", "[1,\n2]"]}, "s", "d")
    assert " [\n   [1.5, -2e-05],\n   [3]\n  ]" in text
    assert json.loads(text)["weights"] == {"a": [[1.5, -2e-05], [3]], "b": ["x  y", "[1,\n2]"]}


def test_a_change_by_hand_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    file = tmp_path / "weights" / "x.json"
    monkeypatch.setattr(weights.resources, "files", lambda _: tmp_path)
    file.write_text(weights.weights_text({"a": 1.5}, "benchmarks/x.py", "nothing"), encoding="utf-8")
    assert weights.load_weights.__wrapped__("p", "x") == {"a": 1.5}
    file.write_text(file.read_text(encoding="utf-8").replace("1.5", "1.6"), encoding="utf-8")
    with pytest.raises(ValueError, match="changed by hand"):
        weights.load_weights.__wrapped__("p", "x")
