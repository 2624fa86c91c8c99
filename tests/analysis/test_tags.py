"""Genre and mood: the front-end equals essentia's, the path runs on stand-in models, a fault is one sentence."""

import errno
import hashlib
import http.server
import json
import threading
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from helpers.analysis import analyze, ears, effnet, tag_models, tags
from helpers.analysis.listening import Listening
from helpers.analysis.musicnn import MODELS, Tagged
from helpers.errors import Cancelled, NotAvailable
from helpers.machine.fetch import RemoteFile
from helpers.records import Clip
from tests import signals

STYLES = [f"Electronic---Style {i}" for i in range(398)] + ["Hip Hop---Boom Bap", "Non-Music---Speech"]
MOODS = [f"theme {i}" for i in range(54)] + ["dream", "happy"]


def onnx_model(weights: dict[str, np.ndarray], given: str, shape: list) -> bytes:
    """A graph of the real names and shapes: mean over time, then one matrix and a sigmoid (or none) an output."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    nodes, tensors, outputs, source = [], [], [], given
    if len(shape) == 3:
        axes = numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")
        tensors.append(axes)
        nodes.append(helper.make_node("ReduceMean", [given, "axes"], ["pooled"], keepdims=0))
        source = "pooled"
    for name, matrix in weights.items():
        tensors.append(numpy_helper.from_array(matrix.astype(np.float32), name + "_w"))
        sigmoid = name == "activations"
        nodes.append(helper.make_node("MatMul", [source, name + "_w"], [name + "_raw" if sigmoid else name]))
        if sigmoid:
            nodes.append(helper.make_node("Sigmoid", [name + "_raw"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", matrix.shape[1]]))
    given_info = helper.make_tensor_value_info(given, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "stand-in", [given_info], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString()


def stand_ins() -> dict[str, bytes]:
    rng = np.random.default_rng(3)
    styles, moods = rng.normal(-0.5, 0.02, (96, 400)), rng.normal(-0.01, 0.001, (1280, 56))
    styles[:, 398], styles[:, 399] = 0.5, 1.0  # boom bap is loud, speech louder but no music
    embeddings = np.abs(rng.normal(0, 0.1, (96, 1280)))
    moods[:, 54] = 0.01  # dream
    return {
        tag_models.BACKBONE.name: onnx_model(
            {"activations": styles, "embeddings": embeddings}, "melspectrogram", ["n", 128, 96]
        ),
        tag_models.STYLE_LABELS.name: json.dumps({"classes": STYLES}).encode(),
        tag_models.MOOD_HEAD.name: onnx_model({"activations": moods}, "embeddings", ["n", 1280]),
        tag_models.MOOD_LABELS.name: json.dumps({"classes": MOODS}).encode(),
    }


class Server(http.server.BaseHTTPRequestHandler):
    """Serves ``files`` with ranges; ``cut`` ends every answer after so many bytes; notes the ranges asked for."""

    files: ClassVar[dict[str, bytes]] = {}
    cut: ClassVar[int | None] = None
    asked: ClassVar[list[str | None]] = []

    def do_GET(self):
        data = self.files.get(self.path.rsplit("/", 1)[-1])
        if data is None:
            self.send_error(404)
            return
        wanted = self.headers.get("Range")
        type(self).asked.append(wanted)
        start = int(wanted.split("=")[1].rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : None if self.cut is None else start + self.cut])

    def log_message(self, *args):
        """Tests print nothing."""


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Stand-in files on a local server, pinned as the real ones are, and an empty cache."""
    files = stand_ins()
    pinned = {
        name: RemoteFile(file.path, len(files[file.name]), hashlib.sha256(files[file.name]).hexdigest())
        for name, file in vars(tag_models).items()
        if isinstance(file, RemoteFile)
    }
    for name, file in pinned.items():
        monkeypatch.setattr(tag_models, name, file)
        monkeypatch.setattr(tags, name, file)
    monkeypatch.setattr(tag_models, "TAG_FILES", tuple(pinned.values()))
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    Server.files, Server.cut, Server.asked = files, None, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(tag_models, "SOURCE", f"http://127.0.0.1:{server.server_port}/")
    yield Server
    server.shutdown()
    server.server_close()


def test_mel_front_end_equals_essentias():
    es = pytest.importorskip("essentia.standard")
    rng = np.random.default_rng(0)
    sound = (0.3 * np.sin(np.arange(32_000) * 0.2) + 0.1 * rng.standard_normal(32_000)).astype(np.float32)
    front_end = es.TensorflowInputMusiCNN()
    theirs = np.array([front_end(f) for f in es.FrameGenerator(sound, frameSize=512, hopSize=256)])
    ours = effnet.log_mel(sound)
    n = min(len(ours), len(theirs))
    assert n >= 124
    assert np.abs(ours[:n] - theirs[:n]).max() < 1e-3


@pytest.mark.parametrize(("seconds", "patches"), [(0.4, 1), (2.1, 1), (4.0, 2), (8.0, 7)])
def test_clips_of_any_length_give_patches(seconds, patches):
    shape = effnet.mel_patches(signals.noise(seconds, 44_100)).shape
    assert shape[1:] == (128, 96) and abs(shape[0] - patches) <= 1


def test_patches_of_a_sound_in_opposite_phase_are_not_silent():
    left = signals.noise(2.0, 16_000).samples[:1]
    assert effnet.mel_patches(Clip(np.concatenate([left, -left]), 16_000)).max() > 1.0


def test_fetched_models_name_genre_and_mood(source):
    told = []
    tag_models.fetch_tag_models(lambda stage, fraction=None, seconds_left=None: told.append((stage, fraction)))
    assert any("CC BY-NC-ND" in stage and "MB" in stage for stage, _ in told) and told[-1][1] == 1.0
    genres, moods, notes = tags.estimate_tags(signals.noise(5.0))
    assert genres[0].label == "boom bap hip hop" and len(genres) == 3
    assert "speech" not in [g.label for g in genres]
    assert moods[0].label == "dreamy" and all(0 <= t.score <= 1 for t in genres + moods)
    assert "Discogs-EffNet" in notes[0]
    heard = analyze(signals.drum_loop(100, 2))
    assert heard.genres == tags.estimate_tags(signals.drum_loop(100, 2))[0]


def test_a_second_fetch_asks_for_nothing(source):
    tag_models.fetch_tag_models()
    source.asked.clear()
    tag_models.fetch_tag_models()
    assert source.asked == []


def test_a_broken_download_is_said_and_continued(source):
    source.cut = 1000
    with pytest.raises(NotAvailable, match="could not be fetched"):
        tag_models.fetch_tag_models()
    assert not tag_models.are_tag_models_here()
    source.cut = None
    tag_models.fetch_tag_models()
    assert any(asked and asked != "bytes=0-" for asked in source.asked)
    assert tags.estimate_tags(signals.noise(3.0))[0]


def test_a_wrong_hash_is_thrown_away(source, tmp_path):
    source.files = {name: b"x" * len(data) for name, data in source.files.items()}
    with pytest.raises(NotAvailable, match="SHA-256"):
        tag_models.fetch_tag_models()
    assert list((tmp_path / "tags").iterdir()) == []
    still_works(tags.NO_MODELS_NOTE)


def test_no_network_is_one_sentence(source, monkeypatch):
    monkeypatch.setattr(tag_models, "SOURCE", "http://127.0.0.1:9/")
    with pytest.raises(NotAvailable, match="no connection"):
        tag_models.fetch_tag_models()
    still_works(tags.NO_MODELS_NOTE)


def test_a_missing_file_on_the_server_is_one_sentence(source):
    source.files = {}
    with pytest.raises(NotAvailable, match="HTTP 404"):
        tag_models.fetch_tag_models()


def test_a_full_disk_is_one_sentence(source, monkeypatch):
    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *args):
            return None

        def write(self, block):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda self, *args, **kwargs: Full())
    with pytest.raises(NotAvailable, match="disk is full"):
        tag_models.fetch_tag_models()


def test_the_fetch_can_be_cancelled_and_keeps_what_came(source, tmp_path):
    with pytest.raises(Cancelled):
        tag_models.fetch_tag_models(cancel=lambda: True)
    assert not tag_models.are_tag_models_here()


def test_a_file_damaged_later_is_noticed(source):
    tag_models.fetch_tag_models()
    path = tag_models.tag_path(tag_models.BACKBONE)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(bytes(data))
    genres, moods, notes = tags.estimate_tags(signals.noise(3.0))
    assert len(moods) <= 1 and len(genres) <= 1 and "damaged" in notes[0]  # at most what another model says
    still_works("damaged")


def still_works(said: str):
    heard = analyze(signals.drum_loop(100, 2))
    assert heard.tempo.bpm and len(heard.genres) <= 1  # the family at most, by another model
    assert any(said in note or note == tags.FAMILY_NOTE for note in heard.notes)


@pytest.mark.parametrize(
    ("label", "word"),
    [
        ("Electronic---Deep House", "deep house"),
        ("Hip Hop---Trap", "trap hip hop"),
        ("Jazz---Bossa Nova", "bossa nova jazz"),
        ("Jazz---Free Jazz", "free jazz"),
        ("Non-Music---Interview", None),
        ("Blues", None),
    ],
)
def test_style_labels_become_words(label, word):
    assert tags.genre_word(label) == word


LEARNT = {
    "families": ["metal", "none", "reggae", "rock"],
    "table": [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    "offsets": [0.0, 0.0, 0.0, 0.0],
    "least": 0.7,
}


@pytest.mark.parametrize(
    ("hidden", "family"),
    [
        ((0.0, 1.97, 0.0), ("rock", 0.705)),
        ((0.0, 1.32, 0.0), ("rock", 0.704)),  # with what might be metal
        ((0.0, 1.28, 0.0), None),  # .696 is too little
        ((2.2, 0.0, 0.0), ("metal", 0.751)),
        ((1.6, 1.6, 0.0), ("rock", 0.832)),  # neither is sure, both together are
        ((0.0, 0.0, 5.0), None),  # no music
        ((0.0, 0.0, 0.0), None),
    ],
)
def test_a_family_is_named_from_the_probability_it_is_right_at(hidden, family):
    found = tags.named_family(np.array(hidden), LEARNT)
    assert (found.label if found else None) == (family[0] if family else None)
    assert found is None or found.score == pytest.approx(family[1], abs=0.001)


def speech(seconds: float = 8.0) -> np.ndarray:
    """Vowels of a low voice, four syllables a second, with pauses: buzzes through moving formants."""
    rng, t = np.random.default_rng(5), np.arange(int(seconds * signals.RATE)) / signals.RATE
    pitch = 110 * 2 ** (0.15 * np.sin(2 * np.pi * 0.7 * t) + 0.05 * np.sin(2 * np.pi * 3.1 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / signals.RATE
    syllables = np.arange(0, seconds + 1, 0.25)
    low, high = (np.interp(t, syllables, f * rng.uniform(0.6, 1.5, syllables.size)) for f in (500, 1500))
    voice = sum(
        np.sin(k * phase) * sum(np.exp(-(((k * pitch - f) / 150) ** 2)) for f in (low, high)) for k in range(1, 30)
    )
    return voice * np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) * (np.sin(2 * np.pi * 0.4 * t) > -0.6)


T = np.arange(8 * signals.RATE) / signals.RATE
NO_MUSIC = {
    "noise": signals.noise(8.0).samples[0],
    "a tone": 0.3 * np.sin(2 * np.pi * 440 * T),
    "mains hum": 0.2 * sum(np.sin(2 * np.pi * 50 * k * T) / k for k in (1, 2, 3, 4)),
    "clicks": (np.arange(T.size) % (signals.RATE // 2) < 50) * 0.5,
    "silence": np.zeros(T.size),
    "speech": speech(),
}


@pytest.mark.skipif(ears.missing_note() is not None, reason="the packages of requirements-ears.txt")
@pytest.mark.parametrize("name", NO_MUSIC)
def test_no_family_is_named_where_there_is_no_music(name):
    heard = analyze(signals.clip_of(NO_MUSIC[name]))
    assert heard.genres == ()


@pytest.mark.parametrize(("loud", "soft", "word"), [(0.5, 0.01, "energetic"), (0.01, 0.3, "calm"), (0.1, 0.1, None)])
def test_energy_is_said_only_where_the_tags_clearly_lean_to_one_side(loud, soft, word):
    heard = Listening(signals.drum_loop(100, 2))
    said = {
        model: dict.fromkeys(tags.ENERGY["calm"][i], soft) | dict.fromkeys(tags.ENERGY["energetic"][i], loud)
        for i, model in enumerate(MODELS)
    }
    heard.__dict__["tagged"] = Tagged(said, np.zeros(400))
    found = tags.energy_word(heard)
    assert (found.label if found else None) == word
