"""Which part of a song? Sections of a long idea, and the spans of whole bars in them that loop best.

Bars are compared by their notes and accents; librosa's agglomerative segmentation (McFee & Ellis, ISMIR 2014) finds the
sections. A span loops well where the bar after it is like its first, as it is where music repeats.
"""

from __future__ import annotations

import itertools

import numpy as np

from ..records import Clip, Span, Tempo
from .listening import NOTE_HOP_SECONDS, Listening, listen

LEAST_BARS = 12  # a shorter idea is heard whole
LENGTHS = (8, 4)  # bars of a span, the longer first
SHOWN = 4
_BARS_A_SECTION = 4  # at least, on average: sections that are alike are one again
_SAME_SECTION = 0.95  # cosine of two sections' means from which they are called alike
_QUIET_COST = 0.5


def bar_features(heard: Listening, downbeats: np.ndarray) -> np.ndarray:
    """Notes and accents of each bar between two downbeats: (bars, 12 + 3 * 16), both halves of unit length."""
    chroma, bands = np.sqrt(heard.notes.chroma()), heard.bands
    rows = []
    for start, end in itertools.pairwise(downbeats):
        notes = chroma[:, int(start / NOTE_HOP_SECONDS) : max(1, int(end / NOTE_HOP_SECONDS))]
        pitch = notes.mean(axis=1) if notes.size else np.zeros(12)
        edges = np.round(np.linspace(start, end, 17) * bands.rate).astype(int)
        accents = [
            [np.sqrt(band[a:b].max(initial=0.0)) for a, b in itertools.pairwise(edges)]
            for band in (bands.low, bands.mid, bands.high)
        ]
        parts = (pitch, np.ravel(accents))
        rows.append(np.concatenate([part / (np.linalg.norm(part) + 1e-9) for part in parts]))
    return np.array(rows)


def find_spans(sound: Clip | Listening, tempo: Tempo) -> tuple[Span, ...]:
    """The best span of each section of a long idea, best first, at most four; empty for a short one.

    ``score`` is how like the bar after the span is to its first bar, 0..1, less what a quiet span costs.
    """
    heard, downbeats = listen(sound), np.array(tempo.downbeats)
    if heard.is_silent or tempo.drift_bpm is not None or downbeats.size <= LEAST_BARS:
        return ()
    features = bar_features(heard, downbeats)
    bars = len(features)
    likeness = features @ features.T / 2.0
    level = np.array([_level(heard, a, b) for a, b in itertools.pairwise(downbeats)])
    found: dict[str, Span] = {}
    for first, last, letter in _sections(features):
        for length in LENGTHS:
            starts = [s for s in range(first, last - length + 1) if s + length < bars] or (
                [first] if first + length < bars else []
            )
            for start in starts:
                loud = float(level[start : start + length].mean() / (level.max() + 1e-9))
                score = float(likeness[start, start + length]) - _QUIET_COST * max(0.0, 0.5 - loud)
                known = found.get(letter)
                if known is None or (known.bars == length and score > known.score + 1e-9):
                    end = float(downbeats[start + length])
                    found[letter] = Span(float(downbeats[start]), end, length, letter, max(0.0, score))
    return tuple(sorted(found.values(), key=lambda span: -span.score)[:SHOWN])


def _level(heard: Listening, start: float, end: float) -> float:
    rate = heard.clip.sample_rate
    part = heard.mono[round(start * rate) : round(end * rate)]
    return float(np.sqrt(np.mean(np.square(part, dtype=float)))) if part.size else 0.0


def _sections(features: np.ndarray) -> list[tuple[int, int, str]]:
    """First bar, bar after the last and letter of each section; sections that are alike share a letter."""
    from librosa.segment import agglomerative

    bounds = agglomerative(features.T, max(2, len(features) // _BARS_A_SECTION))
    edges = [*bounds.tolist(), len(features)]
    means: list[np.ndarray] = []
    out = []
    for first, last in itertools.pairwise(edges):
        if last <= first:
            continue
        mean = features[first:last].mean(axis=0)
        mean /= np.linalg.norm(mean) + 1e-9
        alike = [i for i, known in enumerate(means) if known @ mean > _SAME_SECTION]
        if not alike:
            means.append(mean)
        index = alike[0] if alike else len(means) - 1
        out.append((int(first), int(last), chr(ord("A") + min(index, 25))))
    return out
