"""The command line: shapes of the answers, exit statuses, one sentence for anything wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers import cli
from helpers.records import Clip
from helpers.sketch import soundfont
from helpers.sound.audio import read_back, write_wav
from tests import signals

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def idea(tmp_path_factory):
    """Four bars of chords at 100 BPM in A minor."""
    path = tmp_path_factory.mktemp("idea") / "idea.wav"
    clip = signals.chord_loop([(57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62)], bpm=100)
    write_wav(path, clip)
    return path


def run(capfd, *words):
    """Run a command in this process; returns (status, stdout, stderr)."""
    status = cli.main([str(word) for word in words])
    return status, *capfd.readouterr()


def test_analyze_prints_the_promised_shape(idea, capfd):
    status, out, _ = run(capfd, "analyze", idea, "--json")
    data = json.loads(out)
    assert status == 0
    assert {"file", "seconds", "sample_rate", "channels", "tempo", "key", "chords", "genres", "moods"} <= set(data)
    assert {"bpm", "confidence", "alternatives", "beats", "downbeats", "beats_per_bar", "is_loop", "bars"} <= set(
        data["tempo"]
    )
    assert {"tonic", "mode", "name", "confidence", "alternatives", "tuning_cents"} <= set(data["key"])
    assert (
        data["tempo"]["bpm"] == pytest.approx(100, rel=0.0005)
        and data["tempo"]["is_loop"]
        and data["tempo"]["bars"] == 4
    )
    assert {"start", "end", "label"} == set(data["chords"][0])
    assert isinstance(data["notes"], list) and data["loudness_lufs"] < 0


def test_analyze_tells_a_person_the_same(idea, capfd):
    status, out, err = run(capfd, "analyze", idea)
    assert status == 0 and "100 BPM" in out and "A minor" in out and "tempo" in err


@pytest.mark.parametrize("instrument", ["bass guitar", "rhodes", "strings", "flute", "pluck", "drum kit"])
def test_make_writes_proven_loops(idea, tmp_path, capfd, instrument):
    words = [
        "make",
        idea,
        "--instrument",
        instrument,
        "--takes",
        2,
        "--bars",
        2,
        "--seed",
        3,
        "--out",
        tmp_path,
        "--json",
    ]
    status, out, _ = run(capfd, *words)
    data = json.loads(out)
    assert status == 0 and [loop["rank"] for loop in data["loops"]] == [1, 2]
    assert data["request"]["bpm"] == pytest.approx(100, rel=0.0005) and len(data["idea"]["sha256"]) == 64
    for loop in data["loops"]:
        assert {"rank", "wav", "json", "midi", "engine", "seed", "prompt", "license", "score", "fit"} <= set(loop)
        assert loop["fit"]["verdict"] in ("pass", "corrected"), loop["fit"]["reasons"]
        clip = read_back(loop["wav"])
        assert clip.length == loop["fit"]["samples"] == loop["fit"]["samples_expected"] == 211_680
        assert clip.channels == 2 and np.abs(clip.samples).max() < 1
        assert Path(loop["midi"]).read_bytes()[:4] == b"MThd"
    scores = [loop["score"] for loop in data["loops"]]
    assert scores == sorted(scores, reverse=True)


def test_a_person_reads_a_verdict_for_each_loop_and_every_number_only_on_request(idea, tmp_path, capfd):
    words = ["make", idea, "--instrument", "rhodes", "--takes", 2, "--bars", 2, "--seed", 3, "--out", tmp_path]
    _, short, _ = run(capfd, *words)
    for place, word in ((1, "PASS"), (2, "PASS")):
        assert f"\n{place}  {word}, score " in short
    assert short.count(".wav (and .json, .mid)") == 2 and "LUFS" not in short
    _, whole, _ = run(capfd, *words, "--cards")
    assert whole.count("LUFS") == 2 and "seed 3" in whole


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(idea, tmp_path, capfd):
    def wav(seed, folder):
        words = ["--takes", 1, "--bars", 1, "--seed", seed, "--out", tmp_path / folder, "--json"]
        _, out, _ = run(capfd, "make", idea, "--instrument", "bass guitar", *words)
        return Path(json.loads(out)["loops"][0]["wav"]).read_bytes()

    first = wav(1, "a")
    assert wav(1, "b") == first != wav(2, "c")


def test_the_seed_on_a_card_with_one_take_gives_that_very_loop(idea, tmp_path, capfd):
    def make(folder, *words):
        words = (*words, "--bars", 1, "--instrument", "piano", "--out", tmp_path / folder, "--json")
        return json.loads(run(capfd, "make", idea, *words)[1])["loops"]

    for loop in make("a", "--takes", 2):
        again = make(f"b{loop['take']}", "--takes", 1, "--seed", loop["seed"])
        for kind in ("wav", "midi"):
            assert Path(again[0][kind]).read_bytes() == Path(loop[kind]).read_bytes()


def test_a_loop_is_made_again_from_its_json(idea, tmp_path, capfd):
    words = ["--bars", 2, "--takes", 1, "--density", 0.9, "--key", "C major", "--out", tmp_path / "a", "--json"]
    _, out, _ = run(capfd, "make", idea, "--instrument", "piano", *words)
    loop = json.loads(out)["loops"][0]
    _, out, _ = run(capfd, "make", idea, "--from", loop["json"], "--out", tmp_path / "b", "--json")
    again = json.loads(out)["loops"][0]
    assert Path(again["wav"]).read_bytes() == Path(loop["wav"]).read_bytes()
    _, out, _ = run(capfd, "make", idea, "--from", loop["json"], "--bars", 1, "--out", tmp_path / "c", "--json")
    assert json.loads(out)["request"]["bars"] == 1


def test_midi_alone_and_pictures(idea, tmp_path, capfd):
    words = ["--instrument", "bass", "--bars", 1, "--takes", 2, "--seed", 1, "--out", tmp_path]
    status, out, _ = run(capfd, "make", idea, *words, "--midi-only", "--json")
    midi = [Path(p) for p in json.loads(out)["midi"]]
    assert status == 0 and len(midi) == 2 and sorted(tmp_path.iterdir()) == sorted(midi)
    status, _, _ = run(capfd, "make", idea, *words, "--plot")
    assert status == 0 and len(list(tmp_path.glob("*.png"))) == 2


def test_fit_cuts_any_audio_to_the_loop(idea, tmp_path, capfd):
    clip = read_back(idea)
    tail = np.concatenate([np.zeros((clip.channels, 9000), np.float32), clip.samples, clip.samples[:, :60_000]], axis=1)
    take = tmp_path / "take.wav"
    write_wav(take, Clip(tail, clip.sample_rate))
    status, out, _ = run(
        capfd, "fit", take, "--bpm", 100, "--bars", 4, "--key", "A minor", "--out", tmp_path / "o", "--json"
    )
    fit = json.loads(out)["loops"][0]["fit"]
    assert status == 0 and fit["samples"] == fit["samples_expected"] == 423_360, fit
    assert fit["grid_error_ms"] < 15 and fit["key_measured"] in ("A minor", "C major")


def test_fit_of_the_wrong_tempo_is_refused_or_failed(idea, tmp_path, capfd):
    status, _, err = run(
        capfd, "fit", idea, "--bpm", 83, "--bars", 2, "--instrument", "piano", "--out", tmp_path, "--json"
    )
    assert status in (2, 4) and "Traceback" not in err


def test_proof_reads_the_loops_own_tags(idea, tmp_path, capfd):
    words = ["--instrument", "bass guitar", "--bars", 2, "--takes", 1, "--seed", 3, "--out", tmp_path, "--json"]
    _, out, _ = run(capfd, "make", idea, *words)
    loop = json.loads(out)["loops"][0]
    status, out, _ = run(capfd, "proof", loop["wav"], "--json")
    assert status == 0 and json.loads(out)["fit"]["samples"] == loop["fit"]["samples"]
    status, out, _ = run(capfd, "proof", loop["wav"], "--bpm", 100, "--bars", 3, "--json")
    assert json.loads(out)["fit"]["verdict"] == "failed"
    text = run(capfd, "proof", loop["wav"], "--bpm", 100, "--bars", 3)[1]
    assert "FAILED" in text and "score" not in text, "no praise for what cannot be used"


def test_a_loop_that_is_unproven_says_why_without_its_card(tmp_path, capfd):
    write_wav(tmp_path / "beat.wav", signals.drum_loop(100, 4))
    words = ["--instrument", "bass guitar", "--takes", 1, "--bars", 1, "--seed", 3, "--out", tmp_path]
    status, out, _ = run(capfd, "make", tmp_path / "beat.wav", *words)
    assert status == 0 and "UNPROVEN" in out and out.count("Harmony was not compared: no clear pitch") == 1
    out = run(capfd, "make", tmp_path / "beat.wav", *words, "--cards")[1]
    assert out.count("Harmony was not compared: no clear pitch") == 1
    assert "score" not in out, "nothing was compared, so nothing is rated"


def test_audio_of_an_unnamed_instrument_is_laid_over_an_idea(idea, tmp_path, capfd):
    target = [idea, "--idea", idea, "--bpm", 100, "--bars", 2, "--json"]
    status, out, err = run(capfd, "proof", *target)
    assert status == 0 and "Place was not judged: no instrument was named." in json.loads(out)["fit"]["reasons"]
    assert json.loads(out)["fit"]["harmony"] is not None
    status, _, err = run(capfd, "fit", *target, "--out", tmp_path)
    assert status == 0 and "internal fault" not in err
    status, out, err = run(capfd, "fit", *target[:3], "--instrument", "piano", "--json", "--out", tmp_path)
    assert status == 0 and "internal fault" not in err
    assert (json.loads(out)["request"]["bpm"], json.loads(out)["request"]["bars"]) == (100.0, 4), "the idea's own"
    status, _, err = run(capfd, "fit", *target[:3], "--json", "--out", tmp_path)
    assert status == 2 and "--idea FILE --instrument NAME" in err


def test_a_home_that_cannot_be_looked_into_holds_nothing(capfd, monkeypatch, tmp_path, idea):
    """As that of another user in a container; any user is refused a name that is too long."""
    home = tmp_path / ("x" * 300)
    for variable in ("HOME", "LOOPS_HOME", "HF_HOME"):
        monkeypatch.setenv(variable, str(home))
    if constants := sys.modules.get("huggingface_hub.constants"):
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    soundfont._search.cache_clear()
    assert run(capfd, "engines")[0] == 0
    words = ["--instrument", "piano", "--bars", 1, "--takes", 1, "--seed", 3, "--out", tmp_path / "o"]
    assert run(capfd, "make", idea, *words)[0] == 0
    soundfont._search.cache_clear()


def test_engines_says_what_runs_and_what_to_do_for_the_rest(capfd):
    status, out, _ = run(capfd, "engines", "--json")
    rows = {row["name"]: row for row in json.loads(out)["engines"]}
    assert status == 0 and rows["sketch"]["ready"] and {"stable-audio-open", "audioldm2-music", "musicgen"} <= set(rows)
    assert all(row["ready"] or (row["reason"] and row["remedy"]) for row in rows.values())
    assert all(row["license"] for row in rows.values())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "required"),
        (["sing"], "invalid choice"),
        (["analyze", "nowhere.wav"], "no file"),
        (["make", "{idea}"], "--instrument"),
        (["make", "{idea}", "--instrument", "bass", "--engine", "cassette"], "sketch engine works"),
        (["make", "{idea}", "--instrument", "bass", "--bars", "99"], "bars is '99'; give a whole number from 1 to 16"),
        (["make", "{idea}", "--instrument", "bass", "--bars", "many"], "bars is 'many'"),
        (["make", "{idea}", "--instrument", "bass", "--bpm", "nan"], "bpm is 'nan'; give a number from 30 to 300"),
        (["make", "{idea}", "--instrument", "bass", "--key", "H"], "not a key"),
        (["make", "{idea}", "--instrument", "bass", "--chords", "| Q |"], "not a chord"),
        (["make", "{idea}", "--instrument", "bass", "--option", "steps"], "NAME=VALUE"),
        (["make", "{idea}", "--instrument", "bass", "--option", "steps=5"], "does not know the option"),
        (["make", "{idea}", "--instrument", "bass", "--from", "{idea}"], "not JSON|cannot be read|loop's JSON"),
        (["make", "{idea}", "--instrument", "bass", "--out", "{idea}/below"], "choose another --out"),
        (["fit", "{idea}"], "--bpm"),
        (["fit", "{idea}", "--bpm", "100", "--bars", "400"], "bars is '400'"),
        (["install", "everything"], "everything.*audiocraft, tags.*drum-kit"),
    ],
)
def test_anything_wrong_is_one_sentence_and_two(idea, tmp_path, monkeypatch, capfd, words, sentence):
    import re

    words = [word.replace("{idea}", str(idea)) for word in words]
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capfd, *words)
    last = err.strip().splitlines()[-1]
    assert status == 2 and out == "" and re.search(sentence, last) and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--instrument", "kazooka"], "kazooka"),
        (["--instrument", "bass", "--from", "nowhere.json"], "nowhere.json"),
        (["--instrument", "bass", "--sound", "rusty"], "'rusty' is not known"),
        (["--instrument", "bass", "--option", "steps=5"], "'steps'"),
        (["--instrument", "bass", "--engine", "theremin"], "'theremin'"),
        (["--instrument", "bass", "--role", "drums"], "role drums"),
    ],
)
def test_what_no_idea_could_make_right_is_said_before_it_is_heard(idea, tmp_path, capfd, words, named):
    status, _, err = run(capfd, "make", idea, *words, "--out", tmp_path)
    assert status == 2 and named in err and "listening" not in err


def test_install_answers_in_json_too(capfd, monkeypatch):
    monkeypatch.setattr("helpers.install.install", lambda what, on_line: on_line("fetching"))
    status, out, err = run(capfd, "install", "ears", "--json")
    assert status == 0 and json.loads(out) == {"installed": "ears"} and "fetching" in err


def test_a_fault_of_ours_is_not_called_a_fault_of_the_musicians(idea, capfd, monkeypatch):
    def broken(_args, _out):
        raise KeyError("inside")

    monkeypatch.setitem(cli._COMMANDS, "analyze", broken)
    status, _, err = run(capfd, "analyze", idea)
    assert status == 1 and "internal fault" in err and "Traceback" not in err


def test_failed_loops_are_written_labelled_and_answered_with_four(idea, tmp_path, capfd, monkeypatch):
    import dataclasses

    from helpers import loops

    honest = loops.prove

    def strict(*args, **kwargs):
        return dataclasses.replace(honest(*args, **kwargs), verdict="failed", reasons=("planted for this test",))

    monkeypatch.setattr(loops, "prove", strict)
    words = ["--instrument", "bass", "--bars", 1, "--takes", 2, "--out", tmp_path, "--json"]
    status, out, _ = run(capfd, "make", idea, *words)
    data = json.loads(out)
    assert status == 4 and len(data["loops"]) == 2
    assert all("FAILED" in loop["wav"] and loop["fit"]["reasons"] for loop in data["loops"])


def test_results_alone_reach_stdout_even_when_a_library_prints(idea, capfd, monkeypatch):
    from helpers import pipeline

    analyze = pipeline.analyze_idea

    def noisy(*args, **kwargs):
        print("a library says hello")
        os.write(1, b"from C, too\n")
        return analyze(*args, **kwargs)

    monkeypatch.setattr(pipeline, "analyze_idea", noisy)
    status, out, err = run(capfd, "analyze", idea, "--json")
    assert status == 0 and json.loads(out) and "from C, too" in err and "hello" in err


def test_a_real_process_in_a_poor_terminal(idea, tmp_path):
    """No UTF-8 locale, odd file name, closed stdin: still one sentence, exit 2, nothing left."""
    odd = tmp_path / "étude ♯ 🎹.wav"
    soundfile.write(str(odd), np.zeros(44_100), 44_100)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}
    env |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "helpers", "analyze", str(odd)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 2 and b"silent" in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.parametrize("path", ["", "/", "."])
def test_proof_of_what_is_no_file_is_one_sentence(path, capfd):
    status, out, err = run(capfd, "proof", path, "--bpm", 100, "--bars", 1)
    assert status == 2 and out == "" and "internal fault" not in err and len(err.strip().splitlines()) == 1
