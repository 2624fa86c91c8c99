"""What is planned for a take and done to it: each decision from both sides, the rest stood in for."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers.errors import Refused
from helpers.loops import make
from helpers.loops.make import Corrections, apply_corrections, make_loop, plan_corrections
from helpers.loops.seam import Seam
from helpers.loops.shift import Shift
from helpers.loops.tempo import Drift, TakeTempo
from helpers.records import Clip, Correction

from .takes import request_for, take_of

RATE = 8000
REQUEST = request_for("chords", bars=2, sample_rate=RATE)  # 4 s, 32000 samples
NO_DRIFT, NO_SHIFT = Drift(), Shift()


def counting(seconds: float, channels: int = 1) -> Clip:
    return Clip(np.arange(round(seconds * RATE), dtype=np.float32)[None].repeat(channels, 0), RATE)


# ---- what is planned


@pytest.fixture
def plan(monkeypatch):
    """``plan(tempo, lines)``: what is planned for a take of that tempo whose bars lie on those lines."""

    def run(tempo, lines=(0.0, 2.0, 4.0), drift=NO_DRIFT, shift=NO_SHIFT, request=REQUEST):
        seen = []
        monkeypatch.setattr(make, "estimate_take_tempo", lambda struck, request: tempo)
        monkeypatch.setattr(make, "check_usable", lambda clip: seen.append("usable"))
        monkeypatch.setattr(make, "estimate_drift", lambda struck, tempo, request: seen.append(tempo.bpm) or drift)
        monkeypatch.setattr(make, "find_phase", lambda *_: "phase")
        monkeypatch.setattr(make, "find_window", lambda *_: lines)
        monkeypatch.setattr(make, "plan_shift", lambda *_: shift)
        made = plan_corrections(SimpleNamespace(struck=None, clip=None), request)
        assert seen[0] == "usable" and made.lines is lines
        return made

    return run


@pytest.mark.parametrize(
    ("bpm", "fit", "margin", "bars", "kept"),
    [
        # less than 5 ms in all: 0.125 % of 4 s
        (120.14, 0.9, 0.0, 2, 120.0),
        (120.16, 0.9, 0.0, 2, 120.16),
        (119.84, 0.9, 0.0, 2, 119.84),
        # 0.05 % in any case: 16 bars are 32 s
        (120.05, 0.9, 0.0, 16, 120.0),
        (120.07, 0.9, 0.0, 16, 120.07),
        # less than the tempo could be told
        (120.23, 0.9, 0.2, 2, 120.0),
        (120.25, 0.9, 0.2, 2, 120.25),
        # half a percent where the onsets gather loosely
        (120.59, 0.49, 0.0, 2, 120.0),
        (120.59, 0.5, 0.0, 2, 120.59),
        (120.61, 0.49, 0.0, 2, 120.61),
    ],
)
def test_a_tempo_that_cannot_be_told_from_the_one_asked_for_is_that(bpm, fit, margin, bars, kept, plan):
    made = plan(TakeTempo(bpm, fit, 0.0, margin), request=REQUEST.with_(bars=bars))
    assert made.tempo.bpm == kept and made.tempo.fit == fit


@pytest.mark.parametrize(("bpm", "within"), [(112.9, True), (112.7, False), (127.6, True), (127.7, False)])
def test_six_percent_can_be_stretched(bpm, within, plan):
    if within:
        assert plan(TakeTempo(bpm, 0.9)).tempo.bpm == bpm
        return
    with pytest.raises(Refused) as caught:
        plan(TakeTempo(bpm, 0.9))
    assert str(caught.value) == (
        f"The take plays at {bpm:.1f} BPM, {(bpm / 120 - 1) * 100:+.1f} % from the 120 asked for; up to 6 % can be "
        "stretched. Make another take."
    )


def test_a_take_without_a_tempo_is_taken_at_its_word(plan):
    assert plan(TakeTempo(None)).tempo.bpm is None and plan(TakeTempo(None)).made == ()


@pytest.mark.parametrize(
    ("length", "percent", "words"),
    [
        (3.9, 100 / 39, "it played at 123.08 BPM"),
        (4.2, -100 / 21, "it played at 114.29 BPM"),
        (4.0011, -0.0275, "it played at 119.97 BPM"),
        (4.0009, None, ""),
    ],
)
def test_a_stretch_is_recorded_with_the_tempo_it_played_at(length, percent, words, plan):
    made = plan(TakeTempo(None), (1.0, 3.0, 1.0 + length)).made
    if percent is None:
        assert made == ()
        return
    (stretch,) = made
    assert (stretch.kind, stretch.detail) == ("stretch", words) and stretch.amount == pytest.approx(percent, abs=1e-3)


def test_drift_and_shift_are_recorded_after_the_stretch(plan):
    made = plan(TakeTempo(120.0, 0.9), (0.0, 2.0, 3.9), Drift((1.0, 0.0), 0.0123), Shift(2, 0.0, 0.5, 0.9)).made
    assert [one.kind for one in made] == ["stretch", "drift", "shift"]
    assert made[1].amount == pytest.approx(12.3) and made[2].amount == 2


# ---- what is done


def corrections(*lines: float, drift=NO_DRIFT, shift=NO_SHIFT) -> Corrections:
    return Corrections(TakeTempo(120.0), drift, lines, shift, ())


@pytest.fixture
def stretched(monkeypatch):
    asked = []

    def stretch(piece, length, semitones):
        asked.append((piece.length, length, semitones, float(piece.samples[0, 0])))
        return Clip(np.zeros((1, length), np.float32), RATE)

    monkeypatch.setattr(make, "apply_stretch", stretch)
    return asked


def test_a_take_at_its_tempo_is_only_cut_with_half_a_second_before_and_four_after(stretched):
    cut = apply_corrections(counting(12.0), corrections(2.0, 4.0, 6.0), REQUEST)
    assert stretched == [] and cut.loop.samples[0, 0] == 2 * RATE and cut.loop.length == 4 * RATE
    assert cut.lead_in.shape[1] == RATE // 2 and cut.lead_in[0, 0] == 1.5 * RATE
    assert cut.tail.shape[1] == 4 * RATE and cut.tail[0, -1] == 10 * RATE - 1
    near = apply_corrections(counting(9.0), corrections(0.25, 2.25, 4.25), REQUEST)
    assert near.lead_in.shape[1] == RATE // 4 and near.tail.shape[1] == 4 * RATE
    short = apply_corrections(counting(5.0), corrections(0.25, 2.25, 4.25), REQUEST)
    assert short.tail.shape[1] == 3 * RATE // 4


@pytest.mark.parametrize(("off", "touched"), [(0.4, False), (0.6, True), (-0.6, True)])
def test_half_a_sample_is_no_stretch(off, touched, stretched):
    apply_corrections(counting(12.0), corrections(2.0, 4.0, 6.0 + off / RATE), REQUEST)
    assert bool(stretched) is touched


def test_the_piece_with_its_surroundings_is_stretched_in_proportion(stretched):
    cut = apply_corrections(counting(12.0), corrections(2.0, 4.5, 7.0, shift=Shift(1, 50.0)), REQUEST)
    assert stretched == [(9.5 * RATE, 7.6 * RATE, 1.5, 1.5 * RATE)]  # from 1.5 to 11 s by 0.8
    assert cut.lead_in.shape[1] == 0.4 * RATE and cut.tail.shape[1] == 3.2 * RATE
    stretched.clear()
    apply_corrections(counting(12.0), corrections(2.0, 4.0, 6.0, shift=Shift(-2)), REQUEST)
    assert stretched == [(8.5 * RATE, 8.5 * RATE, -2, 1.5 * RATE)], "a shift alone goes the same way"


@pytest.mark.parametrize(
    ("first", "seconds", "lead", "lack"),
    [(-0.04, 6.0, 0.04, 0), (-0.09, 6.0, 0.09, 0), (0.5, 4.46, 0, 0.04), (0.5, 4.41, 0, 0.09)],
)
def test_what_lacks_at_the_ends_is_silence(first, seconds, lead, lack):
    cut = apply_corrections(counting(seconds), corrections(first, first + 2, first + 4), REQUEST)
    samples = cut.loop.samples[0]
    assert samples.size == 4 * RATE
    if lead:
        assert not samples[: round(lead * RATE)].any() and samples[round(lead * RATE) + 1] == 1.0
        assert cut.lead_in.shape[1] == 0
    else:
        assert not samples[-round(lack * RATE) :].any() and samples[-round(lack * RATE) - 1] == seconds * RATE - 1


@pytest.mark.parametrize(("first", "seconds"), [(-0.091, 6.0), (0.5, 4.409)])
def test_more_than_90_ms_may_not_lack(first, seconds):
    with pytest.raises(Refused, match="ask for fewer bars"):
        apply_corrections(counting(seconds), corrections(first, first + 2, first + 4), REQUEST)


DRIFTS = Drift((1.0, 0.0), 0.01)


@pytest.mark.parametrize(
    ("lines", "sources", "targets"),
    [
        # the first line lies 0.5 s into the piece, its end 4 s after the last: both go along by the mean ratio
        ((2.0, 4.1, 6.0), (0, 0.5, 2.6, 4.5, 8.5), (0, 0.5, 2.5, 4.5, 8.5)),
        ((0.3, 2.4, 4.4), (0, 0.3, 2.4, 4.4, 8.4), (0, 0.293, 2.293, 4.293, 8.195)),
        # a stretch of less than 50 ms at either end is left out
        ((0.04, 2.1, 4.04), (0, 2.1, 4.04, 8.04), (0, 2.04, 4.04, 8.04)),
        ((0.06, 2.1, 4.06), (0, 0.06, 2.1, 4.06, 8.06), (0, 0.06, 2.06, 4.06, 8.06)),
    ],
)
def test_a_drifting_take_is_warped_line_by_line(lines, sources, targets, monkeypatch):
    asked = []

    def warp(piece, sources, targets, semitones):
        asked.append((sources / RATE, targets / RATE, semitones))
        return Clip(np.zeros((1, int(targets[-1])), np.float32), RATE)

    monkeypatch.setattr(make, "apply_warp", warp)
    apply_corrections(counting(12.0), corrections(*lines, drift=DRIFTS, shift=Shift(3)), REQUEST)
    ((heard, placed, semitones),) = asked
    assert heard == pytest.approx(sources, abs=1e-3) and placed == pytest.approx(targets, abs=1e-3) and semitones == 3


@pytest.mark.parametrize(("rest", "lines_kept"), [(0.04, 3), (0.06, 4)])
def test_a_short_rest_after_the_last_line_is_joined_to_its_bar(rest, lines_kept, monkeypatch):
    asked = []

    def warp(piece, sources, targets, semitones):
        asked.append((sources, targets))
        return Clip(np.zeros((1, int(targets[-1])), np.float32), RATE)

    monkeypatch.setattr(make, "apply_warp", warp)
    apply_corrections(counting(4.0 + rest + 1.0), corrections(1.0, 3.1, 5.0, drift=DRIFTS), REQUEST)
    ((sources, targets),) = asked
    assert sources.size == targets.size == lines_kept + 1 and sources[-1] == round((4.5 + rest) * RATE)


# ---- a take from end to end, its parts stood in for


@pytest.fixture
def parts(monkeypatch):
    """The steps of :func:`make_loop` as stand-ins that say what they were given; settable through the namespace."""
    state = SimpleNamespace(offset=-50.0, said=[], seam=Seam("crossfade", 0.012), clip=None)
    monkeypatch.setattr(make, "offset_db", lambda clip: state.offset)
    monkeypatch.setattr(make, "apply_cleaning", lambda clip: state.said.append("clean") or clip)
    monkeypatch.setattr(make, "Hearing", lambda clip, cents: vars(state).update(clip=clip, cents=cents))
    planned = SimpleNamespace(made=(Correction("shift", 1),))
    monkeypatch.setattr(make, "plan_corrections", lambda heard, request, analysis: planned)
    monkeypatch.setattr(make, "apply_corrections", lambda clip, plan, request: "cut")
    monkeypatch.setattr(make, "close_loop", lambda cut, request: (counting(1.0), state.seam))
    monkeypatch.setattr(make, "level_beside", lambda role, analysis: (role, analysis))
    monkeypatch.setattr(make, "set_level", lambda clip, level: state.said.append(level) or clip)
    monkeypatch.setattr(make, "remove_infrasound", lambda clip, *_: clip)
    return state


@pytest.mark.parametrize(
    ("offset", "kinds"), [(-39.9, ["offset", "shift", "crossfade"]), (-40.1, ["shift", "crossfade"])]
)
def test_corrections_are_recorded_in_the_order_they_are_made(offset, kinds, parts):
    parts.offset = offset
    made = make_loop(take_of(counting(2.0)), REQUEST.with_(tuning_cents=-12.0), "heard").corrections
    assert [one.kind for one in made] == kinds and made[-1].amount == 12.0
    assert parts.said == ["clean", ("chords", "heard")] and parts.cents == -12.0
    parts.seam = Seam("fold", 0.0)
    assert make_loop(take_of(counting(2.0)), REQUEST.with_(dry=True), "heard").corrections[-1].kind == "shift"
    assert parts.said[-1] == ("chords", None), "a dry loop is for no idea's level"


def test_an_exact_take_is_cut_from_its_start_and_folded(parts):
    loop = make_loop(take_of(counting(5.0), exact=True), REQUEST, "heard")
    assert loop.corrections == (Correction("fold", 1000.0),)
    assert loop.clip.length == 4 * RATE and parts.said == [("chords", "heard")]
    assert make_loop(take_of(counting(4.0), exact=True), REQUEST).corrections == ()
