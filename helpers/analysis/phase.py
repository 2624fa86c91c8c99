"""Which moments does the beat fall on, and which beats open a bar? Candidates, and the evidence for each.

A comb over the onsets finds a handful of offsets of the beat; essentia's beats, changes of harmony, the middle register
and where the sound begins say which of them a listener would tap. The same is asked once more of the bar lines.

Few columns on purpose: forty more, by register and place in the beat, were right on 9 of 10 clips of the songs they had
learnt from and on 2 of 3 others; these are right on 8 of 10 of either, and BeatNet's activations (Heydari et al., ISMIR
2021) beside them made 1 clip of 105 better.

Conventions: a phase is the time in seconds of the first beat, 0 <= phase < period; tables are (candidates, names).
"""

from __future__ import annotations

import numpy as np

from ..machine.weights import load_weights
from ..music.meter import Meter, bar_seconds
from .evidence import TIGHT_START_SECONDS, whole_beats
from .listening import NOTE_HOP_SECONDS, Listening
from .pulse import sharpened

REACH_SECONDS = 0.012  # an onset so near a moment counts for it
_MOST_CANDIDATES = 7
_SAME_SHARE = 0.07  # of a beat: offsets nearer than this are one candidate
_STRONG = 0.2
_NEAR_BPM = 0.04  # so far may the tempo heard be from the one that the length tells
# Log odds: a file that ends on its grid begins on it, less surely on a bar line. At 4 for beats crops as long as a loop
# that were cut between beats lost theirs (37 of 62 right instead of 42), at 6 for bars most of them were called loops.
_LOOP_LENGTH = {"beat": 2.5, "bar": 1.0}
_AFTER_SILENCE = {"beat": 2.0, "bar": 2.5}  # log odds
_UNHEARD_START = 4.0  # log odds for the start of a loop that plays beside its beats
_REST_SECONDS = 0.012  # a loop that begins with a rest keeps to its steps so nearly
_OFF_BEAT_SHARE = 0.25  # of the strokes half a beat later: a part with no more on the beat plays off the beat

WHOLE_BARS = "start of whole bars"
BEAT_NAMES = (
    "ticks",
    "ticks on every other",
    "mid",
    "change",
    "on the line",
    "start of whole beats",
    WHOLE_BARS,
)
_BANDS = ("low", "mid", "high")
BAR_NAMES = (
    *(f"{band} on one" for band in _BANDS),
    *(f"{band} after one" for band in _BANDS),
    "change on one",
    "bass change on one",
    "new half",
    WHOLE_BARS,
)


def comb(envelope: np.ndarray, rate: float, offsets: np.ndarray, period: float, seconds: float) -> np.ndarray:
    """Mean of an envelope at ``offset + k * period`` for each offset (n,)."""
    beats = np.arange(max(1, int((seconds - 1e-6) / period)))
    at = (offsets[:, None] + beats * period) * rate
    return np.interp(at, np.arange(envelope.size), envelope, right=0.0).mean(axis=1)


def beat_candidates(heard: Listening, period: float, *also: float) -> np.ndarray:
    """Offsets of the beat (n,) in seconds, 0 <= offset < period: ``also``, the strongest of the comb, and the start.

    Each but ``also`` is moved to the middle (median by strength) of the onsets within 25 ms of its beats.
    """
    bands = heard.bands
    offsets = np.arange(0.0, period, 0.5 / bands.rate)
    envelope = sharpened(bands.all + bands.low, bands.rate)
    strength = comb(envelope, bands.rate, offsets, period, heard.seconds)
    peaks = (strength >= np.roll(strength, 1)) & (strength > np.roll(strength, -1))
    ranked = [*offsets[peaks][np.argsort(-strength[peaks])]]
    if heard.sound_span[0] <= TIGHT_START_SECONDS:
        ranked.insert(1, 0.0)
    found = [*also]
    for offset in ranked or [0.0]:
        settled = _settled(heard, float(offset), period)
        if all(_apart(settled, other, period) > _SAME_SHARE * period for other in found):
            found.append(settled)
        if len(found) == _MOST_CANDIDATES:
            break
    return np.array(found)


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


def _register(heard: Listening, name: str) -> np.ndarray:
    """Onset strength of a register, compressed and widened so that a near miss counts."""
    from scipy.ndimage import maximum_filter1d

    size = 2 * round(REACH_SECONDS * heard.bands.rate) + 1
    return maximum_filter1d(np.sqrt(getattr(heard.bands, name)), size)


def beat_evidence(heard: Listening, period: float, candidates: np.ndarray, line_phase: float | None) -> np.ndarray:
    """Evidence (candidates, len(BEAT_NAMES)) for each offset of the beat; ``line_phase`` is that of the beat line."""
    rate, seconds = heard.bands.rate, heard.seconds
    columns = _ticks(heard, period, candidates)
    middle = _register(heard, "mid")
    top = float(comb(middle, rate, np.arange(0.0, period, 1.0 / rate), period, seconds).max()) + 1e-9
    columns.append(comb(middle, rate, candidates, period, seconds) / top)
    columns.append(np.array([_change(heard, c, period) for c in candidates]))
    columns.append(np.zeros(candidates.size) if line_phase is None else _nearness(candidates, line_phase, period / 4))
    start = np.clip(2.0 - heard.sound_span[0] / TIGHT_START_SECONDS, 0.0, 1.0) * _nearness(candidates, 0.0, period)
    columns += [start * _wholeness(seconds, period, unit) for unit in (1, 4)]
    return np.nan_to_num(np.stack(columns, axis=1))


def _wholeness(seconds: float, period: float, unit: int) -> float:
    """How nearly the clip lasts a whole multiple of ``unit`` beats, 1 = exactly."""
    return float(np.exp(-((whole_beats(seconds, 60.0 / period, unit)[1] / 0.004) ** 2)))


def _ticks(heard: Listening, period: float, candidates: np.ndarray) -> list[np.ndarray]:
    """How near essentia's beats are to each offset, where they keep to this tempo, or else to its half; else zeros."""
    ticks, none = heard.ticks, np.zeros(candidates.size)
    if ticks.size < 4:
        return [none, none]
    turn = np.exp(2j * np.pi * ticks / period).mean()
    away = np.abs(candidates - float(np.angle(turn)) / (2 * np.pi) * period) % period
    near = abs(turn) * np.exp(-((np.minimum(away, period - away) / 0.04) ** 2))
    gap = float(np.median(np.diff(ticks))) / period
    return [near if abs(gap / times - 1.0) < 0.04 else none for times in (1, 2)]


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


def _change(heard: Listening, first: float, period: float) -> float:
    """Mean change of the notes over all moments ``first + k * period``, by how pitched the sound is."""
    moments = np.arange(first % period, heard.seconds, period)
    return _pitched(heard) * float(note_change_at(heard, moments, 0.5 * period).mean()) if moments.size else 0.0


def _pitched(heard: Listening) -> float:
    return min(1.0, heard.notes.tonal_share / 0.15)  # drums have no chords to change


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
    period = float(np.diff(beats).mean()) if beats.size > 1 else 0.5
    number = np.arange(beats.size) % beats_per_bar

    def folded(values: np.ndarray) -> np.ndarray:
        counts = np.maximum(1, np.bincount(number, minlength=beats_per_bar))
        mean = np.bincount(number, values, minlength=beats_per_bar) / counts
        return mean - mean.mean()

    index = np.clip(np.round(beats * heard.bands.rate).astype(int), 0, heard.bands.low.size - 1)
    accents = [_register(heard, name)[index] for name in _BANDS]
    one = [folded(values / (values.mean() + 1e-9)) for values in accents]
    columns = [*one, *(np.roll(values, -1) for values in one)]
    half = 0.5 * beats_per_bar * period
    for span, low in ((period, False), (period, True), (half, False)):
        columns.append(folded(_pitched(heard) * note_change_at(heard, beats, span, low=low)))
    at_start = heard.sound_span[0] <= TIGHT_START_SECONDS and beats.size > 0 and beats[0] < 0.05
    columns.append(at_start * (np.arange(beats_per_bar) == 0) * _wholeness(heard.seconds, period, beats_per_bar))
    return np.nan_to_num(np.stack(columns, axis=1))


def rest_before(heard: Listening, bpm: float, steps: int, padding_seconds: float) -> float | None:
    """Where the grid of a loop that begins with a rest begins, 0 to ``padding_seconds``; None if it cannot be one.

    Its first sound comes whole steps of the beat later, so many a beat.
    """
    step = 60.0 / bpm / steps
    late = (_first_strong(heard) + _REST_SECONDS) % step - _REST_SECONDS
    if late > padding_seconds + _REST_SECONDS:
        return None
    return min(late, padding_seconds) if late > _REST_SECONDS else 0.0


def plays_off_beat(heard: Listening, period: float, start: float) -> bool:
    """Whether the strokes fall half a beat beside the beats that are counted from ``start`` seconds."""
    times, strengths = heard.onsets
    place = ((times - start) / period) % 1.0
    on, off = (float(strengths[np.abs((place - at + 0.5) % 1.0 - 0.5) < _SAME_SHARE].sum()) for at in (0.0, 0.5))
    return on < _OFF_BEAT_SHARE * off and off > 0.5 * float(strengths.sum())


def unheard_start(moments: np.ndarray, start: float, period: float) -> np.ndarray:
    """Log odds (n,) for moments at the start of a loop whose strokes lie beside its beats."""
    return _UNHEARD_START * _nearness(moments, start, period)


def first_beat(heard: Listening, period: float, candidates: np.ndarray) -> np.ndarray:
    """Log odds (n,) for offsets of the beat on the first clear onset of a sound that begins after silence, else zeros.

    Songs, of which the clips learnt from are cut, never begin so, but phrases mostly begin on a beat.
    """
    if heard.sound_span[0] <= TIGHT_START_SECONDS:
        return np.zeros(candidates.size)
    return _AFTER_SILENCE["beat"] * _nearness(candidates, _first_strong(heard), period)


def first_bar(heard: Listening, beats: np.ndarray, beats_per_bar: int) -> np.ndarray:
    """Log odds (beats_per_bar,), likewise, for bars that open on that onset."""
    if heard.sound_span[0] <= TIGHT_START_SECONDS or not beats.size:
        return np.zeros(beats_per_bar)
    first = int(np.abs(beats - _first_strong(heard)).argmin())
    return _AFTER_SILENCE["bar"] * (np.arange(beats_per_bar) == first % beats_per_bar)


def whole_bars_bpm(samples: int, sample_rate: int, bpm: float, meter: Meter) -> float | None:
    """The whole tempo near ``bpm`` in which a length is whole bars to the sample, as that of a loop is; else None.

    A whole number of tenths of a second says nothing: clips are cut to those wherever the music is.
    """
    tenths = 10.0 * samples / sample_rate
    bars = round(samples / sample_rate / bar_seconds(bpm, meter))
    if bars < 1 or abs(tenths - round(tenths)) < 1e-4 * tenths:
        return None
    told = bars * meter.beats_per_bar * 60.0 * sample_rate / samples  # the tempo that fills it
    is_whole = abs(told - round(told)) / told < 1.0 / samples and abs(told / bpm - 1.0) < _NEAR_BPM
    return float(round(told)) if is_whole else None


def length_evidence(model: str, heard: Listening, bpm: float, meter: Meter, moments: np.ndarray) -> np.ndarray:
    """Log odds (n,) for moments at the file's start, where its length is that of a loop; zeros elsewhere.

    ``model`` as in :func:`probabilities`.
    """
    if whole_bars_bpm(heard.clip.length, heard.clip.sample_rate, bpm, meter) is None:
        return np.zeros(moments.size)
    return _LOOP_LENGTH[model] * _nearness(moments, 0.0, 60.0 / bpm)


def probabilities(model: str, names: tuple[str, ...], evidence: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Probability of each candidate (n,): a conditional logit (McFadden 1974).

    ``model`` is ``beat`` or ``bar``; the numbers are what ``training/train_phase.py --write`` made of clips whose clock
    is known. ``more`` are log odds (n,) from elsewhere.
    """
    scores = evidence @ weights_of(model, names) + more
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def weights_of(model: str, names: tuple[str, ...]) -> np.ndarray:
    learnt = load_weights(__package__, "phase")[model]
    return np.array([learnt[name] for name in names])
