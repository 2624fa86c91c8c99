"""A score as sound, through a SoundFont.

The synthesis is rustysynth's (through the midirenderer package): 48 kHz stereo, with the bank's own envelopes, filters,
reverb and chorus. Here is decided what it is asked to play and what is done with its answer: early attacks, room and
width for each role, the exact start, the tail, the level.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..audio import resample
from ..errors import NotAvailable
from ..records import Clip, Request
from .midi import DRUM_CHANNEL, channel_setup, file_bytes, part_events, track_of
from .score import Score
from .soundfont import find_soundfont

SYNTH_RATE = 48_000
LEAD_IN_SECONDS = 0.125  # room before bar 1 for attacks that must begin early
LONGEST_TAIL_SECONDS = 4.0
FADE_OUT_SECONDS = 0.06
TAIL_FLOOR = 10 ** (-66 / 20)  # of the peak: below this the tail is over
LEVEL_RMS = 10 ** (-19 / 20)  # every take about equally loud; the loop is set to its exact loudness later
CEILING = 0.84  # -1.5 dBFS
# Ticks of the file handed to the synthesiser are time, not music: 24000 to half a second.
TICKS_PER_QUARTER, TICKS_PER_SECOND = 24_000, 48_000
PROBE_SECONDS = 0.35
LATEST_ATTACK_SECONDS = 0.03  # slower attacks are the instrument's nature, not a delay
ATTACK_SHARE = 0.35


@dataclass(frozen=True)
class Room:
    """Reverb and chorus sends 0..127 and the width of the stereo image, 0 mono to 1 as the bank has it."""

    reverb: int
    chorus: int
    width: float


ROOMS = {
    "bass": Room(0, 0, 0.0),
    "chords": Room(28, 0, 1.0),
    "pad": Room(52, 24, 1.0),
    "lead": Room(36, 0, 0.7),
    "arpeggio": Room(36, 0, 1.0),
    "drums": Room(10, 0, 1.0),
}
DRY = Room(0, 0, 1.0)


@lru_cache(maxsize=1)
def _bank(path: Path) -> bytes:
    return path.read_bytes()


def _synthesise(bank: bytes, midi: bytes) -> np.ndarray:
    """Float32 (2, n) at SYNTH_RATE."""
    try:
        import midirenderer
    except ImportError as error:
        raise NotAvailable(
            f"The package midirenderer, which plays SoundFonts, cannot be imported ({error}); run pip install midirenderer."
        ) from None
    with wave.open(io.BytesIO(midirenderer.render_wave_from(bank, midi))) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
    return data.T.astype(np.float32) / 32768.0


def _play(bank: bytes, setup: list, events: list, seconds: float, volume: int, room: Room, channel: int) -> np.ndarray:
    import mido

    def control(number: int, value: int):
        return mido.Message("control_change", channel=channel, control=number, value=value)

    head = [mido.MetaMessage("set_tempo", tempo=500_000), *setup]
    head += [control(7, volume), control(91, room.reverb), control(93, room.chorus)]
    ticks = sorted(((round(t * TICKS_PER_SECOND), o, m) for t, o, m in events), key=lambda e: e[:2])
    track = track_of(ticks, round(seconds * TICKS_PER_SECOND), head)
    return _synthesise(bank, file_bytes([track], TICKS_PER_QUARTER))


@lru_cache(maxsize=64)
def attack_delays(path: Path, program: int, is_drums: bool, pitches: tuple[int, ...]) -> dict[int, float]:
    """Seconds from a note's start to where it is heard, for each pitch, measured on the bank itself.

    Heard is ATTACK_SHARE of the loudest moment of the first LATEST_ATTACK_SECONDS; an attack that is still rising then
    counts as slow by nature and is not advanced past that.
    """
    import mido

    channel = DRUM_CHANNEL if is_drums else 0
    events: list = []
    for i, pitch in enumerate(pitches):
        at = i * PROBE_SECONDS
        events.append((at, 2, mido.Message("note_on", channel=channel, note=pitch, velocity=100)))
        events.append((at + 0.1, 0, mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    setup = [mido.Message("program_change", channel=channel, program=program)]
    sound = _play(_bank(path), setup, events, len(pitches) * PROBE_SECONDS, 127, DRY, channel)
    level = np.abs(sound).max(axis=0)
    window = round(2 * LATEST_ATTACK_SECONDS * SYNTH_RATE)
    delays = {}
    for i, pitch in enumerate(pitches):
        start = round(i * PROBE_SECONDS * SYNTH_RATE)
        attack = np.maximum.accumulate(level[start : start + window])
        heard = int(np.argmax(attack >= ATTACK_SHARE * attack[-1])) if attack[-1] > 0 else 0
        delays[pitch] = min(heard / SYNTH_RATE, LATEST_ATTACK_SECONDS)
    return delays


def _events_seconds(score: Score, delays: dict[int, float]) -> list:
    """The score's events in seconds after LEAD_IN_SECONDS, every note early by its own attack delay."""
    quarter = 60.0 / score.quarters_per_minute
    out = []
    for at, order, message in part_events(score):
        early = delays.get(message.note, 0.0) if message.type.startswith("note") else LATEST_ATTACK_SECONDS
        out.append((max(0.0, LEAD_IN_SECONDS + at * quarter - early), order, message))
    return out


def render(score: Score, request: Request, sample_rate: int = 44_100) -> Clip:
    """Play a score.

    Parameters
    ----------
    score
        The part.
    request
        Only ``dry`` is read: no reverb, no chorus.
    sample_rate
        Rate of the result in Hz.

    Returns
    -------
    Clip
        Float32 stereo: ``request.samples(sample_rate)`` of loop and then its decaying tail (at most four seconds). Bar 1
        is heard at sample 0; the few milliseconds of attack that lie before it are added to the end of the loop, where
        they sound when it repeats. At -19 dB RMS unless peaks would pass -1.5 dBFS. Equal input and SoundFont give equal bytes.

    Raises
    ------
    NotAvailable, InvalidInput
        See :func:`find_soundfont`.
    """
    bank_path = find_soundfont().path
    bank = _bank(bank_path)
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    delays = attack_delays(bank_path, score.program, score.is_drums, pitches) if pitches else {}
    loop_seconds = score.quarters * 60.0 / score.quarters_per_minute
    seconds = LEAD_IN_SECONDS + loop_seconds + LONGEST_TAIL_SECONDS
    channel = DRUM_CHANNEL if score.is_drums else 0
    room = DRY if request.dry else ROOMS[score.role]
    events, setup = _events_seconds(score, delays), channel_setup(score)
    for volume in (127, 80, 50):  # quieter only when the sum of the voices clipped
        sound = _play(bank, setup, events, seconds, volume, room, channel)
        if np.abs(sound).max(initial=0.0) < 0.999:
            break
    sound = resample(Clip(_narrowed(sound, ROOMS[score.role].width), SYNTH_RATE), sample_rate).samples
    lead, loop = round(LEAD_IN_SECONDS * sample_rate), round(loop_seconds * sample_rate)
    sound = _at_bar_one(sound, lead, loop, sample_rate)
    return Clip(_levelled(sound, loop), sample_rate)


def _narrowed(sound: np.ndarray, width: float) -> np.ndarray:
    if width >= 1.0:
        return sound
    middle = sound.mean(axis=0, dtype=np.float32)
    return (middle + np.float32(width) * (sound - middle)).astype(np.float32)


def _at_bar_one(sound: np.ndarray, lead: int, loop: int, sample_rate: int) -> np.ndarray:
    """Cut at bar 1, move what lies before it to the loop's end, trim the tail where it has died away and fade it out."""
    out = sound[:, lead:].copy()
    if loop >= lead:
        out[:, loop - lead : loop] += sound[:, :lead]
    floor = TAIL_FLOOR * float(np.abs(out).max(initial=0.0))
    alive = np.nonzero(np.abs(out).max(axis=0) > floor)[0]
    end = max(loop, int(alive[-1]) + 1 if alive.size else 0)
    out = out[:, :end]
    fade = min(round(FADE_OUT_SECONDS * sample_rate), end - loop)
    if fade > 0:
        out[:, end - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return out


def _levelled(sound: np.ndarray, loop: int) -> np.ndarray:
    """At LEVEL_RMS over the loop, or less where peaks would pass CEILING."""
    peak = float(np.abs(sound).max(initial=0.0))
    if peak == 0.0:
        return np.ascontiguousarray(sound)
    rms = float(np.sqrt(np.mean(np.square(sound[:, :loop], dtype=np.float64))))
    gain = min(CEILING / peak, LEVEL_RMS / max(rms, 1e-9))
    return np.ascontiguousarray(sound * np.float32(gain))
