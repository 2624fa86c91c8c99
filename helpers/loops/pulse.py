"""Tempo, grid and bar 1 of a finished loop, by its onsets; nothing is said of sound that only swells."""

from __future__ import annotations

import numpy as np

from ..music.meter import step_seconds
from ..records import Clip, Request
from ..sound.features import Onsets
from ..sound.levels import frame_levels
from .findings import Findings
from .tempo import estimate_take_tempo, refine_take_tempo

STRONG = 0.25  # onsets at least this strong, of the strongest, count for the grid
FEWEST_STRONG = 4
NEAR_PERCENT = 0.7  # a finished loop is at its tempo or clearly elsewhere
SHARP_RISE_DB = 6.0  # strings swell by 2 to 5 dB where a plucked or struck note leaps by 10 and more
MOSTLY_SHARP = 0.5  # where most notes swell, the few sharp ones are ripples
RISE_FRAME_SECONDS = 0.005
ON_GRID = 0.12  # of a sixteenth: the median distance from the grid asked for; by chance it is 0.25
LEAST_PROOF_FIT = 0.4  # below this onsets are too scattered to call any of them off the grid
# A short loop's tempo cannot be measured to half a percent: one that strays less than this in all is let pass.
LEAST_ASTRAY_MS = 45.0


def measure_pulse(clip: Clip, request: Request, heard: Onsets) -> Findings:
    """The fields of tempo, grid and bar 1 of a clip whose onsets were ``heard``."""
    sharp = sharp_onsets(heard, clip)
    # Against the 90th percentile: one great accent must not make every other note a weak one.
    strong = heard.strengths >= STRONG * np.percentile(heard.strengths, 90) if heard.times.size else sharp
    if strong.sum() < FEWEST_STRONG or sharp[strong].mean() < MOSTLY_SHARP:
        return Findings(notes=("Tempo and grid were not measured: the notes are sustained.",))
    onsets = Onsets(heard.times[strong & sharp], heard.strengths[strong & sharp])
    heard = Onsets(heard.times[sharp], heard.strengths[sharp])
    away = stroke_distances_seconds(onsets.times, clip, request)
    tempo = estimate_take_tempo(heard, request, NEAR_PERCENT)
    error = tempo.error_percent(request.bpm)
    if (
        error is not None
        and abs(error) > NEAR_PERCENT
        and np.median(np.abs(away)) < ON_GRID * step_seconds(request.bpm, request.time)
    ):
        # Dotted rhythms fit three quarters of their tempo just as well; what keeps to the grid asked for is on it.
        tempo = refine_take_tempo(heard, request)
        error = tempo.error_percent(request.bpm)
    if tempo.bpm is None or error is None or tempo.fit < LEAST_PROOF_FIT:
        reason = tempo.reason or "sustained, attacks too soft to place"
        return Findings(notes=(f"Tempo and grid were not measured: {reason}.",))
    # The loop is a circle: an onset just before its end belongs to the first beat.
    around = (onsets.times + request.seconds / 2) % request.seconds - request.seconds / 2
    first = np.abs(around) < 60 / request.bpm / 4
    downbeat = float(around[first][np.argmax(onsets.strengths[first])] * 1000) if first.any() else None
    astray_ms = abs(error) / 100 * request.seconds * 1000
    return Findings(
        {
            "bpm_measured": tempo.bpm,
            "tempo_error_percent": error,
            "astray_ms": astray_ms,
            "grid_error_ms": float(np.median(np.abs(away)) * 1000),
            "downbeat_offset_ms": downbeat,
        },
        {"tempo_error_percent": f"{request.bpm:g}, and is {astray_ms:.0f} ms astray by its end"},
        () if downbeat is not None else ("Bar 1 was not measured: nothing starts on beat 1.",),
        excused=("tempo_error_percent",) if astray_ms <= LEAST_ASTRAY_MS else (),
    )


def sharp_onsets(onsets: Onsets, clip: Clip) -> np.ndarray:
    """Which onsets (n,) have a time that can be told: the level rises by SHARP_RISE_DB within 25 ms.

    Bowed and swelling notes begin over tens of milliseconds, and no moment of those is their time.
    """
    if onsets.times.size == 0:
        return np.zeros(0, bool)
    levels = 20 * np.log10(frame_levels(clip, RISE_FRAME_SECONDS) + 1e-6)
    frames = (onsets.times / RISE_FRAME_SECONDS).astype(int)
    # The loop is a circle: what sounds before its start is its end.
    around = levels[(frames[:, None] + np.arange(-5, 6)) % levels.size]
    return around[:, 6:].max(axis=1) - around[:, :6].min(axis=1) >= SHARP_RISE_DB


def rise_seconds(times: np.ndarray, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """How long the level has been rising at each onset, and how long it goes on to (n,), (n,).

    It rises from 3 dB over the quietest of the 60 ms before, less the two frames that any stroke takes, to 3 dB under
    the loudest of the 100 ms after: a note of a sub bass rises for a period of its tone.
    """
    levels = 20 * np.log10(frame_levels(clip, RISE_FRAME_SECONDS) + 1e-6)
    frames = (times / RISE_FRAME_SECONDS).astype(int)[:, None]
    before, after = (levels[(frames + np.arange(*reach)) % levels.size] for reach in ((0, -13, -1), (0, 21)))
    since = np.argmax(before <= before.min(axis=1, keepdims=True) + 3, axis=1)
    until = np.argmax(after >= after.max(axis=1, keepdims=True) - 3, axis=1)
    return np.maximum(since - 2, 0) * RISE_FRAME_SECONDS, until * RISE_FRAME_SECONDS


def stroke_distances_seconds(times: np.ndarray, clip: Clip, request: Request, scale: float = 1.0) -> np.ndarray:
    """Signed distance of each stroke to the nearest sixteenth, swung or straight, whichever they keep to (n,).

    ``times`` are of ``clip``, and ``scale`` times as long on the grid. A sound that swells is heard in time while it
    does: of a stroke that begins early its further rise is let pass, of one that is late the rise before.
    """
    if times.size == 0:
        return times
    grids = [grid_distances_seconds(times * scale, r) for r in (request, request.with_(swing=None))]
    away = min(grids, key=lambda distances: float(np.median(np.abs(distances))))
    since, until = rise_seconds(times, clip)
    return np.where(away < 0, np.minimum(0.0, away + until), np.maximum(0.0, away - since))


def grid_distances_seconds(times: np.ndarray, request: Request) -> np.ndarray:
    """Signed distance of each time to the nearest sixteenth of the requested grid (n,), swung where the request swings.

    ``Request.swing`` is the share of a beat the first of two eighths takes; the sixteenths within each swung eighth
    divide it evenly.
    """
    beat = 60 / request.bpm
    per_beat = request.time.steps_per_beat
    lines = np.arange(per_beat + 1) / per_beat
    if request.swing and per_beat % 2 == 0:
        lines = np.interp(lines, (0.0, 0.5, 1.0), (0.0, request.swing, 1.0))
    place = times % beat
    nearest = lines[np.argmin(np.abs(place[:, None] - lines * beat), axis=1)] * beat
    return place - nearest
