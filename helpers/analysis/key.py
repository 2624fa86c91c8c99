"""Which key? Profile matching on the notes that sound, bass and whole register heard apart.

Relative keys share their notes and a bass line alone may leave the mode open, so the runners-up are part of the answer.
"""

from __future__ import annotations

import numpy as np

from ..features import key_scores
from ..pitch import ALL_KEYS
from ..records import Clip, KeyAlternative, KeyEstimate
from .listening import Listening, listen

_LEAST_PITCHED = 0.25


def pitched_share(heard: Listening) -> float:
    """How tonal the sound is, 0..1: how much of the note energy the strongest five pitch classes of a moment hold."""
    frames = heard.notes.chroma()
    total = frames.sum(axis=0)
    loud = total > 0.1 * total.max(initial=0.0)
    if not loud.any() or total.max(initial=0.0) <= 0:
        return 0.0
    top = np.sort(frames[:, loud], axis=0)[-4:].sum(axis=0) / total[loud]
    return float(np.clip((top.mean() - 0.45) / 0.45, 0.0, 1.0))


def estimate_key(sound: Clip | Listening) -> KeyEstimate | None:
    """Estimate tonic and mode of a clip; None when it holds no pitched notes (drums, noise, silence).

    ``confidence`` is the probability of the first answer; ``alternatives`` are the next keys with theirs, best first.
    """
    heard = listen(sound)
    if heard.is_silent or pitched_share(heard) < _LEAST_PITCHED:
        return None
    notes = heard.notes
    compressed = np.sqrt(notes.frames)
    pooled = np.repeat(compressed.mean(axis=1)[:, None], 1, axis=1)
    classes = pooled.reshape(-1, 12, 1).sum(axis=0)[:, 0]
    low = np.where(np.arange(24, 108) < 52, pooled[:, 0], 0.0).reshape(-1, 12).sum(axis=0)
    scores = key_scores(classes) + 0.3 * key_scores(low)
    odds = np.exp(10.0 * (scores - scores.max()))
    probability = odds / odds.sum()
    order = np.argsort(-probability)
    return KeyEstimate(
        key=ALL_KEYS[order[0]],
        confidence=float(probability[order[0]]),
        alternatives=tuple(KeyAlternative(ALL_KEYS[i].name, float(probability[i])) for i in order[1:5]),
        tuning_cents=notes.tuning_cents,
    )
