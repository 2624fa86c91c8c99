"""Which chords, half bar by half bar? Notes pooled on the grid, matched with chord patterns, smoothed with the key.

Labels are those of :mod:`helpers.music.pitch`: major, minor, sevenths, suspended, diminished, or ``N``.
"""

from __future__ import annotations

import itertools

import numpy as np

from ..music.pitch import NO_CHORD, ChordSymbol, Key
from ..records import ChordSpan, Clip, KeyEstimate, Tempo
from .listening import NOTE_HOP_SECONDS, Listening, listen
from .path import best_path

# how much better than a plain triad a richer chord must fit before it is written
_QUALITY_COSTS = {"": 0.0, "m": 0.0, "7": 0.06, "m7": 0.06, "maj7": 0.06, "sus4": 0.08, "sus2": 0.10, "dim": 0.06}
_CHORDS = tuple(ChordSymbol(root, quality) for quality in _QUALITY_COSTS for root in range(12))
_SHARPNESS = 14.0  # turns a difference in fit into log odds
_STAY = 1.0  # log odds in favour of holding a chord over a half-bar line
_IN_KEY = 0.7  # log odds in favour of a chord all of whose notes are in the key
_BASS_WEIGHT = 0.25
_LINE_IN_KEY = 3.0  # log odds against a chord that is not on the scale, under a single line


def half_bar_edges(tempo: Tempo, seconds: float) -> np.ndarray:
    """Times of all half-bar lines that cut the clip, from 0 to its end."""
    if tempo.bpm is None or not tempo.downbeats:
        return np.array([0.0, seconds])
    half = 0.5 * tempo.meter.beats_per_bar * 60.0 / tempo.bpm
    first = tempo.downbeats[0]
    lines = first + half * np.arange(-np.ceil(first / half), np.ceil((seconds - first) / half) + 1)
    inner = lines[(lines > 0.25 * half) & (lines < seconds - 0.25 * half)]
    return np.r_[0.0, inner, seconds]


def estimate_chords(
    sound: Clip | Listening, tempo: Tempo, key: KeyEstimate | None, *, one_voice: bool = False
) -> tuple[ChordSpan, ...]:
    """One chord per half bar of the grid; empty when the idea has no key, hence no pitched notes.

    Viterbi decoding (as in Sheh & Ellis, ISMIR 2003) over chord patterns; neighbouring half bars are smoothed and
    chords of the key preferred. A half bar in which nothing sounds is ``N``. ``one_voice``: the idea is a single line,
    for which only triads on the scale are written.
    """
    heard = listen(sound)
    if key is None or heard.is_silent:
        return ()
    edges = half_bar_edges(tempo, heard.seconds)
    classes, bass, level = _pool(heard, edges)
    fit = _fit(classes, bass)
    prior = np.array([_IN_KEY * _share_in_key(chord, key.key) for chord in _CHORDS])
    if one_voice:  # a line says which root and which scale, not which seventh
        prior = prior + np.array([0.0 if chord.quality in ("", "m") else -100.0 for chord in _CHORDS])
        prior = prior + np.where(prior < _IN_KEY, -_LINE_IN_KEY, 0.0)
    path = best_path(_SHARPNESS * fit + prior, _STAY)
    quiet = level < 0.03 * level.max(initial=0.0)
    labels = [NO_CHORD if quiet[i] else _CHORDS[c].label(key.key) for i, c in enumerate(path)]
    return tuple(
        ChordSpan(float(a), float(b), label) for a, b, label in zip(edges[:-1], edges[1:], labels, strict=True)
    )


def _pool(heard: Listening, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pitch classes (12, spans) of all notes and of the bass, and the level (spans,), averaged between the edges."""
    notes = heard.notes
    everything, low = np.sqrt(notes.chroma()), np.sqrt(notes.chroma(high=52))
    if heard.pitches is not None:  # the learned ear tells sevenths better
        at = np.searchsorted(heard.pitches.times, notes.times).clip(0, heard.pitches.times.size - 1)
        everything = np.sqrt(heard.pitches.chroma[:, at])
    bounds = np.clip(np.round(edges / NOTE_HOP_SECONDS).astype(int), 0, everything.shape[1])
    spans = [slice(a, max(a + 1, b)) for a, b in itertools.pairwise(bounds)]

    def mean(m: np.ndarray) -> np.ndarray:
        return np.stack([m[:, s].mean(axis=1) if m[:, s].size else np.zeros(12) for s in spans], axis=1)

    level = np.array([notes.levels[s].mean() if notes.levels[s].size else 0.0 for s in spans])
    return mean(everything), mean(low), level


def _fit(classes: np.ndarray, bass: np.ndarray) -> np.ndarray:
    """Cosine of each span's pitch classes with each chord (spans, chords), plus a share for a root in the bass."""
    patterns = np.array([[1.0 if pc in chord.pitch_classes else 0.0 for pc in range(12)] for chord in _CHORDS])
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    unit = classes / (np.linalg.norm(classes, axis=0) + 1e-9)
    low = bass / (np.linalg.norm(bass, axis=0) + 1e-9)
    roots = np.array([chord.root for chord in _CHORDS])
    costs = np.array([_QUALITY_COSTS[chord.quality] for chord in _CHORDS])
    return unit.T @ patterns.T + _BASS_WEIGHT * low.T[:, roots] - costs


def _share_in_key(chord: ChordSymbol, key: Key) -> float:
    """Share of the chord's notes on the key's scale; the raised seventh of a minor key counts as in it."""
    scale = set(key.scale) | ({(key.tonic + 11) % 12} if key.mode == "minor" else set())
    return float(np.mean([pc in scale for pc in chord.pitch_classes]))
