"""A better SoundFont is fetched, checked, unpacked, found; any fault is a sentence and leaves nothing half."""

import dataclasses
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from helpers.errors import Cancelled, NotAvailable
from helpers.machine.fetch import RemoteFile
from helpers.sketch import sound_fetch
from helpers.sketch.soundfont import _packaged, find_soundfont, forget_soundfont

NAME = "MuseScore_General_Lite.sf2"
BANK = _packaged().read_bytes()


def debian_package(bank: bytes) -> bytes:
    """An ar archive as Debian's are: a version, a control member of odd length, the files."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as archive:
        for name, data in (("./usr/share/doc/readme", b"read"), (f"./usr/share/sounds/sf2/{NAME}", bank)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    out = b"!<arch>\n"
    for name, data in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", tar.getvalue())):
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
    return out


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Tests print nothing."""


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """``serve(package, bank=BANK)``: a server that has this package, pinned as the real one is, and an empty cache."""
    folder = tmp_path / "server"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Quiet(*args, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LOOPS_SOUNDFONT", raising=False)
    monkeypatch.setattr("helpers.sketch.soundfont.FOLDERS", ())
    monkeypatch.setattr(sound_fetch, "BANKS_SOURCE", f"http://127.0.0.1:{server.server_port}/")
    forget_soundfont()

    def pin(package: bytes, sha256: str = "", bank: bytes = BANK) -> None:
        (folder / "bank.deb").write_bytes(package)
        pinned = RemoteFile("bank.deb", len(package), sha256 or hashlib.sha256(package).hexdigest())
        known = dataclasses.replace(
            sound_fetch.MUSESCORE,
            package=pinned,
            member=NAME,
            member_sha256=hashlib.sha256(bank).hexdigest(),
            disk_bytes=148_000_000,
        )
        monkeypatch.setattr(sound_fetch, "MUSESCORE", known)
        monkeypatch.setattr(
            sound_fetch.fetch_soundfont, "__defaults__", (*sound_fetch.fetch_soundfont.__defaults__[:2], known)
        )

    yield pin
    server.shutdown()
    server.server_close()
    forget_soundfont()


def kept() -> list[str]:
    return sorted(path.name for path in sound_fetch.MUSESCORE.path.parent.glob("*"))


def test_it_is_fetched_on_the_users_word_and_the_sketch_sounds_through_it(serve):
    serve(debian_package(BANK))
    assert not sound_fetch.has_good_soundfont() and find_soundfont().path == _packaged()
    told = []
    assert sound_fetch.fetch_soundfont(lambda stage, fraction=None, left=None: told.append(stage)).read_bytes() == BANK
    assert sound_fetch.has_good_soundfont()
    assert (find_soundfont().title, find_soundfont().licence) == ("MuseScore General", "MIT")
    assert kept() == [NAME]
    assert "MIT licence" in told[0] and "MB" in told[0]


def test_a_second_fetch_asks_for_nothing(serve, monkeypatch):
    serve(debian_package(BANK))
    sound_fetch.fetch_soundfont()
    monkeypatch.setattr(sound_fetch, "BANKS_SOURCE", "http://127.0.0.1:9/")
    sound_fetch.fetch_soundfont()


@pytest.mark.parametrize(("package", "pinned", "said"), [
    (debian_package(BANK), "0" * 64, "SHA-256"),
    (debian_package(b"RIFF another bank"), "", "does not hold the bank"),
    (debian_package(BANK)[:-200], "", "could not be unpacked"),
    (b"<html>not a package</html>", "", "not a Debian package"),
    (b"!<arch>\n", "", "holds no data.tar.xz"),
])  # fmt: skip
def test_a_wrong_package_leaves_the_old_sound(serve, package, pinned, said):
    serve(package, pinned)
    with pytest.raises(NotAvailable, match=said):
        sound_fetch.fetch_soundfont()
    assert NAME not in kept() and not [name for name in kept() if name.endswith(".part")]
    assert find_soundfont().path == _packaged()


def test_a_small_disk_is_said_before_anything_is_fetched(serve, monkeypatch):
    serve(debian_package(BANK))
    usage = type("usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(NotAvailable, match="while it is unpacked, needs 153 MB and 1 MB are free"):
        sound_fetch.fetch_soundfont()
    assert kept() == []


def test_a_cancelled_fetch_leaves_the_old_sound(serve):
    serve(debian_package(BANK))
    with pytest.raises(Cancelled):
        sound_fetch.fetch_soundfont(cancel=lambda: True)
    assert NAME not in kept()
