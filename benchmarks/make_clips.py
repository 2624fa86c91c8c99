"""Make clips of known tempo, grid, key and chords: composed by rule, played through a SoundFont, with a manifest.

    python benchmarks/make_clips.py --soundfont GM.sf2 --out DIR [--seed 1] [--each 10] [--tunes FOLDER]

Needs the ``fluidsynth`` program and pretty_midi. Kinds of material: *parts* (band, piano, guitar, bass, lead, hum,
pad over stock progressions), *drums* (fourteen styles with swing and fills), *timeless* (notes at random moments) and,
with ``--tunes`` and music21 installed, *tunes* (ABC files of that folder, alone or with chords, bass and drums of our
own). Programs, tempi, keys, detuning and timing jitter vary. Each clip is cut exactly, or free (silence before, tail
after), or an MP3, or phone-like (300 to 3400 Hz, noise at -22 dB, MP3). The manifest is what ``analysis.py`` and
``train_hearing.py`` read. Clean synthetic music flatters every estimator: compare, do not quote.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from clip_composer import PART_KINDS, Piece, compose_drums, compose_part, compose_timeless
from clip_tunes import compose_tune, read_tunes

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

    lead = float(rng.uniform(0.2, 0.9)) if condition == "free" else 0.0
    sound = _play(piece, lead, rng, soundfont)
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
    beat = 60.0 / piece.bpm
    bar = piece.meter.beats_per_bar * beat
    beats = [lead + k * beat for k in range(piece.bars * piece.meter.beats_per_bar)]
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
        "downbeat_times": "" if timeless else " ".join(f"{t:.4f}" for t in beats[:: piece.meter.beats_per_bar]),
        "chords": " ".join(spans) if piece.shows_chords else "",
    }


def _chord_label(chord: tuple[int, ...]) -> str:
    fifth, third = (chord[2] - chord[0]) % 12, (chord[1] - chord[0]) % 12
    return f"{_NAMES[chord[0]]}:{'dim' if fifth == 6 else 'maj' if third == 4 else 'min'}"


def _play(piece: Piece, lead: float, rng: np.random.Generator, soundfont: Path) -> np.ndarray:
    import pretty_midi
    import soundfile

    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    for program, drums in piece.tracks:
        instrument = pretty_midi.Instrument(program=program, is_drum=drums)
        if piece.cents and not drums:
            instrument.pitch_bends.append(pretty_midi.PitchBend(int(8192 * piece.cents / 200), 0.0))
        midi.instruments.append(instrument)
    quarter = 60.0 / piece.bpm / piece.meter.quarters_per_beat
    for track, pitch, start, length, velocity in piece.notes:
        at = max(0.0, lead + start * quarter + float(rng.normal(0.0, piece.jitter_seconds)))
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
    parser.add_argument("--tunes", type=Path, help="folder of ABC files; needs music21")
    parser.add_argument("--most-tunes", type=int, default=200)
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
    for i, tune in enumerate(read_tunes(args.tunes, args.most_tunes, rng) if args.tunes else ()):
        pieces.append((compose_tune(tune, rng, f"tune {tune['name']} {i}"), (mixed[int(rng.integers(6))],)))
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
