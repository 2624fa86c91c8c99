"""Names, chunks, sidecars: whole or not at all, and nothing overwritten."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from helpers import export
from helpers.errors import InvalidInput
from helpers.machine.files import staging
from helpers.music.pitch import parse_key
from helpers.records import Clip, FitCard, Loop, Request, Take

REQUEST = Request("bass guitar", "bass", 92.5, key=parse_key("F# minor"), progression=(("F#m",), ("D",)), seed=7)
IDEA = {"file": "idea.wav", "sha256": "ab" * 32, "seconds": 4.0}


def card(verdict="pass"):
    return FitCard({"samples": 1, "samples_expected": 1, "bpm_requested": 92.5}, verdict)


def loop_of(request, midi=b"MThd", rate=44_100, number=0):
    time = np.arange(request.samples(rate)) / rate
    samples = np.tile(0.3 * np.sin(2 * np.pi * 92.5 * time), (2, 1)).astype(np.float32)
    take = Take(Clip(samples, rate), "sketch", "1", 7, "", licence="yours", midi=midi, number=number)
    return Loop(take.clip, take, fit=card(), score=0.9)


def publish_one(folder, request=REQUEST, verdict="pass", **options):
    loop = loop_of(request, **options)
    with staging(folder) as hidden:
        staged = export.stage_wav(loop, request, hidden)
        return export.publish(staged, loop, card(verdict), request, IDEA, 1, folder)


@pytest.mark.parametrize(
    ("request_", "stem"),
    [
        (REQUEST, "bass-guitar_92.5bpm_Fsharpmin_4bars_take1"),
        (Request("drum kit", "drums", 120.0, bars=1), "drum-kit_120bpm_1bar_take1"),
        (Request("../../etc/pass\0wd\n", "lead", 100.0), "etc-pass-wd_100bpm_4bars_take1"),
        (Request("🎹" * 300, "lead", 99.999), "loop_100bpm_4bars_take1"),
    ],
)
def test_names_say_what_the_loop_is_and_cannot_leave_the_folder(request_, stem):
    assert export.loop_stem(request_, 0) == stem


def test_a_file_is_named_after_its_idea_too():
    stem = export.loop_stem(REQUEST, 0, "failed", "Étude / no. 2 (final).wav")
    assert stem == "bass-guitar_92.5bpm_Fsharpmin_4bars_take1_for-no-2-final_FAILED"
    assert export.loop_stem(REQUEST, 0, idea="🎹.wav") == export.loop_stem(REQUEST, 0)


def test_a_failed_loop_says_so_in_its_name(tmp_path):
    assert publish_one(tmp_path, verdict="failed").wav.stem.endswith("_FAILED")


def test_three_files_appear_and_nothing_else(tmp_path):
    files = publish_one(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in (files.wav, files.json, files.midi))
    assert files.wav.stem == files.json.stem == files.midi.stem


def test_nothing_is_overwritten(tmp_path):
    first, second = publish_one(tmp_path), publish_one(tmp_path)
    assert second.wav.stem == first.wav.stem + "-2" and len(list(tmp_path.iterdir())) == 6
    second.wav.unlink()  # a name is free only when all three are
    assert publish_one(tmp_path).wav.stem == first.wav.stem + "-3"


def test_a_disk_that_fills_up_leaves_nothing(tmp_path, monkeypatch):
    calls = []

    def failing(part, path):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        os.link(part, path)

    monkeypatch.setattr(export, "link_new", failing)
    with pytest.raises(InvalidInput, match="No space left"):
        publish_one(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidInput, match="choose another --out"), staging(tmp_path / "file" / "below"):
        pass


def test_the_sidecar_repeats_the_request(tmp_path):
    files = publish_one(tmp_path)
    request, document = export.read_sidecar(files.json)
    assert request == REQUEST
    assert document["idea"]["sha256"] == IDEA["sha256"] and document["take"]["license"] == "yours"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "loops-generator/1"}', '{"format": "other", "request": {}}']
)
def test_a_file_that_is_not_a_sidecar_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"not JSON|not a loop"):
        export.read_sidecar(path)


@pytest.mark.parametrize(
    ("meter", "bpm", "quarters", "tempo"),
    [("4/4", 92.5, 16, 92.5), ("3/4", 120.0, 12, 120.0), ("6/8", 80.0, 12, 120.0)],
)
def test_tempo_and_bars_can_be_read_from_the_wav_alone(tmp_path, meter, bpm, quarters, tempo):
    request = REQUEST.with_(meter=meter, bpm=bpm)
    files = publish_one(tmp_path, request)
    body = export.wav_chunk(files.wav, b"acid")
    assert int.from_bytes(body[12:16], "little") == quarters
    assert np.frombuffer(body[20:24], "<f4")[0] == pytest.approx(tempo)
    files.json.unlink()
    assert export.read_tags(files.wav) == {"bpm": pytest.approx(bpm), "bars": 4, "meter": meter}


def test_the_json_beside_a_loop_says_more_than_its_chunk(tmp_path):
    tags = export.read_tags(publish_one(tmp_path).wav)
    assert tags["key"] == "F# minor" and tags["instrument"] == "bass guitar" and tags["chords"] == "| F#m | D |"


def test_loop_points_cover_every_sample(tmp_path):
    body = export.wav_chunk(publish_one(tmp_path).wav, b"smpl")
    numbers = np.frombuffer(body, "<u4")
    assert numbers[3] == 60 + REQUEST.key.tonic and numbers[7] == 1
    assert (numbers[11], numbers[12]) == (0, REQUEST.samples() - 1)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe")
def test_other_programs_read_the_wav_without_complaint(tmp_path):
    files = publish_one(tmp_path)
    shown = ["-show_entries", "stream=duration_ts,sample_rate,bits_per_raw_sample", "-of", "json"]
    done = subprocess.run(["ffprobe", "-v", "warning", *shown, files.wav], capture_output=True, check=True)
    stream = json.loads(done.stdout)["streams"][0]
    assert done.stderr == b"" and stream["duration_ts"] == REQUEST.samples() and stream["bits_per_raw_sample"] == "24"


@pytest.mark.skipif(shutil.which("soxi") is None, reason="needs sox")
def test_sox_reads_the_wav_without_complaint(tmp_path):
    done = subprocess.run(["soxi", "-s", publish_one(tmp_path).wav], capture_output=True, check=True)
    assert done.stderr == b"" and int(done.stdout) == REQUEST.samples()
