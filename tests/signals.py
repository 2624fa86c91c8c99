"""Sounds whose truth is known because we build them: clicks, tones, chords, drums, noise, silence.

Everything is float32 ``(channels, samples)`` inside a :class:`helpers.records.Clip`; random parts take a seed.
"""

from __future__ import annotations

import numpy as np

from helpers.records import Clip

RATE = 44_100


def clip_of(mono: np.ndarray, rate: int = RATE, channels: int = 1) -> Clip:
    """Wrap a mono signal (any float dtype) as a clip of ``channels`` equal channels."""
    return Clip(np.repeat(np.asarray(mono, dtype=np.float32)[None, :], channels, axis=0), rate)


def silence(seconds: float = 4.0, rate: int = RATE, channels: int = 1) -> Clip:
    return clip_of(np.zeros(round(seconds * rate)), rate, channels)


def noise(seconds: float = 4.0, rate: int = RATE, seed: int = 0, level: float = 0.2) -> Clip:
    """White Gaussian noise."""
    return clip_of(level * np.random.default_rng(seed).standard_normal(round(seconds * rate)), rate)


def _hit(rate: int, hz: float, decay_seconds: float, noisy: float, rng: np.random.Generator) -> np.ndarray:
    """A struck sound: a decaying sine mixed with decaying noise (``noisy`` 0..1)."""
    t = np.arange(round(5 * decay_seconds * rate)) / rate
    body = (1 - noisy) * np.sin(2 * np.pi * hz * t) + noisy * rng.uniform(-1, 1, t.size)
    return body * np.exp(-t / decay_seconds)


def place(events: list[tuple[float, np.ndarray]], seconds: float, rate: int = RATE) -> np.ndarray:
    """Sum sounds at start times in seconds into a mono signal of ``seconds``; what runs past the end is cut."""
    out = np.zeros(round(seconds * rate))
    for start, sound in events:
        at = round(start * rate)
        if 0 <= at < out.size:
            stop = min(out.size, at + sound.size)
            out[at:stop] += sound[: stop - at]
    return out


def click_track(
    bpm: float, seconds: float, rate: int = RATE, offset_seconds: float = 0.0, accent_every: int = 0
) -> tuple[Clip, np.ndarray]:
    """Short noisy clicks on every beat; returns the clip and the click times in seconds.

    With ``accent_every`` n, each n-th click is low and twice as loud: a bar line.
    """
    rng = np.random.default_rng(1)
    times = np.arange(offset_seconds, seconds - 0.01, 60.0 / bpm)
    plain, accent = _hit(rate, 1000.0, 0.008, 0.5, rng), 2 * _hit(rate, 90.0, 0.04, 0.1, rng)
    events = [(t, accent if accent_every and i % accent_every == 0 else plain) for i, t in enumerate(times)]
    return clip_of(0.3 * place(events, seconds, rate), rate), times


def harmonic_tone(
    hz: float, seconds: float, rate: int = RATE, harmonics: int = 6, attack_seconds: float = 0.01
) -> np.ndarray:
    """A steady tone with partials falling as 1/n and short fades at both ends; peak near 1."""
    t = np.arange(round(seconds * rate)) / rate
    count = max(1, min(harmonics, int(0.45 * rate / hz)))
    y = sum(np.sin(2 * np.pi * hz * n * t) / n for n in range(1, count + 1))
    fade = np.clip(np.minimum(t, seconds - t) / attack_seconds, 0.0, 1.0)
    return fade * y / 1.5


def note_hz(pitch: float, cents: float = 0.0) -> float:
    """Frequency of a MIDI note, detuned by ``cents``."""
    return 440.0 * 2.0 ** ((pitch - 69 + cents / 100.0) / 12.0)


def melody(
    notes: list[tuple[int, float, float]], seconds: float, rate: int = RATE, cents: float = 0.0, harmonics: int = 6
) -> Clip:
    """Notes ``(MIDI pitch, start seconds, length seconds)`` as harmonic tones; they may overlap."""
    events = [(s, 0.3 * harmonic_tone(note_hz(p, cents), n, rate, harmonics)) for p, s, n in notes]
    return clip_of(place(events, seconds, rate), rate)


def chord_loop(
    chords: list[tuple[int, ...]],
    bpm: float,
    *,
    beats_each: int = 4,
    rate: int = RATE,
    cents: float = 0.0,
    struck: bool = True,
) -> Clip:
    """MIDI chords of ``beats_each`` beats; struck on every beat, or held for their whole length."""
    beat = 60.0 / bpm
    notes = []
    for i, pitches in enumerate(chords):
        for k in range(beats_each if struck else 1):
            start = (i * beats_each + k) * beat
            notes += [(p, start, beat * (0.9 if struck else beats_each)) for p in pitches]
    return melody(notes, len(chords) * beats_each * beat, rate, cents)


def drum_loop(bpm: float, bars: int, rate: int = RATE, seed: int = 0, swing: float = 0.5) -> Clip:
    """Kick on 1 and 3, snare on 2 and 4, closed hat on eighths (the off-beat at ``swing`` of a beat); exact length."""
    rng, beat = np.random.default_rng(seed), 60.0 / bpm
    kick, snare, hat = (
        _hit(rate, 55, 0.08, 0.05, rng),
        _hit(rate, 190, 0.05, 0.7, rng),
        _hit(rate, 8000, 0.015, 0.9, rng),
    )
    events = []
    for b in range(bars * 4):
        events.append((b * beat, kick if b % 2 == 0 else 0.8 * snare))
        events += [(b * beat, 0.3 * hat), ((b + swing) * beat, 0.3 * hat)]
    return clip_of(0.5 * place(events, bars * 4 * beat, rate), rate)


def mixed(*clips: Clip) -> Clip:
    """Sum clips of one rate, cut to the shortest, first channel only."""
    n = min(c.length for c in clips)
    return clip_of(np.sum([c.samples[0, :n] for c in clips], axis=0), clips[0].sample_rate)
