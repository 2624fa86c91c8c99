"""What one patch of a SoundFont needs, as a bank of its own: the synthesiser reads its bank anew for every call.

Layout: SoundFont Technical Specification 2.04 (Creative, 2006). The tables stay as they are; of the sound only the
samples of the patch are kept, and their headers point to them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .bank_check import GAP_SAMPLES, INSTRUMENT, ROM, SAMPLE, once_per_file, read_bank, words, write_bank

DRUM_BANK = 128
# For each table of heads its bags, its generators, the byte that points to the bags, the generator that points on.
_LINKS = {"phdr": ("pbag", "pgen", 24, INSTRUMENT), "inst": ("ibag", "igen", 20, SAMPLE)}


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
        places = np.stack([words(headers, at, "<u4") for at in (20, 24, 28, 32)], axis=1)
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
