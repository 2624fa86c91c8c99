"""From what was heard, and what the musician says instead, to a request. Decides; touches no audio."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

from .engines import registry
from .errors import InvalidInput
from .music.harmony import Progression, fit_to_key
from .music.instruments import find_instrument
from .music.meter import MOST_BARS, Meter, bar_seconds, parse_meter
from .music.pitch import Key
from .records import CONTROLS, Analysis, ChordSpan, KeyEstimate, Request, bars_of_chords, read_controls
from .records.analysis import clear_label
from .records.request import FAMILY, MEMBERS

SEED_FAMILIES = 10_000  # a drawn seed has six digits at most
DOUBTFUL = 0.5  # below this confidence a musician is told to check
NO_KEY = Key(9, "minor")  # what a tonal part is made in when the idea (drums alone) has no key


def plan_request(analysis: Analysis | None, *, instrument: str, **asked: Any) -> tuple[Request, tuple[str, ...]]:
    """Turn what was heard, and what the musician said instead, into a request.

    Parameters
    ----------
    analysis
        What was heard; None when only the musician's words count.
    instrument
        Any everyday name; the nearest known one is taken, and a note says so.
    asked
        Any other control by its name (:data:`~helpers.records.CONTROLS`), None to leave it open: ``bpm``, ``key``,
        ``meter``, ``chords`` (``| Am | F | C G |``; a part plays them to the note), ``genre`` and ``mood`` overrule the
        analysis, ``role`` the instrument's usual one, and without ``seed`` one is drawn (it is in the result, so the
        loop can be repeated).

    Returns
    -------
    (Request, notes)
        ``notes``: what was assumed, in sentences for the musician.

    Raises
    ------
    InvalidInput
        If a value is out of range, or no tempo was heard and none given.
    """
    notes: list[str] = []
    values = read_controls(asked)
    values |= _part(instrument, values.get("role"), notes)
    tempo = analysis.tempo if analysis else None
    values.setdefault("meter", tempo.meter.name if tempo else Request.meter)
    if "bpm" not in values:
        if tempo is None or tempo.bpm is None:
            raise InvalidInput("No steady tempo could be heard in the idea; give the BPM yourself, such as 92.")
        values["bpm"] = tempo.bpm
        if tempo.confidence < DOUBTFUL:
            others = ", ".join(f"{a.bpm:.4g}" for a in tempo.alternatives[:3])
            notes.append(f"The tempo {tempo.bpm:.4g} BPM is uncertain; check it (other readings: {others or 'none'}).")
    if tempo is not None and tempo.bars and tempo.bars <= MOST_BARS:
        values.setdefault("bars", tempo.bars)  # a loop as long as the idea's
    key, chords = values.pop("key", None), values.pop("chords", None)
    loop = values["bpm"], parse_meter(values["meter"]), values.get("bars", Request.bars)
    key, progression = _plan_harmony(analysis, values["role"], key, chords, loop, notes)
    if tempo is not None and tempo.swing is not None:  # heard straight playing varies a little
        swing = CONTROLS["swing"][1]
        values.setdefault("swing", min(max(tempo.swing, swing.low), swing.high))
    if analysis is not None and analysis.key is not None and values["role"] != "drums":
        values.setdefault("tuning_cents", analysis.key.tuning_cents)
    if values.get("engine", Request.engine) == "sketch":
        notes.extend(_unknown_words(values))
    named = _named(values.get("style", ""))
    for name, tags in (("genre", analysis.genres), ("mood", analysis.moods)) if analysis else ():
        if not named[name]:  # else the style's own word is the one that holds
            values.setdefault(name, clear_label(tags))
    values.setdefault("seed", FAMILY * secrets.randbelow(SEED_FAMILIES))
    if values.get("family"):
        values.setdefault("takes", len(MEMBERS))
    registry.get_engine(values.get("engine", Request.engine))
    heard = chords is None and bool(progression)
    return Request(**values, key=key, progression=progression, chords_heard=heard), tuple(notes)


def _unknown_words(values: dict[str, Any]) -> list[str]:
    """What to say of a genre or a mood that the sketch has no patterns for; a model may know the word."""
    asked = {name: values[name] for name in ("genre", "mood") if values.get(name)}
    if not asked:
        return []
    return [
        f"The sketch does not know the {name} “{word}” and goes by the idea; name one {CONTROLS[name][1].help}."
        for name, word in asked.items()
        if not _named(word)[name] and word.lower() != "neutral"
    ]


def _named(text: str) -> dict[str, bool]:
    """Whether a text names a genre and a mood that the sketch knows."""
    from .sketch.genres import find_genre, find_mood

    return {"genre": find_genre(text) is not None, "mood": find_mood(text)[0] != "neutral"}


def _part(instrument: str, role: str | None, notes: list[str]) -> dict[str, str]:
    """The instrument's own name and the role it plays; notes say when another name was understood."""
    match = find_instrument(instrument)
    notes.extend([match.note] if match.note else [])
    role = role or match.instrument.role
    if match.instrument.is_drums != (role == "drums"):
        raise InvalidInput(f"{match.instrument.name} cannot play the role {role}; drums play drums and only they do.")
    return {"instrument": match.instrument.name, "role": role}


def _plan_harmony(
    analysis: Analysis | None,
    role: str,
    key: Key | None,
    chords: Progression | None,
    loop: tuple[float, Meter, int],
    notes: list[str],
) -> tuple[Key | None, Progression]:
    """The key and the chords a part is made in; drums need neither but keep the chords' changes for their accents."""
    heard = analysis.key if analysis else None
    progression = chords or ()
    if chords is None and analysis:
        progression = bars_of_chords(analysis, *loop)
    if key is not None:
        if chords is None and progression and (heard is None or key != heard.key):
            progression, note = fit_to_key(progression, key, heard.key if heard else None)
            notes.extend([note] if note and role != "drums" else [])
        return None if role == "drums" else key, progression
    if role == "drums":
        return None, progression
    if heard is not None:
        if heard.confidence < DOUBTFUL:
            others = ", ".join(a.name for a in heard.alternatives[:2])
            notes.append(f"The key {heard.key.name} is uncertain; check it (next: {others or 'none'}).")
        return heard.key, progression
    notes.append(f"No key could be heard in the idea, so the part is in {NO_KEY.name}; give another, such as E minor.")
    return NO_KEY, progression


def change_request(request: Request, *, instrument: str | None = None, **asked: Any) -> tuple[Request, tuple[str, ...]]:
    """A request with some values changed, checked and brought into key as in :func:`plan_request`; also the notes."""
    notes: list[str] = []
    values = read_controls(asked)
    role = values.get("role") or (None if instrument else request.role)
    values |= _part(instrument or request.instrument, role, notes)
    chords, key = values.pop("chords", None), values.get("key")
    if chords is not None:
        values |= {"progression": chords, "chords_heard": False}
    elif key not in (None, request.key) and request.chords_heard:
        values["progression"], note = fit_to_key(request.progression, key, request.key)
        notes += [note] if note else []
    if values["role"] == "drums":
        values["key"] = None
    elif key is None and request.key is None:
        values["key"] = NO_KEY
        notes.append(f"The request had no key, so the part is in {NO_KEY.name}; give another, such as E minor.")
    registry.get_engine(values.get("engine", request.engine))
    return dataclasses.replace(request, **values), tuple(notes)


def inherit(analysis: Analysis, request: Request) -> Analysis:
    """The analysis of a loop that was made here, with what its request knows: tempo, metre, bars, key, chords.

    The loop's tuning, melody, groove and loudness stay as heard. Drums have no key of their own: none is invented, and
    the chords that they were made over stay known for the next part.
    """
    time, seconds = request.time, request.seconds
    beats = tuple(60.0 / request.bpm * n for n in range(round(request.bars * time.beats_per_bar)))
    downbeats = tuple(bar_seconds(request.bpm, time) * n for n in range(request.bars))
    tempo = dataclasses.replace(
        analysis.tempo,
        bpm=request.bpm,
        confidence=1.0,
        alternatives=(),
        beats=beats,
        downbeats=downbeats,
        meter=time,
        is_loop=True,
        bars=request.bars,
        swing=request.swing,
    )
    key = analysis.key
    if request.key is not None:
        key = KeyEstimate(request.key, 1.0, (), analysis.key.tuning_cents if analysis.key else 0.0)
    elif request.role == "drums":
        key = None
    halves = request.half_bars()
    length = seconds / len(halves) if halves else 0.0
    chords = tuple(ChordSpan(n * length, (n + 1) * length, label) for n, label in enumerate(halves))
    return dataclasses.replace(analysis, tempo=tempo, key=key, chords=chords or analysis.chords)


def part_of(whole: Analysis, part: Analysis, begin: float, end: float) -> Analysis:
    """What was heard in a part of an idea, from ``begin`` to ``end`` seconds, on the tempo and grid of all of it.

    A short part alone can be misread; loudness, melody, groove and key are its own (the key where it is clear).
    """
    heard = whole.tempo

    def inside(times: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(t - begin for t in times if begin - 1e-3 <= t < end - 1e-3)

    bars = len(inside(heard.downbeats))
    tempo = dataclasses.replace(
        heard, beats=inside(heard.beats), downbeats=inside(heard.downbeats), is_loop=bars > 0, bars=bars or None
    )
    clear = part.key is not None and (whole.key is None or part.key.confidence >= whole.key.confidence)
    chords = tuple(
        ChordSpan(max(chord.start, begin) - begin, min(chord.end, end) - begin, chord.label)
        for chord in whole.chords
        if chord.end > begin and chord.start < end
    )
    return dataclasses.replace(part, tempo=tempo, key=part.key if clear else whole.key, chords=chords)


def plan_measure(
    analysis: Analysis | None, *, instrument: str | None = None, **asked: Any
) -> tuple[Request, tuple[str, ...]]:
    """What a given piece of audio is to be measured against; an unnamed instrument stays unknown (role ``""``).

    ``asked`` holds ``bpm`` and ``bars``, and ``key``, ``meter``, ``chords`` where they are known: they come from the
    idea's ``analysis`` unless they are given; without either they stay unknown.
    """
    if instrument is not None:
        return plan_request(analysis, instrument=instrument, takes=1, seed=0, **asked)
    notes: list[str] = []
    values = read_controls(asked)
    time = parse_meter(values.get("meter") or (analysis.tempo.meter.name if analysis else Request.meter))
    key, chords = values.get("key"), values.get("chords")
    bpm, bars = values["bpm"], values["bars"]
    progression: Progression = ()
    if key is not None or chords is not None or (analysis and analysis.key):
        known = key is not None or (analysis and analysis.key)
        key, progression = _plan_harmony(analysis, "", key, chords, (bpm, time, bars), notes)
        if not known:  # chords alone say no key
            key, notes = None, []
    return Request("", "", bpm, bars, time.name, key, progression, takes=1), tuple(notes)
