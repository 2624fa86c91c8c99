"""Sections of a long idea, and the part of it that is heard."""

import numpy as np
import pytest

from helpers import pipeline
from helpers.analysis import analyze
from helpers.errors import InvalidInput
from helpers.pipeline.making import Idea
from helpers.records import Clip
from tests import signals
from tests.analysis.test_grid import band


@pytest.fixture
def song() -> Clip:
    """Eight bars of a band, eight of drums alone, eight of the band again, at 120 BPM."""
    parts = [band(120, 8), signals.drum_loop(120, 8), band(120, 8)]
    return signals.clip_of(np.concatenate([part.samples[0][: 16 * signals.RATE] for part in parts]))


def test_sections_are_told_apart_and_their_spans_begin_on_bars(song):
    heard = analyze(song, tags=False)
    assert len({span.section for span in heard.spans}) >= 2
    for span in heard.spans:
        assert min(abs(span.start - line) for line in heard.tempo.downbeats) < 0.01
        assert span.end - span.start == pytest.approx(span.bars * 2.0, rel=0.01) and 0 <= span.score <= 1
    assert analyze(band(120, 8), tags=False).spans == ()


def test_a_part_is_heard_on_the_grid_of_all():
    idea = Idea("song", band(150, 6), "")
    part, heard = pipeline.hear_part(idea, "bar 3", 2)
    assert part.span == pytest.approx((3.2, 6.4), abs=0.02)
    assert heard.tempo.bpm == pytest.approx(150, rel=1e-3) and heard.tempo.bars == 2
    for start, bars, said in (
        ("bar 99", None, "outside"),
        ("soon", None, "not understood"),
        ("bar 5", 8, "fewer than"),
    ):
        with pytest.raises(InvalidInput, match=said):
            pipeline.hear_part(idea, start, bars)
