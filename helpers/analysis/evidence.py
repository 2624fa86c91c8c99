"""The evidence for each candidate tempo, as a table of numbers a musician could check by ear.

One row per candidate, one column per name in ``NAMES``; see :func:`tempo_evidence` for what each column says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .listening import NOTE_HOP_SECONDS, Listening
from .pulse import PulseSpectrum, autocorrelation, pulse_spectrum

_MULTIPLES = (0.25, 1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
_LAGS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 8.0)
_NOTE_LAGS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
_INTERVALS = (0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 1.5, 2.0)
_SLOW_MULTIPLES = (0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 2.0)
_SLOW_LAGS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
_BAR_NOTE_LAGS = (1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 5 / 2, 7 / 2, 9 / 2, 5.0, 7.0, 9.0)
_SLOW_SECONDS = 0.3
_HELD_CHANGE = 0.2  # 1 - cosine of the notes before and after a moment; a held sound never reaches it
TIGHT_START_SECONDS = 0.08

TEMPO_NAMES = (
    "log_bpm",
    "log_bpm_squared",
    "log_bpm_cubed",
    "log_bpm_fourth",
    *(f"pulse x{m:.2f}" for m in _MULTIPLES),
    *(f"low pulse x{m:.2f}" for m in (0.25, 0.5, 1.0, 2.0)),
    *(f"high pulse x{m:.2f}" for m in (1.0, 2.0, 4.0)),
    *(f"repeat {k:g} beats" for k in _LAGS),
    *(f"low repeat {k:g} beats" for k in (1.0, 2.0, 4.0)),
    *(f"notes repeat {k:g} beats" for k in _NOTE_LAGS),
    *(f"note change x{m:.2f}" for m in (0.25, 1 / 3, 0.5, 1.0, 2.0)),
    *(f"intervals of {k:.2f}" for k in _INTERVALS),
    "log_density",
    "log_density_squared",
    "log_density_cubed",
    "log_density_by_log_bpm",
    "whole 4 beats",
    "whole 3 beats",
    "power of two beats",
    "whole beats",
)
# for the meter alone: so many columns more taught the tempo model its training clips and nothing else
_BAR_NAMES = (
    *(f"low pulse x{m:.2f}" for m in (1 / 3, 1.5, 3.0)),
    *(f"high pulse x{m:.2f}" for m in (1 / 3, 3.0)),
    *(f"repeat {k:.2f} beats" for k in (1 / 3, 2 / 3, 6.0)),
    *(f"low repeat {k:.2f} beats" for k in (1 / 3, 2 / 3, 3.0, 6.0)),
    *(f"slow change x{m:.2f}" for m in _SLOW_MULTIPLES),
    *(f"slow change repeats {k:g} beats" for k in _SLOW_LAGS),
    *(f"notes repeat {k:.2f} beats" for k in _BAR_NOTE_LAGS),
)
NAMES = TEMPO_NAMES + _BAR_NAMES


def whole_beats(seconds: float, bpm: float, unit: int) -> tuple[int, float]:
    """Nearest whole multiple of ``unit`` beats to a length, and by which share the length differs from it."""
    beats = max(unit, unit * round(seconds * bpm / 60.0 / unit))
    return beats, seconds * bpm / 60.0 / beats - 1.0


def tempo_evidence(heard: Listening, candidates: np.ndarray) -> np.ndarray:
    """Evidence table (candidates, len(NAMES)), finite.

    ``log_bpm``: ln(BPM / 110) and its powers. ``pulse xM``: size of the pulse spectrum at M times the beat rate, as a
    share of the largest candidate's, in all registers, the low or the high one. ``repeat K beats``: autocorrelation of
    the onsets at K beats; ``notes repeat``: of the sounding notes. ``note change xM``: pulse spectrum of the moments
    the notes change; ``slow change``: the same, and its autocorrelation, for harmony that changes over 0.3 s, as that
    of a pad does. ``intervals of K``: share of neighbouring onsets K beats apart. ``density``: ln(onsets per beat
    / 2). ``whole ...``: how nearly the clip's length is a whole number of such beats, 1 = exactly, 0 where it does not
    start with sound.
    """
    bands, seconds = heard.bands, heard.seconds
    beat_hz = candidates / 60.0
    periods = 60.0 / candidates
    x = np.log(candidates / 110.0)
    columns = [x, x**2, x**3, x**4]

    def spectral(
        spectrum: PulseSpectrum, multiples: tuple[float, ...], top_at: Sequence[float] = (1.0, 2.0)
    ) -> list[np.ndarray]:
        top = max(1e-6, float(np.max([spectrum.at(m * beat_hz) for m in top_at])))
        return [np.minimum(2.0, spectrum.at(m * beat_hz) / top) for m in multiples]

    everything, low, high = (pulse_spectrum(band, bands.rate) for band in (bands.all, bands.low, bands.high))
    columns += spectral(everything, _MULTIPLES)
    columns += spectral(low, (0.25, 0.5, 1.0, 2.0))
    columns += spectral(high, (1.0, 2.0, 4.0))

    def repeated(envelope: np.ndarray, rate: float, lags: tuple[float, ...]) -> list[np.ndarray]:
        acf = autocorrelation(envelope, rate, 8.2 * float(periods.max()))
        return [_peak_near(acf, k * periods * rate) for k in lags]

    columns += repeated(bands.all, bands.rate, _LAGS)
    columns += repeated(bands.low, bands.rate, (1.0, 2.0, 4.0))
    similarity = _note_repetition(heard)

    def notes_repeated(lags: tuple[float, ...]) -> list[np.ndarray]:
        frames = np.arange(similarity.size)
        return [np.interp(k * periods / NOTE_HOP_SECONDS, frames, similarity, right=0.0) for k in lags]

    columns += notes_repeated(_NOTE_LAGS)
    note_rate = 1 / NOTE_HOP_SECONDS
    columns += spectral(pulse_spectrum(_note_change(heard), note_rate), (0.25, 1 / 3, 0.5, 1.0, 2.0))
    columns += _interval_shares(heard, periods)
    strengths = heard.onsets[1]
    density = np.log((0.5 + np.sum(strengths > 0.15)) * periods / max(seconds, 0.5) / 2.0)
    columns += [density, density**2, density**3, density * x]

    start = heard.sound_span[0]
    starts = float(np.clip(2.0 - start / TIGHT_START_SECONDS, 0.0, 1.0))
    for unit in (4, 3):
        columns.append(starts * np.array([_closeness(whole_beats(seconds, b, unit)[1]) for b in candidates]))
    beats = [whole_beats(seconds, b, 1) for b in candidates]
    columns.append(starts * np.array([_closeness(off) * (n >= 4 and n & (n - 1) == 0) for n, off in beats]))
    columns.append(starts * np.array([_closeness(off) for _, off in beats]))

    columns += spectral(low, (1 / 3, 1.5, 3.0))
    columns += spectral(high, (1 / 3, 3.0))
    columns += repeated(bands.all, bands.rate, (1 / 3, 2 / 3, 6.0))
    columns += repeated(bands.low, bands.rate, (1 / 3, 2 / 3, 3.0, 6.0))
    slow = slow_change(heard)
    columns += spectral(pulse_spectrum(slow, note_rate), _SLOW_MULTIPLES, top_at=(0.25, 0.5, 1.0))
    columns += repeated(slow, note_rate, _SLOW_LAGS)
    columns += notes_repeated(_BAR_NOTE_LAGS)
    return np.nan_to_num(np.stack(columns, axis=1))


def _closeness(share_off: float) -> float:
    """1 when exact, falling to 0.37 at 0.5 % away."""
    return float(np.exp(-((share_off / 0.005) ** 2)))


def _peak_near(curve: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Largest value of ``curve`` within 2 % (at least two points) of each fractional index; 0 beyond its end."""
    out = np.zeros(at.size)
    for i, centre in enumerate(at):
        reach = max(2.0, 0.02 * centre)
        lo, hi = int(centre - reach), int(np.ceil(centre + reach)) + 1
        if lo < curve.size:
            out[i] = curve[max(0, lo) : hi].max()
    return out


def _note_repetition(heard: Listening) -> np.ndarray:
    """Mean cosine similarity of the sounding notes with themselves later, by lag in note frames, minus its own mean."""
    frames = heard.notes.frames.astype(float)
    frames = frames / (np.linalg.norm(frames, axis=0) + 1e-6 * float(frames.max(initial=1e-9)) + 1e-9)
    n = frames.shape[1]
    size = 1 << int(np.ceil(np.log2(max(4, 2 * n))))
    spectrum = np.abs(np.fft.rfft(frames, size, axis=1)) ** 2
    lagged = np.fft.irfft(spectrum.sum(axis=0), size)[:n] / np.maximum(n - np.arange(n), 0.25 * n)
    return lagged - lagged.mean()


def _note_change(heard: Listening) -> np.ndarray:
    """How much the set of sounding notes changes, per note frame."""
    frames = heard.notes.frames
    unit = frames / (np.linalg.norm(frames, axis=0) + 1e-9)
    change = np.zeros(frames.shape[1])
    if frames.shape[1] > 4:
        change[2:-2] = 1.0 - (unit[:, 4:] * unit[:, :-4]).sum(axis=0)
    return np.maximum(0.0, change)


def slow_change(heard: Listening) -> np.ndarray:
    """1 - cosine between the notes of the 0.3 s before and after each note frame."""
    frames = heard.notes.frames.astype(float)
    reach = round(_SLOW_SECONDS / NOTE_HOP_SECONDS)
    change = np.zeros(frames.shape[1])
    at = np.arange(reach, frames.shape[1] - reach)
    if at.size:
        sums = np.cumsum(np.c_[np.zeros(frames.shape[0]), frames], axis=1)
        before, after = sums[:, at] - sums[:, at - reach], sums[:, at + reach] - sums[:, at]
        norms = np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=0)
        change[at] = np.where(norms > 1e-9, 1.0 - (before * after).sum(axis=0) / (norms + 1e-9), 0.0)
    return change


def changes_notes(heard: Listening) -> bool:
    """Whether it is anything but one held sound."""
    return float(slow_change(heard).max(initial=0.0)) > _HELD_CHANGE


def _interval_shares(heard: Listening, periods: np.ndarray) -> list[np.ndarray]:
    """For each note value, the strength-weighted share of neighbouring onsets that lie that many beats apart."""
    times, strengths = heard.onsets
    if times.size < 2:
        return [np.zeros(periods.size) for _ in _INTERVALS]
    gaps, weights = np.diff(times), np.minimum(strengths[1:], strengths[:-1])
    weights = weights / (weights.sum() + 1e-9)
    near = [np.exp(-(((gaps[:, None] / periods - k) / (0.06 * max(k, 0.5))) ** 2)) for k in _INTERVALS]
    return [weights @ n for n in near]
