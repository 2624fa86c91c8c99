"""Foundation-1: RoyalCities' fine-tune of Stable Audio Open on loops of single pitched instruments.

It runs on Stable Audio Open's modules (:mod:`.fast.stable_audio_tools` reads its file). It was trained on four or eight
bars of 4/4 at seven tempi, so it is told the nearest of those (:func:`.prompts.told_tempo`), makes exactly that many
bars, and the loop is stretched to the tempo that was asked for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InvalidInput
from ..records import CancelCheck, Clip, Progress, Request, Take
from ..sound.stretch import apply_stretch
from .guides import loop_of_guide, repeated
from .hub import download as hub
from .hub.sources import SOURCES, ModelSource, local_folder
from .neural import LoadedModel, Plan
from .options import declare
from .prompts import told_tempo
from .stable_audio_open import SAMPLE_RATE, StableAudioOpenEngine

WORDS = SOURCES["t5-base"]


class Foundation1Engine(StableAudioOpenEngine):
    """Foundation-1 through Stable Audio Open's modules."""

    info, presets, rows = declare("foundation-1")
    model = "stable_audio_tools:Foundation1Model"

    def _check_options(self, request: Request) -> None:
        super()._check_options(request)
        if request.role == "drums":
            raise InvalidInput(
                "Foundation-1 was trained on pitched instruments only; choose Stable Audio Open for drums."
            )
        if request.meter != "4/4":
            raise InvalidInput(f"Foundation-1 knows 4/4 only and {request.meter} is asked for; choose another engine.")

    def _folder(self, source: ModelSource, progress: Progress, cancel: CancelCheck) -> Path:
        if not local_folder(WORDS):
            hub.fetch_model(WORDS, progress, cancel)
        return super()._folder(source, progress, cancel)

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        """As Stable Audio Open's, at the tempo that the model is told; a guide is stretched to that tempo."""
        told = told_tempo(request)
        at_told = replace(request, bpm=told.bpm, bars=told.bars)
        ratio = request.bpm * told.pace / told.bpm  # of lengths there to lengths here
        if guide is not None:
            loop = Clip(loop_of_guide(guide, request, SAMPLE_RATE, 2), SAMPLE_RATE)
            guide = apply_stretch(loop, round(loop.length * ratio))
        plan = super()._plan(request, guide)
        note = f"Made as {told.bars} bars at {told.bpm} BPM" + (
            f", then stretched by {(1 / ratio - 1) * 100:+.1f} %." if abs(ratio - 1) > 1e-6 else "."
        )
        values = plan.values | {"loop_seconds": request.seconds, "ratio": ratio}
        return replace(plan, request=at_told, seconds=at_told.seconds, values=values, notes=(*plan.notes, note))

    def _take(self, model: LoadedModel, plan: Plan, seed: int, samples: np.ndarray, remarks: tuple[str, ...]) -> Take:
        """The take at the tempo asked for; its bars are repeated where more are asked for than the model makes."""
        clip = Clip(np.ascontiguousarray(samples, dtype=np.float32), SAMPLE_RATE)
        clip = apply_stretch(clip, round(clip.length / plan.values["ratio"]))
        wanted = round(plan.values["loop_seconds"] * SAMPLE_RATE)
        if wanted > clip.length + SAMPLE_RATE // 100:
            remarks = (*remarks, "More bars were asked for than the model makes, so they repeat.")
            clip = Clip(repeated(clip.samples, wanted), SAMPLE_RATE)
        return super()._take(model, plan, seed, clip.samples, remarks)
