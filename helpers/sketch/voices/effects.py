"""Drive, chorus, ping-pong delay, room and ducking. Sound is float64 (2, n); every cycle fits the loop a whole number
of times, so that the wrap is not heard."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .filters import band
from .oscillators import noise, sine

DELAY_REPEATS, DELAY_FEEDBACK = 6, 0.45
CHORUS_BLOCK = 1 << 15
DUCK_SECONDS, DUCK_ATTACK_SECONDS = 0.25, 0.008


def driven(sound: np.ndarray, drive_db: float) -> np.ndarray:
    """Soft saturation, at twice the rate so that little folds back; a full-scale wave keeps its level."""
    from scipy.signal import resample_poly

    if drive_db <= 0:
        return sound
    gain = 10 ** (drive_db / 20)
    hot = np.tanh(gain * resample_poly(sound, 2, 1, axis=-1)) / np.tanh(gain)
    return resample_poly(hot, 1, 2, axis=-1)[..., : sound.shape[-1]]


def whole_cycles(hz: float, seconds: float) -> float:
    """The rate nearest to ``hz`` that fits a loop of ``seconds`` a whole number of times, at least once."""
    return max(1, round(hz * seconds)) / seconds


def chorused(sound: np.ndarray, amount: float, loop_seconds: float, sample_rate: int) -> np.ndarray:
    """Two moving echoes, opposite on the two sides."""
    if amount <= 0:
        return sound
    count = sound.shape[-1]
    out = sound.copy()
    steps = np.diff(sound, append=0.0)
    for start in range(0, count, CHORUS_BLOCK):  # short enough for the processor's cache
        here = np.arange(start, min(start + CHORUS_BLOCK, count), dtype=float)
        for rate_hz, turned in ((0.6, 0.0), (0.43, 1.9 / (2 * np.pi))):
            swing = 0.004 * sample_rate * sine(whole_cycles(rate_hz, loop_seconds) / sample_rate * here + turned)
            for side, sign in ((0, 1.0), (1, -1.0)):
                at = np.maximum(here - 0.011 * sample_rate - sign * swing, 0.0)
                index = at.astype(np.intp)
                at -= index
                at *= steps[side][index]
                at += sound[side][index]
                at *= amount * 0.6
                out[side, start : start + here.size] += at
    return out / (1 + 0.6 * amount)


def ping_pong(sound: np.ndarray, amount: float, seconds: float, sample_rate: int) -> np.ndarray:
    """Echoes that change sides, each darker than the one before."""
    if amount <= 0:
        return sound
    out = sound.copy()
    echo = band(sound.mean(axis=0), 180.0, 5500.0, sample_rate, 1)
    step = round(seconds * sample_rate)
    for repeat in range(DELAY_REPEATS):
        start = (repeat + 1) * step
        if start >= sound.shape[-1]:
            break
        gain = amount * DELAY_FEEDBACK**repeat
        near, far = (0, 1) if repeat % 2 == 0 else (1, 0)
        part = echo[: sound.shape[-1] - start]
        out[near, start:] += gain * part
        out[far, start:] += 0.25 * gain * part
        echo = band(echo, 0.0, 4500.0, sample_rate, 1)
    return out


@lru_cache(maxsize=16)
def _room(seconds: float, sample_rate: int) -> np.ndarray:
    """An impulse response: two independent noises that die away, the high ones sooner, after 12 ms of nothing."""
    rng = np.random.Generator(np.random.PCG64(7))
    count = round(1.3 * seconds * sample_rate)
    t = np.arange(count) / sample_rate
    out = np.zeros((2, count))
    for low, high, share in ((200.0, 900.0, 1.0), (900.0, 3500.0, 0.8), (3500.0, 12_000.0, 0.5)):
        for side in range(2):
            part = band(noise(rng, count), low, high, sample_rate)
            out[side] += part * np.exp(-6.9 * t / (share * seconds)) / np.sqrt(np.mean(part**2))
    out *= np.minimum(t / 0.012, 1.0)
    return out / np.sqrt(np.sum(out**2, axis=1, keepdims=True))


def room_of(amount: float, seconds: float, sample_rate: int) -> np.ndarray | None:
    """The echo (2, n) of ``amount`` of a room that takes ``seconds`` to die away by 60 dB; None where there is none."""
    return amount * _room(round(seconds, 2), sample_rate) if amount > 0 else None


def ducking(kicks_seconds: tuple[float, ...], depth: float, loop_seconds: float, count: int, rate: int) -> np.ndarray:
    """A gain (count,) that dips by ``depth`` 0..1 at every kick and recovers in DUCK_SECONDS, round the loop."""
    t = np.arange(count) / rate
    gain = np.ones(count)
    for kick in kicks_seconds:
        for start in (kick - loop_seconds, kick, kick + loop_seconds):
            since = t - start + DUCK_ATTACK_SECONDS
            near = (since >= 0) & (since < 1.5 * DUCK_SECONDS)
            fall = np.minimum(since[near] / DUCK_ATTACK_SECONDS, 1.0)
            back = np.clip((since[near] - DUCK_ATTACK_SECONDS) / DUCK_SECONDS, 0.0, 1.0)
            dip = depth * fall * (1 - back * back * (3 - 2 * back))
            gain[near] = np.minimum(gain[near], 1 - dip)
    return gain
