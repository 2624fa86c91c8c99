"""Drums: a groove by genre, bent to the idea where the genre lets it, rolls, ghosts, a fill at the wrap."""

from __future__ import annotations

import numpy as np

from ..brief import Brief, feel_at
from ..cells import Cell, read_cell
from ..feel import VELOCITY_SHARE, limb_of
from ..form import Bar
from ..groove import IDEA_ACCENT, STANDS_OUT, STAYS_BACK, Tone, letter_wishes, perform, unexpected, window
from ..kits import BACKBEATS, FILLS, GENRES, NOTES, ROLLED, ROLLS, STROKES, SWAPS, DrumStyle, drum_style, solo_style
from . import Part, said

HIT_STEPS = 0.9
STRESS = 16  # velocity that a standard deviation of the idea's stress beyond its metre adds
GHOSTS = 0.5  # how much likelier a ghost note is where the idea is accented in this very bar
MOST_RESTS = 2  # a bar, of the timekeeper
TIMEKEEPERS = ("hat", "ride", "shaker", "open", "tambourine")
STRUCK = ("kick", "snare", "clap", "rim")
Hits = list[tuple[float, str, str]]  # step in the bar, line, mark


def write_drums(brief: Brief) -> Part:
    """Write a drum part: one bar a letter, placed literally, small changes on repeats, a fill in the last bar."""
    style = drum_style(brief.genre.drums, brief.meter.name)
    alone = brief.instrument.lines
    if alone:
        style = solo_style(alone, style, brief.meter.name)
    form = brief.form()
    rng = brief.rng("drums")
    feel = feel_at(brief.request.bpm, style.native)
    wanted = brief.complexity * (len(style.grooves) - 1)
    first = int(np.argmax([rng.normal(0, 0.8) - 0.5 * abs(i - wanted) for i in range(len(style.grooves))]))
    picks = {"A": first, "B": (first + int(rng.integers(len(style.grooves)))) % len(style.grooves)}
    keeper = "" if alone else _keeper(brief, style, style.grooves[first])
    wishes, low_wishes = (letter_wishes(brief, form, p) for p in (brief.accents, brief.low_accents))
    grooves = [[read_cell(name, text).scaled(feel) for name, text in g.items()] for g in style.grooves]
    hits: Hits = []
    for bar in form:
        wish, low_wish = wishes[bar.letter], low_wishes[bar.letter]
        played = _bar(brief, bar, style, grooves[picks[bar.letter]], keeper, wish, low_wish)
        if bar.turn and brief.request.bars > 1:
            played = _with_fill(brief, played, style)
        offset = bar.number * brief.steps_per_bar
        hits += [(offset + s, name, mark) for s, name, mark in played]
    hits = [h for h in hits if not alone or h[1] in alone]
    if brief.bars >= 4 and not alone and brief.genre.drums not in ("ambient", "lofi", "bossa") and rng.random() < 0.6:
        hits.append((0.0, "crash", "x"))
    stress = np.clip(unexpected(brief, brief.accents), -2.0, 2.0) * brief.lean
    tones = [tone for hit in _choked(hits) for tone in _tones(brief, stress, *hit)]
    choices = said((f"{style.name} {picks[b.letter] + 1}" for b in form), form)
    felt = {1.0: "as written", 2.0: "half time"}.get(feel, "double time")
    return Part(perform(brief, tones), (*choices, ("feel", felt)))


def _bar(
    brief: Brief, bar: Bar, style: DrumStyle, lines: list[Cell], keeper: str, wish: np.ndarray, low_wish: np.ndarray
) -> Hits:
    """One bar of a letter's groove: every choice but the variation is the letter's, so that its bars are alike."""
    out: Hits = [(h.step, cell.name, h.symbol) for cell in lines for h in window(brief, cell, bar.number)]
    if "kick" not in style.fixed:
        out = _kicks(brief, out, bar.letter, low_wish)
    if not brief.instrument.lines and not {"snare", "clap"} & set(style.fixed):
        out = _backbeat(brief, out)
    out = _timekeeping(brief, bar, style, out, keeper, wish)
    ghosts = brief.complexity > 0.35 and brief.genre.name not in GENRES["no_ghosts"]
    if ghosts and any(cell.name == "snare" for cell in lines):
        out += _ghosts(brief, out, bar.number)  # no player repeats these
    out = _rolled(brief, bar, style, out)
    return _varied(brief, bar, style, out, low_wish) if bar.variation else out


def _kicks(brief: Brief, hits: Hits, letter: str, wish: np.ndarray) -> Hits:
    """Kicks where the idea's low end stands out, none where it rests; without one to hear, a kick of the take's own."""
    rng = brief.rng("kicks", letter)
    beat = brief.meter.steps_per_beat
    between = [h for h in hits if h[1] == "kick" and h[0] % beat]
    if wish.any() and brief.lean > 0:
        taken = {h[0] for h in hits if h[1] == "kick"}  # it may join a backbeat
        hits = [h for h in hits if h not in between or wish[round(h[0]) % wish.size] > STAYS_BACK]
        places = [float(s) for s in np.argsort(-wish, kind="stable") if wish[s] > STANDS_OUT and float(s) not in taken]
        return hits + [(s, "kick", "x") for s in places[:2]]
    if not between:
        return hits
    taken = {h[0] for h in hits if h[1] in STRUCK}
    if rng.random() < 0.4:
        gone = between[int(rng.integers(len(between)))]
        hits = [h for h in hits if h != gone]
    free = [float(s) for s in range(2, brief.steps_per_bar, 2) if s % beat and float(s) not in taken]
    return [*hits, (free[int(rng.integers(len(free)))], "kick", "x")] if free and rng.random() < 0.6 else hits


def _kit_of(brief: Brief) -> str:
    return "acoustic" if brief.genre.name in GENRES["acoustic"] else "electronic"


def _backbeat(brief: Brief, hits: Hits) -> Hits:
    """The take's own sound on two and four; ghost notes stay on the snare."""
    rng = brief.rng("backbeat")
    for old, kits in BACKBEATS.items():
        new = str(rng.choice(kits.get(_kit_of(brief), (old,))))
        hits = [(s, new if n == old and mark != "g" else n, mark) for s, n, mark in hits]
    return hits


def _keeper(brief: Brief, style: DrumStyle, lines: dict[str, str]) -> str:
    """What keeps time in the take: the groove's own, or what a player may take instead; ``""`` when nothing does."""
    lead = next((name for name in TIMEKEEPERS if name in lines), "")
    swaps = {} if lead in style.fixed else SWAPS.get(lead, {})
    return str(brief.rng("keeper").choice(swaps.get(_kit_of(brief), (lead,))))


def _timekeeping(brief: Brief, bar: Bar, style: DrumStyle, hits: Hits, keeper: str, wish: np.ndarray) -> Hits:
    """The take's own timekeeper and rate, at the density asked for, with the idea's accents and rests in it."""
    lead = next((name for name in TIMEKEEPERS if any(h[1] == name for h in hits)), "")
    if not lead:
        return hits
    new = lead if "open" in (lead, keeper) or not keeper else keeper  # open hats are a colour, not a pulse
    fixed = lead in style.fixed
    beat = brief.meter.steps_per_beat
    rate = 1.0 if fixed else float(brief.rng("timekeeper").choice([1.0, 1.0, 1.0, 2.0, 0.5]))
    rng = brief.rng("timekeeper fill", bar.letter)
    joins = brief.lean > 0 and not fixed
    resting = [s for s in np.argsort(wish, kind="stable") if wish[s] < STAYS_BACK and s % beat][:MOST_RESTS]
    out = []
    for step, name, mark in hits:
        sparse = name in TIMEKEEPERS and step % beat and brief.density < -0.25 and rng.random() < -0.9 * brief.density
        halved = name == lead and rate < 1 and step % beat and brief.weight(step) < 0.4
        rests = name == lead and joins and round(step) in resting  # the pulse itself goes on
        if not (sparse or halved or rests):
            out.append((step, new if name == lead else name, mark))
    taken = {step for step, name, _ in out if name in (new, "open")}
    added = max(float(rate > 1), brief.density if brief.density > 0.25 else 0.0)
    stresses = 2
    for step in map(float, range(brief.steps_per_bar)):
        stressed = joins and stresses > 0 and wish[round(step)] > STANDS_OUT
        if step not in taken and (stressed or rng.random() < added):
            stresses -= int(stressed)
            out.append((step, new, "X" if stressed else "o"))
    return out


def _ghosts(brief: Brief, hits: Hits, bar: int) -> Hits:
    """Soft strokes of the snare on the free odd sixteenths, as the idea is accented there."""
    rng = brief.rng("ghosts", bar)
    taken = {s for s, name, _ in hits if name in STRUCK}
    free = [float(s) for s in range(1, brief.steps_per_bar, 2) if float(s) not in taken]
    chances = [0.3 * brief.complexity + GHOSTS * brief.lean * brief.accent(bar * brief.steps_per_bar + s) for s in free]
    return [(s, "snare", "g") for s, chance in zip(free, chances, strict=True) if rng.random() < chance]


def _rolled(brief: Brief, bar: Bar, style: DrumStyle, hits: Hits) -> Hits:
    """Rolls of the hat where the style has them: the letter's own, and in the last bar one for sure."""
    rng = brief.rng("roll", bar.letter, bar.turn)
    chance = ROLLED.get(style.name, 0.0)
    if rng.random() >= max(chance, bar.turn * (chance > 0.5)) or not any(h[1] == "hat" for h in hits):
        return hits
    roll = ROLLS[style.name][int(rng.integers(len(ROLLS[style.name])))]
    strokes = [(float(s), "hat", mark) for s, mark in enumerate(roll[: brief.steps_per_bar]) if mark != "."]
    covered = {s for s, _, _ in strokes} | {s + 1 for s, _, mark in strokes if mark == "T"}
    return [h for h in hits if h[1] not in ("hat", "open") or h[0] not in covered] + strokes


def _varied(brief: Brief, bar: Bar, style: DrumStyle, hits: Hits, low_wish: np.ndarray) -> Hits:
    """A small change a player makes on the repeat: one kick moved, an open hat before the bar line, a drag."""
    rng = brief.rng("drum bar", bar.letter, bar.variation)
    movable = [h for h in hits if h[1] == "kick" and h[0] % brief.meter.steps_per_beat]
    if movable and "kick" not in style.fixed and rng.random() < 0.6:
        old = movable[int(rng.integers(len(movable)))]
        ways = [(old[0] + way) % brief.steps_per_bar for way in (2, -2)]
        to = max(ways, key=lambda step: low_wish[round(step) % low_wish.size] + 0.1 * rng.random())
        hits = [h for h in hits if h != old] + [(to, "kick", old[2])]
    if any(h[1] == "hat" for h in hits) and rng.random() < 0.5:
        hits = [*hits, (float(brief.steps_per_bar - 2), "open", "x")]
    backbeats = [h for h in hits if h[1] == "snare" and h[2] == "X"]
    if backbeats and _kit_of(brief) == "acoustic" and rng.random() < 0.3:
        hits = [h for h in hits if h != backbeats[-1]] + [(*backbeats[-1][:2], "df"[int(rng.integers(2))])]
    return hits


def _with_fill(brief: Brief, hits: Hits, style: DrumStyle) -> Hits:
    """The last beats of the last bar as a fill; the groove rests there except for kicks on the beat."""
    rng = brief.rng("fill")
    fills = FILLS[style.fills[int(rng.integers(len(style.fills)))]]
    fill = fills[int(rng.integers(len(fills)))]
    length = max(map(len, fill.values()))
    start = brief.steps_per_bar - length
    if start < 0:
        return hits
    out = [h for h in hits if h[0] < start or (h[1] == "kick" and h[0] % 4 == 0)]
    for name, text in fill.items():
        out += [(float(start + s), name, mark) for s, mark in enumerate(text) if mark != "."]
    return out


def _choked(hits: Hits) -> Hits:
    """One hit an instrument and step (the loudest); an open hat silences the closed one on its step."""
    best: dict[tuple[float, str], str] = {}
    for step, name, mark in hits:
        at = (step, name)
        if at not in best or STROKES[mark][-1][1] > STROKES[best[at]][-1][1]:
            best[at] = mark
    opened = {step for step, name in best if name == "open"}
    return [(s, n, m) for (s, n), m in sorted(best.items()) if not (n == "hat" and s in opened)]


def _tones(brief: Brief, stress: np.ndarray, step: float, name: str, mark: str) -> list[Tone]:
    """The strokes of a mark, as hard as the style's drummers strike there."""
    place = round(step % brief.steps_per_bar, 2)
    bar = int(step // brief.steps_per_bar) % brief.bars
    limb = limb_of(name)
    feel = brief.feel_of(limb)
    rng = brief.rng("drum hit", place, name, bar)
    out = []
    for offset, level in STROKES[mark]:
        if step + offset < 0:
            continue
        value = level + brief.mood.velocity * 0.6 + VELOCITY_SHARE * feel.deviation * rng.normal()
        if limb == "time" or mark in "xo":
            value += feel.velocity[round(place) % len(feel.velocity)]
        heard = IDEA_ACCENT * brief.accent(step) + STRESS * float(stress[bar, round(place) % brief.steps_per_bar])
        value += 2 * brief.groove * heard
        value *= 0.75 + 0.25 * float(brief.levels[bar])
        length = min(HIT_STEPS, 0.9 / len(STROKES[mark])) if len(STROKES[mark]) > 1 else HIT_STEPS
        out.append(Tone(NOTES[name], step + offset, length, int(np.clip(round(value), 18, 126)), limb=limb))
    return out
