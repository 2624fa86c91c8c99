"""The records that travel between the parts. Plain, frozen, printable; no behaviour beyond small derived values.

Conventions: audio is float32 ``(channels, samples)``; times are seconds from the start of the file unless the name
says otherwise; anything that could not be measured is ``None`` or empty, never invented.
"""

from .asked import GUIDES, ROLES, Request
from .heard import Analysis, ChordSpan, Groove, KeyAlternative, KeyEstimate, Tag, Tempo, TempoAlternative
from .made import (
    CancelCheck,
    EngineInfo,
    FitCard,
    Loop,
    Progress,
    Readiness,
    Take,
    Written,
    never_cancelled,
    silent_progress,
)
from .sound import Clip, Note

__all__ = [
    "GUIDES",
    "ROLES",
    "Analysis",
    "CancelCheck",
    "ChordSpan",
    "Clip",
    "EngineInfo",
    "FitCard",
    "Groove",
    "KeyAlternative",
    "KeyEstimate",
    "Loop",
    "Note",
    "Progress",
    "Readiness",
    "Request",
    "Tag",
    "Take",
    "Tempo",
    "TempoAlternative",
    "Written",
    "never_cancelled",
    "silent_progress",
]
