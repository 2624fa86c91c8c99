"""Which key? Learnt profiles for the whole sound, its bass, its beginning and its end, matched over all 24 keys.

Relative keys share their notes, and a bass line or a short phrase may leave the mode open, so the runners-up are part
of the answer.
"""

from __future__ import annotations

import numpy as np

from ..features import key_scores
from ..pitch import ALL_KEYS
from ..records import Clip, KeyAlternative, KeyEstimate
from .key_profiles import MINOR_BIAS, PROFILES
from .listening import Listening, listen

VIEWS = ("whole", "bass", "start", "end")
_BASS_SHARE = 0.25  # the bass is the lowest note at least so strong against the moment's strongest


def key_evidence(heard: Listening) -> np.ndarray:
    """Pitch classes (4, 12), C first, each row summing to 1 (or all 0): one row for each of VIEWS.

    ``whole``: all notes, every moment weighing the same; ``bass``: the lowest note of each moment; ``start`` and
    ``end``: the first and last eighth of what sounds, at least 0.2 s, at most 1 s.
    """
    notes = heard.notes
    frames = notes.frames.astype(float) * (notes.levels > 0.03 * notes.levels.max(initial=0.0))
    energy = frames.sum(axis=0)
    sounding = np.flatnonzero(energy > 0.05 * energy.max(initial=0.0))
    if not sounding.size:
        return np.zeros((len(VIEWS), 12))
    lowest = (frames > _BASS_SHARE * (frames.max(axis=0) + 1e-9)).argmax(axis=0)
    bass = np.zeros_like(frames)
    bass[lowest[sounding], sounding] = 1.0
    first, last = int(sounding[0]), int(sounding[-1]) + 1
    edge = int(np.clip((last - first) // 8, 4, 20))
    views = (frames / (energy + 1e-9), bass, frames[:, first : first + edge], frames[:, max(first, last - edge) : last])
    folded = np.stack([view.mean(axis=1).reshape(-1, 12).sum(axis=0) for view in views])
    return folded / (folded.sum(axis=1, keepdims=True) + 1e-9)


def is_pitched(heard: Listening) -> bool:
    """Whether there are notes at all: False for drums, noise and silence.

    A logistic rule on how much of the spectrum stands in narrow peaks and how well the notes fit any one key, fitted to
    clips of drums and of pitched instruments; pitched sound is given the benefit of the doubt.
    """
    if heard.is_silent or not heard.notes.frames.any():
        return False
    fit = float(key_scores(np.sqrt(heard.notes.chroma()).mean(axis=1)).max())
    return 2.94 * np.log(heard.notes.tonal_share + 1e-3) + 6.45 * fit + 4.05 > -0.4


def key_probabilities(evidence: np.ndarray) -> np.ndarray:
    """Probability (24,) of each of ALL_KEYS: a softmax over how well the key's profiles match the evidence (4, 12)."""
    scores = np.zeros(len(ALL_KEYS))
    for i, key in enumerate(ALL_KEYS):
        turned = np.roll(evidence, -key.tonic, axis=1)
        scores[i] = np.sum(turned * PROFILES[key.mode]) + (MINOR_BIAS if key.mode == "minor" else 0.0)
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def estimate_key(sound: Clip | Listening) -> KeyEstimate | None:
    """Estimate tonic and mode of a clip; None when it holds no pitched notes (drums, noise, silence).

    ``confidence`` is the probability of the answer; ``alternatives`` are the next four keys with theirs, best first.
    """
    heard = listen(sound)
    if not is_pitched(heard):
        return None
    probability = key_probabilities(key_evidence(heard))
    order = np.argsort(-probability, kind="stable")
    return KeyEstimate(
        key=ALL_KEYS[order[0]],
        confidence=float(probability[order[0]]),
        alternatives=tuple(KeyAlternative(ALL_KEYS[i].name, float(probability[i])) for i in order[1:5]),
        tuning_cents=heard.notes.tuning_cents,
    )
