"""The key profiles: how much each scale degree speaks for a key, in the whole sound, the bass, the start and the end.

Twelve weights from the tonic up for each view (the rows, in the order of ``key.VIEWS``), in natural log odds per unit
share of the notes. Learnt (conditional logit, held near Temperley's 2005 profiles by an L2 penalty) from about 600
clips of known key: composed parts and folk tunes made by forerunners of ``benchmarks/make_clips.py``, and 23
renders by other hands. ``benchmarks/train_hearing.py --write`` makes comparable ones in their place.
"""

from __future__ import annotations

import numpy as np

# fmt: off
PROFILES = {
    "major": np.array([
        [14.34, -11.01, 6.53, -10.34, 12.85, 1.16, -13.01, 17.90, -9.53, 2.60, -15.08, 4.08],
        [3.44, -2.04, 1.35, -3.01, 1.62, 0.26, -2.66, 3.32, -0.18, 2.09, -3.76, 0.08],
        [4.83, -0.03, 1.79, 1.51, 0.59, 1.87, -1.64, 0.44, -2.91, -1.29, -3.15, -1.52],
        [2.42, -1.04, 0.69, -0.15, 0.43, -0.36, -1.25, 0.54, -0.15, -0.09, -1.49, 0.95],
    ]),
    "minor": np.array([
        [14.19, -12.35, 5.44, 10.06, -12.05, 4.63, -8.30, 12.70, 3.77, -12.16, -4.80, -1.61],
        [3.43, -5.82, 0.33, 1.75, -2.62, 0.39, -1.75, 2.81, 2.09, -3.13, 3.18, -1.17],
        [6.46, -0.54, -1.10, 1.96, -1.46, -2.85, -0.92, 3.92, -5.90, 0.18, -1.39, 1.15],
        [3.74, -2.88, 1.89, -1.97, 0.30, 0.46, -0.71, 1.37, 0.63, -2.84, 1.05, -1.54],
    ]),
}
# fmt: on
MINOR_BIAS = -0.496
