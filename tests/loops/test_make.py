"""A take in, an exact loop out, or a reason."""

import numpy as np
import pytest

from helpers.errors import Refused
from helpers.loops import make_loop, prove
from helpers.loops.pulse import grid_distances_seconds
from helpers.music.pitch import ALL_KEYS
from helpers.records import Clip, Correction
from helpers.sound.features import key_scores, note_gram
from helpers.sound.infrasound import infrasound_share, remove_infrasound
from tests.signals import RATE, noise, silence

from .takes import after_silence, drums, piano, request_for, rms_db, take_of


def onsets_off_ms(clip, request):
    from helpers.sound.features import onset_times

    times, strengths = onset_times(clip)
    return np.median(np.abs(grid_distances_seconds(times[strengths > 0.3], request))) * 1000


def kinds(loop) -> set[str]:
    return {made.kind for made in loop.corrections}


@pytest.mark.parametrize("bpm", [120.0, 92.5, 133.37])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_an_exact_take_keeps_its_notes_and_gets_its_tail(bpm, rate):
    request = request_for(bpm=bpm, bars=2, sample_rate=rate)
    count = request.samples()
    t = np.arange(count + rate) / rate
    body = (0.3 * np.sin(2 * np.pi * 220 * t) * np.exp(-(t % 0.5) / 0.3)).astype(np.float32)
    loop = make_loop(take_of(Clip(np.stack([body, body]), rate), exact=True), request)
    assert loop.clip.length == count and loop.clip.channels == 2 and loop.clip.sample_rate == rate
    assert loop.corrections == (Correction("fold", 1000.0),)
    wrapped = body[:count].copy()
    wrapped[:rate] += body[count : count + rate]
    wrapped = remove_infrasound(Clip(wrapped[None], rate)).samples[0]
    gain = loop.clip.samples[0][: rate // 2].std() / wrapped[: rate // 2].std()
    # The last 12 ms of the tail fade out; the filter spreads a trace of that.
    assert np.allclose(loop.clip.samples[0][: rate - 6000], gain * wrapped[: rate - 6000], atol=1e-3)


def test_an_exact_take_without_a_tail_is_only_levelled():
    request = request_for(bars=2)
    take = drums(bars=2)
    loop = make_loop(take_of(take, exact=True), request)
    assert loop.corrections == ()
    assert np.corrcoef(loop.clip.samples[0], remove_infrasound(take).samples[0])[0, 1] > 0.999999


def test_an_exact_take_of_another_rate_is_brought_to_the_request():
    request = request_for(bars=2, sample_rate=48_000)
    loop = make_loop(take_of(drums(bars=2), exact=True), request)
    assert loop.clip.sample_rate == 48_000 and loop.clip.length == request.samples() == 192_000


@pytest.mark.parametrize("speed", [0.955, 1.042])
def test_a_take_off_tempo_is_stretched_onto_the_grid(speed):
    request = request_for(bars=4)
    loop = make_loop(take_of(drums(120 * speed, bars=6)), request)
    assert loop.clip.length == request.samples()
    assert "stretch" in kinds(loop)
    assert onsets_off_ms(loop.clip, request) < 6


def test_leading_silence_is_skipped_and_bar_one_found():
    request = request_for(bars=2)
    source = drums(bars=4)
    loop = make_loop(take_of(after_silence(source, 0.731)), request)
    likeness = np.correlate(loop.clip.samples[0][:20_000], source.samples[0][1000:19_000], mode="valid")
    assert abs(int(np.argmax(likeness)) - 1000) < 0.004 * RATE


def test_a_drifting_take_is_straightened():
    from scipy.interpolate import interp1d

    source = drums(bars=8).samples[0]
    x = np.arange(source.size) / source.size
    bent = interp1d(np.arange(source.size), source)(np.clip((x + 0.02 * (x**2 - x)) * source.size, 0, source.size - 1))
    take = Clip(np.r_[np.zeros(5000), bent][None].astype(np.float32), RATE)
    request = request_for(bars=7)
    loop = make_loop(take_of(take), request)
    assert "drift" in kinds(loop)
    assert onsets_off_ms(loop.clip, request) < 8


@pytest.mark.parametrize("semitones", [-5, -2, 1, 3])
def test_a_take_in_another_key_is_shifted_back(semitones):
    request = request_for("chords", bars=4)
    loop = make_loop(take_of(piano(bars=5, transpose=semitones)), request)
    said = f"shifted {-semitones:+d} semitone{'s' if abs(semitones) > 1 else ''} ("
    assert any(made.words.startswith(said) for made in loop.corrections), loop.corrections
    total = note_gram(loop.clip).chroma().sum(axis=1)
    assert ALL_KEYS[int(np.argmax(key_scores(total)))] in (request.key, request.key.relative)


def test_a_take_in_key_is_not_shifted():
    loop = make_loop(take_of(piano(bars=5)), request_for("chords", bars=4))
    assert not {"shift", "tuning"} & kinds(loop)


def test_drums_are_never_shifted():
    loop = make_loop(take_of(drums(bars=5)), request_for(bars=4))
    assert not {"shift", "tuning"} & kinds(loop)


def test_a_detuned_take_is_tuned():
    loop = make_loop(take_of(piano(bars=5, cents=30)), request_for("chords", bars=4))
    assert any(made.kind == "tuning" and made.amount < 0 for made in loop.corrections)
    assert abs(note_gram(loop.clip).tuning_cents) < 8


def test_a_fade_at_the_end_of_a_long_take_is_avoided():
    source = drums(bars=8)
    gain = np.ones(source.length, np.float32)
    gain[source.length // 2 :] = np.linspace(1, 0, source.length - source.length // 2)
    request = request_for(bars=2)
    loop = make_loop(take_of(Clip(source.samples * gain, RATE)), request)
    half = request.samples() // 2
    assert abs(rms_db(loop.clip.samples[:, :half]) - rms_db(loop.clip.samples[:, half:])) < 1.5


def test_stereo_stays_stereo_and_mono_mono():
    request = request_for(bars=2)
    mono = drums(bars=3)
    wide = Clip(np.concatenate([mono.samples, 0.5 * mono.samples]), RATE)
    assert make_loop(take_of(mono), request).clip.channels == 1
    loop = make_loop(take_of(wide), request).clip
    assert loop.channels == 2
    assert np.allclose(loop.samples[1], 0.5 * loop.samples[0], atol=1e-3)


def test_an_offset_is_removed():
    source = drums(bars=3)
    loop = make_loop(take_of(Clip(source.samples + np.float32(0.2), RATE)), request_for(bars=2))
    assert "offset" in kinds(loop)
    assert abs(float(loop.clip.samples.mean())) < 1e-3


def test_a_hum_below_hearing_moves_no_loop_and_reaches_none():
    source, request = drums(bars=4), request_for(bars=2)
    hum = (0.05 * np.sin(2 * np.pi * 18 * np.arange(source.length) / RATE)).astype(np.float32)
    clean, hummed = (make_loop(take_of(Clip(source.samples + added, RATE)), request) for added in (0 * hum, hum))
    assert infrasound_share(Clip(source.samples + hum, RATE)) > 0.01 > infrasound_share(hummed.clip)
    assert np.corrcoef(clean.clip.samples[0], hummed.clip.samples[0])[0, 1] > 0.99, "the same bars"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_is_refused(seed):
    with pytest.raises(Refused, match="noise"):
        make_loop(take_of(noise(6.0, seed=seed)), request_for(bars=2))


def test_silence_is_refused_even_when_exact():
    for exact in (False, True):
        with pytest.raises(Refused, match="silent"):
            make_loop(take_of(silence(6.0), exact=exact), request_for(bars=2))


@pytest.mark.parametrize("speed", [0.88, 1.11])
def test_a_tempo_too_far_off_is_refused_with_its_tempo(speed):
    with pytest.raises(Refused, match=r"105\.|133\."):
        make_loop(take_of(drums(120 * speed, bars=8)), request_for(bars=4))


def test_a_short_take_is_refused():
    with pytest.raises(Refused, match=r"need 8\.0 s"):
        make_loop(take_of(drums(bars=3)), request_for(bars=4))
    with pytest.raises(Refused, match="loop needs"):
        make_loop(take_of(drums(bars=3), exact=True), request_for(bars=4))


def test_a_take_that_collapses_too_early_is_refused():
    take = drums(bars=3)
    silent = np.zeros((1, 8 * RATE), np.float32)
    with pytest.raises(Refused, match="sounds for"):
        make_loop(take_of(Clip(np.concatenate([take.samples, silent], axis=1), RATE)), request_for(bars=5))


def test_the_same_take_gives_the_same_loop():
    take, request = take_of(piano(123.0, bars=5, transpose=2)), request_for("chords", bars=4)
    first, second = make_loop(take, request), make_loop(take, request)
    assert np.array_equal(first.clip.samples, second.clip.samples) and first.corrections == second.corrections


def test_a_corrected_loop_proves_itself():
    request = request_for(bars=4)
    loop = make_loop(take_of(drums(124.0, bars=6)), request)
    card = prove(loop.clip, request, None, loop.corrections)
    assert card.verdict == "corrected", card.reasons
    assert abs(card.tempo_error_percent) < 0.1 and card.grid_error_ms < 6
