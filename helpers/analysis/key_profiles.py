"""How much each scale degree, and each published profile, speaks for a key, in natural log odds.

Twelve weights from the tonic up for each view (a row each, in the order of ``key.VIEWS``), times the square
root of the degree's share of the notes; an L2 penalty held them near Temperley's profiles of 2005.

Made by ``training/train_hearing.py --write`` from 2089 clips of known truth:
23 of eval, 484 of composed-f, 484 of composed-t, 500 of composed-f2, 500 of composed-t2, 98 of composed-swung.
"""

import numpy as np

# fmt: off
PROFILES = {
    "major": np.array([
        [4.56, -4.93, 2.65, -5.70, 7.36, 0.80, -6.23, 7.39, -2.80, 3.92, -10.49, 3.19],
        [1.72, -0.13, 0.87, -1.79, -0.34, 0.91, -0.90, 2.07, 0.81, 0.26, -2.40, 0.06],
        [1.71, 0.09, 0.91, -0.77, 0.46, -0.56, -0.33, -0.75, -0.83, -1.17, -0.32, -1.63],
        [2.26, 0.36, 0.20, -0.36, -0.85, 0.09, -0.02, 1.00, 0.10, 0.32, -1.32, 0.59],
    ]),
    "minor": np.array([
        [5.61, -7.96, 1.96, 7.01, -7.14, 2.84, -2.74, 4.75, 1.29, -4.97, 0.53, -0.90],
        [0.69, -2.54, -0.43, 1.19, -1.77, 0.49, 0.35, -1.04, 1.72, -1.26, 1.87, -0.39],
        [4.34, -0.75, -1.03, 1.51, 1.09, -1.68, 1.53, 2.32, -4.01, -0.64, -1.46, 1.99],
        [2.65, -3.39, 2.13, -0.60, 0.60, 0.23, -0.38, -0.79, -0.51, -1.68, 1.69, -2.31],
    ]),
}
# fmt: on
FIT_WEIGHTS = (1.017, -0.810, 0.977)  # of the published profiles
MINOR_BIAS = 0.221
