"""Do loop and idea leave each other room? Low end, masking, level, tuning."""

from __future__ import annotations

import numpy as np

from ...records import Request
from ..findings import Findings
from .bars import Bars
from .harmony import LEAST_TONAL

LOW_NOTES = 24  # C1 to B2, 33 to 123 Hz, the lowest rows of a note gram
LEAST_LOW_SHARE = 0.05  # of a loop's notes: with less down there it has no low end
MASKING_DB = 6.0


def measure_room(loop: Bars, idea: Bars, request: Request) -> Findings:
    """The fields ``low_end``, ``masked_share``, ``level_db`` and ``tuning_cents``."""
    values: dict[str, float | None] = {
        "low_end": _low_end(loop, idea),
        "masked_share": _masked_share(loop, idea),
        "level_db": _level_db(loop, idea),
    }
    if request.role != "drums" and min(loop.notes.tonal_share, idea.notes.tonal_share) > LEAST_TONAL:
        cents = loop.notes.tuning_cents - idea.notes.tuning_cents
        values["tuning_cents"] = (cents + 50) % 100 - 50
    return Findings(values)


def _low_end(loop: Bars, idea: Bars) -> float | None:
    """Share of the loop's low notes that sound while the idea holds another low note, 0..1; None without a low end."""
    own, other = (x.note_steps[:LOW_NOTES].reshape(2, 12, -1).sum(axis=0) for x in (loop, idea))
    if own.sum() <= LEAST_LOW_SHARE * loop.note_steps.sum() or other.sum() <= LEAST_LOW_SHARE * idea.note_steps.sum():
        return None
    norm = np.linalg.norm(own, axis=0) * np.linalg.norm(other, axis=0)
    apart = 1 - (own * other).sum(axis=0) / np.maximum(norm, 1e-9)
    both = np.minimum(own.sum(axis=0) / own.sum(), other.sum(axis=0) / other.sum())
    return float(np.sum(both * apart))


def _masked_share(loop: Bars, idea: Bars) -> float | None:
    """Share of the loop's power in the beats and ERB bands where the idea is 6 dB louder, at equal loudness, 0..1."""
    own, other = loop.erb_beats, idea.erb_beats
    if own.sum() <= 0 or other.sum() <= 0:
        return None
    own, other = own / own.sum(), other / other.sum()
    return float(own[other > own * 10 ** (MASKING_DB / 10)].sum())


def _level_db(loop: Bars, idea: Bars) -> float | None:
    own, other = loop.loudness_lufs, idea.loudness_lufs
    return None if own is None or other is None else own - other
