"""From a file to blocks of samples, through FFmpeg's libraries (PyAV carries them). The only module that opens them.

What a file is told by its content, never by its name, and only containers of sound are tried: a playlist that names
other files, say, is refused. Sound is taken block by block, so that no file can fill the memory.
"""

from __future__ import annotations

import functools
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..errors import InvalidInput

if TYPE_CHECKING:
    from av.container import InputContainer

CONTAINERS = (
    "wav,mp3,flac,ogg,aiff,mov,m4a,matroska,caf,w64,au,asf,wv,aac,ac3,eac3,dts,tta,ape,mpc,mpc8,dsf,amr,rm,flv,avi,mpeg,"
    "voc,iff,nistsphere,ircam"
)
EXACT = ("wav", "flac", "aiff", "caf", "w64", "au")  # these know their length
RATES = (4_000, 384_000)
MOST_CHANNELS = 32
DECODE_SECONDS = 60.0  # in all
_BLOCK_SAMPLES = 1 << 17
_TEXTS = (b"<!doctype", b"<html", b"<?xml", b"{", b"<svg")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")


class Undecodable(Exception):
    """FFmpeg refused the file; the text is its reason."""


@dataclass
class Stream:
    """Sound that arrives block by block.

    ``frames`` is the length the file claims (None: not known), ``speakers`` the loudspeaker of each channel as FFmpeg
    calls it (``NONE`` where the file does not say), ``blocks`` float32 arrays of shape (channels, n). What cannot be
    decoded raises :class:`Undecodable`, at once or on the way.
    """

    sample_rate: int
    channels: int
    frames: int | None
    speakers: tuple[str, ...]
    blocks: Iterator[np.ndarray]


@contextmanager
def _opened(file: BinaryIO) -> Iterator[InputContainer]:
    import av

    try:
        # Before PyAV 19 a tag that is not UTF-8 was an error unless it was told otherwise; PyAV 19 needs no telling.
        lenient: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
        with av.open(file, "r", options={"format_whitelist": CONTAINERS}, **lenient) as container:
            yield container
    except (av.FFmpegError, OSError) as error:  # the second where its numbers lead before the file's beginning
        raise Undecodable(error.strerror) from None


def format_of(file: BinaryIO) -> str:
    """What an audio file is, by its content, as FFmpeg calls it: ``mp3 wav flac ogg`` ...; empty for anything else."""
    try:
        with _opened(file) as container:
            return container.format.name
    except Undecodable:
        return ""


@contextmanager
def open_sound(file: BinaryIO, name: str) -> Iterator[Stream]:
    """Open a file's sound; ``name`` is what the musician calls it, for messages.

    Raises InvalidInput if it is a text or a picture, or its rate or channels cannot be meant, and Undecodable.
    """
    head = file.read(512)
    file.seek(0)
    if head.startswith(_PICTURES) or head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_TEXTS):
        what = "a picture" if head.startswith(_PICTURES) else "a text or web page"
        raise InvalidInput(f"“{name}” is {what}, not audio, whatever its name says; give an mp3 or wav file.")
    with _opened(_behind_tag(file)) as container:
        frames = _frames(container)
        first = next(frames, None)
        if first is None:
            raise Undecodable("no audio in it")
        rate, channels = first.sample_rate, first.layout.nb_channels
        _check_header(rate, channels, name)
        microseconds = container.duration if container.format.name in EXACT else None
        claimed = round(microseconds * rate / 1e6) if microseconds else None
        speakers = tuple(channel.name for channel in first.layout.channels)
        yield Stream(rate, channels, claimed, speakers, _blocks(first, frames))


def _behind_tag(file: BinaryIO) -> BinaryIO:
    """The file, or what is behind its ID3 tag where that is a WAV, which FFmpeg does not look for there."""
    head = file.read(10)
    start = 0
    if head.startswith(b"ID3"):
        start = 10 + functools.reduce(lambda size, byte: size << 7 | byte & 127, head[6:], 0)
    file.seek(start)
    if start and file.read(4) == b"RIFF":
        file.seek(start)
        return io.BytesIO(file.read())
    file.seek(0)
    return file


def _check_header(rate: int, channels: int, name: str) -> None:
    """Refuse a rate or a number of channels that cannot be meant."""
    if not RATES[0] <= rate <= RATES[1]:
        raise InvalidInput(
            f"“{name}” claims a sample rate of {rate} Hz; only {RATES[0]} to {RATES[1]} Hz can be right. "
            "Export it again."
        )
    if channels > MOST_CHANNELS:
        raise InvalidInput(
            f"“{name}” claims {channels} channels; 1 to {MOST_CHANNELS} can be read. Export it as stereo."
        )


def _frames(container: InputContainer) -> Iterator[Any]:
    """The decoded frames of the first sound in the file; what is damaged on the way is passed over."""
    import av

    began = time.monotonic()
    sound = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
    for packet in () if sound is None else container.demux(sound):
        if time.monotonic() - began > DECODE_SECONDS:
            raise Undecodable(f"decoding it did not end within {DECODE_SECONDS:.0f} s")
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def _blocks(first: Any, rest: Iterator[Any]) -> Iterator[np.ndarray]:
    """Frames as float32 (channels, n), many of the short ones in one block."""
    kept, length = [_samples(first)], first.samples
    for frame in rest:
        if (frame.sample_rate, frame.layout.nb_channels) != (first.sample_rate, first.layout.nb_channels):
            raise Undecodable("its sample rate or its channels change on the way")
        if length * len(kept[0]) > _BLOCK_SAMPLES:
            yield np.concatenate(kept, axis=1)
            kept, length = [], 0
        kept.append(_samples(frame))
        length += frame.samples
    yield np.concatenate(kept, axis=1)


def _samples(frame: Any) -> np.ndarray:
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    if values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    whole = np.iinfo(values.dtype)
    scale = (int(whole.max) - int(whole.min) + 1) / 2
    return (values.astype(np.float32) - np.float32(int(whole.min) + scale)) / np.float32(scale)
