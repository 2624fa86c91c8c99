"""Takes with known truth for benchmarks/loops/loops.py: real loops of known tempo, damaged as models damage them.

A source is a recording that is a whole number of bars long and starts on bar 1. Its canvas, the undamaged take, is the
source going round; every damage is drawn from a generator seeded by the source's name and the damage's, so that a run
can be repeated. The truth (bar 1, tempo, key) is known by construction.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.loops.stretchers import rubber_band, signalsmith
from helpers.music.pitch import parse_key
from helpers.records import Clip, Request
from helpers.sound.audio import read_clip, resample

RATE = 44_100
PARTS = {  # manifest's instrument -> (instrument, role) asked for
    "bass": ("synth bass", "bass"),
    "synth": ("polysynth", "chords"),
    "drums": ("drum kit", "drums"),
    "guitar": ("acoustic guitar", "chords"),
    "keys": ("piano", "chords"),
    "brass": ("trumpet", "lead"),
    "strings": ("strings", "pad"),
    "woodwind": ("alto sax", "lead"),
    "voice": ("voice oohs", "pad"),
}
MOST_BARS = 8
CANVAS_SECONDS = 47.55  # what Stable Audio Open returns


@dataclass(frozen=True, eq=False)
class Source:
    """A recording with truth: ``loop`` starts on bar 1 and is ``bars`` bars long; ``request`` asks for (part of) it."""

    name: str
    loop: Clip
    bars: int
    request: Request
    pulse: bool

    @property
    def bar_samples(self) -> float:
        return self.loop.length / self.bars

    @property
    def tonal(self) -> bool:
        return self.request.role != "drums"


@dataclass(frozen=True, eq=False)
class Damaged:
    """A take and what is wrong with it; ``refuse`` is part of the reason to give (None: it can be corrected).

    ``bad`` are the spans in seconds that a good choice of bars leaves out.
    """

    damage: str
    clip: Clip
    semitones: int = 0
    refuse: str | None = None
    bad: tuple[tuple[float, float], ...] = ()


def read_sources(folder: Path, every: int = 1) -> list[Source]:
    """Every ``every``-th single-instrument recording of the manifest that is whole bars long."""
    rows = list(csv.DictReader((folder / "manifest.csv").read_text().splitlines()))
    out = []
    for row in rows:
        if row["instrument"] not in PARTS or not row["bpm"] or not row["beats"]:
            continue
        meter = next((m for m in ("3/4", "6/8") if f"of {m}" in row["notes"]), "4/4")
        instrument, role = PARTS[row["instrument"]]
        key = parse_key(row["key"]) if row["key"] and role != "drums" else None
        request = Request(instrument, role, float(row["bpm"]), meter=meter, key=key)
        beats = int(row["beats"])
        if beats % request.time.beats_per_bar:
            continue
        bars = beats // request.time.beats_per_bar
        request = request.with_(bars=min(bars, MOST_BARS))
        clip = resample(read_clip(folder / row["file"]), RATE)
        length = round(bars * request.time.beats_per_bar * 60 / request.bpm * RATE)
        samples = np.zeros((min(2, clip.channels), length), np.float32)
        count = min(length, clip.length)
        samples[:, :count] = clip.samples[:2, :count]
        loop = Clip(samples * edges(count, length), RATE)
        out.append(Source(row["file"], loop, bars, request, "weak-pulse" not in row["notes"]))
    return out[::every]


def edges(count: int, length: int) -> np.ndarray:
    """Gain (length,) that fades both ends of ``count`` samples in 2 ms, so that no file clicks as it goes round."""
    fade = round(0.002 * RATE)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    gain = np.ones(length, np.float32)
    gain[:fade] = ramp
    gain[count - fade : count] = ramp[::-1]
    return gain


def canvas(source: Source, bars: float, start_bars: float = 0.0) -> Clip:
    """The source going round for ``bars`` bars from ``start_bars`` on."""
    first = round(start_bars * source.bar_samples)
    index = (np.arange(round(bars * source.bar_samples)) + first) % source.loop.length
    return Clip(np.ascontiguousarray(source.loop.samples[:, index]), RATE)


def damages(source: Source, others: list[Source], names: list[str] | None = None) -> list[Damaged]:
    """All damages of one source, or those named."""
    return [
        maker(source, others, _generator(source.name, name))
        for name, maker in MAKERS.items()
        if maker_fits(name, source) and (not names or name in names)
    ]


def maker_fits(name: str, source: Source) -> bool:
    if name in ("shifted", "detuned"):
        return source.tonal
    return not (name in ("10 % off",) and not source.pulse)


def _generator(*names: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256("/".join(names).encode()).digest()[:8], "big"))


# ------------------------------------------------------------------------------------------------------- small machines


def stretched(clip: Clip, ratio: float, semitones: float = 0.0) -> Clip:
    """``ratio`` times as long and ``semitones`` higher: Rubber Band where it is installed, else Signalsmith."""
    out = rubber_band(clip, ratio, semitones, fine=bool(semitones))
    return out if out is not None else signalsmith(clip, ratio, semitones)


def drifted(clip: Clip, percent: float) -> Clip:
    """Tempo moving evenly from ``-percent / 2`` to ``+percent / 2`` (varispeed: pitch moves along by a few cents)."""
    from scipy.interpolate import CubicSpline

    n = clip.length
    x = np.arange(n) / n
    position = (x + percent / 100 * (x**2 - x) / 2) * n  # speed 1 - p/2 .. 1 + p/2
    position = np.clip(position, 0, n - 1)
    spline = CubicSpline(np.arange(n), clip.samples, axis=1)
    return Clip(spline(position).astype(np.float32), clip.sample_rate)


def with_silence(clip: Clip, seconds: float) -> Clip:
    lead = np.zeros((clip.channels, round(seconds * clip.sample_rate)), np.float32)
    return Clip(np.concatenate([lead, clip.samples], axis=1), clip.sample_rate)


def reverberated(clip: Clip, seconds: float, rng: np.random.Generator) -> Clip:
    """Exponentially decaying noise (RT60 = ``seconds``) at -12 dB under the dry sound; the tail is kept."""
    from scipy.signal import oaconvolve

    count = round(seconds * clip.sample_rate)
    response = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    response *= 0.25 / np.sqrt(np.sum(response**2))
    wet = oaconvolve(clip.samples, response[None, :], axes=1).astype(np.float32)
    wet[:, : clip.length] += clip.samples
    return Clip(wet, clip.sample_rate)


def mixed(clip: Clip, other: Clip, db: float) -> Clip:
    """``other`` going round under ``clip``, ``db`` against its level (RMS)."""
    index = np.arange(clip.length) % other.length
    under = np.repeat(other.mono()[index][None], clip.channels, axis=0)
    level = np.sqrt(np.mean(clip.samples**2) / (np.mean(under**2) + 1e-20)) * 10 ** (db / 20)
    return Clip((clip.samples + level * under).astype(np.float32), clip.sample_rate)


def faded(clip: Clip, seconds: float) -> Clip:
    """The last ``seconds`` fading to silence."""
    gain = np.ones(clip.length, np.float32)
    count = min(clip.length, round(seconds * clip.sample_rate))
    gain[clip.length - count :] = np.linspace(1, 0, count, dtype=np.float32) ** 2
    return Clip(clip.samples * gain, clip.sample_rate)


def _noise(channels: int, seconds: float, rng: np.random.Generator, colour: float) -> Clip:
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(rng.standard_normal((channels, count)), axis=1)
    spectrum[:, 1:] /= np.fft.rfftfreq(count)[1:] ** colour
    noise = np.fft.irfft(spectrum, count, axis=1)
    return Clip((0.2 * noise / np.abs(noise).max()).astype(np.float32), RATE)


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


# -------------------------------------------------------------------------------------------------------------- damages


def _clean(s, others, rng):
    return Damaged("clean", canvas(s, s.request.bars + 2.3))


def _stretched(s, others, rng):
    ratio = 1 + _sign(rng) * rng.uniform(0.01, 0.058)
    return Damaged("stretched", stretched(canvas(s, s.request.bars + 2.3), ratio))


def _drift(s, others, rng):
    return Damaged("drift", drifted(canvas(s, s.request.bars + 1.3), _sign(rng) * rng.uniform(1.0, 2.5)))


def _offset(s, others, rng):
    return Damaged("offset", canvas(s, s.request.bars + 2.3, rng.uniform(0.1, 0.9)))


def _silence_first(s, others, rng):
    return Damaged("silence first", with_silence(canvas(s, s.request.bars + 1.3), rng.uniform(0.05, 1.5)))


def _silence_and_stretch(s, others, rng):
    ratio = 1 + _sign(rng) * rng.uniform(0.005, 0.05)
    take = stretched(canvas(s, s.request.bars + 2.3), ratio)
    return Damaged("silence + stretched", with_silence(take, rng.uniform(0.05, 1.5)))


def _shifted(s, others, rng):
    semitones = int(_sign(rng) * rng.integers(1, 7))
    return Damaged("shifted", stretched(canvas(s, s.request.bars + 1.3), 1.0, semitones), semitones)


def _detuned(s, others, rng):
    return Damaged("detuned", stretched(canvas(s, s.request.bars + 1.3), 1.0, _sign(rng) * rng.uniform(0.2, 0.4)))


def _leak(s, others, rng):
    foreign = [o for o in others if o.tonal != s.tonal]
    other = foreign[int(rng.integers(len(foreign)))]
    factor = other.request.bpm / s.request.bpm
    fitted = resample(Clip(other.loop.samples, round(RATE / factor)), RATE) if abs(factor - 1) < 0.5 else other.loop
    return Damaged("leak -6 dB", mixed(canvas(s, s.request.bars + 1.3), Clip(fitted.samples, RATE), -6.0))


def _tail(s, others, rng):
    take = reverberated(canvas(s, s.request.bars), rng.uniform(0.8, 2.5), rng)
    return Damaged("reverb tail", with_silence(take, 0.02))


def _fade(s, others, rng):
    bar = s.bar_samples / RATE
    return Damaged("fade out", faded(canvas(s, s.request.bars + 3.3), 2 * bar))


def _collapse(s, others, rng):
    take = canvas(s, s.request.bars + 1.5)
    silent = np.zeros((take.channels, round(2 * s.bar_samples)), np.float32)
    return Damaged("collapse after", Clip(np.concatenate([take.samples, silent], axis=1), RATE))


def _fade_in(s, others, rng):
    bar = s.bar_samples / RATE
    take = canvas(s, s.request.bars + 2.3)
    gain = np.ones(take.length, np.float32)
    gain[: round(bar * RATE)] = np.linspace(0.03, 1, round(bar * RATE), dtype=np.float32)
    return Damaged("fade in", Clip(take.samples * gain, RATE), bad=((0.0, 0.9 * bar),))


def _tempo_change(s, others, rng):
    bars = s.request.bars + 1
    first, second = canvas(s, bars), canvas(s, bars, bars)
    ratio = 1 + _sign(rng) * rng.uniform(0.02, 0.04)
    both = np.concatenate([first.samples, stretched(second, ratio).samples], axis=1)
    return Damaged("tempo change", Clip(both, RATE))


def _long_silence(s, others, rng):
    take = canvas(s, s.request.bars + 0.1)
    return Damaged("long silence after", Clip(np.pad(take.samples, ((0, 0), (0, 15 * RATE))), RATE))


def _long_canvas(s, others, rng):
    """As long as Stable Audio Open's, with one run of clean bars among bars with holes, other stems or wrong notes."""
    bar = s.bar_samples
    whole = canvas(s, CANVAS_SECONDS * RATE / bar)
    total = int(whole.length / bar)
    spare = total - s.request.bars
    keep = int(rng.integers(spare + 1)) if spare > 0 else 0
    foreign = [o for o in others if o.tonal != s.tonal]
    other = foreign[int(rng.integers(len(foreign)))].loop
    samples = whole.samples.copy()
    sounds = {
        "hole": whole.samples * 0.03,
        "quiet": whole.samples * 0.35,
        "leak": mixed(whole, other, 0.0).samples,
        "wrong": signalsmith(whole, 1.0, 1.0).samples if s.tonal else np.roll(samples, round(0.3 * bar / 16), axis=1),
    }
    bad = []
    for number in range(total):
        beside = number in (keep - 1, keep + s.request.bars)
        if keep <= number < keep + s.request.bars or not (beside or rng.random() < 0.5):
            continue
        first, last = round(number * bar), round((number + 1) * bar)
        kind = rng.choice(list(sounds))
        quarter = (last - first) // 4 if kind == "hole" else 0
        place = slice(first + quarter, last - quarter)
        inside = np.arange(place.stop - place.start)
        mask = np.clip(np.minimum(inside, inside[::-1]) / (0.01 * RATE), 0, 1).astype(np.float32)
        samples[:, place] += mask * (sounds[kind][:, place] - samples[:, place]).astype(np.float32)
        bad.append((place.start / RATE, place.stop / RATE))
    return Damaged("47 s canvas", Clip(samples, RATE), bad=tuple(bad))


def _two_like_sides(s, others, rng):
    take = with_silence(canvas(s, s.request.bars + 1.3), 0.1)
    return Damaged("mono in stereo", Clip(np.repeat(take.mono()[None], 2, axis=0), RATE))


def _one_side(s, others, rng):
    take = with_silence(canvas(s, s.request.bars + 1.3), 0.1).mono()
    return Damaged("left side only", Clip(np.stack([take, np.zeros_like(take)]), RATE))


def _rate(rate):
    def make(s, others, rng):
        take = resample(with_silence(canvas(s, s.request.bars + 1.3), 0.03), rate)
        mono = rate == 16_000
        return Damaged(f"{rate / 1000:g} kHz", Clip(take.mono()[None].copy(), rate) if mono else take)

    return make


def _dirty(s, others, rng):
    take = canvas(s, s.request.bars + 1.3)
    t = np.arange(take.length) / RATE
    rumble = 0.05 + 0.05 * np.sin(2 * np.pi * 7 * t) + 0.05 * np.sin(2 * np.pi * 20 * t)
    return Damaged("offset + rumble", Clip((take.samples + rumble).astype(np.float32), RATE))


def _silent(s, others, rng):
    return Damaged("silence", Clip(np.zeros((2, round(s.request.seconds * RATE * 1.2)), np.float32), RATE), 0, "silent")


def _white(s, others, rng):
    return Damaged("white noise", _noise(2, s.request.seconds * 1.2, rng, 0.0), 0, "noise")


def _pink(s, others, rng):
    return Damaged("pink noise", _noise(2, s.request.seconds * 1.2, rng, 0.5), 0, "noise")


def _far(s, others, rng):
    ratio = 1 + _sign(rng) * rng.uniform(0.09, 0.14)
    return Damaged("10 % off", stretched(canvas(s, s.request.bars * 1.3 + 2), ratio), 0, "BPM")


def _short(s, others, rng):
    return Damaged("too short", canvas(s, s.request.bars * rng.uniform(0.4, 0.8)), 0, "sounds for")


def _collapse_early(s, others, rng):
    take = canvas(s, s.request.bars * rng.uniform(0.4, 0.7))
    silent = np.zeros((take.channels, round(s.request.bars * s.bar_samples)), np.float32)
    return Damaged("collapse before", Clip(np.concatenate([take.samples, silent], axis=1), RATE), 0, "sounds for")


MAKERS = {
    "clean": _clean,
    "stretched": _stretched,
    "drift": _drift,
    "offset": _offset,
    "silence first": _silence_first,
    "silence + stretched": _silence_and_stretch,
    "shifted": _shifted,
    "detuned": _detuned,
    "leak -6 dB": _leak,
    "reverb tail": _tail,
    "fade out": _fade,
    "collapse after": _collapse,
    "long silence after": _long_silence,
    "fade in": _fade_in,
    "tempo change": _tempo_change,
    "47 s canvas": _long_canvas,
    "mono in stereo": _two_like_sides,
    "left side only": _one_side,
    "16 kHz": _rate(16_000),
    "32 kHz": _rate(32_000),
    "48 kHz": _rate(48_000),
    "offset + rumble": _dirty,
    "silence": _silent,
    "white noise": _white,
    "pink noise": _pink,
    "10 % off": _far,
    "too short": _short,
    "collapse before": _collapse_early,
}
