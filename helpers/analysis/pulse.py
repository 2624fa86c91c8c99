"""How fast could it be? Every plausible beat period of an idea, with the evidence for and against each.

The pulse spectrum is the Fourier transform of the onset envelope over the whole clip: a clip that keeps a steady tempo
has peaks at its beat rate and at the multiples of it, and over 4 to 60 s their place is known far better than any
single beat. Metrically related rates (half, double, thirds) are all kept as candidates; telling them apart is the work
of :mod:`helpers.analysis.tempo_model`.

Conventions: rates are in BPM; candidates are sorted by BPM, no two within 2.5 % of each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .listening import Listening

LOWEST_BPM, HIGHEST_BPM = 42.0, 230.0
_RATIOS = (1 / 4, 1 / 3, 3 / 8, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0, 3.0, 4.0)
_SAME = 0.025  # rates closer than this are one candidate


@dataclass(frozen=True, eq=False)
class PulseSpectrum:
    """|Fourier transform| of an onset envelope, 1 = all in phase; ``at(hz)`` reads it at any rate up to 20 Hz."""

    magnitudes: np.ndarray
    bin_hz: float

    def at(self, hz: np.ndarray | float) -> np.ndarray:
        return np.interp(np.asarray(hz, dtype=float), np.arange(self.magnitudes.size) * self.bin_hz, self.magnitudes)


def pulse_spectrum(envelope: np.ndarray, rate: float) -> PulseSpectrum:
    """Spectrum of an onset envelope (n,) of ``rate`` Hz, slow swells removed, zero-padded eightfold."""
    n = envelope.size
    centred = sharpened(envelope, rate)
    size = 1 << int(np.ceil(np.log2(max(64, 8 * n))))
    spectrum = np.abs(np.fft.rfft(centred, size)) / (np.abs(centred).sum() + 1e-9)
    keep = min(spectrum.size, int(20.0 * size / rate) + 2)
    return PulseSpectrum(spectrum[:keep], rate / size)


def sharpened(envelope: np.ndarray, rate: float) -> np.ndarray:
    """Envelope compressed (power 0.7, so that one loud hit does not rule) and freed of its mean over 0.8 s."""
    from scipy.ndimage import uniform_filter1d

    compressed = np.maximum(0.0, envelope) ** 0.7
    return compressed - uniform_filter1d(compressed, max(3, round(0.8 * rate)), mode="nearest")


def autocorrelation(envelope: np.ndarray, rate: float, longest_seconds: float) -> np.ndarray:
    """Autocorrelation (lag 0 = 1) of an envelope up to ``longest_seconds``, corrected for shrinking overlap."""
    x = sharpened(envelope, rate)
    n = x.size
    size = 1 << int(np.ceil(np.log2(max(4, 2 * n))))
    full = np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2)[: min(n, round(longest_seconds * rate) + 1)]
    overlap = np.maximum(n - np.arange(full.size), 0.25 * n)
    return full / overlap * n / (full[0] + 1e-9)


def comb_response(spectrum: PulseSpectrum, hz: np.ndarray) -> np.ndarray:
    """How well a beat rate and its first multiples explain the pulse spectrum; fine enough to place the rate."""
    shares = ((1, 1.0), (2, 0.8), (3, 0.3), (4, 0.6), (8, 0.2))
    return np.sum([weight * spectrum.at(k * hz) for k, weight in shares], axis=0)


def find_candidates(heard: Listening) -> np.ndarray:
    """Plausible beat rates in BPM (n,), rising; empty when there is nothing that repeats.

    The strongest peaks of the comb response and of the single rates below 8 Hz, all their simple ratios inside
    42..230 BPM, each moved to the nearest maximum of the comb response.
    """
    bands = heard.bands
    if not bands.all.any() or heard.seconds < 0.8:
        return np.zeros(0)
    spectrum = pulse_spectrum(bands.all, bands.rate)
    hz = np.exp(np.arange(np.log(LOWEST_BPM / 60 / 1.5), np.log(HIGHEST_BPM / 60 * 4.0), 0.0008))
    seeds: list[float] = []
    for response in (comb_response(spectrum, hz), spectrum.at(hz)):
        inner = (response[1:-1] > response[:-2]) & (response[1:-1] >= response[2:])
        peaks = np.flatnonzero(inner) + 1
        seeds += list(hz[peaks[np.argsort(-response[peaks])[:5]]])
    wanted = sorted(60 * s * r for s in seeds for r in _RATIOS if LOWEST_BPM <= 60 * s * r <= HIGHEST_BPM)
    refined = np.unique([refine(spectrum, b, heard.seconds) for b in wanted])
    merged: list[float] = []
    for bpm in refined[np.argsort(-comb_response(spectrum, refined / 60), kind="stable")]:  # the strongest of near ones
        if not any(abs(bpm / other - 1) < _SAME for other in merged):
            merged.append(float(bpm))
    return np.array(sorted(merged))


def refine(spectrum: PulseSpectrum, bpm: float, seconds: float) -> float:
    """Move ``bpm`` to the maximum of the comb response within 1.5 %, or half a beat over the clip if that is more."""
    reach = min(0.04, max(0.015, 0.5 * 60.0 / bpm / seconds))
    fine = bpm / 60 * np.exp(np.linspace(-reach, reach, 81))
    return float(60 * fine[int(comb_response(spectrum, fine).argmax())])
