"""Valid files of every kind we read, and ways to spoil them: by bytes, by fields, by parts of other files. Seeded."""

from __future__ import annotations

import copy
import io
import json
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import soundfile

SECONDS = 1.6
# Name: libsndfile's format and subtype, rate, channels.
_BY_SOUNDFILE = {
    "a.wav": ("WAV", "PCM_16", 44_100, 2),
    "b.wav": ("WAV", "PCM_24", 48_000, 1),
    "c.wav": ("WAVEX", "FLOAT", 22_050, 6),
    "d.wav": ("WAV", "PCM_U8", 8_000, 1),
    "e.wav": ("WAV", "IMA_ADPCM", 22_050, 2),
    "f.wav": ("WAV", "MS_ADPCM", 22_050, 1),
    "g.wav": ("RF64", "PCM_16", 44_100, 2),
    "h.wav": ("WAV", "ULAW", 8_000, 1),
    "a.mp3": ("MP3", "MPEG_LAYER_III", 44_100, 2),
    "b.mp3": ("MP3", "MPEG_LAYER_III", 22_050, 1),
    "a.flac": ("FLAC", "PCM_16", 44_100, 2),
    "b.flac": ("FLAC", "PCM_24", 96_000, 8),
    "a.ogg": ("OGG", "VORBIS", 44_100, 2),
    "b.ogg": ("OGG", "OPUS", 48_000, 1),
    "a.aiff": ("AIFF", "PCM_16", 44_100, 2),
    "b.aiff": ("AIFF", "FLOAT", 44_100, 1),
    "a.caf": ("CAF", "PCM_16", 44_100, 2),
    "b.caf": ("CAF", "ALAC_16", 44_100, 1),
    "a.w64": ("W64", "PCM_16", 44_100, 1),
    "a.au": ("AU", "PCM_16", 44_100, 1),
}
_BY_FFMPEG = {"a.m4a": ["-c:a", "aac"], "b.m4a": ["-c:a", "alac"]}
FIELDS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF8, 0xFFFFFFFE, 1 << 20, 600)


def music(rate: int, channels: int, seconds: float = SECONDS, seed: int = 0) -> np.ndarray:
    """Beats and a moving tone, (samples, channels), about full scale."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * 220 * 2 ** (np.floor(time * 4) % 5 / 12) * time)
    sound += 0.3 * random.standard_normal(time.size) * np.exp(-30 * (time % 0.5))
    return np.stack([sound * (1 - 0.1 * c) for c in range(channels)], axis=1).astype(np.float32)


def make_seeds(folder: Path) -> list[Path]:
    """Write the valid files into ``folder`` (those the machine's libraries can) and return their paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (kind, subtype, rate, channels) in _BY_SOUNDFILE.items():
        if not (folder / name).exists():
            soundfile.write(folder / name, music(rate, channels), rate, format=kind, subtype=subtype)
    if shutil.which("ffmpeg"):
        for name, options in _BY_FFMPEG.items():
            if not (folder / name).exists():
                command = ["ffmpeg", "-v", "error", "-y", "-i", str(folder / "a.wav"), *options, str(folder / name)]
                subprocess.run(command, check=True)
    return sorted(p for p in folder.iterdir() if p.name in (*_BY_SOUNDFILE, *_BY_FFMPEG))


def spoil(data: bytes, others: list[bytes], random: np.random.Generator, head: int = 256) -> bytes:
    """One to four kinds of damage; most of it where a file says what it is."""
    out = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        if len(out) < 16:
            break
        reach = min(len(out), head if random.random() < 0.7 else len(out))
        at = int(random.integers(0, reach - 8)) if reach > 8 else 0
        some = int(random.integers(1, 1 + min(4096, len(out) - at)))
        match int(random.integers(0, 10)):
            case 0:
                for where in random.integers(0, reach, int(random.integers(1, 20))):
                    out[where] = int(random.integers(0, 256))
            case 1:
                out[at] ^= 1 << int(random.integers(0, 8))
            case 2 | 3:
                order = "<" if random.random() < 0.5 else ">"
                struct.pack_into(order + "I", out, at, int(random.choice(FIELDS)))
            case 4:
                del out[int(random.integers(16, len(out) + 1)) :]
            case 5:
                del out[at : at + some]
            case 6:
                out[at:at] = out[at : at + some]
            case 7:
                out[at:at] = random.bytes(some)
            case 8:
                other = others[int(random.integers(len(others)))]
                start = int(random.integers(0, max(1, len(other) - some)))
                out[at : at + some] = other[start : start + some]
            case 9:
                out[at : at + some] = bytes(some)
    return bytes(out)


def spoil_json(document: dict, random: np.random.Generator) -> str:
    """A document with values of wrong kinds, sizes, depths and ranges; now and then text that is no JSON at all."""
    hostile = (
        *(None, True, [], {}, "", "x", -1, 0, 1e-9, 1e300, 2**70, -(2**70), 2.5, "4", "NaN", "\ud800", "\x1b[31m"),
        *("a" * 10_000, "1e400", [[]], [[["Am"]]], {"a": {"b": 1}}, [None] * 1000, ["Am"] * 3000, "../../x", "\0"),
        *(float("nan"), float("inf")),
    )
    out = json.loads(json.dumps(document))
    for _ in range(int(random.integers(1, 4))):
        place = out
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = keys[int(random.integers(len(keys)))]
            if isinstance(place[key], dict | list) and place[key] and random.random() < 0.7:
                place = place[key]
                continue
            match int(random.integers(0, 8)):
                case 0:
                    place.pop(key)
                case 1 if isinstance(place, dict):
                    place[str(random.integers(1000))] = copy.deepcopy(hostile[int(random.integers(len(hostile)))])
                case _:
                    place[key] = copy.deepcopy(hostile[int(random.integers(len(hostile)))])
            break
    text = json.dumps(out)
    match int(random.integers(0, 20)):
        case 0:
            return text[: int(random.integers(0, len(text)))]
        case 1:
            depth = int(random.integers(1, 200_000))
            return "[" * depth + "]" * depth
        case 2:
            return text.replace(":", ': {"a":' * 2000, 1)
        case 3:
            return io.BytesIO(random.bytes(500)).read().decode("latin-1")
    return text
