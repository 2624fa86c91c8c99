"""A score as sound: through our own electronic voices or a sampled bank, cut to start exactly on bar 1, mix-ready."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..music.meter import loop_samples
from ..records import Analysis, Clip, Groove, Request
from ..sound.infrasound import remove_infrasound
from ..sound.levels import loudness_lufs
from .brief import stream_of
from .idea import heard_groove
from .sampled import LEAD_IN_SECONDS, play_sampled, playable
from .score import Score
from .soundfont import find_sounds, own_instrument
from .voices import (
    OCTAVE_HZ,
    SAMPLED,
    VOICES,
    Sound,
    choose_sound,
    driven,
    ducking,
    grained,
    play,
    read_sound,
    room_of,
    shaped,
)

LONGEST_TAIL_SECONDS = 3.0
FADE_OUT_SECONDS = 0.06
TAIL_FLOOR = 10 ** (-66 / 20)  # of the peak: below this the tail is over
LEVEL_RMS = 10 ** (-19 / 20)  # every take about equally loud; the loop is set to its exact loudness later
CEILING = 0.84  # -1.5 dBFS
CREST_DB = 13.5  # peak above loudness (LUFS): -2.5 dBFS at -16 LUFS, with room for peaks between samples
LOOK_AHEAD_SECONDS = 0.002
MOST_LIMITING_DB = 7.0
KICK_ACCENT = 0.5  # of the idea's strongest low onset
BANK_ROOM_SECONDS = 1.3  # the room that played instruments stand in
MONO_BELOW_HZ = 180.0  # under this the two sides are one, as records and large rooms need


@dataclass(frozen=True)
class Room:
    """How a role stands in the mix: how much of the room is heard of played instruments (0..1), the width of the stereo
    image (0 mono, 1 as made), below which frequency a part leaves the room to the bass, in Hz, how many dB it gives way
    at most where the idea is busiest, and the octave (0 is C1) from which it does."""

    echo: float
    width: float
    low_cut_hz: float
    gives_way_db: float
    gives_way_from: int


ROOMS = {
    "bass": Room(0.0, 0.0, 0.0, 3.0, 2),
    "chords": Room(0.07, 1.0, 60.0, 4.0, 0),
    "pad": Room(0.1, 1.0, 80.0, 4.0, 0),
    "lead": Room(0.09, 0.7, 80.0, 2.0, 0),
    "arpeggio": Room(0.09, 1.0, 80.0, 3.0, 0),
    "drums": Room(0.06, 1.0, 0.0, 0.0, 0),
}


def plan_sound(score: Score, request: Request, take: int = 0, analysis: Analysis | None = None) -> Sound:
    """Choose the sound of a take: what ``request.sound`` asks for, else one that suits the genre and the mood.

    It leaves room where the idea of ``analysis`` is busiest (:func:`room_for`), unless the request is ``dry``.
    Instruments that are played rather than programmed sound through the bank, as do all with the sound ``sampled``.
    Raises InvalidInput if there is no such sound.
    """
    said = dict(score.choices)
    family = VOICES.get(score.instrument, SAMPLED)
    if request.sound == SAMPLED or own_instrument(score) is not None:
        family = SAMPLED
    asked = "" if request.sound == SAMPLED else request.sound
    if family == SAMPLED and read_sound(asked)[0] is None:
        asked = "classic 0"
    sound = choose_sound(family, asked, said.get("genre", ""), said.get("mood", ""), stream_of(request, take))
    return sound if request.dry or analysis is None else replace(sound, room_db=room_for(score.role, analysis.groove))


def room_for(role: str, groove: Groove) -> tuple[float, ...]:
    """The gain in dB of a part in each of the octaves C1 to C7: below 0 where the idea has more than its mean of notes.

    A bass keeps its own two octaves, drums all; empty where there is nothing to give way to.
    """
    most, first = ROOMS[role].gives_way_db, ROOMS[role].gives_way_from
    share = np.asarray(groove.octaves, dtype=float)
    if not most or share.size != len(OCTAVE_HZ):
        return ()
    over = np.maximum(share - share.mean(), 0.0) * (np.arange(share.size) >= first)
    return tuple(np.round(-most * over / over.max(), 1).tolist()) if over.any() else ()


def render(
    score: Score,
    request: Request,
    sample_rate: int = 44_100,
    sound: Sound | None = None,
    kicks: tuple[float, ...] = (),
) -> Clip:
    """Play a score.

    Parameters
    ----------
    score
        The part.
    request
        ``dry``: no reverb, delay or chorus. ``width``: 0 mono, 0.5 as the sound is, 1 twice as wide. ``duck``: how far
        the part ducks under the kicks, 0..1. ``tuning_cents``: where the idea's pitch lies.
    sample_rate
        Rate of the result in Hz.
    sound
        What it sounds through; None: as :func:`plan_sound` chooses for the first take.
    kicks
        Where the idea's kicks are, in quarters from bar 1.

    Returns
    -------
    Clip
        Float32 stereo: the loop, exactly as long as the score, then its decaying tail (at most three seconds). Bar 1 is
        heard at sample 0; the few milliseconds of attack that lie before it are added to the end of the loop, where
        they sound when it repeats. At -19 dB RMS unless peaks would pass -1.5 dBFS, one channel's worth below
        MONO_BELOW_HZ. Equal input and SoundFont give equal bytes.

    Raises
    ------
    NotAvailable, InvalidInput
        See :func:`find_sounds` and :func:`plan_sound`.
    """
    sound = sound or plan_sound(score, request)
    room = ROOMS[score.role]
    quarter = 60.0 / score.quarters_per_minute
    loop_seconds = score.quarters * quarter
    seconds = loop_seconds + LONGEST_TAIL_SECONDS
    if sound.is_sampled:
        made = play_sampled(score, find_sounds(score).path, seconds, sample_rate, request.tuning_cents)
        # Many banks hold samples with a constant offset; it must not decide the level.
        made = remove_infrasound(Clip(made, sample_rate)).samples
        echo = None if request.dry else room_of(room.echo * sound.patch.room, BANK_ROOM_SECONDS, sample_rate)
        made = shaped(driven(made, sound.patch.drive_db), sound.patch.tilt_db, sample_rate, (), sound.room_db, echo)
        made = grained(made)
    else:
        made = play(
            sound, score, LEAD_IN_SECONDS, seconds, sample_rate, dry=request.dry, tuning_cents=request.tuning_cents
        )
    lead, loop = round(LEAD_IN_SECONDS * sample_rate), loop_samples(score.bars, score.bpm, score.meter, sample_rate)
    width = room.width if sound.is_sampled else 1.0
    if request.width is not None:
        width = 2.0 * request.width * (width or 0.5)
    made = _placed(made, width, room.low_cut_hz, sample_rate)
    made = _at_bar_one(made, lead, loop, sample_rate)
    if request.duck and kicks:
        at = tuple(k * quarter for k in kicks)
        made = (made * ducking(at, request.duck, loop_seconds, made.shape[1], sample_rate)).astype(np.float32)
    if score.is_drums:
        made = _limited(made, loop, sample_rate)
    return Clip(_levelled(made, loop), sample_rate)


def heard_kicks(request: Request, analysis: Analysis | None) -> tuple[float, ...]:
    """Where the idea's kicks fall on the part's own grid, in quarters from bar 1; empty when none were heard."""
    _, low_accents, _ = heard_groove(request, analysis, [])
    return tuple(float(step) / 4 for step in np.flatnonzero(low_accents >= KICK_ACCENT))


def patch_swapped(score: Score) -> str | None:
    """The General MIDI name of the patch that plays instead of the score's own; None where its own plays.

    A bank's patch that is broken in the part's range is replaced by its neighbour (:func:`synth.sounding_program`).
    """
    if score.is_drums or not score.notes:
        return None
    program = playable(score, find_sounds(score).path).program
    if program == score.program:
        return None
    import pretty_midi

    return pretty_midi.program_to_instrument_name(program)


def _placed(sound: np.ndarray, width: float, low_cut_hz: float, sample_rate: int) -> np.ndarray:
    """The stereo image as wide as asked, one below MONO_BELOW_HZ; what the role leaves to the bass is cut."""
    from scipy.signal import butter, sosfilt

    middle = (sound[0] + sound[1]) / 2
    side = (sound[0] - sound[1]) / 2
    if low_cut_hz:
        middle = sosfilt(butter(2, low_cut_hz, "highpass", fs=sample_rate, output="sos"), middle)
    side = width * sosfilt(butter(6, MONO_BELOW_HZ, "highpass", fs=sample_rate, output="sos"), side)
    return np.stack([middle + side, middle - side]).astype(np.float32)


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
