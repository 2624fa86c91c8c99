"""Which notes are played, and is it one voice? What the learned ear hears, cut into notes.

Conventions: notes in seconds from the start of the clip, MIDI pitch, velocity 1..127 by how surely they sound. Drums
and silence have no notes: an empty answer, not a guess.
"""

from __future__ import annotations

import io

import numpy as np

from ..records import Clip, Note, Tempo
from .listening import Listening, listen
from .pitch_track import sung_notes
from .transcribe import cut_notes, voices

TOO_MANY = 1.3  # times as many notes as a followed pitch has changes
ONE_VOICE = 2.4  # notes sounding at once, on average; rendered lines with their overtones reach 2.3, chords start at 4
CHORDS = 4.0  # from here on no single voice is looked for


def estimate_notes(sound: Clip | Listening, melody: tuple[Note, ...] | None = None) -> tuple[Note, ...]:
    """All notes of an idea in the order of their starts: the melody where one voice sounds, else what the ear hears.

    ``melody`` is what :func:`estimate_melody` found, where it was asked before.
    """
    heard = listen(sound)
    if melody is None:
        melody = estimate_melody(heard)
    if melody or heard.is_silent or heard.pitches is None:
        return melody
    return cut_notes(heard.pitches, one_voice=False)


def estimate_melody(sound: Clip | Listening) -> tuple[Note, ...]:
    """The notes of an idea in which one voice sounds; empty where several do, or nothing.

    What the learned ear hears, unless one pitch can be followed throughout (a voice, a bow) and the ear makes far more
    notes of it: it hears vibrato and tremolo as notes. Without the ear what can be followed is all there is.
    """
    heard = listen(sound)
    if heard.is_silent:
        return ()
    at_once = 0.0 if heard.pitches is None else voices(cut_notes(heard.pitches, one_voice=False))
    if at_once >= CHORDS:
        return ()
    followed = sung_notes(heard)
    if heard.pitches is None or at_once >= ONE_VOICE:
        return followed
    notes = cut_notes(heard.pitches, one_voice=True)
    return followed if followed and len(notes) > TOO_MANY * len(followed) else notes


def notes_to_midi(notes: tuple[Note, ...], tempo: Tempo) -> bytes:
    """A Standard MIDI File of notes in seconds, counted from the idea's first downbeat.

    The played timing is kept, at 960 ticks a quarter. Without a tempo, 120 BPM is written.
    """
    import mido

    ticks_per_quarter = 960
    meter = tempo.meter
    bpm = tempo.bpm or 120.0
    quarter_seconds = 60.0 / bpm / meter.quarters_per_beat
    origin = tempo.downbeats[0] if tempo.downbeats else 0.0
    bar_seconds = meter.beats_per_bar * 60.0 / bpm
    if notes and notes[0].start < origin - 1e-6:  # a pick-up: keep whole bars in front
        origin -= bar_seconds * np.ceil((origin - notes[0].start) / bar_seconds - 1e-6)
    events: list[tuple[int, int, mido.Message]] = []
    for note in notes:
        start = round((note.start - origin) / quarter_seconds * ticks_per_quarter)
        length = max(1, round(note.length / quarter_seconds * ticks_per_quarter))
        start = max(0, start)
        events.append((start, 1, mido.Message("note_on", note=note.pitch, velocity=note.velocity)))
        events.append((start + length, 0, mido.Message("note_off", note=note.pitch)))
    track = mido.MidiTrack()
    numerator, denominator = meter.name.split("/")
    track.append(mido.MetaMessage("set_tempo", tempo=round(1e6 * quarter_seconds)))
    track.append(mido.MetaMessage("time_signature", numerator=int(numerator), denominator=int(denominator)))
    now = 0
    for at, _, message in sorted(events, key=lambda e: (e[0], e[1])):
        track.append(message.copy(time=at - now))
        now = at
    file = mido.MidiFile(type=0, ticks_per_beat=ticks_per_quarter, tracks=[track])
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()
