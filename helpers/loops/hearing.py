"""What is heard in a take, once, for all the decisions that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import Refused
from ..records import Clip, Request
from ..sound.features import NoteGram, OnsetBands, note_gram, onset_bands, onset_times

FRAME_SECONDS = 0.01
ACTIVE_DB = -45.0  # against the loudest 10 ms of the take: below is silence before the first note
# The first 2 ms against the loudest 10 ms of the next 60: quieter than this in 9 of 10 recordings that start where the
# music does, and in only 4 of 10 that were cut out of something longer.
CUT_IN_DB = -1.5
SILENT_RMS = 1e-3  # -60 dBFS
NOTE_HOP_SECONDS = 0.05
LEAST_FLUX = 4.5  # bowed and blown chords ripple below 4, struck and plucked notes start above 10


@dataclass(frozen=True, eq=False)
class Onsets:
    """Onsets of a take: ``times`` in seconds, rising, and ``strengths`` 0..1, both (n,)."""

    times: np.ndarray
    strengths: np.ndarray


@dataclass(frozen=True, eq=False)
class Hearing:
    """A take with its onsets, its notes (None for drums) and the seconds between which it sounds.

    ``cut_in`` says that it was cut out of something longer: it begins in the midst of a sound, not with an attack.
    """

    clip: Clip
    bands: OnsetBands
    onsets: Onsets
    notes: NoteGram | None
    begin: float
    end: float
    cut_in: bool = False


def hear(clip: Clip, request: Request) -> Hearing:
    """Measure a take; raises Refused if it is silent throughout."""
    begin, end = active_span(clip)
    bands = onset_bands(clip)
    notes = None if request.role == "drums" else note_gram(clip, hop_seconds=NOTE_HOP_SECONDS)
    return Hearing(clip, bands, hear_onsets(clip, bands), notes, begin, end, starts_cut_in(clip))


def hear_onsets(clip: Clip, bands: OnsetBands | None = None) -> Onsets:
    """The onsets of a clip without the ripples of held sound: those whose spectral flux reaches LEAST_FLUX."""
    from scipy.ndimage import maximum_filter1d

    bands = bands if bands is not None else onset_bands(clip)
    times, strengths = onset_times(clip, bands)
    frames = np.clip(np.round(times * bands.rate).astype(int), 0, bands.all.size - 1)
    real = maximum_filter1d(bands.all, 5)[frames] >= LEAST_FLUX
    return Onsets(times[real], strengths[real])


def active_span(clip: Clip) -> tuple[float, float]:
    """First and last second in which a clip sounds, within 10 ms; raises Refused if it is silent throughout."""
    levels = frame_levels(clip, FRAME_SECONDS)
    peak = float(levels.max(initial=0.0))
    if peak < SILENT_RMS:
        raise Refused("The take is silent; make another one.")
    loud = np.flatnonzero(levels > peak * 10 ** (ACTIVE_DB / 20))
    return float(loud[0] * FRAME_SECONDS), float((loud[-1] + 1) * FRAME_SECONDS)


def starts_cut_in(clip: Clip) -> bool:
    """Whether a clip sounds from its first 2 ms on about as loud as it does in the 60 ms after: no attack is near."""
    first = Clip(clip.samples[:, : round(0.0025 * clip.sample_rate)], clip.sample_rate)
    after = frame_levels(Clip(clip.samples[:, first.length : round(0.06 * clip.sample_rate)], clip.sample_rate), 0.01)
    if first.length == 0 or after.size == 0:
        return False
    return float(np.sqrt(np.mean(np.square(first.samples)))) > 10 ** (CUT_IN_DB / 20) * float(after.max())


def frame_levels(clip: Clip, frame_seconds: float) -> np.ndarray:
    """RMS per frame over all channels (n,)."""
    frame = max(1, round(frame_seconds * clip.sample_rate))
    count = clip.length // frame
    power = np.square(clip.samples[:, : count * frame]).reshape(clip.channels, count, frame)
    return np.sqrt(power.mean(axis=(0, 2)))
