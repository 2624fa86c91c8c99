"""Takes with known truth for the tests of the loop maker."""

from __future__ import annotations

import numpy as np

from helpers.music.pitch import parse_key
from helpers.records import Analysis, Clip, KeyEstimate, Request, Take, Tempo
from tests.signals import RATE, chord_loop, clip_of, drum_loop, mixed

A_MINOR = [(57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62)]  # Am F C G


def request_for(role: str = "drums", bpm: float = 120.0, bars: int = 2, **changes) -> Request:
    """Drums, or a piano in A minor."""
    if role == "drums":
        return Request("drum kit", "drums", bpm, bars=bars, **changes)
    return Request("piano", role, bpm, bars=bars, key=parse_key("A minor"), **changes)


def take_of(clip: Clip, *, exact: bool = False) -> Take:
    return Take(clip=clip, engine="test", engine_version="1", seed=0, prompt="", exact=exact)


def piano(bpm: float = 120.0, bars: int = 4, transpose: int = 0, cents: float = 0.0) -> Clip:
    """Am F C G going round for ``bars`` bars, struck on every beat, with a tune in half notes above."""
    chords = [tuple(n + transpose for n in A_MINOR[b % 4]) for b in range(bars)]
    tune = [69, 71, 72, 76, 72, 71, 69, 67]
    upper = [(tune[i % 8] + transpose,) for i in range(2 * bars)]
    return mixed(
        chord_loop(chords, bpm, cents=cents), chord_loop(upper, bpm, beats_each=2, cents=cents), accent(bpm, bars)
    )


def accent(bpm: float, bars: int) -> Clip:
    """A soft low thump on each bar line, so that bar 1 can be told from bar 1.5."""
    out = np.zeros(round(bars * 240 / bpm * RATE))
    t = np.arange(round(0.25 * RATE)) / RATE
    thump = 0.25 * np.sin(2 * np.pi * 55 * t) * np.exp(-t / 0.06)
    for bar in range(bars):
        at = round(bar * 240 / bpm * RATE)
        out[at : at + thump.size] += thump[: out.size - at]
    return clip_of(out)


def drums(bpm: float = 120.0, bars: int = 4) -> Clip:
    """The shared drum loop with an open crash on each bar line."""
    rng = np.random.default_rng(5)
    out = drum_loop(bpm, bars).samples[0].astype(np.float64)
    t = np.arange(round(0.5 * RATE)) / RATE
    crash = 0.3 * rng.uniform(-1, 1, t.size) * np.exp(-t / 0.15)
    for bar in range(bars):
        at = round(bar * 240 / bpm * RATE)
        out[at : at + crash.size] += crash[: out.size - at]
    return clip_of(out)


def after_silence(clip: Clip, seconds: float) -> Clip:
    lead = np.zeros((clip.channels, round(seconds * clip.sample_rate)), np.float32)
    return Clip(np.concatenate([lead, clip.samples], axis=1), clip.sample_rate)


def rms_db(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


def analysis_of(bars: int, bpm: float = 120.0) -> Analysis:
    """Of an exact loop that starts on bar 1."""
    bar = 240 / bpm
    tempo = Tempo(bpm, 1.0, is_loop=True, bars=bars, downbeats=tuple(bar * n for n in range(bars)))
    return Analysis("idea.wav", "", bars * bar, RATE, 1, tempo, KeyEstimate(parse_key("A minor"), 1.0))
