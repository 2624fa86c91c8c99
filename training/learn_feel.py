"""Where drummers place and how hard they strike each sixteenth, by style: the figures behind our played parts.

    python -m training.learn_feel FOLDER [--out helpers/sketch/weights/feel.json]

FOLDER holds the MIDI files of the Groove MIDI Dataset (Gillick, Roberts, Engel, Eck & Bamman, "Learning to Groove with
Inverse Sequence Transformations", ICML 2019; Google, CC BY 4.0), in any arrangement of folders. Only files in 4/4 with
an even number in their name are read: the odd ones are left for ``benchmarks/sketch/compare.py`` to compare with.

Every file is centred on the medians of its even and its odd steps: an electronic kit answers early, and swing is a
control of its own. A figure of a step needs LEAST hits, else it is the mean of its place in the beat.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.sketch.people import groove_files, read_drum_file
from helpers.machine.weights import weights_text

LEAST, STEPS = 25, 16
LIMBS = {
    "kick": {35, 36},
    "snare": {37, 38, 40},
    "time": {22, 26, 42, 44, 46, 51, 53, 59},
}
# Our styles from theirs; what a style is not heard enough in, all files tell.
STYLES = {
    "rock": ("rock", "punk", "country"),
    "funk": ("funk", "neworleans"),
    "hip hop": ("hiphop",),
    "jazz": ("jazz", "blues"),
    "soul": ("soul", "gospel"),
    "latin": ("latin", "afrocuban", "reggae"),
    "afro": ("afrobeat", "highlife"),
    "pop": ("pop", "dance"),
}


def learn(files: list[tuple[Path, str, float]]) -> dict:
    """Per limb: the place in milliseconds and the velocity at each step, and what is left of both as deviations."""
    hits: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for path, _, bpm in files:
        notes = read_drum_file(path)
        steps = np.array([n[1] for n in notes])
        off, odd = (steps - np.round(steps)) * 15_000 / bpm, np.round(steps) % 2 == 1
        for group in (odd, ~odd):
            off[group] -= np.median(off[group]) if group.any() else 0.0
        for (pitch, step, _, velocity), ms in zip(notes, off.tolist(), strict=True):
            for limb, pitches in LIMBS.items():
                if pitch in pitches:
                    hits[limb].append((round(step) % STEPS, ms, velocity))
    out = {}
    for limb, rows in hits.items():
        step, ms, velocity = (np.array(c) for c in zip(*rows, strict=True))
        place, force = (_by_step(step, values) for values in (ms, velocity))
        out[limb] = {
            "ms": [round(v, 1) for v in place],
            "velocity": [round(v) for v in force],
            # Half the distance between the 16th and the 84th percentile: a deviation that stray hits do not widen.
            "ms_deviation": round(_spread(ms - place[step]), 1),
            "velocity_deviation": round(_spread(velocity - force[step]), 1),
        }
    return {"files": len(files)} | out


def _by_step(step: np.ndarray, values: np.ndarray) -> np.ndarray:
    place = np.array([np.median(values[step % 4 == s % 4]) if (step % 4 == s % 4).any() else 0 for s in range(STEPS)])
    return np.array([np.median(values[step == s]) if (step == s).sum() >= LEAST else place[s] for s in range(STEPS)])


def _spread(values: np.ndarray) -> float:
    return float(np.subtract(*np.percentile(values, [84, 16])) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("helpers/sketch/weights/feel.json"))
    args = parser.parse_args()
    files = [f for f in groove_files(args.folder) if int(f[0].stem.split("_")[0]) % 2 == 0]
    styles = {ours: learn([f for f in files if f[1].split("-")[0] in theirs]) for ours, theirs in STYLES.items()}
    for name, row in styles.items():
        print(
            name,
            row["files"],
            {k: (v["ms_deviation"], v["velocity_deviation"]) for k, v in row.items() if k != "files"},
        )
    data = (
        "Groove MIDI Dataset (Gillick et al., ICML 2019), Google, CC BY 4.0 "
        "(https://creativecommons.org/licenses/by/4.0/); medians of its files with an even number"
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(weights_text(styles, "training/learn_feel.py", data), encoding="utf-8")


if __name__ == "__main__":
    main()
