"""Measuring primitives shared by the analysis of an idea and by the fit card of a loop: onsets, notes, chroma, tuning.

Everything here is numpy and scipy on whole arrays: no just-in-time compiler to warm up, no library call that could
hang on an odd file. Any finite or non-finite audio is accepted; silence gives zeros or None, never an error.

Conventions: times are seconds from the start of the clip; chroma rows run from C; a frame at time t is centred on t.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from ..music.pitch import ALL_KEYS
from ..records import Clip
from .channels import heard_mono

T = TypeVar("T")
_LONGEST_REMEMBERED = 4_000_000  # samples a channel
_measured: WeakKeyDictionary[Clip, dict[Any, Any]] = WeakKeyDictionary()
SILENCE_PEAK = 1e-3  # -60 dBFS: below this a clip is treated as silent
_LOWEST_NOTE, _HIGHEST_NOTE = 24, 107  # C1 to B7, seven whole octaves
_BINS_PER_SEMITONE = 3
_NOTE_RATE = 11_025  # enough for the fundamentals and the partials that tell notes apart


def is_remembered(clip: Clip) -> bool:
    """Whether what is measured on a clip is kept: of loops and takes, not of ten minutes."""
    return clip.length <= _LONGEST_REMEMBERED


def once_per_clip(measure: Callable[..., T]) -> Callable[..., T]:
    """Remember what was measured on a clip for as long as the clip lives: a loop's proof, purity and rank share it."""

    @wraps(measure)
    def remembered(clip: Clip, *args: Any, **options: Any) -> T:
        if not is_remembered(clip):
            return measure(clip, *args, **options)
        kept, key = _measured.setdefault(clip, {}), (measure.__name__, args, tuple(options.items()))
        if key not in kept:
            kept[key] = measure(clip, *args, **options)
        return kept[key]

    return remembered


@once_per_clip
def clean_mono(clip: Clip) -> np.ndarray:
    """All channels in one (:func:`heard_mono`): float32 (n,), finite, peak 1; zeros when the peak is below -60 dBFS."""
    samples = clip.samples
    if samples.size == 0:
        return np.zeros(0, dtype=np.float32)
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    mono = heard_mono(np.clip(samples, -1e6, 1e6))
    peak = float(np.max(np.abs(mono)))
    return _shared(mono / np.float32(peak) if peak >= SILENCE_PEAK else np.zeros(mono.size, dtype=np.float32))


def _magnitudes(mono: np.ndarray, window_samples: int, centres: np.ndarray) -> np.ndarray:
    """Hann-windowed magnitude spectra (frames, bins), one frame centred on each sample index; zeros beyond the ends."""
    from scipy.fft import rfft  # of many short frames at once it is four times as fast as numpy's

    padded = np.pad(mono, (window_samples // 2, window_samples))
    window = np.hanning(window_samples).astype(np.float32)
    window *= 2.0 / window.sum()
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_samples)
    out = np.empty((centres.size, window_samples // 2 + 1), dtype=np.float32)
    for start in range(0, centres.size, 512):  # blocks keep the memory of a ten-minute file small
        out[start : start + 512] = np.abs(rfft(frames[centres[start : start + 512]] * window, axis=1))
    return out


# -------------------------------------------------------------------------------------------------------------- onsets


@dataclass(frozen=True, eq=False)
class OnsetBands:
    """Onset strength by register: ``low`` (below 150 Hz), ``mid``, ``high`` (above 2.5 kHz) and their sum ``all``.

    Each is float64 (n,), >= 0, in one common scale; frame i stands for time ``i / rate`` seconds.
    """

    low: np.ndarray
    mid: np.ndarray
    high: np.ndarray
    rate: float

    @property
    def all(self) -> np.ndarray:
        return self.low + self.mid + self.high


def _shared(array: np.ndarray) -> np.ndarray:
    """An array that a cache hands to every caller: made read-only, so that none can change it for the others."""
    array.setflags(write=False)
    return array


@lru_cache(maxsize=8)
def _onset_filters(sample_rate: int, window_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Triangular filters, a semitone or more apart, 30 Hz to 16 kHz: (bins, bands), centres in Hz."""
    top = min(16_000.0, 0.48 * sample_rate)
    bin_hz = sample_rate / window_samples
    edges, hz = [30.0], 30.0
    while hz < top:
        hz = max(hz + bin_hz, hz * 2 ** (1 / 12))
        edges.append(min(hz, top))
    edges_hz = np.unique(np.array(edges))
    bins = np.arange(window_samples // 2 + 1) * bin_hz
    lower, centre, upper = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rise = (bins[:, None] - lower) / (centre - lower)
    fall = (upper - bins[:, None]) / (upper - centre)
    return _shared(np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)), _shared(centre)


@once_per_clip
def onset_bands(clip: Clip) -> OnsetBands:
    """Onset strength in three registers from the spectral flux of a logarithmic filter bank.

    SuperFlux (Böck & Widmer, DAFx 2013): log magnitudes in bands of a semitone or more, half-wave rectified difference
    against a maximum-filtered earlier frame, which ignores vibrato. Frames are 46 ms long, 5 ms apart.
    """
    from scipy.ndimage import maximum_filter1d

    rate = clip.sample_rate
    mono = clean_mono(clip)
    hop = max(1, round(0.005 * rate))
    count = max(1, -(-mono.size // hop))
    if not mono.any():
        zeros = np.zeros(count)
        return OnsetBands(zeros, zeros, zeros, rate / hop)
    window = max(64, 1 << round(np.log2(0.046 * rate)))
    filters, centres_hz = _onset_filters(rate, window)
    lag = max(1, round(0.015 * rate / hop))  # 15 ms: a rise is compared with the sound just before it
    # log compression sees an attack before the window is centred on it; 6.5 ms later is where the flux of clicks and
    # drums peaks without bias (tests/test_features.py)
    centres = np.arange(-lag, count) * hop - round(0.0065 * rate)
    log_bands = np.log1p(200.0 * (_magnitudes(mono, window, np.maximum(0, centres)) @ filters))
    log_bands[:lag] = 0.0  # silence before the clip, so that an attack on sample 0 counts
    widened = maximum_filter1d(log_bands, size=3, axis=1)
    flux = np.maximum(0.0, log_bands[lag:] - widened[:-lag])
    low, high = centres_hz < 150.0, centres_hz > 2500.0
    lows, mids, highs = (flux[:, mask].sum(axis=1) for mask in (low, ~low & ~high, high))
    return OnsetBands(lows, mids, highs, rate / hop)


class Onsets(NamedTuple):
    """``times`` in seconds, rising, and ``strengths`` 0..1, both (n,)."""

    times: np.ndarray
    strengths: np.ndarray


@once_per_clip
def onset_times(clip: Clip, bands: OnsetBands | None = None) -> Onsets:
    """The onsets of a clip, accurate to a few milliseconds for struck sounds.

    Peaks of the onset envelope above a moving threshold; each is then moved to the steepest rise of the sound's own
    energy within 25 ms, since the envelope's frames are too long to place an attack by themselves.
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import find_peaks

    bands = bands if bands is not None else onset_bands(clip)
    envelope, rate = bands.all, bands.rate
    if envelope.size < 3 or not envelope.any():
        return Onsets(np.zeros(0), np.zeros(0))
    reach = max(1, round(0.1 * rate))
    threshold = uniform_filter1d(envelope, 2 * reach + 1) + 0.06 * np.percentile(envelope, 99)
    smooth = np.convolve(envelope, [0.25, 0.5, 0.25], mode="same")
    peaks, _ = find_peaks(np.r_[0.0, smooth, 0.0], distance=max(1, round(0.04 * rate)))
    peaks = peaks - 1
    peaks = peaks[smooth[peaks] > threshold[peaks]]
    if peaks.size == 0:
        return Onsets(np.zeros(0), np.zeros(0))
    strengths = smooth[peaks] / smooth[peaks].max()
    return Onsets(_to_steepest_rise(clean_mono(clip), clip.sample_rate, peaks / rate), strengths)


def _to_steepest_rise(mono: np.ndarray, sample_rate: int, times: np.ndarray) -> np.ndarray:
    """Move each time to where the energy of the sound, in 1 ms steps, rises most within 25 ms."""
    step = max(1, sample_rate // 1000)
    blocks = mono[: mono.size // step * step].reshape(-1, step).astype(np.float64)
    # differences favour the upper partials, whose attack is the sharp one
    energy = np.r_[np.zeros(4), (np.diff(blocks, axis=1, prepend=blocks[:, :1]) ** 2).sum(axis=1) + 1e-9]
    energy = np.log(np.convolve(energy, np.ones(4), mode="valid") + 1e-4 * energy.max() + 1e-12)
    rise = energy[4:] - energy[:-4] if energy.size > 4 else np.zeros(1)
    reach = round(0.025 * sample_rate / step)
    moved = np.array(times, dtype=float)
    for i, t in enumerate(times):
        at = round(t * sample_rate / step)
        lo = max(0, at - reach)
        window = rise[lo : at + reach + 1]
        if window.size and window.max() > 0.1:
            moved[i] = (lo + int(window.argmax())) * step / sample_rate
    return np.maximum.accumulate(moved)


# --------------------------------------------------------------------------------------------------------------- notes


@dataclass(frozen=True, eq=False)
class NoteGram:
    """How strongly each semitone sounds: ``frames`` float32 (84, n) for MIDI notes 24..107, >= 0; ``times`` (n,).

    ``tuning_cents`` is the tuning that was taken into account; ``levels`` (n,) is each frame's loudness (RMS, 0..1);
    ``tonal_share`` (0..1) is how much of the sound from 90 Hz to 3 kHz stands in narrow peaks: near 0 for drums.
    """

    frames: np.ndarray
    times: np.ndarray
    tuning_cents: float
    levels: np.ndarray
    tonal_share: float

    def chroma(self, high: int = _HIGHEST_NOTE) -> np.ndarray:
        """Fold the notes up to ``high`` (MIDI, inclusive) to pitch classes: (12, n), row 0 = C."""
        kept = self.frames * (np.arange(_LOWEST_NOTE, _HIGHEST_NOTE + 1) <= high)[:, None]
        return kept.reshape(-1, 12, kept.shape[1]).sum(axis=0)


@dataclass(frozen=True, eq=False)
class _PitchSpectra:
    magnitudes: np.ndarray  # (n, bins)
    bin_hz: float
    times: np.ndarray
    levels: np.ndarray


def _pitch_spectra(clip: Clip, hop_seconds: float) -> _PitchSpectra:
    """Long-window spectra (0.37 s, fine enough to part semitones down to A1) at about 11 kHz."""
    from scipy.signal import resample_poly

    mono = clean_mono(clip)
    factor = max(1, clip.sample_rate // _NOTE_RATE)
    if factor > 1 and mono.size:
        mono = resample_poly(mono, 1, factor).astype(np.float32)
    rate = clip.sample_rate / factor
    window = max(256, 1 << round(np.log2(0.37 * rate)))
    count = max(1, int(mono.size / rate / hop_seconds))
    times = (np.arange(count) + 0.5) * hop_seconds
    centres = np.clip(np.round(times * rate).astype(int), 0, max(0, mono.size - 1))
    half = max(1, round(hop_seconds * rate / 2))
    power = np.cumsum(np.r_[0.0, mono.astype(np.float64) ** 2])
    lo, hi = np.clip(centres - half, 0, mono.size), np.clip(centres + half, 0, mono.size)
    levels = np.sqrt((power[hi] - power[lo]) / np.maximum(1, hi - lo))
    return _PitchSpectra(_magnitudes(mono, window, centres), rate / window, times, levels)


def _peaks_cents(spectra: _PitchSpectra) -> tuple[np.ndarray, np.ndarray]:
    """Spectral peaks between 80 Hz and 2 kHz: pitch in semitones (MIDI, fractional) and magnitude, for its weight.

    Weighted with its root, the many weak peaks between notes drew a piano 2 cents up.
    """
    m = spectra.magnitudes
    lo, hi = max(1, int(80 / spectra.bin_hz)), min(m.shape[1] - 1, int(2000 / spectra.bin_hz))
    if hi - lo < 3:
        return np.zeros(0), np.zeros(0)
    log = np.log(m + 1e-9)
    left, mid, right = log[:, lo - 1 : hi - 1], log[:, lo:hi], log[:, lo + 1 : hi + 1]
    floor = np.log(1e-3 * m.max() + 1e-9)
    frame, column = np.nonzero((mid > left) & (mid >= right) & (mid > floor))
    a, b, c = left[frame, column], mid[frame, column], right[frame, column]
    shift = np.clip(0.5 * (a - c) / (a - 2 * b + c - 1e-12), -0.5, 0.5)
    hz = (column + lo + shift) * spectra.bin_hz
    return 69 + 12 * np.log2(hz / 440.0), np.exp(b)


def _tuning(spectra: _PitchSpectra) -> float:
    """Weighted circular mean of the peaks' distance to the nearest semitone, in cents (-50..50)."""
    pitch, weight = _peaks_cents(spectra)
    if weight.sum() <= 0:
        return 0.0
    turn = np.sum(weight * np.exp(2j * np.pi * pitch))
    if abs(turn) < 0.05 * weight.sum():  # no common tuning: a glide, noise, drums
        return 0.0
    return float(np.angle(turn) / (2 * np.pi) * 100.0)


def _near(cents: float, near_cents: float) -> float:
    """The same tuning, counted from the semitone that brings it nearest."""
    return cents if abs(cents - near_cents) <= 50.0 else cents + np.copysign(100.0, near_cents - cents)


@lru_cache(maxsize=16)
def _note_dictionary(bin_hz: float, bins: int, tuning_cents: int) -> tuple[np.ndarray, np.ndarray]:
    """The map from spectrum bins to third-semitone bins, and each note's pattern there.

    Returns ``mapping`` (bins, steps) and ``patterns`` (84, steps): partials fall as 0.75**n, as in NNLS-Chroma, each as
    wide as the analysis window makes it, so that low notes are told apart as far as the window allows.
    """
    steps = np.arange((_HIGHEST_NOTE + 8 - _LOWEST_NOTE + 1) * _BINS_PER_SEMITONE)
    step_notes = _LOWEST_NOTE + (steps - 1) / _BINS_PER_SEMITONE
    step_hz = 440.0 * 2.0 ** ((step_notes - 69 + tuning_cents / 100.0) / 12.0)
    hz = np.arange(bins) * bin_hz
    width_hz = np.maximum(step_hz * (2 ** (1 / 36) - 1) * 1.5, bin_hz)
    mapping = np.maximum(0.0, 1.0 - np.abs(hz[:, None] - step_hz) / width_hz)
    mapping /= mapping.sum(axis=0) + 1e-9
    patterns = np.zeros((_HIGHEST_NOTE - _LOWEST_NOTE + 1, steps.size))
    lobe_hz = 2.0 * bin_hz  # half width of a Hann window's main lobe
    for i, note in enumerate(range(_LOWEST_NOTE, _HIGHEST_NOTE + 1)):
        f0 = 440.0 * 2.0 ** ((note - 69 + tuning_cents / 100.0) / 12.0)
        spectrum = np.zeros(bins)
        for n in range(1, 13):
            away = np.clip(np.abs(hz - n * f0) / lobe_hz, 0.0, 1.0)
            spectrum = np.maximum(spectrum, 0.75 ** (n - 1) * np.cos(0.5 * np.pi * away) ** 2)
        patterns[i] = spectrum @ mapping
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True) + 1e-9
    return _shared(mapping.astype(np.float32)), _shared(patterns.astype(np.float32))


@once_per_clip
def note_gram(clip: Clip, *, hop_seconds: float = 0.1, near_cents: float = 0.0) -> NoteGram:
    """How strongly each semitone sounds over time, with the overtones explained away.

    Approximate transcription by non-negative least squares (Mauch & Dixon, ISMIR 2010): whitened log-frequency spectra
    are explained by notes with falling partials, here by multiplicative updates (Lee & Seung 2001) for all frames at
    once. The tuning is estimated first, within half a semitone of ``near_cents``.
    """
    from scipy.ndimage import uniform_filter1d

    spectra = _pitch_spectra(clip, hop_seconds)
    tuning = _near(_tuning(spectra), near_cents)
    mapping, patterns = _note_dictionary(spectra.bin_hz, spectra.magnitudes.shape[1], round(tuning))
    steps = spectra.magnitudes @ mapping
    # whitening over +-1 octave takes out timbre and tilt but keeps the frame's loudness roughly
    reach = 24 * _BINS_PER_SEMITONE + 1
    mean = uniform_filter1d(steps, reach, axis=1, mode="reflect")
    deviation = np.sqrt(np.maximum(0.0, uniform_filter1d(steps**2, reach, axis=1, mode="reflect") - mean**2))
    floor = 0.01 * float(steps.max(initial=0.0)) + 1e-7
    white = np.maximum(0.0, steps - mean) / (deviation + floor)
    gain = spectra.levels / (spectra.levels.max(initial=0.0) + 1e-9)
    white *= np.sqrt(gain)[:, None]
    activity = white @ patterns.T + 1e-6
    target, gram = activity.copy(), patterns @ patterns.T
    for _ in range(40):
        activity *= target / (activity @ gram + 1e-6)
    activity[spectra.levels < SILENCE_PEAK] = 0.0
    frames = np.ascontiguousarray(activity.T, dtype=np.float32)
    return NoteGram(frames, spectra.times, tuning, spectra.levels, _tonal_share(spectra))


def _tonal_share(spectra: _PitchSpectra) -> float:
    """Share of the magnitude that exceeds twice its neighbourhood (about 110 Hz wide), frames weighted by level."""
    from scipy.ndimage import uniform_filter1d

    lo, hi = int(90 / spectra.bin_hz), int(3000 / spectra.bin_hz)
    band = spectra.magnitudes[:, lo:hi]
    if not band.size or spectra.levels.sum() <= 0:
        return 0.0
    peaks = np.maximum(0.0, band - 2.0 * uniform_filter1d(band, 41, axis=1)).sum(axis=1)
    return float(np.average(peaks / (band.sum(axis=1) + 1e-9), weights=spectra.levels))


# ----------------------------------------------------------------------------------------------------------------- key

# Temperley 2005 (essentia's "temperley2005"), degree weights from the tonic up
KEY_PROFILES = {
    "major": (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
    "minor": (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
}


def key_scores(chroma12: np.ndarray) -> np.ndarray:
    """Correlation (-1..1) of a pitch-class vector (12,), C first, with each key's profile, in the order of ALL_KEYS.

    Profile matching after Krumhansl (1990) with Temperley's 2005 weights; zeros when the vector is flat or empty.
    """
    vector = np.nan_to_num(np.asarray(chroma12, dtype=float).reshape(12))
    centred = vector - vector.mean()
    norm = np.linalg.norm(centred)
    if norm < 1e-9:
        return np.zeros(len(ALL_KEYS))
    scores = []
    for key in ALL_KEYS:
        profile = np.roll(KEY_PROFILES[key.plain.mode], key.tonic)
        profile = profile - profile.mean()
        scores.append(float(centred @ profile / (norm * np.linalg.norm(profile))))
    return np.array(scores)
