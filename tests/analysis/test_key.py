"""Keys of progressions and melodies we built; none where nothing is pitched."""

import numpy as np
import pytest

from helpers.analysis import estimate_key, listening
from helpers.music.pitch import ALL_KEYS, CHORD_INTERVALS, Key
from tests import signals

MINOR_TRIADS = [(0, "m"), (5, "m"), (10, ""), (3, ""), (8, ""), (5, "m"), (7, ""), (0, "m")]
MAJOR_TRIADS = [(0, ""), (9, "m"), (5, ""), (7, ""), (0, ""), (5, ""), (7, ""), (0, "")]


def progression(key: Key, cents: float = 0.0):
    triads = MINOR_TRIADS if key.mode == "minor" else MAJOR_TRIADS
    chords = []
    for degree, quality in triads:
        root = 48 + (key.tonic + degree) % 12
        chords.append((root - 12, *(root + 12 + i for i in CHORD_INTERVALS[quality])))
    return signals.chord_loop(chords, 120, beats_each=2, cents=cents)


@pytest.mark.parametrize("key", ALL_KEYS, ids=lambda key: key.name)
def test_a_cadence_is_in_its_key(key):
    found = estimate_key(progression(key))
    assert found is not None and found.key == key
    assert 0 < found.confidence <= 1
    assert len(found.alternatives) == 4 and found.confidence >= found.alternatives[0].score


@pytest.mark.parametrize("cents", [-40.0, 35.0])
def test_a_detuned_idea_keeps_its_key_and_tells_its_tuning(cents):
    found = estimate_key(progression(Key(2, "minor"), cents))
    assert found is not None and found.key == Key(2, "minor")
    assert found.tuning_cents == pytest.approx(cents, abs=4)


def test_a_bass_line_alone_has_its_key_among_the_first_two():
    line = [33, 33, 40, 33, 38, 38, 45, 38, 40, 40, 44, 40, 33, 40, 36, 33]  # A minor with its leading note
    found = estimate_key(signals.melody([(p, i * 0.4, 0.35) for i, p in enumerate(line)], 6.4))
    assert found is not None
    assert "A minor" in (found.key.name, found.alternatives[0].name)


def test_a_melody_alone_has_its_key_among_the_first_two():
    tune = [67, 71, 74, 71, 72, 69, 66, 62, 67, 69, 71, 72, 74, 66, 69, 67]  # G major
    found = estimate_key(signals.melody([(p, i * 0.3, 0.28) for i, p in enumerate(tune)], 4.8))
    assert found is not None
    assert "G major" in (found.key.name, found.alternatives[0].name)


def test_chords_far_under_noisy_drums_have_their_key():
    """A dense mix: our own notes alone take it for drums."""
    rate, chords = signals.RATE, progression(Key(9, "minor"))
    bursts = np.zeros(chords.length)
    for hit in range(0, bursts.size, rate // 4):
        count = min(rate // 5, bursts.size - hit)
        burst = signals.noise(0.2, seed=hit, level=1.0).samples[0, :count]
        bursts[hit : hit + count] += burst * np.exp(-np.arange(count) / (0.05 * rate))
    quiet = 0.05 * np.abs(bursts).max() / np.abs(chords.samples).max() * chords.samples[0]
    found = estimate_key(signals.clip_of(bursts + quiet))
    assert found is not None and found.key in (Key(9, "minor"), Key(0, "major"))
    assert estimate_key(signals.clip_of(bursts)) is None


@pytest.mark.parametrize("clip", [signals.drum_loop(110, 4), signals.noise(4.0), signals.silence(2.0)])
def test_drums_noise_and_silence_have_no_key(clip):
    assert estimate_key(clip) is None


def drone(*harmonics: int):
    t = np.arange(6 * signals.RATE) / signals.RATE
    return signals.clip_of(0.2 * sum(np.sin(2 * np.pi * 55 * k * t) / k for k in harmonics))


DRONES = {"sine": (4,), "saw": range(2, 40, 2), "fifth": (2, 3), "hum": range(1, 9), "square hum": range(1, 19, 2)}


@pytest.mark.parametrize("is_bare", [False, True], ids=["learned ear", "bare"])
@pytest.mark.parametrize("harmonics", DRONES.values(), ids=DRONES)
def test_a_drone_with_or_without_its_fifth_has_no_mode(harmonics, is_bare, monkeypatch):
    if is_bare:
        monkeypatch.setattr(listening, "hear_pitches", lambda *_: None)
    found = estimate_key(drone(*harmonics))
    assert found is None or found.confidence <= 0.25


def test_a_held_triad_has_a_mode():
    found = estimate_key(signals.melody([(p, 0.0, 4.0) for p in (45, 57, 61, 64)], 4.0))
    assert found is not None and found.key == Key(9, "major") and found.confidence > 0.25
