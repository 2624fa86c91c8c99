"""Make clips of known tempo, grid, key and chords: composed by rule, played through a SoundFont, with a manifest.

    python -m training.make_clips --soundfont GM.sf2 --out DIR [--seed 1] [--each 10] [--tunes DIR] [--scores DIR]

Needs the ``fluidsynth`` program and pretty_midi. Kinds of material: *parts* (band, piano, guitar, bass, lead, hum, pad
over stock progressions), *drums* (sixteen styles with swing and fills), *timeless* (notes at random moments, held
chords, noise, mains hum) and, with music21 installed, *tunes* (the ABC files below a folder, alone or with chords, bass
and drums of our own) and *scores* (excerpts of the MusicXML and kern files below a folder). Programs, tempi, keys,
meters, pick-ups, swing, detuning, vibrato and timing jitter vary. Each clip is cut exactly, or free (silence before,
tail after), or an MP3, or phone-like (300 to 3400 Hz, noise at -22 dB, MP3). The manifest is what ``analysis.py`` and
``train_hearing.py`` read. Clean synthetic music flatters every estimator: compare, do not quote.

The composed clips behind the weights in ``helpers/analysis``, both folders being the corpus of music21 10.5::

    composed-f      --seed 101 --each 16 --most-tunes 160 --most-scores 100, through FluidR3_GM
    composed-t      the same with --seed 202, through pretty_midi's TimGM6mb
    composed-f2     --seed 303 --each 20 --most-tunes 140 --most-scores 80, through FluidR3_GM
    composed-t2     the same with --seed 404, through TimGM6mb
    composed-swung  --seed 505 --each 7 --swing, no tunes or scores, through FluidR3_GM

each ``--without`` airdsAirs oneills1850 trecento palestrina monteverdi josquin luca ciconia lusitano webern schoenberg
theoryExercises demos nottingham mozart/k545 mozart/k155 mozart/k80 haydn/opus74no1 polonaise_op1n1 polonaise_op1n2
Lindenbaum han1 lux erk30 han2 zuccal0 erk10 fink0 lot boehme10 erk20 altdeu10 altdeu20 boehme20: what the recorded
clips hold, music without a key in today's sense, and collections that take long to read.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from training.clip_composer import (
    PART_KINDS,
    Piece,
    compose_beside,
    compose_drums,
    compose_part,
    compose_timeless,
    pick,
)
from training.clip_scores import compose_score, read_scores
from training.clip_tunes import compose_tune, read_tunes

RATE = 44_100
COLUMNS = (
    "file",
    "kind",
    "instrument",
    "bpm",
    "key",
    "meter",
    "origin",
    "notes",
    "beat_times",
    "downbeat_times",
    "chords",
)
_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


def render(piece: Piece, condition: str, rng: np.random.Generator, soundfont: Path, base: Path) -> dict[str, str]:
    """Play a piece into ``base`` (.wav or .mp3) under a condition; returns its row of the manifest."""
    import soundfile

    beat = 60.0 / piece.bpm
    early = piece.pick_up / piece.meter.quarters_per_beat if condition == "free" else 0.0  # beats before bar 1
    lead = float(rng.uniform(0.2, 0.9)) + early * beat if condition == "free" else 0.0
    sound = _play(piece, lead, rng, soundfont) if piece.tracks else _drone(piece.seconds, rng)
    length = lead + piece.seconds + float(rng.uniform(0.3, 1.2)) if condition == "free" else piece.seconds
    samples = round(length * RATE)
    sound = np.pad(sound, ((0, max(0, samples - len(sound))), (0, 0)))[:samples]
    if condition == "phone":
        sound = _phone(sound, rng)
    sound = 0.8 * sound / (np.abs(sound).max() + 1e-9)
    sound[-176:] *= np.linspace(1, 0, 176)[:, None] if condition != "free" else 1.0  # 4 ms, so that the cut is no click
    path = base.with_suffix(".mp3" if condition in ("mp3", "phone") else ".wav")
    if path.suffix == ".mp3":
        soundfile.write(path, sound, RATE, format="MP3", compression_level=0.9 if condition == "phone" else 0.7)
    else:
        soundfile.write(path, sound, RATE, subtype="PCM_16")
    timeless = piece.kind == "timeless"
    bar = piece.meter.beats_per_bar * beat
    beats = [lead + k * beat for k in range(-int(early), piece.bars * piece.meter.beats_per_bar)]
    spans = [f"{lead + b * bar:.4f},{lead + (b + 1) * bar:.4f},{_chord_label(c)}" for b, c in enumerate(piece.chords)]
    return {
        "file": path.name,
        "kind": condition,
        "instrument": piece.kind,
        "bpm": "" if timeless else f"{piece.bpm:g}",
        "key": piece.key.name if piece.key else "",
        "meter": "" if timeless else piece.meter.name,
        "origin": piece.origin,
        "notes": "no-tempo" if timeless else "",
        "beat_times": "" if timeless else " ".join(f"{t:.4f}" for t in beats),
        "downbeat_times": "" if timeless else " ".join(f"{lead + b * bar:.4f}" for b in range(piece.bars)),
        "chords": " ".join(spans) if piece.shows_chords else "",
    }


def _chord_label(chord: tuple[int, ...]) -> str:
    fifth, third = (chord[2] - chord[0]) % 12, (chord[1] - chord[0]) % 12
    return f"{_NAMES[chord[0]]}:{'dim' if fifth == 6 else 'maj' if third == 4 else 'min'}"


def _play(piece: Piece, lead: float, rng: np.random.Generator, soundfont: Path) -> np.ndarray:
    import pretty_midi
    import soundfile

    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    quarter = 60.0 / piece.bpm / piece.meter.quarters_per_beat
    for program, drums in piece.tracks:
        instrument = pretty_midi.Instrument(program=program, is_drum=drums)
        if (piece.cents or piece.vibrato_cents) and not drums:
            times = np.arange(0.0, lead + piece.seconds + 1.0, 0.02) if piece.vibrato_cents else np.zeros(1)
            cents = piece.cents + piece.vibrato_cents * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * times)
            instrument.pitch_bends += [
                pretty_midi.PitchBend(int(8192 * c / 200), float(t)) for c, t in zip(cents, times, strict=True)
            ]
        midi.instruments.append(instrument)
    for track, pitch, start, length, velocity in piece.notes:
        if start < 0 and lead == 0:  # a clip cut at the bar line has no pick-up
            continue
        at = max(0.0, lead + _swung(start, piece.swing) * quarter + float(rng.normal(0.0, piece.jitter_seconds)))
        loud = int(np.clip(velocity + rng.normal(0.0, 7.0), 25, 125))
        note = pretty_midi.Note(loud, int(np.clip(pitch, 12, 118)), at, at + max(0.05, 0.95 * length * quarter))
        midi.instruments[track].notes.append(note)
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "piece.mid", Path(folder) / "piece.wav"
        midi.write(str(score))
        command = [
            "fluidsynth",
            "-ni",
            "-q",
            "-o",
            "synth.dynamic-sample-loading=1",
            "-g",
            "0.7",
            "-r",
            str(RATE),
            "-F",
            str(sound),
            str(soundfont),
            str(score),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return soundfile.read(sound, always_2d=True)[0]


def _swung(start: float, swing: float) -> float:
    """A place in quarters, moved so that the middle of each quarter falls at ``swing`` of it (0.5: straight)."""
    whole, part = divmod(start, 1.0)
    return whole + (2 * swing * part if part < 0.5 else 1 - 2 * (1 - swing) * (1 - part))


def _drone(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of some colour (power falling as 1/f**0, 1 or 2), mains hum, or both, swelling slowly: (n, 1)."""
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    spectrum = np.fft.rfft(rng.standard_normal(n))
    noise = np.fft.irfft(spectrum / np.maximum(1, np.arange(spectrum.size)) ** (0.5 * int(rng.integers(3))), n)
    mains = pick(rng, (50, 60)) * np.arange(1, 9)
    hum = np.sum(
        [np.sin(2 * np.pi * hz * t + rng.uniform(0, 6)) * rng.uniform(0, 1) / k for k, hz in enumerate(mains, 1)],
        axis=0,
    )
    shares = pick(rng, ((1, 0), (1, 0), (0.01, 1), (0, 1)))
    swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.03, 0.3) * t + rng.uniform(0, 6))
    return ((shares[0] * noise / noise.std() + shares[1] * hum / hum.std()) * swell)[:, None]


def _phone(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    narrow = sosfilt(butter(2, [300, 3400], "band", fs=RATE, output="sos"), sound.mean(axis=1, keepdims=True), axis=0)
    return narrow + rng.normal(0.0, float(np.sqrt(np.mean(narrow**2))) * 10 ** (-22 / 20), narrow.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--soundfont", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--each", type=int, default=10, help="pieces of each kind of part, each exact and free; six times as many drums"
    )
    parser.add_argument("--beside", type=int, default=0, help="lone parts that play beside the beats")
    parser.add_argument("--tunes", type=Path, help="folder of ABC files; needs music21")
    parser.add_argument("--most-tunes", type=int, default=200)
    parser.add_argument("--scores", type=Path, help="folder of MusicXML and kern files; needs music21")
    parser.add_argument("--most-scores", type=int, default=100)
    parser.add_argument(
        "--without", nargs="*", default=[], help="leave out tunes and scores whose path has one of these in it"
    )
    parser.add_argument("--swing", action="store_true", help="shuffle the 4/4 parts and drums: eighths at 0.6 to 0.68")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    pieces = [
        (compose_part(k, i, rng, f"{k} {args.seed}-{i}"), ("exact", "free"))
        for k in PART_KINDS
        for i in range(args.each)
    ]
    mixed = ("exact", "exact", "exact", "free", "mp3", "phone")
    for i in range(6 * args.each):
        pieces.append((compose_drums(i, rng, f"drums {args.seed}-{i}"), (mixed[int(rng.integers(6))],)))
    for i in range(4 * args.each):
        pieces.append((compose_timeless(rng, f"timeless {args.seed}-{i}"), (mixed[int(rng.integers(6))],)))
    for i in range(args.beside):
        pieces.append((compose_beside(rng, f"beside {args.seed}-{i}"), (mixed[int(rng.integers(6))],)))
    for tune in read_tunes(args.tunes, args.most_tunes, rng, args.without) if args.tunes else ():
        pieces.append((compose_tune(tune, rng, f"tune {tune['name']}"), (mixed[int(rng.integers(6))],)))
    for excerpt in read_scores(args.scores, args.most_scores, rng, args.without) if args.scores else ():
        # the origin is the whole movement: what one fold learns from it another must not be asked
        pieces.append((compose_score(excerpt, rng, f"score {excerpt['name']}"), (mixed[int(rng.integers(6))],)))
    for piece, _ in pieces if args.swing else ():
        piece.swing = float(rng.uniform(0.6, 0.68)) if piece.meter.name == "4/4" else 0.5
    with (args.out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        manifest = csv.DictWriter(file, COLUMNS)
        manifest.writeheader()
        for number, (piece, conditions) in enumerate(pieces):
            for condition in conditions:
                base = args.out / f"{piece.kind}{number:04d}_{condition}"
                manifest.writerow(render(piece, condition, rng, args.soundfont, base))
    print(f"{len(pieces)} pieces in {args.out}")


if __name__ == "__main__":
    main()
