"""A bank whose samples are Ogg Vorbis comes out as one the synthesiser plays."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from helpers.errors import InvalidInput
from helpers.sketch.bank_file import COMPRESSED, read_bank, unpack_sf3, why_unusable, words, write_bank
from helpers.sketch.soundfont import _packaged


def as_sf3(data: bytes, wave: np.ndarray, padded: bool) -> bytes:
    """The small bank with one compressed sample in place of all its own; without the filling byte, as MuseScore's."""
    out = io.BytesIO()
    soundfile.write(out, wave, 22_050, format="OGG", subtype="VORBIS")
    ogg = out.getvalue() + b"\1" * (1 - len(out.getvalue()) % 2)  # of odd length
    bank = read_bank(io.BytesIO(data), len(data))
    headers = bank.tables["shdr"].copy()
    headers[:-1, 20:36] = np.array([0, len(ogg), 100, 900], "<u4").view(np.uint8)
    headers[:-1, 44] |= COMPRESSED
    whole = write_bank(bank.info, ogg, bank.tables | {"shdr": headers})
    if padded:
        return whole
    at = whole.index(b"smpl", whole.index(b"sdta"))
    lists = at - 8
    return (
        whole[:lists]
        + struct.pack("<I", struct.unpack_from("<I", whole, lists)[0] - 1)
        + whole[lists + 4 : at + 8 + len(ogg)]
        + whole[at + 9 + len(ogg) :]
    )


@pytest.mark.parametrize("padded", [True, False])
def test_compressed_samples_are_unpacked(tmp_path, padded):
    wave = (0.5 * np.sin(2 * np.pi * 441 * np.arange(4000) / 22_050)).astype(np.float32)
    path = tmp_path / "bank.sf2"
    path.write_bytes(unpack_sf3(as_sf3(_packaged().read_bytes(), wave, padded)))
    assert why_unusable(path) == ""
    data = path.read_bytes()
    bank = read_bank(io.BytesIO(data), len(data))
    first, last, loop, loop_end = (int(words(bank.tables["shdr"], at, "<u4")[0]) for at in (20, 24, 28, 32))
    kind = words(bank.tables["shdr"], 44)[0]
    assert (loop - first, loop_end - first, kind & COMPRESSED) == (100, 900, 0)
    found = np.frombuffer(data[bank.start + 2 * first : bank.start + 2 * last], "<i2") / 32768
    assert found.size == wave.size and np.abs(found - wave).max() < 0.05


def test_a_bank_without_compression_stays_as_it_is():
    data = _packaged().read_bytes()
    assert unpack_sf3(data) is data


@pytest.mark.parametrize("cut", [0, 8, 5000])
def test_what_is_no_bank_is_refused(cut):
    with pytest.raises(InvalidInput, match="SoundFont"):
        unpack_sf3(_packaged().read_bytes()[:cut])
