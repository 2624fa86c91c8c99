"""Valid files of every kind we read, and ways to spoil them: by bytes, by fields, by parts of other files. Seeded."""

from __future__ import annotations

import copy
import io
import json
import math
import struct
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
    "a.voc": ("VOC", "PCM_16", 44_100, 1),
    "a.svx": ("SVX", "PCM_16", 44_100, 1),
    "a.nist": ("NIST", "PCM_16", 44_100, 2),
    "a.ircam": ("IRCAM", "PCM_16", 44_100, 2),
}
# Name: FFmpeg's container, its encoder of sound, rate, layout, and its encoder of a picture beside it.
_BY_FFMPEG = {
    "a.m4a": ("ipod", "aac", 44_100, "stereo", ""),
    "b.m4a": ("ipod", "alac", 44_100, "stereo", ""),
    "c.m4a": ("mp4", "aac", 48_000, "5.1", "mpeg4"),
    "a.mov": ("mov", "pcm_s24le", 48_000, "stereo", "mjpeg"),
    "a.aac": ("adts", "aac", 32_000, "mono", ""),
    "a.wma": ("asf", "wmav2", 44_100, "stereo", ""),
    "b.wma": ("asf", "wmav1", 22_050, "mono", "mpeg4"),
    "a.webm": ("webm", "libopus", 48_000, "stereo", ""),
    "b.webm": ("webm", "libopus", 48_000, "mono", "libvpx"),
    "a.mka": ("matroska", "libmp3lame", 44_100, "mono", ""),
    "b.mka": ("matroska", "ac3", 48_000, "5.1", "mjpeg"),
    "a.wv": ("wv", "wavpack", 44_100, "stereo", ""),
    "a.tta": ("tta", "tta", 44_100, "stereo", ""),
    "a.mp2": ("mp2", "mp2", 44_100, "stereo", ""),
    "a.ac3": ("ac3", "ac3", 48_000, "5.1", ""),
    "a.eac3": ("eac3", "eac3", 48_000, "stereo", ""),
    "a.amr": ("amr", "libopencore_amrnb", 8_000, "mono", ""),
    "a.rm": ("rm", "ac3", 44_100, "stereo", ""),
    "b.rm": ("rm", "real_144", 8_000, "mono", ""),
    "a.flv": ("flv", "libmp3lame", 44_100, "stereo", "flv"),
    "b.flv": ("flv", "nellymoser", 22_050, "mono", ""),
    "a.avi": ("avi", "mp2", 44_100, "stereo", "mpeg4"),
    "b.avi": ("avi", "adpcm_ms", 44_100, "stereo", ""),
    "a.mpg": ("mpeg", "mp2", 44_100, "stereo", "mpeg1video"),
    "b.mpg": ("vob", "ac3", 48_000, "stereo", "mpeg2video"),
    "i.wav": ("wav", "g726", 8_000, "mono", ""),
    "j.wav": ("wav", "adpcm_yamaha", 22_050, "stereo", ""),
    "k.wav": ("wav", "ac3", 48_000, "stereo", ""),
    "b.au": ("au", "g722", 16_000, "mono", ""),
    "c.caf": ("caf", "adpcm_ima_qt", 44_100, "stereo", ""),
    "c.aiff": ("aiff", "adpcm_ima_qt", 44_100, "stereo", ""),
    "c.mp3": ("mp3", "libmp3lame", 44_100, "stereo", "png"),
    "c.flac": ("flac", "flac", 44_100, "stereo", "png"),
}
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
    for name, form in _BY_FFMPEG.items():
        if not (folder / name).exists():
            _encode(folder / name, *form)
    for name, data in {"a.ape": _silent_ape(), "a.dsf": _dsf(), "a.mpc": _mpc()}.items():
        (folder / name).write_bytes(data)
    return sorted(folder.iterdir())


def _encode(path: Path, container: str, encoder: str, rate: int, layout: str, picture: str) -> None:
    """Music, and where a picture is wanted, 30 of them (or one, where they are a cover)."""
    import av

    with av.open(path, "w", container) as out:
        sound = out.add_stream(encoder, rate, layout=layout)
        sound.bit_rate = 12_200 if encoder == "libopencore_amrnb" else 64_000 * sound.channels
        form = {"png": "rgb24", "mjpeg": "yuvj420p"}.get(picture, "yuv420p")
        seen = out.add_stream(picture, 25, width=64, height=48, pix_fmt=form) if picture else None
        if seen is not None:
            for frame in (*(av.VideoFrame(64, 48, form) for _ in range(1 if picture == "png" else 30)), None):
                out.mux(seen.encode(frame))
        samples = music(rate, av.AudioLayout(layout).nb_channels)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), "fltp", layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(sound.format, layout, rate, sound.frame_size or 4096)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            out.mux(sound.encode(piece))


def _silent_ape(blocks: int = 73_728) -> bytes:
    """Monkey's Audio 3.99 of one frame that says "silence" (flag 3) in its first eight bytes."""
    head = struct.pack("<4sHHIIIIIII16s", b"MAC ", 3990, 0, 52, 24, 4, 0, 16, 0, 0, bytes(16))
    head += struct.pack("<HHIIIHHI", 2000, 32, blocks, blocks, 1, 16, 2, 44_100) + struct.pack("<I", len(head) + 28)
    return head + struct.pack("<IIII", 0x80000000, 3, 0, 0) + bytes(64)


def _dsf(seconds: float = SECONDS) -> bytes:
    """DSD64, two channels, noise."""
    blocks = math.ceil(seconds * 2_822_400 / 8 / 4096)
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 2, 2, 2_822_400, 1, blocks * 32_768, 4096, 0)
    sound = np.random.default_rng(0).bytes(blocks * 8192)
    data = struct.pack("<4sQ", b"data", 12 + len(sound)) + sound
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(form) + len(data), 0) + form + data


def _mpc() -> bytes:
    """Musepack 7 whose frames are noise."""
    return b"MP+\x07" + struct.pack("<II", 60, 0x1F << 24) + bytes(12) + np.random.default_rng(0).bytes(20_000)


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
