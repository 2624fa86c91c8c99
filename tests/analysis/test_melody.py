"""Notes of a single voice, and their MIDI file."""

import io

import mido
import numpy as np
import pytest

from helpers.analysis import estimate_melody, notes_to_midi, pitch_track
from helpers.analysis.pitch_track import sung_notes
from helpers.music.meter import METERS
from helpers.records import Note, Tempo
from tests import signals

TUNE = [60, 62, 64, 65, 67, 67, 65, 64, 62, 60, 59, 55, 60, 64, 67, 72]


def test_a_long_melody_is_followed_in_bigger_steps_to_the_same_notes(monkeypatch):
    line = signals.melody([(60 + 2 * (i % 5), i * 0.43, 0.4) for i in range(12)], 5.3)
    short = sung_notes(line)
    monkeypatch.setattr(pitch_track, "_LONG_SECONDS", 5.0)
    hops = []
    follow = pitch_track.follow_pitch
    monkeypatch.setattr(pitch_track, "follow_pitch", lambda *args: hops.append(follow(*args)) or hops[-1])
    long = sung_notes(line)
    assert hops[-1].hop_seconds == 0.02 and len(short) == 12
    assert [n.pitch for n in long] == [n.pitch for n in short]
    for ours, theirs in zip(long, short, strict=True):
        assert ours.start == pytest.approx(theirs.start, abs=0.021)
        assert ours.length == pytest.approx(theirs.length, abs=0.041)


@pytest.mark.parametrize(("shift", "cents"), [(0, 0.0), (-24, 0.0), (12, 30.0), (0, -35.0)])
def test_a_melody_is_written_down_note_by_note(shift, cents):
    notes = [(p + shift, i * 0.35, 0.3) for i, p in enumerate(TUNE)]
    found = estimate_melody(signals.melody(notes, 5.8, cents=cents))
    assert [n.pitch for n in found] == [p for p, _, _ in notes]
    assert max(abs(n.start - start) for n, (_, start, _) in zip(found, notes, strict=True)) < 0.05
    assert all(0.15 < n.length < 0.4 and 1 <= n.velocity <= 127 for n in found)


def test_a_repeated_note_is_struck_twice():
    found = estimate_melody(signals.melody([(64, i * 0.5, 0.45) for i in range(6)], 3.0))
    assert [n.pitch for n in found] == [64] * 6


def sung(pitches: list[float], seconds: float, vibrato_cents: float = 0.0, tremolo: float = 0.0):
    """Notes of equal length on one breath: 40 ms glides between them, vibrato and tremolo at 5.5 Hz."""
    steps = np.repeat(np.array(pitches, dtype=float), round(seconds * signals.RATE))
    glide = round(0.04 * signals.RATE)
    pitch = np.convolve(
        np.pad(steps, (glide // 2, glide - 1 - glide // 2), mode="edge"), np.ones(glide) / glide, "valid"
    )
    t = np.arange(pitch.size) / signals.RATE
    swing = np.sin(2 * np.pi * 5.5 * t)
    phase = 2 * np.pi * np.cumsum(signals.note_hz(pitch + vibrato_cents / 100 * swing)) / signals.RATE
    tone = sum(np.sin(n * phase) / n**1.5 for n in range(1, 6)) * (1 + tremolo * swing)
    return signals.clip_of(0.3 * tone * np.clip(np.minimum(t, t[-1] - t) / 0.03, 0, 1))


@pytest.mark.parametrize("pitch", [45.0, 69.0, 76.3])
@pytest.mark.parametrize(("vibrato_cents", "tremolo"), [(40, 0.0), (60, 0.2), (100, 0.0), (0, 0.5)])
def test_a_held_note_with_vibrato_or_tremolo_is_one_note(pitch, vibrato_cents, tremolo):
    found = estimate_melody(sung([pitch], 2.5, vibrato_cents, tremolo))
    assert [n.pitch for n in found] == [round(pitch)]
    assert found[0].length > 2.3


@pytest.mark.parametrize(("seconds", "vibrato_cents"), [(0.2, 0), (0.2, 30), (0.45, 0), (0.45, 60)])
def test_slurred_notes_stay_apart(seconds, vibrato_cents):
    pitches = [60, 62, 64, 65, 64, 65, 67, 60]
    found = estimate_melody(sung(pitches, seconds, vibrato_cents))
    assert [n.pitch for n in found] == pitches
    assert max(abs(n.start - k * seconds) for k, n in enumerate(found)) < 0.06


@pytest.mark.parametrize(
    "clip",
    [signals.chord_loop([(48, 60, 64, 67), (53, 60, 65, 69)], 100), signals.drum_loop(100, 2), signals.silence(2.0)],
)
def test_chords_drums_and_silence_hold_no_melody(clip):
    assert estimate_melody(clip) == ()


def note_ons(data: bytes) -> list[tuple[int, int]]:
    now, out = 0, []
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
        now += message.time
        if message.type == "note_on" and message.velocity:
            out.append((now, message.note))
    return out


def test_midi_keeps_played_time():
    tempo = Tempo(120.0, 1.0, beats=(0.5, 1.0), downbeats=(0.5,))
    notes = (Note(60, 0.5, 0.2), Note(64, 1.02, 0.2), Note(67, 1.37, 0.2))
    assert note_ons(notes_to_midi(notes, tempo)) == [(0, 60), (998, 64), (1670, 67)]


def test_a_pick_up_keeps_a_whole_bar_in_front():
    tempo = Tempo(120.0, 1.0, beats=(1.0,), downbeats=(1.0,))
    ticks = [t for t, _ in note_ons(notes_to_midi((Note(60, 0.5, 0.2), Note(62, 1.0, 0.2)), tempo))]
    assert ticks == [3 * 960, 4 * 960]


def test_midi_counts_dotted_quarters_in_six_eight():
    tempo = Tempo(60.0, 1.0, downbeats=(0.0,), meter=METERS["6/8"])
    assert note_ons(notes_to_midi((Note(60, 1.0, 0.2),), tempo)) == [(round(1.5 * 960), 60)]


def test_a_whole_file_is_written_even_without_notes():
    assert np.frombuffer(notes_to_midi((), Tempo(None, 0.0)), dtype=np.uint8)[:4].tobytes() == b"MThd"
