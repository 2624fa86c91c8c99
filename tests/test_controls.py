"""The table of controls: each row is read, refused, offered and drawn everywhere by the same words."""

import argparse
import dataclasses

import pytest

from helpers.cli import build_parser
from helpers.errors import InvalidInput
from helpers.records import CONTROLS, Request, read_controls
from helpers.ui.form import Form

REQUEST = Request("piano", "chords", 120.0)
ROWS = {name: row for name, (_, row) in CONTROLS.items()}
NUMBERS = [name for name, row in ROWS.items() if row.kind in ("number", "whole")]
OFFERED = [name for name, row in ROWS.items() if row.is_offered]


def make_options():
    commands = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {word: action for action in commands.choices["make"]._actions for word in action.option_strings}


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(name):
    row, step = ROWS[name], 1 if ROWS[name].kind == "whole" else 1e-6
    for end in (row.low, row.high):
        assert row.read(end) == row.read(str(end)) == end
    for odd in (row.low - step, row.high + step, "nan", "inf", "-inf", "many", True, [1]):
        with pytest.raises(InvalidInput, match=f"^{name} is .*from"):
            row.read(odd)


@pytest.mark.parametrize("name", [name for name in NUMBERS if ROWS[name].kind == "whole"])
def test_a_whole_number_may_be_written_as_any_number(name):
    row = ROWS[name]
    assert row.read(f"{row.low}.0") == row.low and isinstance(row.read(float(row.low)), int)
    with pytest.raises(InvalidInput, match="whole number"):
        row.read(row.low + 0.5)


@pytest.mark.parametrize("name", list(CONTROLS))
def test_a_request_out_of_range_cannot_be_made_in_any_way(name):
    field, row = CONTROLS[name]
    odd = {"text": 7, "switch": "perhaps", "options": [], "key": "H", "chords": [["Xm"]], "choice": "?"}.get(
        row.kind, -9e99
    )
    for make in (
        lambda: REQUEST.with_(**{field: odd}),
        lambda: Request.from_json(REQUEST.to_json() | {field: odd}),
        lambda: read_controls({name: odd}),
    ):
        with pytest.raises(InvalidInput):
            make()


COMPOSE = {
    *("instrument", "role", "bpm", "bars", "meter", "key", "chords", "genre", "mood", "style", "seed"),
    *("complexity", "density", "syncopation", "answer", "register"),
}
OTHER = {
    "instrument": "rhodes", "role": "pad", "bpm": 121.0, "bars": 2, "meter": "3/4", "key": "A minor", "seed": 1,
    "chords": (("Am",),), "chords_heard": True, "engine": "musicgen", "register": 1, "swing": 0.6, "takes": 1,
    "dry": True, "family": True, "guide": "none", "sample_rate": 48_000, "options": {"steps": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", list(CONTROLS))
def test_notes_are_seeded_from_musical_choices_alone(name):
    field, row = CONTROLS[name]
    other = OTHER.get(name, 0.25 if row.kind == "number" else "house")
    changed = REQUEST.with_(**{field: other})
    assert changed != REQUEST and (changed.musical_digest() != REQUEST.musical_digest()) == (name in COMPOSE)


def test_the_seeds_of_a_familys_takes_follow_one_another_and_stay_in_it():
    request = REQUEST.with_(seed=4297, takes=5)
    assert [request.take_seed(number) for number in range(5)] == [4297, 4298, 4299, 4200, 4201]
    assert request.family_seed == REQUEST.with_(seed=4200).family_seed == 4200
    last = REQUEST.with_(seed=ROWS["seed"].high)
    assert max(last.take_seed(number) for number in range(100)) == ROWS["seed"].high < 2**53


def test_what_was_written_by_version_0_1_still_loads():
    old = REQUEST.to_json() | {"seed": 2**62 + 5, "progression": [["Am", "F"]], "key": "A minor", "bpm": 92}
    request = Request.from_json(old)
    assert request.seed < 2**53 and request.progression == (("Am", "F"),) and request.bpm == 92.0
    with pytest.raises(InvalidInput, match="incomplete"):
        Request.from_json({"instrument": "piano"})


@pytest.mark.parametrize("name", OFFERED)
def test_each_control_is_an_option_of_the_command_and_a_setting_of_the_page(name):
    assert f"--{name.replace('_', '-')}" in make_options()
    assert name in Form().to_json()


def test_the_request_has_no_field_without_a_row():
    assert {field for field, _ in CONTROLS.values()} == {f.name for f in dataclasses.fields(Request)}
    assert all(row.label and row.help for row in ROWS.values() if row.is_offered)


def test_tight_and_loose_are_the_ends_of_the_feel():
    parse = build_parser().parse_args
    assert parse(["make", "i.wav", "--tight"]).humanize == "0" and parse(["make", "i.wav", "--loose"]).humanize == "1"
    assert parse(["make", "i.wav"]).humanize is None
