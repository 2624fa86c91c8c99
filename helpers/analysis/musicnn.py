"""musicnn (Pons & Serra, 2019) in numpy: what 50 tags say of a clip, from the weights inside the package.

The weights lie in TensorFlow's checkpoint format, of which we read the two parts we need: the index (names, shapes and
places) and the numbers. The network is equal to the original graph to 1e-6.

Beside the tags we keep the hidden layer they are read from, which tells more families of music apart.

Conventions: a patch is 187 frames of the log-mel of :mod:`helpers.analysis.effnet` (3 s); tags are 0..1.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..records import Clip
from .ears import TAGS, folder_of
from .effnet import HOP, RATE, log_mel

PATCH = 187
MOST_PATCHES = 6  # 18 s of sound; longer clips are asked evenly
LEVEL_RMS = 0.158  # -16 dBFS: the tags depend on the level
MODELS = ("MSD", "MTT")  # trained on Last.fm's and on MagnaTagATune's tags
_TIMBRE = ((0, 0), (1, 0), (2, 128), (3, 64), (4, 32))  # convolution, its frames where it is as long as they


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at


def _entries(data: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block of the index, whose keys leave out what they share with the key before."""
    block, at, key = data[start : start + size], 0, b""
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        at += fresh
        yield key, block[at : at + length]
        at += length


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and contents of a protocol buffer's fields."""
    at = 0
    while at < len(data):
        head, at = _varint(data, at)
        if head & 7 == 0:
            value, at = _varint(data, at)
            yield head >> 3, value
        else:
            size, at = _varint(data, at) if head & 7 == 2 else (4 if head & 7 == 5 else 8, at)
            yield head >> 3, data[at : at + size]
            at += size


def read_checkpoint(index: bytes, numbers: bytes) -> dict[str, np.ndarray]:
    """The float32 arrays of a checkpoint by name, the optimiser's left out."""
    at = 0
    foot = index[-48:]
    for _ in range(2):
        _, at = _varint(foot, at)
    start, at = _varint(foot, at)
    size, _ = _varint(foot, at)
    out: dict[str, np.ndarray] = {}
    for _, handle in _entries(index, start, size):
        block, at = _varint(handle, 0)
        length, _ = _varint(handle, at)
        for key, value in _entries(index, block, length):
            name, entry = key.decode(), dict(_fields(value))
            if not name or "Adam" in name or "power" in name or entry.get(1) != 1:
                continue
            dims = [dict(_fields(d)).get(1, 0) for f, d in _fields(entry.get(2, b"")) if f == 2]  # type: ignore[arg-type]
            offset, count = int(entry.get(4, 0)), int(entry[5])
            out[name] = np.frombuffer(numbers[offset : offset + count], "<f4").reshape([int(d) for d in dims])
    return out


@dataclass(frozen=True, eq=False)
class Tagged:
    """What the networks say of a clip, as means over it: ``tags`` 0..1 by model and name, and their last hidden layers.

    ``hidden`` (400,): square roots of the activations, >= 0, 200 of each model in the order of ``MODELS``.
    """

    tags: dict[str, dict[str, float]]
    hidden: np.ndarray


@lru_cache(maxsize=2)
def load(model: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]] | None:
    """Weights and tag names of ``MSD`` or ``MTT``; None without the package."""
    folder = folder_of(TAGS)
    if folder is None:
        return None
    try:
        files = folder / f"{model}_musicnn"
        weights = read_checkpoint((files / ".index").read_bytes(), (files / ".data-00000-of-00001").read_bytes())
        text = (folder / "configuration.py").read_text(encoding="utf-8")
        return weights, tuple(ast.literal_eval(re.search(rf"{model}_LABELS = (\[.*?\])", text, re.S)[1]))  # type: ignore[index]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def _norm(weights: dict[str, np.ndarray], number: int, x: np.ndarray) -> np.ndarray:
    name = f"batch_normalization{f'_{number}' if number else ''}/"
    scale = weights[name + "gamma"] / np.sqrt(weights[name + "moving_variance"] + 1e-3)
    return x * scale + (weights[name + "beta"] - weights[name + "moving_mean"] * scale)


def _convolve(weights: dict[str, np.ndarray], number: int, x: np.ndarray) -> np.ndarray:
    """Valid convolution of (frames, bands) with a kernel, rectified: (frames, bands, channels)."""
    name = f"conv2d{f'_{number}' if number else ''}/"
    kernel = weights[name + "kernel"][:, :, 0]
    high, wide, channels = kernel.shape
    views = np.lib.stride_tricks.sliding_window_view(x, (high, wide))
    flat = views.reshape(-1, high * wide) @ kernel.reshape(-1, channels) + weights[name + "bias"]
    return np.maximum(flat, 0.0).reshape(*views.shape[:2], channels)


def _patch_tags(weights: dict[str, np.ndarray], mel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tags (50,) and the hidden layer under them (200,) of a patch."""
    x, around = _norm(weights, 0, mel), ((3, 3), (0, 0))
    front = []
    for number, frames in _TIMBRE:
        pad = around if not frames else (((frames - 1) // 2, frames // 2), (0, 0))
        front.append(_norm(weights, number + 1, _convolve(weights, number, np.pad(x, pad))).max(axis=1))
    layers = [np.concatenate(front, axis=1)]
    for number in (5, 6, 7):
        y = _norm(weights, number + 1, _convolve(weights, number, np.pad(layers[-1], around))[:, 0])
        layers.append(y if number == 5 else y + layers[-1])
    joined = np.concatenate(layers, axis=1)
    pooled = np.stack([joined.max(axis=0), joined.mean(axis=0)], axis=1).ravel()
    dense = np.maximum(_norm(weights, 9, pooled) @ weights["dense/kernel"] + weights["dense/bias"], 0.0)
    scores = _norm(weights, 10, dense) @ weights["dense_1/kernel"] + weights["dense_1/bias"]
    return 1.0 / (1.0 + np.exp(-scores)), dense


def hear_tags(clip: Clip, mono: np.ndarray) -> Tagged | None:
    """Means over patches from all over the clip; None without the package or without sound."""
    models = {name: load(name) for name in MODELS}
    if not mono.any() or any(model is None for model in models.values()):
        return None
    import soxr

    sound = soxr.resample(mono, clip.sample_rate, RATE) if clip.sample_rate != RATE else mono
    sound = np.asarray(sound) * (LEVEL_RMS / (float(np.sqrt(np.mean(np.square(sound, dtype=float)))) + 1e-9))
    least = (PATCH + 1) * HOP
    if sound.size < least:
        sound = np.tile(sound, -(-least // sound.size))
    mel = log_mel(sound)
    count = len(mel) // PATCH
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_PATCHES)).round().astype(int))
    named, layers = {}, []
    for name, model in models.items():
        weights, labels = model  # type: ignore[misc]
        answers = [_patch_tags(weights, mel[i * PATCH : (i + 1) * PATCH]) for i in chosen]
        tags, hidden = (np.mean(part, axis=0) for part in zip(*answers, strict=True))
        named[name] = dict(zip(labels, tags.tolist(), strict=True))
        layers.append(np.sqrt(hidden))
    return Tagged(named, np.concatenate(layers))
