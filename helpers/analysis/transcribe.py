"""Which notes sound? Basic Pitch's network, through onnxruntime, and what it hears cut into notes.

Bittner et al., "A Lightweight Instrument-Agnostic Model for Polyphonic Note Transcription and Multipitch Estimation"
(ICASSP 2022): for each of 88 semitones, how surely it sounds and how surely it begins, every 11.6 ms.

Conventions: rows are semitones from MIDI note 21 up; times in seconds from the start of the clip.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..records import Clip, Note
from ..sound.listening import EAR_LOWEST_NOTE, PitchActivity
from .ears import NOTES, folder_of

RATE, HOP = 22_050, 256
_WINDOW = 43_844  # samples the network takes
_MARGIN = 15  # frames of each window at either end that are not believed
_KEPT = 142
_ONSETS_LATE_SECONDS = 0.012  # by rendered lines: the network's onset peaks after the attack
_MELODIC = 0.6  # onset threshold where one voice sounds; chords need 0.5
_POLYPHONIC = 0.5
_SOUNDING = 0.3
_SHORTEST_FRAMES = 6
_OFF_CENTS = 15.0  # what the network does not mind
_GAP_FRAMES = 11  # a note may fade for so long and go on


@lru_cache(maxsize=1)
def _session() -> Any | None:
    folder = folder_of(NOTES)
    model = folder / "saved_models" / "icassp_2022" / "nmp.onnx" if folder else None
    if model is None or not model.is_file():
        return None
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception:  # onnxruntime raises classes of its own, none of them public
        return None


def hear_pitches(clip: Clip, mono: np.ndarray, tuning_cents: float = 0.0) -> PitchActivity | None:
    """What the network hears in ``mono`` (n,), at the clip's rate; None without basic-pitch or onnxruntime.

    It knows the semitones of A = 440 Hz alone, so a sound tuned elsewhere is played to it at a speed that brings it
    there.
    """
    session = _session()
    if session is None or not mono.any():
        return None
    import soxr

    speed = 2.0 ** (-tuning_cents / 1200.0) if abs(tuning_cents) >= _OFF_CENTS else 1.0
    sound = soxr.resample(mono, speed * clip.sample_rate, RATE).astype(np.float32)
    hop = _WINDOW - 2 * _MARGIN * HOP
    padded = np.r_[np.zeros(_MARGIN * HOP, np.float32), sound, np.zeros(_WINDOW, np.float32)].astype(np.float32)
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, max(1, sound.size), hop):
        given = {"serving_default_input_2:0": padded[None, start : start + _WINDOW, None]}
        sounding, onsets = session.run(["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"], given)
        rows.append((sounding[0, _MARGIN:-_MARGIN], onsets[0, _MARGIN:-_MARGIN]))
    frame = np.arange(len(rows) * _KEPT)
    times = ((frame // _KEPT) * hop + (frame % _KEPT) * HOP) / RATE
    inside = times < sound.size / RATE
    sounding, onsets = (np.concatenate(part)[inside].T for part in zip(*rows, strict=True))
    return PitchActivity(sounding, onsets, speed * times[inside], speed * HOP / RATE)


def cut_notes(activity: PitchActivity, *, one_voice: bool) -> tuple[Note, ...]:
    """Notes in seconds, in the order of their starts, from onsets that peak and the sound that follows them.

    A note lasts while its semitone sounds, with gaps of up to 0.13 s; of two onsets of one pitch the later ends the
    earlier. ``one_voice`` keeps of notes that overlap the surer one, and ends each at the next.
    """
    from scipy.signal import find_peaks

    threshold = _MELODIC if one_voice else _POLYPHONIC
    sounding, onsets = activity.sounding, _with_rises(activity)
    used = np.zeros(sounding.shape, dtype=bool)
    starts = []
    for row in range(sounding.shape[0]):
        peaks, _ = find_peaks(np.r_[0.0, onsets[row], 0.0], height=threshold)
        starts += [(int(at) - 1, row) for at in peaks]
    found: list[tuple[int, int, int, float]] = []  # start, stop, row, how surely
    for at, row in sorted(starts, reverse=True):  # from the end, so that a repeated note ends where the next begins
        stop = _end_of(sounding[row], used[row], at)
        if stop - at > _SHORTEST_FRAMES:
            used[max(0, row - 1) : row + 2, at:stop] = True
            found.append((at, stop, row, float(sounding[row, at:stop].mean())))
    found.sort()
    return _as_notes(_one_voice(found) if one_voice else found, activity)


def _with_rises(activity: PitchActivity) -> np.ndarray:
    """Onsets, or how fast the sound of a semitone rises where that says more."""
    sounding, onsets = activity.sounding, activity.onsets
    if sounding.shape[1] < 3:
        return onsets
    rise = np.zeros_like(sounding)
    rise[:, 2:] = np.maximum(0.0, np.minimum(sounding[:, 2:] - sounding[:, 1:-1], sounding[:, 2:] - sounding[:, :-2]))
    top = float(rise.max())
    return np.maximum(onsets, rise * float(onsets.max()) / top) if top > 0 else onsets


def _end_of(sounding: np.ndarray, used: np.ndarray, start: int) -> int:
    silent = 0
    for at in range(start + 1, sounding.size):
        if used[at]:
            return at - silent
        silent = silent + 1 if sounding[at] < _SOUNDING else 0
        if silent >= _GAP_FRAMES:
            return at - silent + 1
    return sounding.size - silent


def _one_voice(found: list[tuple[int, int, int, float]]) -> list[tuple[int, int, int, float]]:
    """Of notes that start within 50 ms of each other the surest; each then ends where the next begins."""
    near = round(0.05 * RATE / HOP)
    kept: list[tuple[int, int, int, float]] = []
    for note in found:
        if kept and note[0] - kept[-1][0] < near:
            if note[3] > kept[-1][3]:
                kept[-1] = note
        else:
            kept.append(note)
    return [
        (a, min(b, kept[i + 1][0]) if i + 1 < len(kept) else b, row, sure) for i, (a, b, row, sure) in enumerate(kept)
    ]


def _as_notes(found: list[tuple[int, int, int, float]], activity: PitchActivity) -> tuple[Note, ...]:
    hop = activity.frame_seconds
    notes = []
    for start, stop, row, sure in found:
        at = max(0.0, float(activity.times[start]) - _ONSETS_LATE_SECONDS)
        velocity = int(np.clip(round(127 * sure), 1, 127))
        notes.append(Note(EAR_LOWEST_NOTE + row, at, max(hop, (stop - start) * hop), velocity))
    return tuple(notes)


def voices(notes: tuple[Note, ...]) -> float:
    """How many notes sound at once, on average over the time in which any does; overtones of a lower note left out."""
    if not notes:
        return 0.0
    step = 0.02
    count = np.zeros(int(max(n.start + n.length for n in notes) / step) + 2)
    for note in notes:
        count[int(note.start / step) : int((note.start + note.length) / step) + 1] += 1
    return float(count[count > 0].mean())
