"""Whatever stands in a file or a field, a parser answers with a value or with one sentence. Nothing else, and soon."""

import io
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
from helpers.sound import mp3
from helpers.sound.audio import wav_chunk
from helpers.sound.containers import Spliced, kind_of, read_wav_parts

KINDS = {"wav", "flac", "ogg", "aiff", "mp3", "mp4", "matroska", "caf", "w64", "au", "wma", "wavpack", "aac"}
KINDS |= {"text", "picture", ""}
MAGICS = (
    b"RIFF\0\0\0\0WAVE",
    b"BW64\xff\xff\xff\xffWAVE",
    b"ID3\x03\0\0\x7f\x7f\x7f\x7f",
    b"fLaC",
    b"\xff\xfb\x90\0",
    b"",
)
fast = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
chunks = st.lists(
    st.tuples(
        st.sampled_from([b"fmt ", b"data", b"fact", b"LIST", b"ds64", b"JUNK", b"\0\0\0\0"]),
        st.one_of(st.none(), st.integers(0, 0xFFFFFFFF)),
        st.binary(max_size=60),
    ),
    max_size=12,
)


def wav(parts, magic):
    order = ">" if magic == b"RIFX" else "<"
    body = b"".join(
        tag + struct.pack(order + "I", len(data) if size is None else size) + data + b"\0" * (len(data) % 2)
        for tag, size, data in parts
    )
    return magic + struct.pack(order + "I", len(body) + 4) + b"WAVE" + body


@fast
@given(st.sampled_from(MAGICS), st.binary(max_size=3000))
def test_every_content_is_of_some_kind(magic, data):
    assert kind_of(magic + data) in KINDS


@fast
@given(chunks, st.sampled_from([b"RIFF", b"RIFX", b"RF64", b"BW64"]))
def test_the_parts_of_a_wav_lie_inside_it_and_make_a_wav_again(parts, magic):
    data = wav(parts, magic)
    found = read_wav_parts(io.BytesIO(data), len(data))
    if found is None:
        return
    assert 0 <= found.data_start <= found.data_start + found.data_bytes <= len(data)
    assert isinstance(found.is_plain, bool) and found.channel_mask >= 0 and found.channels >= 0
    whole = Spliced(found.header(), io.BytesIO(data), found.data_start, found.data_bytes).read()
    assert whole == found.header() + data[found.data_start : found.data_start + found.data_bytes]
    again = read_wav_parts(io.BytesIO(whole), len(whole))
    assert (again.fmt, again.fact, again.data_bytes) == (found.fmt, found.fact, found.data_bytes)


@fast
@given(st.binary(max_size=40), st.binary(max_size=200), st.data())
def test_a_spliced_file_reads_like_its_bytes(head, body, data):
    start = data.draw(st.integers(0, len(body)))
    length = data.draw(st.integers(0, len(body) - start))
    spliced, plain = Spliced(head, io.BytesIO(body), start, length), io.BytesIO(head + body[start : start + length])
    for _ in range(5):
        place, whence, size = data.draw(st.tuples(st.integers(0, 300), st.sampled_from([0, 2]), st.integers(0, 99)))
        for file in (spliced, plain):
            file.seek(-place if whence == 2 and place <= len(plain.getvalue()) else place, whence)
        if spliced.tell() <= len(plain.getvalue()):
            assert spliced.read(size) == plain.read(size)


@fast
@given(st.sampled_from(MAGICS), st.binary(max_size=4000))
def test_mp3_frames_are_looked_for_anywhere(magic, data):
    start = mp3.find_first_frame(magic + data)
    assert start is None or mp3.read_frame(magic + data, start) is not None
    repaired = mp3.repair(magic + data)
    assert (repaired is None) == (start is None) and (repaired is None or mp3.read_frame(repaired, 0) is not None)


@fast
@given(chunks)
def test_a_chunk_is_found_or_not(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("chunks") / "a.wav"
    path.write_bytes(wav(parts, b"RIFF"))
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
