"""How much of a loop is only the instrument asked for?

No separation model: a handful of plain measures of one spectrogram, weighed by a logistic regression. Tonal loops are
searched for drums, drum loops for notes; each has its own measures and weights (``weights/purity.json``). They
are fitted by ``benchmarks/loops/purity.py`` to recordings and sketches, pure and mixed with others; what recordings
left out of the fit give is printed there.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from ..machine.weights import load_weights
from ..records import Clip, Request
from ..sound.features import NoteGram
from ..sound.listening import Listening

FRAME_SECONDS = 0.046
LOWEST_BAND_HZ, BANDS, BANDS_PER_OCTAVE = 30.0, 97, 10.5
HELD_SECONDS = 0.6  # what stays in a band for this long is a note
# Seconds around an onset: what sounds before it, at it, and once the noise of an attack is over.
BEFORE, AT, LATER = (-0.058, -0.023), (0.0, 0.023), (0.046, 0.081)
OCTAVES_HZ = (30, 90, 180, 350, 700, 1400, 2800, 5600, 11_000)
LOW, MIDDLE, HIGH = slice(0, 2), slice(3, 6), slice(6, 8)  # of the octaves above
FLOOR = 1e-5  # of a share before its logarithm


@dataclass(frozen=True, eq=False)
class Spectra:
    """What purity is measured on: the power spectrogram (bins, frames) with its ``hz`` (bins,) and ``hop_seconds``.

    ``onsets`` are the frames (n,) in which notes or hits begin; ``focus`` and its ``weights`` say at ``focus_times``
    how much of the pitch-class strength the three strongest hold (all (k,), empty for drums).
    """

    power: np.ndarray
    hz: np.ndarray
    hop_seconds: float
    onsets: np.ndarray
    focus: np.ndarray
    weights: np.ndarray
    focus_times: np.ndarray

    def part(self, start: float, end: float) -> Spectra:
        """The same between two seconds."""
        first, last = (max(0, round(t / self.hop_seconds)) for t in (start, end))
        inside = (self.onsets >= first) & (self.onsets < last)
        near = (self.focus_times >= start) & (self.focus_times < end)
        return Spectra(
            self.power[:, first:last],
            self.hz,
            self.hop_seconds,
            self.onsets[inside] - first,
            self.focus[near],
            self.weights[near],
            self.focus_times[near] - start,
        )


def measure_purity(clip: Clip, request: Request) -> tuple[float | None, dict[str, float]]:
    """Purity 0 (another instrument sounds) to 1 (only the one asked for), and the measures it is made of.

    Returns
    -------
    purity, parts
        None and nothing for silence.
    """
    drums = request.role == "drums"
    heard = Listening(clip, request.tuning_cents)
    spectra = spectra_of(clip, heard.onsets.times, None if drums else heard.notes)
    parts = measure_parts(spectra, drums=drums)
    return (purity_of(parts, drums=drums), parts) if parts else (None, {})


def purity_of(parts: dict[str, float], *, drums: bool) -> float:
    """One minus the chance, by the logistic model, that another instrument sounds."""
    model = load_weights(__package__, "purity")["drums" if drums else "tonal"]
    odds = model["intercept"] + sum(model[name] * parts[name] for name in model if name != "intercept")
    return 0.5 - 0.5 * math.tanh(odds / 2)


def spectra_of(clip: Clip, onset_seconds: np.ndarray, notes: NoteGram | None) -> Spectra:
    """Spectrogram of a clip with its onsets in seconds (n,) and, for tonal clips, its notes."""
    from scipy.signal import stft

    rate = clip.sample_rate
    size = 1 << round(np.log2(FRAME_SECONDS * rate))
    hop = size // 4
    empty = np.zeros(0)
    if clip.length < size:
        return Spectra(np.zeros((0, 0)), empty, hop / rate, empty.astype(int), empty, empty, empty)
    hz, _, spectrum = stft(clip.mono(), rate, nperseg=size, noverlap=size - hop, padded=False)
    power = np.square(np.abs(spectrum))
    frames = np.clip(np.round(onset_seconds * rate / hop).astype(int) + 1, 0, power.shape[1] - 1)
    if notes is None:
        return Spectra(power, hz, hop / rate, frames, empty, empty, empty)
    chroma = notes.chroma()
    strength = chroma.sum(axis=0)
    focus = np.sort(chroma / (strength + 1e-9), axis=0)[-3:].sum(axis=0)
    return Spectra(power, hz, hop / rate, frames, focus, strength, notes.times)


def measure_parts(spectra: Spectra, *, drums: bool) -> dict[str, float]:
    """The measures that tell instruments apart, empty for silence.

    Of tonal loops: ``note_focus``, share of the three strongest pitch classes, 0.25 to 1; ``bright_hits``, natural log
    of what rises above 5 kHz at the brightest onsets against 150 to 2500 Hz; ``*_flatness``, geometric over arithmetic
    mean of the spectrum below 150 Hz, from there to 2.5 kHz and from there to 9 kHz; ``low_motion_hz``, how far the
    centre of 30 to 200 Hz moves, as kicks do; ``low_beats``, how much more 30 to 90 Hz comes and goes than 700 to
    1400 Hz (natural log); ``low_with_middle``, correlation of the onsets below 180 Hz with those of 350 to 2800 Hz.

    Of drum loops: ``held_mid_db``, what stays in its band for 0.6 s from 150 to 2500 Hz against the whole;
    ``high_with_middle``, correlation of the onsets above 2.8 kHz with those of 350 to 2800 Hz; ``high_beats``, as
    ``low_beats`` for 2.8 to 5.6 kHz.

    Of both: ``dull_hits``, centre (log2 Hz) of what is left of the dullest onsets 60 ms on.
    """
    power, hz = spectra.power, spectra.hz
    if power.shape[1] < 8 or power.sum() <= 0:
        return {}
    edges = np.searchsorted(hz, OCTAVES_HZ)
    octaves = np.array([power[a:b].sum(axis=0) for a, b in itertools.pairwise(edges)])
    together = _onsets_together(octaves)
    centre_bands = _band_edges(hz)
    parts = {"dull_hits": _dull_hits(spectra, centre_bands)}
    if drums:
        return parts | {
            "held_mid_db": _held_mid_db(power, hz, centre_bands, spectra.hop_seconds),
            "high_with_middle": float(together[HIGH, MIDDLE].mean()),
            "high_beats": _crest(octaves[6]) - _crest(octaves[4]),
        }
    strength = spectra.weights.sum()
    return parts | {
        "note_focus": float(np.average(spectra.focus, weights=spectra.weights)) if strength > 0 else 0.0,
        "bright_hits": _bright_hits(spectra),
        "low_flatness": _flatness(power[(hz >= 30) & (hz < 150)], power),
        "mid_flatness": _flatness(power[(hz >= 150) & (hz < 2500)], power),
        "high_flatness": _flatness(power[(hz >= 2500) & (hz < 9000)], power),
        "low_motion_hz": _motion_hz(power[(hz >= 30) & (hz < 200)], hz[(hz >= 30) & (hz < 200)]),
        "low_beats": _crest(octaves[0]) - _crest(octaves[4]),
        "low_with_middle": float(together[LOW, MIDDLE].mean()),
    }


def _band_edges(hz: np.ndarray) -> np.ndarray:
    """First bins of bands a tenth of an octave (or a bin) wide (bands,)."""
    edges = np.unique(np.searchsorted(hz, LOWEST_BAND_HZ * 2 ** (np.arange(BANDS) / BANDS_PER_OCTAVE)))
    return edges[edges < hz.size - 1]


def _rises(spectra: Spectra, span: tuple[float, float]) -> np.ndarray:
    """How much more sounds in ``span`` seconds from each onset than before it, 0 or more (bins, onsets)."""
    last = spectra.power.shape[1] - 1

    def mean(seconds: tuple[float, float]) -> np.ndarray:
        reach = np.arange(*(round(s / spectra.hop_seconds) + add for s, add in zip(seconds, (0, 1), strict=True)))
        return spectra.power[:, np.clip(spectra.onsets[:, None] + reach, 0, last)].mean(axis=2)

    return np.maximum(mean(span) - mean(BEFORE), 0) + 1e-10 * spectra.power.max()


def _bright_hits(spectra: Spectra) -> float:
    if spectra.onsets.size == 0:
        return 0.0
    rises, hz, floor = _rises(spectra, AT), spectra.hz, 1e-9 * spectra.power.max()
    top = rises[(hz >= 5000) & (hz < 16_000)].sum(axis=0)
    middle = rises[(hz >= 150) & (hz < 2500)].sum(axis=0)
    return float(np.percentile(np.log((top + floor) / (middle + floor)), 90))


def _dull_hits(spectra: Spectra, edges: np.ndarray) -> float:
    if spectra.onsets.size == 0:
        return 0.0
    amplitude = np.sqrt(np.add.reduceat(_rises(spectra, LATER), edges, axis=0))
    log_hz = np.log2(spectra.hz[edges] + 1)[:, None]
    return float(np.percentile((amplitude * log_hz).sum(axis=0) / (amplitude.sum(axis=0) + 1e-12), 10))


def _onsets_together(octaves: np.ndarray) -> np.ndarray:
    """Correlation of the rises of each octave with those of each other (octaves, octaves)."""
    from scipy.ndimage import maximum_filter1d

    level = np.log(octaves + 1e-5 * octaves.max(axis=1, keepdims=True) + 1e-9 * octaves.max() + 1e-30)
    rises = maximum_filter1d(np.maximum(level[:, 2:] - level[:, :-2], 0), 3, axis=1)
    centred = rises - rises.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1) + 1e-6
    return centred @ centred.T / np.outer(norm, norm)


def _crest(power: np.ndarray) -> float:
    """Natural log of the loudest moments of a band against its median ones."""
    return float(np.log((np.percentile(power, 98) + 1e-30) / (np.median(power) + 1e-5 * power.max() + 1e-30)))


def _motion_hz(power: np.ndarray, hz: np.ndarray) -> float:
    """Standard deviation in Hz of the centre of a band, its loud moments counting most."""
    total = power.sum(axis=0) + 1e-12
    centre = (power * hz[:, None]).sum(axis=0) / total
    return float(np.sqrt(np.average((centre - np.average(centre, weights=total)) ** 2, weights=total)))


def _held_mid_db(power: np.ndarray, hz: np.ndarray, edges: np.ndarray, hop_seconds: float) -> float:
    """Harmonic part by median filtering along time (Fitzgerald, DAFx 2010), with a window too long for drums."""
    from scipy.ndimage import median_filter

    bands = np.add.reduceat(power, edges, axis=0)
    middle = (hz[edges] >= 150) & (hz[edges] < 2500)
    amplitude = np.sqrt(bands[middle])
    held = np.minimum(median_filter(amplitude, (1, round(HELD_SECONDS / hop_seconds) | 1)), amplitude)
    return 10 * float(np.log10(np.square(held).sum() / bands.sum() + FLOOR))


def _flatness(band: np.ndarray, power: np.ndarray) -> float:
    """Median over the frames that sound of geometric over arithmetic mean."""
    total = power.sum(axis=0)
    loud = total > 0.01 * total.max()
    band = band[:, loud]
    return float(np.median(np.exp(np.log(band + 1e-16).mean(axis=0)) / (band.mean(axis=0) + 1e-16)))
