"""FFmpeg's libraries (PyAV carries them): the only module that opens them, as a rule in a process of its own.

Run as a script by :mod:`.decode`: the file is its standard input. It writes a line of JSON (what the sound is), then
blocks: how many bytes follow, as :data:`SIZE`, and the samples of each plane as FFmpeg stores them; a file that cannot
be decoded ends it with status 3 and a reason. Its memory is limited, and it ends itself when no block comes: a small
file can name millions of samples. It does without numpy, whose import would take as long as PyAV's.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import io
import itertools
import json
import os
import re
import struct
import sys
import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from av.container import InputContainer

MOST_BYTES = 1 << 30  # of memory; a decoder needs a tenth of it
EXACT = ("wav", "flac", "aiff", "caf", "w64", "au")  # these know their length
REFUSED = 3
SIZE = struct.Struct("<I")
_BLOCK_SAMPLES = 1 << 17
_MP3_DELAY = 529  # of the decoder; FFmpeg leaves it where no tag tells it and the encoder's


class Undecodable(Exception):
    """FFmpeg refused the file; the text is its reason."""


def decoded(file: BinaryIO, containers: str, layouts: list[Any]) -> Generator[Any, None, None]:
    """First what the sound is (a dictionary), then blocks: each plane's samples as bytes; raises Undecodable.

    A plane holds one channel, or all of them in turn. ``dtype`` is numpy's name of its samples.

    Only ``containers`` are tried, only decoders of sound are opened (a cover can claim gigabytes), and nothing else is.
    ``layouts`` must outlive the process where the channels may stand in any order: PyAV 18 frees such an order twice,
    with a frame and with the frame's layout.
    """
    import av
    from av.audio.frame import format_dtypes

    options = {"format_whitelist": containers, "codec_whitelist": _sound_decoders(), "protocol_whitelist": "none"}
    # Before PyAV 19 a tag that is not UTF-8 was an error unless it was told otherwise; PyAV 19 needs no telling.
    lenient: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
    try:
        with av.open(_behind_tag(file), "r", options=options, **lenient) as container:
            frames = _frames(container, layouts)
            first = next(frames, None)
            if first is None:
                raise Undecodable("no audio in it")
            rate, kind = first.sample_rate, container.format.name
            sound = container.streams.audio[0]
            is_untold = kind == "mp3" and sound.codec_context.name.startswith("mp3") and not sound.start_time
            if is_untold and (start := _told_at(file)):
                yield from decoded(_from(file, start), "mp3", layouts)
                return
            claimed = container.duration if kind in EXACT else None
            yield {
                "kind": kind,
                "sample_rate": rate,
                "channels": first.layout.nb_channels,
                "frames": round(claimed * rate / 1e6) if claimed else None,
                "speakers": [channel.name for channel in first.layout.channels],
                "dtype": format_dtypes[first.format.name],
                "is_planar": first.format.is_planar,
            }
            yield from _blocks(first, frames, _MP3_DELAY if is_untold else 0)
    except (av.FFmpegError, OSError) as error:  # the second where its numbers lead before the file's beginning
        raise Undecodable(error.strerror) from None


def _sound_decoders() -> str:
    import av

    names = []
    for name in av.codecs_available:
        with contextlib.suppress(av.codec.codec.UnknownCodecError):
            if av.Codec(name, "r").type == "audio":
                names.append(name)
    return ",".join(names)


def _behind_tag(file: BinaryIO) -> BinaryIO:
    """The file, or what is behind its ID3 tag where that is a WAV, which FFmpeg does not look for there."""
    file.seek(0)  # it is handed on from another process, at any place
    head = file.read(10)
    start = 0
    if head.startswith(b"ID3"):
        start = 10 + functools.reduce(lambda size, byte: size << 7 | byte & 127, head[6:], 0)
    file.seek(start)
    if start and file.read(4) == b"RIFF":
        return _from(file, start)
    file.seek(0)
    return file


def _from(file: BinaryIO, start: int) -> io.BytesIO:
    file.seek(start)
    return io.BytesIO(file.read())


def _told_at(file: BinaryIO) -> int:
    """Where the frame begins that tells an mp3's length and delay, which FFmpeg misses behind junk; 0 for nowhere."""
    here = file.tell()  # FFmpeg goes on there
    file.seek(0)
    found = re.search(rb"\xff[\xe2-\xff](.{11}|.{19}|.{34})(Xing|Info)\0\0\0", file.read(1 << 16), re.DOTALL)
    file.seek(here)
    return found.start() if found else 0


def _frames(container: InputContainer, layouts: list[Any]) -> Iterator[Any]:
    """The decoded frames of the first sound in the file; what is damaged on the way is passed over."""
    import av

    sound = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
    with contextlib.suppress(IndexError):  # PyAV's, at the end of a file in which a stream began on the way
        for packet in () if sound is None else container.demux(sound):
            with contextlib.suppress(av.InvalidDataError):
                for frame in packet.decode():
                    layouts.append(frame.layout)
                    yield frame


def _blocks(first: Any, rest: Iterator[Any], skipped: int) -> Iterator[list[bytes]]:
    """The planes of the frames without the first ``skipped`` samples, in blocks of at most ``_BLOCK_SAMPLES``."""
    coding = _coding(first)
    most = max(1, _BLOCK_SAMPLES // first.layout.nb_channels)
    kept: list[list[memoryview]] = []
    room = most
    for frame in itertools.chain((first,), rest):
        if _coding(frame) != coding:
            raise Undecodable("its sample rate, its channels or their coding change on the way")
        for start in range(skipped, frame.samples, most):
            piece = _planes(frame, start, end := min(start + most, frame.samples))
            if end - start > room:
                yield [b"".join(parts) for parts in zip(*kept, strict=True)]
                kept, room = [], most
            kept.append(piece)
            room -= end - start
        skipped = 0
    yield [b"".join(parts) for parts in zip(*kept, strict=True)]


def _coding(frame: Any) -> tuple[int, int, str]:
    return frame.sample_rate, frame.layout.nb_channels, frame.format.name


def _planes(frame: Any, start: int, end: int) -> list[memoryview]:
    """Samples of ``frame.planes``, which takes what lies in memory behind eight of them for a ninth."""
    from av.audio.plane import AudioPlane

    channels = frame.layout.nb_channels
    count, width = (channels, 1) if frame.format.is_planar else (1, channels)
    width *= frame.format.bytes
    planes: list[Any] = [AudioPlane(frame, index) for index in range(count)]
    return [memoryview(plane)[start * width : end * width] for plane in planes]


def main(containers: str, most_seconds: float, stall_seconds: float, layouts: list[Any]) -> int:
    import av  # noqa: F401  (before the clock runs: from a slow disk it takes its time)

    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    began = time.monotonic()
    try:
        with open(0, "rb", closefd=False) as file, open(1, "wb", closefd=False) as out:
            blocks = decoded(file, containers, layouts)
            while True:
                faulthandler.dump_traceback_later(stall_seconds, exit=True)
                block = next(blocks, None)
                faulthandler.cancel_dump_traceback_later()  # who reads us may take their time
                if block is None:
                    return 0
                if time.monotonic() - began > most_seconds:
                    raise Undecodable(f"decoding it did not end within {most_seconds:.0f} s")
                if isinstance(block, dict):
                    out.write(json.dumps(block).encode() + b"\n")
                else:
                    out.write(SIZE.pack(sum(map(len, block))))
                    out.writelines(block)
                out.flush()
    except Undecodable as reason:
        print(reason, file=sys.stderr, flush=True)
        return REFUSED


if __name__ == "__main__":
    held: list[Any] = []
    os._exit(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), held))  # nothing is freed any more
