"""Two stretchers side by side, for benchmarks/loops/loops.py: the library we chose and the one we did not."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from helpers.records import Clip
from helpers.sound.stretch import apply_stretch


def signalsmith(clip: Clip, ratio: float, semitones: float = 0.0) -> Clip:
    """Signalsmith Stretch, as the loop maker uses it; ``ratio`` times as long, ``semitones`` higher."""
    return apply_stretch(clip, round(clip.length * ratio), semitones)


def rubber_band(clip: Clip, ratio: float, semitones: float = 0.0, *, fine: bool = True) -> Clip | None:
    """Rubber Band by its program (R3 engine when ``fine``, else R2); None where it is not installed."""
    import soundfile

    program = shutil.which("rubberband")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
        soundfile.write(source, clip.samples.T, clip.sample_rate, subtype="FLOAT")
        engine = "-3" if fine else "-2"
        command = [program, "-q", engine, "-t", repr(ratio), "-p", repr(semitones), str(source), str(target)]
        subprocess.run(command, check=True, capture_output=True)
        out, _ = soundfile.read(target, dtype="float32", always_2d=True)
    length = round(clip.length * ratio)
    fitted = np.zeros((clip.channels, length), np.float32)
    count = min(length, out.shape[0])
    fitted[:, :count] = out.T[:, :count]
    return Clip(fitted, clip.sample_rate)
