"""What the player in the page needs: peaks to draw, PCM to loop, the idea laid under a loop, levels that match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..music.meter import bar_seconds
from ..records import Analysis, Clip, Request
from ..sound.audio import mp3_bytes, resample
from ..sound.decode import format_of
from ..sound.levels import loudness_lufs
from .panel import OfferedFile

LISTENING_LUFS = -18.0
LOUDEST_GAIN_DB = 18.0
CHECK_SECONDS = 40.0  # how much of an idea the analysis card plays with clicks and drone
_SEAM_SECONDS = 0.004  # the idea was not made to loop; a fade this short only removes the click at its wrap
_SENT_AS_IT_IS = {"mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg"}


def peaks(clip: Clip, count: int) -> list[int]:
    """Loudest magnitude in each of ``count`` equal stretches, 0..100 (full scale = 100)."""
    if clip.length == 0:
        return []
    magnitude = np.abs(clip.samples).max(axis=0)
    edges = np.linspace(0, clip.length, min(count, clip.length) + 1).astype(int)[:-1]
    return np.minimum(100, np.ceil(100 * np.maximum.reduceat(magnitude, edges))).astype(int).tolist()


def pcm_file(clip: Clip, **meta: Any) -> OfferedFile:
    """The samples as planar 16-bit PCM at their own rate, at most stereo: what the gapless player loops."""
    samples = clip.samples[:2]
    data = np.round(np.clip(samples, -1.0, 32767 / 32768) * 32768).astype("<i2").tobytes()
    return OfferedFile(
        data,
        "audio/pcm",
        meta={"rate": clip.sample_rate, "channels": samples.shape[0], "samples": clip.length, **meta},
    )


def listening_gain(clip: Clip) -> float:
    """Linear gain that brings a clip to the common listening level without passing full scale."""
    loudness = loudness_lufs(clip)
    peak = float(np.abs(clip.samples).max(initial=0.0))
    if loudness is None or peak == 0.0:
        return 1.0
    gain = 10 ** (min(LOUDEST_GAIN_DB, LISTENING_LUFS - loudness) / 20)
    return float(min(gain, 0.99 / peak))


def preview_file(path: Path, clip: Clip) -> OfferedFile:
    """An idea as the page's <audio> plays it: mp3, flac and ogg as they are, anything else as mp3."""
    with path.open("rb") as file:
        kind = format_of(file)
    if kind in _SENT_AS_IT_IS:
        return OfferedFile(path.read_bytes(), _SENT_AS_IT_IS[kind], path.name)
    return OfferedFile(mp3_bytes(clip), "audio/mpeg", path.with_suffix(".mp3").name)


def lay_idea(idea: Clip, analysis: Analysis, request: Request, *, samples: int, sample_rate: int) -> tuple[Clip, bool]:
    """The idea cut to a loop's exact length at ``sample_rate``, its first downbeat on the loop's bar 1.

    A longer idea is cut, a shorter one repeats its whole bars (or itself, if it is a loop). Also whether the two stay
    together (the loop's beat is the idea's beat, or half or double of it), which a tempo chosen by hand may prevent.
    """
    tempo = analysis.tempo
    sound = resample(Clip(idea.samples[:2], idea.sample_rate), sample_rate).samples
    first = round(tempo.downbeats[0] * sample_rate) if tempo.downbeats else 0
    bpm = tempo.bpm or request.bpm
    bar = bar_seconds(bpm, tempo.meter) * sample_rate
    body = np.roll(sound, -first, axis=1) if tempo.is_loop else sound[:, min(first, sound.shape[1] - 1) :]
    if body.shape[1] < samples:
        # Whole bars again and again, each round begun where the exact tempo puts it, so that rounding never adds up.
        bars = int(body.shape[1] / bar + 0.02)
        period = bars * bar if bars else float(body.shape[1])
        places = np.arange(samples)
        places = places - np.round(np.floor(places / period) * period).astype(int)
        body = body[:, np.clip(places, 0, body.shape[1] - 1)]
    body = np.array(body[:, :samples])
    fade = min(round(_SEAM_SECONDS * sample_rate), samples // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    body[:, :fade] *= ramp
    body[:, samples - fade :] *= ramp[::-1]
    ratio = request.bpm / bpm
    together = any(abs(ratio / simple - 1) < 0.002 for simple in (0.25, 0.5, 1.0, 2.0, 4.0))
    return Clip(np.ascontiguousarray(body, np.float32), sample_rate), together
