"""The synthesisers, rustysynth (midirenderer) for SoundFonts and sfizz for SFZ, and what a bank is measured to do.

Banks start their samples late and hold patches that are out of tune, each in its own way. Both are measured on the bank
itself, note by note, so that every note can be played early and tuned by just as much.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NotAvailable
from ..music.pitch import midi_hz
from .bank_file import patch_bank
from .midi import DRUM_CHANNEL, controls, file_bytes, track_of
from .score import BEND_RANGE_SEMITONES
from .sfz import play_sfz

SYNTH_RATE = 48_000
# Ticks of the files handed to the synthesiser are time, not music: 24000 to half a second.
TICKS_PER_QUARTER, TICKS_PER_SECOND, MICROSECONDS_PER_QUARTER = 24_000, 48_000, 500_000
Event = tuple[float, int, Any]  # seconds, order within a moment, MIDI message

SFZ = ".sfz"
SFZ_BEND_SEMITONES = 2.0  # what a full pitch wheel means to an SFZ instrument that says nothing else
PROBE_HIT_SECONDS, PROBE_NOTE_SECONDS = 0.35, 0.9
LATEST_ATTACK_SECONDS = 0.03  # slower attacks are the instrument's nature, not a delay
ATTACK_SHARE = 0.35
SILENT_SHARE = 1e-3  # of the loudest note
SETTLED_SECONDS = 0.08  # the attack is over and the pitch can be told
TUNING_REACH_CENTS = 80
PROBE_FFT = 1 << 18  # 0.18 Hz a bin
PARTIALS = (0.5, 1, 1.5, 2, 3, 4, 5, 6)  # organs have stops below the note
PERCUSSIVE = 112  # the first percussive program of General MIDI
OCTAVES = (1, 2, 4)  # what decides where a note's chroma falls


@dataclass(frozen=True)
class Habit:
    """What a bank does with one pitch: seconds until it is heard, its deviation from the written pitch in cents,
    whether it sounds at that pitch at all, and whether it is silent."""

    delay_seconds: float
    cents: float
    sounds: bool = True
    is_silent: bool = False


def synthesise(path: Path, head: list, events: list[Event], seconds: float) -> np.ndarray:
    """Play ``events`` after the ``head`` messages through a SoundFont or an SFZ instrument; float32 (2, n).

    A SoundFont plays one patch, that of the first program change. ``n`` is ``seconds * SYNTH_RATE``, or less where the
    sound ends before.
    """
    import mido

    layered = path.suffix == SFZ
    if layered:
        head = [sent for message in head for sent in _for_sfz(message)]
        events = [(at, order, sent) for at, order, message in events for sent in _for_sfz(message)]
    ticks = sorted(((round(t * TICKS_PER_SECOND), o, m) for t, o, m in events), key=lambda e: e[:2])
    first = [mido.MetaMessage("set_tempo", tempo=MICROSECONDS_PER_QUARTER), *head]
    midi = file_bytes([track_of(ticks, round(seconds * TICKS_PER_SECOND), first)], TICKS_PER_QUARTER)
    if layered:
        keys = {message.note for _, _, message in events if message.type == "note_on"}
        rendered = play_sfz(path, midi, keys, SYNTH_RATE)
    else:
        patch = next((m for m in head if m.type == "program_change"), mido.Message("program_change"))
        rendered = _by_rustysynth(path, patch.program, patch.channel == DRUM_CHANNEL, midi)
    with wave.open(io.BytesIO(rendered)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
    return data.T.astype(np.float32) / 32768.0


def _for_sfz(message: Any) -> list:
    """The message as an SFZ instrument takes it: other controllers than volume and expression are its own, or none."""
    if message.type == "pitchwheel":
        pitch = round(message.pitch * BEND_RANGE_SEMITONES / SFZ_BEND_SEMITONES)
        return [message.copy(pitch=max(-8192, min(8191, pitch)))]
    is_its_own = message.type == "control_change" and message.control not in (7, 11)
    return [] if is_its_own or message.type == "program_change" else [message]


def _by_rustysynth(path: Path, program: int, is_drums: bool, midi: bytes) -> bytes:
    try:
        import midirenderer
    except ImportError as error:
        raise NotAvailable(
            f"The package midirenderer, which plays SoundFonts, cannot be imported ({error}); install midirenderer."
        ) from None
    try:
        return midirenderer.render_wave_from(patch_bank(path, program, is_drums), midi)
    except BaseException as error:  # a panic of the synthesiser is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        raise NotAvailable(
            f"This SoundFont cannot be played ({error}); set LOOPS_SOUNDFONT to another .sf2 file, or unset it."
        ) from None


def mix_controls(channel: int, volume: int) -> list:
    """The messages that set a channel's volume 0..127 and take it out of the synthesiser's own reverb and chorus."""
    return controls(channel, (7, volume), (91, 0), (93, 0))


def fine_tuning(channel: int, cents: float) -> list:
    """The messages that tune a channel by -100..100 cents (registered parameter 1)."""
    value = max(0, min(16_383, round(8192 + cents / 100 * 8192)))
    return controls(channel, (101, 0), (100, 1), (6, value >> 7), (38, value & 127), (101, 127), (100, 127))


def bank_habits(path: Path, program: int, is_drums: bool, pitches: tuple[int, ...]) -> dict[int, Habit]:
    """Measure how a bank plays each pitch, from one dry note each; for an SFZ instrument all in one run of sfizz.

    A note is heard when it reaches ATTACK_SHARE of the loudest moment of its first 2 * LATEST_ATTACK_SECONDS; later
    than LATEST_ATTACK_SECONDS counts as slow by nature. Its pitch is its strongest octave partial after the attack.
    """
    if path.suffix == SFZ:
        return _habits(path, program, is_drums, pitches)
    return {pitch: _habits(path, program, is_drums, (pitch,))[pitch] for pitch in pitches}


@lru_cache(maxsize=512)
def _habits(path: Path, program: int, is_drums: bool, pitches: tuple[int, ...]) -> dict[int, Habit]:
    import mido

    channel = DRUM_CHANNEL if is_drums else 0
    each = PROBE_HIT_SECONDS if is_drums else PROBE_NOTE_SECONDS
    events: list[Event] = []
    for i, pitch in enumerate(pitches):
        events.append((i * each, 2, mido.Message("note_on", channel=channel, note=pitch, velocity=90)))
        events.append((i * each + 0.6 * each, 0, mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    head = [mido.Message("program_change", channel=channel, program=program), *mix_controls(channel, 127)]
    sound = synthesise(path, head, events, len(pitches) * each)
    habits, loudest = {}, float(np.abs(sound).max(initial=0.0)) * SILENT_SHARE
    for i, pitch in enumerate(pitches):
        start = round(i * each * SYNTH_RATE)
        note = sound[:, start : start + round(each * SYNTH_RATE)]
        cents, sounds = (0.0, True) if is_drums else _deviation_cents(note.mean(axis=0), pitch)
        is_silent = bool(np.abs(note).max(initial=0.0) <= loudest)
        habits[pitch] = Habit(attack_seconds(note), cents, sounds, is_silent)
    return habits


def sounding_program(path: Path, program: int, pitches: tuple[int, ...]) -> int:
    """The program, or the nearest of its family of eight where the bank's patch is broken for most of the pitches.

    TimGM6mb, for one, whistles a major sixth too low, and not at all from G5 up.
    """
    if program >= PERCUSSIVE:
        return program  # bells and wood blocks have partials of their own
    family = range(program // 8 * 8, program // 8 * 8 + 8)
    for candidate in sorted(family, key=lambda p: (abs(p - program), p)):
        habits = bank_habits(path, candidate, False, pitches)
        if 2 * sum(h.sounds for h in habits.values()) > len(pitches):
            return candidate
    return program


def attack_seconds(note: np.ndarray) -> float:
    """How long after its start a note of SYNTH_RATE is heard; see :func:`bank_habits`."""
    attack = np.maximum.accumulate(np.abs(note).max(axis=0)[: round(2 * LATEST_ATTACK_SECONDS * SYNTH_RATE)])
    if attack[-1] <= 0:
        return 0.0
    return min(int(np.argmax(attack >= ATTACK_SHARE * attack[-1])) / SYNTH_RATE, LATEST_ATTACK_SECONDS)


def _deviation_cents(note: np.ndarray, pitch: int) -> tuple[float, bool]:
    """Deviation of the strongest octave partial from the written pitch, and whether any low partial stands out."""
    body = note[round(SETTLED_SECONDS * SYNTH_RATE) : round(0.6 * PROBE_NOTE_SECONDS * SYNTH_RATE)]
    spectrum = np.abs(np.fft.rfft(body * np.hanning(body.size), PROBE_FFT))
    loudest = float(spectrum.max(initial=0.0))
    bin_hz = SYNTH_RATE / PROBE_FFT
    peaks: dict[float, tuple[float, float]] = {}
    for partial in PARTIALS:
        hz = midi_hz(pitch) * partial
        low, high = (int(hz * 2 ** (s * TUNING_REACH_CENTS / 1200) / bin_hz) for s in (-1, 1))
        peak = low + int(np.argmax(spectrum[low : high + 1]))
        if low < peak < high:  # a slope towards something outside is no peak
            peaks[partial] = float(spectrum[peak]), 1200 * float(np.log2(peak * bin_hz / hz))
    sounds = any(level > 0.15 * loudest for level, _ in peaks.values())
    level, cents = max((peaks[p] for p in OCTAVES if p in peaks), default=(0.0, 0.0))
    return (cents if level > 0.1 * loudest else 0.0), sounds
