"""Does the composer listen? Its parts for real ideas, measured and set against two controls.

    python -m benchmarks.sketch.composer IDEAS [--songs FOLDER] [--most 24] [--out benchmarks/results/composer.json]

IDEAS is a folder of recordings or a manifest.csv whose first column names them. For every idea whose chords were heard
and every role a part is composed and measured in the score: share on the scale, agreement with the chords, range, and
coherence with the *recording* (not with the analysis the composer read), by
:mod:`benchmarks.sketch.coherence`.

Controls: (a) the chord's root on every beat; (b) the same instrument's parts composed for the other ideas at this
idea's tempo, transposed into its key. Variety is measured on several ideas, speed on one.

The same run says how far the coherence score itself can be trusted, on music by other hands: stems of one piece against
stems of others (from the manifest's origins) and, with --songs, the tracks of MIDI songs; see
:mod:`benchmarks.sketch.coherence_check`.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import statistics
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.sketch.coherence import EARLY_QUARTERS, Grid, coherence, grid_of_audio, grid_of_notes
from benchmarks.sketch.coherence_check import check_songs, check_stems, read_stems
from helpers.analysis import analyze
from helpers.errors import LoopsError
from helpers.music.instruments import INSTRUMENTS, find_instrument
from helpers.music.meter import parse_meter
from helpers.music.pitch import parse_chord
from helpers.planning import plan_request
from helpers.records import Analysis, Clip, Note, Request
from helpers.sketch import Score, compose, render
from helpers.sound.audio import read_audio

PLAYERS = {
    "bass": "bass guitar",
    "chords": "electric piano",
    "pad": "strings",
    "lead": "flute",
    "arpeggio": "pluck",
    "drums": "drum kit",
}
SEEDS = 20
VARIETY_IDEAS = 6
# Least share on the scale and agreement with the chords, by role.
LEAST = {"bass": (0.95, 0.85), "chords": (0.95, 0.85), "pad": (0.95, 0.85), "lead": (0.9, 0.7), "arpeggio": (0.9, 0.7)}
SPEED_BARS = 8


@dataclass(frozen=True, eq=False)
class Idea:
    """A recording and what was heard in it."""

    name: str
    clip: Clip
    analysis: Analysis


@lru_cache(maxsize=512)
def evidence(idea: Idea, bpm: float, bars: int, meter: str) -> Grid:
    """What the recording does from its first downbeat on; a shorter idea goes round, as it will under the loop."""
    start = idea.analysis.tempo.downbeats[0] if idea.analysis.tempo.downbeats else 0.0
    return grid_of_audio(idea.clip, bpm=bpm, meter=parse_meter(meter), start=start, most_bars=bars).first(bars)


# ------------------------------------------------------------------------------------------------------------- measures


def scale_share(score: Score) -> float:
    """Share of the notes' time on the scale."""
    inside = sum(n.length for n in score.notes if n.pitch % 12 in score.key.scale)
    return float(inside / max(sum(n.length for n in score.notes), 1e-9))


def chord_agreement(score: Score, request: Request) -> float:
    """Share of the notes' time on the tones of the chords, each of which sounds from its own place in its bar."""
    bar = score.quarters_per_bar
    inside = total = 0.0
    for number in range(score.bars):
        labels = request.progression[number % len(request.progression)]
        places = [number * bar + step / 4 for step in request.time.chord_steps(len(labels))]
        for label, start, end in zip(labels, places, [*places[1:], (number + 1) * bar], strict=True):
            chord = parse_chord(label)
            struck = [n for n in score.notes if n.start + EARLY_QUARTERS < end] if chord is not None else []
            for n in struck:  # a note a little before its chord is on time
                shared = max(0.0, min(n.start + n.length, end) - max(n.start, start))
                total += shared
                inside += shared * (n.pitch % 12 in chord.pitch_classes)
    return float(inside / max(total, 1e-9))


def coherence_of(score: Score, idea: Idea, request: Request) -> float:
    """The coherence of a part with the recording."""
    heard = evidence(idea, request.bpm, request.bars, request.meter)
    return coherence(grid_of_notes(score.notes, meter=score.meter, bars=score.bars, pitched=not score.is_drums), heard)


def overlap(one: Score, other: Score) -> float:
    """Notes that share pitch and sixteenth, as a share of both parts' notes (Dice)."""
    a, b = ({(n.pitch, round(n.start * 4)) for n in s.notes} for s in (one, other))
    return 2 * len(a & b) / max(1, len(a) + len(b))


def naive(score: Score, request: Request) -> Score:
    """Control (a): the chord's root on every beat (a kick for drums)."""
    beat = score.meter.quarters_per_beat
    half = score.quarters_per_bar / 2
    labels = request.half_bars()
    centre = round(statistics.median(n.pitch for n in score.notes))
    notes = []
    for i in range(round(score.quarters / beat)):
        chord = None if score.is_drums or not labels else parse_chord(labels[int(i * beat // half)])
        pitch = 36 if chord is None else centre - (centre - chord.root) % 12
        notes.append(Note(pitch, i * beat, beat * 0.95, 90))
    return Score(**{**vars(score), "notes": tuple(notes), "bends": (), "swells": ()})


def for_another(idea: Idea, other: Idea, request: Request) -> Score | None:
    """Control (b): the part composed for ``other`` at this request's tempo, transposed into its key."""
    theirs, _ = plan_request(other.analysis, instrument=request.instrument, bars=request.bars, seed=request.seed)
    if theirs.meter != request.meter or (request.key is not None and not theirs.progression):
        return None
    if request.key is not None and theirs.key is not None:
        shift = (request.key.tonic - theirs.key.tonic) % 12
        progression = tuple(
            tuple(c.transposed(shift).label() if (c := parse_chord(label)) else label for label in bar)
            for bar in theirs.progression
        )
        theirs = theirs.with_(progression=progression, key=theirs.key.transposed(shift))
    return compose(theirs.with_(bpm=request.bpm), other.analysis)


# ----------------------------------------------------------------------------------------------------------------- runs


def read_ideas(source: Path, most: int) -> list[Idea]:
    """Ideas with a tempo, a key and chords in at least two bars; every n-th file, so that all kinds are there."""
    if source.is_dir():
        paths = sorted(p for p in source.iterdir() if p.suffix in (".wav", ".mp3", ".ogg", ".flac"))
    else:
        with source.open() as file:
            paths = [source.parent / row[0] for row in itertools.islice(csv.reader(file), 1, None)]
    ideas: list[Idea] = []
    for path in paths[:: max(1, len(paths) // (2 * most))]:
        try:
            audio = read_audio(path)
            analysis = analyze(audio.clip, file=path.name, tags=False)
        except LoopsError as error:
            print(f"  {path.name}: {error}")
            continue
        if analysis.tempo.bpm and analysis.key and len({c.label for c in analysis.chords} - {"N"}) >= 2:
            ideas.append(Idea(path.name, audio.clip, analysis))
        if len(ideas) == most:
            break
    return ideas


def measure_role(role: str, ideas: list[Idea]) -> dict:
    """Everything about one role over all ideas."""
    shares, agreements, beats_naive, beats_others, in_range, scores = [], [], [], [], [], []
    for idea in ideas:
        request, _ = plan_request(idea.analysis, instrument=PLAYERS[role], seed=1)
        score = compose(request, idea.analysis)
        instrument = find_instrument(PLAYERS[role]).instrument
        in_range.append(all(instrument.low <= n.pitch <= instrument.high for n in score.notes))
        if role != "drums":
            shares.append(scale_share(score))
            agreements.append(chord_agreement(score, request))
        mine = coherence_of(score, idea, request)
        scores.append(mine)
        beats_naive.append(mine > coherence_of(naive(score, request), idea, request))
        for other in ideas:
            control = for_another(idea, other, request) if other is not idea else None
            if control is not None:
                beats_others.append(mine > coherence_of(control, idea, request))
    return {
        "ideas": len(ideas),
        "scale_share_min": min(shares, default=None),
        "chord_agreement_min": min(agreements, default=None),
        "chord_agreement_median": statistics.median(agreements) if agreements else None,
        "coherence_median": statistics.median(scores),
        "beats_naive": float(np.mean(beats_naive)),
        "beats_other_ideas": float(np.mean(beats_others)),
        "pairs": len(beats_others),
        "in_range": all(in_range),
    }


def measure_variety(role: str, ideas: list[Idea]) -> dict:
    """SEEDS takes of one request, for several ideas: how alike they are, and whether each keeps scale and chords."""
    medians, different, sound = [], [], []
    for idea in ideas[:: max(1, len(ideas) // VARIETY_IDEAS)][:VARIETY_IDEAS]:
        request, _ = plan_request(idea.analysis, instrument=PLAYERS[role], seed=1)
        scores = [compose(request, idea.analysis, take) for take in range(SEEDS)]
        medians.append(statistics.median(overlap(a, b) for a, b in itertools.combinations(scores, 2)))
        different.append(len({s.notes for s in scores}) == SEEDS)
        if role != "drums":
            least_scale, least_chords = LEAST[role]
            sound += [scale_share(s) >= least_scale and chord_agreement(s, request) >= least_chords for s in scores]
    return {
        "different": all(different),
        "median_overlap": statistics.median(medians),
        "median_overlap_worst_idea": max(medians),
        "takes_that_pass": float(np.mean(sound)) if sound else None,
    }


def measure_speed(role: str, idea: Idea) -> dict:
    """CPU seconds to compose and to render SPEED_BARS bars, warm."""
    request, _ = plan_request(idea.analysis, instrument=PLAYERS[role], bars=SPEED_BARS, seed=2)
    render(compose(request, idea.analysis), request)
    start = time.process_time()
    score = compose(request, idea.analysis)
    composed = time.process_time()
    render(score, request)
    return {"compose_seconds": composed - start, "render_seconds": time.process_time() - composed}


def measure_ranges() -> dict:
    """Every word of the instrument table, played: does the part stay in that instrument's range?"""
    outside = []
    for instrument in INSTRUMENTS:
        request, _ = plan_request(None, instrument=instrument.name, bpm=100, key="D minor", seed=3)
        score = compose(request, None)
        if not score.notes or any(not instrument.low <= n.pitch <= instrument.high for n in score.notes):
            outside.append(instrument.name)
    return {"instruments": len(INSTRUMENTS), "outside": outside}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ideas", type=Path)
    parser.add_argument("--songs", type=Path, help="a folder of MIDI songs with several tracks")
    parser.add_argument("--most", type=int, default=24)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/composer.json"))
    args = parser.parse_args()
    ideas = read_ideas(args.ideas, args.most)
    print(f"{len(ideas)} ideas with chords")
    report: dict = {"ideas": [i.name for i in ideas], "ranges": measure_ranges(), "roles": {}, "score": {}}
    if args.ideas.suffix == ".csv":
        report["score"]["stems"] = check_stems(read_stems(args.ideas))
    if args.songs:
        report["score"]["songs"] = check_songs(args.songs)
    print("role       scale chords median >naive >other overlap differ    ms")
    for role in PLAYERS:
        row = measure_role(role, ideas) | measure_variety(role, ideas) | measure_speed(role, ideas[0])
        report["roles"][role] = row
        shown = [row[k] for k in ("scale_share_min", "chord_agreement_min", "chord_agreement_median")]
        cells = " ".join(f"{'-':>6}" if v is None else f"{v:6.2f}" for v in shown)
        spent = 1000 * (row["compose_seconds"] + row["render_seconds"])
        print(
            f"{role:9} {cells} {row['beats_naive']:6.0%} {row['beats_other_ideas']:6.0%} {row['median_overlap']:7.2f} "
            f"{row['different']!s:>6} {spent:5.0f}",
            flush=True,
        )
    for name, figures in report["score"].items():
        print(f"score on {name}: {json.dumps(figures)}")
    print(f"out of range: {report['ranges']['outside'] or 'none'} of {report['ranges']['instruments']} instruments")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
