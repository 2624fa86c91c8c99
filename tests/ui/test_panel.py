"""Slices, sentences and scripts of the panels."""

import re

from helpers.errors import InvalidInput
from helpers.ui.panel import SLICE_BYTES, STATIC, OfferedFile, UploadPanel, explain, script


def collect(panel):
    sent = []
    panel.send = lambda content, buffers=None: sent.append((content, b"".join(buffers or [])))
    return sent


def ask(panel, name, at=0):
    panel._receive(panel, {"kind": "file", "id": name, "at": at}, [])
    panel._worker.submit(lambda: None).result(10)


def test_a_file_is_handed_out_in_slices_and_made_once():
    made = []

    def offer(name):
        made.append(name)
        return OfferedFile(bytes(SLICE_BYTES) + b"tail", "audio/pcm", "x.wav", {"rate": 8})

    panel = UploadPanel({}, offer)
    sent = collect(panel)
    ask(panel, "a")
    ask(panel, "a", SLICE_BYTES)
    assert [len(data) for _, data in sent] == [SLICE_BYTES, 4] and sent[1][1] == b"tail"
    assert sent[0][0]["size"] == SLICE_BYTES + 4 and sent[0][0]["meta"]["rate"] == 8
    assert made == ["a"]
    panel.drop_files()
    ask(panel, "a")
    assert made == ["a", "a"]


def test_a_file_that_cannot_be_made_is_a_sentence():
    def offer(name):
        raise InvalidInput("There is no such loop.")

    panel = UploadPanel({}, offer)
    sent = collect(panel)
    ask(panel, "a")
    assert sent[0][0]["error"] == "There is no such loop."


def test_an_error_in_a_handler_reaches_the_page():
    def fail():
        raise InvalidInput("Too loud; turn it down.")

    panel = UploadPanel({"go": fail})
    panel._receive(panel, {"kind": "go"}, [])
    assert panel.message == {"text": "Too loud; turn it down.", "tone": "bad", "details": "", "at": ""}


def test_unexpected_errors_keep_their_details_folded():
    try:
        {}["none"]
    except KeyError as error:
        said = explain(error)
    assert "Traceback" in said["details"] and "Traceback" not in said["text"]


def test_an_event_nobody_handles_does_nothing(caplog):
    panel = UploadPanel({})
    panel._receive(panel, {"kind": "odd"}, [])
    assert panel.message == {} and "odd" in caplog.text


def test_scripts_are_modules_without_imports_and_without_addresses():
    for path in STATIC.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*import\s", text, re.M), path.name
        addresses = set(re.findall(r"https?://[^\s\"'`]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not addresses, path.name
    assert script("uploader").count("export default") == 1
    assert "url(" not in UploadPanel._css and "@import" not in UploadPanel._css
