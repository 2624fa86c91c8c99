"""From what was heard, and what the musician says instead, to a request. Decides; touches no audio."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

from .errors import InvalidInput
from .music.harmony import fit_to_key
from .music.instruments import find_instrument
from .music.meter import check_bars, check_bpm, parse_meter
from .music.pitch import Key, parse_key, parse_progression
from .records import ROLES, Analysis, Request, bars_of_chords

DEFAULT_ENGINE = "sketch"
DOUBTFUL = 0.5  # below this confidence a musician is told to check
STRAIGHT, MOST_SWING = 0.5, 0.75  # share of a beat the first of two notes takes; heard straight playing varies a little
NO_KEY = Key(9, "minor")  # what a tonal part is made in when the idea (drums alone) has no key


def plan_request(
    analysis: Analysis | None,
    *,
    instrument: str,
    engine: str = DEFAULT_ENGINE,
    bars: int = 4,
    bpm: float | None = None,
    key: str | Key | None = None,
    meter: str | None = None,
    chords: str | tuple[tuple[str, ...], ...] | None = None,
    role: str | None = None,
    genre: str | None = None,
    mood: str | None = None,
    takes: int = 3,
    seed: int | None = None,
    **controls: Any,
) -> tuple[Request, tuple[str, ...]]:
    """Turn what was heard, and what the musician said instead, into a request.

    Parameters
    ----------
    analysis
        What was heard; None when only the musician's words count.
    instrument
        Any everyday name; the nearest known one is taken, and a note says so.
    bpm, key, meter, chords, genre, mood
        Overrule the analysis. ``chords`` as ``| Am | F | C G |``; a part plays them to the note.
    role
        Overrules the instrument's usual role.
    seed
        0 or more; None draws one (it is in the result, so the loop can be repeated).
    controls
        Any other field of :class:`~helpers.records.Request`.

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
    match = find_instrument(instrument)
    if match.note:
        notes.append(match.note)
    role = role or match.instrument.role
    if role not in ROLES:
        raise InvalidInput(f"{role!r} is not a role; use one of {', '.join(ROLES)}.")
    if match.instrument.is_drums != (role == "drums"):
        raise InvalidInput(f"{match.instrument.name} cannot play the role {role}; drums play drums and only they do.")
    tempo = analysis.tempo if analysis else None
    time = parse_meter(meter) if meter else (tempo.meter if tempo else parse_meter("4/4"))
    if bpm is not None:
        bpm = check_bpm(bpm)
    elif tempo is None or tempo.bpm is None:
        raise InvalidInput("No steady tempo could be heard in the idea; give the BPM yourself, such as 92.")
    else:
        bpm = tempo.bpm
        if tempo.confidence < DOUBTFUL:
            others = ", ".join(f"{a.bpm:.4g}" for a in tempo.alternatives[:3])
            notes.append(f"The tempo {bpm:.4g} BPM is uncertain; check it (other readings: {others or 'none'}).")
    chosen, progression = _plan_harmony(analysis, role, key, chords, bpm, time.name, check_bars(bars), notes)
    known = {field.name for field in dataclasses.fields(Request)}
    if strange := sorted(set(controls) - known):
        raise InvalidInput(f"There is no control called {strange[0]!r}.")
    if controls.get("swing") is None and tempo is not None and tempo.swing is not None:
        controls["swing"] = min(max(tempo.swing, STRAIGHT), MOST_SWING)
    request = Request(
        instrument=match.instrument.name,
        role=role,
        bpm=bpm,
        bars=check_bars(bars),
        meter=time.name,
        key=chosen,
        progression=progression,
        chords_heard=chords is None and bool(progression),
        engine=engine,
        genre=genre or (analysis.genres[0].label if analysis and analysis.genres else None),
        mood=mood or (analysis.moods[0].label if analysis and analysis.moods else None),
        takes=takes,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        **controls,
    )
    check_request(request)
    return request, tuple(notes)


def _plan_harmony(
    analysis: Analysis | None,
    role: str,
    key: str | Key | None,
    chords: str | tuple[tuple[str, ...], ...] | None,
    bpm: float,
    meter: str,
    bars: int,
    notes: list[str],
) -> tuple[Key | None, tuple[tuple[str, ...], ...]]:
    """The key and the chords a part is made in; drums need neither but keep the chords' changes for their accents."""
    heard = analysis.key if analysis else None
    if chords is not None:
        progression = parse_progression(chords) if isinstance(chords, str) else tuple(chords)
    else:
        progression = bars_of_chords(analysis, bpm, parse_meter(meter), bars) if analysis else ()
    if role == "drums":
        return None, progression
    if key is not None:
        chosen = parse_key(key)
        if chords is None and progression and (heard is None or chosen != heard.key):
            progression, note = fit_to_key(progression, chosen, heard.key if heard else None)
            notes.extend([note] if note else [])
    elif heard is not None:
        chosen = heard.key
        if heard.confidence < DOUBTFUL:
            others = ", ".join(a.name for a in heard.alternatives[:2])
            notes.append(f"The key {chosen.name} is uncertain; check it (next: {others or 'none'}).")
    else:
        chosen = NO_KEY
        notes.append(
            f"No key could be heard in the idea, so the part is in {chosen.name}; give another, such as E minor."
        )
    return chosen, progression


def check_request(request: Request) -> None:
    """Raise InvalidInput for the first control that is out of range."""
    if not isinstance(request.takes, int) or not 1 <= request.takes <= 16:
        raise InvalidInput(f"{request.takes!r} takes cannot be made; ask for 1 to 16.")
    if not isinstance(request.seed, int) or not 0 <= request.seed < 2**63:
        raise InvalidInput(f"{request.seed!r} is not a seed; give a whole number from 0 up.")
    for name in ("complexity", "density", "syncopation", "answer", "humanize", "guide_strength"):
        value = getattr(request, name)
        if value is not None and not (isinstance(value, int | float) and 0 <= value <= 1):
            raise InvalidInput(f"{name} is {value!r}; give a number from 0 to 1.")
    if request.register not in range(-3, 4):
        raise InvalidInput(f"register is {request.register!r}; give whole octaves from -3 to 3.")
    if request.swing is not None and not STRAIGHT <= request.swing <= MOST_SWING:
        raise InvalidInput(f"swing is {request.swing!r}; give 0.5 (straight) to 0.75, 0.667 is triplets.")
    if not 8_000 <= request.sample_rate <= 192_000:
        raise InvalidInput(f"A loop at {request.sample_rate} Hz cannot be written; give 8000 to 192000.")


def change_request(request: Request, *, instrument: str | None = None, **given: Any) -> tuple[Request, tuple[str, ...]]:
    """A request with some values changed, checked as in :func:`plan_request`; also the notes to be shown."""
    notes: list[str] = []
    if instrument is not None:
        match = find_instrument(instrument)
        notes += [match.note] if match.note else []
        given |= {"instrument": match.instrument.name, "role": match.instrument.role}
        if match.instrument.is_drums:
            given["key"] = None
    if (chords := given.pop("chords", None)) is not None:
        given |= {"progression": parse_progression(chords), "chords_heard": False}
    if given.get("key") is not None:
        given["key"] = parse_key(given["key"])
    if "bpm" in given:
        given["bpm"] = check_bpm(given["bpm"])
    if "bars" in given:
        given["bars"] = check_bars(given["bars"])
    if "meter" in given:
        given["meter"] = parse_meter(given["meter"]).name
    changed = dataclasses.replace(request, **given)
    if changed.role != "drums" and changed.key is None:
        changed = dataclasses.replace(changed, key=NO_KEY)
        notes.append(f"The request had no key, so the part is in {NO_KEY.name}; give another, such as E minor.")
    check_request(changed)
    return changed, tuple(notes)


def plan_measure(
    analysis: Analysis | None,
    *,
    bpm: float,
    bars: int,
    key: str | Key | None = None,
    meter: str | None = None,
    chords: str | None = None,
    instrument: str | None = None,
) -> tuple[Request, tuple[str, ...]]:
    """What a given piece of audio is to be measured against; an unnamed instrument stays unknown (role ``""``).

    The key and chords come from the idea's ``analysis`` unless they are given; without either they stay unknown.
    """
    if instrument is not None:
        return plan_request(
            analysis, instrument=instrument, bars=bars, bpm=bpm, key=key, meter=meter, chords=chords, takes=1, seed=0
        )
    notes: list[str] = []
    time = parse_meter(meter) if meter else (analysis.tempo.meter if analysis else parse_meter("4/4"))
    bars, bpm = check_bars(bars), check_bpm(bpm)
    chosen: Key | None = None
    progression: tuple[tuple[str, ...], ...] = ()
    if key is not None or chords is not None or (analysis and analysis.key):
        chosen, progression = _plan_harmony(analysis, "", key, chords, bpm, time.name, bars, notes)
        if key is None and not (analysis and analysis.key):  # chords alone say no key
            chosen, notes = None, []
    request = Request("", "", bpm, bars, time.name, chosen, progression, takes=1)
    return request, tuple(notes)
