"""What is special about Colab, with stand-ins for its packages."""

import sys
import types

import pytest

from helpers.errors import NotAvailable
from helpers.ui import colab


@pytest.fixture
def google(monkeypatch, tmp_path):
    """A google.colab that answers as the real one does."""
    package, inner = types.ModuleType("google"), types.ModuleType("google.colab")
    package.__path__ = inner.__path__ = []
    inner.__spec__ = types.SimpleNamespace(name="google.colab")
    inner.userdata = types.SimpleNamespace(get=lambda name: {"HF_TOKEN": "hf_x"}[name])
    mounted = []
    inner.drive = types.SimpleNamespace(mount=lambda at: (mounted.append(at), (tmp_path / "MyDrive").mkdir()))
    monkeypatch.setitem(sys.modules, "google", package)
    monkeypatch.setitem(sys.modules, "google.colab", inner)
    monkeypatch.setattr(colab, "DRIVE", tmp_path)
    monkeypatch.setattr(colab, "DRIVE_FOLDER", tmp_path / "MyDrive" / "Loops Generator")
    inner.mounted = mounted
    return inner


def test_elsewhere_nothing_of_colab_is_there(tmp_path):
    assert not colab.in_colab() and colab.secret_token() is None
    with pytest.raises(NotAvailable, match="Colab"):
        colab.save_to_drive([tmp_path])


def test_the_secret_is_read_and_a_missing_one_is_none(google):
    assert colab.in_colab() and colab.secret_token() == "hf_x"
    google.userdata.get = lambda name: (_ for _ in ()).throw(RuntimeError("SecretNotFoundError"))
    assert colab.secret_token() is None


def test_drive_is_mounted_once_and_nothing_is_overwritten(google, tmp_path):
    loop = tmp_path / "loop.wav"
    for text in ("one", "two"):
        loop.write_text(text)
        folder = colab.save_to_drive([loop])
    assert google.mounted == [str(tmp_path)]
    assert (folder / "loop.wav").read_text() == "one" and (folder / "loop-2.wav").read_text() == "two"
