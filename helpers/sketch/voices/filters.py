"""Filters that move while they sound, and envelopes that move them.

A moving filter's coefficients change every BLOCK samples while its state is kept (cookbook biquads by Robert
Bristow-Johnson), which is smooth for envelopes of a millisecond and more.
"""

from __future__ import annotations

import itertools

import numpy as np

from .patch import OCTAVE_HZ, VOICING_HZ

BLOCK = 64
STEP_OCTAVES, MOST_STRIDE = 0.01, 32  # a filter stands still for as many blocks as move it no further
FILTER_BLOCK, FALL_BLOCK = 196_608, 256
TURNED_HZ = 700.0  # the frequency that a tilt leaves where it is
LOWEST_HZ, HIGHEST_SHARE = 20.0, 0.45  # the range of a cutoff; the share is of the sample rate


def low_pass(
    sound: np.ndarray, cutoff_hz: np.ndarray, resonance: float, sample_rate: int, poles: int = 4
) -> np.ndarray:
    """Low-pass of two or four poles; ``cutoff_hz`` has one value for each BLOCK of ``sound``, (channels, n).

    ``resonance`` is the quality of the last stage, 0.7 none to about 12 whistling.
    """
    from scipy.signal import lfilter

    blocks = -(-sound.shape[-1] // BLOCK)
    w = 2 * np.pi * np.clip(cutoff_hz[:blocks], LOWEST_HZ, HIGHEST_SHARE * sample_rate) / sample_rate
    cos, sin = np.cos(w), np.sin(w)
    # Rounded, so that the last bit of a logarithm elsewhere moves no step.
    moved = np.round(np.cumsum(np.abs(np.diff(np.log2(w), prepend=np.log2(w[0])))) / STEP_OCTAVES, 6)
    steps = (np.diff(np.floor(moved), prepend=0) > 0) | (np.arange(blocks) % MOST_STRIDE == 0)
    starts = np.flatnonzero(steps).tolist()
    out = np.asarray(sound, dtype=float)
    for quality in (0.6, max(resonance, 0.6))[-poles // 2 :]:
        alpha = sin / (2 * quality)
        b = np.stack([(1 - cos) / 2, 1 - cos, (1 - cos) / 2], axis=1) / (1 + alpha)[:, None]
        a = np.stack([1 + alpha, -2 * cos, 1 - alpha], axis=1) / (1 + alpha)[:, None]
        done = np.empty_like(out)
        if np.all(w == w[0]):
            done = lfilter(b[0], a[0], out, axis=-1)
        else:
            state = np.zeros((*out.shape[:-1], 2))
            for i, end in itertools.pairwise((*starts, blocks)):
                part = slice(i * BLOCK, end * BLOCK)
                done[..., part], state = lfilter(b[i], a[i], out[..., part], axis=-1, zi=state)
        out = done
    return out


def band(sound: np.ndarray, low_hz: float, high_hz: float, sample_rate: int, order: int = 2) -> np.ndarray:
    """What lies between two frequencies; a bound of 0 or above the range leaves that side open."""
    from scipy.signal import butter, sosfilt

    top = HIGHEST_SHARE * sample_rate
    if low_hz > 0 and 0 < high_hz < top:
        sections = butter(order, (low_hz, high_hz), "bandpass", fs=sample_rate, output="sos")
    elif low_hz > 0:
        sections = butter(order, low_hz, "highpass", fs=sample_rate, output="sos")
    elif 0 < high_hz < top:
        sections = butter(order, high_hz, "lowpass", fs=sample_rate, output="sos")
    else:
        return sound
    return sosfilt(sections, sound, axis=-1)


def adsr(
    count: int, held: int, sample_rate: int, attack: float, decay: float, sustain: float, release: float
) -> np.ndarray:
    """An envelope 0..1 over ``count`` samples, released after ``held``: straight rise, exponential falls.

    Times in seconds: ``decay`` and ``release`` are how long a fall of 60 dB takes.
    """
    risen = min(int(np.ceil(attack * sample_rate)), count)
    out = np.ones(count)
    out[risen:] = sustain + (1 - sustain) * falling(count - risen, decay, sample_rate, risen / sample_rate - attack)
    rising = min(max(risen, int(np.ceil(1e-4 * sample_rate))), count)
    out[:rising] *= np.minimum(np.arange(rising) / (max(attack, 1e-4) * sample_rate), 1.0)
    if held < count:
        out[held:] = out[max(held - 1, 0)] * falling(count - held, release, sample_rate)
    return out


def falling(count: int, seconds: float, sample_rate: int, since_seconds: float = 0.0) -> np.ndarray:
    """A fall of 60 dB in ``seconds``, begun ``since_seconds`` ago (count,); quick, as a product of two short ones."""
    rate = -6.9 / max(seconds, 1e-3)
    blocks = np.exp(rate * (np.arange(-(-count // FALL_BLOCK)) * (FALL_BLOCK / sample_rate) + since_seconds))
    return np.outer(blocks, np.exp(rate / sample_rate * np.arange(FALL_BLOCK))).reshape(-1)[:count]


def shaped(
    sound: np.ndarray,
    tilt_db: float,
    sample_rate: int,
    voicing_db: tuple[float, ...] = (),
    room_db: tuple[float, ...] = (),
    echo: np.ndarray | None = None,
) -> np.ndarray:
    """The sound with its spectrum turned by ``tilt_db`` an octave and lifted by ``voicing_db`` at VOICING_HZ and by
    ``room_db`` at OCTAVE_HZ, and its ``echo`` added: an impulse response (2, n).

    Before the echo no phase moves. The turn acts from 40 Hz to 16 kHz; between the frequencies a gain goes straight
    over log frequency, beyond them it stays.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    if not (tilt_db or voicing_db or room_db) and echo is None:
        return sound
    count = sound.shape[-1]
    before = sample_rate // 8  # as far as the gains ring, before and after
    reach = 2 * before + (0 if echo is None else echo.shape[-1])
    size = next_fast_len(max(FILTER_BLOCK, 2 * reach), real=True)
    hz = np.clip(np.arange(size // 2 + 1) * (sample_rate / size), 40.0, 16_000.0)
    db = tilt_db * np.log2(hz / TURNED_HZ)
    for gains_db, at_hz in ((voicing_db, VOICING_HZ), (room_db, OCTAVE_HZ)):
        if gains_db:
            db = db + np.interp(np.log(hz), np.log(at_hz), gains_db)
    gain = 10 ** (db / 20) * (1.0 if echo is None else 1.0 + rfft(echo, size, axis=-1))
    out = np.zeros((*sound.shape[:-1], count + reach))
    for at in range(0, count, size - reach):  # block by block the transforms stay in the processor's cache
        part = sound[..., at : at + size - reach]
        padded = np.pad(part, ((0, 0), (before, size - before - part.shape[-1])))
        done = irfft(rfft(padded, axis=-1) * gain, size, axis=-1)
        out[..., at : at + size] += done[..., : count + reach - at]
    return out[..., before : before + count]
