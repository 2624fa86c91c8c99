"""What else one could use: librosa's and essentia's own tempo, beat and key estimators, each behind one function.

Every function takes mono float32 and its rate, and resamples to what the library wants (essentia 44.1 kHz, librosa
22.05 kHz).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import soxr

from helpers.analysis.key import PUBLISHED

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_PROFILES = ("bgate", "edma", "temperley2005", "krumhansl", "shaath")


def _at(mono: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    return mono if rate == wanted else soxr.resample(mono, rate, wanted).astype(np.float32)


@lru_cache(maxsize=1)
def _essentia() -> object:
    import essentia
    import essentia.standard

    essentia.log.infoActive = essentia.log.warningActive = False
    return essentia.standard


def _librosa_beat(mono: np.ndarray, rate: int) -> float:
    import librosa

    return float(np.atleast_1d(librosa.beat.beat_track(y=_at(mono, rate, 22_050), sr=22_050)[0])[0])


def _librosa_tempo(mono: np.ndarray, rate: int) -> float:
    import librosa

    return float(np.atleast_1d(librosa.feature.tempo(y=_at(mono, rate, 22_050), sr=22_050))[0])


def _rhythm(method: str) -> Callable[[np.ndarray, int], float]:
    def ask(mono: np.ndarray, rate: int) -> float:
        return float(_essentia().RhythmExtractor2013(method=method)(_at(mono, rate, 44_100))[0])

    return ask


def _percival(mono: np.ndarray, rate: int) -> float:
    return float(_essentia().PercivalBpmEstimator()(_at(mono, rate, 44_100)))


def _loop_bpm(mono: np.ndarray, rate: int) -> float:
    return float(_essentia().LoopBpmEstimator()(_at(mono, rate, 44_100)))


def _key_extractor(profile: str) -> Callable[[np.ndarray, int], str]:
    def ask(mono: np.ndarray, rate: int) -> str:
        tonic, mode, _ = _essentia().KeyExtractor(profileType=profile)(_at(mono, rate, 44_100))
        return f"{tonic} {mode}"

    return ask


def _librosa_key(mono: np.ndarray, rate: int) -> str:
    import librosa

    mean = librosa.feature.chroma_cqt(y=_at(mono, rate, 22_050), sr=22_050).mean(axis=1)
    fits = {
        f"{_NAMES[k]} {mode}": np.corrcoef(mean, np.roll(profile, k))[0, 1]
        for mode, profile in PUBLISHED["Krumhansl & Kessler 1982"].items()
        for k in range(12)
    }
    return max(fits, key=lambda name: fits[name])


TEMPO_PEERS = {
    "librosa beat_track": _librosa_beat,
    "librosa tempo": _librosa_tempo,
    "essentia RhythmExtractor2013 multifeature": _rhythm("multifeature"),
    "essentia RhythmExtractor2013 degara": _rhythm("degara"),
    "essentia Percival": _percival,
    "essentia LoopBpmEstimator": _loop_bpm,
}
KEY_PEERS = {f"essentia KeyExtractor {p}": _key_extractor(p) for p in _PROFILES} | {
    "librosa chroma + Krumhansl": _librosa_key
}


def peer_beats(mono: np.ndarray, rate: int) -> dict[str, list[float]]:
    """Beat times in seconds by librosa's beat_track and essentia's RhythmExtractor2013 (multifeature)."""
    import librosa

    found = librosa.beat.beat_track(y=_at(mono, rate, 22_050), sr=22_050, units="time")[1]
    ticks = _essentia().RhythmExtractor2013(method="multifeature")(_at(mono, rate, 44_100))[1]
    return {
        "librosa beat_track": [float(t) for t in found],
        "essentia RhythmExtractor2013 multifeature": [float(t) for t in ticks],
    }
