"""Which loop fits the idea best? One score for each, made of what its fit card measured, with the reasons in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..records import FIT_FIELDS, Clip, Correction, FitCard, Loop, Request
from ..records.fit_fields import FITS, UNKNOWN, Value


@dataclass(frozen=True)
class Weight:
    """How much a part counts and what it is called; what could not be measured leaves its weight to the others."""

    weight: float
    said: str


WEIGHTS = {name: Weight(row.weight, row.said) for name, row in FIT_FIELDS.items() if row.weight}
WEIGHTS |= {"level": Weight(0.02, "evenness of level"), "untouched": Weight(0.05, "how little had to be corrected")}


# What a correction costs: once, and for each percent, semitone, cent or millisecond of it.
CORRECTION_COSTS = {
    "stretch": (0.0, 0.10),
    "shift": (0.4, 0.05),
    "tuning": (0.1, 0.005),
    "drift": (0.2, 0.005),
}


NOTES = ("harmony", "agreement")  # the parts that the named bar explains
# What these would have said counts as little where a loop laid over its idea gave nothing to measure: a part of noises,
# or of one long note, must not rank above a part that was heard to fit.
EXPECTED, UNMEASURED = (*NOTES, "lock", "form"), 0.2
ORDINARY = 0.7  # a part of this value is neither praise nor blame
EVEN_DB, MOST_FADED_DB = 1.0, 8.0  # between the halves: a take that fades out over its second half loses 7
LEAST_EFFECT = 0.005  # of a score: less decides nothing
# Of the idea's movement: the note that stays agrees with most chords and would pass for a fit; 1 take in 50 is below.
STAYS = 0.15


def rank(loops: list[Loop], request: Request) -> list[Loop]:
    """Score loops 0..1 and order them, best first, whatever their score failed ones last, and before them those whose
    notes stay where the idea's move, the stillest last.

    Parameters
    ----------
    loops
        With their fit cards set; a loop without one ranks as failed.
    request
        What was asked for.

    Returns
    -------
    list of Loop
        The same loops with ``score`` and ``why`` set.
    """
    parts = [score_parts(loop.clip, loop.fit, request) if loop.fit else {} for loop in loops]
    scores = [mean_of(p) for p in parts]
    moved = [moves(loop.fit.movement) if loop.fit else 0.0 for loop in loops]
    order = sorted(range(len(loops)), key=lambda i: (_failed(loops[i]), -moved[i], -scores[i]))
    return [
        dataclasses.replace(loops[i], score=scores[i], why=_why(loops, place, i, parts, scores))
        for place, i in enumerate(order, 1)
    ]


def _failed(loop: Loop) -> bool:
    return loop.fit is None or loop.fit.verdict == "failed"


def moves(movement: float | None) -> float:
    """How much the notes move, of how much the idea's do, as far as it counts: a drone's less than STAYS."""
    return STAYS if movement is None else min(movement, STAYS)


def mean_of(parts: Mapping[str, float]) -> float:
    """Weighted mean of the parts, 0..1; 0 where there are none."""
    total = sum(WEIGHTS[name].weight for name in parts)
    return sum(WEIGHTS[n].weight * v for n, v in parts.items()) / total if total else 0.0


def _why(
    loops: list[Loop], place: int, number: int, parts: list[dict[str, float]], scores: list[float]
) -> tuple[str, ...]:
    """One sentence of what put loop ``number`` in its ``place``, then its parts, those that helped most first; each as
    the card writes it."""
    loop = loops[number]
    if loop.fit is None:
        return ("It was not measured.",)
    own, others = parts[number], [i for i in range(len(parts)) if i != number]
    # Against the other takes; what only this one has, or a take that is alone, against what is ordinary.
    usual = {n: float(np.mean([parts[i][n] for i in others if n in parts[i]] or [ORDINARY])) for n in own}
    effects = {n: WEIGHTS[n].weight * (own[n] - usual[n]) for n in own}
    by_effect = sorted(own, key=lambda name: -effects[name])
    figures = {n: _figure(n, own[n], [loop.fit]) for n in own}
    against = {n: _figure(n, usual[n], [loops[i].fit for i in others if n in parts[i]]) for n in own}
    listed = tuple(f"{WEIGHTS[name].said} {figures[name]}" for name in by_effect)
    start = f"Place {place} of {len(parts)}"
    if loop.fit.verdict != "unproven":
        start += f", score {scores[number]:.2f}"
    if loop.fit.verdict == "failed":
        reason = loop.fit.reasons[0] if loop.fit.reasons else "its fit card failed"
        return (f"{start}, behind every loop that did not fail: {reason}", *listed)
    of_whom, details = "the others' " if others else "an ordinary ", loop.fit.details

    def said(names: list[str]) -> str:
        return " and ".join(f"{WEIGHTS[name].said} ({figures[name]}, {of_whom}{against[name]})" for name in names[:2])

    # What a listener would point at, with its bar, where the notes cost the loop its place.
    noted = f"; {details['harmony']}" if "harmony" in details and min(effects.get(n, 0.0) for n in NOTES) < 0 else ""

    # What was not measured costs a loop its place and is no merit, neither its own nor by way of the others.
    ahead = said([n for n in by_effect if effects[n] >= LEAST_EFFECT and figures[n] != UNKNOWN])
    behind = said([n for n in reversed(by_effect) if effects[n] <= -LEAST_EFFECT and against[n] != UNKNOWN])
    if moves(loop.fit.movement) < STAYS:
        noted = f"; its notes stay where the idea's move{noted}"
    sides = ", ".join(f"{side} in {names}" for side, names in (("ahead", ahead), ("behind", behind)) if names)
    return (f"{start}: {sides or ('much like the others' if others else 'ordinary throughout')}{noted}.", *listed)


def _figure(name: str, share: float, cards: list[FitCard | None]) -> str:
    """A part of a score as the card writes it: the value of one card, what counts as the mean ``share`` of several,
    ``unknown`` where none was measured."""
    if (row := FIT_FIELDS.get(name)) is None:
        return f"{share:.2f}"
    values = [card.values.get(name) for card in cards if card]
    if values and all(value is None for value in values):
        return row.text(None)
    one = values[0] if len(values) == 1 else None
    return row.size_text(row.counting_as(share) if one is None else one)


def score(clip: Clip, fit: FitCard, request: Request) -> float:
    """How well a loop fits, 0..1, by itself; see :func:`rank`."""
    return mean_of(score_parts(clip, fit, request))


def score_parts(clip: Clip, fit: FitCard, request: Request) -> dict[str, float]:
    """The parts of a score, each 0 (bad) to 1 (good): the fields of the card, how even its level is, how untouched."""
    own = {"level": _evenness(clip), "untouched": _untouched(fit.corrections)}
    return field_parts(fit.values, request.role) | own


def field_parts(values: Mapping[str, Value], role: str) -> dict[str, float]:
    """The fields of a card that count in a score, each 0 (bad) to 1 (good)."""
    shares = {name: row.share(values.get(name)) for name, row in FIT_FIELDS.items() if row.weight}
    parts = {name: share for name, share in shares.items() if share is not None}
    if not any(values.get(name) is not None for name, row in FIT_FIELDS.items() if row.group == FITS):
        return parts  # it was laid over no idea
    return {name: UNMEASURED for name in EXPECTED if role != "drums" or name not in NOTES} | parts


def _untouched(corrections: tuple[Correction, ...]) -> float:
    """One for a take left as it was; what each correction takes away from the sound is in CORRECTION_COSTS."""
    costs = [(CORRECTION_COSTS.get(made.kind, (0.0, 0.0)), abs(made.amount)) for made in corrections]
    return max(0.0, 1.0 - sum(fixed + per_unit * amount for (fixed, per_unit), amount in costs))


def _evenness(clip: Clip) -> float:
    """1 where both halves are equally loud, 0 where one is MOST_FADED_DB louder: a take that fades; a rest is none."""
    halves = np.array_split(clip.samples, 2, axis=1)
    first, second = (10 * np.log10(np.mean(np.square(half)) + 1e-12) for half in halves)
    return float(1 - np.clip((abs(first - second) - EVEN_DB) / (MOST_FADED_DB - EVEN_DB), 0, 1))
