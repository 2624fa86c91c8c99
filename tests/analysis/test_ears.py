"""The learned ears: what they hear of sounds we built, and that nothing fails without them."""

import numpy as np
import pytest

from helpers.analysis import analyze, ears, estimate_chords, estimate_key, estimate_notes, estimate_tempo
from helpers.analysis.listening import Listening
from helpers.analysis.musicnn import MODELS, _norm, hear_tags, load
from helpers.analysis.tags import NO_MODELS_NOTE
from helpers.analysis.transcribe import hear_pitches
from helpers.records import Clip
from tests import signals

needs_ears = pytest.mark.skipif(ears.missing_note() is not None, reason="the packages of requirements-ears.txt")


@pytest.fixture
def deaf(monkeypatch):
    for module in ("transcribe", "musicnn"):
        monkeypatch.setattr(f"helpers.analysis.{module}.folder_of", lambda ear: None)
    monkeypatch.setattr("helpers.analysis.ears.folder_of", lambda ear: None)
    caches = ("transcribe._session", "musicnn.load")
    for name in caches:
        module, _, function = name.partition(".")
        getattr(__import__(f"helpers.analysis.{module}", fromlist=[function]), function).cache_clear()
    yield
    for name in caches:
        module, _, function = name.partition(".")
        getattr(__import__(f"helpers.analysis.{module}", fromlist=[function]), function).cache_clear()


def test_without_ears_all_else_is_heard_and_what_is_missing_is_said(deaf):
    clip = signals.mixed(signals.drum_loop(100, 2), signals.chord_loop([(57, 60, 64)], 100, beats_each=8))
    mono = clip.mono()
    assert hear_pitches(clip, mono) is hear_tags(clip, mono) is None
    heard = analyze(clip)
    assert heard.genres == heard.moods == () and NO_MODELS_NOTE in heard.notes
    assert heard.tempo.bpm == pytest.approx(100, rel=1e-3) and heard.key is not None
    assert any("basic-pitch" in note and "musicnn" in note for note in heard.notes)


@needs_ears
def test_the_notes_of_chords_are_written_down():
    chords = [(60, 64, 67), (57, 60, 64), (53, 57, 60), (55, 59, 62)]
    found = estimate_notes(signals.chord_loop(chords, 100, beats_each=4))
    for i, chord in enumerate(chords):
        begun = {n.pitch for n in found if abs(n.start - i * 2.4) < 0.06}
        assert set(chord) <= begun


@needs_ears
def test_the_notes_of_a_quarter_tone_tuning_are_those_of_the_nearest_semitones_and_in_time():
    found = estimate_notes(signals.chord_loop([(60, 64, 67), (57, 60, 64)], 100, beats_each=4, cents=-45.0))
    for i, chord in enumerate([(60, 64, 67), (57, 60, 64)]):
        begun = {n.pitch for n in found if abs(n.start - i * 2.4) < 0.06}
        assert set(chord) <= begun and not begun & {p - 1 for p in chord}


@needs_ears
def test_a_tagger_tells_drums_from_a_soft_tone():
    weights, labels = load("MTT")
    assert len(labels) == 50 and weights["dense_1/kernel"].shape == (200, 50)
    drums, tone = signals.drum_loop(120, 2), signals.melody([(60, 0.0, 4.0)], 4.0)
    heard = [hear_tags(clip, clip.mono()) for clip in (drums, tone)]
    loud, soft = (one.tags["MTT"] for one in heard)
    assert loud["drums"] + loud["beat"] > soft["drums"] + soft["beat"]


@needs_ears
def test_the_hidden_layers_of_a_clip_of_one_patch_are_those_its_tags_are_read_from():
    clip = signals.drum_loop(120, 1)
    heard, at = hear_tags(clip, clip.mono()), 0
    for model in MODELS:
        weights, labels = load(model)
        hidden = heard.hidden[at : at + 200] ** 2
        scores = _norm(weights, 10, hidden) @ weights["dense_1/kernel"] + weights["dense_1/bias"]
        assert [heard.tags[model][name] for name in labels] == pytest.approx(1 / (1 + np.exp(-scores)), abs=1e-4)
        at += 200
    assert heard.hidden.shape == (at,)


def test_a_single_line_means_triads_on_the_scale():
    line = [(p, i * 0.3, 0.28) for i, p in enumerate([45, 52, 57, 55, 45, 52, 57, 60] * 4)]
    clip = signals.melody(line, 9.6)
    heard = Listening(clip)
    tempo, key = estimate_tempo(heard), estimate_key(heard)
    chords = {span.label for span in estimate_chords(heard, tempo, key, one_voice=True)}
    assert chords and all(not label.endswith(("7", "sus4", "sus2", "dim")) for label in chords)


def test_one_pitch_alone_has_no_mode():
    t = np.arange(8 * signals.RATE) / signals.RATE
    for hz in (50.0, 440.0):
        key = estimate_key(signals.clip_of(0.3 * np.sin(2 * np.pi * hz * t)))
        assert key is None or key.confidence < 0.3


def test_what_is_wide_is_heard_beside_what_is_in_the_middle():
    drums = signals.drum_loop(100, 4).samples[0]
    chords = [(54, 57, 61), (50, 54, 57), (47, 50, 54), (49, 52, 56)]
    wide = signals.chord_loop(chords, 100, beats_each=4).samples[0][: drums.size]
    drums = drums[: wide.size]
    key = estimate_key(
        Clip(np.stack([0.5 * drums + 0.7 * wide, 0.5 * drums - 0.7 * wide]).astype(np.float32), signals.RATE)
    )
    assert key is not None and key.key.name == "F# minor"
