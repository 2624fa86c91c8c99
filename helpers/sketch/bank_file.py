"""SoundFonts as files: checked before a synthesiser believes them, cut down to one patch, unpacked. Plays nothing.

Layout: SoundFont Technical Specification 2.04 (Creative, 2006), sections 4 to 7. A synthesiser follows the numbers in
the tables without asking; one that points outside ends it, or worse. It also reads its bank anew for every call, so it
gets what one patch needs as a bank of its own. In SoundFont 3 samples are Ogg Vorbis: as MuseScore writes it, a
sample's header gives bytes of the ``smpl`` chunk instead of sample positions, its loop counts from its own start, and
its type has bit 0x10 set.
"""

from __future__ import annotations

import io
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from pathlib import Path
from typing import BinaryIO, Concatenate, ParamSpec, TypeVar

import numpy as np

from ..errors import InvalidInput
from ..sound.audio import decode_vorbis

P = ParamSpec("P")
T = TypeVar("T")
LARGEST_BYTES = 600 << 20  # a bank is read whole
_MOST_CHUNKS = 64
# The nine tables of the pdta list and the bytes of one record of each.
_RECORDS = {
    "phdr": 38, "pbag": 4, "pmod": 10, "pgen": 4, "inst": 22, "ibag": 4, "imod": 10, "igen": 4, "shdr": 46,
}  # fmt: skip
INSTRUMENT, SAMPLE = 41, 53  # generators that point into another table
ROM = 0x8000  # a sample that lies in a sound card, not in the file
GAP_SAMPLES = 46  # of silence after each sample, as the specification asks
COMPRESSED = 0x10  # a sample that is Ogg Vorbis
DRUM_BANK = 128
# For each table of heads its bags, its generators, the byte that points to the bags, the generator that points on.
_LINKS = {"phdr": ("pbag", "pgen", 24, INSTRUMENT), "inst": ("ibag", "igen", 20, SAMPLE)}


class Unusable(Exception):
    """A bank or an instrument cannot be played; the text says why in a few words."""


@dataclass(frozen=True, eq=False)
class Contents:
    """What a bank holds: its ``info`` as it is, its nine ``tables``, each (records, bytes of one), the byte of the file
    at which its sound begins, and how many samples that has."""

    info: bytes
    tables: dict[str, np.ndarray]
    start: int
    samples: int


def once_per_file(most: int) -> Callable[[Callable[Concatenate[Path, P], T]], Callable[Concatenate[Path, P], T]]:
    """Remember what ``most`` calls read from files, their first argument, until those change; faults are not kept."""

    def decorate(read: Callable[Concatenate[Path, P], T]) -> Callable[Concatenate[Path, P], T]:
        @lru_cache(maxsize=most)
        def kept(path: Path, facts: tuple[int, int], *args: P.args, **options: P.kwargs) -> T:
            return read(path, *args, **options)

        @wraps(read)
        def remembered(path: Path, *args: P.args, **options: P.kwargs) -> T:
            try:
                facts = path.stat()
            except OSError:
                return read(path, *args, **options)  # which says what is wrong with it
            return kept(path, (facts.st_size, facts.st_mtime_ns), *args, **options)  # type: ignore[arg-type]

        return remembered

    return decorate


@once_per_file(64)
def why_unusable(path: Path) -> str:
    """Why this file cannot be played as a SoundFont 2 bank, in a few words; empty when it can."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            return "it is no file"
        if facts.st_size > LARGEST_BYTES:
            return f"it has {facts.st_size >> 20} MB, {LARGEST_BYTES >> 20} MB are the most"
        with path.open("rb") as file:
            bank = read_bank(file, facts.st_size)
            _check_links(bank.tables, bank.samples)
    except Unusable as reason:
        return str(reason)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def read_bank(file: BinaryIO, size: int) -> Contents:
    """Read a bank of ``size`` bytes but for its sound; raises Unusable where a part is missing, cut off or damaged."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise Unusable("it is not a SoundFont 2 file")
    lists = _chunks(file, 12, min(size, 8 + struct.unpack("<I", head[4:8])[0]), size)
    spans: dict[bytes, tuple[int, int]] = {}
    for tag, start, length in lists:
        file.seek(start)
        if tag == b"LIST" and length >= 4:
            spans.setdefault(file.read(4), (start + 4, start + length))
    if not {b"INFO", b"sdta", b"pdta"} <= set(spans):
        raise Unusable("a part of it is missing")
    sounds = [(start, length // 2) for tag, start, length in _chunks(file, *spans[b"sdta"], size) if tag == b"smpl"]
    if not sounds or not sounds[0][1]:
        raise Unusable("it holds no sound")
    tables: dict[str, np.ndarray] = {}
    for tag, start, length in _chunks(file, *spans[b"pdta"], size):
        name = tag.decode("latin-1")
        if name in _RECORDS and name not in tables:
            file.seek(start)
            data = file.read(length)
            if length % _RECORDS[name] or length < _RECORDS[name]:
                raise Unusable(f"its table {name} is damaged")
            tables[name] = np.frombuffer(data, np.uint8).reshape(-1, _RECORDS[name])
    if set(tables) != set(_RECORDS):
        raise Unusable("one of its tables is missing")
    start, end = spans[b"INFO"]
    file.seek(start)
    return Contents(file.read(end - start), tables, *sounds[0])


def write_bank(info: bytes, sound: bytes, tables: dict[str, np.ndarray]) -> bytes:
    """The file of a bank."""
    pdta = b"".join(_chunk(name.encode(), table.tobytes()) for name, table in tables.items())
    lists = (b"INFO" + info, b"sdta" + _chunk(b"smpl", sound), b"pdta" + pdta)
    return _chunk(b"RIFF", b"sfbk" + b"".join(_chunk(b"LIST", body) for body in lists))


def _chunk(tag: bytes, body: bytes) -> bytes:
    """A chunk of a RIFF file, filled up to whole words."""
    return tag + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _chunks(file: BinaryIO, at: int, end: int, size: int) -> list[tuple[bytes, int, int]]:
    """Tag, start and length of each chunk between two places; refuses one that runs past the end."""
    found: list[tuple[bytes, int, int]] = []
    while at + 8 <= end and len(found) < _MOST_CHUNKS:
        file.seek(at)
        tag, length = struct.unpack("<4sI", file.read(8))
        if at + 8 + length > size:
            raise Unusable("it is cut off")
        found.append((tag, at + 8, length))
        at += 8 + length
        file.seek(at)
        at += length & 1 and file.read(1) in (b"", b"\0")  # MuseScore leaves the filling byte out
    return found


def words(table: np.ndarray, at: int, kind: str = "<u2") -> np.ndarray:
    """The numbers that stand at byte ``at`` of every record."""
    width = np.dtype(kind).itemsize
    return np.ascontiguousarray(table[:, at : at + width]).view(kind)[:, 0].astype(np.int64)


def _places(headers: np.ndarray) -> np.ndarray:
    """Where samples begin and end, and their loops (samples, 4)."""
    return np.stack([words(headers, at, "<u4") for at in (20, 24, 28, 32)], axis=1)


def _check_links(tables: dict[str, np.ndarray], samples: int) -> None:
    """Every number that points into another table points inside it, and every sample lies within the sound."""

    def rising(numbers: np.ndarray, limit: int, what: str) -> None:
        if (np.diff(numbers) < 0).any() or numbers[0] < 0 or numbers[-1] > limit:
            raise Unusable(f"its {what} point outside")

    for head, bag, gen, mod, at in (("phdr", "pbag", "pgen", "pmod", 24), ("inst", "ibag", "igen", "imod", 20)):
        rising(words(tables[head], at), len(tables[bag]) - 1, f"{head} records")
        rising(words(tables[bag], 0), len(tables[gen]), f"{bag} records")
        rising(words(tables[bag], 2), len(tables[mod]), f"{bag} records")
    for gen, points, limit in (
        ("pgen", INSTRUMENT, len(tables["inst"]) - 1),
        ("igen", SAMPLE, len(tables["shdr"]) - 1),
    ):
        kinds, amounts = words(tables[gen], 0), words(tables[gen], 2)
        if (amounts[kinds == points] >= limit).any():
            raise Unusable(f"its {gen} records point outside")
    heads = tables["shdr"][:-1]  # the last one only ends the table
    inside = heads[words(heads, 44) & ROM == 0]
    (start, end, loop, loop_end), rate = _places(inside).T, words(inside, 36, "<u4")
    if not len(inside) or (start > end).any() or (end > samples).any():
        raise Unusable("its samples lie outside the sound")
    if (loop_end > samples).any() or (loop > samples).any():
        raise Unusable("its loops lie outside the sound")
    if ((rate < 400) | (rate > 400_000)).any():
        raise Unusable("its samples have impossible rates")


@once_per_file(8)
def patch_bank(path: Path, program: int, is_drums: bool) -> bytes:
    """A SoundFont that plays one patch as the file at ``path`` does; the whole file where it has no such patch."""
    with path.open("rb") as file:
        bank = read_bank(file, path.stat().st_size)
        tables = bank.tables
        heads = tables["phdr"][:-1]
        presets = np.flatnonzero((words(heads, 22) == DRUM_BANK * is_drums) & (words(heads, 20) == program))
        used = _pointed(tables, "inst", _pointed(tables, "phdr", presets.tolist()))
        headers = tables["shdr"].copy()
        if not used or (words(headers[used], 44) & ROM).any():
            file.seek(0)
            return file.read()
        places = _places(headers)
        moved, parts, filled = np.zeros_like(places), [], 0
        for one in used:
            first, last = places[one].min(), min(places[one].max() + GAP_SAMPLES, bank.samples)
            moved[one] = places[one] - first + filled
            file.seek(bank.start + 2 * first)
            parts.append(file.read(2 * (last - first)))
            filled += last - first
    headers[:, 20:36] = moved.astype("<u4").view(np.uint8)
    return write_bank(bank.info, b"".join(parts), tables | {"shdr": headers})


def _pointed(tables: dict[str, np.ndarray], heads: str, rows: list[int]) -> list[int]:
    """The records of the next table that the generators of these heads point to."""
    bags, generators, at, kind = _LINKS[heads]
    bag, first = words(tables[heads], at), words(tables[bags], 0)
    kinds, amounts = words(tables[generators], 0), words(tables[generators], 2)
    found: set[int] = set()
    for row in rows:
        span = slice(first[bag[row]], first[bag[row + 1]])
        found |= set(amounts[span][kinds[span] == kind].tolist())
    return sorted(found)


def unpack_sf3(data: bytes) -> bytes:
    """The bank as SoundFont 2; one that holds no compressed sample comes back as it is.

    Raises InvalidInput if it is no SoundFont or a sample cannot be decoded.
    """
    try:
        bank = read_bank(io.BytesIO(data), len(data))
        headers = bank.tables["shdr"].copy()
        kinds = words(headers, 44)
        if not (kinds[:-1] & COMPRESSED).any():
            return data
        places = _places(headers)
        parts: list[np.ndarray] = []
        moved: dict[tuple[int, int], tuple[int, int]] = {}
        filled = 0
        for i, (start, end, loop, loop_end) in enumerate(places[:-1].tolist()):  # the last header only ends the table
            packed = bool(kinds[i] & COMPRESSED)
            if (start, end) not in moved:
                width = 1 if packed else 2
                raw = data[bank.start + width * start : bank.start + width * end]
                one = decode_vorbis(raw) if packed else np.frombuffer(raw, dtype="<i2")
                moved[start, end] = filled, filled + one.size
                parts += [one, np.zeros(GAP_SAMPLES, dtype="<i2")]
                filled += one.size + GAP_SAMPLES
            first, last = moved[start, end]
            shift = first if packed else first - start
            places[i] = first, last, min(loop + shift, last), min(loop_end + shift, last)
    except (Unusable, OSError) as error:
        raise InvalidInput(f"This SoundFont cannot be unpacked ({error}); fetch it again.") from None
    headers[:, 20:36] = places.astype("<u4").view(np.uint8)
    headers[:, 44:46] = (kinds & ~COMPRESSED).astype("<u2")[:, None].view(np.uint8)
    sound = np.concatenate(parts).astype("<i2").tobytes()
    return write_bank(bank.info, sound, bank.tables | {"shdr": headers})
