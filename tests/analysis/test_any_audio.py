"""Whatever the sound, the analysis ends, does not raise and returns only finite figures."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.analysis import analyze
from tests import signals


def assert_sound_record(heard, clip):
    text = json.dumps(heard.to_json(), allow_nan=False)
    assert json.loads(text)["seconds"] == pytest.approx(clip.seconds, abs=1e-3)
    tempo = heard.tempo
    assert 0 <= tempo.confidence <= 1 + 1e-9
    assert tempo.bpm is None or (30 <= tempo.bpm <= 300 and math.isfinite(tempo.bpm))
    assert list(tempo.beats) == sorted(tempo.beats) and set(tempo.downbeats) <= set(tempo.beats)
    assert all(-1e-9 <= b <= clip.seconds + 1e-9 for b in tempo.beats)
    assert all(c.end > c.start for c in heard.chords)
    assert all(0 <= n.pitch <= 127 and n.length > 0 and n.start >= 0 for n in heard.melody)


KINDS = ("tone", "noise", "clicks", "constant", "extremes", "silence")


def odd_part(kind: str, n: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "tone":
        return np.sin(2 * np.pi * rng.uniform(20, rate / 2) * np.arange(n) / rate)
    if kind == "noise":
        return rng.standard_normal(n)
    if kind == "clicks":
        return (rng.random(n) < 5 / rate).astype(float)
    if kind == "constant":
        return np.full(n, rng.uniform(-1, 1))
    if kind == "extremes":
        return rng.choice([1e-30, -1e20, 1.0, 3e4, 0.0], n)
    return np.zeros(n)


@st.composite
def odd_sounds(draw):
    """Bursts of tone, noise, clicks, constants and silence, at any level and rate, some samples extreme."""
    rate = draw(st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = []
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6)):
        n = draw(st.integers(1, rate))
        parts.append(odd_part(kind, n, rate, rng))
    mono = np.concatenate(parts) * 10.0 ** draw(st.integers(-6, 3))
    return signals.clip_of(np.clip(mono, -1e30, 1e30), rate, draw(st.integers(1, 3)))


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(odd_sounds())
def test_any_finite_sound_is_analyzed(clip):
    assert_sound_record(analyze(clip, tags=False), clip)


DEGENERATE = {
    "empty": np.zeros(0),
    "one sample": np.ones(1),
    "ten samples": np.linspace(-1, 1, 10),
    "a third of a second": signals.click_track(120, 0.3)[0].samples[0],
    "constant": np.full(60_000, 0.5),
    "square at half the rate": np.tile([1.0, -1.0], 50_000),
    "one click": np.r_[np.zeros(44_100), 1.0, np.zeros(44_100)],
    "not finite": np.where(np.arange(90_000) % 7, np.sin(np.arange(90_000) / 30), np.nan),
    "infinite": np.full(44_100, np.inf),
    "almost silent": 1e-7 * np.random.default_rng(0).standard_normal(44_100),
    "denormal": np.full(44_100, 1e-42),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_sounds_are_analyzed(name):
    clip = signals.clip_of(DEGENERATE[name])
    assert_sound_record(analyze(clip, tags=False), clip)
