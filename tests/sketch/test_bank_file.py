"""A SoundFont is checked before a synthesiser believes it; a bad one never reaches it."""

import os
import struct

import midirenderer
import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import NotAvailable
from helpers.sketch import synth
from helpers.sketch.bank_file import LARGEST_BYTES, patch_bank, why_unusable
from helpers.sketch.midi import file_bytes
from helpers.sketch.soundfont import _packaged, find_soundfont

GOOD = _packaged().read_bytes()
TABLES = GOOD.index(b"pdta")


def written(tmp_path, data):
    path = tmp_path / "bank.sf2"
    path.write_bytes(data)
    return path


def table(name):
    """Where a table's first record stands, and its length in bytes."""
    at = GOOD.index(name, TABLES)
    return at + 8, struct.unpack_from("<I", GOOD, at + 4)[0]


def changed(at, kind, value):
    data = bytearray(GOOD)
    struct.pack_into(kind, data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a SoundFont 2"),
        (b"RIFF0000WAVE" + bytes(100), "not a SoundFont 2"),
        (GOOD[:12], "part of it is missing"),
        (GOOD[: len(GOOD) // 2], "cut off"),
        (GOOD[:-300], "cut off"),
        (changed(table(b"shdr")[0] + 24, "<I", 0xFFFFFFFF), "outside the sound"),
        (changed(table(b"shdr")[0] + 32, "<I", 0xFFFFFFFF), "loops lie outside"),
        (changed(table(b"shdr")[0] + 36, "<I", 0), "impossible rates"),
        (changed(table(b"phdr")[0] + 24, "<H", 60_000), "phdr records point outside"),
        (changed(GOOD.index(b"shdr", TABLES) + 4, "<I", table(b"shdr")[1] - 2), "shdr is damaged"),
    ],
)
def test_each_kind_of_damage_has_its_reason(tmp_path, data, reason):
    assert reason in why_unusable(written(tmp_path, data))


def test_a_good_bank_and_what_is_no_file(tmp_path):
    assert why_unusable(_packaged()) == ""
    assert "no such file" in why_unusable(tmp_path / "none.sf2")
    assert why_unusable(tmp_path) == "it is no file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_a_pipe_and_a_huge_file_are_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "pipe.sf2")
    assert why_unusable(tmp_path / "pipe.sf2") == "it is no file"
    with open(tmp_path / "huge.sf2", "wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    assert "are the most" in why_unusable(tmp_path / "huge.sf2")


def test_a_bank_that_cannot_be_played_is_passed_over_and_told(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPS_SOUNDFONT", str(written(tmp_path, GOOD[:50_000])))
    font = find_soundfont()
    assert "cannot be played: it is cut off" in font.note and font.note.endswith(f"{font.title} plays instead.")


def test_a_panic_of_the_synthesiser_is_one_sentence(tmp_path):
    head = bytearray(GOOD)
    head[TABLES + 4 : TABLES + 8] = b"xxxx"
    path = written(tmp_path, bytes(head))
    with pytest.raises(NotAvailable, match="cannot be played"):
        synth.synthesise(path, [], [], 0.1)


@pytest.mark.parametrize(("channel", "program"), [(0, 4), (9, 25)])
def test_a_patch_of_its_own_sounds_as_in_the_whole_bank(channel, program):
    """Its few samples are kept; of another patch it holds none."""
    strike = mido.Message("note_on", channel=channel, note=40, velocity=90)
    track = [
        mido.Message("program_change", channel=channel, program=program),
        strike,
        strike.copy(velocity=0, time=480),
    ]
    midi = file_bytes([mido.MidiTrack(track)], 480)
    part = patch_bank(_packaged(), program, channel == 9)
    assert len(part) < len(GOOD) / 4
    sound = midirenderer.render_wave_from(part, midi)
    assert sound == midirenderer.render_wave_from(GOOD, midi)
    assert sound != midirenderer.render_wave_from(patch_bank(_packaged(), 60, False), midi)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_in_the_tables_the_answer_is_words(tmp_path_factory, data):
    out = bytearray(GOOD[:200_000] if data.draw(st.booleans()) else GOOD[TABLES - 8 :])
    for at in data.draw(st.lists(st.integers(0, len(out) - 1), max_size=40)):
        out[at] = data.draw(st.integers(0, 255))
    answer = why_unusable(written(tmp_path_factory.mktemp("banks"), bytes(out)))
    assert isinstance(answer, str) and answer.isprintable()


def test_every_number_that_points_outside_is_found(tmp_path):
    """One sample number of one record, set to the first that is not there, anywhere in the table."""
    at, length = table(b"igen")
    numbers = np.frombuffer(GOOD, "<u2", length // 2, at).reshape(-1, 2)
    count = table(b"shdr")[1] // 46 - 1
    for where in np.random.default_rng(5).choice(np.flatnonzero(numbers[:, 0] == 53), 20, replace=False):
        path = written(tmp_path, changed(at + 4 * int(where) + 2, "<H", count))
        assert why_unusable(path) == "its igen records point outside"
    path = written(tmp_path, changed(at + 4 * int(where) + 2, "<H", count - 1))
    assert why_unusable(path) == ""
