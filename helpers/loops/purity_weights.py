"""Weights of the purity models, in natural log odds that another instrument sounds.

Where they come from: :mod:`helpers.loops.purity`. ``benchmarks/loops/purity.py --write`` replaces this file.
"""

TONAL = {
    "intercept": 18.32,
    "bright_hits": 0.4856,
    "dull_hits": -1.177,
    "high_flatness": 8.032,
    "low_beats": 0.4273,
    "low_flatness": 1.645,
    "low_motion_hz": 0.05922,
    "low_with_middle": -2.476,
    "mid_flatness": -8.274,
    "note_focus": -12.44,
}

DRUMS = {
    "intercept": 14.95,
    "dull_hits": -0.3992,
    "held_mid_db": 0.2703,
    "high_beats": 0.4311,
    "high_with_middle": -9.18,
}
