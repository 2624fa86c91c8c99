"""How loud: integrated loudness and true peak (ITU-R BS.1770-4), block by block, so that ten minutes cost no memory."""

from __future__ import annotations

import math

import numpy as np

from ..records import Clip

_BLOCK_SAMPLES = 1 << 16
_HOP_SECONDS, _HOPS_A_BLOCK = 0.1, 4  # blocks of 400 ms that overlap by three quarters
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_DB = -0.691


def k_weighting(sample_rate: int) -> np.ndarray:
    """The K filter as second-order sections (2, 6) for any rate.

    The two analogue filters behind the coefficients that BS.1770 prints for 48 kHz (De Man, "Evaluation of
    implementations of the EBU R128 loudness measurement", AES 145, 2018): a shelf for the head, a high-pass.
    """
    shelf_hz, shelf_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * shelf_hz / sample_rate)
    high, band = 10 ** (shelf_db / 20), 10 ** (shelf_db / 20 * 0.4996667741545416)
    a0 = 1 + k / shelf_q + k * k
    shelf = [high + band * k / shelf_q + k * k, 2 * (k * k - high), high - band * k / shelf_q + k * k]
    pole = [1, 2 * (k * k - 1) / a0, (1 - k / shelf_q + k * k) / a0]
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * pass_hz / sample_rate)
    b0 = 1 + k / pass_q + k * k
    high_pass = [1, -2, 1, 1, 2 * (k * k - 1) / b0, (1 - k / pass_q + k * k) / b0]
    return np.array([[*(value / a0 for value in shelf), *pole], high_pass])


class LoudnessMeter:
    """Integrated loudness of sound that arrives in blocks, at a rate in Hz.

    ``weights``: of each channel's power, 1 in front, 1.41 behind, 0 for the low-frequency channel.
    """

    def __init__(self, sample_rate: int, weights: np.ndarray) -> None:
        self._sos = k_weighting(sample_rate)
        self._state = np.zeros((2, len(weights), 2))
        self._weights = np.asarray(weights, np.float64)
        self._hop = round(_HOP_SECONDS * sample_rate)
        self._rest = np.zeros(0)
        self._powers: list[np.ndarray] = []

    def add(self, samples: np.ndarray) -> None:
        """Hear ``samples`` (channels, n)."""
        from scipy.signal import sosfilt

        for at in range(0, samples.shape[1], _BLOCK_SAMPLES):
            block = samples[:, at : at + _BLOCK_SAMPLES].astype(np.float64)
            heard, self._state = sosfilt(self._sos, block, zi=self._state)
            power = np.concatenate([self._rest, self._weights @ np.square(heard)])
            whole = power.size // self._hop * self._hop
            self._powers.append(power[:whole].reshape(-1, self._hop).mean(axis=1))
            self._rest = power[whole:]

    def lufs(self) -> float | None:
        """Loudness so far; None under 0.4 s or below the gate."""
        hops = np.concatenate(self._powers) if self._powers else np.zeros(0)
        if hops.size < _HOPS_A_BLOCK:
            return None
        blocks = np.convolve(hops, np.full(_HOPS_A_BLOCK, 1 / _HOPS_A_BLOCK), "valid")
        loud = blocks[blocks > _power(_ABSOLUTE_GATE_LUFS)]
        if not loud.size:
            return None
        loud = loud[loud > loud.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
        return _OFFSET_DB + 10 * float(np.log10(loud.mean()))


def _power(lufs: float) -> float:
    return 10 ** ((lufs - _OFFSET_DB) / 10)


def loudness_lufs(clip: Clip) -> float | None:
    """Integrated loudness (gated) in LUFS of mono or stereo; None when the clip is under 0.4 s or below the gate."""
    meter = LoudnessMeter(clip.sample_rate, np.ones(clip.channels))
    meter.add(clip.samples)
    return meter.lufs()


def frame_levels(clip: Clip, frame_seconds: float) -> np.ndarray:
    """RMS per frame over all channels (n,)."""
    frame = max(1, round(frame_seconds * clip.sample_rate))
    count = clip.length // frame
    power = np.square(clip.samples[:, : count * frame]).reshape(clip.channels, count, frame)
    return np.sqrt(power.mean(axis=(0, 2)))


def true_peak_dbtp(clip: Clip) -> float:
    """True peak in dBTP: the largest magnitude after four-times oversampling (annex 2), two from 96 kHz on."""
    import soxr

    factor = 4 if clip.sample_rate < 96_000 else 2
    peak = float(np.abs(clip.samples).max(initial=0.0))
    for channel in clip.samples:
        stream = soxr.ResampleStream(1, factor, 1, dtype="float32", quality="HQ")
        for at in range(0, channel.size, _BLOCK_SAMPLES):
            block = channel[at : at + _BLOCK_SAMPLES]
            out = stream.resample_chunk(block, last=at + _BLOCK_SAMPLES >= channel.size)
            peak = max(peak, float(np.abs(out).max(initial=0.0)))
    return 20 * math.log10(max(peak, 1e-12))
