"""What an audio file is, told by its content; a WAV taken apart chunk by chunk. Pure: reads, decodes nothing.

libsndfile walks a RIFF file's lists itself and loops for ever on some lengths, so it is only handed a file put together
anew from the three chunks that carry sound: ``fmt``, ``fact`` and ``data``.
Layouts: Microsoft Multimedia Programming Interface 1.0 (RIFF), EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

from ..music.tables import read_table
from . import mp3

MOST_CHUNKS = 4_096  # a file of more is no recording; walking on would take minutes
LARGEST_FMT_BYTES = 1_024
PLAIN_TAGS = (1, 3, 6, 7)  # PCM, float, A-law, mu-law: samples as they lie, nothing to decode
EXTENSIBLE_TAG = 0xFFFE
_RIFF = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_MAGICS = [
    (magic.encode().decode("unicode_escape").encode("latin-1"), kind)
    for magic, kind in read_table(__package__, "magics.txt")["magics"]
]
_TEXTS = (b"<!doctype", b"<html", b"<?xml", b"{", b"<svg")


def kind_of(data: bytes) -> str:
    """What the content is: ``wav flac ogg aiff mp3 mp4 matroska caf w64 au wma wavpack aac``, ``text``, ``picture``, or
    ``''`` when unknown. A tag before the sound (ID3) is skipped."""
    head = data[:16]
    if head.startswith(b"ID3"):
        start = mp3.after_id3(data)
        behind = kind_of(data[start : start + 512]) if start else ""
        return behind if behind in ("wav", "flac", "aac") else "mp3"
    if head[:4] in _RIFF and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "mp4"
    for magic, kind in _MAGICS:
        if head.startswith(magic):
            return kind
    if data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_TEXTS):
        return "text"
    return "mp3" if mp3.find_first_frame(data) is not None else ""


@dataclass(frozen=True)
class WavParts:
    """The chunks of a WAV that carry sound: ``fmt`` and ``fact`` bodies, and where the samples lie in the file.

    ``data_bytes`` never runs past the end of the file. ``order`` is the byte order for :mod:`struct`.
    """

    order: str
    fmt: bytes
    fact: bytes
    data_start: int
    data_bytes: int

    @property
    def channels(self) -> int:
        return struct.unpack_from(self.order + "H", self.fmt, 2)[0]

    @property
    def sample_rate(self) -> int:
        return struct.unpack_from(self.order + "I", self.fmt, 4)[0]

    @property
    def is_plain(self) -> bool:
        """Whether the samples lie there as they are, with no codec to decode them."""
        tag = struct.unpack_from(self.order + "H", self.fmt)[0]
        if tag == EXTENSIBLE_TAG and len(self.fmt) >= 26:
            tag = struct.unpack_from(self.order + "H", self.fmt, 24)[0]
        return tag in PLAIN_TAGS

    @property
    def channel_mask(self) -> int:
        """Which loudspeakers the channels are for (bits of ``dwChannelMask``); 0 when not said."""
        extensible = len(self.fmt) >= 24 and self.fmt[:2] == struct.pack(self.order + "H", EXTENSIBLE_TAG)
        return struct.unpack_from(self.order + "I", self.fmt, 20)[0] if extensible else 0

    def header(self) -> bytes:
        """The bytes that, put before the samples, make a whole RIFF file."""

        def chunk(tag: bytes, body: bytes) -> bytes:
            return tag + struct.pack(self.order + "I", len(body)) + body + b"\0" * (len(body) % 2)

        body = b"WAVE" + chunk(b"fmt ", self.fmt) + (chunk(b"fact", self.fact) if self.fact else b"")
        body += b"data" + struct.pack(self.order + "I", self.data_bytes)
        magic = b"RIFX" if self.order == ">" else b"RIFF"
        return magic + struct.pack(self.order + "I", len(body) + self.data_bytes) + body


def read_wav_parts(file: BinaryIO, size: int, start: int = 0) -> WavParts | None:
    """Walk the chunks of a RIFF, RIFX, RF64 or BW64 file of ``size`` bytes that begins at ``start``.

    A data length that is 0 or runs past the end (a recording cut off or streamed) is set right. None when there is no
    ``fmt`` or no ``data`` chunk.
    """
    file.seek(start)
    magic = file.read(12)[:4]
    order = ">" if magic == b"RIFX" else "<"
    fmt = fact = b""
    data: tuple[int, int] | None = None
    long_data = 0
    at = start + 12
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        tag, length = head[:4], struct.unpack_from(order + "I", head, 4)[0]
        left = size - at - 8
        if tag == b"ds64" and magic in (b"RF64", b"BW64"):
            body = file.read(min(length, 24))
            long_data = struct.unpack_from("<Q", body, 8)[0] if len(body) >= 16 else 0
        elif tag == b"fmt " and not fmt:
            fmt = file.read(min(length, LARGEST_FMT_BYTES))
        elif tag == b"fact" and not fact:
            fact = file.read(min(length, 4))
        elif tag == b"data" and data is None:
            if length == 0xFFFFFFFF and long_data:
                length = long_data
            if length == 0 or length > left:
                length = left
            data = at + 8, length
        if data is not None and len(fmt) >= 16:
            break
        at += 8 + length + (length & 1)
    if data is None or len(fmt) < 16:
        return None
    return WavParts(order, fmt, fact if len(fact) == 4 else b"", *data)


class Spliced(io.RawIOBase):
    """A file for reading only: ``head``, then ``length`` bytes of ``file`` from ``start`` on, never copied."""

    def __init__(self, head: bytes, file: BinaryIO, start: int, length: int) -> None:
        super().__init__()
        self._head, self._file, self._start = head, file, start
        self._size, self._at = len(head) + length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        want = max(0, min(len(view), self._size - self._at))
        got = 0
        if self._at < len(self._head):
            piece = self._head[self._at : self._at + want]
            view[: len(piece)] = piece
            got = len(piece)
        if got < want:
            self._file.seek(self._start + self._at + got - len(self._head))
            piece = self._file.read(want - got)
            view[got : got + len(piece)] = piece
            got += len(piece)
        self._at += got
        return got
