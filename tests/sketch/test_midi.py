"""The MIDI file says what the score says."""

from __future__ import annotations

import io

import mido
import pytest

from helpers.sketch import compose, write_midi
from tests.sketch.ideas import request


def opened(data: bytes) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(data))


@pytest.mark.parametrize(("meter", "tempo"), [("4/4", 600_000), ("3/4", 600_000), ("6/8", 400_000)])
def test_tempo_time_and_key_are_written(meter, tempo):
    file = opened(write_midi(compose(request("chords", meter=meter, key="F# minor", chords=None), None)))
    meta = {m.type: m for m in file.tracks[0]}
    assert meta["set_tempo"].tempo == tempo
    assert f"{meta['time_signature'].numerator}/{meta['time_signature'].denominator}" == meter
    assert meta["key_signature"].key == "F#m"
    assert file.type == 1
    assert file.tracks[1].name == "piano"


def test_notes_come_back():
    score = compose(request("bass"), None)
    file = opened(write_midi(score))
    now, read = 0, []
    for message in file.tracks[1]:
        now += message.time
        if message.type == "note_on":
            read.append((message.note, now / file.ticks_per_beat, message.velocity))
    assert [(p, v) for p, _, v in read] == [(n.pitch, n.velocity) for n in sorted(score.notes, key=lambda n: n.start)]
    assert now == score.quarters * file.ticks_per_beat  # the track ends with the loop
    assert all(
        abs(t - n.start) < 0.001 for (_, t, _), n in zip(read, sorted(score.notes, key=lambda n: n.start), strict=True)
    )


def test_every_note_is_ended():
    file = opened(write_midi(compose(request("chords", instrument="acoustic guitar", genre="funk"), None)))
    sounding: dict[int, int] = {}
    for message in file.tracks[1]:
        if message.type in ("note_on", "note_off"):
            sounding[message.note] = sounding.get(message.note, 0) + (1 if message.type == "note_on" else -1)
            assert sounding[message.note] in (0, 1)
    assert not any(sounding.values())


def test_drums_go_to_channel_ten():
    file = opened(write_midi(compose(request("drums"), None)))
    assert {m.channel for m in file.tracks[1] if not m.is_meta} == {9}


def test_equal_scores_give_equal_bytes():
    score = compose(request("lead"), None)
    assert write_midi(score) == write_midi(compose(request("lead"), None))
