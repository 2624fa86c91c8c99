"""How fast is it, and is it a loop? One steady tempo for the whole clip.

Half and double tempo are one answer at two levels; we report the level that a listener would tap, as learnt from clips
with a stated tempo, and offer the others. An exact loop is a file that starts with sound and lasts a whole number of
bars, and whose beats say that bar 1 is at its start: its tempo then follows from its length, exactly.

Conventions: BPM counts quarter notes, dotted quarters in 6/8; beats and downbeats in seconds, rising.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..music.meter import METERS, Meter, bar_seconds
from ..records import Clip, Tempo, TempoAlternative
from .drift import Drift, estimate_drift, evened
from .evidence import changes_notes, tempo_evidence
from .grid import Grid, estimate_grid, estimate_swing
from .listening import Listening, listen
from .metre import SURE_METRE, odd_meter, read_metre
from .phase import whole_bars_bpm
from .precise import PreciseTempo, settle_tempo
from .pulse import find_candidates
from .tempo_model import tempo_confidence, tempo_probabilities, trust_evidence

_SAME_TEMPO = 0.04  # tempi within 4 % count as one answer, as in tempo evaluation
_LOOP_ODDS = 7.0  # for a tempo in which the file is as long as loops are, to the sample
MOVING_TRUST = 0.6  # of a tempo that moves, no one figure is right throughout
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
    probability = tempo_probabilities(evidence) * np.where(_fills_file(heard, candidates), _LOOP_ODDS, 1.0)
    probability /= probability.sum()
    best, name, sure, others = read_metre(candidates, evidence, probability, heard.seconds)
    meter = METERS[name]
    exact = settle_tempo(heard, float(candidates[best]), meter.beats_per_bar)
    drift = estimate_drift(heard, exact.bpm)
    if drift is not None:
        told = _moving(heard, drift, meter, float(probability.max()))
    else:
        bpm, exact, grid = _settled(heard, float(candidates[best]), meter)
        is_open = name == "4/4" or sure < SURE_METRE
        quarters = bpm * meter.quarters_per_beat
        odd = None
        if is_open:
            bars = round(exact.beats / meter.beats_per_bar) if exact.beats and grid.starts else 0
            is_common = bars > 0 and bars & (bars - 1) == 0  # no loop in five or seven is 2, 4 or 8 bars in four
            triple = name != "6/8"
            odd = odd_meter(heard, quarters, grid.beats[0], may_be_triple=triple, may_be_odd=not is_common)
        if odd is not None:
            meter, sure, others = METERS[odd], 0.0, (name,)
            bpm, exact, grid = _settled(heard, quarters, meter)
        same = np.abs(candidates / candidates[best] - 1) < _SAME_TEMPO
        is_loop = exact.beats is not None and grid.starts
        is_long_as_one = is_loop or whole_bars_bpm(heard.clip.length, heard.clip.sample_rate, bpm, meter) is not None
        trust = trust_evidence(float(probability[same].sum()), exact.agreement, strong_onsets(heard), is_loop=is_loop)
        told = _told(
            heard,
            bpm,
            tempo_confidence(trust),
            grid,
            is_loop=is_loop,
            bars=round(exact.beats / meter.beats_per_bar) if is_long_as_one and exact.beats else None,
        )
    alternatives = _alternatives(float(told.bpm or 0.0), candidates, probability)
    return replace(told, alternatives=alternatives, meter_confidence=sure, meter_alternatives=others)


def _told(heard: Listening, bpm: float, confidence: float, grid: Grid, **more: Any) -> Tempo:
    return Tempo(
        bpm=bpm,
        confidence=confidence,
        beats=grid.beats,
        downbeats=grid.downbeats,
        meter=grid.meter,
        swing=estimate_swing(heard, grid),
        phase_confidence=grid.phase_confidence,
        bar_confidence=grid.bar_confidence,
        **more,
    )


def _fills_file(heard: Listening, candidates: np.ndarray) -> np.ndarray:
    """Whether (n,) the file is, to the sample, 1, 2, 4 ... bars in 4/4 or 3/4 of a whole tempo near each candidate."""

    def fills(bpm: float, meter: Meter) -> bool:
        whole = whole_bars_bpm(heard.clip.length, heard.clip.sample_rate, bpm, meter)
        bars = round(heard.seconds / bar_seconds(whole, meter)) if whole else 0
        return bars > 0 and bars & (bars - 1) == 0

    return np.array([any(fills(bpm, METERS[name]) for name in ("4/4", "3/4")) for bpm in candidates.tolist()])


def _settled(heard: Listening, bpm: float, meter: Meter) -> tuple[float, PreciseTempo, Grid]:
    """The exact tempo and its grid; if no bar begins with the file, its length tells only where it is a loop's."""
    exact = settle_tempo(heard, bpm, meter.beats_per_bar)
    bpm = exact.loop_bpm or exact.bpm
    grid = estimate_grid(heard, bpm, meter, exact)
    if exact.beats is None or not grid.starts:
        found = whole_bars_bpm(heard.clip.length, heard.clip.sample_rate, exact.bpm, meter) or exact.bpm
        if found != bpm:
            bpm, grid = found, estimate_grid(heard, found, meter, exact)
    return bpm, exact, grid


def _moving(heard: Listening, drift: Drift, meter: Meter, probability: float) -> Tempo:
    """The tempo of an idea that speeds up or slows down: the one in the middle, with beats where they are played."""
    even = evened(heard, drift)
    grid = estimate_grid(even, drift.bpm, meter, settle_tempo(even, drift.bpm, 0.0))
    trust = trust_evidence(probability, 0.5, strong_onsets(heard), is_loop=False)
    told = _told(even, drift.bpm, MOVING_TRUST * tempo_confidence(trust), grid, drift_bpm=drift.ends_bpm)
    beats, downbeats = (tuple(drift.played(np.array(at)).tolist()) for at in (grid.beats, grid.downbeats))
    return replace(told, beats=beats, downbeats=downbeats)


def _anything_recurs(heard: Listening) -> bool:
    """Whether there are three clear onsets, which it takes for one interval to repeat, or the notes change at all."""
    if heard.onsets[0].size < 2:
        return False
    return strong_onsets(heard) >= 3 or changes_notes(heard)


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
