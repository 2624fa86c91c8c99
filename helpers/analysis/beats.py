"""Where do beats and downbeats fall? BeatNet's three networks (Heydari et al., ISMIR 2021), run in numpy.

A log-filtered spectrogram and its rises, 50 frames a second, through a convolution, two LSTM layers and a softmax: how
surely each frame is a beat, a downbeat, or neither. We take the weights (CC BY 4.0) out of the package, as plain
floats in a known order; no pickled object is read.

Conventions: activations are float32 (n, 2): beat, downbeat; frame i stands for i / 50 s.
"""

from __future__ import annotations

import zipfile
from functools import lru_cache

import numpy as np

from ..records import Clip
from .ears import BEATS, folder_of

RATE, WINDOW, HOP = 22_050, 1411, 441
FRAME_RATE = RATE / HOP
LONGEST_SECONDS = 60.0
_UNITS = 150  # of each LSTM layer
_SHAPES = (
    ((2, 10), (2,), (150, 262), (150,))
    + ((4 * _UNITS, _UNITS),) * 4  # input and hidden of layer 1, of layer 2
    + ((4 * _UNITS,),) * 4
    + ((3, _UNITS), (3,))
)
_MODELS = ("model_1_weights.pt", "model_2_weights.pt", "model_3_weights.pt")


@lru_cache(maxsize=1)
def _filters() -> np.ndarray:
    """Triangles a quarter tone apart from 30 Hz up, of unit sum: (705, 136)."""
    bins = WINDOW // 2
    hz = np.arange(bins) * RATE / (2 * bins)
    low, high = np.floor(np.log2(30 / 440) * 24), np.ceil(np.log2(17_000 / 440) * 24)
    centres = 440 * 2 ** (np.arange(low, high) / 24)
    centres = centres[(centres >= 30) & (centres <= 17_000)]
    at = np.clip(hz.searchsorted(centres), 1, bins - 1)
    at -= centres - hz[at - 1] < hz[at] - centres
    edges, columns = np.unique(at), []
    for start, middle, end in zip(edges, edges[1:], edges[2:], strict=False):
        centre, stop = (middle, end) if end - start >= 2 else (start, start + 1)
        column = np.zeros(bins)
        column[start:centre] = np.linspace(0, 1, centre - start, endpoint=False)
        column[centre:stop] = np.linspace(1, 0, stop - centre, endpoint=False)
        columns.append(column / column.sum())
    return np.stack(columns, axis=1).astype(np.float32)


def spectrogram(mono: np.ndarray) -> np.ndarray:
    """Logarithmic filtered magnitudes and their rises (n, 272) of 22.05 kHz mono."""
    padded = np.pad(mono.astype(np.float32), (WINDOW // 2, WINDOW))
    count = max(1, -(-mono.size // HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: count * HOP : HOP]
    window, out = np.hanning(WINDOW).astype(np.float32), np.empty((count, 136), np.float32)
    for start in range(0, count, 1024):
        spectra = np.abs(np.fft.rfft(frames[start : start + 1024] * window, axis=1))[:, : WINDOW // 2]
        out[start : start + 1024] = np.log10(1.0 + spectra @ _filters())
    return np.hstack([out, np.maximum(0.0, np.diff(out, axis=0, prepend=out[:1]))])


@lru_cache(maxsize=4)
def _weights(name: str) -> list[np.ndarray] | None:
    folder = folder_of(BEATS)
    path = folder / "models" / name if folder else None
    if path is None or not path.is_file():
        return None
    with zipfile.ZipFile(path) as file:
        data = b"".join(file.read(f"archive/data/{i}") for i in range(7))
    flat = np.frombuffer(data, "<f4")
    if flat.size != sum(int(np.prod(shape)) for shape in _SHAPES):
        return None
    found, at = [], 0
    for shape in _SHAPES:
        found.append(flat[at : at + int(np.prod(shape))].reshape(shape))
        at += int(np.prod(shape))
    return found


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _lstm(x: np.ndarray, into: np.ndarray, again: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """One layer over all frames (n, 150); gates in the order input, forget, cell, output."""
    gates = x @ into.T + bias
    again = np.ascontiguousarray(again.T)
    hidden = cell = np.zeros(_UNITS, np.float32)
    out = np.empty((len(x), _UNITS), np.float32)
    for i, given in enumerate(gates):
        now = given + hidden @ again
        opened = _sigmoid(now)
        cell = opened[_UNITS : 2 * _UNITS] * cell + opened[:_UNITS] * np.tanh(now[2 * _UNITS : 3 * _UNITS])
        out[i] = hidden = opened[3 * _UNITS :] * np.tanh(cell)
    return out


def _run(weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    (kernel, offset, dense, dense_bias, i1, h1, i2, h2, bi1, bh1, bi2, bh2, last, last_bias) = weights
    views = np.lib.stride_tricks.sliding_window_view(x, 10, axis=1)  # (n, 263, 10)
    convolved = np.maximum(0.0, np.einsum("nfk,ck->ncf", views, kernel, optimize=True) + offset[:, None])
    pooled = convolved[:, :, :262].reshape(len(x), 2, 131, 2).max(axis=3).reshape(len(x), 262)
    hidden = _lstm(pooled @ dense.T + dense_bias, i1, h1, bi1 + bh1)
    hidden = _lstm(hidden, i2, h2, bi2 + bh2)
    odds = np.exp(hidden @ last.T + last_bias)
    return (odds / odds.sum(axis=1, keepdims=True))[:, :2]


def hear_beats(clip: Clip, mono: np.ndarray) -> np.ndarray | None:
    """Beat and downbeat activations (n, 2), mean of the three networks; None where BeatNet is not installed.

    Of a long clip the middle minute is heard; the rest is zero, which speaks neither for nor against any beat.
    """
    models = [model for model in map(_weights, _MODELS) if model is not None]
    if not mono.any() or len(models) < len(_MODELS):
        return None
    import soxr

    longest = round(LONGEST_SECONDS * clip.sample_rate)
    start = max(0, (mono.size - longest) // 2)
    part = mono[start : start + longest]
    sound = soxr.resample(part, clip.sample_rate, RATE) if clip.sample_rate != RATE else part
    x = spectrogram(np.asarray(sound))
    out = np.zeros((max(1, -(-round(mono.size * RATE / clip.sample_rate) // HOP)), 2), np.float32)
    at = round(start / clip.sample_rate * FRAME_RATE)
    found = np.mean([_run(model, x) for model in models], axis=0)[: len(out) - at]
    out[at : at + len(found)] = found
    return out
