"""Rhythm: choosing cells that fit the idea, thinning and filling them, swing, human timing, and the finished notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..records import Note
from .brief import Brief
from .cells import Cell, Hit, cells
from .family import as_member
from .form import Bar
from .score import Tone

HABIT, CHANCE = 0.87, 0.4  # shares of a deviation; their squares and what a step has of its own sum to all of it
MOST_TIMING_SECONDS = {False: 0.015, True: 0.025}  # that a pitched part strays, and drums
TEMPERATURE = 0.2  # of the choice among cells: higher is more varied, lower fits the idea closer
EVENNESS = 0.5  # against cells of many different distances: people write more even rhythms than not
LAGS, MISPLACED = (-4, -2, -1, 1, 2, 4), 0.7  # a cell that would fit better a little earlier or later sounds misplaced
LOCK_STRENGTH = 6.0
MANY_TELL = 0.75  # of a bass: a lone stroke on beat 1 agrees with any idea, so agreement counts for more by this power
IDEA_ACCENT = 36  # velocity between a step the idea leaves empty and its strongest
STYLE_FALL = 0.82  # each further style of a genre is that much less likely
STANDS_OUT, STAYS_BACK = 0.9, -0.7  # standard deviations from what the metre leads one to expect
AUDIBLE = 0.2  # of a full accent: softer ones are echoes and noises, not to be answered
OFF_BEAT = 1.6  # how far syncopation tells, in the choice of a cell and of what is added to it or left out
MOVED, JOINED = 0.4, 0.4  # how far chance, not the idea, moves a note of a bar that goes on, and joins it to the last
LEAST_DEVIATION = 0.05  # of the strongest accent: an idea that deviates less only marks the metre


def syncopation_of(brief: Brief, steps: Sequence[float]) -> float:
    """Share of onsets off the beat that the following beat does not answer (0 straight .. 1)."""
    beat = brief.meter.steps_per_beat
    on = {round(s) for s in steps}
    if not on:
        return 0.0
    return sum(1 for s in on if s % beat and (s // beat + 1) * beat not in on) / len(on)


def agreement(profile: np.ndarray, steps: Sequence[float]) -> float:
    """How well onsets sit on a profile of accents: their mean accent against the profile's own mean, -1..1."""
    if not profile.any() or not len(steps):
        return 0.0
    at = [float(profile[round(s) % profile.size]) for s in steps]
    return float(np.mean(at) - profile.mean())


def in_letter(profile: np.ndarray, form: Sequence[Bar], letter: str) -> np.ndarray:
    """The mean accents (steps_per_bar,) of the bars that share a letter of the form; ``profile`` is one row a bar."""
    return profile[[bar.number for bar in form if bar.letter == letter]].mean(axis=0)


def unexpected(brief: Brief, profile: np.ndarray) -> np.ndarray:
    """What an idea stresses (above 0) and leaves out (below 0) beyond what its metre leads one to expect.

    The square roots of the accents less the mean of their metrical level (bar, half bar, beat, eighth, sixteenth: the
    levels of Longuet-Higgins & Lee 1984), in standard deviations; zeros for an idea that only marks the metre, and
    never above 0 where an onset is too soft to count.

    Parameters
    ----------
    profile
        Accents 0..1, one row a bar.
    """
    step = np.arange(brief.steps_per_bar)
    levels = (2, brief.meter.steps_per_beat, brief.steps_per_bar // 2, brief.steps_per_bar)
    level = sum((step % size == 0) << i for i, size in enumerate(levels))
    left = np.sqrt(profile)
    for one in np.unique(level):
        left[:, level == one] -= left[:, level == one].mean()
    left[(left > 0) & (profile < AUDIBLE)] = 0.0
    # Rounded, so that the last bit of a mean, which machines differ in, decides nothing.
    return np.round(left / max(float(left.std()), LEAST_DEVIATION), 3)


def letter_wishes(brief: Brief, form: Sequence[Bar], profile: np.ndarray) -> dict[str, np.ndarray]:
    """What is unexpected in the mean bar of each letter, turned round where the part answers rather than joins."""
    letters = sorted({bar.letter for bar in form})
    rows = unexpected(brief, np.stack([in_letter(profile, form, letter) for letter in letters]))
    return dict(zip(letters, np.sign(brief.lean) * rows, strict=True))


def follow(
    brief: Brief, hits: Sequence[Hit], wish: np.ndarray, symbol: str, rng: np.random.Generator, most: int = 3
) -> list[Hit]:
    """A riff's hits and up to ``most`` more, where the idea stands out in the bars that the riff is for.

    Parameters
    ----------
    hits
        Steps from the start of the riff.
    wish
        What is unexpected there (see :func:`letter_wishes`), one value a step of the riff.
    symbol
        Of the hits that come.
    """
    taken = {round(h.step) for h in hits}
    free = [s for s in np.argsort(-wish, kind="stable") if int(s) not in taken and wish[s] > STANDS_OUT]
    added = [Hit(float(s), _left(hits, s), symbol) for s in free[:most] if rng.random() < abs(brief.lean)]
    return sorted([*hits, *added], key=lambda h: h.step)


def write_riffs(
    brief: Brief,
    form: Sequence[Bar],
    bank: str,
    styles: Sequence[str],
    profile: np.ndarray,
    *,
    lean: float,
    symbols: str,
    most: int = 1,
    densest: float = 4.0,
) -> dict[str, Cell]:
    """The rhythm of each letter of the form, written once and then placed literally in all its bars.

    A cell that suits the letter's mean accents is chosen, brought to the density asked for and bent once to what the
    idea does beyond its metre. ``symbols``: those of hits that come, the first for accents. ``most`` as in
    :func:`follow`; ``densest`` in hits a quarter.
    """
    wishes = letter_wishes(brief, form, profile)
    out = {}
    for letter, wish in wishes.items():
        lock = in_letter(profile, form, letter)
        cell = choose_cell(brief, bank, styles, letter, lock, lean)
        if bank == "chords" and any(h.symbol == "p" for h in cell.hits):  # a picking pattern is what it is
            out[letter] = cell
            continue
        cell = fill_or_thin(brief, cell, brief.rng(bank, "fill", letter), lock, symbols, densest)
        whole = np.resize(wish, max(round(cell.steps), wish.size))
        rng = brief.rng(bank, "follow", letter)
        hits = list(cell.hits)
        if not cell.is_pulse(brief.meter.steps_per_beat):  # running notes go on, whatever the idea does
            hits = follow(brief, hits, whole, symbols[0], rng, most)
        out[letter] = Cell(cell.name, without_overlaps(hits, cell.steps), cell.steps)
    return out


def choose_cell(brief: Brief, bank: str, styles: Sequence[str], letter: str, lock: np.ndarray, lean: float) -> Cell:
    """Choose a cell for a letter of the form.

    Parameters
    ----------
    bank, styles
        The vocabulary (see :mod:`cells`) and the genre's styles in it, the favourite first.
    letter
        Each letter of the form has its own stream, so that the same letter is the same material.
    lock, lean
        A profile of accents and how much to sit on it (above 0) or beside it (below 0).

    Returns
    -------
    Cell
        Stretched by the brief's feel.
    """
    rng = brief.rng("cell", bank, letter)
    weights = np.array([STYLE_FALL**i for i in range(len(styles))])
    # One style for the whole part where nothing was heard; else whichever of the genre's styles suits the idea.
    first = int(brief.rng("style", bank).choice(len(styles), p=weights / weights.sum()))
    heard = range(len(styles)) if lock.any() else (first,)
    options, scores = [], []
    for i in heard:
        for cell in [c.scaled(brief.feel) for c in cells(bank, styles[i], brief.meter.name)]:
            steps = [h.step for h in cell.hits]
            told = (len(steps) * lock.size / cell.steps / 4) ** (MANY_TELL * (bank == "bass"))
            fits = told * agreement(lock, steps)
            shifted = told * max((agreement(np.roll(lock, s), steps) for s in LAGS), default=0.0)
            score = LOCK_STRENGTH * (lean * fits - (lean > 0 and bank != "bass") * MISPLACED * max(0.0, shifted - fits))
            score += TEMPERATURE * float(np.log(weights[i]))
            score += OFF_BEAT * brief.syncopation * syncopation_of(brief, steps)
            score += 0.15 * brief.density * cell.density - EVENNESS * _unevenness(steps)
            options.append(cell)
            scores.append(score)
    p = np.exp((np.array(scores) - max(scores)) / TEMPERATURE)
    return options[rng.choice(len(options), p=p / p.sum())]


def _unevenness(steps: Sequence[float]) -> float:
    """Entropy in bits of the distances between onsets."""
    _, counts = np.unique(np.diff(steps), return_counts=True)
    p = counts / max(1.0, float(counts.sum()))
    return round(float(-(p * np.log2(p)).sum()), 6)


def fill_or_thin(
    brief: Brief, cell: Cell, rng: np.random.Generator, lock: np.ndarray, symbols: str, most: float = 4.0
) -> Cell:
    """Bring a cell to the density asked for.

    Thinning takes the hits that matter least (weak steps the idea does not stress; never step 0); filling halves long
    hits and repeats one of ``symbols`` where the idea stresses. ``most`` is the limit in hits a quarter.
    """
    hits = list(cell.hits)
    wanted = len(hits) * 2.0 ** (1.2 * brief.density)
    wanted = float(np.clip(wanted, min(len(hits), cell.steps / 16), most * cell.steps / 4))
    count = int(wanted) + int(rng.random() < wanted % 1)

    metre = 1.0 - OFF_BEAT * brief.syncopation  # how far the beat, or what is off it, matters

    def value(step: float) -> float:
        return metre * brief.weight(step) + 0.8 * float(lock[round(step) % lock.size]) + 0.1 * rng.random()

    while len(hits) > max(1, count):
        weak = min((h for h in hits if h.step > 0), key=lambda h: value(h.step), default=None)
        if weak is None:
            break
        hits.remove(weak)
    grid = 1.0 if brief.density > 0.5 else 2.0
    taken = {h.step for h in hits}
    free = [s for s in np.arange(0.0, cell.steps, grid).tolist() if s not in taken]
    while len(hits) < count and free:
        step = max(free, key=lambda s: value(s) if s % 4 else value(s) + 0.1)
        free.remove(step)
        hits.append(Hit(step, max(grid, _left(hits, step)), symbols[int(rng.integers(len(symbols)))]))
    return Cell(cell.name, without_overlaps(hits, cell.steps), cell.steps)


def _left(hits: Sequence[Hit], step: float) -> float:
    """How long a hit lasts that comes at a step: to the end of what it interrupts, a step at least."""
    return float(max([1.0, *(h.step + h.length - step for h in hits if h.step < step)]))


def without_overlaps(hits: Iterable[Hit], steps: float) -> tuple[Hit, ...]:
    """The hits in order, each cut short where the next begins; the last ends at ``steps`` at the latest."""
    ordered = sorted(hits, key=lambda h: h.step)
    ends = [h.step for h in ordered[1:]] + [steps] * bool(ordered)
    return tuple(Hit(h.step, min(h.length, end - h.step), h.symbol) for h, end in zip(ordered, ends, strict=True))


def window(brief: Brief, cell: Cell, bar: int) -> list[Hit]:
    """The hits of a cell that fall in a bar, steps from the bar's start; longer or shorter cells go round.

    What still sounds for half the bar or more is struck again at its start.
    """
    size = brief.steps_per_bar
    start = (bar * size) % cell.steps if cell.steps > size else 0.0
    out = []
    offset = 0.0
    while offset < size:
        for h in cell.hits:
            at = h.step - start + offset
            if 0 <= at < size:
                out.append(Hit(at, h.length, h.symbol))
            elif at < 0 and at + h.length >= size / 2:
                out.append(Hit(0.0, at + h.length, h.symbol))
        offset += cell.steps
    return sorted(out, key=lambda h: h.step)


def moved_on(brief: Brief, bar: int, hits: Sequence[Hit]) -> list[Hit]:
    """A bar in another rhythm, its second half above all: hits go where the idea is stressed in this very bar."""
    rng = brief.rng("moved on", bar)
    size = brief.steps_per_bar
    out: list[Hit] = []
    for hit in hits:
        late = hit.step >= size / 2
        places = [hit.step + way for way in (0.0, 2.0, -2.0) if late or way == 0]
        places = [step for step in places if 0 <= step < size]
        stress = [
            brief.lean * brief.accent(bar * size + s) - brief.syncopation * brief.weight(s) + MOVED * rng.random()
            for s in places
        ]
        at = places[int(np.argmax(stress))]
        joined = JOINED * (1.0 - brief.density) * (0.5 + 0.5 * late) * (brief.weight(at) < 0.6)
        if out and (at <= out[-1].step or rng.random() < joined):
            before = out[-1]
            out[-1] = replace(before, length=max(before.length, hit.step + hit.length - before.step))
        else:
            out.append(replace(hit, step=at))
    return out


def one_voice(brief: Brief, tones: Sequence[Tone]) -> list[Tone]:
    """One note at a time; a note that the next chord does not hold ends where that chord begins."""
    ordered = sorted({t.step: t for t in tones if t.step < brief.steps}.values(), key=lambda t: t.step)
    ends = [*(t.step for t in ordered[1:]), float(brief.steps)]
    out = []
    for t, end in zip(ordered, ends, strict=True):
        change = brief.span(t.step)[1]
        foreign = t.step + t.length > change and t.pitch % 12 not in brief.chord(change).tones
        stop = min(end, change) if foreign else end
        out.append(replace(t, length=min(t.length, stop - t.step)))
    return out


def velocity(brief: Brief, step: float, rng: np.random.Generator, accent: float = 0.0) -> int:
    """Velocity of a note at a step: metre, the idea's accents, mood, the idea's loudness curve, a human touch."""
    bar = int(step // brief.steps_per_bar) % brief.bars
    value = 76 + 14 * brief.weight(step) + IDEA_ACCENT * 2 * brief.groove * brief.accent(step) + 16 * accent
    value = (value + brief.mood.velocity) * (0.7 + 0.3 * float(brief.levels[bar]))
    value += rng.normal(0.0, 1.5 + 5.0 * brief.humanize)
    return int(np.clip(round(value), 24, 122))


def swung(brief: Brief, step: float) -> float:
    """A step moved by the swing: the second of each pair comes late; beats stay where they are."""
    if brief.swing == 0.5:
        return step
    unit = float(brief.swing_unit)
    pair, inside = divmod(step, 2 * unit)
    return pair * 2 * unit + float(np.interp(inside, (0.0, unit, 2 * unit), (0.0, 2 * unit * brief.swing, 2 * unit)))


def perform(brief: Brief, tones: Sequence[Tone]) -> tuple[Note, ...]:
    """Turn grid notes into the finished ones: swing, human timing, no overlaps of a pitch with itself, inside the loop.

    Beat 1 of bar 1 is never moved.
    """
    rng = brief.rng("timing")
    end = float(brief.steps)
    merged: dict[tuple[int, float], Tone] = {}
    for tone in as_member(brief, tones):
        key = (tone.pitch, round(tone.step, 3))
        if 0 <= tone.step < end and (key not in merged or merged[key].velocity < tone.velocity):
            merged[key] = tone
    ordered = sorted(merged.values(), key=lambda t: (t.step, t.pitch))
    placed: list[tuple[float, float, Tone]] = []
    shifts: dict[tuple[float, str], float] = {}
    most = MOST_TIMING_SECONDS[brief.role == "drums"]
    for tone in ordered:
        at = (tone.step, tone.limb)
        if at not in shifts:
            feel = brief.feel_of(tone.limb)
            place = round(tone.step % brief.steps_per_bar, 3)
            # Most of what a player strays is a habit, the same in every bar; the rest is chance.
            step = round(place) % len(feel.ms)
            habit = feel.habit[step] * brief.rng("habit", tone.limb, place).normal(0.0, HABIT * feel.ms_deviation)
            stray = float(np.clip((habit + rng.normal(0.0, CHANCE * feel.ms_deviation)) / 1000, -most, most))
            shifts[at] = 0.0 if tone.step == 0 else feel.ms[step] / 1000 + stray
        start = swung(brief, tone.step) + (shifts[at] + tone.delay_seconds) / brief.step_seconds
        stop = min(swung(brief, tone.step + tone.length), end)
        placed.append((max(0.0, start), stop, tone))
    notes: list[Note] = []
    latest: dict[int, int] = {}
    for start, stop, tone in sorted(placed, key=lambda p: (p[0], p[2].pitch)):
        length = max(stop - start, 0.2)
        before = latest.get(tone.pitch)
        if before is not None and notes[before].start + notes[before].length > start / 4:
            old = notes[before]
            notes[before] = Note(old.pitch, old.start, max(0.02, round(start / 4 - old.start, 6)), old.velocity)
        latest[tone.pitch] = len(notes)
        length = min(length, end - start)
        notes.append(Note(tone.pitch, round(start / 4, 6), round(max(length, 0.05) / 4, 6), min(tone.velocity, 127)))
    return tuple(notes)
