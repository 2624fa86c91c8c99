"""Finished loops on disk: names, the DAW's own chunks, the JSON sidecar. Whole or not at all; nothing is overwritten.

A loop is first *staged* (its final bytes in a hidden folder beside its destination), measured there, and then
*published* under its name: the file that was measured is the file the musician gets.
"""

from __future__ import annotations

import io
import json
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import __version__
from .errors import InvalidInput
from .machine.files import link_new, on_disk, plain_name, read_json, write_whole
from .music.meter import METERS
from .music.pitch import Key, write_progression
from .records import MEMBERS, FitCard, Loop, Note, Request, Written
from .sound.audio import wav_bytes, wav_chunk

SIDECAR_FORMAT = "loops-generator/1"


def loop_stem(request: Request, number: int, verdict: str = "pass", idea: str = "") -> str:
    """File name without extension: ``bass-guitar_92bpm_Amin_4bars_take1_for-my-song``; a failed loop says ``_FAILED``,
    a member of a family its own name. ``idea`` is the idea's file name.

    Pure. Only letters, digits, ``-``, ``_`` and ``.`` can come out, whatever the request holds.
    """
    parts = [plain_name(request.instrument.lower()) or "loop", f"{bpm_text(request.bpm)}bpm"]
    if request.key is not None:
        parts.append(key_slug(request.key))
    member = request.member(number)
    named = f"{member}{number // len(MEMBERS) + 1 if number >= len(MEMBERS) else ''}" if member else f"take{number + 1}"
    parts += [f"{request.bars}bar{'s' if request.bars > 1 else ''}", named]
    if idea_words := plain_name(Path(idea).stem.lower(), most=32):
        parts.append(f"for-{idea_words}")
    if verdict == "failed":
        parts.append("FAILED")
    return "_".join(parts)


def bpm_text(bpm: float) -> str:
    """``92``, ``92.5``: at most two decimals."""
    return f"{bpm:.2f}".rstrip("0").rstrip(".")


def key_slug(key: Key) -> str:
    """``A minor -> Amin``, ``F# major -> Fsharpmaj``: safe in file names and links."""
    return key.tonic_name.replace("#", "sharp") + ("maj" if key.plain.mode == "major" else "min")


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """The first of ``stem.suffix``, ``stem-2.suffix`` ... that does not exist."""
    number, path = 1, folder / f"{stem}{suffix}"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path


def daw_chunks(
    request: Request, samples: int, sample_rate: int, note: int | None = None
) -> tuple[tuple[bytes, bytes], ...]:
    """The ``smpl`` and ``acid`` chunk bodies of a loop or, where its ``note`` is given, of a one-shot.

    ``smpl`` (Multimedia Data Standards Update 1994): one forward loop over all samples, root note = the tonic above
    middle C; a one-shot has no loop and its own note. ``acid`` (Sonic Foundry; layout as read by libsndfile): tempo and
    beats in quarters, to be stretched unless it is a one-shot, never transposed where there is no key.
    """
    root = note if note is not None else 60 + (request.key.tonic if request.key else 0)
    loop = struct.pack("<6I", 0, 0, 0, samples - 1, 0, 0) if note is None else b""
    smpl = struct.pack("<9I", 0, 0, round(1e9 / sample_rate), root, 0, 0, 0, len(loop) // 24, 0) + loop
    numerator, denominator = (int(n) for n in request.meter.split("/"))
    tempo = request.bpm * request.time.quarters_per_beat
    quarters = max(1, round(samples / sample_rate * tempo / 60))
    flags = (0x04 if note is None else 0x01) | (0x02 if request.key else 0)  # stretched or one-shot; root note is set
    acid = struct.pack("<IHHfIHHf", flags, root, 0x8000, 0.0, quarters, denominator, numerator, tempo)
    return (b"smpl", smpl), (b"acid", acid)


def read_notes(midi: bytes) -> list[Note]:
    """All notes of a Standard MIDI File in order, start and length in quarters; raises InvalidInput."""
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(midi))
    except (OSError, EOFError, ValueError, KeyError, IndexError) as error:
        raise InvalidInput(f"The MIDI file cannot be read ({error}).") from None
    notes, scale = [], file.ticks_per_beat or 480
    for track in file.tracks:
        now, held = 0, dict[tuple[int, int], list[tuple[int, int]]]()
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                held.setdefault((message.channel, message.note), []).append((now, message.velocity))
            elif message.type in ("note_on", "note_off") and held.get((message.channel, message.note)):
                start, velocity = held[message.channel, message.note].pop(0)
                notes.append(Note(message.note, start / scale, (now - start) / scale, velocity))
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def sidecar(loop: Loop, request: Request, idea: dict[str, Any], rank: int) -> dict[str, Any]:
    """All that is needed to understand a loop and to make it again."""
    take = loop.take
    return {
        "format": SIDECAR_FORMAT,
        "version": __version__,
        "idea": idea,
        "request": request.to_json(),
        "take": {
            "number": take.number,
            "seed": take.seed,
            "engine": take.engine,
            "engine_version": take.engine_version,
            "model": take.model,
            "prompt": take.prompt,
            "negative_prompt": take.negative_prompt,
            "license": take.licence,
            "labels": list(take.labels),
            "notes": list(take.notes),
            "sound": take.sound,
        },
        "rank": rank or None,
        "score": None if loop.score is None else round(loop.score, 4),
        "why": list(loop.why),
        "fit": loop.fit.to_json() if loop.fit else None,
    }


def read_sidecar(path: str | os.PathLike[str]) -> tuple[Request, dict[str, Any]]:
    """Read a loop's JSON back into its request and the whole document; raises InvalidInput when it is not ours."""
    path = Path(path)
    with on_disk(f"“{path.name}” cannot be read", "give a loop's JSON file"):
        text = path.read_bytes()
    try:
        data = read_json(text)
    except ValueError:
        raise InvalidInput(f"“{path.name}” is not JSON; give the JSON file that lies beside a loop.") from None
    is_ours = isinstance(data, dict) and data.get("format") == SIDECAR_FORMAT and isinstance(data.get("request"), dict)
    if not is_ours or not all(isinstance(data.get(name) or {}, dict) for name in ("idea", "take", "fit")):
        raise InvalidInput(
            f"“{path.name}” is not a loop's JSON ({SIDECAR_FORMAT}); give the file that lies beside a loop."
        )
    return Request.from_json(data["request"]), data


@dataclass(frozen=True, eq=False)
class StoredLoop:
    """A finished loop as it lies on disk: its files, its request, its fit card, and the whole of its JSON."""

    wav: Path
    midi: Path | None
    request: Request
    fit: FitCard
    document: dict[str, Any]

    @property
    def idea(self) -> str:
        return str((self.document.get("idea") or {}).get("file") or "")

    @property
    def idea_sha256(self) -> str:
        return str((self.document.get("idea") or {}).get("sha256") or "")

    @property
    def span(self) -> tuple[float, float] | None:
        """The stretch of the idea's file that it was made for, in seconds; None = all of it."""
        try:
            begin, end = map(float, (self.document.get("idea") or {}).get("span") or ())
        except (TypeError, ValueError):
            return None
        return (begin, end) if 0 <= begin < end else None

    def notes(self) -> list[Note]:
        """The score's notes, in quarters; empty where there is none that can be read."""
        try:
            return read_notes(self.midi.read_bytes()) if self.midi else []
        except (OSError, InvalidInput):
            return []


def read_loop(path: Path) -> StoredLoop:
    """The loop whose JSON lies at ``path``; raises InvalidInput when it is not ours."""
    request, document = read_sidecar(path)
    try:
        fit = FitCard.from_json(document.get("fit") or {})
    except (TypeError, ValueError, AttributeError, KeyError):
        raise InvalidInput(f"“{path.name}” holds no fit card that can be read; make the loop again.") from None
    midi = path.with_suffix(".mid")
    return StoredLoop(path.with_suffix(".wav"), midi if midi.is_file() else None, request, fit, document)


def request_beside(path: str | os.PathLike[str]) -> Request | None:
    """The request in the JSON beside a loop; None where there is none or another program wrote it."""
    beside = Path(path).with_suffix(".json")
    if beside.is_file():
        with suppress(InvalidInput):
            return read_sidecar(beside)[0]
    return None


def read_tags(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a loop says of itself: ``bpm, bars, meter`` and, from its JSON, ``key, chords, instrument``; else empty.

    The JSON beside the file wins; else the ``acid`` chunk of a WAV.
    """
    path = Path(path)
    if path.is_dir():  # also "" and "/", which have no name; reading the audio says what is wrong
        return {}
    if request := request_beside(path):
        tags = {"bpm": request.bpm, "bars": request.bars, "meter": request.meter, "instrument": request.instrument}
        tags["key"] = request.key.name if request.key else None
        tags["chords"] = write_progression(request.progression) if request.progression else None
        return {name: value for name, value in tags.items() if value}
    body = wav_chunk(path, b"acid")
    if body is None or len(body) < 24:
        return {}
    _, _, _, _, quarters, denominator, numerator, tempo = struct.unpack("<IHHfIHHf", body[:24])
    meter = METERS.get(f"{numerator}/{denominator}")
    if meter is None or not tempo > 0:
        return {}
    bars = quarters / (meter.beats_per_bar * meter.quarters_per_beat)
    return {"bpm": tempo / meter.quarters_per_beat, "bars": round(bars), "meter": meter.name} if bars >= 1 else {}


_CANNOT_WRITE = "The loop cannot be written", "free disk space or choose another --out"


def stage_wav(loop: Loop, request: Request, folder: Path) -> Path:
    """Write the loop's final WAV into the staging folder and return its path."""
    chunks = daw_chunks(request, loop.clip.length, loop.clip.sample_rate)
    path = free_name(folder, f"take{loop.take.number}", ".wav")
    with on_disk(*_CANNOT_WRITE):
        path.write_bytes(wav_bytes(loop.clip, extra=chunks))
    return path


def _document(loop: Loop, request: Request, idea: dict[str, Any], rank: int) -> bytes:
    return (json.dumps(sidecar(loop, request, idea, rank), indent=2, ensure_ascii=False) + "\n").encode()


def write_sidecar(path: Path, loop: Loop, request: Request, idea: dict[str, Any], rank: int) -> None:
    """Write a published loop's JSON again, whole or not at all, now that its rank is known; not where it is gone."""
    if path.exists():
        write_whole(path, _document(loop, request, idea, rank), replace=True)


def publish(
    staged: Path, loop: Loop, fit: FitCard, request: Request, idea: dict[str, Any], rank: int, folder: Path
) -> Written:
    """Give a staged loop its name, with its JSON and (where there is a score) its MIDI, under one free stem."""
    parts = {".json": staged.with_suffix(".json")}
    with on_disk(*_CANNOT_WRITE):
        parts[".json"].write_bytes(_document(loop, request, idea, rank))
        if loop.take.midi is not None:
            parts[".mid"] = staged.with_suffix(".mid")
            parts[".mid"].write_bytes(loop.take.midi)
    parts[".wav"] = staged  # last: where there is a WAV, the rest is there too
    stem = loop_stem(request, loop.take.number, fit.verdict, str(idea.get("file") or ""))
    for attempt in range(1, 10_000):
        names = {suffix: folder / f"{stem}{'' if attempt == 1 else f'-{attempt}'}{suffix}" for suffix in parts}
        if any(path.exists() for path in names.values()):
            continue
        made: list[Path] = []
        try:
            with on_disk(*_CANNOT_WRITE):
                for suffix, part in parts.items():
                    link_new(part, names[suffix])
                    made.append(names[suffix])
        except BaseException as error:
            for path in made:
                path.unlink(missing_ok=True)
            if isinstance(error.__context__, FileExistsError):  # somebody took the name meanwhile
                continue
            raise
        return Written(wav=names[".wav"], json=names[".json"], midi=names.get(".mid"))
    raise InvalidInput(f"“{folder}” holds too many loops named {stem}; choose another --out.")
