"""How much of a loop is only the instrument asked for?

No separation model: three plain measures, each 0 (foreign) to 1 (pure), whose product is the purity.
"""

from __future__ import annotations

import numpy as np

from ..instruments import find_instrument
from ..pitch import midi_hz
from ..records import Clip, Request

BAND_HZ_PER_ROLE_LOW = {"bass": 25.0}


def measure_purity(clip: Clip, request: Request) -> tuple[float | None, dict[str, float]]:
    """Purity 0..1 and its parts; None when the clip is silent or no instrument was named.

    For tonal roles ``not percussive`` falls with the share of broadband hits; for drums ``not tonal`` falls with the
    share of steady partials; ``in band`` falls with energy below the instrument's lowest note.
    """
    if not request.instrument:
        return None, {}
    power, hz = _band_power(clip)
    if power.sum() <= 0:
        return None, {}
    harmonic, percussive = _split(power)
    share = float(percussive.sum() / (percussive.sum() + harmonic.sum() + 1e-12))
    if request.role == "drums":
        parts = {"not tonal": _ramp(share, 0.05, 0.35)}
    else:
        parts = {"not percussive": 1 - _ramp(share, 0.35, 1.0)}
        lowest = midi_hz(find_instrument(request.instrument).instrument.low + 12 * min(0, request.register)) * 0.7
        below = float(power[hz < lowest].sum() / power.sum())
        parts["in band"] = 1 - _ramp(below, 0.3, 1.0)
    return float(np.prod(list(parts.values()))), parts


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))


def _band_power(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Power in 96 bands a tenth of an octave wide over 46 ms frames (bands, frames), and the bands' centres in Hz."""
    from scipy.signal import stft

    mono = clip.mono()
    size = 1 << round(np.log2(0.046 * clip.sample_rate))
    bins, _, spectrum = stft(mono, clip.sample_rate, nperseg=size, noverlap=size // 2, padded=False, detrend=False)
    power = np.square(np.abs(spectrum))
    edges = np.unique(np.searchsorted(bins, 30 * 2 ** (np.arange(97) / 10.5)))
    edges = edges[edges < bins.size - 1]
    return np.add.reduceat(power, edges, axis=0), bins[edges]


def _split(power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Harmonic and percussive parts by median filtering across time and frequency (Fitzgerald, DAFx 2010)."""
    from scipy.ndimage import median_filter

    amplitude = np.sqrt(power)
    harmonic = median_filter(amplitude, (1, 17))
    percussive = median_filter(amplitude, (17, 1))
    mask = percussive**2 / (percussive**2 + harmonic**2 + 1e-20)
    return power * (1 - mask), power * mask
