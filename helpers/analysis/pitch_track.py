"""One pitch followed through time, and cut into notes: for voices, whose vibrato is no change of note.

Conventions: notes in seconds from the start of the clip, MIDI pitch, velocity 1..127 by level. Anything with chords or
drums in it gives nothing.
"""

from __future__ import annotations

import itertools

import numpy as np

from ..records import Clip, Note
from .estimators import PitchTrack, follow_pitch
from .listening import NOTE_HOP_SECONDS, Listening, listen
from .path import best_path

_PERIODIC = 0.82  # YIN confidence above which a frame has one clear pitch
_LEAST_SHARE = 0.6  # of the loud frames that must have one pitch, for a clip to count as one voice
_GLANCE, _GLANCE_MISSES = 8, 0.15  # a mix is known by every eighth frame, whose share is that near to all frames'
_LONG_SECONDS = 90.0  # of a longer clip every second frame will do: its notes begin within 10 ms of where they did
_LEAST_ALONE = 0.6  # share of the note energy that must lie on the pitch followed, a semitone either way
_SHORTEST_SECONDS = 0.06
_CHANGE_SECONDS = 0.05  # of being a semitone off, which one change of pitch outweighs
_LATE_SECONDS = 0.015  # by rendered lines: frames of 93 ms show a new pitch after it begins
_FURTHEST = 1.5  # semitones; a frame further away than this is just wrong (an octave slip)


def sung_notes(sound: Clip | Listening) -> tuple[Note, ...]:
    """The notes of one followed pitch, in seconds; empty when several voices, drums or nothing sound."""
    heard = listen(sound)
    if heard.is_silent or heard.seconds < 0.2:
        return ()
    glance, _ = _voiced(follow_pitch(heard.mono, heard.clip.sample_rate, _GLANCE))
    if glance < _LEAST_SHARE - _GLANCE_MISSES:
        return ()
    track = follow_pitch(heard.mono, heard.clip.sample_rate, 2 if heard.seconds > _LONG_SECONDS else 1)
    share, voiced = _voiced(track)
    if share < _LEAST_SHARE or not _agrees_with_notes(heard, track, voiced):
        return ()
    return _cut_into_notes(heard, track, voiced)


def _voiced(track: PitchTrack) -> tuple[float, np.ndarray]:
    """Share of the loud frames that have one clear pitch, 0 where none is loud; and which these are (n,)."""
    loud = track.level > 0.05 * track.level.max(initial=0.0)
    voiced = loud & (track.confidence > _PERIODIC)
    return float(voiced.sum() / max(1, loud.sum())), voiced


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
    in_tune = track.pitch - _tuning(track.pitch[voiced], track.hop_seconds)
    found: list[list[int]] = []  # start frame, stop frame, pitch
    for first, last in edges.reshape(-1, 2):
        inner = onsets[(onsets > first) & (onsets < last)]
        steady = _steady_pitches(in_tune[first:last], inner - first, track.hop_seconds)
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
        start = max(0.0, float(a * track.hop_seconds) - _LATE_SECONDS)
        notes.append(Note(int(np.clip(pitch, 0, 127)), start, float((b - a) * track.hop_seconds), velocity))
    return tuple(notes)


def _tuning(pitch: np.ndarray, hop_seconds: float) -> float:
    """Circular mean, in semitones (-0.5..0.5), of how far the pitch (n,) lies from whole semitones.

    Of its running median over a fifth of a second: a wide vibrato dwells at its turning points, a quarter tone off.
    """
    from scipy.ndimage import median_filter

    turns = np.exp(2j * np.pi * median_filter(pitch, 2 * round(0.1 / hop_seconds) + 1, mode="nearest"))
    return float(np.angle(turns.sum()) / (2 * np.pi))


def _steady_pitches(pitch: np.ndarray, onsets: np.ndarray, hop_seconds: float) -> np.ndarray:
    """Semitone (n,) of each frame: near the pitch heard, but changing only for what lasts, or at an onset.

    A semitone must last 0.1 s to be worth a change there and back, so vibrato, trills and octave slips are one note.
    """
    low, high = int(np.floor(pitch.min())), int(np.ceil(pitch.max()))
    semitones = np.arange(low, high + 1)
    away = np.minimum(np.abs(pitch[:, None] - semitones), _FURTHEST)
    cost = np.full(pitch.size, _CHANGE_SECONDS / hop_seconds)
    cost[onsets] = 0.0
    return semitones[best_path(-away, cost)]
