"""Files come in whole, whatever the transport; bad ones leave nothing behind."""

import hashlib
import os
import time

import pytest

from helpers.errors import InvalidInput
from helpers.sound.audio import LARGEST_BYTES, write_wav
from helpers.ui.state import State
from helpers.ui.uploader import Uploads, store_idea
from tests import signals


def send(uploads, data, upload=1, name="a.wav", slice_bytes=1000):
    acknowledgement = None
    for at in range(0, max(1, len(data)), slice_bytes):
        content = {"upload": upload, "at": at, "size": len(data), "name": name}
        acknowledgement = uploads.take(**content, data=data[at : at + slice_bytes])
    return acknowledgement


def test_slices_make_the_file_whole(tmp_path):
    uploads, data = Uploads(tmp_path), bytes(range(256)) * 100
    assert send(uploads, data)["got"] == len(data)
    path, name = uploads.finish(1)
    assert name == "a.wav" and path.read_bytes() == data


def test_a_slice_sent_twice_is_taken_once(tmp_path):
    uploads = Uploads(tmp_path)
    content = {"upload": 1, "at": 0, "size": 6, "name": "a"}
    assert uploads.take(**content, data=b"abc")["got"] == 3
    assert uploads.take(**content, data=b"abc")["got"] == 3
    assert uploads.take(**content | {"at": 3}, data=b"def")["got"] == 6
    assert uploads.finish(1)[0].read_bytes() == b"abcdef"


def test_choosing_again_drops_the_first_file(tmp_path):
    uploads = Uploads(tmp_path)
    send(uploads, b"first", upload=1)
    send(uploads, b"second", upload=2)
    with pytest.raises(InvalidInput, match="No file has arrived"):
        uploads.finish(1)
    assert uploads.finish(2)[0].read_bytes() == b"second"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_over_the_limit_is_refused_before_it_fills_the_disk(tmp_path):
    uploads = Uploads(tmp_path)
    with pytest.raises(InvalidInput, match="limit"):
        uploads.take(1, 0, LARGEST_BYTES + 1, "a", b"x")
    assert not list(tmp_path.iterdir())


def test_an_idea_is_kept_under_its_digest(tmp_path, idea_file):
    state = State(tmp_path / "loops")
    entry, idea = store_idea(state, idea_file, "étude 🎹.WAV")
    digest = hashlib.sha256(idea_file.read_bytes()).hexdigest()
    assert entry.file == f"{digest[:12]}.wav" and state.current == entry.id == digest[:12]
    assert state.idea_path(entry).read_bytes() == idea_file.read_bytes()
    assert max(entry.peaks) > 10 and idea.clip.channels == 2
    store_idea(state, idea_file, "again.wav")
    assert len(state.ideas) == 1 and len(list(state.ideas_folder.iterdir())) == 1


def test_another_sound_of_the_same_name_is_numbered(tmp_path, idea_file):
    state = State(tmp_path / "loops")
    other = tmp_path / "other.wav"
    write_wav(other, signals.noise(2.0))
    names = [store_idea(state, path, "idea.wav")[0].name for path in (idea_file, other, idea_file)]
    assert names == ["idea.wav", "idea (2).wav", "idea.wav"]


def test_a_bad_file_leaves_nothing(tmp_path):
    bad = tmp_path / "page.mp3"
    bad.write_text("<html>no</html>")
    state = State(tmp_path / "loops")
    with pytest.raises(InvalidInput, match="not audio"):
        store_idea(state, bad, bad.name)
    assert state.ideas == [] and not state.ideas_folder.exists()


def test_what_a_dead_kernel_left_behind_is_swept_and_a_running_upload_is_not(tmp_path):
    for name, age_seconds in ((".incoming-old", 7200), (".incoming-now", 5), ("kept.wav", 7200)):
        path = tmp_path / name
        path.write_bytes(b"x")
        os.utime(path, (time.time() - age_seconds,) * 2)
    Uploads(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".incoming-now", "kept.wav"}
