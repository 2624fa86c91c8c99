"""Played instruments: a score through a SoundFont or an SFZ instrument, every note in time, never twice the same.

A SoundFont answers a softer touch with the same sound, quieter, and a repeat with the very same one. Here soft,
middle and hard notes are played apart and brightened by their force, and repeats of a pitch alternate between two
slightly different tunings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np

from ..music.pitch import midi_hz
from ..records import Clip, Note
from ..sound.audio import resample
from .midi import DRUM_CHANNEL, channel_setup, part_events
from .score import Score
from .synth import (
    LATEST_ATTACK_SECONDS,
    SFZ,
    SYNTH_RATE,
    Event,
    Habit,
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
ROBIN_CENTS, DRUM_ROBIN_CENTS = 2.5, 14.0
ROBIN_DB = 0.8
MOST_TOUCHES, TOUCH_SPAN = 3, 14  # notes are parted by force where it differs by more than the span
TOUCH_VELOCITY = 100  # as bright as the bank has it
# What a harder touch adds above multiples of the notes' pitch, in dB on each shelf, from the softest to the hardest.
SHELVES, TOUCH_DB = (1.4, 5.0), 20.0
DRUM_HZ = 180.0  # stands for the pitch of drums
# Places in a robin's tunings, in the order of its repeats.
ROBINS = (-1.0, 1.0)


def play_sampled(
    score: Score,
    bank_path: Path,
    *,
    reverb: int,
    chorus: int,
    seconds: float,
    sample_rate: int,
    tuning_cents: float = 0.0,
) -> np.ndarray:
    """Play a score; float32 (2, n) at ``sample_rate``: LEAD_IN_SECONDS, then ``seconds``, in which the loop dies away.

    ``reverb`` and ``chorus`` are sends 0..127. ``tuning_cents`` moves every pitch, drums excepted.
    """
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    habits = bank_habits(bank_path, score.program, score.is_drums, pitches) if pitches else {}
    stems = _stems(score)
    span = LEAD_IN_SECONDS + seconds
    head: list = []
    events: list[Event] = []
    robins = ROBINS if _repeats(score) else (0.0,)
    channels = _channels(score, habits, robins)
    used = sorted(set(channels.values())) or [(CHANNELS[0], 0.0)]
    for channel, _ in used:
        head += [m.copy(channel=channel) for m in channel_setup(score)]
    for i, (_, robin, notes) in enumerate(stems):
        start = i * span
        for channel, cents in used:
            off = DRUM_ROBIN_CENTS * robin if score.is_drums else tuning_cents - cents
            events += [(start, 0, m) for m in fine_tuning(channel, off)]
        part = dataclasses.replace(score, notes=tuple(notes))
        events += [(start + t, order, m) for t, order, m in _events(part, habits, channels, robins)]
    sound = _unclipped(
        bank_path,
        lambda volume: head + [m for channel, _ in used for m in mix_controls(channel, volume, reverb, chorus)],
        events,
        span * max(1, len(stems)),
    )
    count = round(span * SYNTH_RATE)
    out = np.zeros((2, count), dtype=np.float32)
    for i, (velocity, robin, notes) in enumerate(stems):
        start = round(i * span * SYNTH_RATE)
        one = sound[:, start : start + count]
        hz = DRUM_HZ if score.is_drums else midi_hz(float(np.mean([n.pitch for n in notes])))
        out[:, : one.shape[1]] += touched(one, velocity, robin, hz)
    return resample(Clip(out, SYNTH_RATE), sample_rate).samples


def _unclipped(path: Path, head: Callable[[int], list], events: list[Event], seconds: float) -> np.ndarray:
    """The events at the largest of VOLUMES at which the voices' sum does not clip."""
    for volume in VOLUMES:
        sound = synthesise(path, head(volume), events, seconds)
        if np.abs(sound).max(initial=0.0) < 0.999:
            break
    return sound


def play_layered(
    score: Score, path: Path, *, seconds: float, sample_rate: int, tuning_cents: float = 0.0
) -> np.ndarray:
    """Play a score through an SFZ instrument, dry; float32 (2, n) as :func:`play_sampled`.

    Its layers answer the touch. Repeats alternate in colour and tuning; a tuning is reached by playing slower or
    faster and resampling, for sfizz tunes no channel.
    """
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    habits = bank_habits(path, score.program, score.is_drums, pitches) if pitches else {}
    span = LEAD_IN_SECONDS + seconds
    robins = ROBINS if _repeats(score) else (0.0,)
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
    sound = _unclipped(path, lambda volume: mix_controls(0, volume, 0, 0), events, begins)
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


def _repeats(score: Score) -> bool:
    return len({n.pitch for n in score.notes}) < len(score.notes)


def _stems(score: Score) -> list[tuple[float, float, list[Note]]]:
    """The notes parted by touch and, for drums, by robin: ``(mean velocity, robin, notes)``."""
    notes = sorted(score.notes, key=lambda n: (n.start, n.pitch))
    if not notes:
        return []
    forces = [n.velocity for n in notes]
    low, high = min(forces), max(forces)
    touches = min(MOST_TOUCHES, 1 + (high - low) // TOUCH_SPAN)
    turns = _turns(notes)

    def place(item: tuple[int, Note]) -> tuple[int, float]:
        i, note = item
        touch = min(touches - 1, (note.velocity - low) * touches // max(1, high - low))
        return touch, ROBINS[turns[i] % 2] if score.is_drums and _repeats(score) else 0.0

    out = []
    for (_, robin), group in groupby(sorted(enumerate(notes), key=lambda item: (place(item), item[0])), key=place):
        members = [note for _, note in group]
        out.append((float(np.mean([n.velocity for n in members])), robin, members))
    return out


def _turns(notes: list[Note]) -> list[int]:
    """For each note, how often its pitch has been played before."""
    seen: dict[int, int] = {}
    out = []
    for note in notes:
        out.append(seen.get(note.pitch, 0))
        seen[note.pitch] = out[-1] + 1
    return out


def _channels(
    score: Score, habits: dict[int, Habit], robins: tuple[float, ...]
) -> dict[tuple[int, float], tuple[int, float]]:
    """(pitch, robin) -> (channel, deviation in cents): what is out of tune alike shares a channel."""
    if score.is_drums:
        return {(pitch, robin): (DRUM_CHANNEL, 0.0) for pitch in habits for robin in robins}
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


def playable(score: Score, bank_path: Path) -> Score:
    """The score on a program that sounds: a patch that is broken in the part's range is played by its neighbour."""
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    if score.is_drums or not pitches or bank_path.suffix == SFZ:
        return score
    return dataclasses.replace(score, program=sounding_program(bank_path, score.program, pitches))
