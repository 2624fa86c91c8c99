"""The whole story through the callbacks, without a browser: the events the page sends, the views it gets."""

import io
import json
import shutil
import threading
import time
import zipfile
from dataclasses import replace

import pytest

from helpers.engines import registry
from helpers.records import MEMBERS
from helpers.sound.audio import write_wav
from helpers.ui import app as app_module
from helpers.ui.app import App
from tests import signals
from tests.ui.fakes import send


def show(app):
    for name in ("models", "login", "upload", "mode", "results"):
        getattr(app, f"show_{name}")()
    return app._panels


def upload(app, path):
    panel, data = app._panels["upload"], path.read_bytes()
    sent = []
    panel.send = lambda content, buffers=None: content["kind"] == "heard" or sent.append(content)
    for at in range(0, max(1, len(data)), 256 * 1024):
        send(panel, "slice", [data[at : at + 256 * 1024]], upload=5, name=path.name, size=len(data), at=at)
    assert sent[-1]["got"] == len(data)
    send(panel, "save", upload=5)
    return sent[-1]


@pytest.fixture
def heard(app, idea_file):
    """Panels on the page, the idea uploaded and heard."""
    panels = show(app)
    assert upload(app, idea_file)["ok"]
    assert app.jobs.wait(60)
    app.change("bars", 1)
    return panels


def generate(app, panels):
    send(panels["studio"], "generate")
    assert app.jobs.wait(120)
    return panels["results"].groups


def test_an_idea_is_saved_confirmed_and_heard(app, heard):
    assert "Saved “my idea.wav”: 4.0 s, 44.1 kHz, stereo." in heard["upload"].message["text"]
    assert heard["upload"].ideas[0]["current"] and heard["studio"].idea["name"] == "my idea.wav"
    assert heard["studio"].analysis["tempo"]["bpm"] == pytest.approx(120, abs=0.5)
    assert not list(app.state.ideas_folder.glob(".*"))


def test_the_length_of_one_idea_is_not_the_next_ones(app, tmp_path, monkeypatch):
    """Bars that were heard go with their idea; bars that the musician chose stay, unless an idea is a loop itself."""
    show(app)
    lengths = {"loop.wav": 8, "take.wav": None, "other.wav": None}
    hear = app.library.hear

    def heard(entry, progress):
        analysis = hear(entry, progress)
        return replace(analysis, tempo=replace(analysis.tempo, bars=lengths[entry.name]))

    monkeypatch.setattr(app.library, "hear", heard)
    found = []
    for number, name in enumerate(lengths):
        write_wav(tmp_path / name, signals.click_track(120.0, 2.0 + number)[0])
        assert upload(app, tmp_path / name)["ok"]
        assert app.jobs.wait(60)
        found.append(app.form.bars)
        if name == "take.wav":
            app.form.bars = 2
    assert found == [8, 4, 2]


def test_what_two_threads_show_at_once_reaches_the_page(app, heard, monkeypatch):
    panel, sent, first_is_through, second_is_amid = heard["studio"], [], threading.Event(), threading.Event()

    def amid(_):
        second_is_amid.set()
        first_is_through.wait(5)

    second = threading.Thread(target=app.push, args=("studio",), kwargs={"message": {"text": "news"}})

    def send_state(key=None):
        names = list(key)
        if not sent:  # while the first one sends
            second.start()
            second_is_amid.wait(0.5)
        sent.extend(names)

    panel.observe(amid, "message")
    monkeypatch.setattr(panel, "send_state", send_state)
    app.push("studio", wrong={"bpm": {"text": "one"}})
    first_is_through.set()
    second.join()
    assert "message" in sent


def test_what_was_read_before_the_news_does_not_hide_it(app, heard, monkeypatch):
    analysis, began = app.analysis, threading.Event()
    read = app_module.plan_view

    def slow(form, heard_by_then):
        view = read(form, heard_by_then)
        if not began.is_set():
            began.set()
            late.join(1.0)
        return view

    def hear():
        began.wait()
        app.library._analyses[app.state.current] = analysis
        app.show_plan()

    late = threading.Thread(target=hear)
    app.show_plan()
    right = {name: value for name, value in heard["studio"].plan.items() if name != "number"}
    app.library.forget_heard()
    monkeypatch.setattr(app_module, "plan_view", slow)
    late.start()
    app.show_plan()
    late.join()
    assert {name: value for name, value in heard["studio"].plan.items() if name != "number"} == right


def test_normal_mode_makes_loops_with_their_proof(app, heard):
    groups = generate(app, heard)
    assert len(groups) == 1 and len(groups[0]["loops"]) == 3
    card = groups[0]["loops"][0]
    assert card["verdict"] in ("pass", "corrected") and card["grid"] == {"bars": 1, "beatsPerBar": 4}
    assert card["badges"] == [], "what is as it should be needs none"
    assert card["license"] and card["seed"].isdigit()
    assert not any("cannot run here" in note for note in groups[0]["notes"]), "MODELS says it, once"


def test_the_cards_edits_reach_the_request(app, heard):
    studio = heard["studio"]
    half = next(o for o in studio.analysis["tempo"]["others"] if o["relation"] == "half")
    send(studio, "set", name="bpm", value=half["bpm"])
    send(studio, "set", name="key", value="E minor")
    send(studio, "set", name="bars", value="2")
    send(studio, "chord", bar=1, text="C G")
    assert studio.plan["bpm"] == half["bpm"] and studio.plan["key"] == "E minor"
    assert len(studio.plan["chords"]) == 2 and studio.plan["chords"][1] == "C G"
    request = app.planned()[0]
    assert request.bpm == half["bpm"] and request.bars == 2 and request.progression[1] == ("C", "G")


def test_a_wrong_setting_is_one_sentence_and_the_panel_lives_on(app, heard):
    studio = heard["studio"]
    before = studio.plan["chords"]
    send(studio, "set", name="bpm", value="quick")
    wrong = studio.wrong["bpm"]
    assert wrong["value"] == "quick" and wrong["text"].startswith("Tempo is 'quick'; give a number")
    send(studio, "chord", bar=0, text="H7")
    assert "not a chord" in studio.wrong["chord-0"]["text"]
    assert studio.plan["chords"] == before and studio.plan["bpm"] == pytest.approx(120, abs=0.5)
    number = studio.plan["number"]
    send(studio, "set", name="bpm", value="100")
    send(studio, "chord", bar=0, text="Dm")
    assert studio.plan["bpm"] == 100 and studio.plan["chords"][0] == "Dm" and studio.wrong == {}
    assert studio.plan["number"] > number


def test_advanced_mode_greys_out_what_the_model_cannot_use(app, heard):
    studio = heard["studio"]
    send(studio, "set", name="mode", value="advanced")
    send(studio, "set", name="engine", value="musicgen")
    assert "avoid" in studio.plan["off"] and "style" not in studio.plan["off"]
    assert "BPM" in studio.plan["prompt"].upper() and studio.plan["engine"] == "musicgen"
    send(studio, "set", name="options.prompt", value="my own words")
    assert studio.plan["prompt"] == "my own words"


def test_what_the_model_cannot_make_is_said_before_any_work(app, heard):
    studio = heard["studio"]
    for name, value in (("mode", "advanced"), ("engine", "musicgen"), ("bars", 16), ("bpm", 60)):
        send(studio, "set", name=name, value=value)
    assert "makes at most 30 s" in studio.plan["error"]
    send(studio, "set", name="engine", value="sketch")
    assert "error" not in studio.plan


def test_settings_are_saved_and_loaded(app, heard):
    studio = heard["studio"]
    send(studio, "set", name="bars", value=8)
    saved = app._studio_file("settings").data.decode()
    send(studio, "reset")
    assert studio.form["bars"] == 4
    send(studio, "load", text=saved)
    assert studio.form["bars"] == 8
    send(studio, "load", text="nonsense")
    assert "not JSON" in studio.message["text"] and studio.form["bars"] == 8


def test_a_sketch_comes_first_while_a_slow_model_works_and_cancel_is_heard(app, heard):
    studio = heard["studio"]
    send(studio, "set", name="mode", value="advanced")
    send(studio, "set", name="engine", value="musicgen")
    send(studio, "generate")
    for _ in range(600):
        if any(group["title"].startswith("Sketch first") for group in heard["results"].groups):
            break
        app.jobs._thread.join(0.1)
    assert app.jobs.running and studio.job["running"]
    send(studio, "generate")
    assert app.jobs.running
    send(studio, "cancel")
    assert studio.job["cancelling"]
    assert app.jobs.wait(5) and "Cancelled" in studio.job["text"]
    assert len(heard["results"].groups) == 1


def test_marks_variations_and_new_ideas(app, heard):
    first = generate(app, heard)[0]["loops"][0]
    results = heard["results"]
    send(results, "mark", name=first["id"], mark="kept")
    assert results.groups[0]["loops"][0]["mark"] == "kept"
    send(results, "mark", name=first["id"], mark="")
    assert results.groups[0]["loops"][0]["mark"] == ""
    send(results, "variation", name=first["id"])
    assert app.jobs.wait(120)
    assert results.groups[0]["title"].startswith("Variation: ") and len(results.groups[0]["loops"]) == 5
    assert {loop["title"].split("· ")[1] for loop in results.groups[0]["loops"]} == set(MEMBERS)
    assert {loop["seed"] for loop in results.groups[0]["loops"]} == {first["seed"]}
    send(results, "as_idea", name=first["id"])
    assert app.jobs.wait(60)
    assert heard["studio"].idea["name"].endswith(".wav") and len(app.state.ideas) == 2


def test_same_again_makes_that_very_loop_and_fills_the_settings_that_do(app, heard):
    second = next(loop for loop in generate(app, heard)[0]["loops"] if loop["title"].endswith("take 2"))
    made = (app.state.folder / second["id"]).with_suffix(".wav").read_bytes()
    send(heard["studio"], "set", name="bars", value=1)
    send(heard["results"], "again", name=second["id"])
    assert app.jobs.wait(120)
    group, form = heard["results"].groups[0], heard["studio"].form
    assert group["title"].startswith("Same again: ") and "its seed" in group["notes"][0]
    assert heard["studio"].job["at"] == second["id"], "its progress is shown on the card"
    assert (form["mode"], form["takes"], str(form["seed"])) == ("advanced", 1, second["seed"])
    by_press, by_settings = group["loops"], generate(app, heard)[0]["loops"]
    for again in (by_press, by_settings):
        assert len(again) == 1 and again[0]["id"] != second["id"] and again[0]["seed"] == second["seed"]
        assert (app.state.folder / again[0]["id"]).with_suffix(".wav").read_bytes() == made


def test_a_loop_used_as_idea_keeps_its_tempo_key_and_chords(app, heard):
    for name, value in (("bpm", 104), ("key", "E minor"), ("bars", 2), ("chords", "| Em | C |")):
        send(heard["studio"], "set", name=name, value=value)
    first = generate(app, heard)[0]["loops"][0]
    send(heard["results"], "as_idea", name=first["id"])
    assert app.jobs.wait(60)
    plan = heard["studio"].plan
    assert (plan["bpm"], plan["key"], plan["bars"], plan["chords"]) == (104, "E minor", 2, ["Em", "C"])
    app.ideas.forget(app.state.current)
    uploaded = app.state.folder / first["id"].replace(".json", ".wav")
    assert upload(app, uploaded)["ok"] and app.jobs.wait(60)
    assert "its tempo, key and chords are known" in heard["upload"].message["text"]
    assert heard["studio"].plan["key"] == "E minor" and heard["studio"].plan["bpm"] == 104


def test_variations_of_a_loop_for_another_idea_are_made_for_that_idea(app, heard, tmp_path):
    first = generate(app, heard)[0]["loops"][0]
    other = tmp_path / "other.wav"
    write_wav(other, signals.click_track(90, 6.0, accent_every=4)[0])
    assert upload(app, other)["ok"] and app.jobs.wait(60)
    send(heard["results"], "variation", name=first["id"])
    assert app.jobs.wait(120)
    assert heard["results"].groups[0]["title"].endswith("for “my idea.wav”")
    assert heard["studio"].job["at"] == first["id"], "its progress is shown on the card"


def test_each_take_can_be_heard_as_soon_as_it_is_proven(app, heard, monkeypatch):
    seen = []

    def look(panel):
        group = panel["new"][0] if panel["new"] else {}
        if app.making.under_way and group["loops"]:
            name = group["loops"][-1]["id"]
            seen.append((name, app.library.file(f"loop:{name}").meta["samples"]))

    monkeypatch.setattr(type(registry.get_engine(app.planned()[0].engine)), "one_by_one", True)
    heard["results"].observe(look, "groups")
    loops = generate(app, heard)[0]["loops"]
    assert len(seen) == 3 and {name for name, _ in seen} == {loop["id"] for loop in loops}
    assert len({samples for _, samples in seen}) == 1


def test_a_part_of_the_idea_is_a_whole_number_of_its_bars(app, heard):
    whole = app.analysis
    send(heard["studio"], "span", span=[1.9, 3.7])
    assert app.jobs.wait(60)
    entry = app.state.find(app.state.current)
    assert entry.span == pytest.approx([2.0, 4.0], abs=0.02)
    assert app.analysis.tempo.bpm == whole.tempo.bpm and app.analysis.tempo.bars == 1
    assert heard["studio"].plan["bars"] == 1
    loop = generate(app, heard)[0]["loops"][0]
    document = json.loads((app.state.folder / loop["id"]).read_text())
    assert document["idea"]["span"] == pytest.approx([2.0, 4.0], abs=0.02)
    send(heard["studio"], "span", span=None)
    assert app.jobs.wait(60) and app.analysis.tempo.bars == whole.tempo.bars
    assert app.library.file(f"idea:{loop['id']}").meta["samples"], "the loop is still laid over its own part"


def test_an_unknown_instrument_is_asked_about_not_guessed(app, heard):
    send(heard["studio"], "set", name="instrument", value="zzzz")
    wrong = heard["studio"].wrong["instrument"]
    assert wrong["value"] == "zzzz" and len(wrong["choices"]) == 3
    assert app.form.instrument == "bass guitar"
    send(heard["studio"], "set", name="instrument", value=wrong["choices"][0])
    assert heard["studio"].wrong == {} and app.form.instrument == wrong["choices"][0]


def test_a_role_that_an_instrument_cannot_play_is_said_at_the_role(app, heard):
    before = heard["studio"].plan["chords"]
    send(heard["studio"], "set", name="mode", value="advanced")
    send(heard["studio"], "set", name="role", value="drums")
    assert "cannot play the role drums" in heard["studio"].wrong["role"]["text"]
    assert heard["studio"].plan["chords"] == before and "error" not in heard["studio"].plan


def test_the_stack_sounds_together_and_becomes_the_next_idea(app, heard):
    loops = generate(app, heard)[0]["loops"]
    assert heard["results"].stack == []
    for loop in loops[:2]:
        send(heard["results"], "mark", name=loop["id"], mark="kept")
    assert heard["results"].stack[0]["id"] == "idea" and len(heard["results"].stack) == 3
    send(heard["results"], "level", name=loops[0]["id"], level=0)
    send(heard["results"], "stack_idea")
    assert app.jobs.wait(60)
    request = app.planned()[0]
    assert heard["studio"].idea["name"].startswith("stack of 2") and len(app.state.ideas) == 2
    assert request.bpm == pytest.approx(120, abs=0.5) and app.analysis.tempo.is_loop
    assert not list(app.state.folder.glob(".stack*"))


def test_a_removed_idea_can_be_brought_back(app, heard):
    send(heard["upload"], "forget", idea=app.state.current)
    assert heard["upload"].ideas == [] and heard["upload"].message["undo"]
    send(heard["upload"], "restore")
    assert len(heard["upload"].ideas) == 1 and heard["studio"].idea["name"] == "my idea.wav"


def test_files_for_the_player_and_downloads(app, heard):
    groups = generate(app, heard)
    names = [loop["id"] for loop in groups[0]["loops"]]
    loop, idea = app.library.file(f"loop:{names[0]}"), app.library.file(f"idea:{names[0]}")
    assert loop.meta["samples"] == idea.meta["samples"] and loop.meta["rate"] == idea.meta["rate"]
    assert idea.meta["together"]
    packed = app.library.file("zip:" + "|".join(names))
    archive = zipfile.ZipFile(io.BytesIO(packed.data))
    assert archive.testzip() is None and packed.name == "my idea loops.zip"
    assert len([name for name in archive.namelist() if name.endswith(".wav")]) == 3
    assert json.loads(archive.read(names[0]))["fit"]["samples"] == loop.meta["samples"]
    for odd in ("wav:../secrets.json", "zip:/etc/passwd", "mid:nothing.json", "other:x"):
        with pytest.raises(ValueError, match=r"here any more|no "):
            app.library.file(odd)


def test_everything_is_back_after_a_restart(app, heard):
    generate(app, heard)
    send(heard["studio"], "set", name="instrument", value="piano")
    again = App(app.state.folder)
    panels = show(again)
    assert again.jobs.wait(60)
    assert panels["upload"].ideas == heard["upload"].ideas
    assert panels["results"].groups == heard["results"].groups
    assert panels["studio"].form["instrument"] == "piano" and panels["studio"].analysis["tempo"]["bpm"]


def test_cells_may_run_again_and_in_any_order(app, idea_file):
    app.show_results()
    app.show_mode()
    assert app._panels["studio"].idea == {}
    send(app._panels["studio"], "generate")
    assert "Upload an idea first" in app._panels["studio"].message["text"]
    app.show_upload(str(idea_file))
    old = app._panels["upload"]
    app.show_upload()
    assert app._panels["upload"] is old and old.ideas, "an older view of it must not die"
    assert app.jobs.wait(60) and app._panels["studio"].analysis


def test_an_idea_chosen_while_a_job_runs_is_heard_afterwards(app, heard, tmp_path):
    other = tmp_path / "other.wav"
    write_wav(other, signals.click_track(90, 6.0, accent_every=4)[0])
    for name, value in (("mode", "advanced"), ("engine", "musicgen")):
        send(heard["studio"], "set", name=name, value=value)
    send(heard["studio"], "generate")
    assert upload(app, other)["ok"] and app.analysis is None
    send(heard["studio"], "generate")
    assert "Still listening" in heard["studio"].message["text"]
    send(heard["studio"], "cancel")
    for _ in range(300):
        if heard["studio"].analysis:  # shown on the job's thread, after it was heard
            break
        app.jobs.wait(0.1)
        time.sleep(0.02)
    assert heard["studio"].analysis["tempo"]["bpm"] == pytest.approx(90, abs=0.5)


def test_taking_the_same_file_again_keeps_what_was_said_about_it(app, heard, idea_file):
    send(heard["studio"], "set", name="bpm", value=60)
    app.show_upload(str(idea_file))
    assert app.form.bpm == 60
    other = idea_file.with_name("other.wav")
    write_wav(other, signals.noise(3.0))
    app.ideas.add(other)
    assert app.form.bpm is None


def test_run_all_with_form_values_makes_loops_without_a_click(app, idea_file):
    app.show_upload(str(idea_file))
    app.show_mode("normal", "808", generate=True)
    app.show_results()
    assert app._panels["results"].groups[0]["title"].startswith("808")


def test_every_bad_file_is_one_sentence(app, tmp_path, idea_file):
    show(app)
    for name, data in (("empty.wav", b""), ("page.mp3", b"<html></html>"), ("noise.mp3", bytes(range(256)) * 40)):
        path = tmp_path / name
        path.write_bytes(data)
        assert not upload(app, path)["ok"]
        message = app._panels["upload"].message
        assert message["tone"] == "bad" and name in message["text"] and not message["details"]
    assert upload(app, idea_file)["ok"] and len(app.state.ideas) == 1


def test_an_unreadable_loop_does_not_hide_the_others(app, heard):
    groups = generate(app, heard)
    broken = app.state.folder / groups[0]["loops"][1]["id"]
    broken.with_suffix(".wav").unlink()
    app.show_results()
    assert len(app._panels["results"].groups[0]["loops"]) == 2


def test_the_readiness_table_names_facts_and_the_next_step(app):
    app.show_models()
    report = app._panels["readiness"].report
    assert {fact["label"] for fact in report["machine"]} == {"GPU", "Memory", "Disk", "Hugging Face token"}
    assert report["line"].startswith("Sketch and MusicGen can play now")
    row = next(row for row in report["engines"] if row["name"] == "stable-audio-open")
    assert row["reason"] and "gated" in row["licence"]


def test_a_token_stays_out_of_files_and_views(app, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "")
    app.show_login()
    panel = app._panels["login"]
    send(panel, "token", token=" ")
    assert "empty" in panel.message["text"]
    send(panel, "token", token="hf_secret")
    assert panel.status["known"] and "hf_secret" not in str(panel.get_state())
    app.state.save()
    assert "hf_secret" not in (app.state.folder / "notebook-state.json").read_text()


def test_a_sound_under_another_name_keeps_its_own(app, heard, idea_file):
    send(heard["studio"], "span", span=[1.9, 3.7])
    assert app.jobs.wait(60)
    other = idea_file.with_name("renamed.wav")
    shutil.copy(idea_file, other)
    assert upload(app, other)["ok"] and app.jobs.wait(60)
    assert [idea["name"] for idea in heard["upload"].ideas] == ["my idea.wav"]
    assert "“renamed.wav” is the same sound as “my idea.wav”" in heard["upload"].message["text"]
    assert heard["studio"].idea["span"] and app.analysis.tempo.bars == 1, "the part that is meant stays"


def test_a_discarded_folder_does_not_break_the_next_save(app, heard):
    shutil.rmtree(app.state.folder)
    send(heard["studio"], "set", name="bars", value=2)
    assert (app.state.folder / "notebook-state.json").is_file()


def test_drums_used_as_idea_keep_the_songs_key(app, heard):
    for name, value in (("key", "E minor"), ("instrument", "drum kit")):
        send(heard["studio"], "set", name=name, value=value)
    first = generate(app, heard)[0]["loops"][0]
    send(heard["results"], "as_idea", name=first["id"])
    assert app.jobs.wait(60)
    send(heard["studio"], "set", name="instrument", value="bass guitar")
    assert heard["studio"].plan["key"] == "E minor"
