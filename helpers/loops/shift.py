"""Key and tuning: is the take in the key asked for, and which few semitones or cents would bring it there?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..music.pitch import ALL_KEYS, Key, parse_chord
from ..records import Correction, Request
from ..sound.features import key_scores
from ..sound.listening import Listening

MOST_SEMITONES = 6
RELATIVE_WEIGHT = 0.9  # the relative key has the same notes; it counts almost as much as the key itself
# A shift must fit this much better than leaving the take alone: an unneeded shift is worse than a missed one.
LEAST_GAIN = 0.08
LEAST_SCALE_GAIN = 0.05  # and bring this share of the notes onto the scale; a stray drum's pitches move it by 4 %
COST_PER_SEMITONE = 0.003
LEAST_CENTS = 12.0  # less is within what players and estimators do


@dataclass(frozen=True)
class Shift:
    """How to transpose a take: whole ``semitones`` and ``cents`` of tuning.

    ``scale_before`` and ``scale_after`` are the shares of its notes, 0..1, on the scale asked for; None where no key
    was asked for.
    """

    semitones: int = 0
    cents: float = 0.0
    scale_before: float | None = None
    scale_after: float | None = None

    @property
    def total_semitones(self) -> float:
        return self.semitones + self.cents / 100

    @property
    def made(self) -> tuple[Correction, ...]:
        """The records of what is done; empty where nothing is."""
        out = []
        if self.semitones:
            shares = f"notes on the scale asked for: {self.scale_after:.0%}, before {self.scale_before:.0%}"
            out.append(Correction("shift", self.semitones, shares))
        if self.cents:
            out.append(Correction("tuning", self.cents, f"it was {'sharp' if self.cents < 0 else 'flat'}"))
        return tuple(out)


def plan_shift(heard: Listening, lines: tuple[float, ...], request: Request) -> Shift:
    """Decide the transposition of the bars between ``lines`` (seconds, bars + 1 of them).

    None for drums or where nothing is pitched.
    """
    if request.role == "drums":
        return Shift()
    notes = heard.notes
    inside = (notes.times >= lines[0]) & (notes.times < lines[-1])
    chroma = notes.chroma()[:, inside]
    if chroma.sum() <= 0:
        return Shift()
    cents = (request.tuning_cents - notes.tuning_cents + 50) % 100 - 50
    cents = float(cents) if abs(cents) >= LEAST_CENTS else 0.0
    if request.key is None:
        return Shift(0, cents)
    total = chroma.sum(axis=1)
    fits = {s: key_fit(np.roll(total, s), request.key) for s in range(-MOST_SEMITONES, MOST_SEMITONES + 1)}
    chords = progression_tones(request)
    if chords is not None:
        bars = np.array([b.sum(axis=1) for b in np.array_split(chroma, request.bars, axis=1)])
        for s in fits:
            turned = np.roll(bars, s, axis=1)
            fits[s] += max(progression_fit(turned, chords, first) for first in range(len(chords)))
    best = max(fits, key=lambda s: fits[s] - COST_PER_SEMITONE * abs(s))
    shares = {s: scale_share(np.roll(total, s), request.key) for s in (0, best)}
    unclear = chords is None and shares[best] - shares[0] < LEAST_SCALE_GAIN
    if unclear or fits[best] - fits[0] - COST_PER_SEMITONE * abs(best) < LEAST_GAIN:
        best = 0
    return Shift(best, cents, shares[0], shares[best])


def key_fit(chroma12: np.ndarray, key: Key) -> float:
    """How well pitch classes (12,) match a key or its relative: profile correlation and share on the scale, -1..1."""
    scores = key_scores(chroma12)
    by_key = dict(zip(ALL_KEYS, scores, strict=True))
    profile = max(by_key[key], RELATIVE_WEIGHT * by_key[key.relative])
    return float(0.8 * profile + 0.2 * (2 * scale_share(chroma12, key) - 1))


def scale_share(chroma12: np.ndarray, key: Key) -> float:
    """Share of pitch-class strength (12,) on the seven notes of the key, 0..1."""
    total = float(chroma12.sum())
    return float(chroma12[list(key.scale)].sum() / total) if total > 0 else 0.0


def chord_share(frames: np.ndarray, times: np.ndarray, request: Request) -> float | None:
    """Half bar by half bar, the share of pitch-class strength on the chord's tones; None where no chords are known.

    ``frames`` (12, n) at ``times`` (n,) seconds from bar 1.
    """
    labels = request.half_bars()
    if not labels:
        return None
    half = request.seconds / len(labels)
    on, total = 0.0, 0.0
    for number, label in enumerate(labels):
        chord = parse_chord(label)
        part = frames[:, (times >= number * half) & (times < (number + 1) * half)].sum(axis=1)
        if chord is None or part.sum() <= 0:
            continue
        on += float(part[list(chord.pitch_classes)].sum())
        total += float(part.sum())
    return on / total if total > 0 else None


def progression_tones(request: Request) -> np.ndarray | None:
    """The chord tones of each bar of the progression, (bars, 12), or None where none is known or it never changes."""
    if not request.progression:
        return None
    bars = np.zeros((len(request.progression), 12))
    for number, labels in enumerate(request.progression):
        for label in labels:
            chord = parse_chord(label)
            if chord is not None:
                bars[number, list(chord.pitch_classes)] += 1 / len(labels)
    return bars if np.ptp(bars, axis=0).any() else None


def progression_fit(bars: np.ndarray, chords: np.ndarray, first: int) -> float:
    """Share of pitch-class strength on the chords when bar 0 of the take is bar ``first`` of the progression."""
    wanted = chords[(np.arange(len(bars)) + first) % len(chords)]
    return float(np.sum(bars * np.minimum(wanted, 1.0)) / (bars.sum() + 1e-9))
