"""Drum machines: every hit made from oscillators and noise, none a recording.

The circuits followed are those of two machines: one whose drums are ringing resonators (``808``), one harder with
noisier metal (``909``), and a third with falling tom-like tubes (``electro``). Notes are General MIDI percussion.
"""

from __future__ import annotations

import numpy as np

from .filters import band
from .oscillators import noise, phase_of, read_table, sine, wave_table
from .patch import Patch

METAL_HZ = (
    205.3,
    304.4,
    369.6,
    522.7,
    540.0,
    800.0,
)  # six square oscillators, as the first machine's service notes say
LONGEST_SECONDS = 2.2
CHOKES = {42: "hat", 44: "hat", 46: "hat"}
# General MIDI note -> (sound, its tune in semitones, pan -1..1)
DRUMS = {
    35: ("kick", 0, 0.0), 36: ("kick", 0, 0.0), 37: ("rim", 0, 0.12), 38: ("snare", 0, 0.0), 40: ("snare", 2, 0.0),
    39: ("clap", 0, 0.0), 42: ("hat", 0, 0.18), 44: ("hat", -2, 0.18), 46: ("open", 0, 0.18),
    41: ("tom", -5, 0.35), 43: ("tom", -3, 0.3), 45: ("tom", 0, 0.2), 47: ("tom", 3, 0.0), 48: ("tom", 5, -0.2),
    50: ("tom", 8, -0.35), 49: ("crash", 0, -0.3), 57: ("crash", 3, 0.3), 51: ("ride", 0, -0.3), 53: ("bell", 0, -0.3),
    59: ("ride", 2, -0.3), 54: ("shaker", -5, 0.4), 56: ("cowbell", 0, -0.25), 62: ("conga", 7, -0.3),
    63: ("conga", 4, -0.3), 64: ("conga", 0, -0.2), 69: ("shaker", 0, -0.4), 70: ("shaker", 3, -0.4),
    75: ("clave", 0, 0.3),
}  # fmt: skip
Rng = np.random.Generator
Machine = tuple[float, ...]
# What the three machines differ in: kick Hz, kick drop in semitones and its seconds, kick decay, snare tone share,
# noise of the metal, closed and open hat decay.
MACHINES = {
    "808": (52.0, 14.0, 0.008, 0.9, 0.55, 0.15, 0.09, 0.5),
    "909": (52.0, 26.0, 0.024, 0.42, 0.45, 0.6, 0.11, 0.55),
    "electro": (56.0, 30.0, 0.016, 0.3, 0.5, 0.5, 0.07, 0.4),
}


def play_hits(
    patch: Patch, hits: list[tuple[int, int, int]], count: int, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Hits as ``(start sample, note, velocity)``; float64 (2, count). A closed hat stops an open one."""
    out = np.zeros((2, count))
    hits = sorted(hits)
    for i, (start, pitch, velocity) in enumerate(hits):
        name, tune, pan = DRUMS.get(pitch, ("conga", (pitch - 60) % 12, 0.2))
        sound = _hit(patch, name, tune, velocity, sample_rate, rng)
        if CHOKES.get(pitch) == "hat":
            stops = [s for s, p, _ in hits[i + 1 :] if p in CHOKES and s > start]
            if stops and stops[0] - start < sound.shape[1]:
                end = stops[0] - start
                sound = sound[:, : end + 200].copy()
                sound[:, end:] *= np.linspace(1, 0, sound.shape[1] - end)
        sound = sound[:, : count - start]
        pan *= 0.4 + 0.6 * patch.spread
        out[0, start : start + sound.shape[1]] += np.sqrt(1 - pan) * sound[0]
        out[1, start : start + sound.shape[1]] += np.sqrt(1 + pan) * sound[1]
    return out


def _falls(count: int, seconds: float, rate: int, attack: float = 0.0005) -> np.ndarray:
    """A fall of 60 dB in ``seconds`` after a short rise."""
    t = np.arange(count) / rate
    return np.minimum(t / attack, 1.0) * np.exp(-6.9 * t / seconds)


def _hit(patch: Patch, name: str, tune: float, velocity: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """One drum, (2, n). Harder hits are brighter and snap more; no two are alike."""
    hard = (velocity - 90) / 107
    bright = 2 ** (1.3 * hard)
    tune = tune + patch.tune_semitones + 0.12 * (2 * rng.random() - 1)
    decay = patch.decay * (1 + 0.12 * (2 * rng.random() - 1))
    pitch = 2 ** (tune / 12)
    snap = patch.snap * 2 ** (2.2 * hard) * (1 + 0.2 * (2 * rng.random() - 1))
    level = (velocity / 127) ** 1.5
    one = _SOUNDS[name](MACHINES[patch.model], pitch, decay, snap, patch, rate, rng)
    cutoff = min(9000.0 * bright**1.6 * 2 ** (patch.tilt_db / 2), 0.44 * rate)
    if cutoff < 0.4 * rate:
        one = band(one, 0.0, cutoff, rate, 1)
    return level * (one if one.ndim == 2 else np.stack([one, one]))


def _kick(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    hz, drop, fall, long = machine[:4]
    count = round(min(1.5 * long * decay, LONGEST_SECONDS) * rate)
    t = np.arange(count) / rate
    depth = drop * np.clip(0.5 + 0.5 * snap, 0.3, 1.6)
    body = sine(phase_of(hz * pitch * 2 ** (depth / 12 * np.exp(-t / fall)), count, rate))
    gain = 10 ** (patch.drive_db / 20) * np.clip(snap, 0.5, 2.0) ** 0.5
    body = np.tanh(gain * body) / np.tanh(gain) * _falls(count, 1.4 * long * decay, rate)
    click = band(noise(rng, count), 1500.0, 0.0, rate) * np.exp(-t / 0.002)
    return 0.95 * body + 0.35 * snap * click


def _snare(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    tone_share = machine[4]
    count = round(0.45 * max(decay, 0.5) * rate)
    t = np.arange(count) / rate
    bend = 2 ** (3 / 12 * np.exp(-t / 0.015))
    tone = sine(phase_of(178 * pitch * bend, count, rate)) + 0.6 * sine(phase_of(331 * pitch * bend, count, rate))
    tone *= _falls(count, 0.22 * decay, rate)
    rattle = band(np.stack([noise(rng, count), noise(rng, count)]), 900.0, 9000.0, rate)
    wide = 0.35 * patch.spread
    rattle = np.stack([rattle[0] + wide * rattle[1], rattle[0] - wide * rattle[1]]) * _falls(count, 0.34 * decay, rate)
    return 1.1 * tone_share * tone + 1.1 * patch.noise * np.clip(snap, 0.3, 1.8) * rattle


def _clap(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(0.5 * max(decay, 0.5) * rate)
    t = np.arange(count) / rate
    shape = np.zeros(count)
    for start in (0.0, 0.010, 0.021):
        since = t - start
        shape += np.where(since >= 0, np.exp(-np.maximum(since, 0) / 0.0045), 0.0)
    shape += np.where(t >= 0.031, 0.8 * np.exp(-6.9 * np.maximum(t - 0.031, 0) / (0.28 * decay)), 0.0)
    both = band(np.stack([noise(rng, count), noise(rng, count)]), 800.0 * pitch, 4500.0 * pitch, rate)
    both += 0.25 * snap * band(np.stack([noise(rng, count), noise(rng, count)]), 3000.0, 0.0, rate)
    wide = 0.6 * patch.spread
    return np.stack([both[0] + wide * both[1], both[0] - wide * both[1]]) * shape


def _square(hz: float, count: int, rate: int, start: float = 0.0) -> np.ndarray:
    return read_table(wave_table("pulse", hz), phase_of(hz, count, rate, start))


def _metal(count: int, pitch: float, noisy: float, rate: int, rng: Rng, low: float, high: float) -> np.ndarray:
    """Six squares at odd ratios and some hiss, between two frequencies."""
    out = np.zeros(count)
    for hz in METAL_HZ:
        out += _square(2.05 * hz * pitch, count, rate, rng.random())
    return band((1 - noisy) * out / 3 + 2.2 * noisy * noise(rng, count), low, high, rate)


def _hat(
    machine: Machine,
    pitch: float,
    decay: float,
    snap: float,
    patch: Patch,
    rate: int,
    rng: Rng,
    long: float | None = None,
) -> np.ndarray:
    seconds = (machine[6] if long is None else long) * decay
    count = round(min(1.3 * seconds, LONGEST_SECONDS) * rate)
    ring = _metal(count, pitch, machine[5], rate, rng, 6500.0 * pitch**0.5, 0.0)
    return 0.75 * ring * (_falls(count, seconds, rate) + 0.6 * snap * np.exp(-np.arange(count) / (0.004 * rate)))


def _open(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    return _hat(machine, pitch, decay, snap, patch, rate, rng, long=machine[7])


def _crash(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(min(1.8 * decay, LONGEST_SECONDS) * rate)
    sides = [_metal(count, pitch * (1 + 0.01 * s), 0.65, rate, rng, 2500.0, 0.0) for s in (0, 1)]
    return 0.7 * np.stack(sides) * _falls(count, 1.6 * decay, rate, 0.002)


def _ride(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(min(1.2 * decay, LONGEST_SECONDS) * rate)
    ring = _metal(count, pitch * 1.3, 0.35, rate, rng, 4000.0, 0.0)
    return 0.45 * ring * (_falls(count, 1.1 * decay, rate) + 0.7 * snap * np.exp(-np.arange(count) / (0.006 * rate)))


def _bell(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(min(0.9 * decay, LONGEST_SECONDS) * rate)
    return _metal(count, pitch * 1.6, 0.1, rate, rng, 1800.0, 9000.0) * _falls(count, 0.8 * decay, rate)


def _rim(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(0.06 * rate)
    tone = sine(phase_of(1670 * pitch, count, rate)) + 0.8 * sine(phase_of(455 * pitch, count, rate))
    return np.tanh(2 * snap * tone) * _falls(count, 0.05, rate) * 0.8


def _tom(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(0.6 * max(decay, 0.4) * rate)
    t = np.arange(count) / rate
    depth = machine[1] / 3
    tone = sine(phase_of(110 * pitch * 2 ** (depth / 12 * np.exp(-t / 0.05)), count, rate))
    hiss = band(noise(rng, count), 200.0, 3000.0, rate) * np.exp(-t / 0.03)
    return 1.1 * tone * _falls(count, 0.45 * decay, rate) + 0.3 * snap * hiss


def _conga(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(0.3 * max(decay, 0.5) * rate)
    t = np.arange(count) / rate
    tone = sine(phase_of(190 * pitch * 2 ** (2 / 12 * np.exp(-t / 0.01)), count, rate))
    slap = band(noise(rng, count), 800.0, 6000.0, rate) * np.exp(-t / 0.004)
    return tone * _falls(count, 0.24 * decay, rate) + 0.3 * snap * slap


def _cowbell(
    machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng
) -> np.ndarray:
    count = round(0.45 * max(decay, 0.5) * rate)
    tone = _square(540 * pitch, count, rate) + _square(800 * pitch, count, rate)
    fall = _falls(count, 0.4 * decay, rate) + snap * np.exp(-np.arange(count) / (0.01 * rate))
    return 0.35 * band(tone, 450.0, 4500.0, rate) * fall


def _clave(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(0.08 * rate)
    return 0.9 * sine(phase_of(2480 * pitch, count, rate)) * _falls(count, 0.06, rate)


def _shaker(machine: Machine, pitch: float, decay: float, snap: float, patch: Patch, rate: int, rng: Rng) -> np.ndarray:
    count = round(0.14 * max(decay, 0.5) * rate)
    hiss = band(noise(rng, count), 4500.0 * pitch, 0.0, rate)
    return 0.8 * hiss * _falls(count, 0.11 * decay, rate, 0.012)


_SOUNDS = {
    "kick": _kick, "snare": _snare, "clap": _clap, "hat": _hat, "open": _open, "crash": _crash, "ride": _ride,
    "bell": _bell, "rim": _rim, "tom": _tom, "conga": _conga, "cowbell": _cowbell, "clave": _clave, "shaker": _shaker,
}  # fmt: skip
