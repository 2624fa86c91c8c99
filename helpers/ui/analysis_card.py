"""What was heard, as the page shows it: numbers with their doubts, other readings as buttons, chords bar by bar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..music.meter import FASTEST_BPM, SLOWEST_BPM
from ..music.pitch import parse_key
from ..records import Analysis, Clip, KeyEstimate, Request, Span, Tag, Tempo
from .player import CHECK_SECONDS, OfferedFile, listening_gain, pcm_file

_RELATION_WORDS = {
    "half": "half",
    "double": "double",
    "2/3": "two thirds",
    "3/2": "one and a half",
    "other": "also heard",
}
_SURE, _FAIR = 0.75, 0.5
SHOWN_TAGS, SHOWN_BARS = 3, 96


def confidence(value: float) -> dict[str, Any]:
    """A confidence 0..1 as three marks and one honest word."""
    if value >= _SURE:
        return {"marks": 3, "tone": "", "word": "sure"}
    if value >= _FAIR:
        return {"marks": 2, "tone": "mid", "word": "fairly sure"}
    return {"marks": 1, "tone": "low", "word": "unsure: check by ear"}


def describe(analysis: Analysis, spans: Iterable[Span] = ()) -> dict[str, Any]:
    """Everything on the card that does not change when settings do; ``spans`` are those of the whole file."""
    return {
        "tempo": _tempo(analysis.tempo),
        "key": _key(analysis.key),
        "genres": _tags(analysis.genres),
        "moods": _tags(analysis.moods),
        "spans": [asdict(span) for span in sorted(spans, key=lambda span: span.start)],
        "downbeats": [round(t, 3) for t in analysis.tempo.downbeats[:SHOWN_BARS]],
        "notes": list(analysis.notes),
    }


def _tempo(tempo: Tempo) -> dict[str, Any]:
    if tempo.bpm is None:
        return {"bpm": None, "others": [], "meter": tempo.meter.name}
    readings = [(a.bpm, _RELATION_WORDS.get(a.relation, a.relation)) for a in tempo.alternatives]
    # Half and double are offered even when they were not among the readings: they are the slips that happen.
    for bpm, relation in ((tempo.bpm / 2, "half"), (tempo.bpm * 2, "double")):
        if SLOWEST_BPM <= bpm <= FASTEST_BPM and not any(abs(other - bpm) < 0.5 for other, _ in readings):
            readings.append((bpm, relation))
    readings.sort(key=lambda reading: reading[1] not in ("half", "double"))
    length = f"a loop of {tempo.bars} bars" if tempo.is_loop and tempo.bars else ""
    return {
        "bpm": round(tempo.bpm, 2),
        "confidence": confidence(tempo.confidence),
        "others": [{"bpm": round(bpm, 2), "relation": relation} for bpm, relation in readings[:3]],
        "meter": tempo.meter.name,
        "length": length,
    }


def _key(estimate: KeyEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    relative = estimate.key.relative.name
    names = list(dict.fromkeys([*(a.name for a in estimate.alternatives[:2]), relative]))
    others = [{"name": name, "relation": "relative" if name == relative else "next best"} for name in names]
    cents = round(estimate.tuning_cents)
    return {
        "name": estimate.key.name,
        "confidence": confidence(estimate.confidence),
        "others": others,
        "tuning": f"{cents:+d} cents from A 440" if abs(cents) >= 5 else "",
    }


def _tags(tags: Iterable[Tag]) -> list[dict[str, Any]]:
    return [{"label": tag.label, "score": round(100 * tag.score)} for tag in list(tags)[:SHOWN_TAGS]]


def chords_by_bar(request: Request) -> list[str]:
    """The chords of each bar of the loop as text; equal halves are written once; empty when harmony is unknown."""
    halves = request.half_bars()
    pairs = [halves[i : i + 2] for i in range(0, len(halves), 2)]
    return [pair[0] if pair[0] == pair[1] else " ".join(pair) for pair in pairs]


def with_chord(request: Request, bar: int, text: str) -> str:
    """The loop's chords as one text, bar ``bar`` (from 0) replaced; bars without a chord are written ``N``."""
    if "|" in text:
        raise InvalidInput("This field holds one bar; write the chords after “|” into the next bar's field.")
    bars = chords_by_bar(request) or ["N"] * request.bars
    bars[bar] = " ".join(text.replace(",", " ").split()) or "N"
    return "| " + " | ".join(bars) + " |"


def check_file(clip: Clip, analysis: Analysis, request: Request | None) -> OfferedFile:
    """The start of the idea as PCM, with what the page needs to click and hum along: beats, downbeats, the key's tonic.

    The clicks follow the tempo as it is set now: the idea's own beats, every second one, or those and the ones between.
    """
    sound = Clip(clip.samples[:, : round(CHECK_SECONDS * clip.sample_rate)], clip.sample_rate)
    beats, strong = click_times(analysis.tempo, request.bpm if request else None, sound.seconds)
    heard = analysis.key.key.name if analysis.key else None
    key = request.key.name if request is not None and request.key is not None else heard
    tonic = None if key is None or heard is None else parse_key(key)
    drone = (
        []
        if tonic is None
        else [48 + tonic.tonic, 55 + tonic.tonic, 60 + tonic.tonic + (3 if tonic.plain.mode == "minor" else 4)]
    )
    return pcm_file(sound, gain=listening_gain(sound), beats=beats, strong=strong, drone=drone)


def click_times(tempo: Tempo, bpm: float | None, seconds: float) -> tuple[list[float], list[float]]:
    """Where to click over the idea at ``bpm`` (None: as heard): all beats, and the bar lines among them, in seconds."""
    bpm = bpm or tempo.bpm
    if bpm is None:
        return [], []
    if tempo.bpm is not None and abs(bpm / tempo.bpm - 1) < 0.002 and len(tempo.beats) > 1:
        beats = [t for t in tempo.beats if t < seconds]
        return beats, [t for t in tempo.downbeats if t < seconds]
    start = tempo.downbeats[0] if tempo.downbeats else (tempo.beats[0] if tempo.beats else 0.0)
    grid = np.arange(start, seconds, 60.0 / bpm)
    return grid.round(4).tolist(), grid[:: tempo.meter.beats_per_bar].round(4).tolist()
