"""From a file to blocks of samples.

What a file is told by its content, never by its name, and only containers of sound are tried: a playlist that names
other files, say, is refused. A WAV of plain samples is read here; everything else is decoded in a process of its own
(:mod:`.decode_worker`), so that no file can hold us up, fill the memory or end us.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import InvalidInput
from ..machine.run import bare_environment
from .decode_worker import REFUSED, SIZE, Undecodable, decoded

CONTAINERS = (
    "wav,mp3,flac,ogg,aiff,mov,m4a,matroska,caf,w64,au,asf,wv,aac,ac3,eac3,dts,tta,ape,mpc,mpc8,dsf,amr,rm,flv,avi,mpeg,"
    "voc,iff,nistsphere,ircam"
)
RATES = (4_000, 384_000)
MOST_CHANNELS = 32
DECODE_SECONDS = 60.0  # in all
STALL_SECONDS = 8.0  # without a single block
_WORKER = Path(__file__).with_name("decode_worker.py")
_TEXTS = (b"<!doctype", b"<html", b"<?xml", b"{", b"<svg")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")


@dataclass
class Stream:
    """Sound that arrives block by block.

    ``kind`` is what the file is, as FFmpeg calls it (``mp3 wav flac ogg`` ...), ``frames`` the length it claims (None:
    not known), ``speakers`` the loudspeaker of each channel as FFmpeg calls it (``NONE`` where the file does not say),
    ``blocks`` float32 arrays of shape (channels, n). What cannot be decoded raises :class:`Undecodable`, at once or on
    the way.
    """

    kind: str
    sample_rate: int
    channels: int
    frames: int | None
    speakers: list[str]
    blocks: Iterator[np.ndarray]


def format_of(file: BinaryIO) -> str:
    """What an audio file is, by its content, as FFmpeg calls it: ``mp3 wav flac ogg`` ...; empty for anything else."""
    try:
        with _stream(file) as stream:
            return stream.kind
    except Undecodable:
        return ""


@contextmanager
def open_sound(file: BinaryIO, name: str) -> Iterator[Stream]:
    """Open a file's sound; ``name`` is what the musician calls it, for messages.

    Raises InvalidInput if it is a text or a picture, or its rate or channels cannot be meant, and Undecodable.
    """
    head = file.read(512)
    if head.startswith(_PICTURES) or head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_TEXTS):
        what = "a picture" if head.startswith(_PICTURES) else "a text or web page"
        raise InvalidInput(f"“{name}” is {what}, not audio, whatever its name says; give an mp3 or wav file.")
    with _stream(file) as stream:
        if not RATES[0] <= stream.sample_rate <= RATES[1]:
            raise InvalidInput(
                f"“{name}” claims a sample rate of {stream.sample_rate} Hz; only {RATES[0]} to {RATES[1]} Hz can be "
                "right. Export it again."
            )
        if stream.channels > MOST_CHANNELS:
            raise InvalidInput(
                f"“{name}” claims {stream.channels} channels; 1 to {MOST_CHANNELS} can be read. Export it as stereo."
            )
        yield stream


@contextmanager
def _stream(file: BinaryIO) -> Iterator[Stream]:
    plain = _plain_wav(file)
    if plain is not None:
        with contextlib.closing(decoded(plain, "wav", [])) as parts:
            head = next(parts)
            yield _as_stream(head, (b"".join(planes) for planes in parts))
        return
    file.seek(0)
    command = [sys.executable, str(_WORKER), CONTAINERS, str(DECODE_SECONDS), str(STALL_SECONDS)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=errors, env=bare_environment())
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.endswith(b"\n"):
                _check_end(process, errors)
            yield _as_stream(json.loads(line), _received(process, errors))
        finally:
            process.kill()
            process.communicate()


def _as_stream(head: dict[str, Any], blocks: Iterator[bytes]) -> Stream:
    dtype, is_planar = np.dtype(head.pop("dtype")), head.pop("is_planar")

    def floats(data: bytes) -> np.ndarray:
        values = np.frombuffer(data, dtype)
        values = values.reshape(head["channels"], -1) if is_planar else values.reshape(-1, head["channels"]).T
        if dtype.kind == "f":
            with np.errstate(over="ignore"):  # a spoiled 64-bit sample may be any number
                return values.astype(np.float32, copy=False)
        whole = np.iinfo(dtype)
        scale = (int(whole.max) - int(whole.min) + 1) / 2
        return (values.astype(np.float32) - np.float32(int(whole.min) + scale)) / np.float32(scale)

    return Stream(**head, blocks=map(floats, blocks))


def _received(process: subprocess.Popen[bytes], errors: BinaryIO) -> Iterator[bytes]:
    assert process.stdout is not None
    while len(size := process.stdout.read(SIZE.size)) == SIZE.size:
        (length,) = SIZE.unpack(size)
        if len(data := process.stdout.read(length)) < length:
            break
        yield data
    _check_end(process, errors)


def _check_end(process: subprocess.Popen[bytes], errors: BinaryIO) -> None:
    """Raise Undecodable unless the decoder ended well."""
    code = process.wait()
    errors.seek(0)
    said = errors.read(1 << 16).decode("utf-8", "replace").strip()
    if code == REFUSED and said:
        raise Undecodable(said.splitlines()[-1])
    if code:
        late = said.startswith("Timeout (")
        raise Undecodable(f"no sound came for {STALL_SECONDS:.0f} s" if late else "its decoder broke off")


def _plain_wav(file: BinaryIO) -> io.BytesIO | None:
    """Format and samples of a WAV that needs no decoder, as a WAV without its other chunks; None for any other file."""
    file.seek(0)
    riff, _, wave = struct.unpack("<4sI4s", file.read(12).ljust(12))
    form = b""
    while (riff, wave) == (b"RIFF", b"WAVE") and len(head := file.read(8)) == 8:
        tag, size = struct.unpack("<4sI", head)
        if tag == b"data":
            coding = form[24:26] if form[:2] == b"\xfe\xff" else form[:2]
            samples = file.read(size) if coding in (b"\1\0", b"\3\0") else b""
            if not samples or len(samples) < size:
                return None
            chunks = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form + head + samples
            return io.BytesIO(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
        if tag == b"fmt " and size in (16, 18, 40):
            form = file.read(size)
        else:
            file.seek(size + size % 2, io.SEEK_CUR)
    return None
