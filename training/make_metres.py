"""Make clips of folk tunes whose metre is written, in 3/4, 4/4 and 6/8: ABC files with accompaniments of ours.

    python -m training.make_metres CORPUS --soundfont GM.sf2 [GM2.sf2 ...] --out DIR [--seed 5] [--each 900]
        [--without BOOKS] [--unseen]

Needs music21, pretty_midi and the ``fluidsynth`` program; ``CORPUS`` holds folders of ABC files. A tune of each clip
stands in a new key and tempo, cut to 7 to 20 s of whole bars, alone or with bass and chords in turn, struck, broken or
held chords, with drums at times; half of the accompaniments have their bass, chords and drums at drawn places, a
quarter hold their chords low, so that the melody alone tells the metre. Two clips of five begin anywhere in a bar.
Every clip is drawn from its own seed, the run's and its tune's number, so a run can be made again, to the sample.

Behind the weights in ``helpers/analysis`` is a set by ``--seed 5 --each 900`` through FluidR3_GM, TimGM6mb and
MuseScore_General_Full (Debian's fluid-soundfont-gm, timgm6mb-soundfont and musescore-general-soundfont-lossless,
given in this order), from four books in one folder, essenFolksong, miscFolk and ryansMammoth of music21 10.5.1 and
``ABC_cleaned`` of github.com/jukedeck/nottingham-dataset as nottingham, ``--without`` a folder of oneills1850 and
airdsAirs of music21. Those two are measured by ``--unseen --seed 7 --each 120`` through OPL-3_FM_128M (Debian's
opl3-soundfont): neither their tunes, nor their accompaniments, nor their sounds are learnt from.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from helpers.music.meter import METERS
from training.clip_composer import PROGRAMS, Piece, above, arpeggio, comp, pick, some_bpm
from training.clip_tunes import harmonized, one_tune
from training.make_clips import render

_COUNTED = {"3/4": "3/4", "6/8": "6/8", "4/4": "4/4", "C": "4/4", "C|": "4/4", "2/4": "4/4"}
_STYLES = ("solo", "turns", "turns", "comp", "arpeggio", "held", "full", "full", "backing")
_HELD_STYLES = ("low", "low", "low", "solo", "turns")
# (start, length) in quarters of bass notes, and of the chords between them
_TURNS = {
    "4/4": (
        (((0, 0.9), (2, 0.9)), ((1, 0.8), (3, 0.8))),
        (((0, 0.9), (2, 0.9)), ((0.5, 0.4), (1.5, 0.4), (2.5, 0.4), (3.5, 0.4))),
        (((0, 1.4), (1.5, 0.4), (2, 1.4)), ((1, 0.8), (3, 0.8))),
    ),
    "3/4": (
        (((0, 0.9),), ((1, 0.8), (2, 0.8))),
        (((0, 0.9),), ((1, 0.4), (1.5, 0.4), (2, 0.8))),
        (((0, 2.8),), ((0, 2.8),)),
        (((0, 1.4), (1.5, 1.4)), ((0, 0.4), (1, 0.4), (2, 0.4))),
    ),
    "6/8": (
        (((0, 0.9), (1.5, 0.9)), ((1, 0.4), (2.5, 0.4))),
        (((0, 0.9),), ((0.5, 0.4), (1, 0.4), (1.5, 0.4), (2, 0.4), (2.5, 0.4))),
        (((0, 1.4), (1.5, 1.4)), ((0, 1.4), (1.5, 1.4))),
    ),
}
_STRUCK = {
    "4/4": (((0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9)), ((0, 1.4), (1.5, 1.4), (3, 0.9)), ((0, 2), (2, 2))),
    "3/4": (((0, 0.9), (1, 0.9), (2, 0.9)), ((1, 0.9), (2, 0.9)), ((0, 2), (2, 0.9)), ((0, 3),)),
    "6/8": (
        ((0, 1.4), (1.5, 1.4)),
        ((0, 1), (1, 0.5), (1.5, 1), (2.5, 0.5)),
        tuple((k / 2, 0.45) for k in range(6)),
    ),
}
_EIGHTHS = tuple((k / 2, 0.45) for k in range(8))
# bass, chords and drums that only measured clips have: tresillo, bossa, charleston, broken chord; jazz waltz, mazurka,
# sarabande, broken chord; strum, siciliano, slow ballad, quick two
_UNSEEN = {
    "4/4": (
        (((0, 1.4), (1.5, 1.4), (3, 0.9)), ((1, 0.4), (2.5, 0.4), (3.5, 0.4)), "0:36 1.5:36 3:36 2:38"),
        (
            ((0, 1.4), (1.5, 0.4), (2, 1.4), (3.5, 0.4)),
            ((0, 0.4), (1.5, 0.9), (3, 0.9)),
            "0:36 1.5:36 2:36 1:37",
        ),
        (((0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9)), ((0, 1.4), (1.5, 0.4)), "1:38 3:38 0:51 1:51 2:51 3:51"),
        (((0, 3.8),), _EIGHTHS, "0:36 2:38 2.5:36"),
    ),
    "3/4": (
        (((0, 1.4), (2.5, 0.4)), ((1.5, 0.9), (2.5, 0.4)), "0:36 1:44 1.5:37 2.5:37 0:51 1:51 2:51"),
        (((0, 0.9), (1, 1.8)), ((0, 0.4), (1, 1.8)), "0:36 1:38 1.5:38"),
        (((0, 0.9), (1, 1.9)), ((0, 0.9), (1, 1.4), (2.5, 0.4)), "0:36 1:36 2:38 2.5:38"),
        (((0, 2.8),), _EIGHTHS[:6], "0:36 2:38"),
    ),
    "6/8": (
        (((0, 1.4), (1.5, 1.4)), ((0, 0.9), (1, 0.4), (1.5, 0.4), (2, 0.4), (2.5, 0.4)), "0:36 1.5:38 2:36"),
        (((0, 0.7), (1, 0.4), (1.5, 1.4)), ((0.5, 0.4), (2, 0.4)), "0:36 1:38 1.5:36 2.5:38"),
        (((0, 2.8),), _EIGHTHS[:6], "0:36 1.5:38 2.5:36 .5:42 1:42 2:42"),
        (((0, 0.4), (1.5, 0.4)), ((0, 0.4), (1.5, 0.4)), "0:36 1.5:36 1:42 2.5:42"),
    ),
}
_DRUMS = {
    "4/4": ("0:36 1:38 3:38 2:36", "0:36 2:38 1.5:36", "0:36 1:36 2:36 3:36 1:39 3:39 .5:46 1.5:46 2.5:46 3.5:46"),
    "3/4": ("0:36 1:38 2:38", "0:36 2:38", "0:36 1:42 2:38", "0:36 1:38 2:38 1.5:36 2.5:38"),
    "6/8": ("0:36 1.5:38", "0:36 1.5:38 1:36 2.5:36", "0:36 1:36 1.5:38 2.5:38", "0:36 1.5:38 2.5:36"),
}


def written_tunes(corpus: Path) -> list[tuple[str, str, str]]:
    """Metre counted, name and ABC text of every tune whose metre is one of ours."""
    found = []
    for path in sorted(corpus.rglob("*.abc")):
        for number, text in enumerate(re.split(r"(?=^X:)", path.read_text(errors="ignore"), flags=re.M)):
            metre = re.search(r"^M:\s*(\S+)", text, re.M)
            if metre and metre[1] in _COUNTED:
                found.append((_COUNTED[metre[1]], f"{path.stem} {number}", text))
    return found


def drawn_places(metre: str, rng: np.random.Generator) -> tuple[tuple, tuple, str]:
    """Bass and chords, as in _TURNS, and drums, as in _DRUMS, at places of the bar that are drawn."""
    meter = METERS[metre]
    beats = [k * meter.quarters_per_beat for k in range(meter.beats_per_bar)]
    eighths = [k / 2 for k in range(round(2 * meter.beats_per_bar * meter.quarters_per_beat))]
    share, places = (0.6, beats) if rng.random() < 0.6 else (0.3, eighths)
    some = [place for place in places if rng.random() < share]
    bass = sorted({0.0, *(some if rng.random() < 0.7 else [])})
    after = [b + 1 for b in beats] if metre == "6/8" else [b for b in beats if b not in bass]
    between = pick(rng, (after, after, [e for e in eighths if e not in bass], beats, [0.0]))
    kicks = {0.0, *(e for e in eighths if rng.random() < 0.15)}
    backbeat = {"4/4": (1.0, 3.0), "3/4": pick(rng, ((1.0, 2.0), (2.0,), (1.0,))), "6/8": (1.5,)}[metre]
    hits = [f"{at}:36" for at in sorted(kicks)] + [f"{at}:38" for at in backbeat]
    return tuple((at, 0.9) for at in bass), tuple((at, 0.45) for at in between or (0.0,)), " ".join(hits)


def compose(tune: dict, metre: str, rng: np.random.Generator, *, unseen: bool = False) -> Piece:
    """A tune in a new key and tempo with one of the accompaniments; ``unseen``: with one that is never learnt from."""
    meter, bars = METERS[metre], tune["bars"]
    if tune["meter"] == "2/4":  # two written bars make one of ours
        bars = [a + [(s + 2, n, p) for s, n, p in b] for a, b in zip(bars[::2], bars[1::2], strict=False)]
    bpm = float(rng.integers(50, 132)) if metre == "6/8" else some_bpm(rng, 70, 190 if metre == "3/4" else 170)
    count = int(np.clip(round(rng.uniform(7, 20) * bpm / 60 / meter.beats_per_bar), 3, len(bars)))
    start = int(rng.integers(0, len(bars) - count + 1)) if rng.random() < 0.5 else 0
    bars, shift = bars[start : start + count], int(rng.integers(-5, 7))
    how = "unseen" if unseen else pick(rng, ("listed", "drawn", "drawn", "held"))
    style = pick(rng, _HELD_STYLES if how == "held" else _STYLES)
    key = tune["key"].transposed(shift)
    piece = Piece(style, tune["name"], bpm, meter, len(bars), key)
    piece.jitter_seconds = pick(rng, (0.0, 0.002, 0.006, 0.012, 0.018))
    piece.cents = float(pick(rng, (0, 0, 0, -30, 20)))
    piece.chords = [harmonized(notes, shift, key, edge=bar in (0, len(bars) - 1)) for bar, notes in enumerate(bars)]
    if rng.random() < 0.25:  # a chord for two bars
        piece.chords = [piece.chords[bar - bar % 2] for bar in range(len(piece.chords))]
    if style != "backing":
        _melody(piece, bars, shift, tune["pick_up"] if start == 0 and rng.random() < 0.7 else [], rng)
    program = pick(rng, PROGRAMS["chords"] + PROGRAMS["guitar"])
    if how == "unseen":
        bass, between, hits = pick(rng, _UNSEEN[metre])
    elif how == "drawn":
        bass, between, hits = drawn_places(metre, rng)
    else:
        bass, between, hits = *pick(rng, _TURNS[metre]), pick(rng, _DRUMS[metre])
    if style in ("turns", "full", "backing"):
        _turns(piece, bass, between, program, rng)
    elif style == "comp":
        comp(piece, program, between if how in ("unseen", "drawn") else pick(rng, _STRUCK[metre]), 52)
    elif style == "arpeggio":
        arpeggio(piece, program, pick(rng, (0.5, 0.5, 0.25)))
    elif style == "held":
        comp(piece, pick(rng, PROGRAMS["pad"] + PROGRAMS["chords"]), ((0, piece.bar),), 52)
    elif style == "low":
        halves = metre != "3/4" and rng.random() < 0.4
        comp(piece, program, ((0, piece.bar / 2), (piece.bar / 2, piece.bar / 2)) if halves else ((0, piece.bar),), 36)
    if style in ("full", "backing") and rng.random() < 0.8:
        _drums(piece, hits, rng)
    if metre == "4/4" and style != "solo" and rng.random() < 0.2:
        piece.swing = float(rng.uniform(0.58, 0.68))
    return piece


def _melody(piece: Piece, bars: list, shift: int, before: list, rng: np.random.Generator) -> None:
    track, beat = piece.track(pick(rng, PROGRAMS["lead"] + PROGRAMS["chords"])), piece.meter.quarters_per_beat
    octave = 12 * round((72 - np.mean([p for notes in bars for _, _, p in notes]) - shift) / 12)
    accent = 0 if rng.random() < 0.25 else int(rng.integers(0, 20))
    for bar, notes in enumerate(bars):
        for start, length, pitch in notes:
            loud = 78 + accent * (start % beat == 0) + accent * 0.5 * (start == 0)
            piece.put(track, pitch + shift + octave, bar * piece.bar + start, length, loud)
    for start, length, pitch in before:
        piece.put(track, pitch + shift + octave, start, length, 84)
        piece.pick_up = max(piece.pick_up, -start)


def _turns(piece: Piece, bass: tuple, between: tuple, program: int, rng: np.random.Generator) -> None:
    low = piece.track(program if piece.kind == "turns" else pick(rng, PROGRAMS["bass"]))
    for bar, chord in enumerate(piece.chords):
        for number, (start, length) in enumerate(bass):
            piece.put(low, above(chord[2 * (number % 2)], 36), bar * piece.bar + start, length, 95)
    comp(piece, program, between, 55)


def _drums(piece: Piece, hits: str, rng: np.random.Generator) -> None:
    track = piece.track(pick(rng, PROGRAMS["kit"]), drums=True)
    hat = pick(rng, (0, 0.5, 0.5, 1))
    for bar in range(piece.bars):
        for hit in hits.split():
            start, pitch = hit.split(":")
            piece.put(track, int(pitch), bar * piece.bar + float(start), 0.2, 95)
        for start in np.arange(0, piece.bar, hat) if hat else ():
            loud = 60 + 12 * (start % piece.meter.quarters_per_beat == 0)
            piece.put(track, 42, bar * piece.bar + float(start), 0.1, loud)


def cut_anywhere(path: Path, seconds: float) -> None:
    """Leave out the first ``seconds`` of a clip: people's takes begin where they will."""
    sound, rate = soundfile.read(path, always_2d=True)
    soundfile.write(path, sound[round(seconds * rate) :], rate)


def clip_of(job: tuple) -> dict[str, str] | None:
    """The manifest's row of one clip made from an ABC text, all drawn from its own seed; None where it is not fit."""
    import music21

    (metre, name, text), seed, soundfonts, base, unseen = job
    rng = np.random.default_rng(seed)
    try:
        score = music21.converter.parse(text, format="abc")
        tune = one_tune((list(getattr(score, "scores", None) or []) or [score])[0], name, most_bars=16, in_key=False)
    except Exception as error:  # music21 raises many kinds on odd files; one bad tune is only skipped
        print(f"{name}: {error}")
        return None
    if tune is None or not all(tune["bars"][:8]):
        return None
    piece = compose(tune, metre, rng, unseen=unseen)
    row = render(piece, pick(rng, ("free", "free", "exact", "mp3")), rng, pick(rng, soundfonts), base)
    if rng.random() < 0.4:
        cut_anywhere(base.parent / row["file"], float(rng.uniform(0.0, piece.bar / piece.bpm * 60.0)))
        row |= {"beat_times": "", "downbeat_times": "", "chords": ""}
    return row | {"meter": metre, "notes": "octave-ambiguous"}


def titles(text: str) -> set[str]:
    """The names of a tune in small letters, without articles, signs and blanks."""
    found = re.findall(r"^T:(.*)", text, re.M)
    return {re.sub(r"[^a-z]", "", re.sub(r"\b(the|a|an)\b", "", title.lower())) for title in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--soundfont", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--each", type=int, default=900, help="clips of each metre")
    parser.add_argument("--unseen", action="store_true", help="accompaniments that are only measured on")
    parser.add_argument("--without", type=Path, help="leave out what has the title of a tune in this folder")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    known = {title for _, _, text in written_tunes(args.without) for title in titles(text)} if args.without else set()
    tunes = [tune for tune in written_tunes(args.corpus) if not titles(tune[2]) & known]
    order = np.random.default_rng(args.seed).permutation(len(tunes))
    rows = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for metre in _TURNS:
            left = iter([n for n in order if tunes[n][0] == metre])
            made: list[dict[str, str]] = []
            while len(made) < args.each and (some := list(itertools.islice(left, args.each - len(made)))):
                work = [
                    (tunes[n], (args.seed, int(n)), tuple(args.soundfont), args.out / f"tune{n:05d}", args.unseen)
                    for n in some
                ]
                made += [row for row in pool.map(clip_of, work, chunksize=4) if row is not None]
            rows += made
    with (args.out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        manifest = csv.DictWriter(file, list(rows[0]))
        manifest.writeheader()
        manifest.writerows(rows)
    print(f"{len(rows)} clips in {args.out}")


if __name__ == "__main__":
    main()
