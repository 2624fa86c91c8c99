"""Packs: names, chunks that other readers find, one-shots, manifest, page, DAWproject; failed loops only on request."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import struct
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as XML

import numpy as np
import pytest
import soundfile

from helpers import pipeline
from helpers.batch.dawproject import write_project
from helpers.batch.pack import (
    apart,
    find_loops,
    one_shots,
    onset_samples,
    pack_names,
    pack_text,
    write_pack,
)
from helpers.errors import InvalidInput
from helpers.export import read_notes
from helpers.records import Note, Request
from helpers.records.analysis import Tempo
from tests.signals import RATE, chord_loop, clip_of

REQUEST = Request("piano", "chords", 120.0, bars=1, seed=3)


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """Two loops of one bar, made by the sketch engine for an idea that holds a bar of chords."""
    folder = tmp_path_factory.mktemp("loops")
    idea = folder.parent / "my idea.wav"
    soundfile.write(idea, chord_loop([(57, 60, 64)] * 4, bpm=120).samples.T, RATE)
    heard = pipeline.load_idea(idea)
    analysis = pipeline.analyze_idea(heard, tags=False)
    for name, seed in (("bass guitar", 1), ("piano", 2)):
        request, _ = pipeline.plan_request(analysis, instrument=name, bars=1, bpm=120, takes=1, seed=seed)
        pipeline.make_loops(request, heard, analysis, folder)
    return folder, idea


def chunks(data: bytes) -> dict[bytes, tuple[int, bytes]]:
    found, at = {}, 12
    while at < len(data):
        tag, size = struct.unpack_from("<4sI", data, at)
        found[tag] = (at, data[at + 8 : at + 8 + size])
        at += 8 + size + (size & 1)
    return found


def test_a_pack_holds_everything_and_its_sounds_are_unchanged(loops, tmp_path):
    folder, idea = loops
    out = write_pack(folder, tmp_path / "pack", naming="splice", label="me", name="First", ideas=[idea]).path
    rows = json.loads((out / "manifest.json").read_text())
    assert [r["instrument"] for r in rows] == ["bass guitar", "piano"]
    table = list(csv.DictReader(io.StringIO((out / "manifest.csv").read_text("utf-8-sig"))))
    assert [r["file"] for r in table] == [r["file"] for r in rows] and table[0]["license"]
    for row, loop in zip(rows, find_loops(folder), strict=True):
        assert row["file"].startswith("loops/ME_FIRST_120_")
        ours, theirs = (soundfile.read(p, dtype="int32") for p in (out / row["file"], loop.wav))
        assert np.array_equal(ours[0], theirs[0]) and ours[1] == theirs[1]
        assert (out / row["midi"]).read_bytes() == loop.midi.read_bytes()
        found = chunks((out / row["file"]).read_bytes())
        assert all(found[tag][0] < found[b"data"][0] for tag in (b"fmt ", b"acid", b"smpl", b"cue "))
        count = struct.unpack("<I", found[b"cue "][1][:4])[0]
        assert count == len({n.start for n in loop.notes()})


def test_the_page_names_only_what_lies_beside_it_and_escapes_words(loops, tmp_path):
    folder, _ = loops
    out = write_pack(folder, tmp_path / "pack", name="<b>&").path
    text = (out / "index.html").read_text()
    assert "&lt;b&gt;&amp;" in text and "<b>&" not in text and "http" not in text
    sources = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            sources.extend(v for k, v in attributes if k in ("src", "href"))

    Reader().feed(text)
    assert len(sources) == 4 and all((out / s).is_file() for s in sources)


def test_a_dawproject_has_aligned_looping_clips(loops, tmp_path):
    folder, idea = loops
    out = write_pack(folder, tmp_path / "pack.zip", ideas=[idea.parent]).path
    with zipfile.ZipFile(out) as pack:
        (name,) = [n for n in pack.namelist() if n.endswith(".dawproject")]
        project = zipfile.ZipFile(io.BytesIO(pack.read(name)))
    root = XML.fromstring(project.read("project.xml"))
    assert float(root.find("Transport/Tempo").get("value")) == 120.0
    tracks = {t.get("name"): t.get("id") for t in root.findall("Structure/Track")}
    assert next(iter(tracks)) == "Idea: my idea.wav" and list(tracks)[-1] == "Master" and len(tracks) == 6
    lanes = root.findall("Arrangement/Lanes/Lanes")
    assert {lane.get("track") for lane in lanes} <= set(tracks.values())
    for lane in lanes[1:]:
        clip = lane.find("Clips/Clip")
        assert (clip.get("loopStart"), clip.get("loopEnd"), clip.get("time")) == ("0", "4", "0")
    for audio in root.iter("Audio"):
        data, rate = soundfile.read(io.BytesIO(project.read(audio.find("File").get("path"))))
        assert int(audio.get("sampleRate")) == rate and abs(float(audio.get("duration")) - len(data) / rate) < 1e-6
    warps = [(float(w.get("time")), float(w.get("contentTime"))) for w in lanes[0].iter("Warp")]
    assert warps[0][0] == 0 and all(abs(t * 0.5 - s) < 0.03 for t, s in warps)  # 120 BPM: half a second a quarter
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("span", "idea_seconds", "bpm"),
    [({}, (0, 5), 120.0), ({}, (0, 5), 60.0), ({"span": [2.0, 4.0]}, (2, 4), 120.0)],
    ids=["whole", "half its tempo", "its second bar"],
)
def test_a_dawproject_lays_the_idea_where_the_fit_card_laid_it(loops, tmp_path, span, idea_seconds, bpm):
    sound = chord_loop([(57, 60, 64), (53, 57, 60), (57, 60, 64)], bpm=120).samples[0, : 5 * RATE]  # 2.5 bars
    soundfile.write(tmp_path / "idea.wav", sound, RATE, subtype="FLOAT")
    shutil.copytree(loops[0], tmp_path / "loops")
    for path in (tmp_path / "loops").glob("*.json"):
        document = json.loads(path.read_text())
        document["idea"] |= {"sha256": pipeline.load_idea(tmp_path / "idea.wav").sha256} | span
        document["request"]["bpm"] = bpm
        path.write_text(json.dumps(document))
    out = write_pack(tmp_path / "loops", tmp_path / "pack", ideas=[tmp_path / "idea.wav"]).path
    (project,) = (zipfile.ZipFile(path) for path in out.glob("*.dawproject"))
    root = XML.fromstring(project.read("project.xml"))
    clip = root.find("Arrangement/Lanes/Lanes/Clips/Clip")
    samples, rate = soundfile.read(io.BytesIO(project.read("audio/idea.wav")))
    begin, end = (round(second * rate) for second in idea_seconds)
    assert np.corrcoef(samples.T[0] if samples.ndim > 1 else samples, sound[begin:end])[0, 1] > 0.999
    assert float(root.find("Transport/Tempo").get("value")) == bpm
    warps = [(float(w.get("time")), float(w.get("contentTime"))) for w in clip.iter("Warp")]
    assert len(warps) > 3 and all(abs(t * 60 / bpm - s) < 0.03 for t, s in warps)  # as fast as the idea is
    assert float(clip.get("loopEnd")) % 4 == 0 and float(clip.get("duration")) == max(4, float(clip.get("loopEnd")))


@pytest.mark.parametrize(("beats", "silent", "start"), [(1, 0, 4), (1, 1, 0), (5, 0, 8), (0.05, 0, 0)])
def test_the_pickup_of_an_idea_is_in_its_dawproject(loops, tmp_path, beats, silent, start):
    first = beats / 2  # seconds, at 120 BPM
    sound = np.concatenate([chord_loop([(57, 60, 64)], bpm=120).samples[0]] * 5)[: round((first + 4) * RATE)]
    sound[: round(first * silent * RATE)] = 0
    soundfile.write(tmp_path / "idea.wav", sound, RATE, subtype="FLOAT")
    idea, times = pipeline.load_idea(tmp_path / "idea.wav"), tuple(first + np.arange(8) / 2)
    tempo = Tempo(120.0, 1.0, beats=times, downbeats=times[::4])
    heard = dataclasses.replace(pipeline.analyze_idea(pipeline.load_idea(loops[1]), tags=False), tempo=tempo)
    names = [(loop, loop.wav.stem) for loop in find_loops(loops[0])]
    write_project(tmp_path / "a.dawproject", names, loops[0], (idea, heard))
    root = XML.fromstring(zipfile.ZipFile(tmp_path / "a.dawproject").read("project.xml"))
    clip, *others = [lane.find("Clips/Clip") for lane in root.findall("Arrangement/Lanes/Lanes")]
    assert {float(other.get("time")) for other in others} == {start}
    warps = {float(w.get("contentTime")): float(w.get("time")) for w in clip.iter("Warp")}
    begins, pickup = float(clip.get("time")), float(clip.get("loopStart"))
    assert begins + warps[first] == pytest.approx(start) and begins + pickup == pytest.approx(start)
    assert pickup == pytest.approx(beats if start else 0, abs=1e-3)
    assert min(warps) == pytest.approx(0 if start else first, abs=1e-3) and warps[min(warps)] == 0
    assert (float(clip.get("loopEnd")), float(clip.get("duration"))) == pytest.approx((8 + pickup, 8 + pickup))


def test_failed_loops_stay_out_unless_asked(loops, tmp_path):
    folder, _ = loops
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.glob("bass*"):
        data = path.read_bytes()
        if path.suffix == ".json":
            document = json.loads(data)
            document["fit"]["verdict"] = "failed"
            data = json.dumps(document).encode()
        (copy / path.name).write_bytes(data)
    with pytest.raises(InvalidInput, match="1 failed their fit card; add --with-failed"):
        write_pack(copy, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()
    pack = write_pack(copy, tmp_path / "pack", with_failed=True)
    assert (pack.loops, pack.left_out, pack.others) == (1, 0, 0)
    with pytest.raises(InvalidInput, match="exists already"):
        write_pack(folder, copy)


def test_a_wav_whose_json_cannot_be_read_is_told(loops, tmp_path):
    folder, _ = loops
    copy = shutil.copytree(folder, tmp_path / "copy")
    next(copy.glob("bass*.json")).write_text("{", encoding="utf-8")
    (copy / "foreign.wav").write_bytes(b"RIFF")
    pack = write_pack(copy, tmp_path / "pack")
    assert (pack.loops, pack.left_out, pack.others) == (len(find_loops(copy)), 0, 2) and pack.loops
    assert "2 other WAVs, without a JSON of ours" in pack_text(pack)


def test_names_never_meet():
    assert apart(["a", "A", "a-2", "b"]) == ["a", "A-2", "a-2-2", "b"]
    with pytest.raises(InvalidInput, match="no naming 'mine'"):
        pack_names([], "mine")


def test_one_shots_are_single_notes_after_a_rest():
    notes = [Note(60, 0.0, 0.5, 90), Note(62, 1.0, 1.5, 90), Note(64, 2.0, 0.5, 90), Note(60, 3.0, 0.5, 120)]
    clip = clip_of(np.ones(2 * RATE))
    request = REQUEST.with_(sample_rate=RATE)
    shots = dict(one_shots(clip, notes, request))
    assert set(shots) == {"C4", "D4"}  # E4 begins while D4 still sounds
    samples, _ = soundfile.read(io.BytesIO(shots["D4"]))
    assert len(samples) == RATE // 2 == len(soundfile.read(io.BytesIO(shots["C4"]))[0]) and samples[-1] == 0.0
    found = chunks(shots["D4"])
    assert struct.unpack("<9I", found[b"smpl"][1])[3:8] == (62, 0, 0, 0, 0)  # its own root note, no loop
    assert struct.unpack_from("<IH", found[b"acid"][1]) == (0x01, 62)  # a one-shot; in no key, so never transposed
    assert onset_samples(notes, request, clip.length) == [0, RATE // 2, RATE, 3 * RATE // 2]


def test_notes_come_back_from_midi(loops):
    loop = find_loops(loops[0])[0]
    notes = loop.notes()
    assert notes and all(0 <= n.start < 4 and 0 < n.length <= 4.5 and 1 <= n.velocity <= 127 for n in notes)
    with pytest.raises(InvalidInput, match="MIDI file cannot be read"):
        read_notes(b"MThd nonsense")


def test_a_page_finds_files_whose_names_a_link_cannot_hold(loops, tmp_path):
    """Fsharp is written F# by the splice naming, and # ends an address."""
    folder, _ = loops
    (copy := tmp_path / "copy").mkdir()
    for path in folder.glob("piano*"):
        shutil.copyfile(path, copy / path.name)
    (document,) = copy.glob("*.json")
    document.write_text(document.read_text().replace('"A minor"', '"F# minor"'))
    out = write_pack(copy, tmp_path / "pack", naming="splice").path
    (wav,) = (out / "loops").iterdir()
    assert "F#min" in wav.name and f'src="loops/{wav.name.replace("#", "%23")}"' in (out / "index.html").read_text()


@pytest.mark.parametrize(
    ("suffix", "change", "words"),
    [
        (".wav", lambda data: b"no sound", "cannot be read"),
        (".wav", lambda data: data[:2000], "not what its fit card was measured on"),
        (".json", lambda data: b'{"format": "loops-generator/1"}', "No finished loop"),
        (".json", lambda data: data.replace(b'"fit": {', b'"fit": 3, "x": {'), "No finished loop"),
    ],
)
def test_what_is_broken_is_named_and_nothing_is_left(loops, tmp_path, suffix, change, words):
    shutil.copytree(loops[0], tmp_path / "loops")
    for path in (tmp_path / "loops").glob(f"*{suffix}"):
        path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InvalidInput, match=words):
        write_pack(tmp_path / "loops", tmp_path / "pack")
    assert [p.name for p in tmp_path.iterdir()] == ["loops"]


def test_a_loop_whose_midi_is_broken_is_packed_without_notes(loops, tmp_path):
    shutil.copytree(loops[0], tmp_path / "loops")
    for path in (tmp_path / "loops").glob("*.mid"):
        path.write_bytes(b"MThd")
    assert write_pack(tmp_path / "loops", tmp_path / "pack", with_one_shots=True).loops == 2


def test_an_idea_of_no_loop_is_refused(loops, tmp_path):
    soundfile.write(tmp_path / "other.wav", np.zeros(100), RATE)
    with pytest.raises(InvalidInput, match="is the idea of no loop here"):
        write_pack(loops[0], tmp_path / "pack", ideas=[tmp_path / "other.wav"])


def test_one_shots_stand_in_the_manifest(loops, tmp_path):
    out = write_pack(loops[0], tmp_path / "pack", with_one_shots=True).path
    rows = json.loads((out / "manifest.json").read_text())
    shots = [r["file"] for r in rows if r["kind"] == "one-shot"]
    assert shots and sorted(shots) == sorted(f"one-shots/{p.name}" for p in (out / "one-shots").iterdir())


def test_long_and_odd_names_become_names_that_every_system_takes(loops):
    (loop, *_) = find_loops(loops[0])
    odd = dataclasses.replace(loop, wav=Path(f"Ça «va»? {'x' * 240}.wav"))
    (name,) = pack_names([odd])
    assert len(name) <= 120 and re.fullmatch(r"[A-Za-z0-9._-]+", name)


def test_a_pack_is_named_after_a_folder_whose_name_is_no_utf_8(loops, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(loops[0], folder)
    pack = write_pack(folder, tmp_path / "out")
    assert pack.loops == 2 and "<h1>caf\ufffd</h1>" in (pack.path / "index.html").read_text(encoding="utf-8")
