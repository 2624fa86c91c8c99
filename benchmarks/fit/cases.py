"""The loops of the benchmark: takes and spoiled takes over ideas, stems of people over the rest of their own piece."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fit.spoil import good_takes, spoiled
from helpers import pipeline
from helpers.loops.level import set_level
from helpers.music.pitch import Key
from helpers.pipeline.making import Idea
from helpers.records import Analysis, Clip, Request
from helpers.sound.audio import read_clip, resample
from helpers.sound.stretch import apply_stretch

INSTRUMENTS = ("bass guitar", "rhodes", "warm pad", "synth lead", "pluck", "acoustic guitar", "808")
PLAYS = {"drums": "drum kit", "bass": "bass guitar", "chords": "piano", "lead": "synth lead", "pad": "warm pad"}
TAKES, OTHERS, RATE = 3, 3, 44_100
SHORTEST_SECONDS = 5.0


@dataclass(frozen=True, eq=False)
class Case:
    """A loop over an idea: ``kind`` says ``good``, how it is spoilt, or whose stem it is."""

    piece: str
    idea: Idea
    analysis: Analysis
    request: Request
    kind: str
    number: int
    clip: Clip

    @property
    def half(self) -> str:
        """The half of the pieces it belongs to: weights and limits are chosen on one and told of both."""
        return "fitted on" if int(hashlib.sha256(f"{self.piece}0".encode()).hexdigest(), 16) % 2 == 0 else "other half"


def sketch_cases(folder: Path, at_most: int) -> Iterator[list[Case]]:
    """For each idea of the manifest that has a tempo: two pitched parts and drums, each in three takes and spoiled."""
    rows = [row for row in csv.DictReader((folder / "manifest.csv").read_text().splitlines()) if _is_idea(row)]
    rows = rows[:: max(1, len(rows) // at_most)][:at_most]
    heard = []
    for row in rows:
        idea = pipeline.load_idea(folder / row["file"])
        heard.append((row["origin"].split("@")[0], idea, pipeline.analyze_idea(idea, tags=False)))
    for number, (piece, idea, analysis) in enumerate(heard):
        if analysis.tempo.bpm is None:
            continue
        rng = np.random.default_rng(number)
        meter = analysis.tempo.meter
        others = [a for p, _, a in heard if p != piece and a.tempo.bpm and a.key and a.tempo.meter == meter]
        bar = 60 / analysis.tempo.bpm * meter.beats_per_bar
        bars = max(b for b in (1, 2, 4) if b <= max(1.0, analysis.seconds / bar + 0.1))
        cases = []
        for name in (*(INSTRUMENTS[(2 * number + k) % len(INSTRUMENTS)] for k in range(2)), "drum kit"):
            request, _ = pipeline.plan_request(analysis, instrument=name, bars=bars, takes=TAKES, seed=1)
            takes = good_takes(request, analysis, TAKES)
            made = [("good", take, clip) for take, clip in enumerate(takes)]
            other = others[int(rng.integers(len(others)))]
            made += [(kind, 0, clip) for kind, clip in spoiled(takes[0], request, analysis, other, rng)]
            cases += [Case(piece, idea, analysis, request, kind, take, clip) for kind, take, clip in made]
        yield cases


def _is_idea(row: dict[str, str]) -> bool:
    return bool(row["bpm"]) and row["kind"] != "phrase" and float(row["seconds"]) >= SHORTEST_SECONDS


def stem_cases(folder: Path) -> Iterator[list[Case]]:
    """Stems of ``stems.csv`` (piece, excerpt, file, role, bpm, bars; cut at bar lines) over their own piece.

    Twice: over the rest of the piece without the stem, and over the mix of all. Each is set against stems of the same
    role from other pieces, brought to its tempo and key.
    """
    rows = list(csv.DictReader((folder / "stems.csv").read_text().splitlines()))
    clips = {r["file"]: _mono(read_clip(folder / r["file"])) for r in rows}
    mixes, heard = {}, {}
    for excerpt in dict.fromkeys(r["excerpt"] for r in rows):
        mixes[excerpt] = _idea(excerpt, [clips[r["file"]] for r in rows if r["excerpt"] == excerpt])
        heard[excerpt] = pipeline.analyze_idea(mixes[excerpt], tags=False)
    keys = {excerpt: analysis.key.key if analysis.key else None for excerpt, analysis in heard.items()}
    rng = np.random.default_rng(5)
    for row in rows:
        excerpt = row["excerpt"]
        rest = [clips[r["file"]] for r in rows if r["excerpt"] == excerpt and r is not row]
        if row["role"] not in PLAYS or not rest:
            continue
        key = keys[excerpt] if row["role"] != "drums" else None
        request = Request(PLAYS[row["role"]], row["role"], float(row["bpm"]), bars=int(row["bars"]), key=key)
        pool = [r for r in rows if r["role"] == row["role"] and r["piece"] != row["piece"]]
        loops = [("own stem", 0, clips[row["file"]])]
        for number, at in enumerate(rng.permutation(len(pool))[:OTHERS]):
            loops.append(("other stem", number, _brought(pool[at], clips, keys, request)))
        without = _idea(f"{excerpt} without {row['file']}", rest)
        for idea, analysis, over in (
            (without, pipeline.analyze_idea(without, tags=False), "over the rest"),
            (mixes[excerpt], heard[excerpt], "over the mix"),
        ):
            named = dataclasses.replace(request, instrument=f"{request.instrument} of {row['file']}")
            yield [Case(row["piece"], idea, analysis, named, f"{k} {over}", n, set_level(c)) for k, n, c in loops]


def _idea(name: str, clips: list[Clip]) -> Idea:
    return Idea(name, set_level(_sum(clips)), "")


def _brought(row: dict[str, str], clips: dict[str, Clip], keys: dict[str, Key | None], request: Request) -> Clip:
    clip, bars, theirs = clips[row["file"]], int(row["bars"]), keys[row["excerpt"]]
    samples = np.tile(clip.samples, (1, -(-request.bars // bars)))[:, : round(clip.length * request.bars / bars)]
    up = (request.key.tonic - theirs.tonic + 6) % 12 - 6 if request.key and theirs else 0
    return apply_stretch(Clip(np.ascontiguousarray(samples), RATE), request.samples(RATE), float(up))


def _mono(clip: Clip) -> Clip:
    return resample(Clip(clip.mono()[None], clip.sample_rate), RATE)


def _sum(clips: list[Clip]) -> Clip:
    length = min(clip.length for clip in clips)
    return Clip(np.sum([clip.samples[:, :length] for clip in clips], axis=0) / len(clips), RATE)
