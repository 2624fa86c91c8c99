"""Secrets never reach a shown line."""

from helpers.machine.redact import mask_secrets


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
