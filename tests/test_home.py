"""Where cached things lie."""

from pathlib import Path

from helpers.machine.home import cache_home


def test_order_of_precedence(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_home() == tmp_path / "mine"
    monkeypatch.delenv("LOOPS_HOME")
    assert cache_home() == tmp_path / "xdg" / "loops-generator"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_home() == Path.home() / ".cache" / "loops-generator"
    assert not (tmp_path / "mine").exists(), "naming the folder does not make it"
