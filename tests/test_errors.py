"""What may be shown: no secrets, no characters that a terminal obeys."""

import json

import pytest

from helpers import cli
from helpers.errors import Cancelled, InvalidInput, LoopsError, NotAvailable, Refused, mask_secrets, with_details
from helpers.machine import terminal
from helpers.machine.home import EXAMPLE_IDEA
from helpers.machine.run import bare_environment, child_environment


def test_credentials_in_urls():
    line = "Looking in indexes: https://user:p%40ss@index.example.org/simple, https://token@host/x, https://open.org/y"
    assert (
        mask_secrets(line)
        == "Looking in indexes: https://***@index.example.org/simple, https://***@host/x, https://open.org/y"
    )


def test_hub_tokens_by_shape_and_headers():
    assert mask_secrets("token hf_AbCdEf123456 was refused") == "token *** was refused"
    assert mask_secrets("authorization: Bearer abc.def-ghi") == "authorization: Bearer ***"
    assert mask_secrets("hf_hub_download failed for a file") == "hf_hub_download failed for a file"


def test_the_token_in_the_environment_whatever_its_shape(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "old-style-secret")
    assert mask_secrets("got old-style-secret back") == "got *** back"
    monkeypatch.setenv("HF_TOKEN", "abc")
    assert mask_secrets("abc stays: too short to be a token") == "abc stays: too short to be a token"


def test_an_address_in_text_is_left_alone():
    assert mask_secrets("write to a@b.org") == "write to a@b.org"


def test_a_token_inside_a_path_is_masked_too():
    assert mask_secrets("/models/my_hf_AbCdEf123456/x") == "/models/my_***/x"


def test_any_variable_that_is_named_a_secret_is_masked_but_not_the_path_of_one(monkeypatch):
    monkeypatch.setenv("SERVICE_API_KEY", "k3y-of-a-service")
    monkeypatch.setenv("HF_TOKEN_PATH", "/home/me/token")
    assert mask_secrets("k3y-of-a-service in /home/me/token") == "*** in /home/me/token"


HOSTILE = "a\x1b]0;x\x07b\nc\u202ed\u2066e\x9bf\x7fg\u200e"


@pytest.mark.parametrize("error", [LoopsError, InvalidInput, NotAvailable, Refused, Cancelled])
def test_no_error_carries_a_character_that_a_terminal_obeys(error):
    text = str(error(f"“{HOSTILE}” is wrong."))
    assert text.isprintable() and text.startswith("“a�]0;x�b c�d")


def test_lines_of_another_program_stay_lines():
    text = str(NotAvailable(with_details("It failed.", ["one\x1b[2J", "two"])))
    assert text == "It failed.\n  one�[2J\n  two"


def test_json_on_a_terminal_is_printable_and_still_says_the_same():
    data = {"name": HOSTILE + "é\ud800", "list": [1, None]}
    text = terminal.json_text(data)
    assert all(c.isprintable() or c == "\n" for c in text) and json.loads(text) == data and "é" in text


# ------------------------------------------------------------------------------------------------------- every command


TOKEN = "s3cret-of-the-hub"


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyze", "/no/{}.wav"],
        ["analyze", "{idea}", "--melody-midi", "/proc/{}.mid"],
        ["make", "{idea}", "--instrument", "{}", "--bars", "0"],
        ["make", "{idea}", "--instrument", "bass", "--engine", "{}"],
        ["make", "{idea}", "--instrument", "bass", "--key", "{}"],
        ["make", "{idea}", "--instrument", "bass", "--chords", "{}"],
        ["make", "{idea}", "--instrument", "bass", "--option", "{}"],
        ["make", "{idea}", "--from", "{}.json"],
        ["make", "{idea}", "--from", "{hostile}"],
        ["make", "{idea}", "--instrument", "bass", "--bars", "1", "--takes", "1", "--out", "/proc/{}"],
        ["proof", "/no/{}.wav", "--bpm", "100", "--bars", "4"],
        ["proof", "{idea}", "--bpm", "100", "--bars", "4", "--idea", "{}"],
        ["fit", "{idea}", "--bpm", "100", "--bars", "4", "--out", "/proc/{}"],
        ["install", "{}"],
        ["--{}"],
    ],
)
@pytest.mark.parametrize("word", [f"x{TOKEN}y", "x_hf_AbCdEf123456", "a\x1b[31m\u202eb\nc"])
def test_no_secret_and_no_escape_reaches_the_terminal_by_any_error(arguments, word, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("LOOPS_HOME", str(tmp_path / "home"))
    hostile = tmp_path / "hostile.json"
    request = {"instrument": word, "bpm": 100, "bars": 4, "role": "bass", word: 1}
    hostile.write_text(json.dumps({"format": "loops-generator/1", "request": request}), encoding="utf-8")
    filled = [a.replace("{idea}", str(EXAMPLE_IDEA)).replace("{hostile}", str(hostile)) for a in arguments]
    assert cli.main([a.replace("{}", word) for a in filled]) == cli.WRONG
    written = capsys.readouterr()
    for text in (written.out, written.err):
        assert "s3cret" not in text and "hf_A" not in text
        assert all(c.isprintable() or c == "\n" for c in text), ascii(text)
        assert "internal fault" not in text


def test_a_child_gets_what_it_needs_and_no_secret(monkeypatch):
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "UNRELATED", "PIP_INDEX_URL", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "value-of-it")
    assert "PATH" in bare_environment() and "UNRELATED" not in bare_environment()
    assert {"PIP_INDEX_URL", "HTTPS_PROXY"} <= set(child_environment())
    for environment in (bare_environment("HF_", network=True), child_environment()):
        assert not {"HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD"} & set(environment)
