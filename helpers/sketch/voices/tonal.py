"""Pitched voices: each note made by itself, then filtered, spread and put in its place. Sound is float64 (2, n)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from ...music.pitch import midi_hz
from .filters import BLOCK, adsr, band, falling, low_pass
from .oscillators import HIGHEST_HZ, noise, phase_of, read_table, sine, wave_table
from .patch import Patch

SOFTEST, HARDEST = 20, 127
MONO_FADE_SECONDS = 0.015
# No two notes are quite alike: how far each may stray; in pitch one goes up where the one before went down.
STRAY_CENTS, STRAY_CUTOFF_OCTAVES, STRAY_DECAY = 4.0, 0.2, 0.09
DEEP_STRAY_CENTS = 8.0  # a quarter of a hertz at the pitch of an 808
SUB_LEVEL = 0.7
CLICK_HZ = 1200.0  # the beater of an 808: a knock, no tick
LOWEST_SUB_HZ = 36.0  # an octave below would not be heard any more
DRAWBARS = ((0.5, 0.7), (1.0, 1.0), (1.5, 0.45), (2.0, 0.65), (3.0, 0.35), (4.0, 0.3), (6.0, 0.12), (8.0, 0.18))
KEY_CLICK_SECONDS = 0.006
TINE_FALLS = 1.7  # falls of 60 dB after which the ring of a tine is over
SETTLING = 0.05  # periods that one hit of the long drum is ahead of another, at most


@dataclass(frozen=True)
class Played:
    """A note in samples: ``start``, how long it is ``held``, MIDI ``pitch``, ``velocity`` 1..127."""

    start: int
    held: int
    pitch: int
    velocity: int


@dataclass(frozen=True, eq=False)
class Frame:
    """What a note is made of: the ``patch``, the ``note``, its pitch ``hz`` (a number or (size,)), its ``size`` in
    samples at ``rate``, the sound's random numbers and the note's own deviations from all others, -1..1."""

    patch: Patch
    note: Played
    hz: np.ndarray | float
    size: int
    rate: int
    rng: np.random.Generator
    stray: np.ndarray

    @property
    def seconds(self) -> np.ndarray:
        return np.arange(self.size) / self.rate

    @property
    def hardness(self) -> float:
        """How much harder than usual it is struck, -1..1."""
        return (self.note.velocity - 90) / (HARDEST - SOFTEST)

    @property
    def loudness(self) -> float:
        return (self.note.velocity / HARDEST) ** 1.4

    def periods(self, ratio: float = 1.0, start: float = 0.0) -> np.ndarray:
        """The phase of an oscillator at ``ratio`` times the note's pitch."""
        return phase_of(self.hz * ratio, self.size, self.rate, start)

    def envelope(self, decay: float | None = None, stray: float = STRAY_DECAY) -> np.ndarray:
        """The patch's envelope on this note."""
        p = self.patch
        decay = (p.decay if decay is None else decay) * (1 + stray * self.stray[2])
        return adsr(self.size, min(self.note.held, self.size), self.rate, p.attack, decay, p.sustain, p.release)


def play_notes(
    patch: Patch,
    notes: list[Played],
    bend: np.ndarray | None,
    count: int,
    loop_seconds: float,
    sample_rate: int,
    rng: np.random.Generator,
    tuning_cents: float = 0.0,
) -> np.ndarray:
    """All notes dry; float64 (2, count). ``bend``: samples and the semitones from there on, in between a straight line;
    (2, n)."""
    notes = sorted(notes, key=lambda n: (n.start, n.pitch))
    if patch.mono:
        notes = _one_at_a_time(notes)
    make = {"analog": _analog, "fm": _fm, "organ": _organ, "808": _eight}[patch.engine]
    starts = {n.start for n in notes}
    out = np.zeros((2, count))
    before: int | None = None
    turn = 1.0
    # Notes that begin and end together share one filter, as the keys of a paraphonic synthesiser do.
    for (start, held), chord in groupby(notes, key=lambda n: (n.start, n.held)):
        together = list(chord)
        tail = MONO_FADE_SECONDS if patch.mono and start + held in starts else 1.2 * patch.release
        size = min(held + round(tail * sample_rate), count - start)
        if size < BLOCK:
            continue
        stray = 2.0 * rng.random(3) - 1.0
        turn = -turn
        stray[0] = turn * (0.75 + 0.25 * stray[0])
        cents = tuning_cents + stray[0] * (DEEP_STRAY_CENTS if patch.engine == "808" else STRAY_CENTS)
        glide_from = before if patch.mono and patch.glide_seconds else None
        sound = np.zeros((2, size))
        for note in together:
            hz = _pitch_hz(patch, note, size, bend, glide_from, cents, sample_rate)
            sound += make(Frame(patch, note, hz, size, sample_rate, rng, stray))
            before = note.pitch
        if patch.engine == "analog":
            sound = _filtered(patch, together, sound, start, loop_seconds, sample_rate, stray)
        if tail == MONO_FADE_SECONDS:
            sound[:, held:] *= np.linspace(1.0, 0.0, size - held)
        out[:, start : start + size] += sound
    return out


def _one_at_a_time(notes: list[Played]) -> list[Played]:
    """Each note ends where the next begins; of notes that begin together the highest stays."""
    alone = list({n.start: n for n in notes}.values())
    ends = [*(n.start for n in alone[1:]), 1 << 40]
    return [replace(n, held=min(n.held, end - n.start)) for n, end in zip(alone, ends, strict=True)]


def _pitch_hz(
    patch: Patch,
    note: Played,
    size: int,
    bend: np.ndarray | None,
    glide_from: int | None,
    cents: float,
    sample_rate: int,
) -> np.ndarray | float:
    """The note's pitch in Hz: one number where it stands still, else (size,)."""
    base = midi_hz(note.pitch) * 2 ** (cents / 1200)
    moving = patch.drop_semitones or patch.vibrato_cents or bend is not None or glide_from not in (None, note.pitch)
    if not moving:
        return base
    t = np.arange(size) / sample_rate
    semitones = np.zeros(size)
    if patch.drop_semitones:
        semitones += patch.drop_semitones * np.exp(-t / patch.drop_seconds)
    if patch.vibrato_cents:
        depth = np.clip((t - 0.25) / 0.35, 0.0, 1.0)  # as players do: only on notes that last
        semitones += patch.vibrato_cents / 100 * depth * np.sin(2 * np.pi * 5.3 * t)
    if bend is not None:
        semitones += np.interp(note.start + np.minimum(np.arange(size), note.held), *bend)
    if glide_from is not None:
        semitones += (glide_from - note.pitch) * np.exp(-t / (patch.glide_seconds / 3))
    return base * 2 ** (semitones / 12)


def _analog(f: Frame) -> np.ndarray:
    """Oscillators, unfiltered: unison voices panned alternately, each with a phase of its own."""
    patch, size, rng = f.patch, f.size, f.rng
    top = float(np.max(f.hz)) * 2 ** (patch.detune_cents / 1200)
    waves = [(patch.saw, "saw"), (patch.pulse, "pulse"), (patch.triangle, "triangle")]
    # The waves of a voice run in one phase: added up once, they are read as one.
    tables = [np.float32(level) * wave_table(name, top, patch.pulse_width) for level, name in waves if level]
    table = np.sum(tables, axis=0)
    out = np.zeros((2, size))
    voices = max(1, patch.voices)
    places = np.linspace(-1.0, 1.0, voices) if voices > 1 else np.zeros(1)
    for i, place in enumerate(places):
        # Evenly spaced voices beat in step; a little jitter keeps them apart.
        cents = patch.detune_cents / 2 * (place + (0.15 * (2 * rng.random() - 1) if voices > 1 else 0.0))
        start = rng.random() if voices > 1 else 0.0
        phase = f.periods(2 ** (cents / 1200), start)
        one = read_table(table, phase)
        pan = patch.spread * place * (1 if i % 2 else -1)
        out[0] += np.sqrt((1 - pan) / 2) * one
        out[1] += np.sqrt((1 + pan) / 2) * one
    out *= np.sqrt(2.0 / voices)
    if patch.sub:
        octave = 2.0**patch.sub_octave if float(np.min(f.hz)) * 2.0**patch.sub_octave >= LOWEST_SUB_HZ else 1.0
        out += SUB_LEVEL * patch.sub * sine(f.periods(octave))
    if patch.noise:
        out += patch.noise * np.stack([noise(rng, size), noise(rng, size)])
    return out * (f.envelope() * f.loudness)


def _filtered(
    patch: Patch, notes: list[Played], sound: np.ndarray, start: int, loop_seconds: float, rate: int, stray: np.ndarray
) -> np.ndarray:
    """The moving filter over the notes that began together."""
    size = sound.shape[1]
    blocks = -(-size // BLOCK)
    t = np.arange(blocks) * (BLOCK / rate)
    key = np.mean([n.pitch for n in notes]) - 60
    hardness = (np.mean([n.velocity for n in notes]) - 90) / (HARDEST - SOFTEST)
    octaves = patch.key_follow * key / 12 + patch.velocity_octaves * hardness + STRAY_CUTOFF_OCTAVES * stray[1]
    envelope = np.exp(-6.9 * np.maximum(t - patch.env_attack, 0.0) / patch.env_decay)
    if patch.env_attack:
        envelope *= np.minimum(t / patch.env_attack, 1.0)
    octaves = octaves + patch.env_octaves * envelope
    if patch.sweep_octaves:
        cycle = 2 * np.pi * max(1, round(loop_seconds / 8.0)) / loop_seconds
        octaves = octaves + patch.sweep_octaves * np.sin(cycle * (t + start / rate) - np.pi / 2)
    return low_pass(sound, patch.cutoff_hz * 2**octaves, patch.resonance, rate, patch.poles)


def _fm(f: Frame) -> np.ndarray:
    """A carrier and a modulator, twice: the pair that gives the body, and, left and right apart, a detuned twin."""
    patch, size, rng = f.patch, f.size, f.rng
    top = float(np.max(f.hz))
    # Carson: the partials reach about (index + 1) modulator frequencies above the carrier.
    most = max(0.0, HIGHEST_HZ / (top * patch.ratio) - 1.0)
    index = min(patch.index * 2 ** (patch.velocity_octaves * f.hardness + STRAY_CUTOFF_OCTAVES * f.stray[1]), most)
    depth = index / (2 * np.pi) * (0.25 + 0.75 * falling(size, patch.env_decay, f.rate))
    out = np.empty((2, size))
    for side, sign in ((0, -1.0), (1, 1.0)):
        cents = sign * patch.detune_cents / 2
        phase = f.periods(2 ** (cents / 1200), 0.25 * rng.random() if cents else 0.0)
        out[side] = sine(phase + depth * sine(patch.ratio * phase))
    if patch.sub:
        out += SUB_LEVEL * patch.sub * sine(f.periods())
    if patch.snap != 1.0 and top * 14 < HIGHEST_HZ:  # the tine: a soft ring far above the note
        decay = 0.4 * patch.env_decay
        heard = min(size, round(TINE_FALLS * decay * f.rate))
        ring = patch.snap * 2 ** (1.5 * f.hardness) * falling(heard, decay, f.rate)
        out[:, :heard] += ring * sine(14.0 * f.periods()[:heard])
    return out * (f.envelope() * f.loudness)


def _organ(f: Frame) -> np.ndarray:
    """Drawbars, the high ones by ``cutoff_hz`` and touch, with the contacts' click."""
    patch, size, rate, rng = f.patch, f.size, f.rate, f.rng
    tilt = np.clip(patch.cutoff_hz / 4000.0, 0.1, 3.0) * 2 ** (patch.velocity_octaves * f.hardness)
    phase = f.periods()
    one = np.zeros(size)
    for ratio, level in DRAWBARS:
        if float(np.max(f.hz)) * ratio < HIGHEST_HZ:
            one += level * (tilt if ratio > 2 else 1.0) * sine(ratio * phase + rng.random())
    click = np.exp(-np.arange(size) / (KEY_CLICK_SECONDS * rate)) * noise(rng, size)
    one = 0.4 * one + patch.snap * 0.12 * click
    return np.stack([one, one]) * (f.envelope() * f.loudness**0.5)


def _eight(f: Frame) -> np.ndarray:
    """The long bass drum: a sine that drops into its pitch, a click before it, overtones by drive and touch."""
    patch, size, rate, rng = f.patch, f.size, f.rate, f.rng
    t = f.seconds
    body = sine(f.periods() + SETTLING * f.stray[0] * np.exp(-t / 0.1))
    gain = 10 ** ((patch.drive_db + 14.0 * f.hardness + 0.8 * f.stray[1]) / 20)
    body = np.tanh(gain * (body + 0.12 * body * body)) / np.tanh(gain)
    # A longer note rings longer, as on a drum whose decay is set for it.
    long = max(patch.decay, 1.4 * f.note.held / rate)
    shape = f.envelope(long, 0.1)
    click = band(noise(rng, size), 0.0, CLICK_HZ, rate, 1) * np.exp(-np.arange(size) / (0.0015 * rate))
    click *= patch.snap * 0.04 * 2 ** (2 * f.hardness)
    one = (body * shape + click) * f.loudness
    return np.stack([one, one])
