"""Notes heard in rendered tunes, beside basic-pitch's own defaults: note F1 by mir_eval (onset 50 ms, no offsets).

    python -m benchmarks.hearing.notes TUNES [--soundfont GM.sf2] [--each 4] [--skip 0]

``TUNES`` is a folder of MIDI files of two tracks, melody and chords (the Nottingham collection). Lines are the melody
alone, on ten instruments; chords are both tracks. ``--skip`` takes other tunes than those that thresholds were
chosen on (the first hundred). Renders are clean: they tell methods apart and flatter all of them. Each is also moved by
-45 to 45 cents, and its tuning asked: against A = 440 Hz moved so far, beside which the bank's sounds lie up to 9 cents
themselves, and against what was heard before it was moved.
"""

from __future__ import annotations

import argparse
import io
import json
import wave
from pathlib import Path

import mido
import numpy as np

from helpers.analysis.listening import Listening
from helpers.analysis.melody import estimate_melody, estimate_notes
from helpers.analysis.transcribe import cut_notes
from helpers.records import Clip
from helpers.sound.audio import resample
from helpers.sound.features import note_gram

SECONDS = 14.0
LINES = {  # General MIDI program and octave shift
    "bass guitar": (33, -2), "synth bass": (38, -2), "flute": (73, 0), "voice": (53, 0), "guitar": (25, 0),
    "piano": (0, 0), "e-piano": (4, 0), "saxophone": (66, -1), "violin": (40, 0), "synth lead": (81, 0),
}  # fmt: skip
CHORDS = {"piano": 0, "e-piano": 4, "guitar": 25, "clean guitar": 27, "strings": 48, "organ": 19}


def tune_notes(path: Path) -> list[list[tuple[float, float, int]]]:
    """Start, end, pitch of each note of each track, in seconds, up to SECONDS."""
    file = mido.MidiFile(path)
    tempo = next((m.tempo for track in file.tracks for m in track if m.type == "set_tempo"), 500_000)
    out = []
    for track in file.tracks:
        now, sounding, notes = 0.0, {}, []
        for message in track:
            now += mido.tick2second(message.time, file.ticks_per_beat, tempo)
            if message.type == "note_on" and message.velocity:
                sounding[message.note] = now
            elif message.type in ("note_on", "note_off") and message.note in sounding:
                start = sounding.pop(message.note)
                if start < SECONDS - 0.3 and now > start:
                    notes.append((start, min(now, SECONDS), message.note))
        if notes:
            out.append(sorted(notes))
    return out


def render(parts: list[tuple[list[tuple[float, float, int]], int]], soundfont: Path) -> Clip:
    """Sound of ``parts`` (notes, program), 0.1 s late so that no attack is lost."""
    import midirenderer

    file = mido.MidiFile(ticks_per_beat=1000)
    for channel, (notes, program) in enumerate(parts):
        events = [(t + 0.1, 1, p) for t, _, p in notes] + [(t + 0.1, 0, p) for _, t, p in notes]
        track, now = mido.MidiTrack(), 0
        track.append(mido.Message("program_change", program=program, channel=channel))
        for at, on, pitch in sorted(events):
            tick = round(at * 2000)
            kind = "note_on" if on else "note_off"
            track.append(mido.Message(kind, note=pitch, velocity=90, channel=channel, time=tick - now))
            now = tick
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    with wave.open(io.BytesIO(midirenderer.render_wave_from(soundfont.read_bytes(), data.getvalue()))) as sound:
        pcm = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, sound.getnchannels())
        return Clip(np.ascontiguousarray(pcm.T.astype(np.float32) / 32768.0), sound.getframerate())


def f1(truth: list[tuple[float, float, int]], found) -> float:
    import mir_eval

    if not found:
        return 0.0
    intervals = np.array([(a + 0.1, max(b, a + 0.02) + 0.1) for a, b, _ in truth])
    hz = 440.0 * 2 ** ((np.array([p for *_, p in truth]) - 69) / 12)
    got = np.array([(n.start, n.start + n.length) for n in found])
    got_hz = 440.0 * 2 ** ((np.array([n.pitch for n in found]) - 69) / 12)
    return float(
        mir_eval.transcription.precision_recall_f1_overlap(
            intervals, hz, got, got_hz, onset_tolerance=0.05, offset_ratio=None
        )[2]
    )


def peer(heard: Listening) -> list:
    """Basic-pitch with its own note creation and defaults, where it is installed."""
    import sys
    import types

    for name in ("pretty_midi", "resampy"):
        sys.modules.setdefault(name, types.ModuleType(name))
    if not hasattr(sys.modules["pretty_midi"], "PrettyMIDI"):
        sys.modules["pretty_midi"].PrettyMIDI = object
    import logging

    logging.disable(logging.WARNING)
    from basic_pitch.note_creation import output_to_notes_polyphonic

    from helpers.records import Note

    activity = heard.pitches
    found = output_to_notes_polyphonic(
        activity.sounding.T.copy(), activity.onsets.T.copy(), 0.5, 0.3, 11, True, None, None
    )
    times = np.r_[activity.times, activity.times[-1:] + 0.0116]
    return [Note(int(p), float(times[a]), float(times[b] - times[a]), 90) for a, b, p, _ in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tunes", type=Path)
    parser.add_argument("--soundfont", type=Path)
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "results" / "notes.json")
    args = parser.parse_args()
    from helpers.sketch.soundfont import find_soundfont

    bank = args.soundfont or Path(find_soundfont().path)
    tunes = sorted(args.tunes.rglob("*.mid"))[args.skip :: 3]
    turn = (notes for notes in map(tune_notes, tunes) if len(notes) >= 2)
    rng, off_cents = np.random.default_rng(0), []
    told: dict = {"lines": {}, "chords": {}}
    for name, (program, octave) in LINES.items():
        for _ in range(args.each):
            line = [(a, b, p + 12 * octave) for a, b, p in next(turn)[0]]
            heard = Listening(render([(line, program)], bank))
            off_cents.append(tuning_errors(heard.clip, float(rng.uniform(-45, 45))))
            answers = estimate_melody(heard), cut_notes(heard.pitches, one_voice=True), peer(heard)
            told["lines"].setdefault(name, []).append([f1(line, notes) for notes in answers])
    for name, program in CHORDS.items():
        for _ in range(args.each):
            tracks = next(turn)[:2]
            heard = Listening(render([(notes, program) for notes in tracks], bank))
            off_cents.append(tuning_errors(heard.clip, float(rng.uniform(-45, 45))))
            truth = sorted(n for notes in tracks for n in notes)
            told["chords"].setdefault(name, []).append([f1(truth, estimate_notes(heard)), f1(truth, peer(heard))])
    data: dict = {"clips": len(off_cents)}
    for part, columns in (("lines", ("melody", "one voice", "basic-pitch")), ("chords", ("notes", "basic-pitch"))):
        whole = np.concatenate(list(told[part].values()))
        rows = {name: np.mean(marks, axis=0) for name, marks in told[part].items()} | {"all": whole.mean(axis=0)}
        data[part] = {name: dict(zip(columns, np.round(row, 3).tolist(), strict=True)) for name, row in rows.items()}
        print(part, *(f"{name:14s} {marks}" for name, marks in data[part].items()), sep="\n")
    for name, errors in zip(("nominal", "relative"), np.abs(off_cents).T, strict=True):
        data[f"tuning, {name}"] = {
            "within 4 cents": round(float(np.mean(errors <= 4)), 3),
            "median cents": round(float(np.median(errors)), 2),
        }
        print(f"tuning, {name}", data[f"tuning, {name}"])
    args.out.write_text(json.dumps(data, indent=1), encoding="utf-8")


def tuning_errors(clip: Clip, cents: float) -> tuple[float, float]:
    """How far the tuning of a clip moved by ``cents`` is heard beside those, and beside those and what it was."""
    moved = resample(clip, round(clip.sample_rate * 2 ** (-cents / 1200)))
    before, after = (note_gram(Clip(c.samples, clip.sample_rate)).tuning_cents for c in (clip, moved))
    return (after - cents + 50) % 100 - 50, (after - before - cents + 50) % 100 - 50


if __name__ == "__main__":
    main()
