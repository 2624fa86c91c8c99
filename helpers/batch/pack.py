"""Finished loops as a sample pack: named by a convention, WAVs with cue points, one-shots, manifest, cover sheet."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..export import key_slug, read_sidecar, staging
from ..machine.files import shown_name
from ..records import Clip, Note, Request
from ..sound.audio import read_back, wav_bytes

NAMINGS = ("ours", "splice")
FADE_SECONDS = 0.005
REST_SECONDS = 0.03  # a one-shot starts after this much rest, so nothing of another note rings in it
LEAST_ONE_SHOT_SECONDS = 0.08
MOST_ONE_SHOTS = 24  # of one loop


@dataclass(frozen=True, eq=False)
class PackLoop:
    """A finished loop as it was found: its files, its request, and the whole of its JSON."""

    wav: Path
    midi: Path | None
    request: Request
    document: dict[str, Any]

    @property
    def verdict(self) -> str:
        return str((self.document.get("fit") or {}).get("verdict", "unknown"))

    @property
    def idea(self) -> str:
        return str((self.document.get("idea") or {}).get("file") or "")

    def notes(self) -> list[Note]:
        """The score's notes, in quarters; empty where there is none."""
        return read_notes(self.midi.read_bytes()) if self.midi else []


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


def find_loops(folder: str | os.PathLike[str], *, with_failed: bool = False) -> list[PackLoop]:
    """The finished loops below a folder, by name; those that failed their card only on request.

    Raises
    ------
    InvalidInput
        If there is none.
    """
    folder, found, failed = Path(folder), [], 0
    for path in sorted(folder.rglob("*.json")):
        wav = path.with_suffix(".wav")
        if not wav.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            request, document = read_sidecar(path)
        except InvalidInput:  # a manifest, or somebody else's file
            continue
        midi = path.with_suffix(".mid")
        loop = PackLoop(wav, midi if midi.is_file() else None, request, document)
        if loop.verdict == "failed" and not with_failed:
            failed += 1
        else:
            found.append(loop)
    if not found:
        more = f" ({failed} failed their fit card; add --with-failed to take them)" if failed else ""
        raise InvalidInput(f"No finished loop lies in “{shown_name(folder)}”{more}; make some first.")
    return found


def pack_names(loops: Sequence[PackLoop], naming: str = "ours", label: str = "LOOPS", pack: str = "PACK") -> list[str]:
    """A free file stem for each loop, by the convention.

    ``ours`` is the name it was made under with the idea's before it; ``splice`` is
    ``LABEL_PACK_BPM_instrument_name_Key`` as Splice's file-naming guide for creators asks.
    """
    if naming not in NAMINGS:
        raise InvalidInput(f"There is no naming {naming!r}; use {' or '.join(NAMINGS)}.")
    stems = []
    for loop in loops:
        idea, request = _word(Path(loop.idea).stem or "idea", "-"), loop.request
        if naming == "ours":
            stem = f"{idea}_{loop.wav.stem}"
        else:
            bpm = f"{request.bpm:.2f}".rstrip("0").rstrip(".").replace(".", "p")
            key = [key_slug(request.key).replace("sharp", "#")] if request.key else []
            parts = [
                _word(label, "").upper(),
                _word(pack, "").upper(),
                bpm,
                _word(request.instrument, "_"),
                idea.lower(),
            ]
            stem = "_".join([*parts, *key])
        stems.append(stem)
    return apart(stems)


def apart(stems: Sequence[str]) -> list[str]:
    """The stems with ``-2``, ``-3`` ... where one is there already, whatever its capitals."""
    names: dict[str, str] = {}
    for stem in stems:
        number, name = 1, stem
        while name.lower() in names:
            number += 1
            name = f"{stem}-{number}"
        names[name.lower()] = name
    return list(names.values())


def _word(text: str, joint: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", joint, text).strip("-_")[:60] or "X"


def cue_chunk(positions: Sequence[int]) -> tuple[bytes, bytes]:
    """A ``cue `` chunk with a point at each sample position (Multimedia Programming Interface 1.0)."""
    points = [struct.pack("<II4sIII", n, at, b"data", 0, 0, at) for n, at in enumerate(positions, 1)]
    return b"cue ", struct.pack("<I", len(points)) + b"".join(points)


def wav_with(data: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A WAV of ours with further chunks and every descriptive chunk before the samples, where all readers look.

    The samples stay as they are. Some DAWs look no further than the samples.
    """
    chunks, at = [], 12
    while at + 8 <= len(data):
        tag, size = struct.unpack_from("<4sI", data, at)
        chunks.append((tag, data[at + 8 : at + 8 + size]))
        at += 8 + size + (size & 1)
    named = {tag for tag, _ in extra}
    chunks = [chunk for chunk in chunks if chunk[0] not in named]
    order = [c for c in chunks if c[0] == b"fmt "] + [c for c in chunks if c[0] not in (b"fmt ", b"data")]
    body = b"WAVE"
    for tag, content in (*order, *extra, *(c for c in chunks if c[0] == b"data")):
        body += tag + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def onset_samples(notes: Sequence[Note], request: Request, length: int) -> list[int]:
    """Where notes start, in samples of the loop, each place once."""
    quarter = 60.0 / (request.bpm * request.time.quarters_per_beat) * request.sample_rate
    return sorted({at for note in notes if 0 <= (at := round(note.start * quarter)) < length})


def one_shots(clip: Clip, notes: Sequence[Note], request: Request) -> Iterator[tuple[str, Clip]]:
    """Single hits cut from a loop: notes that begin after a rest, to the next onset; each pitch once, the loudest."""
    quarter = 60.0 / (request.bpm * request.time.quarters_per_beat) * clip.sample_rate
    best: dict[tuple[int, ...], tuple[int, int, int]] = {}
    starts = onset_samples(notes, request, clip.length)
    for index, start in enumerate(starts):
        here = [n for n in notes if round(n.start * quarter) == start]
        rings = [n for n in notes if round(n.start * quarter) < start]
        if any(round((n.start + n.length) * quarter) > start - REST_SECONDS * clip.sample_rate for n in rings):
            continue
        end = starts[index + 1] if index + 1 < len(starts) else clip.length
        if end - start < LEAST_ONE_SHOT_SECONDS * clip.sample_rate:
            continue
        pitches, loud = tuple(sorted({n.pitch for n in here})), max(n.velocity for n in here)
        if pitches not in best or loud > best[pitches][0]:
            best[pitches] = (loud, start, end)
    fade = round(FADE_SECONDS * clip.sample_rate)
    for pitches, (_, start, end) in sorted(best.items())[:MOST_ONE_SHOTS]:
        samples = clip.samples[:, start:end].copy()
        samples[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        yield "-".join(map(str, pitches[:4])), Clip(samples, clip.sample_rate)


def write_pack(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    naming: str = "ours",
    label: str = "LOOPS",
    name: str = "PACK",
    with_failed: bool = False,
    with_one_shots: bool = False,
    ideas: Sequence[str | os.PathLike[str]] = (),
) -> Path:
    """Collect the loops below ``folder`` into the new folder ``out``, or ZIP file where its name ends so.

    The pack holds ``loops/`` (WAV with ``acid``, ``smpl`` and cue points), ``midi/``, ``one-shots/`` on request, a
    DAWproject for every idea and tempo (with the idea's own sound where ``ideas`` names its file), ``manifest.csv``,
    ``manifest.json`` and ``index.html``, a page that plays it all without a network.

    Raises
    ------
    InvalidInput
        If no loop is found, ``out`` exists, or it cannot be written.
    """
    from .dawproject import projects
    from .sheet import cover_sheet

    out = Path(out)
    if out.exists():
        raise InvalidInput(f"“{shown_name(out)}” exists already and nothing is overwritten; choose another --out.")
    loops = find_loops(folder, with_failed=with_failed)
    names = pack_names(loops, naming, label, name)
    rows = [manifest_row(loop, stem) for loop, stem in zip(loops, names, strict=True)]
    with staging(out.parent) as hidden:
        root = hidden / "pack"
        for loop, stem in zip(loops, names, strict=True):
            clip, notes = read_back(loop.wav), loop.notes()
            cues = onset_samples(notes, loop.request, clip.length)
            _put(root / "loops" / f"{stem}.wav", wav_with(loop.wav.read_bytes(), *([cue_chunk(cues)] if cues else [])))
            if loop.midi:
                _put(root / "midi" / f"{stem}.mid", loop.midi.read_bytes())
            for hit, shot in one_shots(clip, notes, loop.request) if with_one_shots else ():
                _put(root / "one-shots" / f"{stem}_{hit}.wav", wav_bytes(shot))
        written = list(projects(loops, names, ideas))
        for stem, (_, data) in zip(apart([stem for stem, _ in written]), written, strict=True):
            _put(root / f"{stem}.dawproject", data)
        _put(root / "manifest.json", (json.dumps(rows, indent=2, ensure_ascii=False) + "\n").encode())
        _put(root / "manifest.csv", _csv(rows))
        _put(root / "index.html", cover_sheet(name, loops, names, rows))
        try:
            if out.suffix.lower() == ".zip":
                _zip(root, hidden / "pack.zip").rename(out)
            else:
                root.rename(out)
        except OSError as error:
            raise InvalidInput(
                f"The pack cannot be written to “{out.parent}” ({error.strerror or error}); choose another --out."
            ) from None
    return out


def manifest_row(loop: PackLoop, stem: str) -> dict[str, Any]:
    """What a buyer or a script asks of one file."""
    request, take, fit = loop.request, loop.document.get("take") or {}, loop.document.get("fit") or {}
    return {
        "file": f"loops/{stem}.wav",
        "midi": f"midi/{stem}.mid" if loop.midi else "",
        "instrument": request.instrument,
        "bpm": request.bpm,
        "bars": request.bars,
        "meter": request.meter,
        "key": request.key.name if request.key else "",
        "genre": request.genre or "",
        "idea": loop.idea,
        "engine": take.get("engine", ""),
        "model": take.get("model") or "",
        "license": take.get("license", ""),
        "seed": take.get("seed", ""),
        "verdict": loop.verdict,
        "score": loop.document.get("score"),
        "loudness_lufs": fit.get("loudness_lufs"),
        "true_peak_dbtp": fit.get("true_peak_dbtp"),
    }


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    # A cell that starts with = + - or @ is a formula to a spreadsheet; an idea's name is somebody else's words.
    safe = [
        {k: f"'{v}" if isinstance(v, str) and v[:1] in tuple("=+-@") else v for k, v in row.items()} for row in rows
    ]
    writer.writerows(safe)
    return text.getvalue().encode()


def _put(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"The pack cannot be written ({error.strerror or error}); free disk space.") from None


def _zip(root: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(root))
    return target
