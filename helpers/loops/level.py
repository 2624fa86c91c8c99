"""Level and cleanliness: constant offset out, every loop at one loudness, never clipped.

Only gain is used, no limiter: the dynamics of the take stay what they were.
"""

from __future__ import annotations

import numpy as np

from ..records import Analysis, Clip
from ..sound.levels import loudness_lufs, true_peak_dbtp

TARGET_LUFS = -16.0  # loud enough to audition beside finished music, with room for the peaks of drums
# Where an idea was heard: how much softer than it a part of each role lies, so that both can lie on tracks as they are.
BESIDE_DB = {"drums": -3.0, "bass": -4.0, "lead": -4.0, "chords": -6.0, "arpeggio": -6.0, "pad": -8.0}
MONO_DB = 3.01  # one channel sounds from two loudspeakers
SOFTEST_LUFS, LOUDEST_LUFS = -28.0, -13.0  # but no softer and no louder than that
PEAK_DBTP = -1.0  # EBU R 128 s1: headroom that survives lossy encoding
MOST_GAIN_DB = 40.0  # a take quieter than that is refused as silent before it gets here
LOWEST_HZ = 18.0  # below the lowest note of any instrument here (E0 is 20.6 Hz)


def apply_cleaning(clip: Clip) -> Clip:
    """Remove the constant offset and what lies below 18 Hz (Butterworth, zero-phase, so that no onset moves)."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(2, LOWEST_HZ, "highpass", fs=clip.sample_rate, output="sos")
    pad = min(clip.length - 1, clip.sample_rate // 4)
    return Clip(sosfiltfilt(sections, clip.samples, padlen=pad).astype(np.float32), clip.sample_rate)


def offset_db(clip: Clip) -> float:
    """Level of the constant offset against the level of the whole clip, in dB (the louder channel counts)."""
    offset = np.abs(clip.samples.mean(axis=1, dtype=np.float64))
    rms = np.sqrt(np.mean(np.square(clip.samples, dtype=np.float64), axis=1))
    return float(20 * np.log10(np.max(np.maximum(offset, 1e-12) / np.maximum(rms, 1e-9))))


def level_beside(role: str, idea: Analysis | None) -> float:
    """The loudness in LUFS of a part beside an idea; TARGET_LUFS where the idea's is not known."""
    if idea is None or idea.loudness_lufs is None or role not in BESIDE_DB:
        return TARGET_LUFS
    played = idea.loudness_lufs + MONO_DB * (idea.channels == 1)
    return float(np.clip(played + BESIDE_DB[role], SOFTEST_LUFS, LOUDEST_LUFS))


def plan_gain_db(clip: Clip, target_lufs: float = TARGET_LUFS) -> float:
    """Gain in dB that brings the clip to the loudness, or less where its true peak would pass -1 dBTP."""
    peak = true_peak_dbtp(clip)
    loudness = loudness_lufs(clip)
    wanted = target_lufs - loudness if loudness is not None else PEAK_DBTP - peak
    return float(min(wanted, PEAK_DBTP - peak, MOST_GAIN_DB))


def set_level(clip: Clip, target_lufs: float = TARGET_LUFS) -> Clip:
    """The clip at its target loudness; see :func:`plan_gain_db`."""
    gain = 10 ** (plan_gain_db(clip, target_lufs) / 20)
    return Clip((clip.samples * np.float32(gain)).astype(np.float32), clip.sample_rate)
