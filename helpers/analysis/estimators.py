"""essentia's estimators of key, beats and one pitch, beside our own: the only module that opens essentia.

KeyExtractor (Faraldo et al., ECIR 2016, and the profiles named) is asked with several profiles; each says one key.
RhythmExtractor2013 (Zapata et al., IEEE TASLP 2014: several trackers that agree on their beats) says where beats lie.
PitchYinFFT (Brossier, 2006, after de Cheveigné & Kawahara, JASA 2002) follows one pitch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..music.pitch import Key, parse_key

PROFILES = ("bgate", "edma", "shaath")
RATE = 44_100
_LONGEST_SECONDS = 60.0
PITCH_HOP_SECONDS = 0.01
_PITCH_FRAME = 4096
_LOWEST_HZ, _HIGHEST_HZ = 38.0, 1500.0


@lru_cache(maxsize=1)
def _essentia() -> Any | None:
    try:
        import essentia

        essentia.log.infoActive = essentia.log.warningActive = False
        import essentia.standard
    except (ImportError, OSError):
        return None
    return essentia.standard


def _asked_of(mono: np.ndarray) -> Any | None:
    """essentia, where it is installed and can be asked: it hangs on silence and NaN."""
    return _essentia() if mono.any() and np.isfinite(mono).all() else None


def key_votes(mono: np.ndarray, rate: int) -> dict[str, Key]:
    """The key that each profile finds in mono, of a long clip in the middle minute; empty where essentia is missing."""
    essentia, (part, _) = _asked_of(mono), _middle(mono, rate)
    if essentia is None or part.size < RATE // 2:
        return {}
    found = {}
    for profile in PROFILES:
        tonic, mode, _ = essentia.KeyExtractor(profileType=profile)(part)
        found[profile] = parse_key(f"{tonic} {mode}")
    return found


def beat_ticks(mono: np.ndarray, rate: int) -> np.ndarray:
    """Beats in seconds (n,), rising, of mono; empty where essentia is missing or 3 s are not there."""
    essentia, (part, start) = _asked_of(mono), _middle(mono, rate)
    if essentia is None or part.size < 3 * RATE:
        return np.zeros(0)
    return np.asarray(essentia.RhythmExtractor2013(method="multifeature")(part)[1], dtype=float) + start


@dataclass(frozen=True, eq=False)
class PitchTrack:
    """Each ``hop_seconds``: pitch in semitones (MIDI, fractional), confidence 0..1 that it is alone, level (RMS)."""

    pitch: np.ndarray
    confidence: np.ndarray
    level: np.ndarray
    hop_seconds: float = PITCH_HOP_SECONDS


def follow_pitch(mono: np.ndarray, rate: int, every: int = 1) -> PitchTrack:
    """One pitch through finite, sounding mono, in frames of 93 ms; no frames where essentia is missing.

    With ``every`` n only each n-th frame is asked.
    """
    essentia = _asked_of(mono)
    if essentia is None:
        return PitchTrack(*np.zeros((3, 0)))
    from scipy.fft import rfft

    size, hop = _PITCH_FRAME, round(PITCH_HOP_SECONDS * RATE) * every
    ask = essentia.PitchYinFFT(frameSize=size, sampleRate=RATE, minFrequency=_LOWEST_HZ, maxFrequency=_HIGHEST_HZ)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(_resampled(mono, rate), size // 2), size)[::hop]
    window = np.hanning(size).astype(np.float32)
    found, levels = [], []
    for start in range(0, len(frames), 512):  # many frames at once: a call of essentia costs more than what it does
        part = frames[start : start + 512]
        levels.append(np.sqrt(np.mean(np.square(part), axis=1)))
        found += [ask(spectrum) for spectrum in np.abs(rfft(part * window, axis=1))]
    hz, confidence = np.array(found, dtype=float).T
    pitch = 69 + 12 * np.log2(np.maximum(hz, 1.0) / 440)
    return PitchTrack(pitch, confidence, np.concatenate(levels), PITCH_HOP_SECONDS * every)


def _resampled(mono: np.ndarray, rate: int) -> np.ndarray:
    if rate != RATE:
        import soxr

        mono = soxr.resample(mono, rate, RATE)
    return np.ascontiguousarray(mono, dtype=np.float32)


def _middle(mono: np.ndarray, rate: int) -> tuple[np.ndarray, float]:
    """The middle minute of a clip at 44.1 kHz, and the second it begins at."""
    longest = round(_LONGEST_SECONDS * rate)
    start = max(0, (mono.size - longest) // 2)
    return _resampled(mono[start : start + longest], rate), start / rate
