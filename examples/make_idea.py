"""Make the example idea: four bars we composed ourselves, written below as notes, played and mixed into one wav.

    python -m examples.make_idea [FOLDER]

writes ``example_idea.wav`` (an exact, seamless loop: 4 bars at 105 BPM, 403200 samples at 44.1 kHz) and ``idea.mid``;
without FOLDER where the project keeps them: the WAV in the package, for `demo` and the notebook, the MIDI here.
The sound depends on the SoundFont that is found (see LOOPS_SOUNDFONT in the README); the notes do not.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from helpers.machine.home import EXAMPLE_IDEA
from helpers.music.meter import parse_meter
from helpers.music.pitch import parse_key, parse_progression
from helpers.records import Clip, Note, Request
from helpers.sketch import Score, render, write_midi
from helpers.sound.audio import wav_bytes

BPM, BARS, KEY, RATE = 105.0, 4, "G minor", 44_100
CHORDS = "| Gm | Cm | Eb | Dm |"

# One line a bar. Electric piano: beat:pitches:length in quarters; on one, a push before three, and on four.
KEYS = (
    "0:55,58,62:1.4  1.5:58,62,67:0.9  2.5:55,58,62:0.4  3:58,62,67:0.9",
    "0:55,60,63:1.4  1.5:60,63,67:0.9  2.5:55,60,63:0.4  3:60,63,67:0.9",
    "0:55,58,63:1.4  1.5:58,63,67:0.9  2.5:55,58,63:0.4  3:58,63,67:0.9",
    "0:53,57,62:1.4  1.5:57,62,65:0.9  2.5:53,57,62:0.4  3:57,62,65:0.9",
)
# Nylon guitar: beat:pitch:length. A motif that climbs, its answer, its height, and a fall that leads back to the start.
MELODY = (
    "0:67:0.9  1:70:0.45  1.5:72:0.45  2:74:1.4  3.5:72:0.45",
    "0:75:0.9  1:74:0.45  1.5:72:0.45  2:67:0.9  3:72:0.9",
    "0:74:0.9  1:75:0.45  1.5:74:0.45  2:70:1.4  3.5:67:0.45",
    "0:69:0.9  1:65:0.45  1.5:69:0.45  2:70:0.45  2.5:69:0.45  3:62:0.9",
)


def read_bars(bars: tuple[str, ...], accent: int) -> tuple[Note, ...]:
    """Read ``beat:pitch,pitch:length`` words, one line a bar of four quarters; beats on the bar line are louder."""
    notes = []
    for number, line in enumerate(bars):
        for word in line.split():
            beat, pitches, length = word.split(":")
            velocity = accent + (10 if float(beat) == 0 else 0)
            start = 4 * number + float(beat)
            notes += [Note(int(p), start, float(length), velocity) for p in pitches.split(",")]
    return tuple(notes)


def part(instrument: str, role: str, program: int, notes: tuple[Note, ...]) -> Score:
    """One of the two parts as a score."""
    chords = tuple(label for bar in parse_progression(CHORDS) for label in (bar[0], bar[-1]))
    return Score(instrument, role, program, False, BPM, parse_meter("4/4"), BARS, parse_key(KEY), chords, notes)


def looped(score: Score) -> np.ndarray:
    """The part as a loop (2, samples): what rings on after the last bar sounds over the first."""
    request = Request(score.instrument, score.role, BPM, BARS)
    sound = render(score, request, RATE).samples
    length = request.samples(RATE)
    loop, tail = sound[:, :length].copy(), sound[:, length:]
    loop[:, : tail.shape[1]] += tail[:, :length]
    return loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where both files go (files there are replaced)")
    folder = parser.parse_args().folder
    keys = part("electric piano", "chords", 4, read_bars(KEYS, 78))
    melody = part("nylon guitar", "lead", 24, read_bars(MELODY, 88))
    mix = (0.8 * looped(keys) + looped(melody)).mean(axis=0, keepdims=True)
    mix *= 0.8 / np.abs(mix).max()
    both = dataclasses.replace(keys, instrument="idea", notes=(*keys.notes, *melody.notes))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    wav = EXAMPLE_IDEA if folder is None else folder / EXAMPLE_IDEA.name
    wav.write_bytes(wav_bytes(Clip(mix.astype(np.float32), RATE)))
    ((folder or Path(__file__).parent) / "idea.mid").write_bytes(write_midi(both))


if __name__ == "__main__":
    main()
