"""Analyses and requests made by hand: the composer's ideas with known truth."""

from __future__ import annotations

from helpers.music.instruments import find_instrument
from helpers.music.meter import parse_meter
from helpers.music.pitch import parse_key, parse_progression
from helpers.records import Analysis, Groove, KeyEstimate, Note, Request, Tempo

PLAYERS = {
    "bass": "bass guitar",
    "chords": "piano",
    "pad": "strings",
    "lead": "flute",
    "arpeggio": "pluck",
    "drums": "drum kit",
}
TONAL = tuple(role for role in PLAYERS if role != "drums")


def request(role: str = "chords", **changes) -> Request:
    """Four bars of A minor at 100 BPM for the role's usual player; ``key`` and ``chords`` may be text."""
    key = changes.pop("key", "A minor")
    chords = changes.pop("chords", "| Am | F | C | G |")
    instrument = changes.pop("instrument", PLAYERS[role])
    given = {"bpm": 100.0, "bars": 4} | changes
    return Request(
        instrument=find_instrument(instrument).instrument.name,
        role=role,
        key=parse_key(key) if key and role != "drums" else None,
        progression=parse_progression(chords) if chords and role != "drums" else (),
        **given,
    )


def idea(
    *,
    bpm: float = 100.0,
    meter: str = "4/4",
    accents: tuple[float, ...] = (),
    low_accents: tuple[float, ...] = (),
    bar_accents: tuple[tuple[float, ...], ...] = (),
    swing: float | None = None,
    melody: tuple[Note, ...] = (),
    octaves: tuple[float, ...] = (),
    levels_db: tuple[float, ...] = (),
    timing_ms: tuple[float, ...] = (),
    key: str | None = "A minor",
) -> Analysis:
    """An idea that has exactly the given properties and no others."""
    return Analysis(
        file="idea.wav",
        sha256="0" * 64,
        seconds=9.6,
        sample_rate=44_100,
        channels=1,
        tempo=Tempo(bpm, 0.9, downbeats=(0.0, 2.4), meter=parse_meter(meter), swing=swing),
        key=KeyEstimate(parse_key(key), 0.9) if key else None,
        melody=melody,
        groove=Groove(
            accents=accents,
            low_accents=low_accents,
            bar_accents=bar_accents,
            bar_low_accents=bar_accents,
            density=2.0 if accents else 0.0,
            octaves=octaves,
            bar_levels_db=levels_db,
            timing_ms=timing_ms,
        ),
    )


def accent_steps(*steps: int, size: int = 16) -> tuple[float, ...]:
    """An accent profile that is 1 on the given steps and 0 elsewhere."""
    return tuple(1.0 if s in steps else 0.0 for s in range(size))
