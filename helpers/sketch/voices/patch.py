"""What a voice is made of: every value of a sound, in the terms of a synthesiser's front panel."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

OCTAVE_HZ = tuple(46.2 * 2.0**octave for octave in range(7))  # the middles of C1..B1 to C7..B7
VOICING_HZ = (50.0, 120.0, 300.0, 800.0, 2000.0, 5000.0, 12_000.0)


@dataclass(frozen=True)
class Patch:
    """One sound.

    ``engine`` is ``analog`` (saw, pulse, triangle and sub oscillators, noise, a filter), ``fm``, ``organ``, ``808`` or
    ``kit``. Levels are 0..1; times are seconds, those of falls for 60 dB. ``voices`` oscillators lie within
    ``detune_cents`` of one another and are spread to the sides by ``spread``. The filter's ``cutoff_hz`` holds at
    middle C, falls by 6 dB an octave a pole and follows the key by ``key_follow``; its envelope opens it by
    ``env_octaves`` and velocity by up to ``velocity_octaves`` between the softest and the hardest note;
    ``sweep_octaves`` move it slowly, a whole number of times a loop. In ``fm`` ``ratio`` and ``index`` are the
    modulator's and ``env_decay`` is how fast it falls. ``drop_semitones`` is how far above its pitch a note begins and
    ``drop_seconds`` how fast it is there. ``tilt_db`` turns the spectrum, per octave, and ``voicing_db`` are gains at
    VOICING_HZ, set by the recordings of ``benchmarks/sketch/sound.py``. In a ``kit`` ``tune_semitones``, ``decay`` (a
    factor), ``snap`` and ``noise`` shape the drums of ``model``.
    """

    engine: str = "analog"
    saw: float = 0.0
    pulse: float = 0.0
    pulse_width: float = 0.5
    triangle: float = 0.0
    sub: float = 0.0
    sub_octave: int = 0
    noise: float = 0.0
    voices: int = 1
    detune_cents: float = 0.0
    spread: float = 0.0
    attack: float = 0.003
    decay: float = 1.0
    sustain: float = 1.0
    release: float = 0.15
    cutoff_hz: float = 8000.0
    key_follow: float = 0.5
    poles: int = 4
    env_octaves: float = 0.0
    env_attack: float = 0.0
    env_decay: float = 0.5
    resonance: float = 0.8
    velocity_octaves: float = 1.5
    sweep_octaves: float = 0.0
    drive_db: float = 0.0
    ratio: float = 1.0
    index: float = 0.0
    drop_semitones: float = 0.0
    drop_seconds: float = 0.015
    vibrato_cents: float = 0.0
    glide_seconds: float = 0.0
    mono: bool = False
    tilt_db: float = 0.0
    voicing_db: tuple[float, ...] = ()
    chorus: float = 0.0
    delay: float = 0.0
    room: float = 0.0
    room_seconds: float = 1.2
    model: str = ""
    tune_semitones: float = 0.0
    snap: float = 1.0

    def with_(self, **changes: Any) -> Patch:
        return dataclasses.replace(self, **changes)

    def values(self) -> dict[str, Any]:
        """What differs from a plain patch, rounded: enough to make the sound again."""
        plain = Patch()
        out = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in out.items()
            if value != getattr(plain, name)
        }
