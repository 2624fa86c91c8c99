"""Ideas and lists into jobs: ids that last, rows with their own settings, refusals that name the row."""

import json

import pytest

from helpers.batch.jobs import plan_jobs
from helpers.errors import InvalidInput


@pytest.fixture
def folder(tmp_path):
    for name in ("b.wav", "a.mp3", "notes.txt", ".hidden.wav"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "stems.wav").mkdir()
    return tmp_path


def test_a_folder_gives_its_audio_by_name(folder):
    jobs = plan_jobs([folder], ["bass guitar", "piano"], {"bars": "2"})
    assert [(job.idea.name, job.instrument) for job in jobs] == [
        ("a.mp3", "bass guitar"), ("a.mp3", "piano"), ("b.wav", "bass guitar"), ("b.wav", "piano"),
    ]  # fmt: skip
    assert len({job.folder for job in jobs}) == 4 and all(job.settings["bars"] == "2" for job in jobs)


def test_one_source_and_one_instrument_may_stand_alone(folder):
    assert plan_jobs(str(folder), "piano", {}) == plan_jobs([folder], ["piano"], {})


def test_ids_follow_bytes_and_settings_alone(folder):
    (first,) = plan_jobs([folder / "b.wav"], ["piano"], {})
    (folder / "copy.wav").write_bytes(b"b.wav")
    (copy,) = plan_jobs([folder / "copy.wav"], ["piano"], {})
    (other,) = plan_jobs([folder / "b.wav"], ["piano"], {"bars": "8"})
    (seeded,) = plan_jobs([folder / "b.wav"], ["piano"], {"seed": "7"})
    assert first.id == copy.id and len({first.id, other.id, seeded.id}) == 3
    assert 0 <= first.settings["seed"] < 1_000_000 and first.settings["seed"] != other.settings["seed"]
    assert len(plan_jobs([folder / "b.wav", folder / "copy.wav"], ["piano", "piano"], {})) == 1


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_list_has_settings_of_its_own_a_row(folder, kind):
    rows = [{"idea": "a.mp3", "instrument": "organ", "bars": "8"}, {"idea": "b.wav"}]
    path = folder / f"list.{kind}"
    path.write_text("idea,instrument,bars\na.mp3,organ,8\nb.wav,,\n" if kind == "csv" else json.dumps(rows))
    one, two = plan_jobs([path], ["piano"], {"bars": "2"})
    assert (one.idea, one.instrument, one.settings["bars"]) == (folder / "a.mp3", "drawbar organ", "8") or (
        one.instrument, one.settings["bars"]) == ("organ", "8")  # fmt: skip
    assert (two.instrument, two.settings["bars"]) == ("piano", "2")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("idea,bars\na.mp3,99\n", "Row 1 of “list.csv”: bars is '99'"),
        ("idea,colour\na.mp3,red\n", "Row 1 of “list.csv”: there is no control 'colour'"),
        ("bars\n4\n", "Row 1 of “list.csv”: it names no idea"),
        ("idea\na.mp3,4\n", "does not hold one row an idea"),
        ("idea,engine\na.mp3,gpt\n", "gpt"),
    ],
)
def test_a_bad_row_is_named(folder, text, words):
    (folder / "list.csv").write_text(text)
    with pytest.raises(InvalidInput) as refused:
        plan_jobs([folder / "list.csv"], ["piano"], {})
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["\ufeffIdea;BPM\r\na.mp3;92,5\r\n\r\na.mp3;92,5\r\n", "idea\tbpm\na.mp3\t92.5\n"])
def test_lists_of_any_spreadsheet_are_read(folder, text):
    (folder / "list.csv").write_bytes(text.encode())
    (job,) = plan_jobs([folder / "list.csv"], ["piano"], {})
    (same,) = plan_jobs([folder / "a.mp3"], ["piano"], {"bpm": 92.5})
    assert job.id == same.id


@pytest.mark.parametrize(
    "row", [{"idea": 5}, {"idea": "a\0.mp3"}, {"idea": "a.mp3", "instrument": ["piano", "bass"]},
            {"idea": "a.mp3", "bars": True}, {"idea": "a.mp3", "seed": 10**400}]
)  # fmt: skip
def test_values_of_a_wrong_kind_are_refused_with_their_row(folder, row):
    (folder / "list.json").write_text(json.dumps([row]))
    with pytest.raises(InvalidInput, match=r"^Row 1 of “list.json”: .{1,200}$"):
        plan_jobs([folder / "list.json"], ["piano"], {})


def test_nothing_to_do_is_said(folder):
    for sources, instruments, words in [([], ["piano"], "No audio"), ([folder], [], "No instrument is named")]:
        with pytest.raises(InvalidInput, match=words):
            plan_jobs(sources, instruments, {})
    (folder / "list.json").write_text("[" * 100_000)
    with pytest.raises(InvalidInput, match="is not a CSV or JSON file"):
        plan_jobs([folder / "list.json"], ["piano"], {})
