"""Lead: a motif, its sequence, a question and an answer; chord tones where it counts, steps between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..brief import Brief
from ..cells import Hit
from ..form import Bar, written
from ..groove import (
    Tone,
    choose_cell,
    fill_or_thin,
    follow,
    in_letter,
    lean_on,
    perform,
    velocity,
    window,
    wishes,
    without_overlaps,
)
from ..harmony import Harmony
from . import Part

REACH_SEMITONES = 9  # around the part's centre
LONGEST_LEAP = 9
PASSING_SHARE = 0.26  # of a bar's notes may lie off the chord
REPEAT_COST = 1.6  # semitones, for each time the same pitch has been sung in a row
EVEN_FIRST = 0.3  # of a full accent: how much an odd sixteenth must be stressed more to be taken
SUNG_COST = 2.5  # semitones, for a pitch class this half bar has had
ROOT_LOVE = 0.5  # semitones a strong note goes out of its way for the root
CONTOURS = {
    "arch": (0.0, 1.0, 0.2),
    "climb": (-0.4, 0.2, 1.0),
    "fall": (1.0, 0.2, -0.4),
    "valley": (0.6, -0.6, 0.5),
    "wave": (0.0, 0.8, -0.5),
    "plateau": (0.3, 0.4, 0.3),
}


@dataclass(frozen=True)
class Motif:
    """A bar of melody: steps and lengths in sixteenths, heights -1..1 of the reach, its origin in words."""

    steps: tuple[float, ...]
    lengths: tuple[float, ...]
    heights: tuple[float, ...]
    origin: str


def write_lead(brief: Brief) -> Part:
    """Write a melody: one voice, at least 70 % of it on chord tones, phrases that breathe and lead back to bar 1."""
    form = brief.form()
    letters = dict.fromkeys(b.letter for b in form)
    motifs = {
        letter: _heard_motif(brief, next(b.number for b in form if b.letter == letter))
        or _motif(brief, letter, in_letter(brief.accents, form, letter))
        for letter in letters
    }
    wish = wishes(brief)
    tones: list[Tone] = []
    last: int | None = None
    for bar in form:
        motif = _answering(brief, bar, motifs[bar.letter], wish[bar.number])
        for tone in _sing(brief, bar, motif, last, tones[0].pitch if tones else None):
            tones.append(tone)
            last = tone.pitch
    tones = _one_voice(brief, [*tones, *_pickup(brief, tones)])
    choices = (
        ("pattern", ", ".join(dict.fromkeys(m.origin for m in motifs.values()))),
        ("form", written(form)),
    )
    return Part(perform(brief, tones), choices)


def _pickup(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """Two notes that lead from a melody that ends early back to its beginning: the loop goes on, so must the tune."""
    size, beat = brief.steps_per_bar, brief.meter.steps_per_beat
    if brief.bars < 2 or not tones or tones[-1].step + tones[-1].length > brief.steps - 1.5 * beat:
        return []
    first, last = tones[0].pitch, tones[-1].pitch
    way = 1 if first >= last else -1
    accents = brief.accents[-1, size - beat :] - np.arange(beat) % 2 * EVEN_FIRST
    early, late = sorted(np.argsort(-accents, kind="stable")[:2])
    out = []
    for at, away in ((early, 2), (late, 1)):
        step = brief.steps - beat + float(at)
        allowed = brief.chord(step).tones if away > 1 else brief.chord(step).scale
        pool = [p for p in range(brief.low, brief.high + 1) if p % 12 in allowed]
        near = min(range(len(pool)), key=lambda i: abs(pool[i] - first))
        pitch = pool[int(np.clip(near - way, 0, len(pool) - 1))]
        out.append(Tone(pitch, step, 2.0, velocity(brief, step, brief.rng("pickup", away), -0.2)))
    return out


def _answering(brief: Brief, bar: Bar, motif: Motif, wish: np.ndarray) -> Motif:
    """The motif with the accents and holes of the idea's own bar; new notes lie on its contour."""
    hits = [Hit(s, n, "x") for s, n in zip(motif.steps, motif.lengths, strict=True)]
    hits = follow(brief, hits, wish, "x", brief.rng("lead follow", bar.letter, bar.variation))
    cut = without_overlaps(hits, brief.steps_per_bar)
    heights = np.interp([h.step for h in cut], motif.steps, motif.heights)
    steps, lengths = tuple(h.step for h in cut), tuple(h.length for h in cut)
    return Motif(steps, lengths, tuple(float(h) for h in heights), motif.origin)


def _heard_motif(brief: Brief, number: int) -> Motif | None:
    """The idea's own melody in a bar, its rhythm and contour; None where it sings fewer than three notes there."""
    size = brief.steps_per_bar
    whole = max((int(n[0] // size) + 1 for n in brief.motif), default=1)
    start = number % whole * size
    notes = [n for n in brief.motif if start <= n[0] < start + size]
    if len(notes) < 3:
        return None
    pitches = np.array([n[2] for n in notes], dtype=float)
    spread = max(4.0, float(np.ptp(pitches)) / 2)
    heights = np.clip((pitches - pitches.mean()) / spread, -1, 1)
    mirrored = brief.answer > 0.6  # an answer mirrors the question
    return Motif(
        tuple(n[0] - start for n in notes),
        tuple(n[1] for n in notes),
        tuple(float(-h if mirrored else h) for h in heights),
        "the idea's own motif" + (", mirrored" if mirrored else ""),
    )


def _motif(brief: Brief, letter: str, accents: np.ndarray) -> Motif:
    """A cell and a contour."""
    rng = brief.rng("motif", letter)
    size = brief.steps_per_bar
    cell = choose_cell(brief, "lead", brief.genre.lead, letter, accents, brief.lean)
    cell = fill_or_thin(brief, cell, brief.rng("lead fill", letter), _room(brief, accents), "x", 4.0)
    cell = lean_on(brief, cell, brief.rng("lead lean", letter), accents, brief.lean)
    hits = window(brief, cell, 0)
    names = list(CONTOURS)
    weights = np.ones(len(names))
    weights[names.index("climb")] += max(0.0, brief.mood.bright)
    weights[names.index("fall")] += max(0.0, -brief.mood.bright)
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    at = np.array([h.step for h in hits]) / size
    heights = np.interp(at, (0.0, 0.5, 1.0), CONTOURS[name]) + rng.normal(0, 0.18, len(hits))
    return Motif(
        tuple(h.step for h in hits),
        tuple(h.length for h in hits),
        tuple(float(h) for h in np.clip(heights, -1.2, 1.2)),
        f"{cell.name} {name}",
    )


def _room(brief: Brief, accents: np.ndarray) -> np.ndarray:
    """Where notes are welcome: on the idea's accents, or in its gaps for an answer; zeros when nothing was heard."""
    if not accents.any():
        return accents
    return (1.0 - brief.answer) * accents + brief.answer * (1.0 - accents)


def _sing(brief: Brief, bar: Bar, motif: Motif, last: int | None, home: int | None) -> list[Tone]:
    """The motif over one bar's chords: heights become pitches, varied and closed as the form says."""
    size = brief.steps_per_bar
    rng = brief.rng("sing", bar.letter, bar.variation, bar.closes)
    steps, lengths, heights = list(motif.steps), list(motif.lengths), list(motif.heights)
    if bar.variation:
        _vary(bar.variation, steps, lengths, heights, rng)
    if bar.closes and len(steps) > 2:  # breathe before the next phrase
        keep = max(2, sum(s < size * 0.7 for s in steps))
        steps, lengths, heights = steps[:keep], lengths[:keep], heights[:keep]
        lengths[-1] = min(max(lengths[-1], 3.0), size - steps[-1])
    lift = 2 if bar.number % 4 == 2 else 0  # the third bar of a phrase is its height
    out = []
    passing, repeats = 0.0, 1
    sung: set[int] = set()
    where = -1.0
    for i, (at, length, height) in enumerate(zip(steps, lengths, heights, strict=True)):
        step = bar.number * size + at
        chord = brief.chord(step)
        goal = brief.centre + lift + height * REACH_SEMITONES * 0.8
        if last is not None:
            goal = 0.65 * goal + 0.35 * last
        ends = i == len(steps) - 1
        passing += length
        strong = brief.weight(at) >= 0.6 or length >= 3 or ends or i == 0 or passing > PASSING_SHARE * sum(lengths)
        passing -= length if strong else 0.0
        if bar.turn and ends and home is not None:
            goal = home + (2 if goal > home else -2)
        half = step // (size / 2)
        sung = sung if half == where else set()
        where = half
        pitch = _pitch(brief, chord, goal, last, strong, repeats, sung)
        sung.add(pitch % 12)
        repeats = repeats + 1 if pitch == last else 1
        rest = 1.0 if brief.instrument.sustains else 1.2
        hold = length * float(np.clip(brief.legato, 0.4, 1.0)) * min(rest, 1.0)
        out.append(Tone(pitch, step, max(0.5, hold), velocity(brief, step, rng, 0.3 if strong else -0.1)))
        last = pitch
    return out


def _vary(
    degree: int, steps: list[float], lengths: list[float], heights: list[float], rng: np.random.Generator
) -> None:
    """Change the motif in place: a new ending, and at the second degree a sequence up or down."""
    tail = max(1, len(heights) // 3)
    for i in range(len(heights) - tail, len(heights)):
        heights[i] += float(rng.normal(0, 0.45))
    if degree > 1:
        shift = 0.35 if rng.random() < 0.5 else -0.35
        heights[:] = [h + shift for h in heights]
        if len(steps) > 3:
            drop = 1 + int(rng.integers(len(steps) - 1))
            del steps[drop], lengths[drop], heights[drop]


def _pitch(
    brief: Brief, chord: Harmony, goal: float, last: int | None, strong: bool, repeats: int, sung: set[int]
) -> int:
    """The pitch nearest the goal: a chord tone on strong notes, else a step of the scale beside the note before.

    ``sung`` are the pitch classes that this half bar has had: a melody that tells the chord goes to the others.
    """
    low = max(brief.low, brief.centre - REACH_SEMITONES - 3)
    high = min(brief.high, brief.centre + REACH_SEMITONES + 3)
    allowed = chord.tones if strong else chord.scale

    def cost(pitch: int) -> float:
        value = abs(pitch - goal)
        value -= ROOT_LOVE if strong and pitch % 12 == chord.root else 0.0
        value += SUNG_COST if pitch % 12 in sung else 0.0
        if last is not None:
            leap = abs(pitch - last)
            value += 3.0 * max(0, leap - LONGEST_LEAP) + (REPEAT_COST * repeats if leap == 0 else 0.0)
            if not strong:
                value += 1.2 * max(0, leap - 2)
        return value

    return min((p for p in range(low, high + 1) if p % 12 in allowed), key=lambda p: (cost(p), p))


def _one_voice(brief: Brief, tones: list[Tone]) -> list[Tone]:
    """One note at a time; a note that the next chord does not hold ends where that chord begins."""
    ordered = sorted({t.step: t for t in tones if t.step < brief.steps}.values(), key=lambda t: t.step)
    ends = [*(t.step for t in ordered[1:]), float(brief.steps)]
    half = brief.steps_per_bar / 2
    out = []
    for t, end in zip(ordered, ends, strict=True):
        change = (t.step // half + 1) * half
        foreign = t.step + t.length > change and t.pitch % 12 not in brief.chord(change).tones
        stop = min(end, change) if foreign else end
        out.append(Tone(t.pitch, t.step, min(t.length, stop - t.step), t.velocity))
    return out
