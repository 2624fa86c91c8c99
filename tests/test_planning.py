"""From analysis and words to a request; chords in seconds to chords in bars."""

import dataclasses

import pytest

from helpers.errors import InvalidInput
from helpers.music.harmony import degree_chord, fit_to_key
from helpers.music.meter import METERS
from helpers.music.pitch import parse_chord, parse_key
from helpers.planning import change_request, inherit, part_of, plan_measure, plan_request
from helpers.records import (
    Analysis,
    ChordSpan,
    KeyAlternative,
    KeyEstimate,
    Request,
    Tag,
    Tempo,
    TempoAlternative,
    bars_of_chords,
)


def heard(bpm=120.0, key="A minor", labels=("Am", "F", "C", "G"), start=0.0, meter="4/4", confidence=0.9, **more):
    """An analysis whose chords change every bar."""
    time = METERS[meter]
    bar = time.beats_per_bar * 60 / bpm
    seconds = start + bar * len(labels)
    return Analysis(
        file="idea.wav",
        sha256="0" * 64,
        seconds=seconds,
        sample_rate=44_100,
        channels=2,
        tempo=Tempo(
            bpm,
            confidence,
            (TempoAlternative(bpm / 2, "half"), TempoAlternative(bpm * 2, "double")),
            downbeats=tuple(start + bar * i for i in range(len(labels))),
            meter=time,
            is_loop=start == 0,
            bars=len(labels),
            swing=0.58,
        ),
        key=KeyEstimate(parse_key(key), confidence, (KeyAlternative("C major", 0.4),)) if key else None,
        chords=tuple(ChordSpan(start + bar * i, start + bar * (i + 1), label) for i, label in enumerate(labels)),
        **more,
    )


def test_the_analysis_decides_what_is_not_said():
    analysis = heard(92.5, genres=(Tag("house", 0.7),), moods=(Tag("dark", 0.5),))
    request, notes = plan_request(analysis, instrument="rhodes", seed=5)
    assert (request.instrument, request.role, request.bpm, request.meter) == ("electric piano", "chords", 92.5, "4/4")
    assert request.key.name == "A minor" and request.half_bars() == ("Am", "Am", "F", "F", "C", "C", "G", "G")
    assert (request.genre, request.mood, request.swing, request.seed) == ("house", "dark", 0.58, 5) and notes == ()


def test_what_is_said_overrules_the_analysis():
    request, _ = plan_request(
        heard(),
        instrument="bass",
        bpm=90,
        key="C major",
        meter="3/4",
        chords="| C | G7 |",
        genre="waltz",
        bars=2,
        seed=1,
    )
    assert (request.bpm, request.key.name, request.meter, request.genre) == (90, "C major", "3/4", "waltz")
    assert request.half_bars() == ("C", "C", "G7", "G7")


def test_drums_have_no_key_but_keep_the_changes():
    bass, _ = plan_request(heard(), instrument="bass guitar", key="E minor", seed=1)
    drums, _ = plan_request(heard(), instrument="drum kit", key="E minor", seed=1)
    assert drums.key is None and drums.progression == bass.progression, "those of the key that was asked for"
    request, _ = plan_request(heard(), instrument="drum kit", seed=1)
    assert request.key is None and len(request.half_bars()) == 8


def test_an_unknown_key_is_said_and_replaced():
    request, notes = plan_request(heard(key=None, labels=()), instrument="bass", bpm=120, seed=1)
    assert request.key is not None and request.progression == () and "No key could be heard" in notes[0]


def test_doubt_is_passed_on():
    _, notes = plan_request(heard(confidence=0.3), instrument="bass", seed=1)
    assert any("tempo" in n and "60" in n for n in notes) and any("key" in n and "C major" in n for n in notes)


def test_without_a_tempo_the_musician_is_asked():
    analysis = dataclasses.replace(heard(), tempo=Tempo(None, 0.0))
    with pytest.raises(InvalidInput, match="give the BPM yourself"):
        plan_request(analysis, instrument="bass")
    assert plan_request(analysis, instrument="bass", bpm=100)[0].bpm == 100


def test_a_drawn_seed_is_in_the_request():
    seeds = {plan_request(heard(), instrument="bass")[0].seed for _ in range(5)}
    assert len(seeds) > 1
    assert all(seed % 100 == 0 and len(str(seed)) <= 6 for seed in seeds), "the first of a family, short to read out"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"bars": 0}, "bars"),
        ({"bars": 17}, "bars"),
        ({"bpm": 5}, "bpm is 5; give a number from 30 to 300"),
        ({"key": "H"}, "not a key"),
        ({"takes": 0}, "takes"),
        ({"takes": 17}, "takes"),
        ({"seed": -1}, "seed"),
        ({"density": 1.5}, "density"),
        ({"register": 9}, "register"),
        ({"swing": 0.9}, "swing"),
        ({"chords": "| X |"}, "not a chord"),
        ({"role": "drums"}, "cannot play"),
        ({"role": "soloist"}, "role is 'soloist'; use one of bass"),
        ({"colour": "red"}, "no control"),
        ({"instrument": " "}, "No instrument"),
        ({"engine": "cassette"}, "not an engine"),
        ({"options": "steps"}, "options"),
    ],
)
def test_a_value_out_of_range_is_named(change, word):
    with pytest.raises(InvalidInput, match=word):
        plan_request(heard(), **({"instrument": "bass"} | change))


def test_a_request_remembers_who_found_the_chords():
    estimated, _ = plan_request(heard(), instrument="piano", seed=1)
    written, _ = plan_request(heard(), instrument="piano", seed=1, chords="| Am | E |")
    assert estimated.progression and estimated.chords_heard and not written.chords_heard
    edited, _ = change_request(estimated, chords="| Am | E |")
    assert not edited.chords_heard
    louder, _ = change_request(estimated, density=0.9)
    assert louder.chords_heard
    assert estimated.musical_digest() == estimated.with_(chords_heard=False).musical_digest()  # the same dice


def test_a_request_survives_its_json():
    request, _ = plan_request(heard(), instrument="pluck", seed=3, options={"steps": 50}, density=0.2)
    again = Request.from_json(request.to_json())
    assert again == request and again.musical_digest() == request.musical_digest()
    with pytest.raises(InvalidInput, match="another version"):
        Request.from_json(request.to_json() | {"volume": 11})


def test_a_request_can_be_changed_and_is_checked_again():
    request, _ = plan_request(heard(), instrument="bass", seed=3)
    drums, _ = change_request(request, instrument="drum kit")
    assert drums.role == "drums" and drums.key is None
    back, notes = change_request(drums, instrument="flute", bars=8)
    assert back.role == "lead" and back.bars == 8 and back.key is not None and "no key" in notes[0]
    for change in ({"bars": 99}, {"engine": "cassette"}, {"role": "drums"}, {"colour": "red"}):
        with pytest.raises(InvalidInput):
            change_request(request, **change)


def test_another_key_takes_the_heard_chords_along_in_a_repeated_request_too():
    request, _ = plan_request(heard(), instrument="piano", seed=3)
    changed, notes = change_request(request, key="C# minor")
    assert (changed.key.name, changed.half_bars()[:2]) == ("C# minor", ("C#m", "C#m"))
    assert "transposed into C# minor" in notes[0]
    written, _ = plan_request(heard(), instrument="piano", seed=3, chords="| Am | E |")
    assert change_request(written, key="C# minor")[0].half_bars()[0] == "Am"  # what a musician wrote stays


def test_a_measure_without_an_instrument_leaves_it_unknown():
    request, _ = plan_measure(heard(), bpm=120, bars=4)
    assert request.instrument == "" and request.key.name == "A minor" and request.half_bars()[2] == "F"
    bare, notes = plan_measure(None, bpm=120, bars=4)
    assert bare.key is None and bare.progression == () and notes == ()


def test_chords_are_read_from_the_first_downbeat():
    assert bars_of_chords(heard(start=0.7), 120.0, METERS["4/4"], 8) == (
        ("Am",) * 2,
        ("F",) * 2,
        ("C",) * 2,
        ("G",) * 2,
    )


def test_half_the_tempo_reads_two_bars_as_one():
    assert bars_of_chords(heard(), 60.0, METERS["4/4"], 8) == (("Am", "F"), ("C", "G"))


def test_a_tempo_that_is_no_reading_of_the_idea_keeps_its_bars():
    assert bars_of_chords(heard(), 87.0, METERS["4/4"], 8) == (("Am",) * 2, ("F",) * 2, ("C",) * 2, ("G",) * 2)


def test_gaps_take_the_chord_before_and_silence_stays_unknown():
    assert bars_of_chords(heard(labels=("N", "F", "N", "G")), 120.0, METERS["4/4"], 8)[2] == ("F", "F")
    assert bars_of_chords(heard(labels=("N", "N")), 120.0, METERS["4/4"], 8) == ()


def test_a_misread_key_leaves_the_chords_where_they_sound():
    bars = (("Am",), ("F",), ("C",), ("G",))
    assert fit_to_key(bars, parse_key("C major"), parse_key("E minor")) == (bars, "")


def test_another_key_transposes_the_chords():
    moved, note = fit_to_key((("Am",), ("F",), ("C",), ("G",)), parse_key("C# minor"), parse_key("A minor"))
    assert moved == (("C#m",), ("A",), ("E",), ("B",)) and "transposed into C# minor" in note


def test_every_chord_fits_the_key_it_was_brought_into():
    for name in ("C major", "F# minor", "Eb major", "B minor"):
        key = parse_key(name)
        moved, _ = fit_to_key((("Am7", "D7"), ("Gmaj7", "Bdim"), ("E", "N")), key, parse_key("A minor"))
        tones = {pc for bar in moved for label in bar if label != "N" for pc in parse_chord(label).pitch_classes}
        assert tones <= set(key.scale)


def test_the_triads_of_a_key():
    key = parse_key("C major")
    assert [degree_chord(key, degree).label(key) for degree in range(1, 8)] == [
        "C",
        "Dm",
        "Em",
        "F",
        "G",
        "Am",
        "Bdim",
    ]


def test_the_ideas_tuning_is_carried_but_not_to_drums():
    analysis = heard()
    analysis = dataclasses.replace(analysis, key=dataclasses.replace(analysis.key, tuning_cents=-32.0))
    assert plan_request(analysis, instrument="rhodes", seed=1)[0].tuning_cents == -32.0
    assert plan_request(analysis, instrument="drum kit", seed=1)[0].tuning_cents == 0.0
    assert plan_request(None, instrument="rhodes", bpm=100, seed=1)[0].tuning_cents == 0.0


def test_a_loop_is_as_long_as_the_loop_that_was_heard():
    analysis = heard()
    loop = dataclasses.replace(analysis, tempo=dataclasses.replace(analysis.tempo, is_loop=True, bars=8))
    assert plan_request(loop, instrument="rhodes", seed=1)[0].bars == 8
    assert plan_request(loop, instrument="rhodes", seed=1, bars=2)[0].bars == 2
    free = dataclasses.replace(analysis, tempo=dataclasses.replace(analysis.tempo, is_loop=False, bars=None))
    assert plan_request(free, instrument="rhodes", seed=1)[0].bars == 4


# ---- where the lines are drawn


@pytest.mark.parametrize(("confidence", "doubts"), [(0.49, 2), (0.5, 0)])
def test_below_half_the_confidence_tempo_and_key_are_doubted_with_three_and_two_others(confidence, doubts):
    others = tuple(TempoAlternative(bpm, "other") for bpm in (60.0, 240.0, 80.0, 90.0))
    keys = tuple(KeyAlternative(name, 0.1) for name in ("C major", "E minor", "D minor"))
    analysis = heard(confidence=confidence)
    analysis = dataclasses.replace(
        analysis,
        tempo=dataclasses.replace(analysis.tempo, alternatives=others),
        key=dataclasses.replace(analysis.key, alternatives=keys),
    )
    _, notes = plan_request(analysis, instrument="rhodes", seed=1)
    assert len(notes) == doubts
    if doubts:
        assert "other readings: 60, 240, 80)" in notes[0] and "next: C major, E minor)" in notes[1]


@pytest.mark.parametrize(("swing", "planned"), [(0.45, 0.5), (0.58, 0.58), (0.8, 0.75)])
def test_a_heard_swing_is_kept_within_the_controls_range(swing, planned):
    analysis = heard()
    analysis = dataclasses.replace(analysis, tempo=dataclasses.replace(analysis.tempo, swing=swing))
    assert plan_request(analysis, instrument="rhodes", seed=1)[0].swing == planned


@pytest.mark.parametrize(("bars", "planned"), [(16, 16), (17, 4)])
def test_an_exact_loop_longer_than_a_loop_may_be_sets_no_length(bars, planned):
    analysis = heard()
    analysis = dataclasses.replace(analysis, tempo=dataclasses.replace(analysis.tempo, is_loop=True, bars=bars))
    assert plan_request(analysis, instrument="rhodes", seed=1)[0].bars == planned


def test_a_family_has_a_take_for_each_member_unless_takes_are_said():
    assert plan_request(heard(), instrument="rhodes", family=True)[0].takes == 5
    assert plan_request(heard(), instrument="rhodes", family=True, takes=2)[0].takes == 2
    assert plan_request(heard(), instrument="rhodes")[0].takes == 3


def test_a_loop_of_ours_is_heard_as_it_was_asked_for():
    request = Request(
        "rhodes", "chords", 120.0, 2, key=parse_key("E minor"), progression=(("Em",), ("C", "D")), swing=0.6
    )
    misheard = heard(bpm=60.3, key="G major", labels=("G",), confidence=0.4)
    misheard = dataclasses.replace(misheard, key=dataclasses.replace(misheard.key, tuning_cents=12.0))
    known = inherit(misheard, request)
    tempo = known.tempo
    assert (tempo.bpm, tempo.confidence, tempo.bars, tempo.is_loop, tempo.swing) == (120.0, 1.0, 2, True, 0.6)
    assert tempo.beats == pytest.approx([0.5 * n for n in range(8)]) and tempo.downbeats == pytest.approx((0.0, 2.0))
    assert tempo.alternatives == () and known.key.key == request.key and known.key.tuning_cents == 12.0
    assert [(c.start, c.end, c.label) for c in known.chords] == [(0, 1, "Em"), (1, 2, "Em"), (2, 3, "C"), (3, 4, "D")]
    drums = inherit(misheard, request.with_(instrument="drum kit", role="drums", key=None, progression=()))
    assert drums.key is None and drums.chords == misheard.chords
    unsure = inherit(misheard, request.with_(key=None))
    assert unsure.key == misheard.key, "a pitched loop without a known key keeps the one that was heard"


def test_a_part_has_the_beats_chords_and_key_of_its_own_stretch():
    whole = heard(bpm=120.0)
    whole = dataclasses.replace(
        whole, tempo=dataclasses.replace(whole.tempo, beats=tuple(0.5 * n for n in range(16)), bars=4)
    )
    alone = heard(bpm=240.0, key="D minor", labels=("Dm",), confidence=0.2)
    part = part_of(whole, alone, 2.0, 6.0)
    assert part.tempo.bpm == 120.0 and part.tempo.bars == 2 and part.tempo.is_loop
    assert part.tempo.downbeats == (0.0, 2.0) and part.tempo.beats == tuple(0.5 * n for n in range(8))
    assert [(c.start, c.end, c.label) for c in part.chords] == [(0.0, 2.0, "F"), (2.0, 4.0, "C")]
    assert part.key == whole.key, "the key of a stretch counts where it is as clear as that of the whole"
    clear = heard(key="D minor", confidence=0.9)
    assert part_of(whole, clear, 2.0, 6.0).key == clear.key
    cut = part_of(whole, alone, 3.0, 3.4)
    assert (cut.tempo.bars, cut.tempo.is_loop) == (None, False)
    assert [(c.start, round(c.end, 3), c.label) for c in cut.chords] == [(0.0, 0.4, "F")]


def test_chords_alone_measure_harmony_and_claim_no_key():
    request, notes = plan_measure(None, bpm=100.0, bars=2, chords="| Am | F |")
    assert request.progression == (("Am",), ("F",)) and request.key is None and notes == ()
    request, _ = plan_measure(None, bpm=100.0, bars=2, key="A minor")
    assert request.key == parse_key("A minor") and request.progression == () and request.takes == 1
    assert plan_measure(None, bpm=100.0, bars=2)[0].meter == "4/4"
    assert plan_measure(heard(meter="3/4"), bpm=100.0, bars=2)[0].meter == "3/4"
    known, _ = plan_measure(heard(), instrument="rhodes", bpm=100.0, bars=2)
    assert (known.takes, known.seed) == (1, 0)


def test_a_word_that_the_sketch_has_nothing_for_is_said():
    _, notes = plan_request(None, instrument="piano", bpm=100, key="C major", genre="blorg", mood="wistfulish")
    assert notes == (
        "The sketch does not know the genre “blorg” and goes by the idea; name one such as house, bossa nova, trap.",
        "The sketch does not know the mood “wistfulish” and goes by the idea; name one such as dark, happy, calm.",
    )
    for words in ({"genre": "deep house", "mood": "gloomy"}, {"genre": "blorg", "engine": "musicgen"}, {}):
        assert plan_request(None, instrument="piano", bpm=100, key="C major", **words)[1] == ()
