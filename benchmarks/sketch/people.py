"""Music that people wrote, cut into windows of four bars: what our parts are measured against.

Read from folders that the user fetched (nothing of them is kept here):

- LMMS: a checkout of the LMMS repository (its demo songs, ``data/projects``); notes drawn in an editor, on the grid.
- POP909: Wang et al., 2020 (music-x-lab/POP909-Dataset): melodies and piano accompaniments, played, with beats.
- Groove MIDI: Gillick et al., 2019, CC BY 4.0: drummers on an electronic kit, to a click.

A note is ``(pitch, step, length, velocity)``: steps are sixteenths from the window's start, not rounded.
"""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BARS, STEPS = 4, 16
LEAST_NOTES, LEAST_BARS = 6, 3
PER_TRACK = 3  # windows of one track: songs repeat themselves, so must not count for more
LMMS_TICKS = 12  # a sixteenth
Row = tuple[int, float, float, int]


@dataclass(frozen=True)
class Window:
    """Four bars of one part by one author; ``source`` names the song, so that folds keep songs together."""

    corpus: str
    role: str
    source: str
    step_ms: float
    notes: tuple[Row, ...]


def windows_of(corpus: str, role: str, source: str, step_ms: float, notes: list[Row], rng: random.Random):
    """Up to PER_TRACK windows of four bars with notes in most of their bars, no two the same."""
    size = BARS * STEPS
    found: dict[tuple, Window] = {}
    for start in range(0, int(max((n[1] for n in notes), default=0)) + 1, size):
        inside = [(p, s - start, n, v) for p, s, n, v in notes if start - 0.5 <= s < start + size - 0.5]
        if len(inside) >= LEAST_NOTES and len({int((s + 0.5) // STEPS) for _, s, _, _ in inside}) >= LEAST_BARS:
            rows = tuple(sorted(inside, key=lambda r: (r[1], r[0])))
            found.setdefault(tuple((r[0], round(r[1])) for r in rows), Window(corpus, role, source, step_ms, rows))
    out = list(found.values())
    rng.shuffle(out)
    return out[:PER_TRACK]


def polyphony(notes: list[Row]) -> float:
    """Mean number of notes that begin together."""
    return len(notes) / max(1, len({round(n[1]) for n in notes}))


# ----------------------------------------------------------------------------------------------------------------- LMMS


def _clips(track: ET.Element) -> list[ET.Element]:
    return [c for c in track if c.tag in ("pattern", "midiclip")]


def _notes(clip: ET.Element, base: int, at: float, end: float | None = None) -> Iterator[Row]:
    for n in clip.iter("note"):
        step = at + float(n.get("pos")) / LMMS_TICKS
        if end is None or step < end:
            length = max(float(n.get("len")) / LMMS_TICKS, 0.5)
            yield int(n.get("key")) - base + 69, step, length, round(1.27 * float(n.get("vol", 100)))


def _lmms_tracks(root: ET.Element) -> Iterator[tuple[str, list[Row]]]:
    """Every instrument of a song with all its notes: its own clips and those of the beat editor."""
    song = root.find("song/trackcontainer")
    editors = [t for t in song if t.tag == "track" and t.get("type") == "1"]
    inner = next((e.find(".//trackcontainer") for e in editors if e.find(".//trackcontainer") is not None), None)
    for track in [*song, *(inner if inner is not None else ())]:
        holder = track.find("instrumenttrack")
        if track.get("type") != "0" or holder is None:
            continue
        base = int(holder.get("basenote", 57))
        rows: list[Row] = []
        if inner is None or track not in list(inner):
            for clip in _clips(track):
                rows += _notes(clip, base, float(clip.get("pos")) / LMMS_TICKS)
        else:
            for clip, editor in zip(_clips(track), editors, strict=False):
                size = STEPS * max(1, -(-max((float(n.get("pos")) for n in clip.iter("note")), default=0) // 192))
                for place in editor.iter():
                    if place.tag in ("bbtco", "patternclip"):
                        at, length = (float(place.get(k)) / LMMS_TICKS for k in ("pos", "len"))
                        for lap in range(int(length // size) + 1):
                            rows += _notes(clip, base, at + lap * size, at + length)
        if rows:
            names = " ".join([track.get("name", ""), *(i.get("name", "") for i in track.iter("instrument"))])
            yield names.lower(), sorted(rows, key=lambda r: (r[1], r[0]))


def _lmms_role(name: str, notes: list[Row]) -> str | None:
    """What a track does, from its name and its notes; None for drums and for what cannot be told."""
    if re.search(r"kick|snare|hat|drum|cym|crash|clap|tom|ride|perc|bd|sd|shaker|tr606|tr909|sfx|noise|fx|break", name):
        return None
    if len({n[0] for n in notes}) < 2:
        return None
    if polyphony(notes) > 1.6:
        return "chords"
    if polyphony(notes) > 1.15:
        return None
    pitch = float(np.median([n[0] for n in notes]))
    if "bass" in name or pitch < 50:
        return "bass"
    bars = len({int(n[1] // STEPS) for n in notes})
    even = np.diff(sorted({round(n[1]) for n in notes}))
    steady = float(np.mean(even == np.median(even))) if len(even) else 0.0
    moves = float(np.mean(np.diff([n[0] for n in notes]) != 0))
    if re.search(r"arp|pluck|seq", name) or (len(notes) / bars >= 7 and steady > 0.7 and moves > 0.6):
        return "arpeggio"
    return "lead" if pitch >= 55 else None


def read_lmms(folder: Path) -> list[Window]:
    rng, out = random.Random(0), []
    for path in sorted([*folder.rglob("*.mmpz"), *folder.rglob("*.mmp")]):
        data = path.read_bytes()
        try:
            root = ET.fromstring(zlib.decompress(data[4:]) if path.suffix == ".mmpz" else data)
            head = root.find("head").attrib
            if (head.get("timesig_numerator"), head.get("timesig_denominator")) != ("4", "4"):
                continue
            step_ms = 15_000 / float(head["bpm"])
        except (ET.ParseError, zlib.error, ValueError, AttributeError, KeyError):
            continue
        for name, notes in _lmms_tracks(root):
            role = _lmms_role(name, notes)
            if role:
                out += windows_of("LMMS", role, path.stem, step_ms, notes, rng)
    return out


# --------------------------------------------------------------------------------------------------------------- POP909


def read_pop909(folder: Path, most: int = 150) -> list[Window]:
    """Sung melodies and second melodies as leads, the piano as chords; only songs in fours."""
    import pretty_midi

    rng, out = random.Random(0), []
    songs = sorted(p for p in folder.rglob("*.mid") if re.fullmatch(r"\d+", p.stem))
    for path in songs[:: max(1, len(songs) // most)]:
        beats = np.loadtxt(path.parent / "beat_midi.txt")
        down = np.flatnonzero(beats[:, 2] == 1)
        if len(down) < 8 or (np.diff(down) != 4).any():
            continue
        times = beats[down[0] :, 0]
        for instrument in pretty_midi.PrettyMIDI(str(path)).instruments:
            role = {"MELODY": "lead", "BRIDGE": "lead", "PIANO": "chords"}.get(instrument.name)
            if role is None:
                continue
            notes = []
            for n in instrument.notes:
                start, end = np.interp([n.start, n.end], times, 4.0 * np.arange(len(times)))
                if times[0] - 0.1 <= n.start < times[-1]:
                    notes.append((n.pitch, float(start), float(max(end - start, 0.25)), n.velocity))
            step_ms = 250 * float(np.median(np.diff(times)))
            out += windows_of("POP909", role, path.stem, step_ms, notes, rng)
    return out


# ------------------------------------------------------------------------------------------------- Groove MIDI


def groove_files(folder: Path) -> Iterator[tuple[Path, str, float]]:
    """Beats in 4/4: the file, its style (``rock``, ``jazz`` ...) and its tempo, from the data set's file names."""
    for path in sorted(folder.rglob("*.mid")):
        match = re.fullmatch(r"\d+_([a-z0-9-]+)_(\d+)_beat_4-4", path.stem)
        if match:
            yield path, match.group(1), float(match.group(2))


def read_drum_file(path: Path) -> list[Row]:
    """Notes of a Groove MIDI file in sixteenths of its click."""
    import mido

    file = mido.MidiFile(path)
    notes, now = [], 0
    for message in mido.merge_tracks(file.tracks):
        now += message.time
        if message.type == "note_on" and message.velocity:
            notes.append((message.note, 4 * now / file.ticks_per_beat, 0.9, message.velocity))
    return notes


def read_groove(folder: Path) -> list[Window]:
    """The files with an odd number: from the even ones our own feel was learnt (``training/learn_feel.py``)."""
    rng, out = random.Random(0), []
    for path, style, bpm in groove_files(folder):
        if int(path.stem.split("_")[0]) % 2 == 0:
            continue
        out += windows_of(
            "GMD " + style.split("-")[0], "drums", path.parent.name, 15_000 / bpm, read_drum_file(path), rng
        )
    return out


def read_people(folder: Path) -> dict[str, list[Window]]:
    """All windows by role from a folder that holds ``lmms``, ``pop909`` and ``gmd``; leads and chords half and half."""
    by_role: dict[str, list[Window]] = defaultdict(list)
    rng = random.Random(1)
    lmms, pop = read_lmms(folder / "lmms"), read_pop909(folder / "pop909")
    for role in ("bass", "lead", "chords", "arpeggio"):
        drawn = [w for w in lmms if w.role == role]
        played = [w for w in pop if w.role == role]
        by_role[role] = drawn + rng.sample(played, min(len(drawn), len(played)))
    by_role["drums"] = read_groove(folder / "gmd")
    return by_role
