"""A take that would fit if it were moved is moved, before it is refused."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..records import Clip, Correction, FitCard, Loop, Request
from ..sound.stretch import apply_stretch

MOST_SEMITONES = 5


def repair(loop: Loop, card: FitCard, request: Request) -> Loop | None:
    """The loop moved in time or in pitch where only that fails, with the record of it; else None.

    A take with a score is left alone: moved sound would no longer be its MIDI, and composing again costs a second.
    """
    if loop.take.midi is not None:
        return None
    if card.failed == ("place",) and card.place_steps:
        steps = request.bars * request.time.steps_per_bar
        late = round(card.place_steps * loop.clip.length / steps)
        samples = np.roll(loop.clip.samples, -late, axis=1)
        made = Correction("place", -card.place_steps)
    elif card.failed and set(card.failed) <= {"harmony", "in_key_share"} and card.moved_semitones:
        if abs(card.moved_semitones) > MOST_SEMITONES:
            return None
        samples = apply_stretch(loop.clip, loop.clip.length, card.moved_semitones).samples
        made = Correction("shift", card.moved_semitones, "towards the idea's notes")
    else:
        return None
    clip = Clip(np.ascontiguousarray(samples), loop.clip.sample_rate)
    return dataclasses.replace(loop, clip=clip, corrections=(*loop.corrections, made))
