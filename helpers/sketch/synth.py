"""The synthesiser: rustysynth behind the midirenderer package, and what a SoundFont is measured to do.

Banks start their samples late and hold patches that are out of tune, each in its own way. Both are measured on the bank
itself, note by note, so that every note can be played early and tuned by just as much.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import NotAvailable
from ..pitch import midi_hz
from .midi import DRUM_CHANNEL, file_bytes, track_of

SYNTH_RATE = 48_000
# Ticks of the files handed to the synthesiser are time, not music: 24000 to half a second.
TICKS_PER_QUARTER, TICKS_PER_SECOND, MICROSECONDS_PER_QUARTER = 24_000, 48_000, 500_000
Event = tuple[float, int, object]  # seconds, order within a moment, MIDI message

PROBE_HIT_SECONDS, PROBE_NOTE_SECONDS = 0.35, 0.9
LATEST_ATTACK_SECONDS = 0.03  # slower attacks are the instrument's nature, not a delay
ATTACK_SHARE = 0.35
SETTLED_SECONDS = 0.08  # the attack is over and the pitch can be told
TUNING_REACH_CENTS = 80
PROBE_FFT = 1 << 18  # 0.18 Hz a bin
PARTIALS = (1, 2, 4)  # octaves of the note: what decides where its chroma falls


@dataclass(frozen=True)
class Habit:
    """What a bank does with one pitch: seconds until it is heard, and its deviation from the written pitch in cents."""

    delay_seconds: float
    cents: float


@lru_cache(maxsize=1)
def read_bank(path: Path) -> bytes:
    """The bytes of a SoundFont; one bank is kept."""
    return path.read_bytes()


def synthesise(bank: bytes, head: list, events: list[Event], seconds: float) -> np.ndarray:
    """Play ``events`` after the ``head`` messages; float32 (2, seconds * SYNTH_RATE)."""
    import mido

    try:
        import midirenderer
    except ImportError as error:
        raise NotAvailable(
            f"The package midirenderer, which plays SoundFonts, cannot be imported ({error}); run pip install midirenderer."
        ) from None
    ticks = sorted(((round(t * TICKS_PER_SECOND), o, m) for t, o, m in events), key=lambda e: e[:2])
    first = [mido.MetaMessage("set_tempo", tempo=MICROSECONDS_PER_QUARTER), *head]
    midi = file_bytes([track_of(ticks, round(seconds * TICKS_PER_SECOND), first)], TICKS_PER_QUARTER)
    with wave.open(io.BytesIO(midirenderer.render_wave_from(bank, midi))) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
    return data.T.astype(np.float32) / 32768.0


def mix_controls(channel: int, volume: int, reverb: int, chorus: int) -> list:
    """The messages that set a channel's volume and effect sends, 0..127 each."""
    import mido

    pairs = ((7, volume), (91, reverb), (93, chorus))
    return [mido.Message("control_change", channel=channel, control=c, value=v) for c, v in pairs]


def fine_tuning(channel: int, cents: float) -> list:
    """The messages that tune a channel by -100..100 cents (registered parameter 1)."""
    import mido

    value = max(0, min(16_383, round(8192 + cents / 100 * 8192)))
    pairs = ((101, 0), (100, 1), (6, value >> 7), (38, value & 127), (101, 127), (100, 127))
    return [mido.Message("control_change", channel=channel, control=c, value=v) for c, v in pairs]


@lru_cache(maxsize=128)
def bank_habits(path: Path, program: int, is_drums: bool, pitches: tuple[int, ...]) -> dict[int, Habit]:
    """Measure how a bank plays each pitch, from one dry note each.

    A note is heard when it reaches ATTACK_SHARE of the loudest moment of its first 2 * LATEST_ATTACK_SECONDS; later than
    LATEST_ATTACK_SECONDS counts as slow by nature. Its pitch is the strongest of its octave partials after the attack.
    """
    import mido

    channel = DRUM_CHANNEL if is_drums else 0
    each = PROBE_HIT_SECONDS if is_drums else PROBE_NOTE_SECONDS
    events: list[Event] = []
    for i, pitch in enumerate(pitches):
        events.append((i * each, 2, mido.Message("note_on", channel=channel, note=pitch, velocity=90)))
        events.append((i * each + 0.6 * each, 0, mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    head = [mido.Message("program_change", channel=channel, program=program), *mix_controls(channel, 127, 0, 0)]
    sound = synthesise(read_bank(path), head, events, len(pitches) * each)
    habits = {}
    for i, pitch in enumerate(pitches):
        start = round(i * each * SYNTH_RATE)
        note = sound[:, start : start + round(each * SYNTH_RATE)]
        cents = 0.0 if is_drums else _deviation_cents(note.mean(axis=0), pitch)
        habits[pitch] = Habit(_attack_seconds(note), cents)
    return habits


def _attack_seconds(note: np.ndarray) -> float:
    attack = np.maximum.accumulate(np.abs(note).max(axis=0)[: round(2 * LATEST_ATTACK_SECONDS * SYNTH_RATE)])
    if attack[-1] <= 0:
        return 0.0
    return min(int(np.argmax(attack >= ATTACK_SHARE * attack[-1])) / SYNTH_RATE, LATEST_ATTACK_SECONDS)


def _deviation_cents(note: np.ndarray, pitch: int) -> float:
    """Deviation of the strongest octave partial from the written pitch; 0.0 when none stands out."""
    body = note[round(SETTLED_SECONDS * SYNTH_RATE) : round(0.6 * PROBE_NOTE_SECONDS * SYNTH_RATE)]
    spectrum = np.abs(np.fft.rfft(body * np.hanning(body.size), PROBE_FFT))
    bin_hz = SYNTH_RATE / PROBE_FFT
    best, cents = 0.0, 0.0
    for partial in PARTIALS:
        hz = midi_hz(pitch) * partial
        low, high = (int(hz * 2 ** (s * TUNING_REACH_CENTS / 1200) / bin_hz) for s in (-1, 1))
        peak = low + int(np.argmax(spectrum[low : high + 1]))
        inside = low < peak < high  # a slope towards something outside is no peak
        if inside and spectrum[peak] > best:
            best, cents = float(spectrum[peak]), 1200 * float(np.log2(peak * bin_hz / hz))
    return cents if best > 0.1 * float(spectrum.max(initial=0.0)) else 0.0
