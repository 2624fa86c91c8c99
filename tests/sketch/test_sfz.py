"""SFZ instruments: flattened, checked, played in layers at the idea's tuning, and fetched whole or not at all."""

import dataclasses
import hashlib
import http.server
import threading

import numpy as np
import pytest
import soundfile

from helpers.errors import NotAvailable
from helpers.machine.fetch import RemoteFile
from helpers.music.instruments import find_instrument
from helpers.records import Request
from helpers.sketch import compose, find_sounds, plan_sound, render, sfz, sound_fetch
from helpers.sketch.sampled import LEAD_IN_SECONDS, play_sampled
from helpers.sketch.sfz import Unusable, for_keys, read_sfz

RATE = 44_100
A4 = 440.0


def tone(path, hz, overtone=0.0, seconds=2.0):
    t = np.arange(round(seconds * RATE)) / RATE
    wave = np.sin(2 * np.pi * hz * t) + overtone * np.sin(2 * np.pi * 5 * hz * t)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.2 * wave * np.exp(-2 * t), RATE)


@pytest.fixture
def rhodes(tmp_path, monkeypatch):
    """An electric piano in the folder of instruments: a soft layer and a bright one, over all keys."""
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "soundfonts" / "Rhodes"
    tone(folder / "samples" / "soft.wav", A4)
    tone(folder / "samples" / "hard one.wav", A4, overtone=1.0)
    (folder / "layers.txt").write_text(
        "<region> sample=soft.wav hivel=80 // soft\n<region> sample=$HARD one.wav lovel=81\n", encoding="utf-8"
    )
    path = folder / "mark one.sfz"
    path.write_text(
        "/* a comment\nover lines */\n#define $HARD hard\n<control> default_path=samples\\\n"
        '<group> pitch_keycenter=69 ampeg_release=0.1\n#include "layers.txt"\n',
        encoding="utf-8",
    )
    return path


def score_of(instrument="electric piano", **more):
    found = find_instrument(instrument).instrument
    request = Request(instrument=found.name, role=found.role, bpm=120.0, bars=2, **more)
    return compose(request, None, 0), request


def test_an_instrument_is_one_text_with_its_samples(rhodes):
    read = read_sfz(rhodes)
    assert [name.as_posix() for name in read.names] == ["samples/soft.wav", "samples/hard one.wav"]
    assert "comment" not in read.text and "#include" not in read.text and "hint_ram_based=1" in read.text
    assert f"default_path={rhodes.parent.resolve()}/samples" in read.text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<region> sample=nowhere.wav", "no sample that is there"),
        ("<region> sample=*sine", "no sample that is there"),
        ('#include "loop.sfz"', "too deeply"),
        ("\0\1", "is no text"),
    ],
)
def test_what_cannot_be_played_says_why(tmp_path, text, why):
    path = tmp_path / "loop.sfz"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Unusable, match=why):
        read_sfz(path)


def test_too_many_bytes_and_odd_samples_are_refused(rhodes, monkeypatch):
    monkeypatch.setattr(sfz, "LARGEST_BYTES", 1000)
    with pytest.raises(Unusable, match="are the most"):
        read_sfz(rhodes)
    (rhodes.parent / "samples" / "soft.wav").unlink()
    (rhodes.parent / "samples" / "soft.wav").mkdir()
    with pytest.raises(Unusable, match=r"soft\.wav is no file"):
        read_sfz(rhodes)


def test_regions_of_other_keys_are_left_out():
    text = (
        "<global> lokey=30 hikey=50\n<group> key=36 <region> sample=a <region> sample=b lokey=35 hikey=c4\n"
        "<group> <region> sample=c key=e#3 <region> sample=d lokey=$X <curve> v000=0"
    )
    kept = for_keys(text, {36})
    assert [name in kept for name in ("sample=a", "sample=b", "sample=c", "sample=d", "<curve>")] == [
        True, True, False, True, True,
    ]  # fmt: skip
    assert "sample=b" in for_keys(text, {60}) and "sample=a" not in for_keys(text, {60})
    assert for_keys(f"{text} note_offset=12", {60}).count("<region>") == 4


def hz_of(sound):
    spectrum = np.abs(np.fft.rfft(sound.mean(axis=0) * np.hanning(sound.shape[1]), 1 << 20))
    return float(np.argmax(spectrum)) * RATE / (1 << 20)


def test_touch_chooses_the_layer_and_the_tuning_is_kept(rhodes):
    score, _ = score_of()
    note = dataclasses.replace(score.notes[0], start=0.0, length=2.0, pitch=69, velocity=60)

    def played(velocity, cents=0.0):
        one = dataclasses.replace(score, notes=(dataclasses.replace(note, velocity=velocity),))
        sound = play_sampled(one, rhodes, 2.0, RATE, cents)
        return sound[:, round((LEAD_IN_SECONDS + 0.05) * RATE) :]

    soft, hard = played(60), played(110)
    spectra = [np.abs(np.fft.rfft(one.mean(axis=0))) for one in (soft, hard)]
    high = round(5 * A4 * soft.shape[1] / RATE)
    shares = [one[high - 20 : high + 20].max() / one.max() for one in spectra]
    assert shares[0] < 0.02 and shares[1] > 0.5
    for cents in (0.0, 31.0, -44.0):
        assert 1200 * np.log2(hz_of(played(60, cents)) / A4) == pytest.approx(cents, abs=0.5)


def test_the_sketch_plays_it_in_time_alike_each_time_and_no_repeat_is_the_same(rhodes):
    score, request = score_of()
    assert find_sounds(score).path == rhodes and plan_sound(score, request).is_sampled
    first, again = render(score, request), render(score, request)
    assert np.array_equal(first.samples, again.samples)
    note = dataclasses.replace(score.notes[0], start=0.0, length=0.9, pitch=69, velocity=60)
    twice = dataclasses.replace(score, notes=tuple(dataclasses.replace(note, start=float(at)) for at in (0, 1, 2, 3)))
    sound = play_sampled(twice, rhodes, 2.0, RATE).mean(axis=0)
    hits = [sound[round((LEAD_IN_SECONDS + at / 2) * RATE) :][: round(0.4 * RATE)] for at in range(4)]
    likeness = [np.corrcoef(hits[0], hit)[0, 1] for hit in hits[1:]]
    assert likeness[0] < 0.999 and likeness[1] > 0.99
    for hit in hits:
        assert np.argmax(np.abs(hit) > 0.35 * np.abs(hit).max()) < 0.003 * RATE


def test_drums_are_named_by_their_folder_and_the_bank_plays_what_a_kit_lacks(rhodes):
    kit = rhodes.parent.parent / "drum kit" / "kit.sfz"
    tone(kit.parent / "hit.wav", 150.0, seconds=0.3)
    kit.write_text(
        "<region> sample=hit.wav loop_mode=one_shot lokey=30 hikey=90 pitch_keycenter=36\n", encoding="utf-8"
    )
    score, _ = score_of("drum kit")
    assert find_sounds(score).path == kit
    kit.unlink()
    kit = kit.with_name("kick alone.sfz")
    kit.write_text("<region> sample=hit.wav loop_mode=one_shot key=36\n", encoding="utf-8")
    font = find_sounds(score)
    assert font.path != kit and "no sound for some of the notes" in font.note and "plays instead" in font.note
    assert find_sounds(score_of("marimba")[0]).path not in (kit, rhodes)


def test_without_sfizz_the_bank_plays_and_says_what_to_install(rhodes, monkeypatch):
    monkeypatch.setattr(sfz, "find_spec", lambda name: None)
    score, request = score_of()
    from helpers.sketch import synth

    synth._habits.cache_clear()
    font = find_sounds(score)
    assert font.path.suffix == ".sf2" and "loops-generator install sfz" in font.note
    assert np.isfinite(render(score, request).samples).all()


def test_a_player_that_fails_or_hangs_is_a_sentence(rhodes, tmp_path, monkeypatch):
    program = tmp_path / "sfizz_render"
    program.write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sfz, "_program", lambda: program)
    with pytest.raises(NotAvailable, match="status 7"):
        sfz.play_sfz(rhodes, b"", {60}, RATE)
    program.write_text("#!/bin/sh\nexec sleep 20\n", encoding="utf-8")
    monkeypatch.setattr(sfz, "RENDER_SECONDS", 0.3)
    with pytest.raises(NotAvailable, match="took over"):
        sfz.play_sfz(rhodes, b"", {60}, RATE)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Tests print nothing."""


@pytest.fixture
def on_a_server(rhodes, tmp_path, monkeypatch):
    """The rhodes of the tests as a set on a server; the folder of instruments is empty again."""
    folder = tmp_path / "server"
    (rhodes.parent / "mark one.sfz").write_text(
        "<region> sample=samples/soft.wav hivel=80\n<region> sample=samples/hard one.wav lovel=81\n"
        "<region> sample=samples/gone.wav lovel=127\n"
    )
    rhodes.parent.rename(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Quiet(*args, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(sound_fetch, "SETS_SOURCE", f"http://127.0.0.1:{server.server_port}/")
    digest = hashlib.sha256()
    samples = [folder / "samples" / name for name in ("soft.wav", "hard one.wav")]
    for sample in samples:
        digest.update(hashlib.sha256(sample.read_bytes()).digest())
    file = folder / "mark one.sfz"
    yield (
        dataclasses.replace(
            sound_fetch.SETS[1],
            source="",
            file=RemoteFile(file.name, file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()),
            samples_bytes=sum(sample.stat().st_size for sample in samples),
            samples_sha256=digest.hexdigest(),
            absent=("samples/gone.wav",),
        ),
        folder,
    )
    server.shutdown()
    server.server_close()


def test_a_set_is_fetched_checked_and_plays(on_a_server):
    which, _ = on_a_server
    said = []
    assert not which.is_here
    sound_fetch.fetch_samples(which, lambda stage, fraction=None, left=None: said.append((stage, fraction)))
    assert which.is_here and which.licence in said[0][0] and said[-1][1] == 1.0
    assert find_sounds(score_of()[0]).path.parent == which.folder
    assert [path.name for path in which.folder.parent.iterdir()] == ["electric piano"]


def test_a_changed_sample_is_thrown_away_and_a_broken_fetch_goes_on(on_a_server):
    which, folder = on_a_server
    hard = folder / "samples" / "hard one.wav"
    data = hard.read_bytes()
    hard.unlink()
    with pytest.raises(NotAvailable, match="404"):
        sound_fetch.fetch_samples(which)
    assert not which.is_here and (which.folder.parent / ".electric piano.part" / "samples" / "soft.wav").is_file()
    hard.write_bytes(data[:-2] + b"\1\1")
    with pytest.raises(NotAvailable, match="thrown away"):
        sound_fetch.fetch_samples(which)
    assert not which.is_here and not list(which.folder.parent.iterdir())
    hard.write_bytes(data)
    assert sound_fetch.fetch_samples(which) == which.folder


def test_the_pinned_sets_name_instruments_and_say_what_they_cost():
    for which in sound_fetch.SETS:
        assert find_instrument(which.instrument).instrument.name == which.instrument
        assert (
            which.samples_bytes < sfz.LARGEST_BYTES and "free in any music" in which.licence
        ) or "CC0" in which.licence
        assert len(which.file.sha256) == len(which.samples_sha256) == 64
