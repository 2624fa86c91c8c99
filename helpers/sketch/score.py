"""The score of one part: what the composer writes, what is rendered, drawn and saved as MIDI.

Conventions: time is in quarter notes from the start of bar 1, whatever the meter; a bar of 6/8 is three quarters long.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

from ..errors import InvalidInput
from ..music.instruments import find_instrument
from ..music.meter import Meter
from ..music.pitch import Key
from ..records import Note

EARLY = 0.1  # quarters before a bar line that still belong to its first beat
BEND_RANGE_SEMITONES = 12.0  # what a full pitch wheel means in our MIDI: wide enough for the glide of an 808


@dataclass(frozen=True)
class Tone:
    """A note as the parts write it, before swing and touch: ``step`` and ``length`` in sixteenths, ``delay_seconds``
    for the spread of a strum, ``limb`` whose timing it takes: ``kick``, ``snare`` or ``time``."""

    pitch: int
    step: float
    length: float
    velocity: int
    delay_seconds: float = 0.0
    limb: str = "time"


@dataclass(frozen=True)
class Bend:
    """From ``start`` on, the sounding pitch is ``semitones`` away from the written one (-12..12)."""

    start: float
    semitones: float


@dataclass(frozen=True)
class Swell:
    """From ``start`` on, the part is played at ``level`` 0..1 of its full expression (MIDI controller 11)."""

    start: float
    level: float


@dataclass(frozen=True)
class Score:
    """One instrument's part, exactly ``bars`` long.

    ``chords`` are the labels it was written over, one per half bar (empty for drums without harmony). ``choices`` says
    in words what was decided: pattern, form, register, feel. ``bpm`` counts the beats of ``meter``.
    """

    instrument: str
    role: str
    program: int
    is_drums: bool
    bpm: float
    meter: Meter
    bars: int
    key: Key | None
    chords: tuple[str, ...]
    notes: tuple[Note, ...]
    bends: tuple[Bend, ...] = ()
    swells: tuple[Swell, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def quarters_per_bar(self) -> float:
        return self.meter.steps_per_bar / 4

    @property
    def quarters(self) -> float:
        """Length of the part in quarter notes."""
        return self.bars * self.quarters_per_bar

    @property
    def quarters_per_minute(self) -> float:
        """The tempo as MIDI counts it."""
        return self.bpm * self.meter.quarters_per_beat

    def describe(self) -> str:
        """The choices in one line, for the notes of a take."""
        return "; ".join(f"{name}: {value}" for name, value in self.choices)

    def played_by(self, instrument: str) -> Score:
        """The same notes on another instrument, moved by whole octaves into its range: same notes, new sound.

        Raises InvalidInput if no instrument is named, or one of the two is a drum kit and the other is not.
        """
        other = find_instrument(instrument).instrument
        if self.is_drums != other.is_drums:
            raise InvalidInput(
                f"The notes of {self.instrument} mean nothing on {other.name}; name an instrument of its kind."
            )
        notes = self.notes
        if not self.is_drums:
            notes = tuple(dataclasses.replace(n, pitch=into_range(n.pitch, other.low, other.high)) for n in notes)
        return dataclasses.replace(
            self,
            instrument=other.name,
            program=other.program,
            is_drums=other.is_drums,
            notes=notes,
            choices=(*self.choices, ("notes of", self.instrument)),
        )

    def with_bar_of(self, other: Score, bar: int) -> Score:
        """The same part with bar number ``bar`` (from 0) of ``other``, and what is struck a little before it."""
        first = bar * self.quarters_per_bar - EARLY
        last = first + self.quarters_per_bar
        kept = [
            dataclasses.replace(n, length=min(n.length, first - n.start)) if n.start < first else n
            for n in self.notes
            if not first <= n.start < last
        ]
        notes = [*kept, *(n for n in other.notes if first <= n.start < last)]
        return dataclasses.replace(
            self,
            notes=tuple(sorted(notes, key=lambda n: n.start)),
            bends=_joined(self.bends, other.bends, first, last),
            swells=_joined(self.swells, other.swells, first, last),
        )


Control = TypeVar("Control", Bend, Swell)


def _joined(own: tuple[Control, ...], others: tuple[Control, ...], first: float, last: float) -> tuple[Control, ...]:
    """Controls that last until the next one: ``others`` from ``first`` to ``last``, ``own`` before and after."""
    out: list[Control] = [x for x in own if x.start < first]
    out += [dataclasses.replace(x, start=max(0.0, first)) for x in others if x.start < first][-1:]
    out += [x for x in others if first <= x.start < last]
    out += [dataclasses.replace(x, start=last) for x in own if x.start < last][-1:]
    return tuple(out + [x for x in own if x.start >= last])


def into_range(pitch: int, low: int, high: int) -> int:
    """Move a pitch by whole octaves into ``low..high`` (an octave wide at least)."""
    return low + (pitch - low) % 12 if pitch < low else high - (high - pitch) % 12 if pitch > high else pitch
