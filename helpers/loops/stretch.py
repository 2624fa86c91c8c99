"""Time and pitch by Signalsmith Stretch (python-stretch): one pass changes both, lengths are exact, onsets stay put.

Chosen over Rubber Band by ``benchmarks/loops.py``. The seed is fixed: the same take always gives the same loop.
"""

from __future__ import annotations

import numpy as np

from ..errors import NotAvailable
from ..records import Clip

SEED = 1
# Above this the transposition keeps partials where they are rather than scaling them on: less of a cartoon voice.
TONALITY_LIMIT_HZ = 8000.0


def apply_stretch(clip: Clip, length_samples: int, semitones: float = 0.0) -> Clip:
    """The whole clip in ``length_samples``, transposed by ``semitones`` (may be fractional).

    Raises
    ------
    NotAvailable
        If python-stretch is not installed.
    """
    if length_samples == clip.length and semitones == 0:
        return clip
    try:
        from python_stretch import Signalsmith
    except ImportError:
        raise NotAvailable(
            "Stretching needs the package python-stretch; run: pip install -r requirements.txt"
        ) from None
    stretch = Signalsmith.Stretch(SEED)
    stretch.preset(clip.channels, clip.sample_rate)
    stretch.setTimeFactor(clip.length / length_samples)
    if semitones:
        stretch.setTransposeSemitones(semitones, TONALITY_LIMIT_HZ / clip.sample_rate)
    out = stretch.process(np.ascontiguousarray(clip.samples))
    fitted = np.zeros((clip.channels, length_samples), np.float32)
    count = min(length_samples, out.shape[1])
    fitted[:, :count] = out[:, :count]
    return Clip(fitted, clip.sample_rate)
