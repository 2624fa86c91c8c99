"""Tunes read from ABC files (music21), put into a new key and tempo, alone or with chords, bass and drums of ours."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np

from helpers.music.meter import METERS
from helpers.music.pitch import Key
from training.clip_composer import PROGRAMS, Piece, above, comp, drum_bar, pick, some_bpm, triad

_EACH = 3  # tunes of one file at most: some hold a whole collection


def files_below(folder: Path, suffixes: tuple[str, ...], without: list[str], rng: np.random.Generator) -> list[Path]:
    """Files of these kinds in random order, taking turns between the folders right below ``folder``.

    Files whose path below it contains one of ``without`` are left out.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix in suffixes)
    files = [path for path in files if not any(text in path.relative_to(folder).as_posix() for text in without)]
    rng.shuffle(files)
    taken: Counter[str] = Counter()
    turns = []
    for path in files:
        group = path.relative_to(folder).parts[0]
        turns.append(taken[group])
        taken[group] += 1
    return [files[i] for i in np.argsort(turns, kind="stable")]


def read_tunes(folder: Path, most: int, rng: np.random.Generator, without: list[str]) -> list[dict]:
    """Tunes of at least eight whole bars in one meter and key that end on their tonic, from ABC files (music21)."""
    import music21

    found = []
    for path in files_below(folder, (".abc",), without, rng):
        if len(found) >= most:
            break
        try:
            score = music21.converter.parse(path)
        except Exception as error:  # music21 raises many kinds on odd files; one bad file is only skipped
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        for number, one in enumerate(list(getattr(score, "scores", None) or [score])[:_EACH]):
            tune = one_tune(one, f"{path.stem} {number}")
            if tune:
                found.append(tune)
    return found[:most]


def one_tune(score, name: str, most_bars: int = 8, *, in_key: bool = True) -> dict | None:
    """A parsed tune of one metre and signature: its first whole bars and pick-up; None where it is not fit for use.

    ``in_key``: only where its notes, signature and last note agree on a key.
    """
    import music21

    bars = [m for m in score.recurse().getElementsByClass("Measure") if m.number > 0]
    meters = {t.ratioString for t in score.recurse().getElementsByClass("TimeSignature")}
    keys = {k.sharps for k in score.recurse().getElementsByClass("KeySignature")}
    notes = [n for n in score.recurse().notes if isinstance(n, music21.note.Note)]
    if len(bars) < 9 or len(meters) != 1 or len(keys) != 1 or not notes:
        return None
    meter = meters.pop()
    if meter not in ("4/4", "3/4", "6/8", "2/4", "2/2"):
        return None
    key = score.analyze("key")
    length = bars[2].barDuration.quarterLength
    whole = [b for b in bars if abs(b.duration.quarterLength - length) < 1e-6][:most_bars]
    is_clear = key.sharps in keys and notes[-1].pitch.pitchClass == key.tonic.pitchClass
    if len(whole) < 8 or (in_key and not is_clear):
        return None
    content = [
        [
            (float(n.getOffsetInHierarchy(b)), float(n.quarterLength), n.pitch.midi)
            for n in b.recurse().notes
            if n.isNote
        ]
        for b in whole
    ]
    before = [m for m in score.recurse().getElementsByClass("Measure") if m.number == 0][:1]
    pick_up = [
        (float(n.getOffsetInHierarchy(m)) - m.duration.quarterLength, float(n.quarterLength), n.pitch.midi)
        for m in before
        for n in m.recurse().notes
        if n.isNote and m.duration.quarterLength <= 0.5 * length
    ]
    return {
        "name": name,
        "meter": meter,
        "pick_up": pick_up,
        "bar": float(length),
        "key": Key(key.tonic.pitchClass, key.mode),
        "bars": content,
    }


def compose_tune(tune: dict, rng: np.random.Generator, origin: str) -> Piece:
    """A tune in a new key and tempo: alone, with chords, as a bass line, or with chords, bass and drums."""
    compound = tune["meter"] == "6/8"
    meter = METERS["6/8"] if compound else METERS["3/4"] if tune["meter"] == "3/4" else METERS["4/4"]
    bars = tune["bars"]
    if tune["meter"] == "2/4":  # two written bars make one of ours
        bars = [a + [(s + 2, n, p) for s, n, p in b] for a, b in zip(bars[::2], bars[1::2], strict=False)]
    kind = ("solo", "solo", "comp", "full", "bassline")[int(rng.integers(5))]
    bpm = float(rng.integers(56, 132)) if compound else some_bpm(rng, 64, 170)
    shift = int(rng.integers(-5, 7))
    key = tune["key"].transposed(shift)
    piece = Piece(kind, origin, bpm, meter, len(bars), key, shows_chords=kind in ("comp", "full"))
    piece.jitter_seconds = (0.0, 0.002, 0.004, 0.012)[int(rng.integers(4))]
    piece.cents = float(pick(rng, (0, 0, 0, 0, -35, 30, 15, -20)))
    program = pick(rng, PROGRAMS["bass" if kind == "bassline" else "lead" if rng.random() < 0.7 else "chords"])
    pitches = [p for bar in bars for _, _, p in bar]
    octave = 12 * round(((40 if kind == "bassline" else 72) - float(np.mean(pitches)) - shift) / 12)
    track, beat = piece.track(program), meter.quarters_per_beat
    for bar, notes in enumerate(bars):
        for start, length, pitch in notes:
            piece.put(track, pitch + shift + octave, bar * piece.bar + start, length, 95 if start % beat == 0 else 80)
        piece.chords.append(harmonized(notes, shift, key, edge=bar in (0, len(bars) - 1)))
    for start, length, pitch in tune["pick_up"]:
        piece.put(track, pitch + shift + octave, start, length, 84)
        piece.pick_up = max(piece.pick_up, -start)
    if piece.shows_chords:
        struck = tuple((k * beat, 0.9 * beat) for k in range(meter.beats_per_bar))
        comp(piece, pick(rng, PROGRAMS["chords"]), struck, 52)
    if kind == "full":
        bass = piece.track(pick(rng, (32, 33, 34, 38)))
        for bar, chord in enumerate(piece.chords):
            for k in range(meter.beats_per_bar):
                piece.put(bass, above(chord[2 * (k % 2)], 33), bar * piece.bar + k * beat, 0.8 * beat, 95)
        drum_bar(piece, rng)
    return piece


def harmonized(notes: list, shift: int, key: Key, *, edge: bool) -> tuple[int, ...]:
    """The key's major or minor triad that covers most of a bar's notes; the tonic is favoured in the outer bars."""
    weights = np.zeros(12)
    for start, length, pitch in notes:
        weights[(pitch + shift) % 12] += length * (1.5 if start == 0 else 1.0)
    triads = [t for t in (triad(key, d) for d in range(7)) if (t[2] - t[0]) % 12 == 7]
    triads += [triad(key, "V")] if key.mode == "minor" else []
    return max(
        triads,
        key=lambda t: weights[list(t)].sum() + 0.3 * weights[t[0]] + (1.5 if edge and t[0] == key.tonic else 0.0),
    )
