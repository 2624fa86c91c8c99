"""How well does the loop maker repair damaged takes? Beside it, two ways others use: trim, and beat tracking + crop.

    python -m benchmarks.loops EVAL_DIR [--every 4] [--damage stretched ...] [--out benchmarks/results/loops.json]

EVAL_DIR holds a manifest.csv and its recordings (see benchmarks/loops_takes.py). Truth is the undamaged recording: the
finished loop is laid over it by its onsets, which tells whether bar 1 is where it was and how far each bar is off.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.loops_takes import RATE, Damaged, Source, damages, read_sources
from helpers.errors import Refused
from helpers.features import chroma, key_scores, onset_bands
from helpers.loops import make_loop, prove
from helpers.loops.seam import fade_pair, measure_seam
from helpers.pitch import ALL_KEYS
from helpers.records import Clip, Request, Take


@dataclass
class Outcome:
    """What one method did with one take; None where it does not apply or cannot be measured."""

    source: str
    damage: str
    method: str
    role: str
    refused: str | None = None
    right_refusal: bool | None = None
    exact: bool | None = None
    phase_right: bool | None = None
    timing_ms: float | None = None
    timing_worst_ms: float | None = None
    grid_error_ms: float | None = None
    residual_semitones: int | None = None
    key_relation: str | None = None
    stated_key: bool = False
    shifted: bool | None = None
    seam: float | None = None
    dip_db: float | None = None
    verdict: str | None = None
    purity: float | None = None
    seconds: float | None = None
    words: str = ""


# -------------------------------------------------------------------------------------------------------------- methods


def ours(take: Take, request: Request) -> tuple[Clip, tuple[str, ...]]:
    loop = make_loop(take, request)
    return loop.clip, loop.corrections


def trim(take: Take, request: Request) -> tuple[Clip, tuple[str, ...]]:
    """What most tools do: the first N samples, whatever they are."""
    from helpers.audio import resample

    clip = resample(take.clip, request.sample_rate)
    length = request.samples()
    out = np.zeros((clip.channels, length), np.float32)
    out[:, : min(length, clip.length)] = clip.samples[:, :length]
    return Clip(out, clip.sample_rate), ()


def beat_crop(take: Take, request: Request) -> tuple[Clip, tuple[str, ...]]:
    """A free beat tracker, a crop from its first beat, a stretch to the tempo asked for and a 100-sample crossfade."""
    import librosa

    from benchmarks.loops_stretch import signalsmith
    from helpers.audio import resample

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


METHODS: dict[str, Callable[[Take, Request], tuple[Clip, tuple[str, ...]]]] = {
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


def lay_over(loop: Clip, source: Source) -> tuple[bool | None, list[float]]:
    """Whether the loop's bar 1 is one of the source's bar lines, and how far each bar is off in ms.

    Loops that look the same from several phases (equal accents on every beat) are right at any of them.
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
    likeness = likeness / power
    lag = np.arange(frames)
    away = np.abs((lag + bar / 2) % bar - bar / 2)
    on_line = away <= 8  # 40 ms
    best = float(likeness.max())
    if best < 0.25:
        return None, []
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
    return right, errors


def bar_line_levels_db(clip: Clip, bars: int) -> np.ndarray:
    """Level of the 100 ms around each bar line against the level of the whole, floored at -40 dB (bars,)."""
    half = round(0.05 * clip.sample_rate)
    edges = np.round(np.arange(bars) * clip.length / bars).astype(int)
    power = np.square(clip.samples).sum(axis=0)
    levels = np.array([power[(np.arange(-half, half) + edge) % clip.length].mean() for edge in edges])
    return 10 * np.log10(levels / (power.mean() + 1e-12) + 1e-4)


def dip_db(clip: Clip, source: Source) -> float:
    """How much quieter the wrap is than the quietest bar line of the recording going round, in dB; 0 if it is not."""
    own = bar_line_levels_db(source.loop, source.bars)
    return float(max(0.0, own.min() - bar_line_levels_db(clip, source.request.bars)[0]))


def run(source: Source, damaged: Damaged, method: str) -> Outcome:
    request = source.request
    outcome = Outcome(source.name, damaged.damage, method, request.role, stated_key=request.key is not None)
    if damaged.damage == "shifted" and request.key is None:
        heard = key_scores(chroma(source.loop).frames.sum(axis=1))
        request = replace(request, key=ALL_KEYS[int(np.argmax(heard))])
    take = Take(clip=damaged.clip, engine="damaged", engine_version="1", seed=0, prompt="")
    begin = time.process_time()
    try:
        clip, words = METHODS[method](take, request)
    except Refused as reason:
        outcome.refused = str(reason)
        outcome.right_refusal = damaged.refuse is not None and damaged.refuse in str(reason)
        outcome.seconds = time.process_time() - begin
        return outcome
    if method == "ours":
        card = prove(clip, request, None, words)
        outcome.seconds = time.process_time() - begin
        outcome.verdict, outcome.purity, outcome.grid_error_ms = card.verdict, card.purity, card.grid_error_ms
        outcome.words = "; ".join((*words, *card.reasons))
        outcome.shifted = any(word.startswith("shifted") for word in words)
    if damaged.refuse is not None:
        outcome.right_refusal = False
        return outcome
    outcome.exact = clip.length == request.samples()
    outcome.seam = measure_seam(clip, request).value
    outcome.dip_db = dip_db(clip, source)
    outcome.phase_right, errors = lay_over(clip, source)
    if errors:
        outcome.timing_ms = float(np.median(np.abs(errors)))
        outcome.timing_worst_ms = float(np.max(np.abs(errors)))
    if source.tonal and damaged.damage in ("shifted", "clean", "detuned"):
        before, after = (chroma(c).frames.sum(axis=1) for c in (source.loop, clip))
        likeness = [float(np.roll(before, k) @ after) for k in range(12)]
        outcome.residual_semitones = (int(np.argmax(likeness)) + 6) % 12 - 6
        if request.key is not None:
            key = ALL_KEYS[int(np.argmax(key_scores(after)))]
            same = "same" if key == request.key else "relative" if key == request.key.relative else "other"
            outcome.key_relation = same
    return outcome


# --------------------------------------------------------------------------------------------------------------- tables


def percent(values: list[bool | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{100 * np.mean(known):.0f}%" if known else "-"


def point(values: list[float | None], q: float, digits: int = 1) -> str:
    known = [v for v in values if v is not None]
    return f"{np.percentile(known, q):.{digits}f}" if known else "-"


def table(outcomes: list[Outcome]) -> str:
    """Recovery by damage and method."""
    head = f"{'damage':20}{'method':10}{'n':>4}{'refused':>8}{'right':>6}{'exact':>6}{'phase':>6}"
    head += f"{'ms 50':>7}{'ms 95':>7}{'semis ok':>9}{'key ok':>7}{'seam<=1':>8}{'dip>1dB':>8}{'pass':>6}{'s':>6}"
    lines = [head]
    names = [*dict.fromkeys(o.damage for o in outcomes), "ALL correctable", "ALL uncorrectable"]
    for damage in names:
        for method in METHODS:
            if damage == "ALL correctable":
                rows = [o for o in outcomes if o.method == method and not hopeless(o.damage, outcomes)]
            elif damage == "ALL uncorrectable":
                rows = [o for o in outcomes if o.method == method and hopeless(o.damage, outcomes)]
            else:
                rows = [o for o in outcomes if o.method == method and o.damage == damage]
            if not rows:
                continue
            lines.append(
                f"{damage:20}{method:10}{len(rows):>4}{percent([o.refused is not None for o in rows]):>8}"
                f"{percent([o.right_refusal for o in rows if hopeless(damage, outcomes) or 'uncorr' in damage]):>6}"
                f"{percent([o.exact for o in rows]):>6}{percent([o.phase_right for o in rows]):>6}"
                f"{point([o.timing_ms for o in rows], 50):>7}{point([o.timing_ms for o in rows], 95):>7}"
                f"{percent([None if o.residual_semitones is None else o.residual_semitones == 0 for o in rows]):>9}"
                f"{percent([None if o.key_relation is None else o.key_relation != 'other' for o in rows]):>7}"
                f"{percent([None if o.seam is None else o.seam <= 1 for o in rows]):>8}"
                f"{percent([None if o.dip_db is None else o.dip_db > 1 for o in rows]):>8}"
                f"{percent([None if o.verdict is None else o.verdict != 'failed' for o in rows]):>6}"
                f"{point([o.seconds for o in rows], 50, 2):>6}"
            )
    return "\n".join(lines)


def hopeless(damage: str, outcomes: list[Outcome]) -> bool:
    return any(o.damage == damage and o.right_refusal is not None and o.exact is None for o in outcomes) and not any(
        o.damage == damage and o.exact is not None for o in outcomes
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--every", type=int, default=1, help="use every n-th source only")
    parser.add_argument("--damage", nargs="*", help="only these damages")
    parser.add_argument("--method", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--out", type=Path, help="JSON to write")
    options = parser.parse_args()
    everything = read_sources(options.folder)
    outcomes = []
    for source in everything[:: options.every]:
        for damaged in damages(source, everything, options.damage):
            outcomes += [run(source, damaged, method) for method in options.method]
        print(f"{source.name}: {len(outcomes)} outcomes so far", flush=True)
    print(table(outcomes))
    if options.out:
        options.out.write_text(json.dumps({"rate": RATE, "outcomes": [asdict(o) for o in outcomes]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
