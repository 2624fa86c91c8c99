"""The recipes of CONTRIBUTING.md lead where they say."""

import dataclasses
import re
import sys
import textwrap
import types
from pathlib import Path

import pytest

from docs import tables
from helpers.cli import build_parser
from helpers.engines import prompts, registry
from helpers.errors import InvalidInput
from helpers.loops import findings, proof, prove
from helpers.loops.level import set_level
from helpers.loops.ranking import score_parts
from helpers.music import instruments
from helpers.music.instruments import Instrument
from helpers.music.pitch import parse_key
from helpers.pipeline import make_loops
from helpers.records import CONTROLS, FIT_FIELDS, FitCard, FitField, Request, read_controls
from helpers.records.controls import control, controls_of
from helpers.records.fit_fields import HIGH
from helpers.report import card_text
from helpers.sketch import compose, genres, kits
from helpers.ui import cards, form, readiness
from helpers.ui.form import Form, unusable
from tests.loops.takes import drums, request_for
from tests.test_layers import LAYERS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def recipe(name: str) -> str:
    return re.search(rf"<!-- recipe: {name} -->\n(.*?)\n<!-- /recipe -->", TEXT, re.DOTALL).group(1)


@pytest.mark.parametrize("name", re.findall(r"<!-- recipe: (\w+) -->", TEXT))
def test_the_files_a_recipe_names_exist(name):
    named = re.findall(r"`((?:helpers|tests|docs|benchmarks)/[^` ]*|[A-Z]+\.md)`", recipe(name))
    assert named and [path for path in named if not (ROOT / path).exists()] == []


def test_a_new_control_is_one_row(monkeypatch):
    """A row as the recipe describes it: read, refused, offered, drawn and greyed out, with nothing else changed."""
    row = control("number", "Warmth", "cold 0 to warm 1", None, low=0, high=1, ends=("cold", "warm"), group="Sound")
    wider = dataclasses.make_dataclass("Wider", [("warmth", "float | None", row)], bases=(Request,), frozen=True)
    field, warmth = controls_of(wider)["warmth"]
    monkeypatch.setitem(CONTROLS, "warmth", (field, warmth))
    monkeypatch.setitem(form._ROWS, "warmth", warmth)
    monkeypatch.setattr(Form, "INITIAL", Form.INITIAL | {"warmth": warmth.initial})
    asked = build_parser().parse_args(["make", "idea.wav", "--warmth", "0,5"])
    assert read_controls({"warmth": asked.warmth}) == {"warmth": 0.5}
    assert wider("piano", "chords", 120.0, warmth=" 0.25 ").warmth == 0.25
    for odd in ("hot", 2, "nan"):
        with pytest.raises(InvalidInput, match=r"^warmth is .* from 0 to 1"):
            wider("piano", "chords", 120.0, warmth=odd)
    drawn = [c for group in form.controls(registry.get_engine("sketch").info) for c in group["controls"]]
    assert [c["label"] for c in drawn if c["name"] == "warmth"] == ["Warmth"] and Form().warmth is None
    page = Form()
    page.set("warmth", "0.75")
    assert page.to_json()["warmth"] == 0.75


def test_a_new_field_is_one_row_and_the_code_that_measures_it(monkeypatch):
    row = FitField(
        "warmth", "Warmth", " °", ".1f", "obeys", "how warm it is", good=HIGH, limit=20.0, why="cold is cold",
        failure="It is cold: {value}, {limit} is asked.", badge="Warm", weight=0.1, worst=0.0, best=40.0,
    )  # fmt: skip
    monkeypatch.setitem(FIT_FIELDS, "warmth", row)
    monkeypatch.setattr(proof, "_measure_level", lambda _: findings.Findings({"warmth": 10.0, "loudness_lufs": -16.0}))
    clip, request = set_level(drums(bars=2)), request_for(bars=2)
    card = prove(clip, request)
    assert card.verdict == "failed" and card.reasons[0] == "It is cold: 10.0 °, 20.0 ° is asked."
    assert card.warmth == FitCard.from_json(card.to_json()).warmth == 10.0
    assert "10.0 °" in card_text(card) and "how warm it is" in tables.fit_card_markdown()
    assert {"label": "Warm", "text": "10.0 °", "why": "cold is cold"} in cards.badges(card)
    assert ["Warmth", "10.0 °"] in cards.numbers(card)
    assert score_parts(clip, card, request)["warmth"] == pytest.approx(0.25)


def test_a_new_engine_is_its_own_file_and_one_row(monkeypatch, tmp_path):
    code = textwrap.dedent(re.search(r"```python\n(.*?)```", recipe("engine"), re.DOTALL)[1])
    space = {"__package__": "helpers.engines", "__name__": "helpers.engines.hum"}
    exec(code, space)
    module = types.ModuleType("helpers.engines.hum")
    module.HumEngine = space["HumEngine"]
    monkeypatch.setitem(sys.modules, "helpers.engines.hum", module)
    monkeypatch.setitem(registry._ADAPTERS, "hum", "hum:HumEngine")
    engine = registry.get_engine("hum")
    monkeypatch.setitem(registry._instances, "hum", engine)
    request = request_for(bars=1).with_(engine="hum", options={})
    (finished,) = make_loops(request.with_(takes=1), None, None, tmp_path).loops
    assert finished.loop.take.engine == "hum" and finished.files.wav.is_file()
    assert "bpm:" in finished.loop.take.prompt, "MusicGen's style, as it declares"
    assert "| `hum` | one note, held | nothing |" in tables.engines_markdown()
    row = next(row for row in readiness.engine_rows() if row["name"] == "hum")
    assert row["ready"] and row["title"] == "Hum"
    assert "prompt" not in unusable(Form(engine="hum"), engine.info)
    registry._instances.pop("hum", None)


def test_a_new_prompt_style_is_one_writer(monkeypatch):
    monkeypatch.setitem(prompts._WRITERS, "haiku", lambda request, words: (f"{words.noun}, {words.bpm}", "noise"))
    engine = registry.get_engine("musicgen")
    monkeypatch.setattr(engine, "info", dataclasses.replace(engine.info, prompt_style="haiku"))
    request = request_for(bars=1)
    assert prompts.write_prompt("musicgen", request) == (f"{request.instrument} loop, {round(request.bpm)}", "noise")


def test_a_new_instrument_is_one_row(monkeypatch):
    row = Instrument("glass harp", "lead", 92, 60, 84, True, ("wine glasses",))
    monkeypatch.setattr(instruments, "INSTRUMENTS", (*instruments.INSTRUMENTS, row))
    monkeypatch.setattr(instruments, "_BY_WORD", {**instruments._BY_WORD, "glass harp": row, "wine glasses": row})
    monkeypatch.setattr(tables, "INSTRUMENTS", instruments.INSTRUMENTS)
    assert instruments.find_instrument("wine glasses").instrument is row
    assert "glass harp (wine glasses)" in tables.instruments_markdown()
    score = compose(Request("glass harp", "lead", 100.0, 2, key=parse_key("A minor")), None)
    assert score.program == 92 and all(60 <= note.pitch <= 84 for note in score.notes)


def test_a_new_groove_is_an_entry_and_its_name_in_a_genre(monkeypatch):
    tab = "\n= 4/4\n\n* halfclap | 90-150 | hats |\nkick        X... X... X... X...\nclap        .... .... X... ....\n"
    monkeypatch.setitem(kits.drum_styles()["4/4"], "halfclap", kits.read_styles(tab)["4/4"]["halfclap"])
    monkeypatch.setitem(genres._BY_WORD, "house", dataclasses.replace(genres.GENRES["house"], drums="halfclap"))
    kits.drum_style.cache_clear()
    try:
        assert kits.drum_style("halfclap", "4/4").grooves[0]["clap"] == "........X......."
        score = compose(Request("drum kit", "drums", 125.0, 2, genre="house", complexity=0.0), None)
    finally:
        kits.drum_style.cache_clear()
    assert dict(score.choices)["pattern"].startswith("halfclap")


def test_the_paths_that_the_architecture_names_exist():
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:helpers|tests|docs|benchmarks|training)/[^` ]*)`", page)
    assert len(named) > 15 and [path for path in named if not (ROOT / path).exists()] == []
    parts = {Path(path).parts[1].removesuffix(".py") for path in named if path.startswith("helpers/")}
    assert {part for part in LAYERS if not part.startswith("_")} <= parts, "every part has its line"
