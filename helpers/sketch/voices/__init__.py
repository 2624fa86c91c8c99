"""Electronic instruments made here, from oscillators and noise; nothing is sampled.

Decided after comparing with signalflow, cyfaust, dawdreamer and pedalboard by licence, wheels, determinism and weight
(``docs/sounds.md``): two are under the GPL, the others bring a compiled audio engine for what numpy does in under a
second, and the same request would not surely give the same bytes.
"""

from __future__ import annotations

import numpy as np

from ..score import Score
from .effects import chorused, driven, ducking, ping_pong, room_of
from .filters import shaped
from .kits import play_hits
from .patch import OCTAVE_HZ, Patch
from .presets import FAMILIES, SAMPLED, VOICES, WORDS, Sound, _rng, choose_sound, read_sound
from .tonal import Played, play_notes

# Results are multiples of this, 132 dB down: a last bit that another processor's sine rounds otherwise is rounded away.
GRAIN = 2.0**-22
DELAY_QUARTERS = 0.75


def play(
    sound: Sound,
    score: Score,
    lead_seconds: float,
    seconds: float,
    sample_rate: int,
    *,
    dry: bool = False,
    tuning_cents: float = 0.0,
) -> np.ndarray:
    """A score through a voice: float64 (2, n): ``lead_seconds``, then ``seconds`` from bar 1 on.

    ``tuning_cents`` moves every pitch, drums excepted. ``dry``: no delay, no room, no chorus. Equal arguments give
    equal bytes.
    """
    patch = sound.patch.with_(delay=0.0, room=0.0, chorus=0.0) if dry else sound.patch
    quarter = 60.0 / score.quarters_per_minute
    loop_seconds = score.quarters * quarter
    count = round((lead_seconds + seconds) * sample_rate)

    def sample(quarters: float) -> int:
        return max(0, round((lead_seconds + quarters * quarter) * sample_rate))

    rng = _rng(f"{sound.family} {sound.name} notes".encode())
    if patch.engine == "kit":
        hits = [(sample(n.start), n.pitch, n.velocity) for n in score.notes]
        out = play_hits(patch, hits, count, sample_rate, rng)
    else:
        notes = [
            Played(sample(n.start), max(1, round(n.length * quarter * sample_rate)), n.pitch, n.velocity)
            for n in score.notes
        ]
        bend = np.array([(sample(b.start), b.semitones) for b in score.bends]).T if score.bends else None
        out = play_notes(patch, notes, bend, count, loop_seconds, sample_rate, rng, tuning_cents)
        if patch.engine != "808":
            out = driven(out, patch.drive_db)
    if score.swells:
        at = np.array([sample(s.start) for s in score.swells])
        out *= np.interp(np.arange(count), at, [s.level for s in score.swells])
    out = chorused(out, patch.chorus, loop_seconds, sample_rate)
    out = ping_pong(out, patch.delay, DELAY_QUARTERS * quarter, sample_rate)
    tilt_db = 0.0 if patch.engine == "kit" else patch.tilt_db
    echo = room_of(patch.room, patch.room_seconds, sample_rate)
    return grained(shaped(out, tilt_db, sample_rate, patch.voicing_db, sound.room_db, echo))


def grained(sound: np.ndarray) -> np.ndarray:
    """The sound in multiples of GRAIN: equal on processors and libraries that round a last bit otherwise."""
    return np.round(sound / GRAIN) * GRAIN
