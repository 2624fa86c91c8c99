"""Files appear whole or not at all, and never over another one."""

import os

import pytest

from helpers.errors import InvalidInput
from helpers.machine import files


def test_nothing_is_overwritten_and_nothing_half_is_left(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    files.write_whole(path, b"first")
    with pytest.raises(InvalidInput, match="exists already"):
        files.write_whole(path, b"second")
    assert path.read_bytes() == b"first"

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match="No space left"):
        files.write_whole(tmp_path / "b.bin", b"x" * 1000)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_drives_without_hard_links_are_written_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    files.write_whole(tmp_path / "a.bin", b"x")
    with pytest.raises(InvalidInput, match="exists already"):
        files.write_whole(tmp_path / "a.bin", b"y")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.bin", b"x")]


def test_without_hard_links_a_race_for_a_name_has_one_winner(tmp_path, monkeypatch):
    """Another writer takes the name between our look and our write: its file stays."""
    path = tmp_path / "a.bin"

    def refuse(*_):
        path.write_bytes(b"theirs")
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os.path, "exists", lambda _: False)
    with pytest.raises(InvalidInput, match="exists already"):
        files.write_whole(path, b"ours")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.bin", b"theirs")]
