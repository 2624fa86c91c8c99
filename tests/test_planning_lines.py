"""Planning line by line: where each value of a request comes from, and what is said of it, from both sides."""

import dataclasses

import pytest

from helpers import planning
from helpers.errors import InvalidInput
from helpers.music.meter import METERS
from helpers.music.pitch import parse_key
from helpers.planning import change_request, inherit, part_of, plan_measure, plan_request
from helpers.records import ChordSpan, KeyAlternative, KeyEstimate, Request, Tag, Tempo
from tests.test_planning import heard


def tempo_of(analysis, **changes):
    return dataclasses.replace(analysis, tempo=dataclasses.replace(analysis.tempo, **changes))


def key_of(analysis, **changes):
    return dataclasses.replace(analysis, key=dataclasses.replace(analysis.key, **changes))


# ---- what is heard and what is said instead


@pytest.mark.parametrize(
    ("analysis", "asked", "field", "value"),
    [
        (heard(meter="3/4"), {}, "meter", "3/4"),
        (heard(meter="3/4"), {"meter": "6/8"}, "meter", "6/8"),
        (None, {"bpm": 100}, "meter", "4/4"),
        (heard(96.5), {}, "bpm", 96.5),
        (heard(96.5), {"bpm": 100}, "bpm", 100),
        (heard(labels=("Am", "F")), {}, "bars", 2),
        (heard(labels=("Am", "F")), {"bars": 8}, "bars", 8),
        (tempo_of(heard(labels=("Am", "F")), is_loop=False, bars=None), {}, "bars", 4),
        (tempo_of(heard(), bars=None), {}, "bars", 4),
        (tempo_of(heard(), bars=1), {}, "bars", 1),
        (heard(), {}, "swing", 0.58),
        (heard(), {"swing": 0.7}, "swing", 0.7),
        (tempo_of(heard(), swing=None), {}, "swing", None),
        (None, {"bpm": 100}, "swing", None),
        (heard(genres=(Tag("house", 0.7), Tag("trap", 0.2))), {}, "genre", "house"),
        (heard(genres=(Tag("house", 0.7),)), {"genre": "jazz"}, "genre", "jazz"),
        (heard(genres=(Tag("house", 0.2),)), {}, "genre", None),
        (heard(genres=(Tag("house", 0.7),)), {"style": "dusty jazz"}, "genre", None),  # the style's own word holds
        (heard(genres=(Tag("house", 0.7),)), {"style": "mellow"}, "genre", "house"),
        (heard(moods=(Tag("dark", 0.7),)), {"style": "mellow"}, "mood", None),
        (heard(moods=(Tag("dark", 0.7),)), {"style": "dusty jazz"}, "mood", "dark"),
        (heard(), {}, "genre", None),
        (None, {"bpm": 100}, "genre", None),
        (heard(moods=(Tag("dark", 0.7), Tag("calm", 0.2))), {}, "mood", "dark"),
        (heard(moods=(Tag("dark", 0.7),)), {"mood": "calm"}, "mood", "calm"),
        (None, {"bpm": 100}, "mood", None),
        (key_of(heard(), tuning_cents=7.0), {"tuning_cents": None}, "tuning_cents", 7.0),
        (heard(key=None, labels=()), {"bpm": 100}, "tuning_cents", 0.0),
        (heard(), {"takes": 1}, "takes", 1),
        (heard(), {"role": "lead"}, "role", "lead"),
        (heard(), {}, "role", "bass"),
        (heard(), {}, "engine", "sketch"),
        (heard(), {"family": True}, "takes", 5),
        (heard(), {"family": False}, "takes", 3),
        (heard(), {}, "chords_heard", True),
        (heard(), {"chords": "| Am |"}, "chords_heard", False),
        (heard(labels=()), {}, "chords_heard", False),
    ],
)
def test_each_value_is_what_was_said_else_what_was_heard_else_the_default(analysis, asked, field, value):
    asked = {name: given for name, given in asked.items() if name != "tuning_cents"}
    request, _ = plan_request(analysis, instrument="bass", seed=1, **asked)
    assert getattr(request, field) == value


def test_a_drawn_seed_is_the_first_of_ten_thousand_families(monkeypatch):
    asked = []
    monkeypatch.setattr(planning.secrets, "randbelow", lambda n: asked.append(n) or 42)
    assert plan_request(heard(), instrument="bass")[0].seed == 4200 and asked == [10_000]
    assert plan_request(heard(), instrument="bass", seed=0)[0].seed == 0


def test_the_notes_word_for_word():
    unsure = tempo_of(heard(92.554, confidence=0.4), alternatives=())
    unsure = key_of(unsure, alternatives=())
    _, notes = plan_request(unsure, instrument="bass", seed=1)
    assert notes == (
        "The tempo 92.55 BPM is uncertain; check it (other readings: none).",
        "The key A minor is uncertain; check it (next: none).",
    )
    assert plan_request(unsure, instrument="bass", seed=1, bpm=90, key="A minor")[1] == (), "what is said is certain"
    _, notes = plan_request(heard(key=None, labels=()), instrument="bass", seed=1)
    assert notes == ("No key could be heard in the idea, so the part is in A minor; give another, such as E minor.",)
    with pytest.raises(InvalidInput, match="No steady tempo could be heard in the idea; give the BPM yourself"):
        plan_request(None, instrument="bass")
    odd, notes = plan_request(heard(), instrument="guitr", seed=1)
    assert "guitar" in odd.instrument and len(notes) == 1
    assert plan_request(heard(), instrument="bass", seed=1)[1] == ()


@pytest.mark.parametrize(
    ("instrument", "role", "fits"),
    [("bass", "drums", False), ("drum kit", "bass", False), ("drum kit", "drums", True), ("bass", "lead", True)],
)
def test_drums_play_drums_and_only_they_do(instrument, role, fits):
    if fits:
        assert plan_request(heard(), instrument=instrument, role=role, seed=1)[0].role == role
        return
    with pytest.raises(InvalidInput, match=f"cannot play the role {role}; drums play drums and only they do"):
        plan_request(heard(), instrument=instrument, role=role)


def test_an_engine_that_does_not_exist_is_refused_and_a_known_one_kept():
    with pytest.raises(InvalidInput, match="cassette"):
        plan_request(heard(), instrument="bass", engine="cassette")
    assert plan_request(heard(), instrument="bass", engine="musicgen", seed=1)[0].engine == "musicgen"


@pytest.mark.parametrize(
    ("analysis", "asked", "key", "first", "noted"),
    [
        (heard(), {}, "A minor", "Am", False),
        (heard(), {"key": "A minor"}, "A minor", "Am", False),
        (heard(), {"key": "B minor"}, "B minor", "Bm", True),  # chords that were heard go along
        (heard(), {"key": "B minor", "chords": "| Am | F |"}, "B minor", "Am", False),  # what was written stays
        (heard(), {"chords": "| Dm |"}, "A minor", "Dm", False),
        (heard(key=None), {"key": "A minor"}, "A minor", "Am", False),
        (heard(key=None), {"key": "C# minor"}, "C# minor", None, True),  # no key to transpose from: onto the scale
        (heard(key=None), {}, "A minor", "Am", True),
        (heard(key=None, labels=()), {"key": "E minor"}, "E minor", "", False),
        (None, {"bpm": 100, "key": "E minor"}, "E minor", "", False),
        (None, {"bpm": 100, "chords": "| Em |"}, "A minor", "Em", True),
    ],
)
def test_the_key_and_chords_of_a_part(analysis, asked, key, first, noted):
    request, notes = plan_request(analysis, instrument="piano", seed=1, **asked)
    assert request.key.name == key and bool(notes) is noted, notes
    if first is not None:
        assert request.half_bars()[:1] == ((first,) if first else ())
    drums, notes = plan_request(analysis, instrument="drum kit", seed=1, **asked)
    assert drums.key is None and notes == ()


def test_heard_chords_are_read_at_the_requests_tempo_meter_and_length():
    at_half, _ = plan_request(heard(), instrument="piano", seed=1, bpm=60, bars=2)
    assert at_half.progression == (("Am", "F"), ("C", "G"))
    assert len(plan_request(heard(), instrument="piano", seed=1, bars=2)[0].progression) == 2
    default = tempo_of(heard(labels=("Am", "F", "C", "G", "Dm", "E")), is_loop=False, bars=None)
    assert len(plan_request(default, instrument="piano", seed=1)[0].progression) == 4


# ---- changes


REQUEST = plan_request(heard(), instrument="piano", seed=7, bars=4)[0]


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "instrument", "piano"),
        ({"role": "lead"}, "role", "lead"),
        ({"instrument": "bass"}, "role", "bass"),
        ({"instrument": "bass", "role": "lead"}, "role", "lead"),
        ({"bpm": 90}, "bpm", 90),
        ({"chords": "| Dm |"}, "progression", (("Dm",),)),
        ({"chords": "| Dm |"}, "chords_heard", False),
        ({"chords": "| Dm |", "key": "D minor"}, "progression", (("Dm",),)),
        ({"key": "A minor"}, "progression", REQUEST.progression),
        ({"key": "A minor"}, "chords_heard", True),
        ({"instrument": "drum kit"}, "key", None),
        ({"instrument": "drum kit"}, "progression", REQUEST.progression),
        ({"seed": 9}, "seed", 9),
    ],
)
def test_a_change_changes_what_it_says_and_nothing_else(changes, field, value):
    changed, notes = change_request(REQUEST, **changes)
    assert getattr(changed, field) == value and notes == ()
    touched = {*changes, "role", "key", "progression", "chords_heard", "instrument"}
    assert all(getattr(changed, name) == getattr(REQUEST, name) for name in ("bars", "swing", "meter", "takes"))
    if "seed" not in touched:
        assert changed.seed == REQUEST.seed


def test_a_role_stays_with_the_instrument_it_was_chosen_for():
    lead = REQUEST.with_(role="lead")
    assert change_request(lead)[0].role == "lead", "no new instrument: the role stays"
    assert change_request(lead, instrument="piano")[0].role == "chords", "a new one brings its own"


def test_another_key_moves_heard_chords_and_is_noted_once():
    moved, notes = change_request(REQUEST, key="B minor")
    assert moved.half_bars()[0] == "Bm" and len(notes) == 1
    written = REQUEST.with_(chords_heard=False)
    assert change_request(written, key="B minor")[0].progression == REQUEST.progression
    keyless = REQUEST.with_(key=None)
    plain, notes = change_request(keyless)
    assert plain.key.name == "A minor"
    assert notes == ("The request had no key, so the part is in A minor; give another, such as E minor.",)
    assert change_request(keyless, key="E minor")[0].key.name == "E minor"
    with pytest.raises(InvalidInput):
        change_request(REQUEST, engine="cassette")


# ---- a loop of ours, a part of an idea


def test_what_a_loop_of_ours_is_known_to_be():
    request = Request("piano", "chords", 100.0, 2, "7/8", parse_key("E minor"), (("Em",),), swing=0.6)
    known = inherit(dataclasses.replace(heard(), key=None), request)
    assert known.tempo.beats == pytest.approx([0.6 * n for n in range(7)])
    assert known.tempo.downbeats == pytest.approx((0.0, 2.1)) and known.tempo.meter == METERS["7/8"]
    assert known.key == KeyEstimate(parse_key("E minor"), 1.0, (), 0.0), "no tuning was heard"
    assert [(round(c.start, 3), round(c.end, 3)) for c in known.chords] == [
        (0.0, 1.05), (1.05, 2.1), (2.1, 3.15), (3.15, 4.2)
    ]  # fmt: skip
    bare = inherit(heard(), request.with_(progression=()))
    assert bare.chords == heard().chords
    three = inherit(heard(), request.with_(bars=3, meter="3/4"))
    assert len(three.tempo.beats) == 9 and len(three.tempo.downbeats) == 3


@pytest.mark.parametrize(
    ("begin", "end", "downbeats"),
    [
        (2.0, 4.0, (0.0,)),
        (2.0009, 4.0, (-0.0009,)),  # a thousandth of a second is no matter
        (2.0011, 4.0, ()),
        (2.0, 4.0009, (0.0,)),
        (2.0, 4.0011, (0.0, 2.0)),
        (0.0, 8.0, (0.0, 2.0, 4.0, 6.0)),
    ],
)
def test_a_part_holds_the_downbeats_from_its_start_to_before_its_end(begin, end, downbeats):
    part = part_of(heard(), heard(), begin, end)
    assert part.tempo.downbeats == pytest.approx(downbeats, abs=1e-6)
    assert part.tempo.bars == (len(downbeats) or None) and part.tempo.is_loop is bool(downbeats)


@pytest.mark.parametrize(
    ("own", "whole", "taken"),
    [
        (0.9, 0.9, "own"),
        (0.89, 0.9, "whole"),
        (0.91, 0.9, "own"),
        (None, 0.9, "whole"),
        (0.1, None, "own"),
        (None, None, None),
    ],
)
def test_the_clearer_key_is_taken(own, whole, taken):
    def with_key(name, confidence):
        analysis = heard(key=name)
        return (
            dataclasses.replace(analysis, key=None) if confidence is None else key_of(analysis, confidence=confidence)
        )

    part = part_of(with_key("A minor", whole), with_key("D minor", own), 0.0, 4.0)
    assert (part.key and part.key.key.name) == {"own": "D minor", "whole": "A minor", None: None}[taken]


def test_chords_that_only_touch_a_part_are_not_in_it():
    part = part_of(heard(), heard(), 2.0, 4.0)
    assert part.chords == (ChordSpan(0.0, 2.0, "F"),)
    wider = part_of(heard(), heard(), 1.5, 4.5)
    assert wider.chords == (ChordSpan(0.0, 0.5, "Am"), ChordSpan(0.5, 2.5, "F"), ChordSpan(2.5, 3.0, "C"))


# ---- what audio is measured against


@pytest.mark.parametrize(
    ("analysis", "asked", "key", "chords"),
    [
        (heard(), {}, "A minor", "Am"),
        (heard(), {"key": "A minor"}, "A minor", "Am"),
        (heard(), {"chords": "| Dm |"}, "A minor", "Dm"),
        (heard(key=None), {}, None, ""),
        (heard(key=None), {"chords": "| Dm |"}, None, "Dm"),
        (heard(key=None), {"key": "A minor"}, "A minor", "Am"),
        (None, {"key": "E minor"}, "E minor", ""),
        (None, {"chords": "| Dm |"}, None, "Dm"),
        (None, {}, None, ""),
    ],
)
def test_audio_is_measured_by_what_is_known(analysis, asked, key, chords):
    request, notes = plan_measure(analysis, bpm=120.0, bars=4, **asked)
    assert (request.key and request.key.name) == key and request.half_bars()[:1] == ((chords,) if chords else ())
    assert (request.instrument, request.role, request.takes, notes) == ("", "", 1, ())


def test_doubt_about_the_key_is_passed_on_to_a_measure():
    unsure = key_of(heard(confidence=0.4), alternatives=(KeyAlternative("C major", 0.3),))
    assert plan_measure(unsure, bpm=120.0, bars=4)[1] == ("The key A minor is uncertain; check it (next: C major).",)
    assert plan_measure(heard(meter="3/4"), bpm=120.0, bars=4, meter="4/4")[0].meter == "4/4"
    assert dataclasses.replace(heard(), tempo=Tempo(None, 0.0)).tempo.bpm is None
