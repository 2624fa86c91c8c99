"""How fast is it, and is it a loop? One steady tempo for the whole clip.

Half and double tempo are one answer at two levels; we report the level that a listener would tap, as learnt from clips
with a stated tempo, and offer the others. An exact loop is a file that starts with sound and lasts a whole number of
bars: its tempo then follows from its length, exactly.

Conventions: BPM counts quarter notes, dotted quarters in 6/8; beats and downbeats in seconds, rising.
"""

from __future__ import annotations

import numpy as np

from ..music.meter import METERS
from ..records import Clip, Tempo, TempoAlternative
from .evidence import slow_change, tempo_evidence
from .grid import estimate_grid, estimate_swing
from .listening import Listening, listen
from .precise import settle_tempo
from .pulse import find_candidates
from .tempo_model import likely_meter, tempo_confidence, tempo_probabilities, trust_evidence

_SAME_TEMPO = 0.04  # tempi within 4 % count as one answer, as in tempo evaluation
_HELD_CHANGE = 0.2  # 1 - cosine of the notes before and after a moment; a held sound never reaches it
_RELATIONS = ((0.5, "half"), (2.0, "double"), (2 / 3, "2/3"), (1.5, "3/2"))


def estimate_tempo(sound: Clip | Listening) -> Tempo:
    """Estimate the steady tempo of a clip, its beat grid and whether it is an exact loop.

    Parameters
    ----------
    sound
        A clip of any rate and channel count, or what was already heard of it.

    Returns
    -------
    Tempo
        ``bpm`` is None, with confidence 0, where nothing can repeat: silence, a single sound, a drone. Otherwise
        ``confidence`` is the probability that the answer is within 4 % of what a listener would say, and
        ``alternatives`` are the other readings, most probable first.
    """
    heard = listen(sound)
    candidates = find_candidates(heard)
    if not candidates.size or not _anything_recurs(heard):
        return Tempo(None, 0.0)
    evidence = tempo_evidence(heard, candidates)
    probability = tempo_probabilities(evidence)
    best = int(probability.argmax())
    same = np.abs(candidates / candidates[best] - 1) < _SAME_TEMPO
    meter = METERS[likely_meter(evidence[best])]
    exact = settle_tempo(heard, float(candidates[best]), meter.pulses_per_bar)
    is_loop = exact.beats is not None
    trust = trust_evidence(float(probability[same].sum()), exact.agreement, strong_onsets(heard), is_loop=is_loop)
    grid = estimate_grid(heard, exact.bpm, is_loop=is_loop, meter=meter)
    return Tempo(
        bpm=exact.bpm,
        confidence=tempo_confidence(trust),
        alternatives=_alternatives(exact.bpm, candidates, probability),
        beats=grid.beats,
        downbeats=grid.downbeats,
        meter=grid.meter,
        is_loop=is_loop,
        bars=exact.beats // meter.pulses_per_bar if exact.beats else None,
        swing=estimate_swing(heard, grid),
    )


def _anything_recurs(heard: Listening) -> bool:
    """Whether there are three clear onsets, which it takes for one interval to repeat, or the notes change at all."""
    if heard.onsets[0].size < 2:
        return False
    return strong_onsets(heard) >= 3 or float(slow_change(heard).max(initial=0.0)) > _HELD_CHANGE


def strong_onsets(heard: Listening) -> int:
    """How many onsets reach a seventh of the strongest."""
    return int(np.sum(heard.onsets[1] > 0.15))


def _alternatives(bpm: float, candidates: np.ndarray, probability: np.ndarray) -> tuple[TempoAlternative, ...]:
    """Half, double, 2/3 and 3/2 of the answer, plus the most probable other candidates, most probable first."""
    found: list[tuple[float, float, str]] = []
    for ratio, relation in _RELATIONS:
        near = np.abs(candidates / (bpm * ratio) - 1) < _SAME_TEMPO
        found.append((float(probability[near].sum()), bpm * ratio, relation))
    for i in np.argsort(-probability)[:6]:
        taken = [bpm, *(b for _, b, _ in found)]
        if all(abs(candidates[i] / b - 1) >= _SAME_TEMPO for b in taken):
            found.append((float(probability[i]), float(candidates[i]), "other"))
    found = [f for f in found if 30.0 <= f[1] <= 300.0]
    return tuple(TempoAlternative(b, relation) for _, b, relation in sorted(found, key=lambda f: -f[0]))
