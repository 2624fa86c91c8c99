"""How well does the loop maker repair damaged takes? Beside it, two ways others use: trim, and beat tracking + crop.

    python -m benchmarks.loops.loops EVAL_DIR [--every 4] [--damage stretched ...] [--out benchmarks/results/loops.json]

EVAL_DIR holds a manifest.csv and its recordings (see benchmarks/loops/takes.py). Truth is the undamaged recording: the
finished loop is laid over it by its onsets, which tells whether bar 1 is where it was and how far each bar is off from
where the recording's notes fall on the grid (padding of a file and slow attacks as a whole are taken out of the truth).
Tonal recordings of unknown key ask for the key heard in them undamaged. Prints a table and the targets; the JSON holds
both and every outcome of ours that misses a target. Seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.loops.stretchers import signalsmith
from benchmarks.loops.summary import Outcome, shortfalls, summary, table, targets
from benchmarks.loops.takes import RATE, Damaged, Source, damages, read_sources
from helpers.errors import Refused
from helpers.loops import make_loop, plan_corrections, prove
from helpers.loops.hearing import Hearing
from helpers.loops.level import apply_cleaning
from helpers.loops.seam import fade_pair
from helpers.loops.seam_measure import measure_seam
from helpers.loops.tempo import grid_phase
from helpers.music.meter import step_seconds
from helpers.music.pitch import ALL_KEYS
from helpers.records import Clip, Correction, Request, Take
from helpers.sound.audio import resample
from helpers.sound.features import key_scores, note_gram, onset_bands

# -------------------------------------------------------------------------------------------------------------- methods


def ours(take: Take, request: Request) -> tuple[Clip, tuple[Correction, ...]]:
    loop = make_loop(take, request)
    return loop.clip, loop.corrections


def trim(take: Take, request: Request) -> tuple[Clip, tuple[Correction, ...]]:
    """What most tools do: the first N samples, whatever they are."""
    clip = resample(take.clip, request.sample_rate)
    length = request.samples()
    out = np.zeros((clip.channels, length), np.float32)
    out[:, : min(length, clip.length)] = clip.samples[:, :length]
    return Clip(out, clip.sample_rate), ()


def beat_crop(take: Take, request: Request) -> tuple[Clip, tuple[Correction, ...]]:
    """A free beat tracker, a crop from its first beat, a stretch to the tempo asked for and a 100-sample crossfade."""
    import librosa

    clip = resample(take.clip, request.sample_rate)
    _, beats = librosa.beat.beat_track(y=clip.mono(), sr=clip.sample_rate, units="samples")
    wanted = request.bars * request.time.beats_per_bar
    if len(beats) < 2:
        raise Refused("No beats were found.")
    measured = 60 * clip.sample_rate * (len(beats) - 1) / (beats[-1] - beats[0])
    octave = min((0.5, 1.0, 2.0), key=lambda o: abs(np.log(measured * o / request.bpm)))
    if abs(measured * octave - request.bpm) > 10:
        raise Refused(f"The tempo is {measured:.0f} BPM.")
    ratio = measured * octave / request.bpm
    start = int(beats[0])
    length = round(wanted * 60 / (measured * octave) * clip.sample_rate)
    if start + length > clip.length:
        raise Refused("Too few beats.")
    loop = signalsmith(Clip(clip.samples[:, start : start + length].copy(), clip.sample_rate), ratio).samples
    fitted = np.zeros((clip.channels, request.samples()), np.float32)
    count = min(loop.shape[1], fitted.shape[1])
    fitted[:, :count] = loop[:, :count]
    if start >= 100:
        out, into = fade_pair(100)
        fitted[:, -100:] = fitted[:, -100:] * out + clip.samples[:, start - 100 : start] * into
    return Clip(fitted, clip.sample_rate), ()


METHODS: dict[str, Callable[[Take, Request], tuple[Clip, tuple[Correction, ...]]]] = {
    "ours": ours,
    "trim": trim,
    "beat crop": beat_crop,
}


# ------------------------------------------------------------------------------------------------------------ measuring


def bands_of(clip: Clip) -> np.ndarray:
    """Onset strength in three registers (3, n) at 5 ms, each of mean square 1."""
    bands = onset_bands(clip)
    rows = np.stack([bands.low, bands.mid, bands.high])
    rows = np.array([np.convolve(row, np.hanning(9) / 4, mode="same") for row in rows])
    return rows / (np.sqrt(np.mean(rows**2, axis=1, keepdims=True)) + 0.1 * np.sqrt(np.mean(rows**2)) + 1e-9)


def lay_over(loop: Clip, source: Source) -> tuple[bool | None, list[float], float]:
    """Whether the loop's bar 1 is one of the source's bar lines, how late each bar is in ms, and where it starts.

    Loops that look the same from several phases (equal accents on every beat) are right at any of them. The start is
    in seconds of the source; 0 where it cannot be told.
    """
    out, truth = bands_of(loop), bands_of(source.loop)
    frames = truth.shape[1]
    bar = frames / source.bars
    reach = out.shape[1]
    tiled = np.tile(truth, (1, 2 + reach // frames))
    size = 1 << int(np.ceil(np.log2(tiled.shape[1] + reach)))
    likeness = sum(
        np.fft.irfft(np.fft.rfft(t, size) * np.conj(np.fft.rfft(o, size)), size)[:frames]
        for t, o in zip(tiled, out, strict=True)
    )
    power = np.sqrt((out**2).sum() * (tiled[:, :reach] ** 2).sum())
    likeness /= power
    lag = np.arange(frames)
    away = np.abs((lag + bar / 2) % bar - bar / 2)
    on_line = away <= 8  # 40 ms
    best = float(likeness.max())
    if best < 0.25:
        return None, [], 0.0
    right = bool(likeness[on_line].max() > 0.97 * best)
    at = int(lag[on_line][np.argmax(likeness[on_line])] if right else np.argmax(likeness))
    home = round(np.round(at / bar) * bar) if right else at
    errors = []
    width = round(bar)
    for first in range(0, reach - width // 2, width):
        piece = out[:, first : first + width]
        lags = np.arange(-16, 17)
        values = np.array(
            [(piece * np.roll(tiled, -(home + first + k), axis=1)[:, : piece.shape[1]]).sum() for k in lags]
        )
        k = int(np.argmax(values))
        if 0 < k < lags.size - 1 and (piece**2).sum() > 0.02 * (out**2).sum() / source.request.bars:
            a, b, c = values[k - 1 : k + 2]
            errors.append(float((lags[k] + 0.5 * (a - c) / (a - 2 * b + c - 1e-12)) * 5.0))
    if not right and errors:  # a wrong bar line may still be a right sixteenth
        step = 1000 * 60 / source.request.bpm / source.request.time.steps_per_beat
        where = at * 5.0
        errors = [((where + e + step / 2) % step) - step / 2 for e in errors]
    return right, errors, at * 0.005


def lateness_ms(source: Source) -> float:
    """How late the recording's notes lie on its own grid of sixteenths as a whole, in ms: padding, slow attacks."""
    heard = Hearing(source.loop).struck
    if heard.times.size == 0:
        return 0.0
    meter = source.request.time
    step = step_seconds(source.request.bpm, meter)
    phase = grid_phase(heard.times, heard.strengths, step, meter.steps_per_beat)
    return 1000 * ((phase + step / 2) % step - step / 2)


def dip_db(clip: Clip, source: Source, start_seconds: float) -> float:
    """How much quieter the 100 ms around the wrap are than the quietest of the loop's other bar lines, in dB.

    The bar lines of the recording count with them, since one of them may be the wrap; 0 if there is no dip.
    ``start_seconds`` is where in the recording the loop starts; levels are against those of the whole.
    """
    half = round(0.05 * RATE)

    def level(samples: np.ndarray, end: int, start: int) -> float:
        around = np.r_[np.arange(end - half, end), np.arange(start, start + half)] % samples.shape[1]
        power = np.square(samples, dtype=np.float64).mean(axis=0)
        return 10 * float(np.log10(power[around].mean() / (power.mean() + 1e-12) + 1e-4))

    starts = [round(start_seconds * RATE + n * source.bar_samples) for n in range(source.bars)]
    usual = [level(source.loop.samples, start + clip.length, start) for start in starts]
    lines = [round(n * clip.length / source.request.bars) for n in range(1, source.request.bars)]
    usual += [level(clip.samples, line, line) for line in lines]
    return max(0.0, min(usual) - level(clip.samples, 0, 0))


@dataclass(frozen=True)
class Truth:
    """Of a recording: whether the beginning of its notes can be told, how late they lie on its grid, its own seam."""

    struck: bool
    lateness_ms: float
    seam: float


def with_key(source: Source) -> Request:
    """The source's request; a tonal one of unknown key asks for the key that is heard in the undamaged recording."""
    if source.request.key is not None or not source.tonal:
        return source.request
    heard = key_scores(note_gram(source.loop).chroma().sum(axis=1))
    return replace(source.request, key=ALL_KEYS[int(np.argmax(heard))])


def run(source: Source, damaged: Damaged, method: str, request: Request, truth: Truth) -> Outcome:
    """Give a damaged take to a method and measure what comes back against the truth."""
    outcome = Outcome(source.name, damaged.damage, method, request.role, damaged.refuse is None, truth.struck)
    take = Take(clip=damaged.clip, engine="damaged", engine_version="1", seed=0, prompt="")
    begin = time.process_time()
    try:
        clip, made = METHODS[method](take, request)
    except Refused as reason:
        outcome.refused = str(reason)
        outcome.right_refusal = damaged.refuse is not None and damaged.refuse in str(reason)
        outcome.seconds = time.process_time() - begin
        return outcome
    if method == "ours":
        card = prove(clip, request, None, made)
        outcome.seconds = time.process_time() - begin
        outcome.verdict, outcome.purity, outcome.grid_error_ms = card.verdict, card.purity, card.grid_error_ms
        outcome.words = "; ".join((*(c.kind for c in made), *card.reasons))
        outcome.shifted = any(c.kind == "shift" for c in made)
    if damaged.refuse is not None:
        outcome.right_refusal = False
        return outcome
    outcome.exact = clip.length == request.samples()
    outcome.seam = measure_seam(clip, request).value
    outcome.seam_kept = outcome.seam <= max(1.0, truth.seam)
    outcome.phase_right, errors, start = lay_over(clip, source)
    outcome.dip_db = dip_db(clip, source, start)
    if damaged.bad and method == "ours":
        first, last = chosen_span(take, request)
        outcome.clean_window = not any(first < b - 0.05 and last > a + 0.05 for a, b in damaged.bad)
    if errors:
        off = np.abs(np.array(errors) - truth.lateness_ms)
        outcome.timing_ms, outcome.timing_worst_ms = float(np.median(off)), float(off.max())
    if source.tonal and damaged.damage in ("shifted", "clean", "detuned"):
        before, after = (note_gram(c).chroma().sum(axis=1) for c in (source.loop, clip))
        likeness = [float(np.roll(before, k) @ after) for k in range(12)]
        outcome.semitones_left = (int(np.argmax(likeness)) + 6) % 12 - 6
        key = ALL_KEYS[int(np.argmax(key_scores(after)))]
        outcome.key_after = "same" if key == request.key else "relative" if key == request.key.relative else "other"
    return outcome


def chosen_span(take: Take, request: Request) -> tuple[float, float]:
    """First and last second of the bars that the loop maker takes."""
    heard = Hearing(apply_cleaning(resample(take.clip, request.sample_rate)))
    lines = plan_corrections(heard, request).lines
    return lines[0], lines[-1]


def run_source(source: Source, everything: list[Source], names: list[str] | None, methods: list[str]) -> list[Outcome]:
    request = with_key(source)
    struck = prove(source.loop, request.with_(bars=source.bars)).grid_error_ms is not None
    seam = measure_seam(source.loop, request.with_(bars=source.bars)).value
    truth = Truth(struck, lateness_ms(source), seam)
    return [
        run(source, damaged, method, request, truth)
        for damaged in damages(source, everything, names)
        for method in methods
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--every", type=int, default=1, help="use every n-th source only")
    parser.add_argument("--start", type=int, default=0, help="number of the first source, so that parts can be run")
    parser.add_argument("--add", type=Path, nargs="*", default=[], help="outcomes of earlier parts (--all) to count in")
    parser.add_argument("--damage", nargs="*", help="only these damages")
    parser.add_argument("--method", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--baselines", type=int, default=1, help="the other methods on every n-th of these only")
    parser.add_argument("--out", type=Path, help="JSON to write: the figures and what misses a target")
    parser.add_argument("--all", type=Path, help="JSON to write: every outcome")
    options = parser.parse_args()
    everything = read_sources(options.folder)
    outcomes = [Outcome(**row) for path in options.add for row in json.loads(path.read_text())]
    chosen = everything[options.start :: options.every]
    for number, source in enumerate(chosen, 1):
        methods = [m for m in options.method if m == "ours" or number % options.baselines == 1 % options.baselines]
        outcomes += run_source(source, everything, options.damage, methods)
        print(f"{number} of {len(chosen)}: {source.name}, {len(outcomes)} outcomes so far", flush=True)
    found, promised = summary(outcomes), targets(outcomes)
    print(table(found))
    for row in promised:
        measured = "-" if row["measured"] is None else row["measured"]
        print(f"{row['line']:36}{row['target']:>8}{measured:>9}  n {row['n']}")
    if options.out:
        result = {
            "sources": len({o.source for o in outcomes}),
            "targets": promised,
            "summary": found,
            "shortfalls": shortfalls(outcomes),
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    if options.all:
        options.all.write_text(json.dumps([asdict(o) for o in outcomes], indent=1) + "\n")


if __name__ == "__main__":
    main()
