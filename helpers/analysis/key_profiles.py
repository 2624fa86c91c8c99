"""The key profiles: how much each scale degree speaks for a key: whole, in the bass, at start and end.

Twelve weights from the tonic up for each view (the rows, in the order of ``key.VIEWS``), in natural log odds
for the whole share of the notes. Made by ``benchmarks/train_hearing.py --write``, held near Temperley's.
"""

import numpy as np

# fmt: off
PROFILES = {
    "major": np.array([
        [5.68, -4.68, 2.23, -4.74, 6.37, -0.02, -5.06, 7.39, -3.30, 2.11, -7.93, 1.09],
        [1.07, -0.61, 0.53, -1.07, -0.30, 1.14, -1.19, 1.67, 1.32, -0.09, -2.03, 0.54],
        [2.15, 0.48, 0.36, -0.24, -0.02, -1.29, -0.13, -0.50, 0.14, -0.96, -0.29, -0.85],
        [1.35, 0.17, -0.03, -0.17, -1.08, 0.38, 0.07, 0.67, -0.34, 0.37, -0.50, 1.13],
    ]),
    "minor": np.array([
        [6.21, -6.77, 2.85, 6.81, -5.88, 2.43, -3.63, 5.42, 0.85, -4.42, -1.22, -1.81],
        [1.10, -4.11, -1.26, 2.00, -1.06, 0.42, -0.51, -0.30, 1.15, -0.83, 2.40, 0.03],
        [4.37, -0.44, -1.24, 0.25, 0.35, -2.04, 0.42, 2.14, -2.89, 0.15, -0.51, 0.56],
        [2.20, -0.95, 1.91, -2.03, -1.34, -0.08, 0.47, -1.18, -0.58, -0.20, 0.91, -1.16],
    ]),
}
# fmt: on
FIT_WEIGHTS = (1.397, -0.787, 0.832)  # of the published profiles
MINOR_BIAS = -0.101
