"""The composer obeys its request, listens to the idea, and makes the same score again."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from helpers.analysis import analyze
from helpers.errors import InvalidInput
from helpers.music.instruments import INSTRUMENTS, find_instrument
from helpers.music.meter import METERS
from helpers.music.pitch import parse_chord, parse_key
from helpers.planning import plan_request
from helpers.records import MEMBERS, Note
from helpers.sketch import compose
from helpers.sketch.genres import GENRES, MOODS
from helpers.sketch.kits import NOTES
from tests import signals
from tests.sketch.ideas import PLAYERS, TONAL, accent_steps, idea, request

MONOPHONIC = ("bass", "lead")


def half_bar(score, note) -> int:
    return min(int((note.start + 0.08) // (score.quarters_per_bar / 2)), 2 * score.bars - 1)


def agreement(score, asked) -> float:
    """Share of the notes' time on the tones of the chord that sounds with them."""
    half = score.quarters_per_bar / 2
    inside = total = 0.0
    for i, label in enumerate(asked.half_bars()):
        for n in score.notes:
            shared = min(n.start + n.length, (i + 1) * half) - max(n.start, i * half)
            if shared > 0:
                total += shared
                inside += shared * (n.pitch % 12 in parse_chord(label).pitch_classes)
    return inside / total


def onsets(score) -> list[float]:
    return sorted({round(n.start * 4, 2) for n in score.notes})


@pytest.mark.parametrize("role", PLAYERS)
@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("bars", [1, 2, 5, 8, 16])
def test_every_role_fills_its_bars_and_no_more(role, meter, bars):
    score = compose(request(role, meter=meter, bars=bars), None)
    assert score.notes
    assert all(n.start >= 0 and n.length > 0 for n in score.notes)
    assert max(n.start + n.length for n in score.notes) <= score.quarters + 1e-6
    # No bar is left empty.
    assert {int((n.start + 0.08) // score.quarters_per_bar) for n in score.notes} >= set(range(bars)) or role == "pad"


@pytest.mark.parametrize("role", PLAYERS)
def test_equal_requests_give_equal_scores_and_takes_differ(role):
    asked = request(role)
    assert compose(asked, None, 0) == compose(asked, None, 0)
    takes = [compose(asked, None, take) for take in range(20)]
    assert len({t.notes for t in takes}) == 20
    sets = [{(n.pitch, round(n.start * 4)) for n in t.notes} for t in takes]
    shared = [2 * len(a & b) / (len(a) + len(b)) for i, a in enumerate(sets) for b in sets[i + 1 :]]
    assert np.median(shared) < 0.5


def test_scores_do_not_depend_on_the_hash_seed():
    code = (
        "import hashlib; from helpers.sketch import compose, write_midi;"
        "from tests.sketch.ideas import PLAYERS, request;"
        "print(hashlib.sha256(b''.join(write_midi(compose(request(r), None)) for r in PLAYERS)).hexdigest())"
    )
    answers = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(run.stdout)
    assert len(answers) == 1


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda i: i.name)
def test_every_instrument_stays_in_its_range(instrument):
    score = compose(request(instrument.role, instrument=instrument.name, key="F# minor", chords=None), None)
    assert score.instrument == instrument.name
    assert all(instrument.low <= n.pitch <= instrument.high for n in score.notes)


@pytest.mark.parametrize("genre", GENRES)
@pytest.mark.parametrize("role", PLAYERS)
def test_every_genre_keeps_scale_and_chords(genre, role):
    asked = request(role, genre=genre, chords="| Dm | Bb F | Gm7 | C |", key="D minor")
    score = compose(asked, None)
    assert dict(score.choices)["genre"] == genre
    if role != "drums":
        inside = sum(n.length for n in score.notes if n.pitch % 12 in asked.key.scale)
        assert inside / sum(n.length for n in score.notes) >= 0.95
        assert agreement(score, asked) >= (0.85 if role in ("bass", "chords", "pad") else 0.7)


def test_genres_and_moods_are_many_and_tell_apart():
    assert len(GENRES) >= 24
    for role in PLAYERS:
        parts = {compose(request(role, genre=g, seed=5), None).notes for g in GENRES}
        assert len(parts) > 0.9 * len(GENRES)


def mean_over_takes(measure, **changes) -> float:
    asked = request(**changes)
    return float(np.mean([measure(compose(asked, None, take)) for take in range(16)]))


def onsets_of(score) -> int:
    return len(onsets(score))


def mean_pitch(score) -> float:
    return float(np.mean([n.pitch for n in score.notes]))


def mean_velocity(score) -> float:
    return float(np.mean([n.velocity for n in score.notes]))


def mean_length(score) -> float:
    return float(np.mean([n.length for n in score.notes]))


@pytest.mark.parametrize("role", ["bass", "chords", "lead", "arpeggio", "drums"])
def test_density_and_energetic_moods_are_busier(role):
    low, high = (mean_over_takes(onsets_of, role=role, density=d) for d in (0.0, 1.0))
    assert high > 1.3 * low
    assert mean_over_takes(onsets_of, role=role, mood="energetic") > mean_over_takes(onsets_of, role=role, mood="calm")


def test_moods_are_measurable():
    assert len(MOODS) >= 10
    assert mean_over_takes(mean_pitch, role="lead", mood="happy") > mean_over_takes(
        mean_pitch, role="lead", mood="dark"
    )
    loud, soft = (mean_over_takes(mean_velocity, role="chords", mood=m) for m in ("aggressive", "calm"))
    assert loud > soft + 15
    long, short = (mean_over_takes(mean_length, role="bass", mood=m, genre="rock") for m in ("calm", "energetic"))
    assert long > short


def test_register_shifts_by_octaves():
    usual, up = (mean_over_takes(mean_pitch, role="lead", register=r) for r in (0, 1))
    assert 8 <= up - usual <= 15


@pytest.mark.parametrize("genre", ["rnb", "pop"])
@pytest.mark.parametrize("role", ["bass", "chords", "lead"])
def test_syncopation_leaves_the_beat(role, genre):
    def off_beat(score):
        return float(np.mean([round(s) % 4 != 0 for s in onsets(score)]))

    low, high = (mean_over_takes(off_beat, role=role, syncopation=s, genre=genre) for s in (0.0, 1.0))
    assert high > low + 0.05


@pytest.mark.parametrize("role", ["bass", "chords", "lead", "arpeggio", "drums"])
def test_what_is_intricate_has_more_strokes(role):
    simple, intricate = (mean_over_takes(onsets_of, role=role, complexity=c) for c in (0.0, 1.0))
    assert intricate > 1.1 * simple


def test_tight_is_on_the_grid_and_loose_is_not_but_beat_one_never_moves():
    tight = compose(request("bass", humanize=0.0), None)
    assert all(abs(n.start * 4 - round(n.start * 4)) < 1e-4 for n in tight.notes)
    for take in range(6):
        loose = compose(request("bass", humanize=1.0), None, take)
        off = [(n.start * 4 - round(n.start * 4)) * 60 / 100 / 4 for n in loose.notes]
        assert max(map(abs, off)) <= 0.0151
        assert any(abs(o) > 0.001 for o in off)
        assert min(n.start for n in loose.notes) == 0.0


def test_swing_moves_the_second_eighth_only():
    straight = compose(request("drums", genre="jazz", swing=0.5, humanize=0.0, bars=1), None)
    swung = compose(request("drums", genre="jazz", swing=2 / 3, humanize=0.0, bars=1), None)
    assert {s % 1 for s in (n.start for n in straight.notes)} <= {0.0, 0.25, 0.5, 0.75}
    late = {round(n.start % 1, 3) for n in swung.notes}
    assert 0.667 in late
    assert 0.5 not in late


def test_swing_of_the_idea_is_heard_and_unevenness_is_not_swing():
    asked = request("drums", genre="rock", humanize=0.0)
    assert ("swing", "64%") in compose(asked, idea(swing=0.64)).choices
    assert "swing" not in dict(compose(asked, idea(swing=0.515)).choices)


def test_bass_locks_to_the_low_accents_of_the_idea():
    steps = (0, 3, 6, 10, 14)
    heard = idea(accents=accent_steps(*steps), low_accents=accent_steps(*steps))

    def on_accents(score):
        return float(np.mean([round(s) % 16 in steps for s in onsets(score)]))

    asked = request("bass")
    with_idea = np.mean([on_accents(compose(asked, heard, take)) for take in range(24)])
    without = np.mean([on_accents(compose(asked, None, take)) for take in range(24)])
    assert with_idea > without + 0.1


STRAIGHT, PUSHED = accent_steps(0, 4, 8, 12), accent_steps(0, 3, 6, 11, 14)


@pytest.mark.parametrize("role", PLAYERS)
def test_a_part_follows_the_idea_bar_by_bar(role):
    """The idea is syncopated in bars 2 and 4 alone: there the part plays on its accents, more than in bars 1 and 3."""
    heard = idea(bar_accents=(STRAIGHT, PUSHED) * 2)
    asked = request(role, chords="| Am |", humanize=0.0)

    def pushes(bar, take):
        steps = {round(s) for s in onsets(compose(asked, heard, take))}
        return sum(16 * bar + s in steps for s in (3, 6, 11, 14))

    odd, even = (np.mean([pushes(bar, take) for bar in bars for take in range(8)]) for bars in ((0, 2), (1, 3)))
    assert even > odd + 0.5


def test_the_form_comes_from_the_repeats_of_the_idea():
    heard = idea(bar_accents=(STRAIGHT, STRAIGHT, PUSHED, STRAIGHT))
    for take in range(5):
        form = dict(compose(request("bass"), heard, take).choices)["form"].replace("'", "").replace("↻", "")
        assert form == "A A B A"


def test_takes_of_a_bass_line_differ_over_an_idea_with_strong_accents():
    heard = idea(accents=PUSHED, low_accents=PUSHED)
    takes = [compose(request("bass"), heard, take) for take in range(20)]
    sets = [{(n.pitch, round(n.start * 4)) for n in t.notes} for t in takes]
    shared = [2 * len(a & b) / (len(a) + len(b)) for i, a in enumerate(sets) for b in sets[i + 1 :]]
    assert np.median(shared) < 0.5
    # Not by the octave alone: the figures on repeated roots differ too.
    classes = [{(pitch % 12, step) for pitch, step in one} for one in sets]
    assert np.median([2 * len(a & b) / (len(a) + len(b)) for i, a in enumerate(classes) for b in classes[:i]]) < 0.65


def test_a_pad_holds_its_chord_and_strikes_its_upper_voices_on_an_accent():
    heard = idea(bar_accents=(accent_steps(0, 8, 11),))
    asked = request("pad", chords="| Am |", humanize=0.0, genre="pop")
    for take in range(6):
        notes = compose(asked, heard, take).notes
        struck = [n for n in notes if round(n.start * 4) % 16 == 11]
        assert struck or "rise" in compose(asked, heard, take).describe()
        at = 11 / 4
        held = [n for n in notes if n.start < at - 0.1 and n.start + n.length > at + 0.1]
        assert not struck or (held and min(n.pitch for n in struck) > min(n.pitch for n in held))


def test_a_pad_swells_with_the_loudness_of_the_idea():
    score = compose(request("pad", style="sustained"), idea(levels_db=(-12.0, 0.0, -12.0, 0.0)))
    by_bar = [np.mean([s.level for s in score.swells if int(s.start // 4) == bar]) for bar in range(4)]
    assert min(by_bar[1], by_bar[3]) > max(by_bar[0], by_bar[2]) + 0.1


@pytest.mark.parametrize("role", ["bass", "lead"])
def test_no_note_is_held_into_a_chord_that_lacks_it(role):
    asked = request(role, chords="| Am Dm | G C |", humanize=0.0)
    for take in range(8):
        for n in compose(asked, None, take).notes:
            change = (n.start // 2 + 1) * 2
            if n.start + n.length > change + 0.01:
                label = asked.half_bars()[int(change // 2) % 8]
                assert n.pitch % 12 in parse_chord(label).pitch_classes


def test_answer_plays_in_the_gaps():
    steps = (0, 2, 4, 8, 10, 12)
    heard = idea(accents=accent_steps(*steps))

    def in_gaps(answer):
        asked = request("lead", answer=answer)
        return float(
            np.mean([np.mean([round(s) % 16 not in steps for s in onsets(compose(asked, heard, t))]) for t in range(8)])
        )

    assert in_gaps(1.0) > in_gaps(0.0) + 0.15


def test_lead_takes_up_the_motif_of_the_idea():
    quarter = 0.6
    tune = tuple(Note(p, s * quarter / 4, 0.2) for s, p in ((0, 69), (3, 72), (6, 76), (10, 74), (12, 72)))
    score = compose(request("lead", humanize=0.0), idea(melody=tune))
    assert "motif" in dict(score.choices)["pattern"]
    assert {round(s) for s in onsets(score) if s < 16} <= {0, 3, 6, 10, 12}


def test_a_held_bass_is_held_whatever_the_idea_adds_to_it():
    """A drone in half time lasts two bars: none of them is silent, and an accent of the idea cuts no hole into it."""
    heard = idea(bpm=140.0, accents=accent_steps(0, 8), low_accents=accent_steps(0, 8))
    for take in range(8):
        score = compose(request("bass", genre="ambient", bpm=140.0, bars=8), heard, take)
        for bar in range(8):
            sounding = [min(n.start + n.length, 4 * bar + 4) - max(n.start, 4 * bar) for n in score.notes]
            assert sum(max(0.0, s) for s in sounding) >= 1.9


def test_a_bass_leaps_an_octave_at_most():
    for take in range(12):
        notes = compose(request("bass", genre="funk", chords="| A | C#m | E | D |", key="A major"), None, take).notes
        assert max(abs(a.pitch - b.pitch) for a, b in pairwise(notes)) <= 12


def test_a_lead_prefers_the_notes_that_the_idea_sounds_to_the_others_of_a_heard_chord():
    """The idea holds A and E where Am was heard: over ten takes the lead stays on them oftener, and still moves."""
    heard = replace(idea(), played=(Note(57, 0.0, 9.6, 90), Note(64, 0.0, 9.6, 90)))

    def shares(asked):
        scores = [compose(asked, heard, take) for take in range(10)]
        sounding = [n.length * (n.pitch % 12 in (9, 4)) for score in scores for n in score.notes]
        moving = [a.pitch != b.pitch for score in scores for a, b in pairwise(score.notes)]
        return sum(sounding) / sum(n.length for score in scores for n in score.notes), np.mean(moving)

    asked = request("lead", chords="| Am |")
    told, listened = shares(asked), shares(asked.with_(chords_heard=True))
    assert listened[0] > told[0] + 0.15
    assert listened[1] > 0.45


def test_lead_takes_up_the_motif_of_each_bar_that_differs():
    """Bars 1 and 3 of the idea sing one rhythm, bars 2 and 4 another; so does the part."""
    first, second = (0, 3, 6, 10), (0, 4, 7, 8, 14)
    tune = tuple(
        Note(69 + 2 * (i % 3), (16 * bar + s) * 0.15, 0.2)
        for bar in range(4)
        for i, s in enumerate(second if bar % 2 else first)
    )
    heard = idea(melody=tune, bar_accents=(accent_steps(*first), accent_steps(*second)) * 2)
    score = compose(request("lead", humanize=0.0), heard)
    assert dict(score.choices)["pattern"] == "the idea's own motif"
    for bar, steps in ((0, first), (1, second)):
        assert {round(s) - 16 * bar for s in onsets(score) if 16 * bar <= s < 16 * bar + 16} <= set(steps)


def test_part_leaves_the_octave_the_idea_fills():
    asked = request("lead", mood=None)
    low = idea(octaves=(0, 0, 0.1, 0.9, 0.0, 0, 0))
    high = idea(octaves=(0, 0, 0, 0.0, 0.9, 0.1, 0))
    means = [np.mean([mean_pitch(compose(asked, a, take)) for take in range(8)]) for a in (low, high)]
    assert means[0] > means[1] + 5


def test_loudness_curve_of_the_idea_is_followed():
    score = compose(request("chords", humanize=0.0), idea(levels_db=(0.0, -12.0, 0.0, -12.0)))
    by_bar = [np.mean([n.velocity for n in score.notes if int(n.start // 4) == bar]) for bar in range(4)]
    assert by_bar[0] > by_bar[1] + 5
    assert by_bar[2] > by_bar[3] + 5


@pytest.mark.parametrize("role", MONOPHONIC)
@pytest.mark.parametrize("genre", ["pop", "funk", "jazz", "trap"])
def test_single_voices_never_overlap(role, genre):
    notes = sorted(compose(request(role, genre=genre, humanize=0.0), None).notes, key=lambda n: n.start)
    assert all(a.start + a.length <= b.start + 1e-3 for a, b in pairwise(notes))


def test_bass_plays_the_root_at_every_chord_change():
    asked = request("bass", chords="| Am F | C G |", humanize=0.0)
    for take in range(6):
        score = compose(asked, None, take)
        for half, label in enumerate(asked.half_bars()):
            first = next(n for n in sorted(score.notes, key=lambda n: n.start) if n.start >= 2 * half - 1e-6)
            assert first.start == pytest.approx(2 * half, abs=0.26)
            assert first.pitch % 12 == parse_chord(label).root


def test_chords_sound_every_chord():
    asked = request("chords", chords="| Am F | C G |")
    for take in range(6):
        score = compose(asked, None, take)
        for half, label in enumerate(asked.half_bars()):
            sounding = {n.pitch % 12 for n in score.notes if half_bar(score, n) == half}
            assert len(sounding & set(parse_chord(label).pitch_classes)) >= 2


@pytest.mark.parametrize("genre", ["jazz", "pop", "house", "rnb"])
def test_every_change_of_chord_is_heard_within_an_eighth(genre):
    asked = request("chords", chords="| Am F | C G |", humanize=0.0, genre=genre, swing=0.5)
    for take in range(16):
        score = compose(asked, None, take)
        for half in range(1, 8, 2):  # changes inside the bar
            struck = {round(n.start * 4) for n in score.notes}
            assert struck & {8 * half, 8 * half + 1, 8 * half + 2}, (take, half)


def test_a_chord_just_before_a_change_pushes_into_the_new_one():
    heard = idea(bar_accents=(accent_steps(0, 4, 7, 11, 15),))
    asked = request("chords", chords="| Am F | C G |", humanize=0.0, swing=0.5, genre="pop")
    pushed = 0
    for take in range(8):
        for n in compose(asked, heard, take).notes:
            step = round(n.start * 4)
            if step % 8 == 7:
                pushed += 1
                assert n.pitch % 12 in parse_chord(asked.half_bars()[(step + 1) // 8 % 8]).pitch_classes
    assert pushed


def test_a_pushed_chord_rings_over_the_change_and_is_not_struck_again():
    heard = idea(bar_accents=(accent_steps(0, 4, 7, 8, 11, 15),))
    asked = request("chords", chords="| Am F | C G |", humanize=0.0, swing=0.5, genre="ballad", instrument="organ")
    rung = 0
    for take in range(8):
        notes = compose(asked, heard, take).notes
        for n in (n for n in notes if round(n.start * 4) % 16 == 7):
            rung += n.start + n.length > 2 + n.start // 4 * 4
            assert not any(m.pitch == n.pitch and round(m.start * 4) == round(n.start * 4) + 1 for m in notes)
    assert rung


def test_a_pianist_takes_the_bass_along_unless_the_idea_has_one():
    asked = request("chords", genre="pop", instrument="piano")
    for deep, fewest, most in ((0.0, 6, 12), (0.8, 0, 0)):
        heard = idea(octaves=(deep / 2, deep / 2, 1 - deep, 0.0, 0.0, 0.0, 0.0))
        scores = [compose(asked, heard, take) for take in range(12)]
        both = [s for s in scores if dict(s.choices).get("hands") == "both"]
        assert fewest <= len(both) <= most
        for score in both:
            for half, label in enumerate(asked.half_bars()):
                left = [n.pitch for n in score.notes if half_bar(score, n) == half and n.pitch < 48]
                assert set(p % 12 for p in left) <= set(parse_chord(label).pitch_classes)
            assert max(n.pitch for n in score.notes) - min(n.pitch for n in score.notes) >= 20
    assert not any("hands" in dict(compose(request("chords", instrument="organ"), None, t).choices) for t in range(6))


def test_comping_goes_on_where_stabs_stay_a_pattern():
    def alike(score) -> bool:
        first, second = ({round(s) % 16 for s in onsets(score) if 16 * b <= s < 16 * b + 16} for b in (0, 1))
        return first == second

    def returns(genre: str) -> list[bool]:
        heard = idea(accents=accent_steps(0, 6, 8))
        asked = request("chords", genre=genre, chords="| Am |", humanize=0.0, swing=0.5, instrument="organ")
        scores = [compose(asked, heard, take) for take in range(24)]
        return [alike(s) for s in scores if dict(s.choices)["form"].startswith("A A ")]

    assert all(returns("house"))
    assert {True, False} == set(returns("pop"))


def test_pad_ties_common_tones():
    asked = request("pad", chords="| Am | F |", bars=2, style="sustained")
    score = compose(asked, None)
    assert any(n.length > 4.5 for n in score.notes)  # A and C belong to both chords


def test_arpeggio_plays_chord_tones_only():
    assert agreement(compose(request("arpeggio", humanize=0.0), None), request("arpeggio")) > 0.97


def test_an_odd_foreign_chord_is_played_and_a_wrong_key_is_not():
    heard = {"chords_heard": True}
    asked = request("chords", chords="| Am | F | C | C | Am | F | C | C E |", bars=8, **heard)
    assert any(n.pitch % 12 == 8 for t in range(4) for n in compose(asked, None, t).notes)  # the G# of E
    often = compose(request("chords", chords="| Am | E | B | E |", **heard), None)
    assert all(n.pitch % 12 in request().key.scale for n in often.notes)


@pytest.mark.parametrize("chord", ["Ebm", "D#m7", "F#", "Bbm"])
@pytest.mark.parametrize("role", TONAL)
def test_a_heard_chord_of_which_the_key_holds_nothing_is_played(role, chord):
    asked = request(role, chords=f"| {chord} | F# | {chord} | B |", chords_heard=True)
    for take in range(3):
        assert compose(asked, None, take).notes


@pytest.mark.parametrize("role", TONAL)
def test_chords_the_musician_wrote_are_played_to_the_note(role):
    """Harmonic minor: over E in A minor the leading tone G# sounds, and no G beside it."""
    written = request(role, chords="| Am | E | Am | E |")
    over_e = {n.pitch % 12 for t in range(6) for n in compose(written, None, t).notes if half_bar_is(n, written, "E")}
    assert 7 not in over_e
    assert 8 in over_e or role == "bass"  # a bass may do without the third
    heard = compose(written.with_(chords_heard=True), None)
    assert 8 not in {n.pitch % 12 for n in heard.notes}


def half_bar_is(note, asked, label) -> bool:
    """Whether a note lies wholly within half bars of one chord."""
    halves = asked.half_bars()
    first, last = int((note.start + 0.08) // 2), int((note.start + note.length - 0.01) // 2)
    return all(halves[min(i, len(halves) - 1)] == label for i in range(first, last + 1))


def test_without_chords_a_progression_in_the_key_is_taken():
    asked = request("chords", chords=None, key="Eb major")
    score = compose(asked, None)
    assert len(score.chords) == 8
    assert all(set(parse_chord(c).pitch_classes) <= set(asked.key.scale) for c in score.chords)
    assert "no chords were given" in score.describe()


def test_without_a_key_the_chords_or_the_analysis_decide():
    assert compose(request("chords", key=None, chords="| Dm | Gm | A | Dm |"), None).key.name == "D minor"
    assert compose(request("chords", key=None, chords=None), idea(key="E minor")).key.name == "E minor"


def test_last_bar_of_drums_turns_round():
    score = compose(request("drums", genre="rock", humanize=0.0), None)

    def late(bar):
        return {(n.pitch, round((n.start - 4 * bar) * 4)) for n in score.notes if 4 * bar + 2 <= n.start < 4 * bar + 4}

    assert late(3) != late(0)


def test_one_timekeeper_goes_through_all_bars():
    keepers = {NOTES[name] for name in ("hat", "ride", "shaker", "tambourine")}
    for take in range(12):
        notes = compose(request("drums", genre="house"), None, take).notes
        by_bar = [{n.pitch for n in notes if int(n.start // 4) == bar} & keepers for bar in range(3)]
        assert len(set.union(*by_bar)) <= 1, take


def test_an_808_glides_and_comes_back():
    bends = next(
        s.bends for t in range(12) if (s := compose(request("bass", instrument="808", genre="trap"), None, t)).bends
    )
    assert bends[-1].semitones == 0.0
    assert all(-12 <= b.semitones <= 12 for b in bends)
    assert [b.start for b in bends] == sorted(b.start for b in bends)


def test_style_words_choose_patterns():
    assert "walking" in compose(request("bass", style="walking, warm"), None).describe()
    assert "offbeat" in compose(request("bass", style="offbeat"), None).describe()
    short, long = (mean_over_takes(mean_length, role="bass", genre="rock", style=s) for s in ("staccato", "legato"))
    assert short < 0.7 * long


def test_slow_and_fast_tempi_change_the_feel():
    assert dict(compose(request("bass", genre="trap", bpm=70), None).choices)["feel"] == "double time"
    assert dict(compose(request("bass", genre="house", bpm=250), None).choices)["feel"] == "half time"
    assert "feel" not in dict(compose(request("bass", genre="house", bpm=124), None).choices)


def placed(score):
    return {(n.pitch, round(n.start * 4)) for n in score.notes}


@pytest.mark.parametrize("role", PLAYERS)
def test_a_family_belongs_together(role):
    """The main part is the plain take's; every other member shares much of it and differs; the next five are new."""
    asked = request(role, family=True, takes=6, bars=4)
    plain = compose(asked.with_(family=False), None, 0)
    parts = [compose(asked, None, take) for take in range(6)]
    assert [dict(p.choices)["member"] for p in parts] == [*MEMBERS, "main"]
    assert parts[0].notes == plain.notes and parts[5].notes == compose(asked.with_(family=False), None, 1).notes
    assert len({p.notes for p in parts}) == 6
    main = placed(parts[0])
    for part in parts[1:5]:
        assert 2 * len(main & placed(part)) / (len(main) + len(placed(part))) > 0.25
        assert max(n.start + n.length for n in part.notes) <= part.quarters + 1e-6
    fill, breakdown, build = parts[2:5]
    late = 4 * asked.bars - 2
    assert {n for n in placed(fill) if n[1] < 4 * late} <= main
    assert mean_velocity(breakdown) < mean_velocity(parts[0])
    first, last = ([n.velocity for n in build.notes if lo <= n.start < hi] for lo, hi in ((0, 4), (12, 16)))
    assert np.mean(last) > np.mean(first)


def test_a_breakdown_of_drums_has_no_kick_and_a_build_grows():
    asked = request("drums", family=True, genre="house")
    main, _, _, breakdown, build = (compose(asked, None, take) for take in range(5))
    kicks = [[n for n in p.notes if n.pitch == NOTES["kick"]] for p in (main, breakdown, build)]
    assert kicks[0] and not kicks[1] and 0 < len(kicks[2]) < len(kicks[0])
    rolled = [n for n in build.notes if n.pitch == NOTES["snare"] and n.start >= 12]
    assert len(rolled) >= 10 and rolled[-1].velocity > rolled[0].velocity


@pytest.mark.parametrize("instrument", ["drum kit", "tambourine", "hi-hats", "claps", "shaker"])
@pytest.mark.parametrize("meter", ["4/4", "7/4", "12/8"])
def test_every_member_of_a_familys_drums_can_be_played(instrument, meter):
    """A long bar's roll stays within MIDI's velocities; what has no stroke on a beat has a breakdown all the same."""
    for seed in range(12):
        asked = {"instrument": instrument, "meter": meter, "bpm": 100, "bars": 1 + seed % 2, "seed": seed}
        planned = plan_request(None, **asked, family=True)[0]
        for take in range(5):
            velocities = [n.velocity for n in compose(planned, None, take).notes]
            assert velocities and min(velocities) >= 1 and max(velocities) <= 127


@pytest.mark.parametrize("meter", ["4/4", "5/4", "7/8"])
def test_a_kit_in_double_time_keeps_to_its_bar(meter):
    """Its steps lie between the sixteenths: the last one is nearest to the next bar's first."""
    for seed in range(40):
        asked = plan_request(None, instrument="drum kit", meter=meter, bpm=55, bars=8, seed=seed)[0]
        score = compose(asked, None, 0)
        assert max(n.start for n in score.notes) < score.quarters


@pytest.mark.parametrize("role", ["bass", "lead", "chords", "arpeggio"])
def test_a_riff_comes_back_literally(role):
    """Most bars have the rhythm of an earlier one, though the chords change under them."""
    back = []
    for take in range(12):
        score = compose(request(role, humanize=0.0, swing=0.5), None, take)
        bars = [tuple(round(s) - 16 * b for s in onsets(score) if 16 * b <= s < 16 * b + 16) for b in range(4)]
        back.append(np.mean([bars[i] in bars[:i] for i in range(1, 4)]))
    assert np.mean(back) >= 0.5


def test_a_bass_lives_within_an_octave_and_mostly_repeats():
    for genre in ("pop", "rock", "trap", "reggae", "techno"):
        scores = [compose(request("bass", genre=genre), None, take) for take in range(8)]
        pitches = [[n.pitch for n in s.notes] for s in scores]
        assert np.median([max(p) - min(p) for p in pitches]) <= 12
        leaps = [np.mean([abs(b - a) >= 5 for a, b in pairwise(p)]) for p in pitches]
        assert np.median(leaps) <= 0.3


def test_house_keeps_its_kick_and_trap_rolls_its_hats():
    pushed = accent_steps(0, 3, 6, 11, 14)
    heard = idea(bpm=124, low_accents=pushed, accents=pushed)
    rolls = 0
    for take in range(12):
        house = compose(request("drums", genre="house", bpm=124, humanize=0.0), heard, take)
        kicks = {round(4 * n.start) for n in house.notes if n.pitch == NOTES["kick"] and n.start < 14}
        assert kicks == set(range(0, 56, 4))
        trap = compose(request("drums", genre="trap", bpm=140, humanize=0.0, swing=0.5), None, take)
        hats = sorted(n.start for n in trap.notes if n.pitch == NOTES["hat"])
        rolls += any(b - a < 0.2 for a, b in pairwise(hats))
    assert rolls >= 0.6 * 12


def test_a_drummer_strikes_harder_where_the_idea_stands_out():
    heard = idea(bpm=124, bar_accents=(tuple(0.3 if s == 6 else 0.8 * (s % 4 == 0) for s in range(16)),) * 4)

    def louder(groove: float) -> float:
        asked = request("drums", genre="house", bpm=124, humanize=0.0, groove=groove)
        hits = [n for take in range(8) for n in compose(asked, heard, take).notes if n.start < 14]
        hats = [n for n in hits if n.pitch in (NOTES["hat"], NOTES["open"])]
        there, others = (
            [n.velocity for n in hats if round(4 * n.start) % 16 in steps] for steps in ((6,), (2, 10, 14))
        )
        return float(np.mean(there) - np.mean(others))

    assert louder(1.0) > louder(0.0) + 35  # its bare loudness there would add 27


def test_a_running_line_goes_on_whatever_the_idea_does():
    heard = idea(bar_accents=(accent_steps(0, 3, 6, 11),) * 4)
    for take in range(6):
        score = compose(request("bass", style="walking", humanize=0.0, swing=0.5), heard, take)
        assert {round(s) % 16 for s in onsets(score) if s < 44} == {0, 4, 8, 12}


def test_a_played_kit_is_as_loose_as_drummers_and_a_machine_is_not():
    def spread(instrument, heard=None):
        asked = request("drums", instrument=instrument, genre="rock", bars=8, swing=0.5)
        notes = [n for take in range(6) for n in compose(asked, heard, take).notes]
        return np.std([(n.start * 4 - round(n.start * 4)) * 150 for n in notes])  # ms at 100 BPM

    assert 12 <= spread("drum kit") <= 30
    assert spread("808 kit") < 6
    # Half the place of an idea that lies on the grid takes half of what drummers stray in common, not half of all.
    assert spread("drum kit", idea(timing_ms=(0.1,) * 16)) > 0.85 * spread("drum kit")


@pytest.mark.parametrize(
    ("role", "asked"),
    [("arpeggio", {"style": "sixteenths"}), ("drums", {"genre": "rock"}), ("chords", {"genre": "pop"})],
)
def test_the_timing_of_the_idea_is_taken_by_the_amount_asked_for(role, asked):
    """The idea drags its off-beats by 20 ms; the part by all of it, by half of it, by nothing when tight."""
    dragging = idea(timing_ms=tuple(20.0 * (step % 4 == 2) for step in range(16)))

    def drag(**changes):
        scores = [compose(request(role, bars=8, **asked, **changes), dragging, take) for take in range(4)]
        off = {place: [] for place in (0, 2)}
        for note in (n for s in scores for n in s.notes):
            if round(note.start * 4) % 4 in off:
                off[round(note.start * 4) % 4].append((note.start * 4 - round(note.start * 4)) * 150)
        return np.mean(off[2]) - np.mean(off[0])

    none, half, whole = (drag(groove=amount) for amount in (0.0, 0.5, 1.0))
    assert abs(none) < 8 and whole == pytest.approx(20, abs=4)
    assert half == pytest.approx((none + whole) / 2, abs=4)
    assert drag(groove=1.0, humanize=0.0) == pytest.approx(0, abs=0.2)  # but for a flam


def test_a_drum_loop_with_late_off_beats_makes_a_loop_with_late_off_beats():
    """From sound to notes: hats 20 ms behind on every off-beat at 100 BPM, nothing else out of place."""
    heard = analyze(signals.drum_loop(100, 8, swing=0.5 + 0.020 / 0.6), tags=False)
    late = np.array(heard.groove.timing_ms)
    assert late[2::4] == pytest.approx(20, abs=4) and late[::4] == pytest.approx(0, abs=4)
    straight = np.array(analyze(signals.drum_loop(100, 8), tags=False).groove.timing_ms)
    assert np.abs(straight).max() < 4
    asked = request("drums", bpm=heard.tempo.bpm, genre="house", groove=1.0, swing=0.5, bars=8)
    off = [(n.start * 4 - round(n.start * 4)) * 150 for n in compose(asked, heard).notes if round(n.start * 4) % 4 == 2]
    assert np.median(off) == pytest.approx(20, abs=5)


def test_three_chords_in_a_bar_and_a_slash_are_played():
    asked = request("chords", chords="| C Am D/F# |", key="G major", humanize=0.0, bars=2)
    for take in range(4):
        notes = compose(asked, None, take).notes
        for at, label in ((0, "C"), (2, "Am"), (3, "D/F#")):
            sounding = {n.pitch % 12 for n in notes if n.start <= at + 0.6 and n.start + n.length > at + 0.3}
            assert len(sounding & set(parse_chord(label).pitch_classes)) >= 2
    bass = compose(request("bass", chords="| C | D/F# |", key="G major", humanize=0.0, bars=2), None)
    assert next(n.pitch % 12 for n in bass.notes if n.start >= 4) == 6


@pytest.mark.parametrize("key", ["D dorian", "E phrygian", "F lydian", "G mixolydian", "C harmonic minor"])
@pytest.mark.parametrize("role", TONAL)
def test_a_mode_is_kept(role, key):
    score = compose(request(role, key=key, chords=None), None)
    inside = sum(n.length for n in score.notes if n.pitch % 12 in parse_key(key).scale)
    assert inside / sum(n.length for n in score.notes) >= 0.95
    if role == "chords":
        assert len({n.pitch % 12 for n in score.notes}) >= 4


@pytest.mark.parametrize(
    "chord", ["C6", "C9", "Cm11", "C13", "Cadd9", "C7sus4", "Cm(maj7)", "Cm7b5", "Cdim7", "Caug", "C7alt"]
)
@pytest.mark.parametrize("instrument", ["piano", "acoustic guitar", "strings", "bass guitar", "flute", "pluck"])
def test_every_chord_can_be_played_by_every_kind(chord, instrument):
    role = find_instrument(instrument).instrument.role
    asked = request(role, instrument=instrument, chords=f"| {chord} |", key="C major", bars=2)
    score = compose(asked, None)
    assert agreement(score, asked) > 0.7
    if instrument in ("piano", "strings"):
        telling = set(parse_chord(chord).pitch_classes) - {0, 7}
        assert len(telling & {n.pitch % 12 for n in score.notes}) >= min(2, len(telling))


def test_an_unknown_genre_is_told_by_tempo_and_kicks():
    floor = idea(bpm=124, accents=accent_steps(0, 4, 8, 12), low_accents=accent_steps(0, 4, 8, 12))
    broken = idea(bpm=172, accents=accent_steps(0, 4, 10, 12), low_accents=accent_steps(0, 10))
    for heard, bpm, genre in ((floor, 124, "house"), (broken, 172, "drum and bass"), (idea(bpm=100), 100, "pop")):
        assert dict(compose(request("bass", bpm=bpm), heard).choices)["genre"] == genre
    assert dict(compose(request("bass", bpm=124, genre="jazz"), floor).choices)["genre"] == "jazz"


@pytest.mark.parametrize("name", [i.name for i in INSTRUMENTS if i.lines])
def test_a_single_drum_plays_itself_alone(name):
    lines = find_instrument(name).instrument.lines
    for genre in ("house", "jazz"):
        score = compose(request("drums", instrument=name, genre=genre), None)
        assert score.notes
        assert {n.pitch for n in score.notes} <= {NOTES[line] for line in lines}


def test_bad_requests_are_refused_in_words():
    with pytest.raises(InvalidInput, match="role"):
        compose(request().with_(role="noise"), None)
    with pytest.raises(InvalidInput, match="density is 2"):
        compose(request(density=2.0), None)


def test_same_notes_on_another_instrument():
    score = compose(request("lead"), None)
    other = score.played_by("cello")
    cello = find_instrument("cello").instrument
    assert other.program == cello.program
    assert [n.start for n in other.notes] == [n.start for n in score.notes]
    assert [n.pitch % 12 for n in other.notes] == [n.pitch % 12 for n in score.notes]
    assert all(cello.low <= n.pitch <= cello.high for n in other.notes)
