"""A score as a Standard MIDI File, type 1: a conductor track and the part."""

from __future__ import annotations

import io
from typing import Any

from ..music.pitch import Key
from .score import BEND_RANGE_SEMITONES, Score

TICKS_PER_QUARTER = 960
DRUM_CHANNEL = 9  # channel 10 as musicians count


def wheel(semitones: float) -> int:
    """Pitch wheel position -8192..8191 for a bend, at a range of BEND_RANGE_SEMITONES."""
    return max(-8192, min(8191, round(semitones / BEND_RANGE_SEMITONES * 8192)))


def controls(channel: int, *pairs: tuple[int, int]) -> list:
    """The messages that set controllers of a channel: ``(controller, value)``."""
    import mido

    return [mido.Message("control_change", channel=channel, control=c, value=v) for c, v in pairs]


def channel_setup(score: Score) -> list:
    """The messages that make a channel play this score's instrument; the bend range is set where bends are used."""
    import mido

    channel = DRUM_CHANNEL if score.is_drums else 0
    out = [mido.Message("program_change", channel=channel, program=score.program)]
    if score.bends:
        semitones = int(BEND_RANGE_SEMITONES)
        out += controls(channel, (101, 0), (100, 0), (6, semitones), (38, 0), (101, 127), (100, 127))
    return out


def part_events(score: Score) -> list[tuple[float, int, Any]]:
    """Every note, bend and swell as ``(quarter, order, message)``; at one moment offs come first and ons last."""
    import mido

    channel = DRUM_CHANNEL if score.is_drums else 0
    events: list[tuple[float, int, Any]] = []
    for b in score.bends:
        events.append((b.start, 1, mido.Message("pitchwheel", channel=channel, pitch=wheel(b.semitones))))
    for s in score.swells:
        level = max(0, min(127, round(127 * s.level)))
        events.append((s.start, 1, mido.Message("control_change", channel=channel, control=11, value=level)))
    for n in score.notes:
        events.append((n.start, 2, mido.Message("note_on", channel=channel, note=n.pitch, velocity=n.velocity)))
        events.append((n.start + n.length, 0, mido.Message("note_off", channel=channel, note=n.pitch, velocity=0)))
    return sorted(events, key=lambda e: (e[0], e[1]))


def track_of(events: list[tuple[int, int, Any]], end_ticks: int, first: list[Any]) -> Any:
    """Turn ``(tick, order, message)`` into a MIDI track with ``first`` at its head and its end at ``end_ticks``."""
    import mido

    track = mido.MidiTrack(first)
    now = 0
    for tick, _, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end_ticks - now)))
    return track


def file_bytes(tracks: list, ticks_per_quarter: int) -> bytes:
    """The bytes of a type 1 file."""
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=ticks_per_quarter)
    file.tracks.extend(tracks)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _key_signature(key: Key) -> str:
    """The key as MIDI spells it: at most seven accidentals, ``m`` for minor."""
    written = key.signature
    return written.tonic_name + ("m" if written.mode == "minor" else "")


def write_midi(score: Score) -> bytes:
    """Write a score as a Standard MIDI File that any workstation opens.

    Parameters
    ----------
    score
        Notes before bar 1 or past the last bar are clipped to the loop, so that the clip in the workstation loops too.

    Returns
    -------
    bytes
        Type 1, 960 ticks a quarter: tempo, time signature, key signature (when known) and track name in the first
        track, the part in the second. Equal scores give equal bytes.
    """
    import mido

    numerator, denominator = (int(n) for n in score.meter.name.split("/"))
    head = [
        mido.MetaMessage("track_name", name=f"{score.instrument} loop"),
        mido.MetaMessage("set_tempo", tempo=round(60e6 / score.quarters_per_minute)),
        mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator),
    ]
    if score.key is not None:
        head.append(mido.MetaMessage("key_signature", key=_key_signature(score.key)))
    end = round(score.quarters * TICKS_PER_QUARTER)
    ticks = [(min(end, max(0, round(t * TICKS_PER_QUARTER))), o, m) for t, o, m in part_events(score)]
    conductor = track_of([], end, head)
    first = [mido.MetaMessage("track_name", name=score.instrument), *channel_setup(score)]
    return file_bytes([conductor, track_of(sorted(ticks, key=lambda e: e[:2]), end, first)], TICKS_PER_QUARTER)
