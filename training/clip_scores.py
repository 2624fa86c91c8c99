"""Excerpts of written scores (MusicXML, kern; read by music21): four or eight bars, every part on one sound."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from helpers.music.meter import METERS
from helpers.music.pitch import Key
from training.clip_composer import PROGRAMS, Piece, pick, some_bpm
from training.clip_tunes import files_below

_SUFFIXES = (".mxl", ".xml", ".musicxml", ".krn")
_METERS = {"4/4": "4/4", "2/2": "4/4", "3/4": "3/4", "6/8": "6/8"}
_EACH = 2  # excerpts of one movement at most, so that no work rules


def read_scores(folder: Path, most: int, rng: np.random.Generator, without: list[str]) -> list[dict]:
    """Excerpts in one meter whose notes, whose whole movement and whose key signature all name one key."""
    import music21

    found: list[dict] = []
    for path in files_below(folder, _SUFFIXES, without, rng):
        if len(found) >= most:
            break
        try:
            score = music21.converter.parse(path)
            found += _excerpts(score, path.relative_to(folder).as_posix(), rng)
        except Exception as error:  # music21 raises many kinds on odd files; one bad file is only skipped
            print(f"{path.name}: {error}", file=sys.stderr)
    return found[:most]


def _excerpts(score, name: str, rng: np.random.Generator) -> list[dict]:
    """Up to ``_EACH`` excerpts of a movement, none overlapping."""
    top = score.parts[0]
    bars = [m for m in top.getElementsByClass("Measure") if m.number > 0]
    meters = {t.ratioString for t in top.recurse().getElementsByClass("TimeSignature")}
    meter = meters.pop() if len(meters) == 1 else ""
    if meter not in _METERS or len(bars) < 8:
        return []
    bar = float(top.recurse().getElementsByClass("TimeSignature")[0].barDuration.quarterLength)
    whole_key = score.analyze("key")
    found = []
    for first in rng.permutation(np.arange(0, len(bars) - 7, 8))[:4]:
        count = 8 if bar * 8 <= 32 and rng.random() < 0.7 else 4
        part = score.measures(bars[first].number, bars[first].number + count - 1)
        signs = {k.sharps for k in part.recurse().getElementsByClass("KeySignature")}
        key = part.analyze("key")
        notes = _notes(part, count * bar)
        if len(found) < _EACH and key == whole_key and signs == {key.sharps} and len(notes) >= 2 * count:
            found.append(
                {
                    "name": name,
                    "meter": _METERS[meter],
                    "bars": count,
                    "key": Key(key.tonic.pitchClass, key.mode),
                    "notes": notes,
                }
            )
    return found


def _notes(part, quarters: float) -> list[tuple[float, float, int]]:
    """(start, length, pitch) in quarters from the excerpt's first bar line; tied notes are one."""
    flat = part.stripTies().flatten()
    first = min((float(m.offset) for m in part.recurse().getElementsByClass("Measure")), default=0.0)
    found = {
        (float(n.offset) - first, float(n.quarterLength), int(p.midi))
        for n in flat.notes
        for p in n.pitches
        if n.quarterLength > 0 and 0 <= float(n.offset) - first < quarters
    }
    return sorted(found)


def compose_score(excerpt: dict, rng: np.random.Generator, origin: str) -> Piece:
    """An excerpt in a new key and tempo, on keys, strings, an organ, voices or a plucked instrument."""
    meter = METERS[excerpt["meter"]]
    shift = int(rng.integers(-5, 7))
    bpm = float(rng.integers(50, 110)) if meter.name == "6/8" else some_bpm(rng, 60, 140)
    piece = Piece("score", origin, bpm, meter, excerpt["bars"], excerpt["key"].transposed(shift))
    piece.jitter_seconds = pick(rng, (0.0, 0.002, 0.006, 0.012))
    piece.cents = float(pick(rng, (0, 0, 0, 0, -35, 30, 15, -20)))
    family = pick(rng, ("chords", "chords", "guitar", "pad"))
    track = piece.track(pick(rng, PROGRAMS[family]))
    for start, length, pitch in excerpt["notes"]:
        piece.put(track, pitch + shift, start, length, 92 if start % meter.quarters_per_beat == 0 else 80)
    return piece
