"""SoundFont 3 (samples as Ogg Vorbis) unpacked into SoundFont 2, which the synthesiser plays.

Layout: SoundFont Technical Specification 2.04; in version 3, as MuseScore writes it, a sample's header gives bytes of
the ``smpl`` chunk instead of sample positions, its loop counts from its own start, and its type has bit 0x10 set.
"""

from __future__ import annotations

import io

import numpy as np

from ..errors import InvalidInput
from ..sound.audio import decode_vorbis
from .bank_check import GAP_SAMPLES, Unusable, read_bank, words, write_bank

COMPRESSED = 0x10


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
        places = np.stack([words(headers, at, "<u4") for at in (20, 24, 28, 32)], axis=1)
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
