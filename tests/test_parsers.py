"""Whatever stands in a file or a field, a parser answers with a value or with one sentence. Nothing else, and soon."""

import json
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.errors import InvalidInput, mask_secrets, shown_text
from helpers.export import key_slug, loop_stem
from helpers.machine.files import MOST_LEVELS, read_json
from helpers.machine.terminal import json_text
from helpers.music.meter import parse_meter
from helpers.music.pitch import parse_key, parse_progression
from helpers.records import Request
from helpers.sound.audio import wav_chunk

fast = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
chunks = st.lists(
    st.tuples(
        st.sampled_from([b"fmt ", b"data", b"fact", b"LIST", b"ds64", b"JUNK", b"\0\0\0\0"]),
        st.one_of(st.none(), st.integers(0, 0xFFFFFFFF)),
        st.binary(max_size=60),
    ),
    max_size=12,
)


def wav(parts):
    body = b"".join(
        tag + struct.pack("<I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)
        for tag, size, data in parts
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


@fast
@given(chunks)
def test_a_chunk_is_found_or_not(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("chunks") / "a.wav"
    path.write_bytes(wav(parts))
    body = wav_chunk(path, b"acid")
    assert body is None or isinstance(body, bytes)


@fast
@given(st.text(max_size=40))
@pytest.mark.parametrize("parse", [parse_key, parse_progression, parse_meter])
def test_words_are_music_or_one_sentence(parse, text):
    try:
        parse(text)
    except InvalidInput as error:
        assert str(error).isprintable()


names = st.text(st.characters(), max_size=60)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | names,
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
)


@fast
@given(documents)
def test_json_from_outside_comes_back_the_same_or_is_refused(document):
    text = json.dumps(document)
    try:
        data = read_json(text)
    except InvalidInput as error:
        assert str(error).isprintable()
    else:
        assert data == document
        assert json.loads(json_text(data)) == data, "what a terminal shows says the same"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[" * (MOST_LEVELS + 2) + "]" * (MOST_LEVELS + 2),
        "NaN",
        '"\\ud800"',
        "\ufeff{}",
        b"\xff",
    ],
)
def test_json_that_is_none_or_too_deep_is_one_sentence(text):
    with pytest.raises(InvalidInput):
        read_json(text)


@fast
@given(st.text(st.characters(), max_size=80))
def test_what_is_shown_can_be_printed(text):
    assert shown_text(text).isprintable() and shown_text(shown_text(text)) == shown_text(text)


@fast
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_token_is_masked_wherever_it_stands(before, after):
    assert "AbCdEf123456" not in mask_secrets(f"{before} hf_AbCdEf123456 {after}")


@fast
@given(st.text(st.characters(), max_size=200))
def test_no_name_leaves_its_folder(instrument):
    stem = loop_stem(Request(instrument.strip() or "x", "lead", 100.0, key=parse_key("F# minor")), 0)
    assert set(stem) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") and len(stem) < 200
    assert key_slug(parse_key("F# minor")) == "Fsharpmin"
