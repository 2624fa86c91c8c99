"""The records that travel between the parts. Plain, frozen, printable; no behaviour beyond small derived values.

Conventions: audio is float32 ``(channels, samples)``; times are seconds from the start of the file unless the name
says otherwise; anything that could not be measured is ``None`` or empty, never invented.
"""

from ..errors import CancelCheck, never_cancelled
from .analysis import (
    Analysis,
    ChordSpan,
    Groove,
    KeyAlternative,
    KeyEstimate,
    Span,
    Tag,
    Tempo,
    TempoAlternative,
    bars_of_chords,
)
from .clip import Clip, Note
from .controls import GUIDE, NOTES, UNWANTED_WORDS, WORDS, Control
from .correction import Correction
from .fit_card import FitCard
from .fit_fields import FIT_FIELDS, FitField
from .loop import Loop, Written
from .request import CONTROLS, GUIDES, MEMBERS, ROLES, Request, read_controls
from .take import EngineInfo, Progress, Readiness, Take, silent_progress
