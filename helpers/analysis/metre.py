"""How many beats make a bar? 3/4, 4/4 or 6/8, chosen together with the tempo by a learnt model; other metres by rule.

A waltz at 120 and a 6/8 at 80 have the same eighths and bars, and a jig is easily counted in quarters at 3/2 of its
tempo. So the model weighs every metre at the likeliest tempo, and 3/4 and 6/8 at those that such a mistake leads to: a
conditional logit (McFadden 1974) over pairs of tempo and metre, whose score is a small network's. Its numbers are what
``training/train_metre.py --write`` made of rendered folk tunes and of songs and loops. With the evidence weighted
alone, without hidden units, 2 to 4 tunes of a hundred fewer in 3/4 and 6/8 are heard (cross-validated).

Five, seven and 12/8 are told by rules: by the eighths after which the accents return, and by the thirds of the beat.
"""

from __future__ import annotations

import numpy as np

from ..machine.weights import load_weights
from .evidence import NAMES
from .listening import NOTE_HOP_SECONDS, Listening
from .phase import note_change_at

COMMON = ("4/4", "3/4", "6/8")
COLUMNS = (*NAMES, "tempo", *COMMON)
_RATIOS = (1.0, 2 / 3, 3 / 2, 1 / 3, 3.0, 3 / 4, 4 / 3, 1 / 2, 2.0)  # to the likeliest tempo
_SAME_RATIO = 0.03
_LEAST_SECONDS = 8.2  # a shorter clip, four bars at 120 or less, is too little to leave its likeliest tempo for
SURE_METRE = 0.7  # of metres heard with less confidence five of ten are right, of the others nine of ten

ODD = {"5/4": 10, "7/4": 14, "7/8": 7}  # eighths
_LIKE = {"6/8": ("12/8",)}  # with the same beats
_LEAST_SHARE = 0.05  # a metre of less probability is not named
_CLEAR = 0.12  # by so much must the accents return better after an odd bar than after a common one
# Of the onsets on the beat: both thirds of it hold so many, and twice as many as its halves and quarters. Of 150 clips
# of songs in 4/4 none comes near.
_THIRDS = 0.25
_NEAR = 0.07  # of a beat


def metre_table(
    candidates: np.ndarray, evidence: np.ndarray, probability: np.ndarray, seconds: float
) -> tuple[list[tuple[int, str]], np.ndarray]:
    """The readings (index of a candidate tempo, metre) that may be meant, and what speaks for each of them.

    In 4/4 only the likeliest tempo may be: whoever counts in fours is heard well by the tempo model alone.

    Columns (COLUMNS): the evidence for the tempo, its log odds against the likeliest, and 1 for the metre.
    """
    best = int(probability.argmax())
    log_odds = np.log((probability + 1e-6) / (probability[best] + 1e-6))
    pairs, rows = [], []
    for ratio in _RATIOS if seconds >= _LEAST_SECONDS else (1.0,):
        away = np.abs(np.log(candidates / candidates[best] / ratio))
        near = int(away.argmin())
        if away[near] < _SAME_RATIO:
            for metre in COMMON if near == best else COMMON[1:]:
                pairs.append((near, metre))
                rows.append([*evidence[near], log_odds[near], *(metre == other for other in COMMON)])
    return pairs, np.array(rows, dtype=float)


def read_metre(
    candidates: np.ndarray, evidence: np.ndarray, probability: np.ndarray, seconds: float
) -> tuple[int, str, float, tuple[str, ...]]:
    """The index of the tempo, the metre, the probability of that metre at whatever tempo, and what else it may be.

    From the evidence table (n, len(NAMES)) of the candidate tempi and the probability (n,) that the tempo model gives
    them; ``seconds`` is the clip's length.
    """
    learnt = load_weights(__package__, "metre")
    pairs, table = metre_table(candidates, evidence, probability, seconds)
    hidden = np.tanh(table @ np.array(learnt["hidden"]).T + np.array(learnt["offsets"]))
    scores = hidden @ np.array(learnt["out"]) + table @ np.array(learnt["direct"])
    odds = np.exp(scores - scores.max())
    index, metre = pairs[int(odds.argmax())]
    share = {name: float(odds[[other == name for _, other in pairs]].sum() / odds.sum()) for name in COMMON}
    others = sorted((n for n in COMMON if n != metre and share[n] >= _LEAST_SHARE), key=lambda n: -share[n])
    return index, metre, share[metre], (*_LIKE.get(metre, ()), *others)


def returns(heard: Listening, bpm: float, phase: float) -> dict[int, float]:
    """Mean cosine of the accents with themselves so many eighths (3 to 16) later, less the mean over all these lags."""
    eighth = 30.0 / bpm
    count = int((heard.seconds - phase) / eighth)
    lags = [lag for lag in range(3, 17) if count >= 2 * lag]
    if not lags or heard.is_silent:
        return {}
    bands = heard.bands
    moments = phase + eighth * np.arange(count)
    reach = max(1, round(0.2 * eighth * bands.rate))
    at = np.round(moments * bands.rate).astype(int)

    def near(envelope: np.ndarray) -> np.ndarray:
        found = np.array([envelope[max(0, a - reach) : a + reach + 1].max(initial=0.0) for a in at])
        return (found - found.mean()) / (found.std() + 1e-9)

    change = note_change_at(heard, moments, max(NOTE_HOP_SECONDS, eighth))
    rows = [near(np.sqrt(band)) for band in (bands.low, bands.mid, bands.high)]
    rows.append(min(1.0, heard.notes.tonal_share / 0.15) * (change - change.mean()) / (change.std() + 1e-9))
    vectors = np.stack(rows)
    found = {lag: float((vectors[:, lag:] * vectors[:, :-lag]).mean()) for lag in lags}
    mean = float(np.mean(list(found.values())))
    return {lag: value - mean for lag, value in found.items()}


def odd_meter(
    heard: Listening, bpm: float, phase: float, *, may_be_triple: bool = True, may_be_odd: bool = True
) -> str | None:
    """The metre of what is counted in a common one at first, ``bpm`` quarters a minute, or None.

    ``12/8`` where its beats divide in three; ``5/4``, ``7/4`` or ``7/8`` where the accents clearly return after such a
    bar and not after a common one.
    """
    beat, thirds, others = _divisions(heard, bpm, phase)
    if may_be_triple and thirds > max(_THIRDS * beat, 2.0 * others, 1e-9):
        return "12/8"
    if not may_be_odd:
        return None
    found = returns(heard, bpm, phase)

    def score(eighths: int) -> float:
        kept = [found[lag] for lag in (eighths, 2 * eighths) if lag in found]
        return float(np.mean(kept)) if kept else -1.0

    common = max(score(8), score(6), score(4), score(12))
    best = max(ODD, key=lambda name: score(ODD[name]))
    if best == "7/4" and score(7) > score(14) - _CLEAR:  # the shorter bar that says as much
        best = "7/8"
    return best if score(ODD[best]) > common + _CLEAR else None


def _divisions(heard: Listening, bpm: float, phase: float) -> tuple[float, float, float]:
    """Onset strength on the beat, the weaker third (a shuffle leaves out the first), the half and the quarters."""
    times, strengths = heard.onsets
    place = (times - phase) * bpm / 60.0

    def near(share: float) -> float:
        return float(np.sqrt(strengths[np.abs((place - share + 0.5) % 1.0 - 0.5) < _NEAR]).sum())

    return near(0.0), min(near(1 / 3), near(2 / 3)), near(0.25) + near(0.5) + near(0.75)
