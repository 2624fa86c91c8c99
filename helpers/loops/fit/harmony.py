"""Do the loop's notes agree with what sounds in the idea, half bar by half bar? Measured on both sounds.

Never through the chords that steered the part: a misheard chord that was obeyed must show here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...machine.weights import load_weights
from ...music.pitch import FLAT_NAMES, SHARP_NAMES
from ...records import Request
from ..find import distances
from ..findings import Findings
from .bars import Bars, returns_alike

AGREEMENT, CLASH = 12.0, 6.0  # of equal notes, and of notes a semitone apart: even spectra cancel to 0
# Below these nothing to compare with stands out: the share of narrow peaks, and how far the idea agrees with itself.
LEAST_TONAL, LEAST_SELF = 0.02, 0.60
# What a listener would change first: a cause is named where it costs more than this much agreement.
CLEAR_COST = 0.25
# A row for each major and minor triad: C, Cm, C#, C#m ...
TRIADS = np.array(
    [np.roll(np.isin(np.arange(12), t), root) for root in range(12) for t in ((0, 4, 7), (0, 3, 7))], float
)
CUES = ("above_turned", "on_triad", "returns", "bass_agreement", "fifth_above")
# An idea whose half bars differ less stays on its notes. Over an idea without pitch, of 30 takes none moves less than
# twice that, and of 20 drones none as much.
LEAST_MOVED = 0.05
# A melody over one chord moves an idea as little (0.11 of Mozart's), and a part of several notes may stay on the chord,
# but not one that a single note holds so much of. The overtones of a bass pass for notes: it has the other limit.
HARDLY_MOVED, ONE_NOTE = 0.12, 0.6


def measure_harmony(loop: Bars, idea: Bars, request: Request, *, pitched: bool) -> Findings:
    """The fields ``agreement``, ``harmony`` and ``movement``; ``pitched``: a key was heard in the idea."""
    if request.role == "drums":
        return Findings(notes=("Harmony was not compared: drums have none.",))
    if loop.notes.tonal_share < LEAST_TONAL:
        return Findings(notes=("Harmony was not compared: nothing pitched sounds in the loop.",))
    own, other = loop.half_bars, idea.half_bars
    cues = harmony_cues(loop, idea, bass=request.role == "bass")
    if not pitched or idea.notes.tonal_share < LEAST_TONAL or cues["idea_itself"] < LEAST_SELF:
        said = "Harmony was not compared: no clear pitch sounds in the idea."
        return Findings({"movement": None if _moved(own) >= LEAST_MOVED else 0.0}, notes=(said,))
    moved = int(np.argmax([mean_agreement(np.roll(own, s, axis=0), other) for s in range(-5, 7)])) - 5
    values: dict[str, float | None] = {
        "agreement": cues["agreement"],
        "harmony": certainty(cues),
        "movement": _movement(own, other, bass=request.role == "bass"),
        "moved_semitones": moved if cues["above_moved"] < -CLEAR_COST else 0,
    }
    return Findings(
        values,
        {"harmony": _said(own, other, cues, moved, request)},
        bars=tuple(np.round(_by_bar(own, other), 3).tolist()),
    )


def certainty(cues: Mapping[str, float], learnt: Mapping[str, float] | None = None) -> float:
    """The field ``harmony``: how sure the learnt weights of ``cues`` are that the part was written over these bars."""
    learnt = learnt or load_weights("helpers.loops", "harmony")
    odds = learnt["intercept"] + sum(learnt[name] * cues[name] for name in CUES)
    return float(0.5 + 0.5 * np.tanh(odds / 2))


def agreement(loop: np.ndarray, idea: np.ndarray) -> np.ndarray:
    """Agreement minus clash of pitch classes (12, n) with pitch classes (12, n): (n,).

    0 is what any notes reach by chance, 1 and more shared notes, below 0 semitones against the idea's notes.
    """
    part, whole = (x / (x.sum(axis=0) + 1e-9) for x in (loop, idea))
    beside = np.roll(whole, 1, axis=0) + np.roll(whole, -1, axis=0)
    return AGREEMENT * (part * whole).sum(axis=0) - CLASH * (part * beside).sum(axis=0)


def weights(loop: np.ndarray, idea: np.ndarray) -> np.ndarray:
    """How much each moment counts (n,): as both sound there."""
    return np.sqrt(loop.sum(axis=0) * idea.sum(axis=0)) + 1e-9


def mean_agreement(loop: np.ndarray, idea: np.ndarray) -> float:
    return float(np.average(agreement(loop, idea), weights=weights(loop, idea)))


def harmony_cues(loop_bars: Bars, idea_bars: Bars, *, bass: bool) -> dict[str, float]:
    """What tells a part that was written over these bars from one that was not, half bar by half bar.

    ``agreement``; how far it lies above the best of the eleven other transpositions (``above_moved``) and of the other
    turns of the bars (``above_turned``, 0 for one bar); ``idea_itself``, what the idea's notes reach against
    themselves; the share of the loop ``on_triad``, the one that holds most of the idea in each half bar; whether the
    notes of a beat come back where the idea's do (``returns``); the agreement of a ``bass``, which plays few notes; and
    how much oftener than by chance the idea sounds a ``fifth_above`` what the loop plays, as it does over the root of a
    chord, and over a part that lies a fourth up.
    """
    loop, idea = loop_bars.half_bars, idea_bars.half_bars
    here = mean_agreement(loop, idea)
    moved = [mean_agreement(np.roll(loop, s, axis=0), idea) for s in range(1, 12)]
    turned = [mean_agreement(np.roll(loop, t, axis=1), idea) for t in range(2, loop.shape[1], 2)]
    itself = mean_agreement(idea, idea)
    part, whole = (x / (x.sum(axis=0) + 1e-9) for x in (loop, idea))
    fifths = (part * np.roll(whole, -7, axis=0)).sum(axis=0)
    on_triad = loop * TRIADS[np.argmax(TRIADS @ whole, axis=0)].T
    return {
        "agreement": here,
        "above_moved": here - max(moved),
        "above_turned": here - max(turned) if turned else 0.0,
        "idea_itself": itself,
        "on_triad": float(on_triad.sum() / loop.sum()),
        "returns": returns_alike(loop_bars.beats, idea_bars.beats),
        "bass_agreement": bass * here,
        "fifth_above": 12 * float(np.average(fifths, weights=weights(loop, idea))) - 1,
    }


def heard_triad(idea: np.ndarray, prefers_flats: bool) -> str:
    """The major or minor triad that agrees most with pitch classes (12, n) of the idea, as a chord label."""
    fits = [float(agreement(triad[:, None] + 0 * idea, idea).mean()) for triad in TRIADS]
    root, minor = divmod(int(np.argmax(fits)), 2)
    return (FLAT_NAMES if prefers_flats else SHARP_NAMES)[root] + "m" * minor


def _movement(own: np.ndarray, other: np.ndarray, *, bass: bool) -> float | None:
    """How much the part moves, of how much the idea does; None where several notes may stay, 0 where neither moves."""
    moved = _moved(other)
    if moved < (LEAST_MOVED if bass else HARDLY_MOVED) and own.sum(axis=1).max() < ONE_NOTE * own.sum():
        return None
    return _moved(own) / moved if moved >= LEAST_MOVED else 0.0


def _moved(half_bars: np.ndarray) -> float:
    """How much the notes of each half bar differ from those of the next, the last from the first, 0..1.

    Each counts by the softer of the two: what has rung out is noise.
    """
    following = np.roll(half_bars, -1, axis=1)
    softer = np.minimum(half_bars.sum(axis=0), following.sum(axis=0)) + 1e-9
    return float(np.average(distances(half_bars.T, following.T), weights=softer))


def _by_bar(loop: np.ndarray, idea: np.ndarray) -> np.ndarray:
    value, weight = agreement(loop, idea).reshape(-1, 2), weights(loop, idea).reshape(-1, 2)
    return (value * weight).sum(axis=1) / weight.sum(axis=1)


def _said(loop: np.ndarray, idea: np.ndarray, cues: dict[str, float], moved: int, request: Request) -> str:
    """What keeps the part from agreeing more, with the bar: a clash, the pitch of all of it, or its order."""
    if cues["above_moved"] < -CLEAR_COST and cues["above_moved"] <= cues["above_turned"]:
        return f"moved by {moved:+d} semitone{'s' if abs(moved) > 1 else ''} it would agree better"
    if cues["above_turned"] < -CLEAR_COST:
        turned = [mean_agreement(np.roll(loop, 2 * t, axis=1), idea) for t in range(loop.shape[1] // 2)]
        best = int(np.argmax(turned))
        return f"its bars come in another order; {best} bar{'s' if best > 1 else ''} later it would agree better"
    bar = int(np.argmin(_by_bar(loop, idea)))
    part, whole = (x[:, 2 * bar : 2 * bar + 2].sum(axis=1) / (x.sum() + 1e-9) for x in (loop, idea))
    clash = {(a, (a + d) % 12): part[a] * whole[(a + d) % 12] for a in range(12) for d in (-1, 1)}
    own, other = max(clash, key=lambda pair: clash[pair])
    names = FLAT_NAMES if request.key is not None and request.key.prefers_flats else SHARP_NAMES
    low = "clashes" if _by_bar(loop, idea)[bar] < CLEAR_COST else "agrees least"
    said = [names[pitch].replace("#", "♯").replace("b", "♭") for pitch in (own, other)]
    return f"bar {bar + 1} {low}: its {said[0]} against the idea's {said[1]}"
