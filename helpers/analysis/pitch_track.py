"""One pitch followed through time, and cut into notes: for voices, whose vibrato is no change of note.

Conventions: notes in seconds from the start of the clip, MIDI pitch, velocity 1..127 by level. Anything with chords or
drums in it gives nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from ..records import Clip, Note
from .listening import NOTE_HOP_SECONDS, Listening, listen
from .path import best_path

_HOP_SECONDS = 0.01
_LOWEST_HZ, _HIGHEST_HZ = 38.0, 1500.0
_RATE = 11_025
_PERIODIC = 0.18  # YIN aperiodicity below which a frame has one clear pitch
_LEAST_SHARE = 0.6  # of the loud frames that must have one pitch, for a clip to count as one voice
_LEAST_ALONE = 0.6  # share of the note energy that must lie on the pitch followed, a semitone either way
_SHORTEST_SECONDS = 0.06
_CHANGE_SECONDS = 0.05  # of being a semitone off, which one change of pitch outweighs
_LATE_SECONDS = 0.02  # by rendered lines: frames of 93 ms show a new pitch after it begins
_FURTHEST = 1.5  # semitones; a frame further away than this is just wrong (an octave slip)


@dataclass(frozen=True, eq=False)
class PitchTrack:
    """Pitch in semitones (MIDI, fractional), aperiodicity (0 = periodic) and level (RMS) every 10 ms."""

    pitch: np.ndarray
    aperiodicity: np.ndarray
    level: np.ndarray
    hop_seconds: float


def track_pitch(sound: Clip | Listening) -> PitchTrack:
    """Follow one pitch with YIN (de Cheveigné & Kawahara, JASA 2002), all frames at once by FFT.

    The cumulative-mean-normalised difference function of 93 ms frames; the first dip below 0.15 wins, or else the
    deepest, refined by a parabola.
    """
    from scipy.signal import resample_poly

    heard = listen(sound)
    factor = max(1, heard.clip.sample_rate // _RATE)
    mono = resample_poly(heard.mono, 1, factor).astype(np.float32) if factor > 1 and heard.mono.size else heard.mono
    rate = heard.clip.sample_rate / factor
    frame = 1 << round(np.log2(0.093 * rate))
    hop = max(1, round(_HOP_SECONDS * rate))
    longest = min(frame // 2, int(rate / _LOWEST_HZ) + 2)
    shortest = max(2, int(rate / _HIGHEST_HZ))
    padded = np.pad(mono, (frame // 2, frame))
    count = max(1, mono.size // hop)
    pitch, dips, level = np.zeros(count), np.ones(count), np.zeros(count)
    views = np.lib.stride_tricks.sliding_window_view(padded, frame)
    for start in range(0, count, 1024):
        x = views[np.arange(start, min(count, start + 1024)) * hop].astype(np.float64)
        normalised = _normalised_difference(x, longest)
        lag, dip = _best_lags(normalised, shortest)
        stop = start + len(x)
        pitch[start:stop] = 69 + 12 * np.log2(rate / lag / 440.0)
        dips[start:stop] = dip
        level[start:stop] = np.sqrt((x[:, frame // 4 : -frame // 4] ** 2).mean(axis=1))
    return PitchTrack(pitch, dips, level, hop / rate)


def _normalised_difference(x: np.ndarray, longest: int) -> np.ndarray:
    """YIN's d'(lag) for lags 0..longest of frames (n, frame): (n, longest + 1)."""
    width = x.shape[1] - longest
    size = 1 << int(np.ceil(np.log2(x.shape[1] + width)))
    head = np.fft.rfft(x[:, :width], size)
    product = np.fft.irfft(np.conj(head) * np.fft.rfft(x, size), size)[:, : longest + 1]
    energy = np.cumsum(np.c_[np.zeros(len(x)), x**2], axis=1)
    lags = np.arange(longest + 1)
    windows = energy[:, lags + width] - energy[:, lags]
    difference = np.maximum(0.0, windows[:, :1] + windows - 2 * product)
    mean = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, longest + 1)
    out = np.ones_like(difference)
    out[:, 1:] = difference[:, 1:] / (mean + 1e-9 * (1.0 + windows[:, :1]))
    return out


def _best_lags(normalised: np.ndarray, shortest: int) -> tuple[np.ndarray, np.ndarray]:
    """The first local minimum below 0.15 of each row, or its deepest one: fractional lag and depth."""
    inner = normalised[:, shortest:-1]
    valley = (inner <= normalised[:, shortest - 1 : -2]) & (inner < normalised[:, shortest + 1 :])
    depth = np.where(valley, inner, 2.0)
    good = depth < 0.15
    first = np.where(good.any(axis=1), good.argmax(axis=1), depth.argmin(axis=1))
    rows = np.arange(len(normalised))
    at = np.clip(first + shortest, 1, normalised.shape[1] - 2)
    a, b, c = normalised[rows, at - 1], normalised[rows, at], normalised[rows, at + 1]
    shift = np.clip(0.5 * (a - c) / np.where(np.abs(a - 2 * b + c) > 1e-12, a - 2 * b + c, 1.0), -0.5, 0.5)
    return at + shift, np.minimum(depth[rows, first], 1.0)


def sung_notes(sound: Clip | Listening) -> tuple[Note, ...]:
    """The notes of one followed pitch, in seconds; empty when several voices, drums or nothing sound."""
    heard = listen(sound)
    if heard.is_silent or heard.seconds < 0.2:
        return ()
    track = track_pitch(heard)
    loud = track.level > 0.05 * track.level.max(initial=0.0)
    voiced = loud & (track.aperiodicity < _PERIODIC)
    if not loud.any() or voiced.sum() < _LEAST_SHARE * loud.sum() or not _agrees_with_notes(heard, track, voiced):
        return ()
    return _cut_into_notes(heard, track, voiced)


def _agrees_with_notes(heard: Listening, track: PitchTrack, voiced: np.ndarray) -> bool:
    """Whether the note gram hears the tracked pitch, and little else: a chord has one common period too."""
    notes = heard.notes
    frame = np.clip(
        (np.flatnonzero(voiced) * track.hop_seconds / NOTE_HOP_SECONDS).astype(int), 0, notes.frames.shape[1] - 1
    )
    if not frame.size:
        return False
    pitch = track.pitch[voiced] - notes.tuning_cents / 100.0
    classes = notes.chroma()
    tracked = np.round(pitch).astype(int) % 12
    heard_there = classes[:, frame] / (classes[:, frame].sum(axis=0) + 1e-9)
    near = sum(heard_there[(tracked + d) % 12, np.arange(frame.size)] for d in (-1, 0, 1))
    return float(np.mean(near)) > _LEAST_ALONE


def _cut_into_notes(heard: Listening, track: PitchTrack, voiced: np.ndarray) -> tuple[Note, ...]:
    """Stretches of one pitch, cut again at onsets; one shorter than 60 ms joins its neighbour or is dropped."""
    onsets = np.round(heard.onsets[0][heard.onsets[1] > 0.12] / track.hop_seconds).astype(int)
    onsets = onsets[(onsets >= 0) & (onsets < voiced.size)]
    edges = np.flatnonzero(np.diff(np.r_[False, voiced, False].astype(int)))
    shortest = round(_SHORTEST_SECONDS / track.hop_seconds)
    in_tune = track.pitch - _tuning(track.pitch[voiced])
    found: list[list[int]] = []  # start frame, stop frame, pitch
    for first, last in edges.reshape(-1, 2):
        inner = onsets[(onsets > first) & (onsets < last)]
        steady = _steady_pitches(in_tune[first:last], inner - first)
        changes = np.flatnonzero(np.diff(steady)) + 1
        # a change of pitch and the onset that brings it are one and the same
        changes = changes[[not (np.abs(inner - first - c) <= 2).any() for c in changes]]
        for a, b in itertools.pairwise([first, *sorted({*inner.tolist(), *(changes + first).tolist()}), last]):
            if b - a >= shortest:
                found.append([a, b, int(np.median(steady[a - first : b - first]))])
            elif found and found[-1][1] == a:
                found[-1][1] = b
    top = float(track.level.max())
    notes = []
    for a, b, pitch in found:
        level = float(track.level[a:b].max()) / top
        velocity = int(np.clip(round(127 * level**0.6), 1, 127))
        hop = track.hop_seconds
        start = max(0.0, float(a * hop) - _LATE_SECONDS)
        notes.append(Note(int(np.clip(pitch, 0, 127)), start, float((b - a) * hop), velocity))
    return tuple(notes)


def _tuning(pitch: np.ndarray) -> float:
    """Circular mean, in semitones (-0.5..0.5), of how far the pitch (n,) lies from whole semitones.

    Of its running median over a fifth of a second: a wide vibrato dwells at its turning points, a quarter tone off.
    """
    from scipy.ndimage import median_filter

    turns = np.exp(2j * np.pi * median_filter(pitch, 2 * round(0.1 / _HOP_SECONDS) + 1, mode="nearest"))
    return float(np.angle(turns.sum()) / (2 * np.pi))


def _steady_pitches(pitch: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Semitone (n,) of each frame: near the pitch heard, but changing only for what lasts, or at an onset.

    A semitone must last 0.1 s to be worth a change there and back, so vibrato, trills and octave slips are one note.
    """
    low, high = int(np.floor(pitch.min())), int(np.ceil(pitch.max()))
    semitones = np.arange(low, high + 1)
    away = np.minimum(np.abs(pitch[:, None] - semitones), _FURTHEST)
    cost = np.full(pitch.size, _CHANGE_SECONDS / _HOP_SECONDS)
    cost[onsets] = 0.0
    return semitones[best_path(-away, cost)]
