"""Bars, beats, steps, seconds and samples. Pure arithmetic.

Conventions: a *beat* is what BPM counts: the quarter note in 4/4, 3/4, 5/4, 7/4 and 7/8 (three and a half a bar), the
dotted quarter in 6/8 and 12/8 (two and four a bar).
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
    beats_per_bar: int | float
    steps_per_beat: int

    @property
    def steps_per_bar(self) -> int:
        return int(self.beats_per_bar * self.steps_per_beat)

    @property
    def pulses_per_bar(self) -> int:
        """Beats of a bar, or its eighths where it is no whole number of beats."""
        return int(self.beats_per_bar) if self.beats_per_bar % 1 == 0 else int(2 * self.beats_per_bar)

    def chord_steps(self, count: int) -> tuple[int, ...]:
        """The steps on which ``count`` (1 to 4) chords of a bar begin; three are two beats and one each in fours.

        An odd bar divides after its longer half: 5/4 as 3 + 2, 7/8 as 4 + 3 eighths.
        """
        size, beat = self.steps_per_bar, self.steps_per_beat
        if count == 3:
            return (0, size // 3, 2 * size // 3) if size % 3 == 0 else (0, 2 * beat, 3 * beat)
        if count == 4:
            return tuple(i * size // 4 for i in range(4)) if size % 4 == 0 else (0, beat, 2 * beat, 3 * beat)
        half = size // 2 if self.beats_per_bar in (2, 3, 4) else -(-self.beats_per_bar // 2) * beat
        return (0, int(half))[:count]

    @property
    def quarters_per_beat(self) -> float:
        """Quarter notes in a beat (1.5 in 6/8), as MIDI and the ACID chunk count time."""
        return self.steps_per_beat / 4


_WRITTEN = (("4/4", 4, 4), ("3/4", 3, 4), ("6/8", 2, 6), ("5/4", 5, 4), ("7/4", 7, 4), ("7/8", 3.5, 4), ("12/8", 4, 6))
METERS = {name: Meter(name, beats, steps) for name, beats, steps in _WRITTEN}


def parse_meter(text: str) -> Meter:
    """Return the meter written as ``4/4``, ``3/4``, ``7/8`` ...; what METERS lacks raises InvalidInput."""
    meter = METERS.get(str(text).strip())
    if meter is None:
        raise InvalidInput(f"The time signature {text!r} is not known; use one of {', '.join(METERS)}.")
    return meter


def bar_seconds(bpm: float, meter: Meter) -> float:
    """Length of one bar in seconds."""
    return meter.beats_per_bar * 60.0 / bpm


def step_seconds(bpm: float, meter: Meter) -> float:
    """Length of one sixteenth in seconds."""
    return 60.0 / bpm / meter.steps_per_beat


def loop_samples(bars: int, bpm: float, meter: Meter, sample_rate: int) -> int:
    """Samples of a loop: ``round(bars * beats_per_bar * 60 / bpm * rate)``."""
    return round(bars * meter.beats_per_bar * 60.0 / bpm * sample_rate)
