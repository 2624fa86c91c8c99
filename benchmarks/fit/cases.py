"""The loops of the benchmark: takes and spoiled takes over ideas, stems over their own piece, loops by people.

The recordings are not ours to publish: the repositories that they come from are named in the results (``about``).
Ideas are 15 s of mixes; stems four or eight bars of multitracks that start together, at the tempo that their length,
their chart or their drums tell, where its grid lies on the onsets; loops are whole bars of the tempo in their names.
MP3 files without a gapless tag lose their first 1,105 samples.
"""

from __future__ import annotations

import csv
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.fit.spoil import good_takes, spoiled
from helpers import pipeline
from helpers.loops.level import set_level
from helpers.music.pitch import ALL_KEYS, Key
from helpers.pipeline.making import Idea
from helpers.records import Analysis, Clip, KeyEstimate, Request, Tempo
from helpers.sound.audio import read_clip, resample
from helpers.sound.features import key_scores, note_gram
from helpers.sound.stretch import apply_stretch

INSTRUMENTS = ("bass guitar", "rhodes", "warm pad", "synth lead", "pluck", "acoustic guitar", "808")
PLAYS = {
    "drums": "drum kit", "bass": "bass guitar", "chords": "piano", "lead": "synth lead", "pad": "warm pad",
    "arpeggio": "pluck",
}  # fmt: skip
DELIVERED = "as delivered"
ASKED, TAKES = 3, 6  # takes that a musician chooses from; takes with notes that are measured, so that pairs are many
OTHERS, RATE = 2, 44_100
SHORTEST_SECONDS = 5.0


@dataclass(frozen=True, eq=False)
class Case:
    """A loop over an idea: ``kind`` says ``good``, how it is spoilt, or whose stem it is; ``idea`` None: by itself."""

    piece: str
    idea: Idea | None
    analysis: Analysis | None
    request: Request
    kind: str
    number: int
    clip: Clip


def sources(*folders: Path | None) -> list[str]:
    """The repositories that the recordings come from, of each folder's ``sources.txt`` (owner/name, one a line)."""
    files = [folder / "sources.txt" for folder in folders if folder]
    return sorted({name for file in files if file.is_file() for name in file.read_text(encoding="utf-8").split()})


Group = tuple[str, Callable[[], list[Case]]]  # a name for files, and what makes the loops


def sketch_groups(folder: Path, at_most: int, *, delivered: bool = False) -> Iterator[Group]:
    """For each idea of ``manifest.csv`` (file, bpm, seconds, kind, piece): two pitched parts and drums, and spoiled.

    Or, ``delivered``, the loops of each that a musician is given: failed takes are mended or made again.
    """
    rows = [row for row in _rows(folder / "manifest.csv") if _is_idea(row)][:at_most]

    @cache
    def heard(number: int) -> tuple[Idea, Analysis]:
        idea = pipeline.load_idea(folder / rows[number]["file"])
        return idea, pipeline.analyze_idea(idea, tags=False)

    def made(number: int) -> list[Case]:
        idea, analysis = heard(number)
        if analysis.tempo.bpm is None:
            return []
        rng = np.random.default_rng(number)
        meter, piece = analysis.tempo.meter, rows[number]["piece"]
        others = (heard(i)[1] for i in [*range(number + 1, len(rows)), *range(number)] if rows[i]["piece"] != piece)
        other = next((a for a in others if a.tempo.bpm and a.key and a.tempo.meter == meter), None)
        bar = 60 / analysis.tempo.bpm * meter.beats_per_bar
        bars = max(b for b in (1, 2, 4) if b <= max(1.0, analysis.seconds / bar + 0.1))
        cases = []
        for name in (*(INSTRUMENTS[(2 * number + k) % len(INSTRUMENTS)] for k in range(2)), "drum kit"):
            request, _ = pipeline.plan_request(analysis, instrument=name, bars=bars, takes=ASKED, seed=1)
            if delivered:
                with TemporaryDirectory() as out:
                    given = [finished.loop for finished in pipeline.make_loops(request, idea, analysis, out).loops]
                own = replace(idea)  # without what was measured on it, which cannot be kept in a file
                cases += [Case(piece, own, analysis, request, DELIVERED, x.take.number, x.clip) for x in given]
                continue
            takes = good_takes(request, analysis, ASKED if request.role == "drums" else TAKES)
            loops = [("good", take, clip) for take, clip in enumerate(takes)]
            loops += [(kind, 0, clip) for kind, clip in spoiled(takes[0], request, analysis, other, rng)]
            cases += [Case(piece, idea, analysis, request, kind, take, clip) for kind, take, clip in loops]
        return cases

    for number, row in enumerate(rows):
        yield row["file"] + delivered * "-delivered", partial(made, number)


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def _is_idea(row: dict[str, str]) -> bool:
    return bool(row["bpm"]) and row["kind"] != "phrase" and float(row["seconds"]) >= SHORTEST_SECONDS


def stem_groups(folder: Path) -> Iterator[Group]:
    """Stems of ``stems.csv`` (piece, excerpt, file, role, bpm, bars; cut at bar lines) over their own piece.

    Twice: over the rest of the piece without the stem, and over the mix of all. Each is set against stems of the same
    role from other pieces, brought to its tempo and key. The grid is the known one; nothing of the hearing is judged.
    """
    rows = _rows(folder / "stems.csv")

    @cache
    def stem(file: str) -> Clip:
        clip = read_clip(folder / file)
        return resample(Clip(clip.mono()[None], clip.sample_rate), RATE)

    @cache
    def mixed(excerpt: str, without: str = "") -> Clip:
        clips = [stem(r["file"]) for r in rows if r["excerpt"] == excerpt and r["file"] != without]
        length = min(clip.length for clip in clips)
        return set_level(Clip(np.sum([c.samples[:, :length] for c in clips], axis=0) / len(clips), RATE))

    @cache
    def key(excerpt: str) -> Key:
        return ALL_KEYS[int(np.argmax(key_scores(note_gram(mixed(excerpt)).chroma().sum(axis=1))))]

    def brought(row: dict[str, str], request: Request) -> Clip:
        clip, bars = stem(row["file"]), int(row["bars"])
        samples = np.tile(clip.samples, (1, -(-request.bars // bars)))[:, : round(clip.length * request.bars / bars)]
        up = (request.key.tonic - key(row["excerpt"]).tonic + 6) % 12 - 6 if request.key else 0
        return apply_stretch(Clip(np.ascontiguousarray(samples), RATE), request.samples(RATE), float(up))

    def made(number: int) -> list[Case]:
        row, rng = rows[number], np.random.default_rng(number)
        bpm, bars, excerpt, role = float(row["bpm"]), int(row["bars"]), row["excerpt"], row["role"]
        request = Request(PLAYS[role], role, bpm, bars=bars, key=key(excerpt) if role != "drums" else None)
        tempo = Tempo(bpm, 1.0, downbeats=(0.0,), bars=bars, is_loop=True)
        pool = [r for r in rows if r["role"] == role and r["piece"] != row["piece"]]
        loops = [("own stem", 0, stem(row["file"]))]
        loops += [
            ("other stem", n, brought(pool[at], request)) for n, at in enumerate(rng.permutation(len(pool))[:OTHERS])
        ]
        cases = []
        for over, clip in (("over the rest", mixed(excerpt, row["file"])), ("over the mix", mixed(excerpt))):
            idea = Idea(f"{row['file']} {over}", clip, "")
            analysis = Analysis(idea.name, "", clip.seconds, RATE, 1, tempo, KeyEstimate(key(excerpt), 1.0))
            cases += [Case(row["piece"], idea, analysis, request, f"{k} {over}", n, set_level(c)) for k, n, c in loops]
        return cases

    for number, row in enumerate(rows):
        if row["role"] in PLAYS and any(r["excerpt"] == row["excerpt"] and r is not row for r in rows):
            yield row["file"], partial(made, number)


def loop_groups(folder: Path) -> Iterator[Group]:
    """Loops by people, of ``loops.csv`` (piece, file, role, bpm, bars), proven by themselves as foreign ones."""

    def made(row: dict[str, str]) -> list[Case]:
        clip = read_clip(folder / row["file"])
        request = Request(PLAYS[row["role"]], row["role"], float(row["bpm"]), bars=int(row["bars"]))
        return [Case(row["piece"], None, None, request.with_(sample_rate=clip.sample_rate), "loop by people", 0, clip)]

    for row in _rows(folder / "loops.csv"):
        yield f"loop-{row['file']}", partial(made, row)


def kept(group: Group, folder: Path) -> list[Case]:
    """The loops of a group, from the file where an earlier run left them: they are made once and measured often."""
    name, make = group
    path = folder / f"{name}.pickle"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(pickle.dumps(make()))
        part.rename(path)
    cases: list[Case] = pickle.loads(path.read_bytes())
    return cases
