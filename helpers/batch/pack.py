"""Finished loops as a sample pack: named by a convention, WAVs with cue points, one-shots, manifest, cover sheet."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import shutil
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InvalidInput, shown_text
from ..export import StoredLoop, bpm_text, daw_chunks, key_slug, read_loop
from ..machine.files import link_new, on_disk, plain_name, sha256_of, shown_name, staging
from ..music.pitch import midi_name
from ..records import Clip, Note, Request
from ..sketch.kits import NOTES as DRUMS
from ..sound.audio import read_back, wav_bytes, with_chunks
from .jobs import audio_files

NAMINGS = ("ours", "splice")
LONGEST_NAME = 120  # of a loop, so that pack, folder and ending stay within what file systems take
FADE_SECONDS = 0.005
REST_SECONDS = 0.03  # a one-shot starts after this much rest, so nothing of another note rings in it
LEAST_ONE_SHOT_SECONDS = 0.08
MOST_ONE_SHOTS = 24  # of one loop


@dataclass(frozen=True)
class Pack:
    """A pack that was written: where it lies, how many loops it holds, how many had failed their card, and how many
    other WAVs lay there without a JSON of ours that can be read."""

    path: Path
    loops: int
    left_out: int
    others: int


def find_loops(folder: str | os.PathLike[str]) -> list[StoredLoop]:
    """The finished loops below a folder, by name, failed ones too; raises InvalidInput if there is no folder."""
    folder, found = Path(folder), []
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder “{shown_name(folder)}”; give the one where the loops lie.")
    for path in sorted(folder.rglob("*.json")):
        if path.with_suffix(".wav").is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts):
            with suppress(InvalidInput):  # a manifest, or no file of ours
                found.append(read_loop(path))
    return found


def pack_names(
    loops: Sequence[StoredLoop], naming: str = "ours", label: str = "LOOPS", pack: str = "PACK"
) -> list[str]:
    """A free file stem for each loop, by the convention.

    ``ours`` is the name it was made under; ``splice`` is ``LABEL_PACK_BPM_instrument_name_Key``, as Splice's guide for
    creators asks.
    """
    if naming not in NAMINGS:
        raise InvalidInput(f"There is no naming {naming!r}; use {' or '.join(NAMINGS)}.")
    stems = []
    for loop in loops:
        request = loop.request
        if naming == "ours":
            stem = re.sub(r"[^A-Za-z0-9._-]+", "-", loop.wav.stem)
        else:
            words = [
                plain_name(label, "").upper() or "LOOPS",
                plain_name(pack, "").upper() or "PACK",
                bpm_text(request.bpm).replace(".", "p"),
                plain_name(request.instrument, "_") or "loop",
                plain_name(Path(loop.idea).stem.lower()) or "idea",
            ]
            stem = "_".join(words + ([key_slug(request.key).replace("sharp", "#")] if request.key else []))
        stems.append(stem[:LONGEST_NAME])
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


def cue_chunk(positions: Sequence[int]) -> tuple[bytes, bytes]:
    """A ``cue `` chunk with a point at each sample position (Multimedia Programming Interface 1.0)."""
    points = [struct.pack("<II4sIII", n, at, b"data", 0, 0, at) for n, at in enumerate(positions, 1)]
    return b"cue ", struct.pack("<I", len(points)) + b"".join(points)


def onset_samples(notes: Sequence[Note], request: Request, length: int) -> list[int]:
    """Where notes start, in samples of the loop, each place once."""
    quarter = request.seconds / request.quarters * request.sample_rate
    return sorted({at for note in notes if 0 <= (at := round(note.start * quarter)) < length})


def one_shots(clip: Clip, notes: Sequence[Note], request: Request) -> Iterator[tuple[str, bytes]]:
    """Single hits cut from a loop, as names and WAVs: notes that begin after a rest, to the next onset; each pitch
    once, the loudest."""
    quarter = request.seconds / request.quarters * clip.sample_rate
    best: dict[tuple[int, ...], tuple[int, int, int]] = {}
    starts = onset_samples(notes, request, clip.length)
    for start, end in itertools.pairwise([*starts, clip.length]):
        here = [n for n in notes if round(n.start * quarter) == start]
        rings = [n for n in notes if round(n.start * quarter) < start]
        if any(round((n.start + n.length) * quarter) > start - REST_SECONDS * clip.sample_rate for n in rings):
            continue
        if end - start < LEAST_ONE_SHOT_SECONDS * clip.sample_rate:
            continue
        pitches, loud = tuple(sorted({n.pitch for n in here})), max(n.velocity for n in here)
        if pitches not in best or loud > best[pitches][0]:
            best[pitches] = (loud, start, end)
    drums = {pitch: name for name, pitch in DRUMS.items()} if request.role == "drums" else {}
    fade = round(FADE_SECONDS * clip.sample_rate)
    for pitches, (_, start, end) in sorted(best.items())[:MOST_ONE_SHOTS]:
        samples = clip.samples[:, start:end].copy()
        samples[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        chunks = daw_chunks(request, end - start, clip.sample_rate, note=pitches[0])
        name = "-".join(drums.get(p, midi_name(p)).replace(" ", "-").replace("#", "sharp") for p in pitches[:4])
        yield name, wav_bytes(Clip(samples, clip.sample_rate), extra=chunks)


def write_pack(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    naming: str = "ours",
    label: str = "LOOPS",
    name: str | None = None,
    with_failed: bool = False,
    with_one_shots: bool = False,
    ideas: Sequence[str | os.PathLike[str]] = (),
) -> Pack:
    """Collect the loops below ``folder`` into the new folder ``out``, or ZIP file where its name ends so.

    The pack holds ``loops/`` (WAV with ``acid``, ``smpl`` and cue points), ``midi/``, ``one-shots/`` on request, a
    DAWproject for every idea and tempo (with the idea's own sound where ``ideas``, files or folders of them, hold it),
    ``manifest.csv``, ``manifest.json`` and ``index.html``, a page that plays it all without a network. ``name`` is the
    pack's, by itself that of the folder. Raises InvalidInput if no loop is found, ``out`` exists, an idea is that of no
    loop, or the pack cannot be written.
    """
    from .dawproject import write_projects
    from .sheet import cover_sheet

    out, name = Path(out), shown_text(name or Path(folder).resolve().name)
    if out.exists():
        raise InvalidInput(f"“{shown_name(out)}” exists already and nothing is overwritten; choose another --out.")
    found = find_loops(folder)
    loops = [loop for loop in found if with_failed or loop.fit.verdict != "failed"]
    if not loops:
        more = f" ({len(found)} failed their fit card; add --with-failed to take them)" if found else ""
        raise InvalidInput(f"No finished loop lies in “{shown_name(folder)}”{more}; make some first.")
    names = pack_names(loops, naming, label, name)
    sounds = _sounds(ideas, {loop.idea_sha256 for loop in loops})
    rows, shots = [manifest_row(loop, stem) for loop, stem in zip(loops, names, strict=True)], []
    refusal = f"The pack cannot be written to “{out.parent}”", "free disk space or choose another --out"
    with on_disk(*refusal), staging(out.parent) as hidden:
        root = hidden / "pack"
        for loop, stem, row in zip(loops, names, rows, strict=True):
            clip, notes = read_back(loop.wav), loop.notes()
            if loop.fit.samples not in (None, clip.length):
                raise InvalidInput(
                    f"“{shown_name(loop.wav)}” is not what its fit card was measured on ({clip.length} samples, "
                    f"not {loop.fit.samples}); make it again or take it away."
                )
            cues = [cue_chunk(at)] if (at := onset_samples(notes, loop.request, clip.length)) else []
            _put(root / row["file"], with_chunks(loop.wav.read_bytes(), *cues))
            if loop.midi:
                _put(root / row["midi"], loop.midi.read_bytes())
            for hit, wav in one_shots(clip, notes, loop.request) if with_one_shots else ():
                shots.append(row | dict(file=f"one-shots/{stem}_{hit}.wav", kind="one-shot", midi="", bars=""))
                _put(root / shots[-1]["file"], wav)
        write_projects(root, loops, names, sounds)
        _put(root / "manifest.json", (json.dumps(rows + shots, indent=2, ensure_ascii=False) + "\n").encode())
        _put(root / "manifest.csv", _csv(rows + shots))
        _put(root / "index.html", cover_sheet(name, loops, names, rows))
        if out.suffix.lower() == ".zip":
            link_new(shutil.make_archive(str(root), "zip", root), out)
        else:
            root.rename(out)
    wavs = [path for path in Path(folder).rglob("[!.]*.wav") if not path.parent.name.startswith(".")]
    return Pack(out, len(loops), len(found) - len(loops), len(wavs) - len(found))


def _sounds(ideas: Sequence[str | os.PathLike[str]], wanted: set[str]) -> dict[str, Path]:
    """The ideas' files by their SHA-256; a file that was named must be the idea of a loop."""
    found: dict[str, Path] = {}
    for named in map(Path, ideas):
        for path in audio_files(named) if named.is_dir() else [named]:
            refusal = f"The idea “{shown_name(path)}” cannot be read", "check its name and its rights"
            with on_disk(*refusal):
                sha256 = sha256_of(path)
            if sha256 in wanted:
                found[sha256] = path
            elif path == named:
                raise InvalidInput(
                    f"“{shown_name(path)}” is the idea of no loop here; give the file they were made for."
                )
    return found


def manifest_row(loop: StoredLoop, stem: str) -> dict[str, Any]:
    """What a buyer or a script asks of one file."""
    request, take = loop.request, loop.document.get("take") or {}
    return {
        "file": f"loops/{stem}.wav",
        "kind": "loop",
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
        "verdict": loop.fit.verdict,
        "score": loop.document.get("score"),
        "loudness_lufs": loop.fit.loudness_lufs,
        "true_peak_dbtp": loop.fit.true_peak_dbtp,
    }


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    # A cell that starts with = + - or @ is a formula to a spreadsheet; an idea's name comes from outside.
    writer.writerows(
        {k: f"'{v}" if isinstance(v, str) and v[:1] in tuple("=+-@") else v for k, v in row.items()} for row in rows
    )
    return text.getvalue().encode("utf-8-sig")  # the mark without which spreadsheets misread accents


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def pack_text(pack: Pack) -> str:
    """What was packed, in a sentence or two."""
    left = f" {pack.left_out} failed their fit card and stayed out (--with-failed takes them)." * bool(pack.left_out)
    if pack.others:
        left += (
            f" {pack.others} other WAV{'s' * (pack.others != 1)}, without a JSON of ours that can be read, stayed out."
        )
    page = "" if pack.path.is_file() else " Open its index.html to listen."
    return f"The pack lies in {pack.path}, with {pack.loops} loop{'s' * (pack.loops != 1)}.{page}{left}"
