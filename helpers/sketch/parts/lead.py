"""Lead: a hook of one or two bars, quoted from the idea or made of a rhythm and a tune, said again and answered."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..brief import Brief
from ..cells import TUNES, Cell, Hit
from ..form import Bar, heard_letters
from ..groove import Tone, moved_on, one_voice, perform, velocity, write_riffs
from ..harmony import Harmony
from . import Part, said

REACH_SEMITONES = 9  # around the part's centre
PASSING_SHARE = 0.26  # of a bar's notes may lie off the chord
WIDEST = 8  # steps of the scale: a heard hook that goes as far has changed its octave
FIXED = 0.4  # of the takes leave the hook where it is when the chord changes; the others move it with the root
TELLING, ROOT_LOVE = 2.0, 1.2
HEARD, HEARD_WEAK = 3.0, 1.5  # semitones that a note goes for one that the idea sounds there: a strong one, a weak one
SMALL_SEMITONES, LEAP_COST, STAY_COST = 4, 0.8, 2.5  # people's leads move by a third at most five times of six
DEVELOPING = 0.45  # of the takes go on to new rhythms where the others say the hook again
QUESTIONED = 0.6  # of the forms of one letter become a question and its answer
BREATH = 0.7  # of the last bar is sung, then the line breathes
OWN = "the idea's own motif"
TREATMENTS = ("quoted", "quoted", "inverted", "answered")


Hook = Cell  # a riff of melody: its symbols are heights, in steps of the scale; its name is where it comes from


def write_lead(brief: Brief) -> Part:
    """Write a melody: one voice, at least 70 % of it on chord tones, a hook that comes back and leads to bar 1."""
    form = _form(brief)
    hooks = _heard_hooks(brief, form) or _hooks(brief, form)
    fixed = brief.rng("fixed").random() < FIXED
    develops = brief.rng("develops").random() < DEVELOPING
    tones: list[Tone] = []
    for bar in form:
        returns = any(b.letter == bar.letter for b in form[: bar.number])
        tones += _sing(brief, bar, hooks[bar.letter], fixed, develops and returns, tones)
    tones = one_voice(brief, tones)
    hook = f"{'stays where it is' if fixed else 'moves with the chords'}, {'goes on' if develops else 'returns'}"
    return Part(perform(brief, tones), said((h.name for h in hooks.values()), form, hook=hook))


def _form(brief: Brief) -> tuple[Bar, ...]:
    """The form, mostly as a question of a bar and its answer; ``variation`` counts how often a letter has come back."""
    form = brief.form()
    if len({b.letter for b in form}) == 1 and not heard_letters(brief.accents) and not brief.member:
        asks = brief.rng("question").random() < QUESTIONED
        form = tuple(replace(b, letter="AB"[b.number % 2]) if asks else b for b in form)
    return form


def _hooks(brief: Brief, form: tuple[Bar, ...]) -> dict[str, Hook]:
    """A rhythm for each letter and a tune that goes round on it; the second letter's tune answers the first's."""
    riffs = write_riffs(brief, form, "lead", brief.genre.lead, brief.accents, lean=brief.lean, symbols="x", most=2)
    style = riffs[form[0].letter].name.split()[0]
    rng = brief.rng("tune")
    names = TUNES[style]
    first = int(rng.integers(len(names)))
    out = {}
    for letter, cell in riffs.items():
        pick = first if letter == "A" else first + 1 + int(rng.integers(len(names) - 1))
        tune = names[pick % len(names)]
        if brief.mood.bright < -0.4 and tune[-1] > tune[0]:
            tune = tune[::-1]
        hits = cell.hits
        if letter != form[0].letter and cell.steps <= brief.steps_per_bar:  # the answer ends and breathes
            hits = tuple(h for h in hits if h.step < BREATH * cell.steps) or hits
        sung = tuple(replace(h, symbol=tune[i % len(tune)]) for i, h in enumerate(hits))
        out[letter] = Hook(f"{cell.name} {names[pick % len(names)]}", sung, cell.steps)
    return out


def _heard_hooks(brief: Brief, form: tuple[Bar, ...]) -> dict[str, Hook]:
    """The idea's own melody in the bars of each letter, as the take treats it; empty where it sings too little."""
    size = brief.steps_per_bar
    whole = max((int(n[0] // size) + 1 for n in brief.motif), default=1)
    treatment = "inverted" if brief.answer > 0.6 else TREATMENTS[int(brief.rng("motif").integers(len(TREATMENTS)))]
    out = {}
    for letter in sorted({b.letter for b in form}):
        numbers = [b.number for b in form if b.letter == letter]
        bars = [[n for n in brief.motif if i % whole * size <= n[0] < (i % whole + 1) * size] for i in numbers]
        notes = _sung(max(bars, key=len))
        if len(notes) < 3:
            return {}
        start = notes[0][0] // size * size
        scale = [p for p in range(128) if p % 12 in brief.chord(0).scale]
        rungs = [int(np.argmin([abs(tone - pitch) for tone in scale])) for _, _, pitch in notes]
        # A leap of more than half an octave is a slip of the hearing, or no hook: the next octave is nearer.
        heights = [0]
        for before, now in pairwise(rungs):
            move = now - before
            heights.append(heights[-1] + move - 7 * round(move / 7))
        heights = [h - 7 * int(h / WIDEST) for h in heights]
        steps = [n[0] - start for n in notes]
        if treatment == "inverted":
            heights = [-h for h in heights]
        if treatment == "answered" and letter != form[0].letter:  # half a bar later, and home
            steps = sorted((s + size / 2) % size for s in steps)
            heights = [*heights[:-1], 0]
        origin = OWN if treatment == "quoted" else f"{OWN}, {treatment}"
        hits = zip(steps, (n[1] for n in notes), map(str, heights), strict=True)
        out[letter] = Hook(origin, tuple(Hit(*hit) for hit in hits), size)
    return out


def _sung(heard: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """The notes of a tune: flickers of the ear left out, ghosts of a sixteenth on the eighth, each held to the next."""
    notes: list[tuple[float, float, int]] = []
    for step, length, pitch in heard:
        if not notes or step - notes[-1][0] >= 2:
            alone = not notes or step - notes[-1][0] >= 3
            notes.append((step if alone or step % 2 == 0 else step - 1, length, pitch))
    ends = [n[0] for n in notes[1:]] + [notes[-1][0] + 4.0] if notes else []
    return [(s, min(end - s, max(n, 3.0)), p) for (s, n, p), end in zip(notes, ends, strict=True)]


def _sing(brief: Brief, bar: Bar, hook: Hook, fixed: bool, develops: bool, before: list[Tone]) -> list[Tone]:
    """The hook in one bar: its heights as pitches over the chords; a new ending, rhythm or breath as the form says."""
    size = brief.steps_per_bar
    offset = bar.number * size % hook.steps if hook.steps > size else 0.0
    hits = [replace(h, step=h.step - offset) for h in hook.hits if 0 <= h.step - offset < size]
    if bar.turn and len(hits) > 2 and (develops or bar.letter == "A"):  # breathe before the loop comes round
        hits = hits[: max(2, sum(h.step < size * BREATH for h in hits))]
    if develops and len(hits) > 2:
        hits = moved_on(brief, bar.number, hits)
    heights = [int(h.symbol) for h in hits]
    if bar.variation and len(hits) > 2:
        ending = 1 if brief.rng("ending", bar.letter, bar.variation).random() < 0.5 else -1
        for i in range(len(hits) - max(1, len(hits) // 4) * min(bar.variation, 2), len(hits)):
            heights[i] += ending
    out: list[Tone] = []
    passing = 0.0
    around = [int(h.symbol) for h in hook.hits]
    middle = (min(around) + max(around)) / 2
    for i, (hit, height) in enumerate(zip(hits, heights, strict=True)):
        step = bar.number * size + hit.step
        chord = brief.chord(step)
        last = i == len(hits) - 1
        passing += hit.length
        weighty = brief.weight(hit.step) >= 0.6 or hit.length >= 3 or i == 0 or last
        strong = weighty or passing > PASSING_SHARE * sum(h.length for h in hits)
        passing -= hit.length if strong else 0.0
        moves = i > 0 and height != heights[i - 1]
        root = brief.chord(0).bass if fixed else chord.bass
        goal = _on_ladder(brief, brief.chord(0) if fixed else chord, root, height, middle)
        if bar.turn and last and before:
            goal = before[0].pitch + (2 if goal > before[0].pitch else -2)
        line = [*before, *out]
        wanted = HEARD * brief.sounding(step) + _telling(chord) if strong else HEARD_WEAK * brief.sounding(step)
        pitch = _nearest(brief, chord.tones if strong else chord.scale, goal, wanted, line, moves)
        hold = hit.length * float(np.clip(brief.mood.legato, 0.4, 1.0))
        rng = brief.rng("sing", bar.letter, hit.step)
        out.append(Tone(pitch, step, max(0.5, hold), velocity(brief, step, rng, 0.2 if strong else -0.1)))
    return out


def _on_ladder(brief: Brief, chord: Harmony, root: int, height: int, middle: float) -> int:
    """The pitch ``height`` steps of the scale above the root that puts the middle of the hook nearest the centre."""
    scale = [p for p in range(128) if p % 12 in chord.scale]
    roots = [i for i, p in enumerate(scale) if p % 12 == root % 12]
    home = min(roots, key=lambda i: abs(scale[i] + 12 / 7 * middle - brief.centre))
    return scale[int(np.clip(home + height, 0, len(scale) - 1))]


def _nearest(
    brief: Brief, allowed: tuple[int, ...], goal: int, wanted: np.ndarray, line: list[Tone], moves: bool
) -> int:
    """The allowed pitch nearest the goal, within reach of the centre; a ``wanted`` pitch class may be that many
    semitones further off. A leap from the note before costs, and so does staying where the hook ``moves``."""
    low, high = max(brief.low, brief.centre - REACH_SEMITONES - 3), min(brief.high, brief.centre + REACH_SEMITONES + 3)

    def cost(pitch: int) -> tuple[float, int]:
        step = abs(pitch - line[-1].pitch) if line else 1
        from_before = LEAP_COST * max(0, step - SMALL_SEMITONES) + STAY_COST * (moves and step == 0)
        return abs(pitch - goal) + from_before - float(wanted[pitch % 12]), pitch

    return min((p for p in range(low, high + 1) if p % 12 in allowed), key=cost)


def _telling(chord: Harmony) -> np.ndarray:
    """Semitones (12,) that a strong note goes out of its way: for a tone that the key lacks, a little for the root."""
    return np.array([TELLING * (p in chord.foreign) + ROOT_LOVE * (p == chord.root) for p in range(12)])
