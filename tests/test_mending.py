"""A take that fails is mended on its way through the pipeline: moved, or a bar of it composed again."""

import dataclasses
import json

import mido
import numpy as np
import pytest

from helpers import pipeline
from helpers.engines import registry
from helpers.loops import IdeaSide, plan_recomposed_bar, prove, repair
from helpers.loops.level import set_level
from helpers.records import Clip, Correction, Loop, Take
from helpers.sound.audio import read_clip
from tests.loops.takes import A_MINOR, analysis_of, drums, piano, request_for
from tests.signals import RATE, chord_loop, mixed
from tests.test_pipeline import NAME, Scripted

BARS = 4
STEP = 60 / 120 / 4
SOUND = mixed(piano(bars=BARS), drums(bars=BARS))
HEARD = analysis_of(BARS)
IDEA = pipeline.Idea("idea.wav", SOUND, "0" * 64)
PAD = dataclasses.replace(
    request_for("pad", bars=BARS, takes=1, seed=1),
    instrument="warm pad",
    progression=(("Am",), ("F",), ("C",), ("G",)),
)
MISHEARD = dataclasses.replace(PAD, progression=(("Am",), ("F",), ("C#",), ("G",)), chords_heard=True)


@pytest.fixture
def made(tmp_path):
    def run(request):
        result = pipeline.make_loops(request, IDEA, HEARD, tmp_path)
        assert len(result.loops) == 1
        return result.loops[0], json.loads(result.loops[0].files.json.read_text())

    return run


def late(seconds: float) -> Clip:
    clip = set_level(drums(bars=BARS))
    return Clip(np.roll(clip.samples, round(seconds * RATE), axis=1), RATE)


def pitches_of_bar(file, bar: int) -> set[int]:
    midi = mido.MidiFile(file)
    found, ticks = set(), 0
    for message in mido.merge_tracks(midi.tracks):
        ticks += message.time
        if message.type == "note_on" and message.velocity and (ticks + 10) // midi.ticks_per_beat // 4 + 1 == bar:
            found.add(message.note % 12)
    return found


def test_a_bar_over_a_misheard_chord_is_composed_again_and_the_files_say_so(made):
    finished, written = made(MISHEARD)
    assert finished.fit.verdict == "corrected" and finished.loop.take.number == 0, "no other take was needed"
    said = [c["words"] for c in written["fit"]["corrections"] if c["kind"] == "recomposed"]
    assert said == ["bar 3 composed again (over C, which sounds in the idea there)"]
    played = pitches_of_bar(finished.files.midi, 3)
    assert played and played <= {0, 4, 7}, "of C, and no C sharp any more"
    again = prove(read_clip(finished.files.wav), MISHEARD, idea=IDEA.side(HEARD))
    assert again.bars == finished.fit.bars and min(again.bars) > 0.25


def test_a_bar_that_is_no_better_composed_again_is_left_as_it_was(made, monkeypatch):
    """The plan is made to ask for a chord that clashes; what is written is the take as it came, to the sample."""
    plain, _ = made(PAD)
    asked = []

    def worse(card, request, side):
        asked.append(request)
        options = {**request.options, "recomposed": "3:F#"}
        return request.with_(options=options), Correction("recomposed", 3, "over F#")

    monkeypatch.setattr("helpers.loops.plan_recomposed_bar", worse)
    kept, written = made(PAD)
    assert asked and kept.fit.verdict == plain.fit.verdict == "pass"
    assert all(c["kind"] != "recomposed" for c in written["fit"]["corrections"])
    assert kept.files.midi.read_bytes() == plain.files.midi.read_bytes()
    assert np.array_equal(read_clip(kept.files.wav).samples, read_clip(plain.files.wav).samples)


def test_a_models_take_that_lies_a_sixteenth_late_is_moved(made, monkeypatch):
    engine = Scripted(late(STEP))
    monkeypatch.setitem(registry._instances, NAME, engine)
    finished, written = made(request_for(bars=BARS, engine=NAME, takes=1))
    assert engine.asked == [[0]] and finished.fit.verdict == "corrected"
    assert "moved -1 sixteenth" in [c["words"] for c in written["fit"]["corrections"]]
    found, right = read_clip(finished.files.wav).samples[0], late(0.0).samples[0]
    assert np.corrcoef(found, right)[0, 1] > 0.98, "its sound, a sixteenth earlier"


def test_a_sketchs_sound_is_not_moved_away_from_its_midi():
    side, request = IdeaSide(SOUND, HEARD), request_for(bars=BARS)
    card = prove(late(STEP), request, idea=side)
    assert set(card.failed) == {"place", "groove"}, "off the place, off the accents"
    loop = Loop(late(STEP), Take(late(STEP), "sketch", "1", 0, "", midi=b"MThd"))
    assert repair(loop, card, request) is None


def test_a_bar_is_planned_again_only_where_that_may_help():
    idea = IdeaSide(SOUND, HEARD)
    wrong = set_level(chord_loop([A_MINOR[0], A_MINOR[1], (61, 65, 68), A_MINOR[3]], 120.0))
    misheard = request_for("chords", bars=BARS, progression=(("Am",), ("F",), ("C#",), ("G",)), chords_heard=True)
    card = dataclasses.replace(prove(wrong, misheard, idea=idea), failed=("harmony",))
    request, made = plan_recomposed_bar(card, misheard, idea)
    assert request.options == {"recomposed": "3:C"} and made.amount == 3
    right = dataclasses.replace(misheard, progression=(("Am",), ("F",), ("C",), ("G",)))
    assert plan_recomposed_bar(card, right, idea) is None, "it was written over that chord"
    assert plan_recomposed_bar(dataclasses.replace(card, failed=("seam",)), misheard, idea) is None
