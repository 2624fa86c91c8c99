"""Where in a take does a bar start? The phase of the known grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..music.meter import Meter, bar_seconds, step_seconds
from ..records import Analysis, Request
from ..sound.features import NoteGram
from .hearing import Hearing
from .shift import progression_fit, progression_tones
from .tempo import Drift, TakeTempo

PAD_SECONDS = 0.045  # what may be missing at either end of a window: less than a thirty-second at 160 BPM
CUT_IN_TRUST = 0.2  # tuned with the weights of the cues
FOLLOWED = (0.6, 0.9)  # share of the notes on the chords: by chance, and where a take follows them
WHOLE_SECONDS = 0.002  # a take this near to whole bars was cut to them by someone

# What each cue says about which sixteenth starts the bar, in units of log odds; fitted by logistic regression on takes
# started anywhere in a bar, but for the last, which says how takes begin: nearly always on bar 1.
CUES = {
    "metre": 0.7,  # accents fall where the metre has its strong places
    "metre low": 0.4,  # likewise below 150 Hz: kick and bass
    "metre mid": 0.6,
    "metre high": 0.5,
    "low accent": 0.5,  # the strongest low onset
    "change": 0.5,  # the notes of a beat differ from those of the beat before, on average over the bars
    "new bar": 0.35,  # the notes of half a bar differ from those of the half before
    "idea": 1.0,  # accents agree with those of the idea, which plays on the same bars
    "chords": 16.0,  # the notes agree with the chords asked for, bar by bar, where they follow them at all
    "first": 3.0,  # the take's first sound lies here
}


@dataclass(frozen=True)
class Phase:
    """``first_bar_seconds``: a bar line near the first sound, on the take's own grid without its drift.

    ``confidence`` is how far the best sixteenth of the bar is ahead of the next, 0..1.
    """

    first_bar_seconds: float
    confidence: float


# ---------------------------------------------------------------------------------------------------------------- phase


def find_phase(
    heard: Hearing, tempo: TakeTempo, drift: Drift, request: Request, analysis: Analysis | None = None
) -> Phase:
    """Find the first bar line of a take whose tempo is known; several cues vote (see CUES)."""
    if tempo.bpm is None:
        return Phase(heard.begin if heard.begin > 0.02 else 0.0, 0.0)
    meter, seconds = request.time, heard.clip.seconds
    bar, step = bar_seconds(tempo.bpm, meter), step_seconds(tempo.bpm, meter)
    whole = round(seconds / bar)
    offset = tempo.step_offset_seconds
    if not drift.coefficients and heard.begin < 0.02 and whole >= request.bars:
        exact = whole * bar_seconds(request.bpm, meter)
        if abs(seconds - exact) < WHOLE_SECONDS and abs((offset + step / 2) % step - step / 2) < PAD_SECONDS:
            return Phase(0.0, 1.0)
    cues = _cues(heard, drift, offset, step, request, analysis)
    votes = np.sum([CUES[name] * values for name, values in cues.items()], axis=0)
    lines = offset + np.arange(meter.steps_per_bar) * step
    lines += bar * np.ceil((heard.begin - PAD_SECONDS - lines) / bar)
    room = [has_room(heard, line, bar * request.bars, request) for line in lines]
    if any(room):  # a take just long enough can only start where it does
        votes = np.where(room, votes, votes.min() - 10)
    best = int(np.argmax(votes))
    odds = np.exp(votes - votes[best])
    return Phase(float(lines[best]), float(1 - np.sort(odds)[-2]))


def _cues(
    heard: Hearing, drift: Drift, offset: float, step: float, request: Request, analysis: Analysis | None
) -> dict[str, np.ndarray]:
    """For each cue, what it says of each sixteenth of the bar (steps,)."""
    from scipy.ndimage import maximum_filter1d

    meter = request.time
    times = heard.struck.times
    steady = times - drift.late_seconds(times) - offset
    number = np.round(steady / step).astype(int)
    near = np.abs(steady - number * step) < 0.3 * step
    frames = np.minimum(np.round(times * heard.bands.rate).astype(int), heard.bands.all.size - 1)

    def folded(values: np.ndarray) -> np.ndarray:
        return np.bincount(number[near] % meter.steps_per_bar, values[near], minlength=meter.steps_per_bar)

    def by_band(band: np.ndarray) -> np.ndarray:
        return folded(maximum_filter1d(band, 7)[frames])

    template = metre_template(meter)
    accents, low = folded(heard.struck.strengths), by_band(heard.bands.low)
    cues = {
        "metre": _rotations(template, accents),
        "metre low": _rotations(template, low),
        "metre mid": _rotations(template, by_band(heard.bands.mid)),
        "metre high": _rotations(template, by_band(heard.bands.high)),
        "low accent": _standard(low),
        "first": _first(heard, offset, step, meter),
    }
    if request.role != "drums":
        cues |= _harmony_cues(heard.notes, heard.clip.seconds, offset, step, request)
    if analysis is not None and len(analysis.groove.accents) == meter.steps_per_bar:
        cues["idea"] = _rotations(np.asarray(analysis.groove.accents), accents)
        if len(analysis.groove.low_accents) == meter.steps_per_bar:
            cues["idea"] = 0.5 * (cues["idea"] + _rotations(np.asarray(analysis.groove.low_accents), low))
    return cues


def metre_template(meter: Meter) -> np.ndarray:
    """How strong each sixteenth of a bar is by the metre alone (after Lerdahl & Jackendoff 1983), 0..1."""
    template = np.zeros(meter.steps_per_bar)
    template[:: meter.steps_per_beat // 2] = 0.25
    template[:: meter.steps_per_beat] = 0.55
    if meter.beats_per_bar % 2 == 0:
        template[:: meter.steps_per_bar // 2] = 0.7
    template[0] = 1.0
    return template


def _rotations(template: np.ndarray, accents: np.ndarray) -> np.ndarray:
    """Correlation of the accents with the template started at each step, -1..1."""
    a, t = accents - accents.mean(), template - template.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(t)
    if norm < 1e-9:
        return np.zeros(accents.size)
    return np.array([np.roll(t, shift) @ a for shift in range(accents.size)]) / norm


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / (values.std() + 1e-3)


def _first(heard: Hearing, offset: float, step: float, meter: Meter) -> np.ndarray:
    """One at the step where the take begins to sound, if it begins on the grid: up to 45 ms early, for slow attacks.

    A take that begins in the midst of a sound says much less by it.
    """
    cue = np.zeros(meter.steps_per_bar)
    sure = CUT_IN_TRUST if heard.cut_in and heard.begin < 0.02 else 1.0
    number = round((heard.begin + 0.012 - offset) / step)
    if -0.045 <= heard.begin - offset - number * step <= 0.018:
        cue[number % meter.steps_per_bar] = sure
    return cue


def _harmony_cues(
    notes: NoteGram, seconds: float, offset: float, step: float, request: Request
) -> dict[str, np.ndarray]:
    meter = request.time
    beat, bar = step * meter.steps_per_beat, step * meter.steps_per_bar
    chroma, times = notes.chroma(), notes.times
    chords = progression_tones(request)
    change, new_bar, agreement = (np.zeros(meter.steps_per_bar) for _ in range(3))
    for at in range(meter.steps_per_bar):
        lines = np.arange((offset + at * step) % bar, seconds, bar)
        for values, reach in ((change, beat), (new_bar, bar / 2)):
            inner = lines[(lines >= reach) & (lines + reach <= seconds)]
            if inner.size:
                before = span_sums(chroma, times, inner - reach, inner)
                values[at] = float(np.mean(distances(before, span_sums(chroma, times, inner, inner + reach))))
        if chords is not None and lines.size > 2:
            bars = span_sums(chroma, times, lines[:-1], lines[1:])
            agreement[at] = max(progression_fit(bars, chords, first) for first in range(len(chords)))
    cues = {"change": _standard(change), "new bar": _standard(new_bar)}
    if chords is not None:
        low, high = FOLLOWED
        cues["chords"] = (agreement - agreement.mean()) * np.clip((agreement.max() - low) / (high - low), 0.0, 1.0)
    return cues


def span_sums(chroma: np.ndarray, times: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Pitch classes between each start and end: (n, 12)."""
    sums = np.concatenate([np.zeros((12, 1)), np.cumsum(chroma, axis=1)], axis=1)
    return (sums[:, np.searchsorted(times, ends)] - sums[:, np.searchsorted(times, starts)]).T


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One minus the cosine of each pair of rows."""
    norm = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.where(norm > 1e-6, 1 - np.sum(a * b, axis=1) / np.maximum(norm, 1e-6), 0.0)


def has_room(heard: Hearing, start: float, length: float, request: Request) -> bool:
    """Whether a loop of ``length`` seconds from ``start`` lies in the take and sounds nearly to its end."""
    # The last note may ring out before the loop does; a take that falls silent much earlier has collapsed.
    rest = min(length / request.bars / 2, length / request.time.beats_per_bar)
    return (
        start >= -PAD_SECONDS
        and start + length <= heard.clip.seconds + PAD_SECONDS
        and start + length - rest <= heard.end
    )
