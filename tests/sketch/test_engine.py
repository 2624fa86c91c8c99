"""The sketch engine keeps the engines' promises and adds the score."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.engines.sketch import SketchEngine, _compose
from helpers.errors import InvalidInput
from helpers.sketch import compose, write_midi
from helpers.sketch.score import Bend
from tests.sketch.ideas import request


def test_takes_carry_their_score_and_licence():
    asked = request("bass", bars=2)
    takes = SketchEngine().generate(asked, count=2)
    assert [t.midi for t in takes] == [write_midi(compose(asked, None, n)) for n in (0, 1)]
    assert takes[0].midi != takes[1].midi
    for take in takes:
        assert take.exact
        assert take.clip.length >= asked.samples(44_100)
        assert "SoundFont" in take.licence


def test_a_take_by_itself_equals_the_take_in_a_batch():
    asked = request("lead", bars=1)
    alone = SketchEngine().generate(asked, count=1, first=1)[0]
    batch = SketchEngine().generate(asked, count=2)[1]
    assert np.array_equal(alone.clip.samples, batch.clip.samples)
    assert alone.seed == batch.seed


@pytest.mark.parametrize(
    "change",
    [
        {"dry": True},
        {"engine": "musicgen"},
        {"avoid": "slides"},
        {"guide": "none", "guide_strength": 0.9},
        {"sample_rate": 48_000},
        {"options": {"steps": 3}},
        {"takes": 1},
    ],
)
def test_what_is_no_musical_choice_does_not_recompose(change):
    asked = request("bass", bars=2)
    assert compose(asked.with_(**change), None).notes == compose(asked, None).notes


@pytest.mark.parametrize("role", ["bass", "chords", "lead", "drums"])
def test_touch_and_swing_move_the_notes_and_choose_no_others(role):
    asked = request(role, bars=2)
    tight, loose = (compose(asked.with_(humanize=touch), None).notes for touch in (0.0, 1.0))
    assert [n.pitch for n in sorted(tight, key=lambda n: (round(4 * n.start), n.pitch))] == [
        n.pitch for n in sorted(loose, key=lambda n: (round(4 * n.start), n.pitch))
    ]
    assert tight != loose and max(abs(a.start - b.start) for a, b in zip(tight, loose, strict=True)) < 0.1


def test_a_takes_seed_composes_it_alone():
    asked = request("lead", bars=2)
    for number in (1, 2):
        assert compose(asked.with_(seed=asked.take_seed(number)), None).notes == compose(asked, None, number).notes


def test_same_notes_new_sound():
    flute = request("lead", bars=2)
    cello = flute.with_(instrument="cello", options={"notes_of": "flute"})
    theirs = SketchEngine().generate(cello)[0]
    assert theirs.midi == write_midi(compose(flute, None, 0).played_by("cello"))
    assert "notes of: flute" in theirs.notes
    with pytest.raises(InvalidInput, match="drums"):
        SketchEngine().generate(cello.with_(options={"notes_of": "drum kit"}))


def test_same_sound_new_notes():
    asked = request("lead", bars=2)
    one, other = compose(asked, None), compose(asked.with_(seed=asked.seed + 1), None)
    assert (one.instrument, one.program) == (other.instrument, other.program)
    assert one.notes != other.notes


def test_a_patch_that_plays_instead_is_said(monkeypatch):
    monkeypatch.delenv("LOOPS_SOUNDFONT", raising=False)
    monkeypatch.setattr("helpers.sketch.sampled.sounding_program", lambda path, program, pitches: program + 1)
    take = SketchEngine().generate(request("lead", bars=1))[0]
    assert any(note.startswith("sound: ") and "Recorder plays" in note for note in take.notes)
    monkeypatch.undo()
    assert not any(note.endswith(" plays") for note in SketchEngine().generate(request("lead", bars=1))[0].notes)


def test_a_bad_soundfont_falls_back_to_the_next_with_a_note(monkeypatch):
    monkeypatch.setenv("LOOPS_SOUNDFONT", "/nowhere.sf2")
    assert SketchEngine().readiness().ready
    take = SketchEngine().generate(request("lead", bars=1))[0]
    assert any("/nowhere.sf2, which cannot be played: no such file" in note for note in take.notes)


def test_one_bar_is_composed_again_and_the_others_are_kept():
    asked = request("bass")
    plain, again = (_compose(asked.with_(options=options), None, 0) for options in ({}, {"recomposed": "3:E"}))
    bars = [{(n.start, n.pitch) for n in score.notes if int((n.start + 0.1) // 4) != 2} for score in (plain, again)]
    third = {n.pitch % 12 for n in again.notes if int((n.start + 0.1) // 4) == 2}
    assert bars[0] == bars[1] and 4 in third and plain.notes != again.notes
    assert all(n.start + n.length <= 8 or n.start >= 7.9 for n in again.notes), "nothing rings into the new bar"
    with pytest.raises(InvalidInput, match="3:Gm"):
        SketchEngine().generate(asked.with_(options={"recomposed": "third bar"}))


def test_a_glide_ends_with_the_bar_that_it_belongs_to():
    one, other = (
        dataclasses.replace(compose(request("bass", bars=3), None), bends=bends)
        for bends in ((Bend(0.0, 1.0), Bend(9.0, 2.0)), (Bend(2.0, 5.0), Bend(5.0, 6.0)))
    )
    bends = [(round(b.start, 3), b.semitones) for b in one.with_bar_of(other, 1).bends]
    assert bends == [(0.0, 1.0), (3.9, 5.0), (5.0, 6.0), (7.9, 1.0), (9.0, 2.0)]
