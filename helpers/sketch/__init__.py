"""The composer: one instrument's part for an idea, as notes, as sound, as MIDI and as a picture.

``compose`` decides the notes, ``plan_sound`` the sound, ``render`` plays them, ``write_midi`` saves them,
``plot_roll`` draws them. The vocabulary is in :mod:`cells`, :mod:`kits`, :mod:`genres` and :mod:`harmony`; the roles
are in :mod:`parts`, the electronic voices in :mod:`voices`.
"""

from __future__ import annotations

from ..errors import InvalidInput
from ..records import ROLES, Analysis, Request
from .brief import Brief
from .midi import write_midi
from .parts.arpeggio import write_arpeggio
from .parts.bass import write_bass
from .parts.chords import write_chords
from .parts.drums import write_drums
from .parts.lead import write_lead
from .parts.pad import write_pad
from .plot import plot_roll
from .score import Score
from .sound import heard_kicks, patch_swapped, plan_sound, render
from .soundfont import SoundFont, find_soundfont, find_sounds

__all__ = [
    "Score",
    "SoundFont",
    "compose",
    "find_soundfont",
    "find_sounds",
    "heard_kicks",
    "patch_swapped",
    "plan_sound",
    "plot_roll",
    "render",
    "write_midi",
]

_WRITERS = {
    "bass": write_bass,
    "chords": write_chords,
    "pad": write_pad,
    "lead": write_lead,
    "arpeggio": write_arpeggio,
    "drums": write_drums,
}


def compose(request: Request, analysis: Analysis | None, take: int = 0) -> Score:
    """Write one instrument's part.

    Parameters
    ----------
    request
        What is asked for. Without chords a progression of the genre is taken; without a key the analysis's, or the one
        the chords fit best.
    analysis
        What was heard in the idea: its accents, swing, melody, loudness and free octaves shape the part. None: the
        genre and the take decide.
    take
        From 0; each is another musical choice.

    Returns
    -------
    Score
        Exactly ``request.bars`` long; equal arguments give equal scores on every machine.

    Raises
    ------
    InvalidInput
        If the request has no role.
    """
    if request.role not in ROLES:
        raise InvalidInput(f"The role {request.role!r} is not known; use one of {', '.join(ROLES)}.")
    brief = Brief(request, analysis, take)
    part = _WRITERS[request.role](brief)
    said = [("genre", brief.genre.name), ("mood", brief.mood_name)]
    if brief.swing != 0.5:
        said.append(("swing", f"{brief.swing:.0%}"))
    if brief.feel != 1.0 and request.role != "drums":
        said.append(("feel", "half time" if brief.feel > 1 else "double time"))
    if brief.member:
        said.insert(0, ("member", brief.member))
    if brief.heard:
        said.append(("heard", ", ".join(brief.heard)))
    return Score(
        instrument=brief.instrument.name,
        role=request.role,
        program=brief.instrument.program,
        is_drums=request.role == "drums",
        bpm=request.bpm,
        meter=brief.meter,
        bars=request.bars,
        key=brief.key if request.role != "drums" else request.key,
        chords=brief.half_bar_labels,
        notes=part.notes,
        bends=part.bends,
        swells=part.swells,
        choices=(*part.choices, *said),
    )
