"""Which key? Learnt and published profiles, matched with the notes over all 24 keys, and essentia's votes.

The learnt profiles weigh every scale degree in the whole sound, its bass, its beginning and its end; the published ones
say how well the whole agrees with what listeners and corpora tell of a key, whatever the piece is played on.

Our own log odds, the keys that essentia's estimators name, how well the notes of the learned ear fit each key, and how
much oftener loops are in minor are added. By MIREX's weights, on loops whose keys their makers stated: the settings
were chosen on 271 of one artist (the sum .690, best peer .660) and hold on 71 from four other collections (.597, .558).

Relative keys share their notes, and a bass line or a short phrase may leave the mode open, so the runners-up are part
of the answer.
"""

from __future__ import annotations

import numpy as np

from ..machine.weights import load_weights
from ..music.pitch import ALL_KEYS
from ..records import Clip, KeyAlternative, KeyEstimate
from ..sound.features import KEY_PROFILES, key_scores
from .estimators import key_votes
from .evidence import changes_notes
from .listening import Listening, listen

VIEWS = ("whole", "bass", "start", "end")
# weight of each scale degree from the tonic up, each made of unit length about its mean
PUBLISHED = {
    "Temperley 2005": KEY_PROFILES,
    "Krumhansl & Kessler 1982": {
        "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    },
    "Faraldo 2016 (bgate)": {
        "major": (1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30),
        "minor": (1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23),
    },
}
OWN_WEIGHT = 0.5  # of our log probabilities
VOTE_WEIGHT = 1.0  # log odds for the key that each of essentia's profiles names
NOTES_WEIGHT = 2.0  # of the correlation of the learned ear's notes with Temperley's profiles
MINOR = 1.0  # log odds; makers of loops call 8 of 10 of them minor
_CALM = 1.5  # divides the log odds: with it the confidence is about as often right as it says
_OPEN_SHARE = 0.92  # share of a note and its fifth from which no mode can be told
_OPEN_MODE = 0.25  # the confidence of a key whose mode is open
# Shares of what sounds throughout that one note, its fifth and their overtones hold: at least .84 of saws, squares and
# mains hums, at most .79 of held triads. The note is the lowest at least so strong against the strongest.
_SERIES_SHARE, _LOWEST_SHARE = 0.82, 0.2
_FIT_SCALE = 6.0  # spreads the published fits as far as the learnt profiles' columns, for one penalty in training
_BASS_SHARE = 0.25  # the bass is the lowest note at least so strong against the moment's strongest


def key_evidence(heard: Listening) -> np.ndarray:
    """Pitch classes (4, 12), C first, each row summing to 1 (or all 0): one row for each of VIEWS.

    ``whole``: all notes, every moment weighing the same; ``bass``: the lowest note of each moment; ``start`` and
    ``end``: the first and last eighth of what sounds, at least 0.2 s, at most 1 s.
    """
    notes = heard.notes
    frames = notes.frames.astype(float) * (notes.levels > 0.03 * notes.levels.max(initial=0.0))
    energy = frames.sum(axis=0)
    sounding = np.flatnonzero(energy > 0.05 * energy.max(initial=0.0))
    if not sounding.size:
        return np.zeros((len(VIEWS), 12))
    lowest = (frames > _BASS_SHARE * (frames.max(axis=0) + 1e-9)).argmax(axis=0)
    bass = np.zeros_like(frames)
    bass[lowest[sounding], sounding] = 1.0
    first, last = int(sounding[0]), int(sounding[-1]) + 1
    edge = int(np.clip((last - first) // 8, 4, 20))
    views = (frames / (energy + 1e-9), bass, frames[:, first : first + edge], frames[:, max(first, last - edge) : last])
    folded = np.stack([view.mean(axis=1).reshape(-1, 12).sum(axis=0) for view in views])
    return folded / (folded.sum(axis=1, keepdims=True) + 1e-9)


def is_pitched(heard: Listening) -> bool:
    """Whether there are notes at all: False for drums, noise and silence.

    A logistic rule on how much of the spectrum stands in narrow peaks, how much the learned ear hears sounding and how
    well that fits any one key, fitted to 114 clips of drums and 26 of mixes (four of the drums pass); of 53 other mixes
    it finds notes in 50. Without the learned ear our own notes are asked, and dense mixes are taken for drums.
    """
    if heard.is_silent or not heard.notes.frames.any():
        return False
    peaks = np.log(heard.notes.tonal_share + 1e-3)
    if heard.pitches is None:
        fit = float(key_scores(np.sqrt(heard.notes.chroma()).mean(axis=1)).max())
        return bool(2.94 * peaks + 6.45 * fit + 4.45 > 0)
    sounding = heard.pitches.chroma.mean(axis=1)
    fit = float(key_scores(sounding).max())
    return bool(1.99 * peaks + 2.52 * fit + 3.18 * np.log(sounding.sum() + 0.05) + 7.45 > 0)


def key_table(evidence: np.ndarray) -> np.ndarray:
    """What speaks for each of ALL_KEYS (24, columns), from the evidence (4, 12).

    Columns: 48 that are zero but for major keys (the views, square roots of shares, by degrees from the tonic), 48 for
    minor keys, the correlation of the whole with each of PUBLISHED (times 6), and 1 for minor.
    """
    rows = []
    views = np.sqrt(np.maximum(evidence, 0.0))
    centred = evidence[0] - evidence[0].mean()
    whole = centred / (np.linalg.norm(centred) + 1e-9)
    for key in ALL_KEYS:
        turned = np.roll(views, -key.tonic, axis=1).ravel()
        minor = key.mode == "minor"
        fits = [_FIT_SCALE * np.roll(whole, -key.tonic) @ _unit(p[key.mode]) for p in PUBLISHED.values()]
        rows.append(np.r_[np.where(minor, 0.0, turned), np.where(minor, turned, 0.0), fits, float(minor)])
    return np.array(rows)


def _unit(profile: tuple[float, ...]) -> np.ndarray:
    centred = np.array(profile) - np.mean(profile)
    return centred / np.linalg.norm(centred)


def key_probabilities(evidence: np.ndarray) -> np.ndarray:
    """Probability (24,) of each of ALL_KEYS from the evidence (4, 12): McFadden's conditional logit (1974)."""
    learnt = load_weights(__package__, "key")
    profiles = [np.ravel(learnt["profiles"][mode]) for mode in ("major", "minor")]
    scores = key_table(evidence) @ np.r_[(*profiles, learnt["fits"], learnt["minor"])]
    odds = np.exp(scores - scores.max())
    return odds / odds.sum()


def estimate_key(sound: Clip | Listening) -> KeyEstimate | None:
    """Estimate tonic and mode of a clip; None when it holds no pitched notes (drums, noise, silence).

    ``confidence`` is the probability of the answer; ``alternatives`` are the next four keys with theirs, best first.
    """
    heard = listen(sound)
    if not is_pitched(heard):
        return None
    evidence = key_evidence(heard)
    probability = fused_probabilities(heard, evidence)
    order = np.argsort(-probability, kind="stable")
    confidence = float(probability[order[0]])
    return KeyEstimate(
        key=ALL_KEYS[order[0]],
        confidence=min(confidence, _OPEN_MODE) if has_open_mode(heard) else confidence,
        alternatives=tuple(KeyAlternative(ALL_KEYS[i].name, float(probability[i])) for i in order[1:5]),
        tuning_cents=heard.notes.tuning_cents,
    )


def fused_probabilities(heard: Listening, evidence: np.ndarray) -> np.ndarray:
    """Probability (24,) of each of ALL_KEYS, from our model, essentia's votes and the learned ear's notes."""
    scores = OWN_WEIGHT * np.log(key_probabilities(evidence) + 1e-4)
    scores += MINOR * np.array([key.mode == "minor" for key in ALL_KEYS])
    for key in key_votes(heard.mono, heard.clip.sample_rate).values():
        scores[ALL_KEYS.index(key)] += VOTE_WEIGHT
    if heard.pitches is not None:
        scores = scores + NOTES_WEIGHT * key_scores(heard.pitches.chroma.mean(axis=1))
    odds = np.exp((scores - scores.max()) / _CALM)
    return odds / odds.sum()


def has_open_mode(heard: Listening) -> bool:
    """Whether one pitch class sounds alone or with its fifth, as in a sine, a drone or a hum: no mode is there.

    Counted is what our notes and the learned ear's both hold, neither of which is free of overtones. One pitch class
    counts with its neighbours: low notes spread over them. A third among the overtones of a held note is none either.
    """
    if not changes_notes(heard) and _series_share(heard.notes.frames.mean(axis=1)) > _SERIES_SHARE:
        return True
    ears = [heard.notes.chroma()] + ([] if heard.pitches is None else [heard.pitches.chroma])
    chroma = np.min([pitches.sum(axis=1) / (pitches.sum() + 1e-9) for pitches in ears], axis=0)
    near = chroma + np.roll(chroma, 1) + np.roll(chroma, -1)
    fifth = chroma + np.roll(chroma, -7)
    return max(float(fifth.max()) / _OPEN_SHARE, float(near.max()) / 0.97) > float(chroma.sum())


def _series_share(levels: np.ndarray) -> float:
    """Share of the levels of semitones (n,) that the lowest clear one, its fifth and the overtones of both hold."""
    levels = np.maximum(0.0, levels - np.median(levels))  # noise is everywhere
    overtones = np.round(12 * np.log2(np.arange(1, 33)))
    lowest = int(np.argmax(levels > _LOWEST_SHARE * levels.max()))
    inside = np.isin(np.arange(levels.size) - lowest, [*overtones, *(7 + overtones)])
    return float(levels[inside].sum() / (levels.sum() + 1e-9))
