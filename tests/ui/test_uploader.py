"""Files come in whole, whatever the transport; bad ones leave nothing behind."""

import hashlib
import tempfile
from pathlib import Path

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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where temporary files come to lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def arrived(uploads, upload=1):
    with uploads.finish(upload)[0] as file:
        return Path(file.name).read_bytes()


def test_slices_make_the_file_whole(folder):
    uploads, data = Uploads(), bytes(range(256)) * 100
    assert send(uploads, data)["got"] == len(data)
    file, name = uploads.finish(1)
    with file:
        assert name == "a.wav" and Path(file.name).read_bytes() == data
    assert not list(folder.iterdir()), "gone when it is closed"


def test_a_slice_sent_twice_is_taken_once(folder):
    uploads = Uploads()
    content = {"upload": 1, "at": 0, "size": 6, "name": "a"}
    assert uploads.take(**content, data=b"abc")["got"] == 3
    assert uploads.take(**content, data=b"abc")["got"] == 3
    assert uploads.take(**content | {"at": 3}, data=b"def")["got"] == 6
    assert arrived(uploads) == b"abcdef"


def test_choosing_again_drops_the_first_file(folder):
    uploads = Uploads()
    send(uploads, b"first", upload=1)
    send(uploads, b"second", upload=2)
    with pytest.raises(InvalidInput, match="No file has arrived"):
        uploads.finish(1)
    assert len(list(folder.iterdir())) == 1
    assert arrived(uploads, 2) == b"second"


def test_a_file_over_the_limit_is_refused_before_it_fills_the_disk(folder):
    uploads = Uploads()
    with pytest.raises(InvalidInput, match="limit"):
        uploads.take(1, 0, LARGEST_BYTES + 1, "a", b"x")
    assert not list(folder.iterdir())


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
