"""SoundFont 3 (samples as Ogg Vorbis) unpacked into SoundFont 2, which the synthesiser plays.

Layout: SoundFont Technical Specification 2.04; in version 3, as MuseScore writes it, a sample's header gives bytes of
the ``smpl`` chunk instead of sample positions, its loop counts from its own start, and its type has bit 0x10 set.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from ..errors import InvalidInput
from ..sound.audio import decode_vorbis

_COMPRESSED = 0x10
_RECORD = struct.Struct("<20s5IBbHH")  # name, start, end, loop start, loop end, rate, key, cents, link, type
_GAP = np.zeros(46, dtype="<i2")  # silence after each sample, as the specification asks


def unpack_sf3(data: bytes) -> bytes:
    """The bank as SoundFont 2; one that holds no compressed sample comes back as it is.

    Raises InvalidInput if it is no SoundFont or a sample cannot be decoded.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise InvalidInput("This is not a SoundFont; give an .sf2 or .sf3 file.")
    try:
        lists = {data[at : at + 4]: (at, end) for at, end in _lists(data)}
        smpl = next(span for tag, *span in _chunks(data, *lists[b"sdta"]) if tag == b"smpl")
        shdr = next(span for tag, *span in _chunks(data, *lists[b"pdta"]) if tag == b"shdr")
        headers = [_RECORD.unpack_from(data, at) for at in range(shdr[0], shdr[1] - _RECORD.size + 1, _RECORD.size)]
        if not any(header[9] & _COMPRESSED for header in headers[:-1]):
            return data
        samples, records = _decoded(data, smpl[0], headers)
    except (KeyError, StopIteration, struct.error, OSError) as error:
        raise InvalidInput(f"This SoundFont is damaged ({error}); fetch it again.") from None
    tables = data[lists[b"pdta"][0] + 4 : shdr[0]] + records + data[shdr[1] : lists[b"pdta"][1]]
    info = data[lists[b"INFO"][0] : lists[b"INFO"][1]]
    body = b"sfbk" + chunk(b"LIST", info) + chunk(b"LIST", b"sdta" + chunk(b"smpl", samples))
    return chunk(b"RIFF", body + chunk(b"LIST", b"pdta" + tables))


def _decoded(data: bytes, base: int, headers: list[tuple]) -> tuple[bytes, bytes]:
    """All samples one after another, and their headers with positions in samples."""
    parts: list[np.ndarray] = []
    places: dict[tuple[int, int], tuple[int, int]] = {}
    filled = 0
    out = []
    for name, start, end, loop, loop_end, rate, key, cents, link, kind in headers[:-1]:
        if (start, end) not in places:
            raw = data[base + start : base + end] if kind & _COMPRESSED else data[base + 2 * start : base + 2 * end]
            one = decode_vorbis(raw) if kind & _COMPRESSED else np.frombuffer(raw, dtype="<i2")
            places[start, end] = filled, filled + one.size
            parts += [one, _GAP]
            filled += one.size + _GAP.size
        first, last = places[start, end]
        shift = first if kind & _COMPRESSED else first - start
        loops = (min(loop + shift, last), min(loop_end + shift, last))
        out.append(_RECORD.pack(name, first, last, *loops, rate, key, cents, link, kind & ~_COMPRESSED))
    return np.concatenate(parts).astype("<i2").tobytes(), b"".join(out) + _RECORD.pack(*headers[-1])


def _lists(data: bytes) -> Iterator[tuple[int, int]]:
    for tag, start, end in _chunks(data, 8, len(data)):
        if tag == b"LIST":
            yield start, end


def _chunks(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """``(tag, first byte, end)`` of each chunk behind a list's own four letters."""
    at = start + 4
    while at + 8 <= end:
        tag, size = struct.unpack_from("<4sI", data, at)
        yield tag, at + 8, min(at + 8 + size, end)
        at += 8 + size
        if size % 2 and at < end and data[at] == 0:  # MuseScore leaves the filling byte out
            at += 1


def chunk(tag: bytes, body: bytes) -> bytes:
    """A chunk of a RIFF file, filled up to whole words."""
    return tag + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
