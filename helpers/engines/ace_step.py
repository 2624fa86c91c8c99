"""ACE-Step 1.5 (base), task *lego*: a track made to fit the idea it hears. Experimental.

The idea is repeated on its grid to a minute, a length the model was trained on; the take is as long, and the loop is
found in it and cut. The guidance is 1 (none) by default: the library's 7 and more are reported to collapse on single
tracks.
"""

from __future__ import annotations

from dataclasses import replace

from ..music.meter import bar_seconds
from ..records import Clip, Request
from .neural import NeuralEngine, Plan
from .options import declare
from .prompts import family_names

DECLARED = declare("ace-step")
SAMPLE_RATE = DECLARED[0].sample_rate
LIKED_SECONDS = 60.0


def track_name(request: Request) -> str:
    """What the model calls the track of this instrument."""
    return "drums" if request.role == "drums" else family_names(request.instrument)[1]


class AceStepEngine(NeuralEngine):
    """ACE-Step 1.5 base through diffusers."""

    info, presets, rows = DECLARED
    model = "ace_step:AceStepModel"

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        # Whole loops, so that the context repeats on the grid up to its end.
        loops = max(1, round(LIKED_SECONDS / request.seconds))
        seconds = min(self.info.max_seconds, loops * request.seconds + bar_seconds(request.bpm, request.time))
        heard = "Plays to the idea, repeated" if guide else "Made from the words alone: there was no idea to hear"
        notes = (f"{heard}; {seconds:.0f} s.", "Experimental: ACE-Step was made for songs, not for loops.")
        return replace(super()._plan(request, guide), seconds=seconds, notes=notes)
