"""Loops as cards: everything is read from the files on disk, so a card looks the same today and after a restart."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from ..export import StoredLoop, read_loop
from ..machine.files import read_json
from ..music.pitch import midi_name
from ..records import FitCard, Request
from ..records.request import FAMILY, MEMBERS
from ..sound.audio import read_clip
from .analysis_card import chords_by_bar
from .form import Form, read_settings
from .panel import OfferedFile
from .player import peaks
from .state import RunEntry, State

CARD_PEAKS = 420


def run_view(state: State, run: RunEntry) -> dict[str, Any]:
    """One press on Generate as the page shows it; loops whose files have gone are left out."""
    cards: list[dict[str, Any]] = []
    for rank, name in enumerate(run.loops, 1):
        try:
            cards.append(card(state.folder / name, rank, state.marks.get(name, "")))
        except InvalidInput:
            continue
    return {"title": run.title, "facts": cards[0]["facts"] if cards else "", "notes": run.notes, "loops": cards}


def card(path: Path, rank: int, mark: str = "") -> dict[str, Any]:
    """A loop's card from its JSON file and the WAV and MIDI beside it.

    Raises InvalidInput if the JSON or the WAV cannot be read.
    """
    wav = path.with_suffix(".wav")
    try:
        changed = path.stat().st_mtime_ns, wav.stat().st_mtime_ns
    except OSError:
        raise InvalidInput(f"The files of {path.stem!r} are not there any more.") from None
    return {**_facts(path, changed), "rank": rank, "mark": mark}


@functools.lru_cache(maxsize=512)
def _facts(path: Path, _changed: tuple[int, int]) -> dict[str, Any]:
    """What a card shows of the files alone; measured again only when they have changed."""
    loop = read_loop(path)
    take, fit, request = loop.document["take"], loop.fit, loop.request
    number, notes = int(take["number"]), roll(loop)
    return {
        "id": path.name,
        "title": f"{request.instrument} · {request.member(number) or f'take {number + 1}'}",
        "facts": facts(request),
        "character": character(take, notes, is_drums=request.role == "drums"),
        "verdict": fit.verdict,
        "badges": badges(fit),
        "numbers": numbers(fit),
        "reasons": list(fit.reasons),
        "why": list(loop.document.get("why") or ()),
        "engine": take["engine"],
        "model": take.get("model") or "",
        "prompt": take.get("prompt") or "",
        "seed": str(take["seed"]),
        "license": take.get("license") or "",
        "labels": list(take.get("labels") or ()),
        "peaks": peaks(read_clip(loop.wav), CARD_PEAKS),
        "grid": {"bars": request.bars, "beatsPerBar": request.time.pulses_per_bar},
        "chords": chords_by_bar(request) if request.role != "drums" else [],
        "roll": notes,
        "files": [suffix for suffix in ("wav", "mid", "json") if path.with_suffix(f".{suffix}").is_file()],
        "words": verdict_words(fit),
    }


def facts(request: Request) -> str:
    """What all takes of a request share."""
    key = request.key.name if request.key else "no key"
    return f"{request.bpm:.4g} BPM · {key} · {request.bars} bars · {request.seconds:.2f} s"


def verdict_words(fit: FitCard) -> str:
    """What there is to say beside the verdict: what is wrong, what was done, how the loop lies with the idea."""
    if fit.verdict == "failed":
        return " ".join(fit.reasons[:1]) or fit.summary
    done = f"Corrected: {', '.join(made.words for made in fit.corrections)}." if fit.verdict == "corrected" else ""
    return " ".join(part for part in (fit.summary, done) if part)


def character(take: dict[str, Any], notes: dict[str, Any] | None, *, is_drums: bool) -> str:
    """What tells this take from the others: how many notes and where, its pattern, form and feel."""
    told = dict(note.split(": ", 1) for note in take.get("notes") or () if ": " in note)
    parts = [told[name] for name in ("pattern", "form", "feel") if told.get(name) not in (None, "as written")]
    if notes:
        count = len(notes["notes"])
        span = f"{midi_name(notes['low'])} to {midi_name(notes['high'])}"
        parts.insert(0, f"{count} hits" if is_drums else f"{count} notes, {span}")
    return " · ".join(parts)


def badges(card: FitCard) -> list[dict[str, str]]:
    """What is not as it should be, a badge a question."""
    failed = [(row, text) for row, text, _ in card.rows() if row.name in card.failed and row.badge]
    return [{"label": row.badge, "text": text, "why": row.why} for row, text in failed]


def numbers(card: FitCard) -> list[list[str]]:
    """The fit card in full, as rows of name and value; what could not be measured says so."""
    rows = [
        [f.label, f"{text} (asked: {asked})" if asked not in ("", text) else text] for f, text, asked in card.rows()
    ]
    if card.bars:
        rows.append(["Notes shared, bar by bar", "  ".join(f"{value:.1f}" for value in card.bars)])
    return rows


def roll(loop: StoredLoop) -> dict[str, Any] | None:
    """A loop's notes for the piano roll: start and length in shares of it, pitch, velocity; None without notes."""
    whole = loop.request.quarters
    notes = [[round(n.start / whole, 5), round(n.length / whole, 5), n.pitch, n.velocity] for n in loop.notes()]
    if not notes:
        return None
    pitches = [note[2] for note in notes]
    return {"notes": notes, "low": min(pitches), "high": max(pitches)}


def loop_files(folder: Path, name: str) -> list[Path]:
    """The files of a loop (WAV, JSON, MIDI), by the name of its JSON; raises InvalidInput for any other name."""
    path = folder / name
    if Path(name).name != name or path.suffix != ".json" or not path.is_file():
        raise InvalidInput(f"There is no loop called {name!r} here any more.")
    return [p for p in (path.with_suffix(".wav"), path.with_suffix(".mid"), path) if p.is_file()]


def zip_loops(folder: Path, names: Iterable[str]) -> OfferedFile:
    """WAV, MIDI and JSON of the loops in one ZIP (stored: WAV hardly shrinks and DAWs unpack it faster).

    It is named after their idea, where they have one in common.
    """
    buffer, ideas = io.BytesIO(), set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            ideas.add(Path(stored(folder, name).idea).stem)
            for path in loop_files(folder, name):
                archive.write(path, path.name)
    named = f"{ideas.pop()} loops.zip" if len(ideas) == 1 else ""
    return OfferedFile(buffer.getvalue(), "application/zip", named.strip() or "loops.zip")


def stored(folder: Path, name: str) -> StoredLoop:
    """A loop by the name of its JSON; raises InvalidInput for any other name."""
    return read_loop(loop_files(folder, name)[-1])


def variation_request(loop: StoredLoop) -> Request:
    """The request for variations of a loop.

    Notes of our own composer: its family of parts (main, variation, fill, breakdown, build). Another engine, and a loop
    that is of a family already: all the same but the seed, the next of its hundred not yet used.
    """
    request = loop.request
    used = [request.take_seed(loop.document["take"]["number"])]
    if request.engine == "sketch" and not request.family:
        return request.with_(seed=used[0], takes=len(MEMBERS), family=True)
    count = len(MEMBERS) if request.family else 2
    for other in loop.wav.parent.glob("*.json"):
        try:
            seed = read_json(other.read_bytes())["take"]["seed"]
            if 0 <= seed - request.family_seed < FAMILY:
                used.append(seed)
        except (ValueError, KeyError, TypeError, OSError):
            continue
    return request.with_(seed=max(used) + 1, takes=count)


def same_again(loop: StoredLoop) -> Form:
    """The settings that make this very loop: its request's, with the take's own seed and one take."""
    form = read_settings(loop.wav.with_suffix(".json").read_text(encoding="utf-8"))
    form.seed = loop.request.take_seed(loop.document["take"]["number"])
    form.takes = len(MEMBERS) if loop.request.family else 1
    return form
