"""A bank whose samples are Ogg Vorbis comes out as one the synthesiser plays."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from helpers.errors import InvalidInput
from helpers.sketch.bank_check import why_unusable
from helpers.sketch.sf3 import _RECORD, _chunks, _lists, chunk, unpack_sf3
from helpers.sketch.soundfont import _packaged


def as_sf3(data: bytes, wave: np.ndarray, padded: bool) -> bytes:
    """The small bank with one compressed sample in place of all its own; without the filling byte, as MuseScore's."""
    out = io.BytesIO()
    soundfile.write(out, wave, 22_050, format="OGG", subtype="VORBIS")
    ogg = out.getvalue() + b"\1" * (1 - len(out.getvalue()) % 2)  # of odd length
    lists = {data[at : at + 4]: (at, end) for at, end in _lists(data)}
    shdr = next(span for tag, *span in _chunks(data, *lists[b"pdta"]) if tag == b"shdr")
    records = b""
    for at in range(shdr[0], shdr[1] - _RECORD.size, _RECORD.size):
        name, *_, rate, key, cents, link, kind = _RECORD.unpack_from(data, at)
        records += _RECORD.pack(name, 0, len(ogg), 100, 900, rate, key, cents, link, kind | 0x10)
    tables = data[lists[b"pdta"][0] + 4 : shdr[0]] + records + data[shdr[1] - _RECORD.size : lists[b"pdta"][1]]
    smpl = b"smpl" + struct.pack("<I", len(ogg)) + ogg + bytes(padded)
    body = b"sfbk" + chunk(b"LIST", data[slice(*lists[b"INFO"])])
    body += b"LIST" + struct.pack("<I", 4 + len(smpl)) + b"sdta" + smpl + chunk(b"LIST", b"pdta" + tables)
    return chunk(b"RIFF", body)


@pytest.mark.parametrize("padded", [True, False])
def test_compressed_samples_are_unpacked(tmp_path, padded):
    wave = (0.5 * np.sin(2 * np.pi * 441 * np.arange(4000) / 22_050)).astype(np.float32)
    path = tmp_path / "bank.sf2"
    path.write_bytes(unpack_sf3(as_sf3(_packaged().read_bytes(), wave, padded)))
    assert why_unusable(path) == ""
    data = path.read_bytes()
    lists = {data[at : at + 4]: (at, end) for at, end in _lists(data)}
    start, _ = next(span for tag, *span in _chunks(data, *lists[b"sdta"]) if tag == b"smpl")
    shdr = next(span for tag, *span in _chunks(data, *lists[b"pdta"]) if tag == b"shdr")
    _, first, last, loop, loop_end, *_, kind = _RECORD.unpack_from(data, shdr[0])
    assert (loop - first, loop_end - first, kind & 0x10) == (100, 900, 0)
    found = np.frombuffer(data[start + 2 * first : start + 2 * last], "<i2") / 32768
    assert found.size == wave.size and np.abs(found - wave).max() < 0.05


def test_a_bank_without_compression_stays_as_it_is():
    data = _packaged().read_bytes()
    assert unpack_sf3(data) is data


@pytest.mark.parametrize("cut", [0, 8, 5000])
def test_what_is_no_bank_is_refused(cut):
    with pytest.raises(InvalidInput, match="SoundFont"):
        unpack_sf3(_packaged().read_bytes()[:cut])
