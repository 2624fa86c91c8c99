"""A take that would fit if it were moved is moved, and a bar that alone does not fit composed again, before refusal."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..music.pitch import parse_chord
from ..records import Clip, Correction, FitCard, Loop, Request
from ..sound.stretch import apply_stretch
from .fit import IdeaSide
from .fit.harmony import CLEAR_COST, heard_triad

MOST_SEMITONES = 5


def repair(loop: Loop, card: FitCard, request: Request) -> Loop | None:
    """The loop moved in time or in pitch where only that fails, with the record of it; else None.

    A take with a score is left alone: moved sound would no longer be its MIDI (:func:`plan_recomposed_bar`).
    """
    if loop.take.midi is not None:
        return None
    if "place" in card.failed and set(card.failed) <= {"place", "groove"} and card.place_steps:
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


def plan_recomposed_bar(card: FitCard, request: Request, side: IdeaSide) -> tuple[Request, Correction] | None:
    """The request with the bar that agrees least to be written again over the chord that sounds there in the idea.

    None where something else fails, no bar clashes, no heard chords steered the part, that chord is the one it was
    written over, or it lies outside a key that the musician gave instead of the heard one. Three bars that agree can
    carry a card past its limit; the fourth is mended all the same.
    """
    idea = side.bars_for(request)
    clashes = bool(card.bars) and (min(card.bars) < CLEAR_COST or card.failed == ("harmony",))
    if not clashes or card.failed not in ((), ("harmony",)) or idea is None or not request.chords_heard:
        return None
    bar = int(np.argmin(card.bars))
    prefers_flats = request.key is not None and request.key.prefers_flats
    chord = heard_triad(idea.half_bars[:, 2 * bar : 2 * bar + 2], prefers_flats)
    if request.progression[bar % len(request.progression)] == (chord,) or not _suits_key(chord, request, side):
        return None
    made = Correction("recomposed", bar + 1, f"over {chord}, which sounds in the idea there")
    return request.with_(options={**request.options, "recomposed": f"{bar + 1}:{chord}"}), made


def _suits_key(chord: str, request: Request, side: IdeaSide) -> bool:
    """Whether a chord lies within the request's key, or that key is only what was heard."""
    heard, symbol = side.analysis.key, parse_chord(chord)
    if request.key is None or symbol is None or (heard is not None and heard.key == request.key):
        return True
    return set(symbol.pitch_classes) <= set(request.key.scale)
