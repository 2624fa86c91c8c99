"""Drums: a kit and its grooves by genre, ghost notes, kicks that lock to the idea, a fill into the wrap."""

from __future__ import annotations

import numpy as np

from ..brief import Brief
from ..form import Bar, written
from ..groove import IDEA_ACCENT, STANDS_OUT, STAYS_BACK, Tone, agreement, perform, unexpected
from ..kits import FILLS, NOTES, DrumStyle, drum_style
from . import Part

ACCENTS = {"X": 112, "x": 88, "o": 62, "g": 38}
HIT_STEPS = 0.9
MOST_RESTS = 3  # a bar, of the timekeeper
ACOUSTIC = (
    "rock",
    "pop",
    "jazz",
    "blues",
    "funk",
    "soul",
    "country",
    "folk",
    "gospel",
    "punk",
    "metal",
    "ballad",
    "lo-fi",
)
# What a take may play instead: on an acoustic kit (True) and on an electronic one (False).
SWAPS = {
    "hat": {True: ("hat", "hat", "ride", "tambourine"), False: ("hat", "hat", "shaker", "pedal")},
    "ride": {True: ("ride", "hat"), False: ("ride", "hat")},
}
BACKBEATS = {"snare": {True: ("snare", "snare", "rim"), False: ("snare", "clap")}, "clap": {False: ("clap", "snare")}}
TIMEKEEPERS = ("hat", "ride", "shaker", "open", "tambourine")


def write_drums(brief: Brief) -> Part:
    """Write a drum part: groove by genre and complexity, varied by the form, a fill in the last bar."""
    style = drum_style(brief.genre.drums, brief.meter.name)
    form = brief.form()
    rng = brief.rng("drums")
    feel = _feel(brief, style)
    first = _favourite(brief, style, rng)
    picks = {"A": first, "B": (first + int(rng.integers(len(style.grooves)))) % len(style.grooves)}
    keeper = _keeper(brief, style.grooves[first])
    wishes, low_wishes = unexpected(brief, brief.accents), unexpected(brief, brief.low_accents)
    hits: list[tuple[float, str, str]] = []
    for bar in form:
        lines = style.grooves[picks[bar.letter]]
        played = _bar(brief, bar, lines, feel, keeper, wishes[bar.number], low_wishes[bar.number])
        if bar.turn and brief.request.bars > 1:
            played = _with_fill(brief, played, style)
        offset = bar.number * brief.steps_per_bar
        hits += [(offset + s, name, mark) for s, name, mark in played]
    if brief.bars >= 4 and brief.genre.drums not in ("ambient", "lofi", "bossa") and rng.random() < 0.6:
        hits.append((0.0, "crash", "x"))
    tones = [_tone(brief, *hit) for hit in _choked(hits)]
    names = ", ".join(dict.fromkeys(f"{style.name} {picks[b.letter] + 1}" for b in form))
    choices = (
        ("pattern", names),
        ("form", written(form)),
        ("feel", {1.0: "as written", 2.0: "half time"}.get(feel, "double time")),
    )
    return Part(perform(brief, tones), choices)


def _favourite(brief: Brief, style: DrumStyle, rng: np.random.Generator) -> int:
    """The groove that suits the complexity asked for and the idea's accents; the take has a say."""
    scores = []
    accents = brief.accents.mean(axis=0)
    for i, lines in enumerate(style.grooves):
        wanted = brief.complexity * (len(style.grooves) - 1)
        steps = [s for text in lines.values() for s, mark in enumerate(text) if mark in "Xx"]
        scores.append(-0.5 * abs(i - wanted) + 4.0 * brief.lean * agreement(accents, steps) + rng.normal(0, 0.8))
    return int(np.argmax(scores))


def _feel(brief: Brief, style: DrumStyle) -> float:
    low, high = style.native
    if brief.request.bpm > 1.08 * high and brief.request.bpm / 2 >= 0.8 * low:
        return 2.0
    if brief.request.bpm < 0.78 * low and brief.request.bpm * 2 <= 1.15 * high:
        return 0.5
    return 1.0


def _bar(
    brief: Brief, bar: Bar, lines: dict[str, str], feel: float, keeper: str, wish: np.ndarray, low_wish: np.ndarray
) -> list[tuple[float, str, str]]:
    """One bar of the groove on the part's grid, adapted to the idea and the mood, and varied.

    ``keeper`` keeps time in all bars; ``wish`` and ``low_wish`` are what is unexpected in the idea's bar, in all and
    below 150 Hz.
    """
    size = brief.steps_per_bar
    rng = brief.rng("drum bar", bar.letter, bar.variation)
    out: list[tuple[float, str, str]] = []
    for name, text in lines.items():
        length = len(text) * feel
        for s, mark in enumerate(text):
            if mark == ".":
                continue
            at = s * feel - (bar.number * size) % length if length > size else s * feel
            while at < size:
                if at >= 0:
                    out.append((at, name, mark))
                at += length
    out = _locked(brief, out, low_wish, rng)
    out = _kicks(brief, out, bar.letter)
    out = _backbeat(brief, out)
    out = _timekeeping(brief, bar, out, keeper, wish)
    out = _density(brief, out, rng)
    if brief.complexity > 0.35:
        out += _ghosts(brief, out, rng)
    if bar.variation:
        out = _varied(brief, out, rng)
    return out


def _locked(brief: Brief, hits: list, wish: np.ndarray, rng: np.random.Generator) -> list:
    """Kicks where the bar's low end has accents the metre does not explain, at most three more, none where it rests."""
    if not wish.any() or brief.lean <= 0:
        return hits
    taken = {s for s, name, _ in hits if name in ("kick", "snare", "clap", "rim")}
    strong = [float(s) for s in np.argsort(-wish, kind="stable") if wish[s] > STANDS_OUT]
    added = [s for s in strong if s not in taken][:3]
    beat = brief.meter.steps_per_beat
    kept = [h for h in hits if h[1] != "kick" or h[0] % beat == 0 or wish[round(h[0]) % wish.size] > STAYS_BACK]
    return kept + [(s, "kick", "x") for s in added if rng.random() < 0.85]


def _kicks(brief: Brief, hits: list, letter: str) -> list:
    """The take's own kicks between the beats, for grooves that have any: one goes, one or two come."""
    rng = brief.rng("kicks", letter)
    beat = brief.meter.steps_per_beat
    between = [h for h in hits if h[1] == "kick" and h[0] % beat]
    if not between:
        return hits
    if rng.random() < 0.5:
        gone = between[int(rng.integers(len(between)))]
        hits = [h for h in hits if h != gone]
    taken = {h[0] for h in hits if h[1] in ("kick", "snare", "clap", "rim")}
    free = [s for s in np.arange(1.0, brief.steps_per_bar) if s % 2 == 0 and s % beat and s not in taken]
    count = min(len(free), int(rng.integers(3)))
    return hits + [(float(s), "kick", "x") for s in rng.choice(free, count, replace=False)] if count else hits


def _backbeat(brief: Brief, hits: list) -> list:
    """The take's own sound on two and four; ghost notes stay on the snare."""
    rng = brief.rng("backbeat")
    for old, kits in BACKBEATS.items():
        new = str(rng.choice(kits.get(brief.genre.name in ACOUSTIC, (old,))))
        hits = [(s, new if n == old and mark != "g" else n, mark) for s, n, mark in hits]
    return hits


def _keeper(brief: Brief, lines: dict[str, str]) -> str:
    """What keeps time in the take: the groove's own, or what a player may take instead; ``""`` when nothing does."""
    lead = next((name for name in TIMEKEEPERS if name in lines), "")
    return str(brief.rng("keeper").choice(SWAPS.get(lead, {}).get(brief.genre.name in ACOUSTIC, (lead,))))


def _timekeeping(brief: Brief, bar: Bar, hits: list, keeper: str, wish: np.ndarray) -> list:
    """The take's own timekeeper and rate, with the idea's accents in it and air where the idea is silent."""
    rng = brief.rng("timekeeper")
    lead = next((name for name in TIMEKEEPERS if any(h[1] == name for h in hits)), "")
    if not lead:
        return hits
    new = lead if "open" in (lead, keeper) or not keeper else keeper  # open hats are a colour, not a pulse
    rate = float(rng.choice([1.0, 1.0, 2.0, 0.5])) if brief.genre.name not in ("trap", "drill", "jazz") else 1.0
    out = []
    beat = brief.meter.steps_per_beat
    resting = [s for s in np.argsort(wish, kind="stable") if wish[s] < STAYS_BACK and s % beat][:MOST_RESTS]
    for step, name, mark in hits:
        if name != lead:
            out.append((step, name, mark))
        elif (rate < 1 and step % beat and brief.weight(step) < 0.4) or (
            brief.lean > 0 and round(step) in resting  # the pulse itself goes on
        ):
            continue
        else:
            out.append((step, new, mark))
    fill = brief.rng("timekeeper fill", bar.letter)
    taken = {step for step, name, _ in out if name in (new, "open")}
    for step in map(float, range(brief.steps_per_bar)):
        stressed = brief.lean > 0 and wish[round(step)] > STANDS_OUT
        if step not in taken and (stressed or (rate > 1 and fill.random() < 0.45)):
            out.append((step, new, "X" if stressed else "o"))
    return out


def _density(brief: Brief, hits: list, rng: np.random.Generator) -> list:
    """Thinner or busier timekeepers; the backbeat stays."""
    if brief.density < -0.25:
        return [h for h in hits if h[1] not in TIMEKEEPERS or h[0] % 4 == 0 or rng.random() > -0.9 * brief.density]
    if brief.density > 0.25:
        keepers = [name for name in TIMEKEEPERS if any(h[1] == name for h in hits)][:1]
        taken = {(h[0], h[1]) for h in hits}
        for name in keepers:
            free = [float(s) for s in range(brief.steps_per_bar) if (float(s), name) not in taken]
            hits = hits + [(s, name, "o") for s in free if rng.random() < brief.density]
    return hits


def _ghosts(brief: Brief, hits: list, rng: np.random.Generator) -> list:
    if not any(name == "snare" for _, name, _ in hits) or brief.genre.name in ("techno", "house", "trance"):
        return []
    taken = {s for s, name, _ in hits if name in ("snare", "kick", "clap")}
    free = [float(s) for s in range(1, brief.steps_per_bar, 2) if float(s) not in taken]
    return [(s, "snare", "g") for s in free if rng.random() < 0.25 * brief.complexity]


def _varied(brief: Brief, hits: list, rng: np.random.Generator) -> list:
    """A small change a player makes on the repeat: one kick moved or an open hat before a beat."""
    movable = [h for h in hits if h[1] == "kick" and h[0] % brief.meter.steps_per_beat]
    if movable and rng.random() < 0.6:
        old = movable[int(rng.integers(len(movable)))]
        to = (old[0] + (2 if rng.random() < 0.5 else -2)) % brief.steps_per_bar
        hits = [h for h in hits if h != old] + [(to, "kick", old[2])]
    if any(h[1] == "hat" for h in hits) and rng.random() < 0.5:
        hits = [*hits, (float(brief.steps_per_bar - 2), "open", "x")]
    return hits


def _with_fill(brief: Brief, hits: list, style: DrumStyle) -> list:
    """The last beats of the last bar as a fill; the groove rests there except for the timekeepers' first beat."""
    rng = brief.rng("fill")
    fills = FILLS[style.fills[int(rng.integers(len(style.fills)))]]
    fill = fills[int(rng.integers(len(fills)))]
    length = max(len(text.replace(" ", "")) for text in fill.values())
    start = brief.steps_per_bar - length
    if start < 0:
        return hits
    kept = [h for h in hits if h[0] < start or (h[1] == "kick" and h[0] % 4 == 0)]
    out = list(kept)
    for name, text in fill.items():
        for s, mark in enumerate(text.replace(" ", "")):
            if mark != ".":
                out.append((float(start + s), name, mark))
    return out


def _choked(hits: list) -> list:
    """One hit an instrument and step (the loudest); an open hat silences the closed one on its step."""
    best: dict[tuple[float, str], str] = {}
    for step, name, mark in hits:
        at = (step, name)
        if at not in best or ACCENTS[mark] > ACCENTS[best[at]]:
            best[at] = mark
    opened = {step for step, name in best if name == "open"}
    return [(s, n, m) for (s, n), m in sorted(best.items()) if not (n == "hat" and s in opened)]


def _tone(brief: Brief, step: float, name: str, mark: str) -> Tone:
    rng = brief.rng("drum hit", round(step % brief.steps_per_bar, 2), name)
    bar = int(step // brief.steps_per_bar) % brief.bars
    level = ACCENTS[mark] + brief.mood.velocity * 0.6 + rng.normal(0, 2 + 4 * brief.humanize)
    if name in TIMEKEEPERS:
        level += 6 * (brief.weight(step) - 0.5)
    level += IDEA_ACCENT * brief.accent(step)
    level *= 0.75 + 0.25 * float(brief.levels[bar])
    return Tone(NOTES[name], step, HIT_STEPS, int(np.clip(round(level), 18, 126)))
