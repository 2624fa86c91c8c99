"""The fit card: what a finished loop really is, measured on its audio and never copied from the request."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ..music.meter import step_seconds
from ..music.pitch import ALL_KEYS, mirex_score
from ..records import Analysis, Clip, FitCard, Request
from ..sound.audio import loudness_lufs, true_peak_dbtp
from ..sound.features import chroma, key_scores
from .hearing import Onsets, frame_levels, hear_onsets
from .purity import measure_purity
from .seam import measure_seam
from .shift import chord_share, scale_share
from .tempo import estimate_take_tempo, refine_take_tempo

STRONG = 0.25  # onsets at least this strong, of the strongest, count for the grid
FEWEST_STRONG = 4
SHORTEST_SECONDS = 0.3
NEAR_PERCENT = 0.7  # a finished loop is at its tempo or clearly elsewhere
SHARP_RISE_DB = 6.0  # strings swell by 2 to 5 dB where a plucked or struck note leaps by 10 and more
MOSTLY_SHARP = 0.5  # where most notes swell, the few sharp ones are ripples
RISE_FRAME_SECONDS = 0.005
ON_GRID = 0.12  # of a sixteenth: the median distance from the grid asked for; by chance it is 0.25
LEAST_PROOF_FIT = 0.4  # below this onsets are too scattered to call any of them off the grid


@dataclass(frozen=True)
class Limit:
    """A loop fails beyond ``value``; ``why`` is the musician's reason for the number."""

    value: float
    why: str


LIMITS = {
    "tempo_error_percent": Limit(0.5, "over eight bars at 120 BPM half a percent is 80 ms, heard as dragging"),
    "tempo_error_ms": Limit(45.0, "and short loops, whose tempo cannot be measured finer, may stray this far in all"),
    "grid_error_ms": Limit(35.0, "beyond a sixteenth's third at 120 BPM the part is not on this grid"),
    "in_key_share": Limit(0.60, "seven of twelve notes hold 58 % of anything by chance"),
    "seam": Limit(1.5, "half again as abrupt as the loop's own most abrupt moments is heard as a click or a gap"),
    "purity": Limit(0.1, "one pure recording in 80 lies below this, and six in ten with another instrument 6 dB under"),
    "true_peak_dbtp": Limit(-0.1, "nearer to full scale lossy players clip"),
    "loudness_lufs": Limit(-40.0, "quieter is not usable beside other tracks"),
}
# Corrections that every loop may need: they do not make it `corrected`.
MINOR = ("folded", "wrapped", "level", "offset", "rumble")


def prove(clip: Clip, request: Request, analysis: Analysis | None = None, corrections: tuple[str, ...] = ()) -> FitCard:
    """Measure a finished loop against its request.

    Parameters
    ----------
    clip
        The loop as read back from its file.
    request
        What was asked for.
    analysis
        Of the idea; its chords are in the request already, so None is fine.
    corrections
        What was done to the take, in words; decides between ``pass`` and ``corrected``.

    Returns
    -------
    FitCard
        What could not be measured is None and ``reasons`` says why.
    """
    reasons: list[str] = []
    failures: list[str] = []
    expected = request.samples(clip.sample_rate)
    if clip.length != expected:
        failures.append(f"The loop is {clip.length} samples long instead of {expected}.")
    if clip.seconds < SHORTEST_SECONDS:
        short = f"{clip.seconds:.2f} s is too short to be measured."
        return _unmeasured(clip, request, corrections, (*failures, short))
    peak = true_peak_dbtp(clip)
    loudness = loudness_lufs(clip)
    if loudness is None:
        reasons.append("Loudness was not measured: too quiet or too short.")
    pulse = _measure_pulse(clip, request)
    reasons += pulse.reasons
    harmony = _measure_harmony(clip, request)
    reasons += harmony.reasons
    seam = measure_seam(clip, request)
    purity, parts = measure_purity(clip, request) if request.role else (None, {})
    if not request.role:
        reasons.append("Purity was not measured: no instrument was named.")

    def check(name: str, value: float | None, text: str, *, above: bool = True) -> None:
        limit = LIMITS[name]
        if value is not None and (value > limit.value if above else value < limit.value):
            failures.append(text.format(value=value, limit=abs(limit.value)))

    error = pulse.tempo_error_percent
    astray_ms = None if error is None else abs(error) / 100 * request.seconds * 1000
    if astray_ms is not None and astray_ms > LIMITS["tempo_error_ms"].value:
        away = f"{error:+.2f} % from the tempo asked for, {request.bpm:g}, and {astray_ms:.0f} ms astray by its end"
        check("tempo_error_percent", abs(error), f"It plays at {pulse.bpm:.2f} BPM, {away}; {{limit:g}} % is let pass.")
    check(
        "grid_error_ms",
        pulse.grid_error_ms,
        "Half its notes lie {value:.0f} ms or more off the grid of sixteenths; {limit:g} ms is let pass.",
    )
    check(
        "in_key_share",
        harmony.in_key_share,
        f"Only {{value:.0%}} of what sounds is in {request.key.name if request.key else ''}; "
        "{limit:.0%} is asked, and any seven notes hold 58 % by chance.",
        above=False,
    )
    check("seam", seam.value, f"The wrap {seam.words()}: {{value:.1f}} times as abrupt as the loop's own moments.")
    check(
        "purity",
        purity,
        f"{'Notes' if request.role == 'drums' else 'Drums or another instrument'} are heard beside the "
        f"{request.instrument or 'instrument'}: purity {{value:.2f}} of 1, {{limit:g}} is asked.",
        above=False,
    )
    check("true_peak_dbtp", peak, "It clips: its true peak is {value:+.1f} dBTP, -{limit:g} is the most.")
    check("loudness_lufs", loudness, "It is too quiet: {value:.0f} LUFS, -{limit:g} is the least.", above=False)
    if loudness is None and peak < -60:
        failures.append("It is silent.")

    changed = [c for c in corrections if not any(word in c for word in MINOR)]
    verdict = "failed" if failures else "corrected" if changed else "pass"
    return FitCard(
        samples=clip.length,
        samples_expected=expected,
        bpm_requested=request.bpm,
        bpm_measured=pulse.bpm,
        tempo_error_percent=error,
        grid_error_ms=pulse.grid_error_ms,
        downbeat_offset_ms=pulse.downbeat_offset_ms,
        key_requested=request.key.name if request.key else None,
        key_measured=harmony.key,
        key_score=harmony.key_score,
        in_key_share=harmony.in_key_share,
        chord_agreement=harmony.chord_agreement,
        seam=seam.value,
        purity=purity,
        purity_parts=parts,
        loudness_lufs=loudness,
        true_peak_dbtp=peak,
        corrections=tuple(corrections),
        verdict=verdict,
        reasons=tuple(failures + reasons),
    )


def _unmeasured(clip: Clip, request: Request, corrections: tuple[str, ...], reasons: tuple[str, ...]) -> FitCard:
    nothing = dict.fromkeys(f.name for f in dataclasses.fields(FitCard))
    known = {
        "samples": clip.length,
        "samples_expected": request.samples(clip.sample_rate),
        "bpm_requested": request.bpm,
        "key_requested": request.key.name if request.key else None,
        "purity_parts": {},
        "corrections": tuple(corrections),
        "verdict": "failed",
        "reasons": reasons,
    }
    return FitCard(**(nothing | known))


@dataclass(frozen=True)
class _Pulse:
    bpm: float | None = None
    tempo_error_percent: float | None = None
    grid_error_ms: float | None = None
    downbeat_offset_ms: float | None = None
    reasons: tuple[str, ...] = ()


def _measure_pulse(clip: Clip, request: Request) -> _Pulse:
    heard = hear_onsets(clip)
    # Against the 90th percentile: one great accent must not make every other note a weak one.
    strong = heard.strengths >= STRONG * np.percentile(heard.strengths, 90) if heard.times.size else heard.strengths > 0
    sharp = _sharp(heard, clip)
    if strong.sum() < FEWEST_STRONG or sharp[strong].mean() < MOSTLY_SHARP:
        return _Pulse(reasons=("Tempo and grid were not measured: the notes are sustained.",))
    onsets = Onsets(heard.times[strong & sharp], heard.strengths[strong & sharp])
    heard = Onsets(heard.times[sharp], heard.strengths[sharp])
    away = grid_distances_seconds(onsets.times, request)
    tempo = estimate_take_tempo(heard, request, NEAR_PERCENT)
    error = tempo.error_percent(request.bpm)
    if (
        error is not None
        and abs(error) > NEAR_PERCENT
        and np.median(np.abs(away)) < ON_GRID * step_seconds(request.bpm, request.time)
    ):
        # Dotted rhythms fit three quarters of their tempo just as well; what keeps to the grid asked for is on it.
        tempo = refine_take_tempo(heard, request)
    if tempo.bpm is None or tempo.fit < LEAST_PROOF_FIT:
        reason = tempo.reason or "sustained, attacks too soft to place"
        return _Pulse(reasons=(f"Tempo and grid were not measured: {reason}.",))
    reasons: tuple[str, ...] = ()
    beat = 60 / request.bpm
    # The loop is a circle: an onset just before its end belongs to the first beat.
    around = (onsets.times + request.seconds / 2) % request.seconds - request.seconds / 2
    first = np.abs(around) < beat / 4
    downbeat = float(around[first][np.argmax(onsets.strengths[first])] * 1000) if first.any() else None
    if downbeat is None:
        reasons += ("Bar 1 was not measured: nothing starts on beat 1.",)
    return _Pulse(tempo.bpm, tempo.error_percent(request.bpm), float(np.median(np.abs(away)) * 1000), downbeat, reasons)


def _sharp(onsets: Onsets, clip: Clip) -> np.ndarray:
    """Which onsets (n,) have a time that can be told: the level rises by SHARP_RISE_DB within 25 ms.

    Bowed and swelling notes begin over tens of milliseconds, and no moment of those is their time.
    """
    if onsets.times.size == 0:
        return np.zeros(0, bool)
    levels = 20 * np.log10(frame_levels(clip, RISE_FRAME_SECONDS) + 1e-6)
    frames = (onsets.times / RISE_FRAME_SECONDS).astype(int)
    # The loop is a circle: what sounds before its start is its end.
    around = levels[(frames[:, None] + np.arange(-5, 6)) % levels.size]
    return around[:, 6:].max(axis=1) - around[:, :6].min(axis=1) >= SHARP_RISE_DB


def grid_distances_seconds(times: np.ndarray, request: Request) -> np.ndarray:
    """Signed distance of each time to the nearest sixteenth of the requested grid (n,), swung where the request swings.

    ``Request.swing`` is the share of a beat the first of two eighths takes; the sixteenths within each swung eighth
    divide it evenly.
    """
    beat = 60 / request.bpm
    per_beat = request.time.steps_per_beat
    lines = np.arange(per_beat + 1) / per_beat
    if request.swing and per_beat % 2 == 0:
        lines = np.interp(lines, (0.0, 0.5, 1.0), (0.0, request.swing, 1.0))
    place = times % beat
    nearest = lines[np.argmin(np.abs(place[:, None] - lines * beat), axis=1)] * beat
    return place - nearest


@dataclass(frozen=True)
class _Harmony:
    key: str | None = None
    key_score: float | None = None
    in_key_share: float | None = None
    chord_agreement: float | None = None
    reasons: tuple[str, ...] = ()


def _measure_harmony(clip: Clip, request: Request) -> _Harmony:
    if request.role == "drums":
        return _Harmony(reasons=("Key was not measured: drums have none.",))
    heard = chroma(clip)
    total = heard.frames.sum(axis=1)
    if total.sum() <= 0:
        return _Harmony(reasons=("Key was not measured: nothing pitched sounds.",))
    key = ALL_KEYS[int(np.argmax(key_scores(total)))]
    energy = np.square(heard.frames)  # the card speaks of energy; the frames hold amplitudes
    chords = chord_share(energy, heard.times, request)
    if request.key is None:
        return _Harmony(key.name, None, None, chords, ("Key was not compared: none was asked for.",))
    return _Harmony(key.name, mirex_score(key, request.key), scale_share(energy.sum(axis=1), request.key), chords)
