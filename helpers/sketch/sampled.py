"""Played instruments: a score through a SoundFont or an SFZ instrument, every note in time, never twice the same.

A SoundFont answers a softer touch with the same sound, quieter, and a repeat with the very same one. Here soft,
middle and hard notes are played apart and brightened by their force, and repeats of a pitch alternate between two
slightly different tunings. A kit is put together from strokes that are played once each.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ..music.pitch import midi_hz
from ..records import Clip, Note
from ..sound.audio import resample
from .bank_file import once_per_file
from .midi import DRUM_CHANNEL, channel_setup, part_events
from .score import Score
from .synth import (
    LATEST_ATTACK_SECONDS,
    SFZ,
    SYNTH_RATE,
    Event,
    Habit,
    attack_seconds,
    bank_habits,
    fine_tuning,
    mix_controls,
    sounding_program,
    synthesise,
)

LEAD_IN_SECONDS = 0.125  # room before bar 1 for attacks that must begin early
VOLUMES = (127, 80, 50)  # the quieter ones only when the sum of the voices clipped
TUNING_STEP_CENTS = 4  # closer than that no one hears; each step needs a channel
CHANNELS = tuple(c for c in range(16) if c != DRUM_CHANNEL)
# Round robin: repeats of a pitch alternate. Drums bear more, for their pitch is hardly heard.
ROBINS = (-1.0, 1.0)
ROBIN_CENTS, DRUM_ROBIN_CENTS = 2.5, 14.0
ROBIN_DB = 0.8
MOST_TOUCHES, TOUCH_SPAN = 3, 14  # notes are parted by force where it differs by more than the span
TOUCH_VELOCITY = 100  # as bright as the bank has it
# What a harder touch adds above multiples of the notes' pitch, in dB on each shelf, from the softest to the hardest.
SHELVES, TOUCH_DB = (1.4, 5.0), 20.0
DRUM_HZ = 180.0  # stands for the pitch of drums
STROKE_VELOCITIES = 32  # strokes of a drum that lie within so many are one, louder or softer
RING_SECONDS = (1.2, 5.0)  # how long a stroke is played; the second where it has not ended in the first
RING_FLOOR = 10 ** (-66 / 20)  # of its peak: below this a stroke is over
HELD_SECONDS = 0.12  # how long the key of a stroke is down; drums hardly ask
CUT_SECONDS = 0.01  # in which a stroke is silenced
CHOKED = ((42, 44, 46), (71, 72), (73, 74), (78, 79), (80, 81), (86, 87))  # General MIDI: each silences the others
CHOKED_AFTER = 0.1  # quarters; what is struck together sounds together


def play_sampled(score: Score, path: Path, seconds: float, sample_rate: int, tuning_cents: float = 0.0) -> np.ndarray:
    """Play a score through a SoundFont or an SFZ instrument, dry.

    float32 (2, n) at ``sample_rate``: LEAD_IN_SECONDS, then ``seconds``, in which the loop dies away. ``tuning_cents``
    moves every pitch, drums excepted.
    """
    if path.suffix == SFZ:
        return _layered(score, path, seconds, sample_rate, tuning_cents)
    out = np.zeros((2, round((LEAD_IN_SECONDS + seconds) * SYNTH_RATE)), dtype=np.float32)
    if score.is_drums:
        _add_strokes(out, score, path)
    else:
        _add_touches(out, playable(score, path), path, tuning_cents)
    return resample(Clip(out, SYNTH_RATE), sample_rate).samples


def _add_touches(out: np.ndarray, score: Score, path: Path, tuning_cents: float) -> None:
    """Play the notes of each touch apart, as bright as they are struck, and add them to ``out``, at SYNTH_RATE."""
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    robins = ROBINS if len(pitches) < len(score.notes) else (0.0,)
    habits = bank_habits(path, score.program, False, pitches)
    channels = _channels(habits, robins)
    used = sorted(set(channels.values()))
    head = [m.copy(channel=channel) for channel, _ in used for m in channel_setup(score)]
    head += [m for channel, cents in used for m in fine_tuning(channel, tuning_cents - cents)]
    forces = [n.velocity for n in score.notes]
    low, high = min(forces, default=0), max(forces, default=0)
    touches = min(MOST_TOUCHES, 1 + (high - low) // TOUCH_SPAN)
    parted: dict[int, list[Note]] = {}
    for note in score.notes:
        parted.setdefault(min(touches - 1, (note.velocity - low) * touches // max(1, high - low)), []).append(note)
    for _, notes in sorted(parted.items()):
        events = _events(dataclasses.replace(score, notes=tuple(notes)), habits, channels, robins)
        one = _unclipped(path, head, [channel for channel, _ in used], events, out.shape[1] / SYNTH_RATE)
        hz = midi_hz(float(np.mean([n.pitch for n in notes])))
        one = touched(one[:, : out.shape[1]], float(np.mean([n.velocity for n in notes])), 0.0, hz)
        out[:, : one.shape[1]] += one


def _add_strokes(out: np.ndarray, score: Score, path: Path) -> None:
    """Add a kit to ``out``, at SYNTH_RATE: each stroke is played once and put wherever it is struck, to the sample."""
    quarter = 60.0 / score.quarters_per_minute
    notes = sorted(score.notes, key=lambda n: (n.start, n.pitch))
    for i, (note, turn) in enumerate(zip(notes, _turns(notes), strict=True)):
        velocity = min(127, note.velocity // STROKE_VELOCITIES * STROKE_VELOCITIES + STROKE_VELOCITIES // 2)
        sounds, delay = _stroke(path, score.program, note.pitch, velocity)
        sound = sounds[turn % len(ROBINS)]
        group = next((group for group in CHOKED if note.pitch in group), ())
        later = (n.start - note.start for n in notes[i + 1 :] if n.pitch in group)
        choked = next((gap for gap in later if gap > CHOKED_AFTER), None)
        if choked is not None:
            sound = _cut(sound, round(choked * quarter * SYNTH_RATE))
        start = round((LEAD_IN_SECONDS + note.start * quarter - delay) * SYNTH_RATE)
        sound = sound[:, : out.shape[1] - start]
        out[:, start : start + sound.shape[1]] += sound * np.float32((note.velocity / velocity) ** 2)


@once_per_file(96)  # about 1 MB each
def _stroke(path: Path, program: int, pitch: int, velocity: int) -> tuple[tuple[np.ndarray, ...], float]:
    """A stroke at SYNTH_RATE, once for each of ROBINS, and its delay in seconds."""
    import mido

    head = [mido.Message("program_change", channel=DRUM_CHANNEL, program=program)]
    strike = mido.Message("note_on", channel=DRUM_CHANNEL, note=pitch, velocity=velocity)
    events = [(0.0, 2, strike), (HELD_SECONDS, 0, strike.copy(velocity=0))]
    for listened in RING_SECONDS:
        sound = _unclipped(path, head, [DRUM_CHANNEL], events, listened)
        level = np.abs(sound).max(axis=0)
        end = int(np.flatnonzero(level >= RING_FLOOR * level.max())[-1]) + 1
        if end < round(0.95 * listened * SYNTH_RATE):
            break
    sound = _cut(sound, end)
    rates = (round(SYNTH_RATE * 2 ** (DRUM_ROBIN_CENTS * robin / 1200)) for robin in ROBINS)
    tuned = [resample(Clip(sound, rate), SYNTH_RATE).samples for rate in rates]
    bright = [touched(s, velocity, robin, DRUM_HZ) for s, robin in zip(tuned, ROBINS, strict=True)]
    return tuple(bright), attack_seconds(sound)


def _cut(sound: np.ndarray, end: int) -> np.ndarray:
    """The sound up to ``end``, faded out over CUT_SECONDS."""
    out = sound[:, :end].copy()
    fade = min(round(CUT_SECONDS * SYNTH_RATE), out.shape[1])
    out[:, out.shape[1] - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return out


def _unclipped(path: Path, head: list, channels: list[int], events: list[Event], seconds: float) -> np.ndarray:
    """The events at the largest of VOLUMES at which the voices' sum does not clip, at the level of the first."""
    for volume in VOLUMES:
        mix = [m for channel in channels for m in mix_controls(channel, volume)]
        sound = synthesise(path, head + mix, events, seconds)
        if np.abs(sound).max(initial=0.0) < 0.999:
            break
    return sound * np.float32((VOLUMES[0] / volume) ** 2)


def _layered(score: Score, path: Path, seconds: float, sample_rate: int, tuning_cents: float) -> np.ndarray:
    """Play a score through an SFZ instrument, whose layers answer the touch.

    Repeats alternate in colour and tuning; a tuning is reached by playing slower or
    faster and resampling, for sfizz tunes no channel.
    """
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    habits = bank_habits(path, score.program, score.is_drums, pitches) if pitches else {}
    span = LEAD_IN_SECONDS + seconds
    robins = ROBINS if len(pitches) < len(score.notes) else (0.0,)
    notes = sorted(score.notes, key=lambda n: (n.start, n.pitch))
    turns = _turns(notes)
    channels = {(pitch, 0.0): (0, 0.0) for pitch in habits}
    events: list[Event] = []
    stems: list[tuple[float, float, float]] = []  # robin, where it begins, how much slower it is played
    begins = 0.0
    for i, robin in enumerate(robins):
        spread = DRUM_ROBIN_CENTS * robin if score.is_drums else tuning_cents + ROBIN_CENTS * robin
        slower = round(SYNTH_RATE * 2 ** (spread / 1200)) / SYNTH_RATE
        mine = tuple(note for note, turn in zip(notes, turns, strict=True) if turn % len(robins) == i)
        part = dataclasses.replace(score, notes=mine)
        events += [(begins + t * slower, order, m) for t, order, m in _events(part, habits, channels, (0.0,))]
        stems.append((robin, begins, slower))
        begins += span * slower
    sound = _unclipped(path, [], [0], events, begins)
    count = round(span * sample_rate)
    out = np.zeros((2, count), dtype=np.float32)
    hz = DRUM_HZ if score.is_drums else midi_hz(float(np.mean([n.pitch for n in score.notes] or [60])))
    for robin, begins, slower in stems:
        start = round(begins * SYNTH_RATE)
        one = sound[:, start : start + round(span * slower * SYNTH_RATE)]
        if one.size:
            faster = resample(Clip(np.ascontiguousarray(one), round(SYNTH_RATE * slower)), sample_rate).samples
            faster = touched(faster[:, :count], TOUCH_VELOCITY, robin, hz)
            out[:, : faster.shape[1]] += faster
    return out


def touched(sound: np.ndarray, velocity: float, robin: float, pitch_hz: float) -> np.ndarray:
    """A stem as bright as its touch: two shelves whose gain grows with velocity; what lies between keeps its level."""
    from scipy.signal import lfilter

    db = TOUCH_DB * (velocity - TOUCH_VELOCITY) / 107 + ROBIN_DB * robin
    if abs(db) < 0.1:
        return sound
    gain = 10 ** (db / 20)
    both_b, both_a = np.ones(1), np.ones(1)
    for shelf in SHELVES:
        w = np.tan(np.pi * min(shelf * pitch_hz, 0.4 * SYNTH_RATE) / SYNTH_RATE)
        b, a = np.array([w + gain, w - gain]) / (w + 1), np.array([1.0, (w - 1) / (w + 1)])
        both_b, both_a = np.convolve(both_b, b), np.convolve(both_a, a)
    return lfilter(both_b / gain, both_a, sound, axis=1).astype(np.float32)


def _turns(notes: list[Note]) -> list[int]:
    """For each note, how often its pitch has been played before."""
    seen: dict[int, int] = {}
    out = []
    for note in notes:
        out.append(seen.get(note.pitch, 0))
        seen[note.pitch] = out[-1] + 1
    return out


def _channels(habits: dict[int, Habit], robins: tuple[float, ...]) -> dict[tuple[int, float], tuple[int, float]]:
    """(pitch, robin) -> (channel, deviation in cents): what is out of tune alike shares a channel."""
    step = TUNING_STEP_CENTS
    while True:
        bins = {
            (pitch, robin): round(habit.cents / step) * step + ROBIN_CENTS * robin
            for pitch, habit in habits.items()
            for robin in robins
        }
        used = sorted(set(bins.values()))
        if len(used) <= len(CHANNELS):
            return {key: (CHANNELS[used.index(cents)], float(cents)) for key, cents in bins.items()}
        step *= 2


def _events(
    score: Score,
    habits: dict[int, Habit],
    channels: dict[tuple[int, float], tuple[int, float]],
    robins: tuple[float, ...],
) -> list[Event]:
    """The score's events in seconds after LEAD_IN_SECONDS, every note early by its own delay and on its own channel."""
    import mido

    quarter = 60.0 / score.quarters_per_minute
    out: list[Event] = []
    for at, order, message in part_events(dataclasses.replace(score, notes=())):
        seconds = max(0.0, LEAD_IN_SECONDS + at * quarter - LATEST_ATTACK_SECONDS)
        out += [
            (seconds, order, message.copy(channel=c)) for c in sorted({channel for channel, _ in channels.values()})
        ]
    notes = sorted(score.notes, key=lambda n: (n.start, n.pitch))
    for note, turn in zip(notes, _turns(notes), strict=True):
        channel, _ = channels[note.pitch, robins[turn % len(robins)]]
        start = LEAD_IN_SECONDS + note.start * quarter - habits[note.pitch].delay_seconds
        for seconds, order, kind in ((start, 2, "note_on"), (start + note.length * quarter, 0, "note_off")):
            out.append((seconds, order, mido.Message(kind, channel=channel, note=note.pitch, velocity=note.velocity)))
    return out


def playable(score: Score, path: Path) -> Score:
    """The score on a program that sounds: a patch that is broken in the part's range is played by its neighbour."""
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    if score.is_drums or not pitches or path.suffix == SFZ:
        return score
    return dataclasses.replace(score, program=sounding_program(path, score.program, pitches))
