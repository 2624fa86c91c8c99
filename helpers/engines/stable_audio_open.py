"""Stable Audio Open 1.0: stereo at 44.1 kHz, steered by words, by what to avoid, and by a guide as init audio.

With a guide the schedule begins at a noise level the guide survives (:mod:`.fast.stable_audio`).
"""

from __future__ import annotations

from dataclasses import replace

from ..records import Clip, Request
from .neural import NeuralEngine, Plan
from .options import declare

DECLARED = declare("stable-audio-open")
SAMPLE_RATE = DECLARED[0].sample_rate


class StableAudioOpenEngine(NeuralEngine):
    """Stable Audio Open 1.0 through diffusers' modules."""

    info, presets, rows = DECLARED
    model = "stable_audio:StableAudioModel"

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        from .fast.sampling import cosine_levels, guided_levels

        plan, strength = super()._plan(request, guide), request.guide_strength
        levels = guided_levels(plan.steps, strength) if guide else cosine_levels(plan.steps)
        steps = len(levels) - 1
        level = f"noise level {levels[0]:.2f}, {steps} of {plan.steps} steps"
        notes = (f"Follows the guide at strength {strength:g}: {level}.",) if guide else ()
        return replace(plan, steps=steps, values={"levels": levels}, notes=notes)
