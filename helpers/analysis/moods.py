"""Which mood? A rough estimate from tempo, mode, loudness and brightness, for when no tag model is there.

Two axes after Russell's circumplex (1980): arousal from tempo, onset density, loudness and brightness; valence from
mode and tempo. Words, not measurements: the scores are ranks in 0..1 and the analysis says where they come from.
"""

from __future__ import annotations

import numpy as np

from ..records import Groove, KeyEstimate, Tag, Tempo
from .listening import Listening

ROUGH_NOTE = "Moods are a rough estimate from tempo, mode, loudness and brightness, not from a trained model."

# word: (valence, arousal), both -1..1; words the music models were trained with
_WORDS = {
    "energetic": (0.3, 0.9),
    "happy": (0.9, 0.5),
    "uplifting": (0.8, 0.2),
    "relaxing": (0.5, -0.7),
    "dreamy": (0.2, -0.4),
    "calm": (0.1, -0.9),
    "melancholic": (-0.6, -0.5),
    "sad": (-0.8, -0.7),
    "dark": (-0.8, 0.1),
    "dramatic": (-0.4, 0.6),
    "aggressive": (-0.7, 0.9),
    "groovy": (0.4, 0.4),
}


def estimate_moods(
    heard: Listening, tempo: Tempo, key: KeyEstimate | None, groove: Groove, loudness_lufs: float | None
) -> tuple[Tag, ...]:
    """Three mood words, nearest first, scored at most 0.25: a guess must not steer a model as a heard tag would.

    Empty for silence.
    """
    if heard.is_silent:
        return ()
    rate = (groove.density or 1.0) * (tempo.bpm or 100.0) / 60.0  # onsets per second
    loud = -18.0 if loudness_lufs is None else loudness_lufs
    bands = heard.bands
    bright = float(bands.high.sum() / (bands.all.sum() + 1e-9))
    arousal = float(
        np.tanh(
            0.5 * np.log2((tempo.bpm or 100.0) / 100.0) + 0.35 * np.log2(max(rate, 0.25) / 3.0) + (loud + 17.0) / 20.0
        )
        + 0.5 * (bright - 0.35)
    )
    mode = 0.0 if key is None else key.confidence * (0.6 if key.key.mode == "major" else -0.6)
    valence = float(np.tanh(mode + 0.25 * arousal))
    distance = {word: np.hypot(valence - v, arousal - a) for word, (v, a) in _WORDS.items()}
    nearest = sorted(distance, key=lambda word: distance[word])[:3]
    return tuple(Tag(word, 0.25 * float(np.exp(-distance[word]))) for word in nearest)
