"""How near do the sketch's instruments sound to recorded ones? Its own voices and the sampled banks, in one table.

    python -m benchmarks.sketch.sound RECORDINGS [--bank FILE.sf2 ...] [--half report] [--only pad ...]
        [--pictures FOLDER] [--out benchmarks/results/sound.json]

RECORDINGS holds clones of the public repositories of FAMILIES as ``owner+name`` folders. Half of the recordings of each
family, chosen by the hash of their names, are for learning (the patches' values were set by them), the other half for
reporting. Loops are composed for two genres, four keys and two takes each. Columns, medians over loops but for the
first:

``ltas``    distance of the long-term spectra in dB: third-octave bands from 40 Hz or the instrument's lowest note to
            16 kHz, floored 50 dB under the loudest, levels removed, averaged over the loops and over the recordings,
            root mean square of the difference; for the recordings, the median of each one's distance to the mean of
            the others
``side``    level of the side against the middle in dB; ``crest`` peak over RMS in dB
``motion``  standard deviation of the centroid from frame to frame, in octaves
``repeat``  correlation of a note played twice; ``touch`` centroid at velocity 115 over that at 40
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from helpers.music.instruments import find_instrument
from helpers.music.meter import METERS
from helpers.music.pitch import parse_key, parse_progression
from helpers.records import Clip, Note, Request
from helpers.sketch import Score, compose, plan_sound, render
from helpers.sketch.soundfont import forget_soundfont
from helpers.sound.audio import resample

RATE = 44_100
FLOOR_DB = 50.0
BANDS_HZ = 40.0 * 2.0 ** (np.arange(27) / 3)
FRAME = 4096
JUNGLE, LMMS, STRUDEL, SPICULE, MRIDM = (
    "sonidosingapura+blu-mar-ten/",
    "LMMS+lmms/data/samples/",
    "ugamochi+strudel-samples/",
    "yaxu+spicule/extra-samples/",
    "emptyflash+samples/mridm_",
)
BOARD, WONDERWALL = "LinkReincarnate+PythonSoundboard/", "lightandlense+wonderwall/"
# Instrument -> its recordings, as patterns below RECORDINGS. Bass notes and hits are single notes of records.
FAMILIES = {
    "808": (JUNGLE + "Bass/*808*", STRUDEL + "bass/*808*", STRUDEL + "bass/Gang*", JUNGLE + "Bass/*Sub*"),
    "sub bass": (JUNGLE + "Bass/*Sub*", STRUDEL + "bass/Gang*"),
    "synth bass": (
        LMMS + "bassloops/*bass*",
        LMMS + "bassloops/briff*",
        LMMS + "basses/*bass*",
        JUNGLE + "Bass/*_Bass_*",
        MRIDM + "bass/*",
    ),
    "acid bass": (LMMS + "bassloops/tb303*", LMMS + "basses/*acid*"),
    "reese bass": (JUNGLE + "Bass/*Reese*", JUNGLE + "Bass/*_Bass_*"),
    "pluck": (
        JUNGLE + "Riffs_Arps_Hits/*Arp*",
        JUNGLE + "Pads/*Arp*",
        JUNGLE + "Riffs_Arps_Hits/*Riff*",
        JUNGLE + "Riffs_Arps_Hits/*Beep_S*",
        JUNGLE + "Riffs_Arps_Hits/*Tones*",
        JUNGLE + "Riffs_Arps_Hits/*Bells*",
        LMMS + "basses/*pluck*",
        BOARD + "Loops/130BPM/*_Arp_*",
        BOARD + "Loops/*pluck*",
        BOARD + "DubstepDrumKit/*arp*",
        WONDERWALL + "loops/Futurebass/Chords/*Arp Loop*",
        WONDERWALL + "assets/loops/arp_*",
    ),
    "synth lead": (
        JUNGLE + "Riffs_Arps_Hits/*Synth*",
        JUNGLE + "Riffs_Arps_Hits/*Lead*",
        LMMS + "bassloops/*synth*",
        MRIDM + "lead/*",
    ),
    "synth stab": (JUNGLE + "Riffs_Arps_Hits/*Stab*", SPICULE + "stabs/*"),
    "warm pad": (JUNGLE + "Pads/*Pad*", STRUDEL + "pads/*"),
    "909 kit": (LMMS + "beats/909*", LMMS + "beats/house*", LMMS + "beats/electro*", MRIDM + "beats/*"),
    "808 kit": (LMMS + "beats/electro*", LMMS + "beats/909*", MRIDM + "beats/*"),
    "electric piano": (JUNGLE + "Riffs_Arps_Hits/*Rhodes*", JUNGLE + "Riffs_Arps_Hits/*Keys*"),
    "piano": (JUNGLE + "Riffs_Arps_Hits/*Piano*",),
    "strings": (JUNGLE + "Riffs_Arps_Hits/*String*",),
    "electric guitar": (JUNGLE + "Riffs_Arps_Hits/*Gtr*", JUNGLE + "Riffs_Arps_Hits/*Guitar*"),
    "flute": (JUNGLE + "Riffs_Arps_Hits/*Flute*",),
    "drum kit": (LMMS + "beats/break*", LMMS + "beats/jungle*"),
}
# Genre, key and chords of each loop: several keys, as the recordings have, so that no note stands for the timbre.
ASKED = (
    ("house", "A minor", "| Am | F | C | G |"),
    ("house", "D minor", "| Dm | Bb | F | C |"),
    ("hip hop", "F# minor", "| F#m | D | A | E |"),
    ("hip hop", "C minor", "| Cm | Ab | Eb | Bb |"),
)
TAKES = 2


@dataclass(frozen=True)
class Measured:
    """One loop or recording; see the module's head. ``bands`` are third octaves in dB."""

    bands: np.ndarray
    side: float
    crest: float
    motion: float


def measure(clip: Clip) -> Measured:
    """Measure a clip of any rate; mono counts as two equal sides."""
    sound = resample(clip, RATE).samples.astype(float)
    left, right = sound[0], sound[-1]
    power = np.square(np.abs(np.fft.rfft((left + right) / 2))) + np.square(np.abs(np.fft.rfft((left - right) / 2)))
    hz = np.arange(power.size) * RATE / left.size
    edges = np.r_[BANDS_HZ / 2 ** (1 / 6), BANDS_HZ[-1] * 2 ** (1 / 6)]
    bands = 10 * np.log10(np.histogram(hz, edges, weights=power)[0] + 1e-12)
    bands = np.maximum(bands, bands.max() - FLOOR_DB)
    middle, side = np.std(left + right), np.std(left - right)
    centroids = frame_centroids((left + right) / 2)
    return Measured(
        bands - bands.mean(),
        float(20 * np.log10(max(side, 1e-9) / max(middle, 1e-9))),
        float(20 * np.log10(np.abs(sound).max() / max(sound.std(), 1e-9))),
        float(np.std(np.log2(centroids))) if centroids.size > 1 else 0.0,
    )


def frame_centroids(mono: np.ndarray) -> np.ndarray:
    """Centroid of each frame that is within 30 dB of the loudest, in Hz."""
    frames = mono[: mono.size // FRAME * FRAME].reshape(-1, FRAME) * np.hanning(FRAME)
    spectrum = np.abs(np.fft.rfft(frames, axis=1))
    level = np.square(spectrum).sum(axis=1)
    loud = level > 1e-3 * level.max(initial=0.0)
    return (spectrum[loud] * np.arange(spectrum.shape[1])).sum(axis=1) * (RATE / FRAME) / spectrum[loud].sum(axis=1)


def spectrum(clips: list[Measured]) -> np.ndarray:
    """The mean of their spectra, third octaves in dB."""
    return np.mean([clip.bands for clip in clips], axis=0)


def distance(one: list[Measured], other: list[Measured], lowest_hz: float) -> float:
    """Root mean square of the difference of two mean spectra from ``lowest_hz`` up, levels removed, in dB."""
    apart = (spectrum(one) - spectrum(other))[lowest_hz <= BANDS_HZ]
    return float(apart.std())


def lowest_hz(instrument: str) -> float:
    """The instrument's lowest note; what a recording holds below it is hum, rumble or its neighbours."""
    found = find_instrument(instrument).instrument
    return 0.0 if found.is_drums else 440.0 * 2 ** ((found.low - 69) / 12)


def recordings(folder: Path, patterns: tuple[str, ...], half: str) -> list[Measured]:
    """The recordings of a family: ``learn``, ``report`` or ``all`` of them."""
    paths = sorted(
        {path for pattern in patterns for path in folder.glob(pattern) if path.suffix in (".wav", ".ogg", ".mp3")}
    )
    out = []
    for path in paths:
        mine = "learn" if hashlib.sha256(path.name.encode()).digest()[0] % 2 else "report"
        if half in ("all", mine):
            try:
                samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
                out.append(measure(Clip(np.ascontiguousarray(samples.T), rate)))
            except Exception as error:  # a repository may hold what is no audio under such a name
                print(f"left out: {path.name} ({error})", flush=True)
    return out


def loops(instrument: str, sound: str) -> list[Clip]:
    """Our loops of an instrument: four bars, two takes of each of ASKED."""
    found = find_instrument(instrument).instrument
    out = []
    for genre, key, chords in ASKED:
        request = Request(
            found.name,
            found.role,
            124.0 if genre == "house" else 90.0,
            4,
            key=None if found.is_drums else parse_key(key),
            progression=() if found.is_drums else parse_progression(chords),
            genre=genre,
            sound=sound,
        )
        for take in range(TAKES):
            score = compose(request, None, take)
            clip = render(score, request, RATE, plan_sound(score, request, take))
            out.append(Clip(np.ascontiguousarray(clip.samples[:, : request.samples(RATE)]), RATE))
    return out


def struck(instrument: str, sound: str) -> tuple[float, float]:
    """Correlation of a note played twice, aligned, and centroid at velocity 115 over that at 40; dry."""
    found = find_instrument(instrument).instrument
    pitch = 38 if found.is_drums else (found.low + found.high) // 2 - (12 if found.role == "bass" else 0)
    notes = tuple(Note(pitch, 2.0 * i, 1.0, velocity) for i, velocity in enumerate((90, 90, 40, 115)))
    score = Score(found.name, found.role, found.program, found.is_drums, 60.0, METERS["4/4"], 2, None, (), notes)
    request = Request(found.name, found.role, 60.0, 2, dry=True, sound=sound)
    mono = render(score, request, RATE).mono().astype(float)
    hits = [mono[round(2 * i * RATE) : round(2 * i * RATE) + RATE // 2] for i in range(4)]
    size = 1 << 16
    cross = np.fft.irfft(np.fft.rfft(hits[0], size) * np.conj(np.fft.rfft(hits[1], size)))
    lag = int(np.argmax(np.abs(cross)))
    lag = lag - size if lag > size // 2 else lag
    one, other = (hits[0][max(lag, 0) :], hits[1][max(-lag, 0) :])
    count = min(one.size, other.size)
    repeat = float(np.corrcoef(one[:count], other[:count])[0, 1])
    centre = []
    for hit in hits:
        lines = np.abs(np.fft.rfft(hit * np.hanning(hit.size)))
        lines[lines < 1e-3 * lines.max()] = 0.0  # 60 dB down is the bank's 16 bits, not the instrument
        centre.append(np.sum(lines * np.arange(lines.size)) / np.sum(lines))
    return repeat, float(centre[3] / centre[2])


def row(real: list[Measured], clips: list[Clip], instrument: str, sound: str) -> dict[str, float]:
    """The columns of one way to play an instrument."""
    ours = [measure(clip) for clip in clips]
    repeat, touch = struck(instrument, sound)
    return {
        "ltas": distance(ours, real, lowest_hz(instrument)),
        **{name: float(np.median([getattr(m, name) for m in ours])) for name in ("side", "crest", "motion")},
        "repeat": repeat,
        "touch": touch,
    }


def picture(clips: list[Clip], labels: list[str], path: Path) -> None:
    """Spectrograms one above the other."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(clips), 1, figsize=(9, 2.4 * len(clips)), constrained_layout=True)
    for axis, clip, label in zip(np.atleast_1d(axes), clips, labels, strict=True):
        axis.specgram(clip.mono()[: 6 * RATE] + 1e-9, NFFT=2048, Fs=RATE, noverlap=1536, vmin=-140, vmax=-30)
        axis.set(yscale="symlog", ylim=(40, 20_000), ylabel=label)
    figure.savefig(path, dpi=70)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of clones, owner+name each")
    parser.add_argument("--bank", type=Path, action="append", default=[], help="a SoundFont beside the one found")
    parser.add_argument("--half", choices=("learn", "report", "all"), default="report")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    from helpers.sketch.soundfont import _packaged

    ways = {"ours": ("", _packaged())} | {p.stem: ("sampled", p) for p in (_packaged(), *options.bank)}
    result: dict[str, dict] = {}
    print(f"{'':16}{'':18}{'ltas':>7}{'side':>7}{'crest':>7}{'motion':>7}{'repeat':>8}{'touch':>7}", flush=True)
    for instrument, patterns in FAMILIES.items():
        if options.only and instrument not in options.only:
            continue
        real = recordings(options.folder, patterns, options.half)
        if not real:
            print(f"{instrument:16}no recordings here", flush=True)
            continue
        low = lowest_hz(instrument)
        apart = [distance([one], [o for o in real if o is not one], low) for one in real if len(real) > 1] or [0.0]
        rows: dict[str, dict] = {"recorded": {"ltas": float(np.median(apart))}}
        rows["recorded"] |= {n: float(np.median([asdict(m)[n] for m in real])) for n in ("side", "crest", "motion")}
        shown = []
        for way, (sound, bank) in ways.items():
            os.environ["LOOPS_SOUNDFONT"] = str(bank)
            forget_soundfont()
            clips = loops(instrument, sound)
            shown.append(clips[0])
            rows[way] = row(real, clips, instrument, sound)
        for way, values in rows.items():
            cells = "".join(
                f"{values[n]:{w}.{d}f}" if n in values else " " * w
                for n, w, d in (
                    ("ltas", 7, 1),
                    ("side", 7, 1),
                    ("crest", 7, 1),
                    ("motion", 7, 2),
                    ("repeat", 8, 4),
                    ("touch", 7, 2),
                )
            )
            label = f"{instrument} ({len(real)})" if way == "recorded" else ""
            print(f"{label:16}{way:18}{cells}", flush=True)
        result[instrument] = {"recordings": len(real), **rows}
        if options.pictures:
            options.pictures.mkdir(parents=True, exist_ok=True)
            picture(shown, list(ways), options.pictures / f"{instrument.replace(' ', '-')}.png")
    if options.out:
        from helpers.machine.files import write_whole

        write_whole(options.out, (json.dumps({"half": options.half, "families": result}, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
