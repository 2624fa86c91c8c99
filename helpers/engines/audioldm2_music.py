"""AudioLDM2-Music: mono at 16 kHz, steered by words and by what to avoid. It cannot hear audio."""

from __future__ import annotations

from dataclasses import replace

from ..records import Clip, Request
from .neural import NeuralEngine, Plan
from .options import declare

DECLARED = declare("audioldm2-music")
SAMPLE_RATE = DECLARED[0].sample_rate
TRAINED_SECONDS = 10.24


class AudioLDM2MusicEngine(NeuralEngine):
    """AudioLDM2-Music through diffusers' and transformers' modules."""

    info, presets, rows = DECLARED
    model = "audioldm2:AudioLDM2Model"

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        plan = super()._plan(request, guide)
        if plan.seconds <= TRAINED_SECONDS:
            return plan
        note = f"{plan.seconds:.1f} s is more than the {TRAINED_SECONDS:g} s the model was trained on."
        return replace(plan, notes=(note,))
