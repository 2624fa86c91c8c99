"""The learnt models: complete, finite and leaning the way a musician would."""

import numpy as np
import pytest

from helpers.analysis.evidence import NAMES, TEMPO_NAMES, tempo_evidence
from helpers.analysis.key import VIEWS, key_probabilities
from helpers.analysis.listening import Listening
from helpers.analysis.metre import COLUMNS, metre_table
from helpers.analysis.pulse import find_candidates
from helpers.analysis.tempo_model import tempo_confidence, tempo_probabilities, trust_evidence
from helpers.machine.weights import load_weights
from tests import signals


def test_every_weight_has_its_evidence():
    tempo, key = load_weights("helpers.analysis", "tempo"), load_weights("helpers.analysis", "key")
    assert set(tempo["tempo"]) == set(TEMPO_NAMES)
    metre = load_weights("helpers.analysis", "metre")
    units = len(metre["offsets"])
    assert np.shape(metre["hidden"]) == (units, len(COLUMNS)) and len(metre["direct"]) == len(COLUMNS)
    assert len(metre["out"]) == units
    assert all(np.shape(profile) == (len(VIEWS), 12) for profile in key["profiles"].values())


def test_candidates_hold_the_tempo_and_its_relatives():
    heard = Listening(signals.drum_loop(109, 4))
    candidates = find_candidates(heard)
    for bpm in (54.5, 109, 218):
        assert np.abs(candidates / bpm - 1).min() < 0.005
    assert (np.diff(np.log(candidates)) > 0.02).all()


def test_probabilities_sum_to_one_and_evidence_is_finite():
    heard = Listening(signals.drum_loop(90, 2))
    candidates = find_candidates(heard)
    evidence = tempo_evidence(heard, candidates)
    assert evidence.shape == (candidates.size, len(NAMES)) and np.isfinite(evidence).all()
    assert tempo_probabilities(evidence).sum() == pytest.approx(1.0)
    pairs, table = metre_table(candidates, evidence, tempo_probabilities(evidence), 10.0)
    assert table.shape == (len(pairs), len(COLUMNS)) and np.isfinite(table).all()
    assert {metre for _, metre in pairs} == {"4/4", "3/4", "6/8"}


@pytest.mark.parametrize("other", (1 / 2, 2.0, 2 / 3, 3.0))
def test_a_waltz_or_a_jig_may_be_counted_at_any_near_relative_of_the_likeliest_tempo(other):
    candidates, probability = np.array([80.0, 80.0 * other]), np.array([0.9, 0.1])
    pairs, _ = metre_table(candidates, np.zeros((2, len(NAMES))), probability, 12.0)
    assert set(pairs) == {(0, "4/4"), (0, "3/4"), (0, "6/8"), (1, "3/4"), (1, "6/8")}


def test_trust_grows_with_probability_agreement_and_onsets():
    def trust(probability=0.8, agreement=0.6, onsets=16, is_loop=False):
        return tempo_confidence(trust_evidence(probability, agreement, onsets, is_loop=is_loop))

    assert trust(probability=0.4) < trust() < trust(probability=0.99)
    assert trust(agreement=0.1) < trust() < trust(agreement=0.95)
    assert trust(onsets=2) < trust() < trust(onsets=32)
    assert trust() < trust(is_loop=True)


def test_keys_turn_with_the_notes():
    rng = np.random.default_rng(2)
    evidence = rng.random((len(VIEWS), 12))
    first, turned = key_probabilities(evidence), key_probabilities(np.roll(evidence, 3, axis=1))
    assert turned[:12] == pytest.approx(np.roll(first[:12], 3))
    assert turned[12:] == pytest.approx(np.roll(first[12:], 3))
