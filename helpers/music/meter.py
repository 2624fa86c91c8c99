"""Bars, beats, steps, seconds and samples. Pure arithmetic.

Conventions: a *beat* is what BPM counts: the quarter note in 4/4 and 3/4, the dotted quarter in 6/8 (two beats a bar).
A *step* is a sixteenth note: four to a quarter, six to a dotted quarter.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidInput

SLOWEST_BPM, FASTEST_BPM = 30.0, 300.0
MOST_BARS = 16


@dataclass(frozen=True)
class Meter:
    """A time signature: its written name, beats in a bar and sixteenth steps in a beat."""

    name: str
    beats_per_bar: int
    steps_per_beat: int

    @property
    def steps_per_bar(self) -> int:
        return self.beats_per_bar * self.steps_per_beat

    @property
    def quarters_per_beat(self) -> float:
        """Quarter notes in a beat (1.5 in 6/8), as MIDI and the ACID chunk count time."""
        return self.steps_per_beat / 4


METERS = {m.name: m for m in (Meter("4/4", 4, 4), Meter("3/4", 3, 4), Meter("6/8", 2, 6))}


def parse_meter(text: str) -> Meter:
    """Return the meter written as ``4/4``, ``3/4`` or ``6/8``; anything else raises InvalidInput."""
    meter = METERS.get(str(text).strip())
    if meter is None:
        raise InvalidInput(f"The time signature {text!r} is not known; use one of {', '.join(METERS)}.")
    return meter


def beat_seconds(bpm: float) -> float:
    """Length of one beat in seconds."""
    return 60.0 / bpm


def bar_seconds(bpm: float, meter: Meter) -> float:
    """Length of one bar in seconds."""
    return meter.beats_per_bar * 60.0 / bpm


def step_seconds(bpm: float, meter: Meter) -> float:
    """Length of one sixteenth in seconds."""
    return 60.0 / bpm / meter.steps_per_beat


def loop_seconds(bars: int, bpm: float, meter: Meter) -> float:
    """Exact length of a loop in seconds."""
    return bars * meter.beats_per_bar * 60.0 / bpm


def loop_samples(bars: int, bpm: float, meter: Meter, sample_rate: int) -> int:
    """Samples of a loop: ``round(bars * beats_per_bar * 60 / bpm * rate)``."""
    return round(bars * meter.beats_per_bar * 60.0 / bpm * sample_rate)
