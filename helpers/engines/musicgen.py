"""MusicGen, all sizes, mono and stereo, and MusicGen-Melody, on transformers' weights.

Two ways to hear a guide. The plain models *continue* it: a bar or two of the guide come before bar 1, so that the take
starts on the beat, and are cut off again to the sample. The melody models follow its *melody* (the strongest pitch
class of each moment). Tokens are drawn by :mod:`.fast.musicgen`, a random stream for each take, not by the library's
``generate``: that one shares a stream between takes, takes the top 50 tokens instead of 250, and in many releases of
transformers ignores the melody and the text of the melody models.
"""

from __future__ import annotations

from dataclasses import replace

from ..music.meter import bar_seconds
from ..records import Clip, Request
from .hub.sources import SOURCES, ModelSource, cached_folder, local_folder
from .neural import NeuralEngine, Plan
from .options import declare

DECLARED = declare("musicgen")
SAMPLE_RATE = DECLARED[0].sample_rate
FRAME_RATE = 50
FRAME_SAMPLES = SAMPLE_RATE // FRAME_RATE
CANVAS_SECONDS = DECLARED[0].max_seconds
DEFAULT_VARIANT = "small"


def _lead_frames(request: Request) -> int:
    """Code frames of guide before bar 1: one bar, two from strength 0.75 on, as the canvas allows; 0 if none fits."""
    bar = bar_seconds(request.bpm, request.time)
    for bars in (2, 1) if request.guide_strength >= 0.75 else (1,):
        frames = -int(-bars * bar * FRAME_RATE // 1)
        if frames / FRAME_RATE + request.seconds <= CANVAS_SECONDS:
            return frames
    return 0


class MusicGenEngine(NeuralEngine):
    """MusicGen through transformers."""

    # No preset makes fewer model calls: every token needs one. A smaller variant is quicker.
    info, presets, rows = DECLARED
    model = "musicgen:MusicGenModel"

    def _source(self, request: Request | None) -> ModelSource:
        if request is None:
            return SOURCES[f"musicgen-{DEFAULT_VARIANT}"]
        variant = self.rows["variant"].read(request.options.get("variant", DEFAULT_VARIANT))
        if "variant" not in request.options and request.guide == "sketch" and request.guide_strength > 0:
            # Led by a sketch: continuing it would keep the sound of its SoundFont, following its melody does not.
            melody = SOURCES["musicgen-melody"]
            if local_folder(melody) or cached_folder(melody):
                return melody
        return SOURCES[f"musicgen-{variant}"]

    def _plan(self, request: Request, guide: Clip | None) -> Plan:
        plan = super()._plan(request, guide)
        lead_frames = 0 if guide is None else _lead_frames(request)
        notes: tuple[str, ...] = ()
        if guide is not None and not lead_frames:
            notes = ("The loop fills the model's 30 s, so no bar of the guide could come before it.",)
        seconds = min(plan.seconds, CANVAS_SECONDS - lead_frames / FRAME_RATE)
        frames = -int(-seconds * FRAME_RATE // 1)
        values = {"lead_frames": lead_frames, "frames": frames}
        # The last codebook lags three steps behind the first.
        return replace(plan, seconds=seconds, steps=frames + 3, values=values, notes=notes)
