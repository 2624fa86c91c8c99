"""A loop laid over the bars of the idea that it was made for, from both sounds: one question, one module.

``harmony``: do its notes agree? ``place``: does it lie where it should, to the sixteenth? ``timing``: has it the idea's
feel? ``spectrum``: do the two leave each other room? :class:`IdeaSide` is the idea as all takes share it.
"""

from __future__ import annotations

from ...music.instruments import find_instrument
from ...records import Request
from ..findings import Findings
from .bars import Bars, IdeaSide
from .harmony import measure_harmony
from .place import measure_place
from .spectrum import measure_room
from .timing import measure_timing

SINGLE_DRUM = Findings(
    excused=("groove",),
    notes=("Place was not judged: a single drum may answer the idea's accents from any place in the bar.",),
)

__all__ = ["Bars", "IdeaSide", "measure_fit"]


def measure_fit(loop: Bars, side: IdeaSide, request: Request) -> Findings:
    """Every field of the group ``fits``; what cannot be compared says why."""
    idea = side.bars_for(request)
    if idea is None:
        return Findings(notes=("Nothing was compared with the idea: it has no tempo.",))
    single = bool(request.instrument and find_instrument(request.instrument).instrument.lines)
    place = SINGLE_DRUM if single else measure_place(loop, idea, role=request.role)
    found = measure_harmony(loop, idea, request, pitched=side.analysis.key is not None) | place
    return found | measure_timing(loop, idea, request) | measure_room(loop, idea, request)
