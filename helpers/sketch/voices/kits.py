"""Drum machines: every hit made from oscillators and noise, none a recording.

The circuits followed are those of two machines: one whose drums are ringing resonators (``808``), one harder with
noisier metal (``909``), and a third with falling tom-like tubes (``electro``). Notes are General MIDI percussion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...music import tables
from .filters import band
from .oscillators import noise, phase_of, read_table, sine, wave_table
from .patch import Patch

# Six square oscillators, as the first machine's service notes say.
METAL_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)
LONGEST_SECONDS = 2.2
HATS = (42, 44, 46)  # a closed one stops an open one
_TABLE = tables.read_table(__package__, "kits.txt")
# General MIDI note -> (sound, its tune in semitones, pan -1..1)
DRUMS = {int(note): (sound, int(tune), float(pan)) for note, sound, tune, pan in _TABLE["drums"]}
MACHINES = {name: tuple(map(float, values)) for name, *values in _TABLE["machines"]}


def play_hits(
    patch: Patch, hits: list[tuple[int, int, int]], count: int, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Hits as ``(start sample, note, velocity)``; float64 (2, count). A closed hat stops an open one."""
    out = np.zeros((2, count))
    hits = sorted(hits)
    for i, (start, pitch, velocity) in enumerate(hits):
        name, tune, pan = DRUMS.get(pitch, ("conga", (pitch - 60) % 12, 0.2))
        sound = _hit(patch, name, tune, velocity, sample_rate, rng)
        if pitch in HATS:
            stops = [s for s, p, _ in hits[i + 1 :] if p in HATS and s > start]
            if stops and stops[0] - start < sound.shape[1]:
                end = stops[0] - start
                sound = sound[:, : end + 200].copy()
                sound[:, end:] *= np.linspace(1, 0, sound.shape[1] - end)
        sound = sound[:, : count - start]
        pan *= 0.4 + 0.6 * patch.spread
        out[0, start : start + sound.shape[1]] += np.sqrt(1 - pan) * sound[0]
        out[1, start : start + sound.shape[1]] += np.sqrt(1 + pan) * sound[1]
    return out


@dataclass(frozen=True, eq=False)
class Strike:
    """One hit of a drum: a row of MACHINES, factors of its pitch, decay and snap, the patch, the sound's randomness."""

    machine: tuple[float, ...]
    pitch: float
    decay: float
    snap: float
    patch: Patch
    rate: int
    rng: np.random.Generator

    def seconds(self, seconds: float) -> np.ndarray:
        """The time of each sample of a sound as long as that, at most LONGEST_SECONDS."""
        return np.arange(round(min(seconds, LONGEST_SECONDS) * self.rate)) / self.rate

    def sine(self, hz: np.ndarray | float, t: np.ndarray) -> np.ndarray:
        return sine(phase_of(hz, t.size, self.rate))

    def square(self, hz: float, t: np.ndarray, start: float = 0.0) -> np.ndarray:
        return read_table(wave_table("pulse", hz), phase_of(hz, t.size, self.rate, start))

    def hiss(self, t: np.ndarray, low: float, high: float = 0.0) -> np.ndarray:
        """Noise between two frequencies; a bound of 0 is none."""
        return band(noise(self.rng, t.size), low, high, self.rate)

    def two_hisses(self, t: np.ndarray, low: float, high: float, wide: float) -> np.ndarray:
        """Noise in the middle, and another of ``wide`` at the sides."""
        both = band(np.stack([noise(self.rng, t.size), noise(self.rng, t.size)]), low, high, self.rate)
        return np.stack([both[0] + wide * both[1], both[0] - wide * both[1]])

    def metal(self, t: np.ndarray, pitch: float, noisy: float, low: float, high: float = 0.0) -> np.ndarray:
        """Six squares at odd ratios and some hiss, between two frequencies."""
        out = np.zeros(t.size)
        for hz in METAL_HZ:
            out += self.square(2.05 * hz * pitch, t, self.rng.random())
        return band((1 - noisy) * out / 3 + 2.2 * noisy * noise(self.rng, t.size), low, high, self.rate)


def _falls(t: np.ndarray, seconds: float, attack: float = 0.0005) -> np.ndarray:
    """A fall of 60 dB in ``seconds`` after a short rise."""
    return np.minimum(t / attack, 1.0) * np.exp(-6.9 * t / seconds)


def _hit(patch: Patch, name: str, tune: float, velocity: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """One drum, (2, n). Harder hits are brighter and snap more; no two are alike."""
    hard = (velocity - 90) / 107
    tune = tune + patch.tune_semitones + 0.12 * (2 * rng.random() - 1)
    decay = patch.decay * (1 + 0.12 * (2 * rng.random() - 1))
    snap = patch.snap * 2 ** (2.2 * hard) * (1 + 0.2 * (2 * rng.random() - 1))
    one = _SOUNDS[name](Strike(MACHINES[patch.model], 2 ** (tune / 12), decay, snap, patch, rate, rng))
    cutoff = min(9000.0 * (2 ** (1.3 * hard)) ** 1.6 * 2 ** (patch.tilt_db / 2), 0.44 * rate)
    if cutoff < 0.4 * rate:
        one = band(one, 0.0, cutoff, rate, 1)
    return (velocity / 127) ** 1.5 * (one if one.ndim == 2 else np.stack([one, one]))


def _kick(s: Strike) -> np.ndarray:
    hz, drop, fall, long = s.machine[:4]
    t = s.seconds(1.5 * long * s.decay)
    depth = drop * np.clip(0.5 + 0.5 * s.snap, 0.3, 1.6)
    body = s.sine(hz * s.pitch * 2 ** (depth / 12 * np.exp(-t / fall)), t)
    gain = 10 ** (s.patch.drive_db / 20) * np.clip(s.snap, 0.5, 2.0) ** 0.5
    body = np.tanh(gain * body) / np.tanh(gain) * _falls(t, 1.4 * long * s.decay)
    return 0.95 * body + 0.35 * s.snap * (s.hiss(t, 1500.0) * np.exp(-t / 0.002))


def _snare(s: Strike) -> np.ndarray:
    t = s.seconds(0.45 * max(s.decay, 0.5))
    bend = 2 ** (3 / 12 * np.exp(-t / 0.015))
    tone = s.sine(178 * s.pitch * bend, t) + 0.6 * s.sine(331 * s.pitch * bend, t)
    tone *= _falls(t, 0.22 * s.decay)
    rattle = s.two_hisses(t, 900.0, 9000.0, 0.35 * s.patch.spread) * _falls(t, 0.34 * s.decay)
    return 1.1 * s.machine[4] * tone + 1.1 * s.patch.noise * np.clip(s.snap, 0.3, 1.8) * rattle


def _clap(s: Strike) -> np.ndarray:
    t = s.seconds(0.5 * max(s.decay, 0.5))
    shape = np.zeros(t.size)
    for start in (0.0, 0.010, 0.021):
        since = t - start
        shape += np.where(since >= 0, np.exp(-np.maximum(since, 0) / 0.0045), 0.0)
    shape += np.where(t >= 0.031, 0.8 * np.exp(-6.9 * np.maximum(t - 0.031, 0) / (0.28 * s.decay)), 0.0)
    wide = 0.6 * s.patch.spread
    body = s.two_hisses(t, 800.0 * s.pitch, 4500.0 * s.pitch, wide)
    return (body + 0.25 * s.snap * s.two_hisses(t, 3000.0, 0.0, wide)) * shape


def _hat(s: Strike, fall: int = 6) -> np.ndarray:
    seconds = s.machine[fall] * s.decay
    t = s.seconds(1.3 * seconds)
    ring = s.metal(t, s.pitch, s.machine[5], 6500.0 * s.pitch**0.5)
    return 0.75 * ring * (_falls(t, seconds) + 0.6 * s.snap * np.exp(-t / 0.004))


def _open(s: Strike) -> np.ndarray:
    return _hat(s, fall=7)


def _crash(s: Strike) -> np.ndarray:
    t = s.seconds(1.8 * s.decay)
    sides = [s.metal(t, s.pitch * (1 + 0.01 * side), 0.65, 2500.0) for side in (0, 1)]
    return 0.7 * np.stack(sides) * _falls(t, 1.6 * s.decay, 0.002)


def _ride(s: Strike) -> np.ndarray:
    t = s.seconds(1.2 * s.decay)
    ring = s.metal(t, s.pitch * 1.3, 0.35, 4000.0)
    return 0.45 * ring * (_falls(t, 1.1 * s.decay) + 0.7 * s.snap * np.exp(-t / 0.006))


def _bell(s: Strike) -> np.ndarray:
    t = s.seconds(0.9 * s.decay)
    return s.metal(t, s.pitch * 1.6, 0.1, 1800.0, 9000.0) * _falls(t, 0.8 * s.decay)


def _rim(s: Strike) -> np.ndarray:
    t = s.seconds(0.06)
    tone = s.sine(1670 * s.pitch, t) + 0.8 * s.sine(455 * s.pitch, t)
    return np.tanh(2 * s.snap * tone) * _falls(t, 0.05) * 0.8


def _tom(s: Strike) -> np.ndarray:
    t = s.seconds(0.6 * max(s.decay, 0.4))
    tone = s.sine(110 * s.pitch * 2 ** (s.machine[1] / 3 / 12 * np.exp(-t / 0.05)), t)
    return 1.1 * tone * _falls(t, 0.45 * s.decay) + 0.3 * s.snap * (s.hiss(t, 200.0, 3000.0) * np.exp(-t / 0.03))


def _conga(s: Strike) -> np.ndarray:
    t = s.seconds(0.3 * max(s.decay, 0.5))
    tone = s.sine(190 * s.pitch * 2 ** (2 / 12 * np.exp(-t / 0.01)), t)
    return tone * _falls(t, 0.24 * s.decay) + 0.3 * s.snap * (s.hiss(t, 800.0, 6000.0) * np.exp(-t / 0.004))


def _cowbell(s: Strike) -> np.ndarray:
    t = s.seconds(0.45 * max(s.decay, 0.5))
    tone = s.square(540 * s.pitch, t) + s.square(800 * s.pitch, t)
    fall = _falls(t, 0.4 * s.decay) + s.snap * np.exp(-t / 0.01)
    return 0.35 * band(tone, 450.0, 4500.0, s.rate) * fall


def _clave(s: Strike) -> np.ndarray:
    t = s.seconds(0.08)
    return 0.9 * s.sine(2480 * s.pitch, t) * _falls(t, 0.06)


def _shaker(s: Strike) -> np.ndarray:
    t = s.seconds(0.14 * max(s.decay, 0.5))
    return 0.8 * s.hiss(t, 4500.0 * s.pitch) * _falls(t, 0.11 * s.decay, 0.012)


_SOUNDS = {
    "kick": _kick, "snare": _snare, "clap": _clap, "hat": _hat, "open": _open, "crash": _crash, "ride": _ride,
    "bell": _bell, "rim": _rim, "tom": _tom, "conga": _conga, "cowbell": _cowbell, "clave": _clave, "shaker": _shaker,
}  # fmt: skip
