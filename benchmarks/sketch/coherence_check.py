"""Is the coherence score sound? Checked against music by other hands, with nothing of our composer in it.

    python -m benchmarks.sketch.coherence_check MANIFEST [--songs FOLDER] [--out benchmarks/results/coherence.json]

MANIFEST lists recordings with their origin (``manifest.csv`` of the evaluation audio): loops of one origin are stems of
one piece, so each should score higher with its sibling than any stem of another piece does, brought into the same key
and onto the same grid. FOLDER holds MIDI songs of several tracks: each track of a four-bar stretch is a part, the rest
of the song, rendered, its idea. It should beat the same role of other songs, in the idea's key, and a naive part (the
root of the chord heard on every beat). Also printed: the same for the score this one replaced, cosine of the pitch
classes plus the absolute correlation of the onsets (defined on notes alone).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import wave
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sketch.coherence import Grid, coherence, grid_of_audio, grid_of_notes, harmony, rhythm
from helpers.analysis import estimate_chords, estimate_key
from helpers.music.meter import METERS, bar_seconds
from helpers.music.pitch import parse_chord
from helpers.records import Clip, Note, Tempo
from helpers.sketch import find_soundfont
from helpers.sound.audio import read_clip

BARS = 4
METER = METERS["4/4"]
PARTNERS_TRIED = 8  # parts of other songs that each part is set against
LEAST_NOTES, LEAST_BARS, LEAST_TRACKS = 4, 3, 3
DOUBLED = 0.7  # of the notes: a track that doubles the part would give it away
Score = Callable[[Grid, Grid], float]


def replaced_score(part: Grid, idea: Grid) -> float:
    """What was measured before: half the mean cosine of the pitch classes, half the absolute onset correlation."""
    played, heard = part.onsets.sum(axis=1), idea.onsets.sum(axis=1)
    moved = played.std() > 0 and heard.std() > 0
    together = abs(float(np.corrcoef(np.minimum(played, 1.5), heard)[0, 1])) if moved else 0.0
    norms = np.linalg.norm(part.halves, axis=1) * np.linalg.norm(idea.halves, axis=1)
    if not norms.any():
        return together
    return (float(((part.halves * idea.halves).sum(axis=1)[norms > 0] / norms[norms > 0]).mean()) + together) / 2


SCORES: dict[str, Score] = {"coherence": coherence, "replaced score": replaced_score}


def beaten(score: Score, idea: Grid, part: Grid, others: list[Grid]) -> list[float]:
    """1 for every other part that scores below ``part``, 0.5 for equals: their mean is the area under the ROC curve."""
    mine = score(part, idea)
    return [float(mine > theirs) + 0.5 * float(mine == theirs) for theirs in (score(o, idea) for o in others)]


# ---------------------------------------------------------------------------------------------------------------- stems


@dataclass(frozen=True, eq=False)
class Stem:
    origin: str
    grid: Grid
    tonic: int | None


def read_stems(manifest: Path) -> list[Stem]:
    """Loops of whole bars whose tempo is known and whose origin has several of them."""
    groups: dict[str, list[dict]] = defaultdict(list)
    with manifest.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["bpm"] and row["beats"] and row["kind"] == "loop":
                groups[_piece(row["origin"])].append(row)
    stems = []
    for origin, rows in groups.items():
        for row in rows if len(rows) > 1 else ():
            clip = read_clip(manifest.parent / row["file"])
            key = estimate_key(clip)
            grid = grid_of_audio(clip, bpm=float(row["bpm"]), meter=METER, most_bars=int(row["beats"]) // 4)
            if key is None:
                grid = Grid(METER, grid.bars, grid.onsets, np.zeros_like(grid.halves))
            stems.append(Stem(origin, grid, key.key.tonic if key else None))
    return stems


def _piece(origin: str) -> str:
    """A project file is a piece of its own; files named by their role are stems of the folder they lie in."""
    path = origin.partition("@")[0]
    return path if path.endswith((".mmp", ".mmpz")) else path.rsplit("/", 1)[0] if "/dynamic/" in path else origin


def check_stems(stems: list[Stem]) -> dict:
    """Each pair of stems of one piece against the same stem with every fitting stem of other pieces."""
    wins: dict[str, list[float]] = defaultdict(list)
    for idea in stems:
        for part in stems:
            if part is idea or part.origin != idea.origin:
                continue
            bars = min(BARS, idea.grid.bars)
            others = [
                s.grid.first(bars).transposed((idea.tonic or 0) - (s.tonic or 0) if s.tonic is not None else 0)
                for s in stems
                if s.origin != idea.origin and (s.tonic is None) == (part.tonic is None)
            ]
            mine, theirs = part.grid.first(bars), idea.grid.first(bars)
            wins["coherence"] += beaten(coherence, theirs, mine, others)
            wins["rhythm"] += beaten(rhythm, theirs, mine, others)
            if idea.tonic is not None and part.tonic is not None:
                wins["harmony"] += beaten(lambda p, i: harmony(p, i) or 0.0, theirs, mine, others)
    return {"stems": len(stems), "pairs": len(wins["coherence"])} | {n: float(np.mean(v)) for n, v in wins.items()}


# ---------------------------------------------------------------------------------------------------------------- songs


@dataclass(frozen=True, eq=False)
class Excerpt:
    """One track of a stretch of a song, and what the rest of the song does there."""

    song: str
    role: str
    part: Grid
    idea: Grid
    naive: Grid
    tonic: int


def read_song(path: Path, rng: random.Random) -> Iterator[Excerpt]:
    """One excerpt for each role of a song in 4/4 at one tempo; nothing for other songs."""
    import pretty_midi

    try:
        song = pretty_midi.PrettyMIDI(str(path))
    except (OSError, ValueError, EOFError, KeyError, IndexError):
        return
    bpm = float(song.get_tempo_changes()[1][0]) if len(set(song.get_tempo_changes()[1])) == 1 else 0.0
    meters = {(t.numerator, t.denominator) for t in song.time_signature_changes}
    if not 50 <= bpm <= 220 or meters - {(4, 4)}:
        return
    bar, done = bar_seconds(bpm, METER), set()
    starts = list(range(4, int(song.get_end_time() / bar) - BARS + 1, 4))
    rng.shuffle(starts)
    for start in starts[:6]:
        tracks = [t for t in (_stretch(t, start * bar, bar) for t in song.instruments) if t is not None]
        for track in tracks if len(tracks) >= LEAST_TRACKS else ():
            role = _role(track)
            rest = [t for t in tracks if t is not track and not _doubles(t, track)]
            if role in done or all(t.is_drum for t in rest):
                continue
            excerpt = _excerpt(path.name, role, track, rest, bpm)
            if excerpt is not None:
                done.add(role)
                yield excerpt


def _stretch(track, start: float, bar: float):
    """A track's notes in BARS bars from ``start``, moved to 0; None where it hardly plays."""
    import pretty_midi

    early = bar / 64
    kept = [n for n in track.notes if start - early <= n.start < start + BARS * bar - early]
    if len(kept) < LEAST_NOTES or len({int((n.start - start + early) // bar) for n in kept}) < LEAST_BARS:
        return None
    out = pretty_midi.Instrument(track.program, is_drum=track.is_drum)
    for n in kept:
        begin, end = max(0.0, n.start - start), min(n.end - start, BARS * bar)
        out.notes.append(pretty_midi.Note(n.velocity, n.pitch, begin, max(end, begin + 0.02)))
    return out


def _role(track) -> str:
    """The role a track has in its song, from its program and how it plays."""
    if track.is_drum:
        return "drums"
    onsets = len({round(n.start, 2) for n in track.notes})
    voices, a_bar = len(track.notes) / onsets, onsets / BARS
    middle = float(np.median([n.pitch for n in track.notes]))
    if 32 <= track.program < 40 or middle < 45:
        return "bass"
    if (voices >= 1.8 or 88 <= track.program < 96) and a_bar <= 3:
        return "pad"
    if voices >= 1.8:
        return "chords"
    return "arpeggio" if a_bar >= 12 else "lead"


def _doubles(one, other) -> bool:
    a, b = ({(round(n.start, 1), n.pitch % 12) for n in t.notes} for t in (one, other))
    return not other.is_drum and len(a & b) > DOUBLED * min(len(a), len(b))


def _excerpt(song: str, role: str, track, rest: list, bpm: float) -> Excerpt | None:
    clip = _rendered(rest, bpm)
    key = estimate_key(clip)
    if key is None:
        return None
    bar = bar_seconds(bpm, METER)
    tempo = Tempo(bpm, 1.0, downbeats=tuple(np.arange(BARS) * bar), meter=METER)
    chords = estimate_chords(clip, tempo, key)
    labels = [next((c.label for c in chords if c.start <= (i + 0.5) * bar / 4 < c.end), "N") for i in range(BARS * 4)]
    pitched = not track.is_drum
    middle = round(float(np.median([n.pitch for n in track.notes])))
    quarter = 60.0 / bpm
    notes = [Note(n.pitch, n.start / quarter, (n.end - n.start) / quarter, n.velocity) for n in track.notes]
    roots = [middle if (c := parse_chord(label)) is None else middle - (middle - c.root) % 12 for label in labels]
    beats = [Note(pitch, float(i), 0.95, 90) for i, pitch in enumerate(roots)]
    return Excerpt(
        song,
        role,
        grid_of_notes(notes, meter=METER, bars=BARS, pitched=pitched),
        grid_of_audio(clip, bpm=bpm, meter=METER, most_bars=BARS),
        grid_of_notes(beats, meter=METER, bars=BARS, pitched=pitched),
        key.key.tonic,
    )


def _rendered(tracks: list, bpm: float) -> Clip:
    """The tracks through the SoundFont, exactly BARS bars."""
    import midirenderer
    import pretty_midi

    song = pretty_midi.PrettyMIDI(initial_tempo=bpm)
    song.instruments = tracks
    data = io.BytesIO()
    song.write(data)
    with wave.open(io.BytesIO(midirenderer.render_wave_from(_bank(), data.getvalue()))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels())
        rate = file.getframerate()
    length = round(BARS * bar_seconds(bpm, METER) * rate)
    out = np.zeros((samples.shape[1], length), dtype=np.float32)
    out[:, : min(length, len(samples))] = samples[:length].T / 32768.0
    return Clip(out, rate)


def _bank() -> bytes:
    return find_soundfont().path.read_bytes()


def check_songs(folder: Path) -> dict:
    """Each track against the same role of other songs, and against a naive part; overall and by role."""
    rng = random.Random(1)
    excerpts: list[Excerpt] = []
    for path in sorted(folder.glob("*.mid")):
        excerpts += read_song(path, rng)
    out: dict = {"songs": len({e.song for e in excerpts}), "parts": len(excerpts)}
    wins: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for e in excerpts:
        pool = [o for o in excerpts if o.role == e.role and o.song != e.song]
        others = [o.part.transposed(e.tonic - o.tonic) for o in rng.sample(pool, min(PARTNERS_TRIED, len(pool)))]
        for name, score in SCORES.items():
            for role in ("all", e.role):
                wins[name, "beats_other_songs", role] += beaten(score, e.idea, e.part, others)
                wins[name, "beats_naive", role] += beaten(score, e.idea, e.part, [e.naive])
    for (name, against, role), values in sorted(wins.items()):
        out.setdefault(name, {}).setdefault(against, {})[role] = round(float(np.mean(values)), 3)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--songs", type=Path, help="a folder of MIDI songs with several tracks")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/coherence.json"))
    args = parser.parse_args()
    report: dict = {"stems": check_stems(read_stems(args.manifest))}
    if args.songs:
        report["songs"] = check_songs(args.songs)
    print(json.dumps(report, indent=1))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
