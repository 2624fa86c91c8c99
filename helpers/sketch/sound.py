"""A score as sound: played early and in tune, in a room that suits its role, cut to start exactly on bar 1."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ..music.meter import loop_samples
from ..records import Clip, Request
from ..sound.audio import loudness_lufs, resample
from ..sound.infrasound import remove_infrasound
from .midi import DRUM_CHANNEL, channel_setup, part_events
from .score import Score
from .soundfont import find_soundfont
from .synth import (
    LATEST_ATTACK_SECONDS,
    SYNTH_RATE,
    Event,
    Habit,
    bank_habits,
    fine_tuning,
    mix_controls,
    read_bank,
    sounding_program,
    synthesise,
)

LEAD_IN_SECONDS = 0.125  # room before bar 1 for attacks that must begin early
LONGEST_TAIL_SECONDS = 3.0
FADE_OUT_SECONDS = 0.06
TAIL_FLOOR = 10 ** (-66 / 20)  # of the peak: below this the tail is over
LEVEL_RMS = 10 ** (-19 / 20)  # every take about equally loud; the loop is set to its exact loudness later
CEILING = 0.84  # -1.5 dBFS
CREST_DB = 13.5  # peak above loudness (LUFS): -2.5 dBFS at -16 LUFS, with room for peaks between samples
LOOK_AHEAD_SECONDS = 0.002
MOST_LIMITING_DB = 7.0
VOLUMES = (127, 80, 50)  # the quieter ones only when the sum of the voices clipped
TUNING_STEP_CENTS = 4  # closer than that no one hears; each step needs a channel
CHANNELS = tuple(c for c in range(16) if c != DRUM_CHANNEL)


@dataclass(frozen=True)
class Room:
    """Reverb and chorus sends 0..127 and the width of the stereo image, 0 mono to 1 as the bank has it."""

    reverb: int
    chorus: int
    width: float


ROOMS = {
    "bass": Room(0, 0, 0.0),
    "chords": Room(24, 0, 1.0),
    "pad": Room(46, 0, 1.0),
    "lead": Room(30, 0, 0.7),
    "arpeggio": Room(30, 0, 1.0),
    "drums": Room(10, 0, 1.0),
}


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
        Float32 stereo: the loop, exactly as long as the score, then its decaying tail (at most three seconds). Bar 1 is
        heard at sample 0; the few milliseconds of attack that lie before it are added to the end of the loop, where
        they sound when it repeats. At -19 dB RMS unless peaks would pass -1.5 dBFS. Equal input and SoundFont give
        equal bytes.

    Raises
    ------
    NotAvailable, InvalidInput
        See :func:`find_soundfont`.
    """
    path = find_soundfont().path
    pitches = tuple(sorted({n.pitch for n in score.notes}))
    if pitches and not score.is_drums:
        score = dataclasses.replace(score, program=sounding_program(path, score.program, pitches))
    habits = bank_habits(path, score.program, score.is_drums, pitches) if pitches else {}
    room = ROOMS[score.role]
    sends = (0, 0) if request.dry else (room.reverb, room.chorus)
    channels = _channels(score, habits)
    events = _events(score, habits, channels)
    loop_seconds = score.quarters * 60.0 / score.quarters_per_minute
    seconds = LEAD_IN_SECONDS + loop_seconds + LONGEST_TAIL_SECONDS
    bank = read_bank(path)
    for volume in VOLUMES:
        head = []
        for channel, cents in set(channels.values()) or {(CHANNELS[0], 0.0)}:
            head += [m.copy(channel=channel) for m in channel_setup(score)]
            head += [*fine_tuning(channel, -cents), *mix_controls(channel, volume, *sends)]
        sound = synthesise(bank, head, events, seconds)
        if np.abs(sound).max(initial=0.0) < 0.999:
            break
    # Many banks hold samples with a constant offset; it must not decide the level.
    sound = remove_infrasound(resample(Clip(_narrowed(sound, room.width), SYNTH_RATE), sample_rate)).samples
    lead = round(LEAD_IN_SECONDS * sample_rate)
    loop = loop_samples(score.bars, score.bpm, score.meter, sample_rate)
    sound = _at_bar_one(sound, lead, loop, sample_rate)
    if score.is_drums:
        sound = _limited(sound, loop, sample_rate)
    return Clip(_levelled(sound, loop), sample_rate)


def patch_swapped(score: Score) -> str | None:
    """The General MIDI name of the patch that plays instead of the score's own; None where its own plays.

    A bank's patch that is broken in the part's range is replaced by its neighbour (:func:`synth.sounding_program`).
    """
    if score.is_drums or not score.notes:
        return None
    program = sounding_program(find_soundfont().path, score.program, tuple(sorted({n.pitch for n in score.notes})))
    if program == score.program:
        return None
    import pretty_midi

    return pretty_midi.program_to_instrument_name(program)


def _channels(score: Score, habits: dict[int, Habit]) -> dict[int, tuple[int, float]]:
    """Pitch -> (channel, deviation in cents): pitches that are out of tune alike share a channel."""
    if score.is_drums:
        return {pitch: (DRUM_CHANNEL, 0.0) for pitch in habits}
    step = TUNING_STEP_CENTS
    while True:
        bins = {pitch: round(habit.cents / step) * step for pitch, habit in habits.items()}
        used = sorted(set(bins.values()))
        if len(used) <= len(CHANNELS):
            return {pitch: (CHANNELS[used.index(cents)], float(cents)) for pitch, cents in bins.items()}
        step *= 2


def _events(score: Score, habits: dict[int, Habit], channels: dict[int, tuple[int, float]]) -> list[Event]:
    """The score's events in seconds after LEAD_IN_SECONDS, every note early by its own delay and on its own channel."""
    quarter = 60.0 / score.quarters_per_minute
    used = sorted({channel for channel, _ in channels.values()})
    out: list[Event] = []
    for at, order, message in part_events(score):
        seconds = LEAD_IN_SECONDS + at * quarter
        if message.type.startswith("note"):
            channel, _ = channels[message.note]
            out.append((seconds - habits[message.note].delay_seconds, order, message.copy(channel=channel)))
        else:
            out += [(max(0.0, seconds - LATEST_ATTACK_SECONDS), order, message.copy(channel=c)) for c in used]
    return out


def _narrowed(sound: np.ndarray, width: float) -> np.ndarray:
    if width >= 1.0:
        return sound
    middle = sound.mean(axis=0, dtype=np.float32)
    return (middle + np.float32(width) * (sound - middle)).astype(np.float32)


def _at_bar_one(sound: np.ndarray, lead: int, loop: int, sample_rate: int) -> np.ndarray:
    """Cut at bar 1, move what lies before it to the loop's end, trim the tail where it has died away, fade it out."""
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


def _limited(sound: np.ndarray, loop: int, sample_rate: int) -> np.ndarray:
    """Drums whose peaks stand at most CREST_DB above their loudness, so that they come out as loud as other parts.

    A look-ahead limiter: the gain that each moment needs, held over LOOK_AHEAD_SECONDS by a sliding minimum and
    smoothed by a mean as long, so that it never exceeds what is needed and no onset moves (Giannoulis et al., JAES
    2012). At most MOST_LIMITING_DB.
    """
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    loudness = loudness_lufs(Clip(np.ascontiguousarray(sound[:, :loop]), sample_rate))
    level = np.abs(sound).max(axis=0)
    peak = float(level.max(initial=0.0))
    if loudness is None or peak == 0.0:
        return sound
    # To the tenth of a dB, so that the last bit of a filter elsewhere decides nothing.
    excess_db = round(min(20 * float(np.log10(peak)) - loudness - CREST_DB, MOST_LIMITING_DB), 1)
    if excess_db <= 0:
        return sound
    ceiling = peak * 10 ** (-excess_db / 20)
    window = 2 * round(LOOK_AHEAD_SECONDS * sample_rate) + 1
    gain = np.minimum(1.0, ceiling / np.maximum(level, 1e-9))
    gain = uniform_filter1d(minimum_filter1d(gain, window), window)
    return (sound * gain).astype(np.float32)


def _levelled(sound: np.ndarray, loop: int) -> np.ndarray:
    """At LEVEL_RMS over the loop, or less where peaks would pass CEILING."""
    peak = float(np.abs(sound).max(initial=0.0))
    if peak == 0.0:
        return np.ascontiguousarray(sound)
    rms = float(np.sqrt(np.mean(np.square(sound[:, :loop], dtype=np.float64))))
    gain = min(CEILING / peak, LEVEL_RMS / max(rms, 1e-9))
    return np.ascontiguousarray(sound * np.float32(gain))
