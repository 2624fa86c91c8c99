"""MP3 streams: junk before them, lengths that are not stated, tags with pictures."""

import io

import numpy as np
import pytest
import soundfile

from helpers.sound.audio import read_clip


def encode(seconds: float, rate: int = 44_100, **options) -> bytes:
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.4 * np.sin(2 * np.pi * 330 * time) * (1 + 0.5 * np.sign(np.sin(2 * np.pi * 2 * time)))
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format="MP3", **options)
    return buffer.getvalue()


def without_xing(data: bytes) -> bytes:
    """The stream without its first frame, which states its length."""
    assert (data[:2] == b"\xff\xfb" and b"Info" in data[:64]) or b"Xing" in data[:64]
    return data[data.index(b"\xff\xfb", 4) :]


def seconds_of(tmp_path, data: bytes) -> float:
    (tmp_path / "a.mp3").write_bytes(data)
    return read_clip(tmp_path / "a.mp3").seconds


def test_a_stated_length_is_kept_to_the_sample(tmp_path):
    assert seconds_of(tmp_path, encode(2.0)) == 2.0


def test_junk_before_the_first_frame_is_cut_away(tmp_path):
    junk = np.random.default_rng(3).bytes(3000)
    assert seconds_of(tmp_path, junk + encode(3.0)) == 3.0


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_a_stream_without_a_length_is_read_to_its_end(tmp_path, mode):
    data = encode(12.0, bitrate_mode=mode, compression_level=0.5)
    assert seconds_of(tmp_path, without_xing(data)) == pytest.approx(12.0, abs=0.1)


def test_a_stream_without_a_length_begins_where_its_decoder_does(tmp_path):
    """The tag tells the encoder's delay of 576 samples too; the decoder's 529 go in any case."""
    data = encode(2.0)
    for name, stream in (("told.mp3", data), ("untold.mp3", without_xing(data))):
        (tmp_path / name).write_bytes(stream)
    told, untold = (read_clip(tmp_path / name).samples[0] for name in ("told.mp3", "untold.mp3"))
    assert np.allclose(untold[4576:80_576], told[4000:80_000], atol=1e-5)


def test_pictures_inside_an_id3_tag_are_not_mistaken_for_frames(tmp_path):
    data = encode(1.5)
    fake = encode(4.0)[:12_000]  # real frames, but inside the tag
    size = len(fake)
    tag = b"ID3\x03\x00\x00" + bytes([(size >> 21) & 127, (size >> 14) & 127, (size >> 7) & 127, size & 127]) + fake
    assert seconds_of(tmp_path, tag + data) == 1.5


def test_a_damaged_stretch_is_passed_over(tmp_path):
    data = bytearray(encode(6.0))
    data[20_000:22_000] = bytes(2000)
    assert seconds_of(tmp_path, bytes(data)) == pytest.approx(6.0, abs=0.4)
