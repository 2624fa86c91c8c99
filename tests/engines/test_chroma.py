"""Our chroma against transformers' own filter bank and its extractor's arithmetic, without torchaudio."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
from helpers.engines.fast import musicgen

pytestmark = pytest.mark.neural


def tune(*notes: float, seconds: float = 1.0) -> np.ndarray:
    time = np.arange(round(seconds * musicgen.SAMPLE_RATE)) / musicgen.SAMPLE_RATE
    return np.concatenate([0.3 * np.sin(2 * np.pi * hz * time) for hz in notes]).astype(np.float32)


def written_out(mono: np.ndarray) -> np.ndarray:
    """The extractor's steps in numpy and float64, frame by frame: centred Hann frames, power, filter bank, maximum."""
    from transformers.audio_utils import chroma_filter_bank

    size, hop = musicgen.CHROMA_WINDOW, musicgen.CHROMA_HOP
    bank = chroma_filter_bank(num_frequency_bins=size, num_chroma=12, sampling_rate=musicgen.SAMPLE_RATE, tuning=0)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.pad(mono.astype(np.float64), size // 2, mode="reflect")
    rows = []
    for start in range(0, len(mono) + 1, hop):
        frame = padded[start : start + size] * window / np.sqrt((window**2).sum())
        energy = bank.astype(np.float64) @ np.abs(np.fft.rfft(frame)) ** 2
        rows.append(energy / max(np.abs(energy).max(), 1e-6))
    return np.array(rows)


def test_melodies_equal_the_librarys_arithmetic():
    rng = np.random.default_rng(3)
    for mono in (tune(220.0, 277.2, 329.6), rng.normal(0, 0.1, 64_000).astype(np.float32)):
        assert (musicgen.one_hot_chroma(mono).argmax(axis=1) == written_out(mono).argmax(axis=1)).all()


@pytest.mark.parametrize(("hz", "pitch_class"), [(261.63, 0), (277.18, 1), (440.0, 9), (493.88, 11), (110.0, 9)])
def test_a_note_is_its_pitch_class(hz, pitch_class):
    heard = musicgen.one_hot_chroma(tune(hz, seconds=2.0))
    assert (heard.argmax(axis=1) == pitch_class).all()


def test_each_frame_holds_a_single_one():
    heard = musicgen.one_hot_chroma(tune(220.0, 330.0))
    assert heard.dtype == np.float32
    assert set(np.unique(heard)) == {0.0, 1.0}
    assert (heard.sum(axis=1) == 1).all()
    assert heard.shape == (1 + 64_000 // musicgen.CHROMA_HOP, 12)


def test_what_is_shorter_than_a_window_is_padded():
    assert musicgen.one_hot_chroma(tune(440.0, seconds=0.1)).shape == (5, 12)
