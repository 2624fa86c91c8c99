"""The frames of an MPEG audio layer III stream: where they start and how many there are. Pure; bytes in, bytes out.

libsndfile (through mpg123) refuses a file with much junk before the first frame, and guesses the length of a
variable-bit-rate file that lacks the Xing header, often short. Both are mended here before it sees the bytes.
Frame layout: ISO/IEC 11172-3, 2.4.1 and ISO/IEC 13818-3 (lower sampling rates).
"""

from __future__ import annotations

from dataclasses import dataclass

_BIT_RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BIT_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True)
class Frame:
    """One frame header: its length in bytes, samples per channel, rate in Hz and whether it is mono."""

    length: int
    samples: int
    sample_rate: int
    mpeg1: bool
    mono: bool

    @property
    def side_info(self) -> int:
        """Bytes from the frame's start to where a Xing header stands."""
        if self.mpeg1:
            return 4 + (17 if self.mono else 32)
        return 4 + (9 if self.mono else 17)


def read_frame(data: bytes, at: int) -> Frame | None:
    """Read the layer III frame header at byte ``at``; None if there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = (data[at + 1] >> 3) & 3, (data[at + 1] >> 1) & 3
    rate_index, bit_rate_index = (data[at + 2] >> 2) & 3, data[at + 2] >> 4
    if version == 1 or layer != 1 or rate_index == 3 or bit_rate_index in (0, 15):
        return None
    mpeg1 = version == 3
    rate = _RATES[version][rate_index]
    kbps = (_BIT_RATES_1 if mpeg1 else _BIT_RATES_2)[bit_rate_index]
    length = (144 if mpeg1 else 72) * kbps * 1000 // rate + ((data[at + 2] >> 1) & 1)
    return Frame(length, 1152 if mpeg1 else 576, rate, mpeg1, data[at + 3] >> 6 == 3)


def find_first_frame(data: bytes, *, within: int = 1 << 20, run: int = 4) -> int | None:
    """Byte offset of the first of ``run`` frames in a row at one rate; None if there is none in ``within`` bytes."""
    begin = after_id3(data)
    at = data.find(b"\xff", begin, begin + within)
    while at != -1:
        here, rate = at, None
        for _ in range(run):
            frame = read_frame(data, here)
            if frame is None or (rate is not None and frame.sample_rate != rate):
                break
            here, rate = here + frame.length, frame.sample_rate
        else:
            return at
        at = data.find(b"\xff", at + 1, begin + within)
    return None


def id3_bytes(data: bytes) -> int:
    """Length of the ID3v2 tag (with its pictures, full of false frame marks) that ``data`` begins with; 0 without."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:  # four bytes of seven bits
        size = size << 7 | byte & 0x7F
    return 10 + size


def after_id3(data: bytes) -> int:
    """Where the sound may begin: behind the tag, or 0 without one or when it claims to be longer than the file."""
    size = id3_bytes(data)
    return size if size < len(data) else 0


def repair(data: bytes) -> bytes | None:
    """Return the stream from its first frame on, with a Xing header that states its length if it had none.

    None when no frames are found: then it is not an mp3.
    """
    start = find_first_frame(data)
    first = None if start is None else read_frame(data, start)
    if start is None or first is None:
        return None
    at, count = start, 0
    while (frame := read_frame(data, at)) is not None:
        at, count = at + frame.length, count + 1
    mark = start + first.side_info
    if data[mark : mark + 4] in (b"Xing", b"Info") or data[start + 36 : start + 40] == b"VBRI":
        return data[start:]
    # The table at the end of the header is optional: flags 1 = only the number of frames follows.
    header = bytearray(data[start : start + 4] + bytes(first.length - 4))
    tag = b"Xing" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    if first.length < first.side_info + len(tag):
        return data[start:]
    header[first.side_info : first.side_info + len(tag)] = tag
    return bytes(header) + data[start:]
