"""Which moments does the beat fall on, and which beats open a bar? Candidates, and the evidence for each.

A comb over the onsets finds a handful of offsets of the beat; low accents, the backbeat, changes of harmony and where
the sound begins say which of them a listener would tap. The same is asked once more of the bar lines.

Conventions: a phase is the time in seconds of the first beat, 0 <= phase < period; tables are (candidates, names).
"""

from __future__ import annotations

import numpy as np

from ..machine.weights import load_weights
from ..music.meter import Meter, bar_seconds
from .beats import FRAME_RATE as BEAT_FRAME_RATE
from .evidence import TIGHT_START_SECONDS, whole_beats
from .listening import NOTE_HOP_SECONDS, Listening
from .pulse import sharpened

REACH_SECONDS = 0.012  # an onset so near a moment counts for it
_MOST_CANDIDATES = 7
_SAME_SHARE = 0.07  # of a beat: offsets nearer than this are one candidate
_STRONG = 0.2
_TICKS_WEIGHT = 2.0  # log odds
_LOOP_LENGTH_WEIGHT = 6.0  # log odds: one random length in thousands is whole bars of a round tempo to the sample
_AFTER_SILENCE = {"beat": 2.0, "bar": 2.5}  # log odds
_PLACES = (0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.75)
_BANDS = ("all", "low", "mid", "high")

BEAT_NAMES = (
    *(f"{band} at {place:.2f}" for band in _BANDS for place in _PLACES),
    *(f"{band} every other" for band in _BANDS[1:]),
    *(f"{band} every other off" for band in _BANDS[1:]),
    "change",
    "change off",
    "bass change",
    "bass change off",
    "first",
    "start",
    "start of whole beats",
    "start of whole bars",
    "start cut in",
    "on the line",
    *(f"{what} {place}" for what in ("beat heard", "downbeat heard") for place in ("on", "off")),
)
HEARD_NAMES = ("beat heard", "downbeat heard")  # columns that begin so need the learned ear
BAR_NAMES = (
    *(f"{band} on one" for band in _BANDS),
    *(f"{band} after one" for band in _BANDS),
    *(f"{band} on the middle" for band in _BANDS),
    "change on one",
    "change on the middle",
    "bass change on one",
    "new half",
    "first",
    "start",
    "start of whole bars",
    "start cut in",
    "downbeat heard",
)


def comb(envelope: np.ndarray, rate: float, offsets: np.ndarray, period: float, seconds: float) -> np.ndarray:
    """Mean of an envelope at ``offset + k * period`` for each offset (n,)."""
    beats = np.arange(max(1, int((seconds - 1e-6) / period)))
    at = (offsets[:, None] + beats * period) * rate
    return np.interp(at, np.arange(envelope.size), envelope, right=0.0).mean(axis=1)


def beat_candidates(heard: Listening, period: float) -> np.ndarray:
    """Offsets of the beat (n,) in seconds, 0 <= offset < period: the strongest places of the comb, and the start.

    Each is moved to the middle (median by strength) of the onsets within 25 ms of its beats.
    """
    bands = heard.bands
    offsets = np.arange(0.0, period, 0.5 / bands.rate)
    envelope = sharpened(bands.all + bands.low, bands.rate)
    strength = comb(envelope, bands.rate, offsets, period, heard.seconds)
    peaks = (strength >= np.roll(strength, 1)) & (strength > np.roll(strength, -1))
    ranked = [*offsets[peaks][np.argsort(-strength[peaks])]]
    if heard.sound_span[0] <= TIGHT_START_SECONDS:
        ranked.insert(1, 0.0)
    found: list[float] = []
    for offset in ranked:
        if all(_apart(offset, other, period) > _SAME_SHARE * period for other in found):
            found.append(float(offset))
        if len(found) == _MOST_CANDIDATES:
            break
    return np.array([_settled(heard, offset, period) for offset in found or [0.0]])


def _apart(a: float, b: float, period: float) -> float:
    away = abs(a - b) % period
    return min(away, period - away)


def _settled(heard: Listening, offset: float, period: float) -> float:
    times, strengths = heard.onsets
    away = (times - offset + period / 2) % period - period / 2
    near = np.abs(away) < 0.025
    if not near.any():
        return offset
    order = np.argsort(away[near])
    weight = np.cumsum(strengths[near][order])
    return float((offset + away[near][order][int(np.searchsorted(weight, 0.5 * weight[-1]))]) % period)


def _registers(heard: Listening) -> dict[str, np.ndarray]:
    """Onset strength by register, compressed and widened so that a near miss counts."""
    from scipy.ndimage import maximum_filter1d

    bands = heard.bands
    size = 2 * round(REACH_SECONDS * bands.rate) + 1
    return {name: maximum_filter1d(np.sqrt(getattr(bands, name)), size) for name in _BANDS}


def beat_evidence(heard: Listening, period: float, candidates: np.ndarray, line_phase: float | None) -> np.ndarray:
    """Evidence (candidates, len(BEAT_NAMES)) for each offset of the beat; ``line_phase`` is that of the beat line."""
    rate, seconds = heard.bands.rate, heard.seconds
    columns: list[np.ndarray] = []
    every_other: list[np.ndarray] = []
    every_other_off: list[np.ndarray] = []
    for name, envelope in _registers(heard).items():
        grid = np.arange(0.0, period, 1.0 / rate)
        top = float(comb(envelope, rate, grid, period, seconds).max()) + 1e-9
        columns += [comb(envelope, rate, (candidates + f * period) % period, period, seconds) / top for f in _PLACES]
        if name != "all":
            for lag, kept in ((0.0, every_other), (0.5, every_other_off)):
                even, odd = (
                    comb(envelope, rate, (candidates + lag * period) % period + k * period, 2 * period, seconds)
                    for k in (0, 1)
                )
                kept.append(np.abs(even - odd) / (top + even + odd))
    columns += every_other + every_other_off
    for low in (False, True):
        columns += [np.array([_change(heard, c + f * period, period, low) for c in candidates]) for f in (0.0, 0.5)]
    columns.append(_nearness(candidates, _first_strong(heard), period))
    start = np.clip(2.0 - heard.sound_span[0] / TIGHT_START_SECONDS, 0.0, 1.0) * _nearness(candidates, 0.0, period)
    whole = [float(np.exp(-((whole_beats(seconds, 60.0 / period, unit)[1] / 0.004) ** 2))) for unit in (1, 4)]
    columns += [start, start * whole[0], start * whole[1], start * cut_in(heard)]
    columns.append(np.zeros(candidates.size) if line_phase is None else _nearness(candidates, line_phase, period / 4))
    columns += [_heard(heard, index, candidates + lag * period, period) for index in (0, 1) for lag in (0.0, 0.5)]
    return np.nan_to_num(np.stack(columns, axis=1))


def _heard(heard: Listening, index: int, offsets: np.ndarray, period: float) -> np.ndarray:
    """Mean activation of the learned ear (0: beat, 1: downbeat alone) on the beats of each offset; zeros without."""
    if heard.beat_activity is None:
        return np.zeros(offsets.size)
    from scipy.ndimage import maximum_filter1d

    activity = heard.beat_activity.sum(axis=1) if index == 0 else heard.beat_activity[:, 1]
    widened = maximum_filter1d(activity, 3)
    found = comb(widened, BEAT_FRAME_RATE, offsets % period, period, heard.seconds)
    return found / (float(found.max()) + 1e-3)


def cut_in(heard: Listening) -> float:
    """How surely the clip begins in the midst of a sound, 0..1: the level of its first 3 ms against that of 60 ms."""
    rate = heard.clip.sample_rate
    first, after = heard.mono[: round(0.003 * rate)], heard.mono[round(0.003 * rate) : round(0.06 * rate)]
    if not after.size or not after.any():
        return 0.0
    loudest = float(np.sqrt(np.mean(np.square(after, dtype=float)))) + 1e-9
    return float(min(1.0, np.sqrt(np.mean(np.square(first, dtype=float))) / loudest))


def _first_strong(heard: Listening) -> float:
    """The first clear onset; the edge of a clip that begins in the midst of a sound is none."""
    times, strengths = heard.onsets
    strong = times[(strengths > _STRONG) & ((times > 0.03) | (cut_in(heard) < 0.5))]
    return float(strong[0]) if strong.size else heard.sound_span[0]


def _nearness(candidates: np.ndarray, moment: float, period: float) -> np.ndarray:
    away = np.abs(candidates - moment) % period
    return np.exp(-((np.minimum(away, period - away) / 0.025) ** 2))


def _change(heard: Listening, first: float, period: float, low: bool) -> float:
    """Mean change of the notes over all moments ``first + k * period``, by how pitched the sound is."""
    moments = np.arange(first % period, heard.seconds, period)
    pitched = min(1.0, heard.notes.tonal_share / 0.15)  # drums have no chords to change
    changes = note_change_at(heard, moments, 0.5 * period, low=low)
    return pitched * float(changes.mean()) if moments.size else 0.0


def note_change_at(heard: Listening, moments: np.ndarray, span_seconds: float, *, low: bool = False) -> np.ndarray:
    """How much the notes (or those below 165 Hz) differ in the spans before and after each moment, 0..1."""
    chroma = heard.notes.chroma(high=52) if low else heard.notes.chroma()
    span = max(1, round(span_seconds / NOTE_HOP_SECONDS))
    sums = np.cumsum(np.c_[np.zeros(12), chroma], axis=1)
    at = np.clip(np.round(moments / NOTE_HOP_SECONDS).astype(int), 0, chroma.shape[1])
    before = sums[:, at] - sums[:, np.maximum(0, at - span)]
    after = sums[:, np.minimum(chroma.shape[1], at + span)] - sums[:, at]
    norm = np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=0)
    cosine = (before * after).sum(axis=0) / (norm + 1e-9)
    return np.where(norm > 1e-9, 1.0 - cosine, 0.5 * (np.linalg.norm(after, axis=0) > 1e-6))


def bar_evidence(heard: Listening, beats: np.ndarray, beats_per_bar: int) -> np.ndarray:
    """Evidence (beats_per_bar, len(BAR_NAMES)) for each of the first beats opening a bar."""
    rate = heard.bands.rate
    index = np.clip(np.round(beats * rate).astype(int), 0, heard.bands.all.size - 1)
    accents = {name: envelope[index] / (envelope[index].mean() + 1e-9) for name, envelope in _registers(heard).items()}
    period = float(np.diff(beats).mean()) if beats.size > 1 else 0.5
    pitched = min(1.0, heard.notes.tonal_share / 0.15)
    change = pitched * note_change_at(heard, beats, period)
    bass = pitched * note_change_at(heard, beats, period, low=True)
    new_half = pitched * note_change_at(heard, beats, 0.5 * beats_per_bar * period)
    number = np.arange(beats.size) % beats_per_bar

    def folded(values: np.ndarray) -> np.ndarray:
        counts = np.maximum(1, np.bincount(number, minlength=beats_per_bar))
        mean = np.bincount(number, values, minlength=beats_per_bar) / counts
        return mean - mean.mean()

    one = {name: folded(values) for name, values in accents.items()}
    middle = beats_per_bar // 2
    columns = [*one.values(), *(np.roll(v, -1) for v in one.values()), *(np.roll(v, -middle) for v in one.values())]
    columns += [folded(change), np.roll(folded(change), -middle), folded(bass), folded(new_half)]
    first = int(np.abs(beats - _first_strong(heard)).argmin()) if beats.size else 0
    start = float(heard.sound_span[0] <= TIGHT_START_SECONDS and beats.size > 0 and beats[0] < 0.05)
    whole = float(np.exp(-((whole_beats(heard.seconds, 60.0 / period, beats_per_bar)[1] / 0.004) ** 2)))
    is_first = (np.arange(beats_per_bar) == first % beats_per_bar).astype(float)
    at_start = start * (np.arange(beats_per_bar) == 0)
    columns += [is_first, at_start, at_start * whole, at_start * cut_in(heard)]
    if heard.beat_activity is None:
        columns.append(np.zeros(beats_per_bar))
    else:
        frames = np.clip(np.round(beats[:, None] * BEAT_FRAME_RATE + np.arange(-1, 2)).astype(int), 0, None)
        activity = heard.beat_activity[np.minimum(frames, len(heard.beat_activity) - 1), 1].max(axis=1)
        columns.append(folded(activity) / (activity.mean() + 1e-3))
    return np.nan_to_num(np.stack(columns, axis=1))


def tick_evidence(heard: Listening, period: float, candidates: np.ndarray) -> np.ndarray:
    """Log odds (candidates,) from essentia's beats where they keep to this tempo or its half; zeros elsewhere.

    On takes and loops that nothing was fitted to, these beats are on the right phase more often than our own model.
    """
    ticks = heard.ticks
    if ticks.size < 4:
        return np.zeros(candidates.size)
    ratio = float(np.median(np.diff(ticks))) / period
    if min(abs(ratio - 1.0), abs(ratio / 2.0 - 1.0)) > 0.04:
        return np.zeros(candidates.size)
    turn = np.exp(2j * np.pi * ticks / period).mean()
    phase = float(np.angle(turn)) / (2 * np.pi) * period
    away = np.abs(candidates - phase) % period
    return _TICKS_WEIGHT * abs(turn) * np.exp(-((np.minimum(away, period - away) / 0.04) ** 2))


def is_loop_length(samples: int, sample_rate: int, bpm: float, meter: Meter) -> bool:
    """Whether a length can only be that of a loop: whole bars of a round tempo near ``bpm``, to the sample.

    A whole number of tenths of a second says nothing: clips are cut to those wherever the music is.
    """
    tenths = 10.0 * samples / sample_rate
    bars = round(samples / sample_rate / bar_seconds(bpm, meter))
    if bars < 1 or abs(tenths - round(tenths)) < 1e-4 * tenths:
        return False
    told = bars * meter.beats_per_bar * 60.0 * sample_rate / samples  # the tempo that fills it
    return abs(told - round(told)) / told < 1.0 / samples and abs(told / bpm - 1.0) < 0.01


def length_evidence(heard: Listening, bpm: float, meter: Meter, moments: np.ndarray) -> np.ndarray:
    """Log odds (n,) for moments at the file's start, where its length is that of a loop; zeros elsewhere."""
    if not is_loop_length(heard.clip.length, heard.clip.sample_rate, bpm, meter):
        return np.zeros(moments.size)
    return _LOOP_LENGTH_WEIGHT * _nearness(moments, 0.0, 60.0 / bpm)


def probabilities(
    model: str, names: tuple[str, ...], evidence: np.ndarray, heard: Listening, more: np.ndarray | float = 0.0
) -> np.ndarray:
    """Probability of each candidate (n,): a conditional logit (McFadden 1974), fitted with and without the learned ear.

    ``model`` is ``beat`` or ``bar``; the numbers are what ``training/train_phase.py --write`` made of clips whose clock
    is known. Those are cut out of songs: where an idea begins after silence, as they never do, its first onset speaks
    for itself, since phrases mostly begin on one. ``more`` are log odds from elsewhere.
    """
    learnt = load_weights(__package__, "phase")[model if heard.beat_activity is not None else f"{model} without ear"]
    scores = evidence @ np.array([learnt[name] for name in names]) + more
    if heard.sound_span[0] > TIGHT_START_SECONDS:
        scores = scores + _AFTER_SILENCE[model] * evidence[:, names.index("first")]
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()
