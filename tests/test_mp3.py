"""MP3 streams: frames, junk, missing lengths."""

import io

import numpy as np
import pytest
import soundfile

from helpers.sound import mp3
from helpers.sound.audio import read_clip


def encode(seconds: float, rate: int = 44_100) -> bytes:
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.4 * np.sin(2 * np.pi * 330 * time) * (1 + 0.5 * np.sign(np.sin(2 * np.pi * 2 * time)))
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format="MP3")
    return buffer.getvalue()


def without_xing(data: bytes) -> bytes:
    start = mp3.find_first_frame(data)
    first = mp3.read_frame(data, start)
    assert data[start + first.side_info :][:4] in (b"Xing", b"Info")
    return data[start + first.length :]


@pytest.mark.parametrize("rate", [44_100, 22_050])
def test_frames_follow_one_another_to_the_end(rate):
    data = encode(2.0, rate)
    at, count = mp3.find_first_frame(data), 0
    while (frame := mp3.read_frame(data, at)) is not None:
        assert frame.sample_rate == rate
        at, count = at + frame.length, count + 1
    assert at == len(data)
    assert count * frame_samples(rate) == pytest.approx(2.0 * rate, abs=4 * 1152)


def frame_samples(rate: int) -> int:
    return 1152 if rate >= 32_000 else 576


def test_junk_before_the_first_frame_is_cut_away(tmp_path):
    path = tmp_path / "junk.mp3"
    path.write_bytes(np.random.default_rng(3).bytes(3000) + encode(3.0))
    assert read_clip(path).seconds == pytest.approx(3.0, abs=0.06)


def test_a_stream_without_a_length_gets_one():
    bare = without_xing(encode(2.5))
    repaired = mp3.repair(bare)
    first = mp3.read_frame(repaired, 0)
    frames = int.from_bytes(repaired[first.side_info + 8 : first.side_info + 12], "big")
    assert repaired[first.side_info : first.side_info + 4] == b"Xing"
    assert frames * 1152 / 44_100 == pytest.approx(2.5, abs=0.1)
    with soundfile.SoundFile(io.BytesIO(repaired)) as file:
        assert file.frames / file.samplerate == pytest.approx(2.5, abs=0.1)


def test_a_stream_with_a_length_is_left_alone():
    data = encode(1.5)
    assert mp3.repair(data) == data[mp3.find_first_frame(data) :]


def test_pictures_inside_an_id3_tag_are_not_mistaken_for_frames():
    data = encode(1.5)
    fake = mp3.repair(data)[:2000]  # real frames, but inside the tag
    size = len(fake)
    tag = b"ID3\x03\x00\x00" + bytes([(size >> 21) & 127, (size >> 14) & 127, (size >> 7) & 127, size & 127]) + fake
    assert mp3.find_first_frame(tag + data) >= len(tag)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xfb\x90", bytes(5000), b"\xff" * 5000, b"<html>" * 500])
def test_what_is_not_mp3_has_no_frames(data):
    assert mp3.find_first_frame(data) is None and mp3.repair(data) is None
