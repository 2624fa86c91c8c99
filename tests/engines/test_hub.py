"""Downloads against a Hub on loopback: each refusal its own sentence, nothing half left behind, the token nowhere."""

import fnmatch
import json
import os
import re
import shutil
import threading
import time
from pathlib import Path

import pytest

constants = pytest.importorskip("huggingface_hub.constants")

from helpers.engines.hub import download as hub
from helpers.engines.hub import sources
from helpers.errors import Cancelled, NotAvailable
from tests.engines.conftest import hub_home
from tests.engines.fake_hub import COMMIT, COMMITS, FakeHub

TOKEN = "hf_thisIsASecretToken1234"
WEIGHTS = bytes(range(256)) * 8192  # 2 MiB
FILES = {
    "config.json": b'{"model_type": "musicgen"}',
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle nobody asked for",
    "README.md": b"words",
}
SOURCE = sources.SOURCES["musicgen-small"]
GATED = sources.ModelSource("gated-model", "someone/gated", "some licence", 1.0, parts=("",), gated=True)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING", "LOOPS_MODEL")):
            monkeypatch.delenv(name)
    hub_home(monkeypatch, tmp_path / "hf")
    monkeypatch.setattr(hub, "READ_SECONDS", 1)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # the library reads its variables when it is imported
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
    with FakeHub(dict(FILES)) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def blobs(source=SOURCE):
    return list((sources.repository_folder(source) / "blobs").glob("*"))


def test_a_model_is_downloaded_once_then_found_without_the_hub(fake):
    seen = []
    folder = hub.fetch_model(SOURCE, lambda stage, fraction=None, left=None: seen.append((stage, fraction)))
    assert folder.name == COMMIT
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert any("GB" in stage for stage, _ in seen)
    asked = len(fake.asked)
    assert hub.fetch_model(SOURCE) == folder
    assert len(fake.asked) == asked


def test_pickles_are_never_downloaded(fake):
    folder = hub.fetch_model(SOURCE)
    assert not (folder / "pytorch_model.bin").exists()
    assert not any("pytorch_model.bin" in path for _, path, _ in fake.asked)


@pytest.mark.parametrize(
    ("refuse", "token", "sentence"),
    [
        ("gated", False, r"asks everyone to accept its licence and no Hub token was found; open http.*HF_TOKEN"),
        ("gated", True, r"has not been accepted by the account of this token; open http"),
        ("wrong-token", True, r"did not accept the token .* mistyped or expired"),
        ("wrong-token", False, r"wants a login .* no token was found"),
        ("forbidden", True, r"The token may not read someone/gated"),
        ("no-repository", True, r"The Hub has no model someone/gated"),
        ("no-revision", True, r"has no revision 'main'"),
        ("too-many", True, r"asks us to slow down"),
        ("down", True, r"an error of its own \(500\)"),
        ("silent", True, r"cannot be reached or did not answer in time"),
    ],
)
def test_every_refusal_has_its_own_sentence(fake, monkeypatch, refuse, token, sentence):
    fake.refuse = refuse
    if token:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(NotAvailable, match=sentence) as caught:
        hub.fetch_model(GATED)
    assert TOKEN not in str(caught.value)
    assert not blobs(GATED)


def test_sentences_differ_from_one_another():
    kinds = ("gated", "wrong-token", "forbidden", "no-repository", "no-revision", "no-file", "incomplete", "too-many")
    kinds += ("hub-down", "network", "broken", "truncated", "little-disk", "full-disk", "offline", "other")
    assert len({hub.explain(SOURCE, {"kind": kind}, token=True) for kind in kinds}) == len(kinds)


def test_nobody_there_is_said_as_such(fake, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(NotAvailable, match=r"127\.0\.0\.1:9 cannot be reached"):
        hub.fetch_model(SOURCE)


@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_damaged_file_is_thrown_away_and_fetched_again(fake, damage):
    fake.refuse, fake.times = damage, 1
    folder = hub.fetch_model(SOURCE)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("damage", ["truncated", "changed"])
def test_a_file_damaged_every_time_leaves_nothing_half(fake, damage):
    fake.refuse = damage
    with pytest.raises(NotAvailable, match="cut short or changed 3 times and was thrown away"):
        hub.fetch_model(SOURCE)
    assert not [blob for blob in blobs() if blob.name.endswith(".incomplete") or blob.stat().st_size > 10_000]
    assert sources.cached_folder(SOURCE) is None


@pytest.mark.parametrize("fault", ["hanging", "breaking"])
def test_a_download_that_hangs_or_breaks_goes_on_where_it_was(fake, fault):
    fake.refuse, fake.times = fault, 2
    folder = hub.fetch_model(SOURCE)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert len(fake.ranges) >= 2, "another try began again from nothing"


def test_a_download_that_always_breaks_ends_in_a_sentence(fake, monkeypatch):
    from huggingface_hub import file_download

    real = file_download.http_get

    def breaks(url, out, **given):
        if not url.endswith(".safetensors"):
            return real(url, out, **given)
        out.write(WEIGHTS[:1000])
        raise ConnectionError("the connection was reset")

    monkeypatch.setattr(file_download, "http_get", breaks)
    with pytest.raises(NotAvailable, match=r"The connection broke 3 times .* kept and will be resumed"):
        hub.fetch_model(SOURCE)
    assert sources.cached_folder(SOURCE) is None
    assert [blob for blob in blobs() if blob.name.endswith(".incomplete")]


def test_cancel_ends_the_download_and_keeps_what_arrived(fake):
    fake.refuse = "breaking"
    arrived = lambda: [b for b in blobs() if b.name.endswith(".incomplete") and b.stat().st_size]  # noqa: E731
    with pytest.raises(Cancelled, match="kept and resumed next time"):
        hub.fetch_model(SOURCE, cancel=lambda: bool(arrived()))
    assert arrived()
    fake.refuse = ""
    assert (hub.fetch_model(SOURCE) / "model.safetensors").read_bytes() == WEIGHTS
    assert fake.ranges, "it began again from nothing"


def test_cancel_does_not_wait_for_a_network_that_hangs(fake, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 30)
    fake.refuse = "hanging"
    hangs_by = time.monotonic() + 1.5
    with pytest.raises(Cancelled, match="kept and resumed next time"):
        hub.fetch_model(SOURCE, cancel=lambda: time.monotonic() > hangs_by)
    assert any(thread.name == "hub-fetch" for thread in threading.enumerate()), "it waited for the network"


@pytest.mark.parametrize("end", [Cancelled, KeyboardInterrupt])
def test_a_download_that_was_left_does_not_go_on_beside_the_next(fake, end):
    fake.refuse, fake.times = "hanging", 1
    pressed = []

    def once() -> bool:  # as a page asks: the check is false again when something new is asked for
        there = any(b.name.endswith(".incomplete") and b.stat().st_size for b in blobs())
        if pressed or not there or threading.current_thread() is not threading.main_thread():
            return False
        pressed.append(True)
        if end is KeyboardInterrupt:  # of a cell
            raise KeyboardInterrupt
        return True

    with pytest.raises(end):
        hub.fetch_model(SOURCE, cancel=once)
    for thread in [t for t in threading.enumerate() if t.name == "hub-fetch"]:
        thread.join(20)
    assert sources.cached_folder(SOURCE) is None, "it went on by itself"


def test_two_that_want_the_same_model_fetch_it_once(fake, monkeypatch):
    from huggingface_hub import file_download

    begun, get = [], file_download.http_get

    def slow(url, *args, **more):
        begun.append(url)
        time.sleep(0.5)
        get(url, *args, **more)

    monkeypatch.setattr(file_download, "http_get", slow)
    folders = []
    threads = [threading.Thread(target=lambda: folders.append(hub.fetch_model(SOURCE))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(folders) == 2 and (folders[0] / "model.safetensors").read_bytes() == WEIGHTS
    assert sum(url.endswith("model.safetensors") for url in begun) == 1


def test_a_cache_that_cannot_be_written_is_named(fake, monkeypatch, tmp_path):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "taken" / "hub"))
    with pytest.raises(NotAvailable, match=f"cache in {tmp_path}/taken.* cannot be written .*HF_HOME"):
        hub.fetch_model(SOURCE)


def test_too_little_disk_is_said_before_anything_is_fetched(fake, monkeypatch):
    free = shutil.disk_usage("/")._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(NotAvailable, match="GiB are free"):
        hub.fetch_model(SOURCE)
    assert not any("/resolve/" in path for _, path, _ in fake.asked)


def test_a_full_disk_is_told_from_other_failures_and_leaves_no_half_file(fake, monkeypatch):
    piece = sources.repository_folder(SOURCE) / "blobs" / "abc.incomplete"
    piece.parent.mkdir(parents=True)
    piece.write_bytes(b"half")

    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hub, "_fetch_blob", no_space)
    with pytest.raises(NotAvailable, match="The disk filled up"):
        hub.fetch_model(SOURCE)
    assert not piece.exists()


@pytest.mark.parametrize("fault", ["", "breaking"])
def test_nothing_is_shown_but_what_we_say(fake, capfd, caplog, fault):
    fake.refuse, fake.times = fault, 1
    hub.fetch_model(SOURCE)
    assert capfd.readouterr() == ("", "") and not caplog.records


def test_access_can_be_asked_without_downloading(fake, monkeypatch):
    assert hub.check_access(GATED) == ""
    assert not any("/resolve/" in path for _, path, _ in fake.asked)
    fake.refuse = "gated"
    assert "no Hub token was found" in hub.check_access(GATED)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "has not been accepted" in hub.check_access(GATED)
    assert not blobs(GATED)


def test_a_model_without_safetensors_is_refused(fake):
    del fake.files["model.safetensors"]
    with pytest.raises(NotAvailable, match="does not hold everything we need as safetensors"):
        hub.fetch_model(SOURCE)


def test_weights_that_stand_in_a_pull_request_are_taken_from_there(fake):
    medium = sources.SOURCES["musicgen-medium"]
    fake.elsewhere["refs/pr/10"] = dict(fake.files)
    del fake.files["model.safetensors"]
    folder = hub.fetch_model(medium)
    assert folder.name == COMMITS["refs/pr/10"] and (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert sources.cached_folder(medium) == folder, "found again without the Hub"
    fake.files["model.safetensors"] = WEIGHTS
    shutil.rmtree(sources.repository_folder(medium))
    assert hub.fetch_model(medium).name == COMMIT, "merged: main is taken"


LISTINGS = json.loads((Path(__file__).parent / "hub_listings.json").read_text(encoding="utf-8"))["listings"]
HOLDS_FILES = [
    source
    for source in sources.SOURCES.values()
    if all(fnmatch.filter(LISTINGS.get(f"{source.hub_id}@main", ()), file) for file in source.files or ("*",))
]


@pytest.mark.parametrize("source", HOLDS_FILES, ids=lambda source: source.name)
def test_of_the_real_repositories_everything_needed_is_fetched_and_nothing_twice(fake, source):
    fake.listings = LISTINGS
    revision, _, sizes = hub.choose(source)
    assert sum(sizes.values()) == pytest.approx(source.download_gib * 2**30, rel=0.03)
    whole = LISTINGS[f"{source.hub_id}@{revision}"]
    heavy = {name for name in sizes if sizes[name] > 50e6}
    stems = [re.sub(r"-\d{5}-of-\d{5}|\.fp32", "", name) for name in heavy]
    shards = [name for name in heavy if "-of-" in name]
    assert len(set(stems)) == len(stems) - max(0, len(shards) - 1), "one copy of every part"
    assert {name for name in whole if name.endswith(("config.json", "tokenizer.json"))} <= set(sizes) or source.files
    assert not [name for name in sizes if name.endswith((".bin", ".ckpt")) and name not in source.files]


def test_offline_mode_is_named(fake, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NotAvailable, match=r"Offline mode is on \(HF_HUB_OFFLINE\)"):
        hub.fetch_model(SOURCE)


def test_the_token_goes_to_the_hub_and_nowhere_else(fake, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    stages = []
    hub.fetch_model(GATED, lambda stage, *_: stages.append(stage))
    assert {header for _, _, header in fake.asked} == {f"Bearer {TOKEN}"}
    out, err = capfd.readouterr()
    assert TOKEN not in out + err + "".join(stages)
    written = [p for p in tmp_path.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()]
    assert not written


def test_the_token_is_found_where_the_hub_keeps_it(fake, monkeypatch, tmp_path):
    assert hub.find_token() is None
    place = tmp_path / "hf" / "token"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert hub.find_token() == TOKEN
    monkeypatch.setenv("HF_TOKEN", " from-environment ")
    assert hub.find_token() == "from-environment"
