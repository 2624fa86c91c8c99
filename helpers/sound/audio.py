"""Audio in and out: read and check an upload, resample, write a WAV whole or not at all.

Everything past this door sees a :class:`~helpers.records.Clip`: finite float32 of shape (channels, samples) with its
rate, of at most two channels, ten minutes and MOST_SAMPLES samples.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InvalidInput
from ..machine.files import shown_name, write_whole
from ..records import Clip
from .channels import loudness_weights, positions, stereo_gains
from .decode import Stream, Undecodable, open_sound
from .levels import LoudnessMeter

LONGEST_SECONDS = 600.0
SHORTEST_SECONDS = 1.0
LARGEST_BYTES = 200 * 1024 * 1024
SILENT_RMS_DB = -110.0  # below this, with the constant part removed, there is nothing to hear
CONSTANT_FLOOR_DB = -80.0  # against the constant part: below this, what a codec left of that part alone
DITHER_RMS_DB, DITHER_VALUES = -80.0, 5  # below this, samples of so few values are what dither leaves of silence
QUIET_RMS_DB = -55.0  # below this a recording is raised, so that all that follows hears it
RAISED_PEAK = 0.5
MOST_NON_FINITE = 0.01  # a few broken samples are set to zero; more is a broken file
MOST_SAMPLES = 60_000_000  # of all channels: ten minutes of stereo at 48 kHz; longer sound is kept at a lower rate
REDUCED_RATE = 48_000
_LARGEST_SAMPLE = 1e30  # more is a broken number; its square would not fit
_RINGING_SECONDS = 0.1
_BLOCK_SAMPLES = 1 << 18


@dataclass(frozen=True)
class AudioFile:
    """A file that was read: its clip, the SHA-256 of its bytes, and what had to be said about it.

    ``loudness_lufs`` is that of all channels of a file with more than two; None otherwise.
    """

    clip: Clip
    sha256: str
    notes: tuple[str, ...] = ()
    loudness_lufs: float | None = None


def read_clip(path: str | os.PathLike[str]) -> Clip:
    """Read and check an audio file; see :func:`read_audio`."""
    return read_audio(path).clip


def read_audio(path: str | os.PathLike[str], name: str | None = None) -> AudioFile:
    """Read mp3, wav, flac, ogg, aiff, m4a or another of :data:`.decode.CONTAINERS`, by content.

    Parameters
    ----------
    path
        Where the file lies.
    name
        What the musician calls it, for messages (an upload lies under another name for a while); default: its own.

    Returns
    -------
    AudioFile
        Samples finite; more than two channels folded to stereo (ITU-R BS.775), the rate kept unless the sound would be
        longer than MOST_SAMPLES, very quiet recordings raised. What was done is in the notes.

    Raises
    ------
    InvalidInput
        One sentence for each way a file can be unusable: missing, empty, over 200 MB, not audio, an absurd rate, over
        10 minutes, under a second, silent, broken.
    """
    path = Path(path)
    name = shown_name(name or path)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InvalidInput(f"“{name}” is not a file; give the path of an mp3 or wav file.")
        if size == 0:
            raise InvalidInput(f"“{name}” is empty (0 bytes); export or upload it again.")
        if size > LARGEST_BYTES:
            raise InvalidInput(
                f"“{name}” is {size / 2**20:.0f} MB, the limit is {LARGEST_BYTES // 2**20} MB; "
                "cut out the part you mean."
            )
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            with open_sound(file, name) as stream:
                clip, loudness, notes = _read_stream(stream, name)
    except FileNotFoundError:
        raise InvalidInput(f"There is no file “{name}”; check the path.") from None
    except OSError as error:
        raise InvalidInput(
            f"“{name}” cannot be read ({error.strerror or error}); check the path and its rights."
        ) from None
    except Undecodable as reason:
        raise InvalidInput(
            f"“{name}” is not audio that can be decoded ({reason}); open it where it plays and export it as wav or mp3."
        ) from None
    _check_level(clip, name, notes)
    return AudioFile(clip, digest, tuple(notes), loudness)


# ----------------------------------------------------------------------------------------------- checked block by block


def _read_stream(stream: Stream, name: str) -> tuple[Clip, float | None, list[str]]:
    """Keep at most two channels and MOST_SAMPLES of a stream, and its loudness by the standard where it had more."""
    rate, channels = stream.sample_rate, stream.channels
    kept = min(channels, 2)
    notes = []
    slower = rate > REDUCED_RATE and (stream.frames is None or stream.frames * kept > MOST_SAMPLES)
    reduced = rate // round(rate / REDUCED_RATE) if slower else rate
    if slower:
        notes.append(f"It was read at {reduced} Hz instead of {rate} Hz, to spare memory.")
    gains = meter = None
    if channels > 2:
        names = positions(stream.speakers)
        gains, meter = stereo_gains(names), LoudnessMeter(rate, loudness_weights(names))
        notes.append(f"Its {channels} channels were folded to stereo; its loudness is that of all of them.")
    sound = _Kept(kept, rate, reduced, stream.frames if not slower else None)
    length = bad_samples = 0
    for block in stream.blocks:
        length += block.shape[1]
        if length > LONGEST_SECONDS * rate:
            raise InvalidInput(
                f"“{name}” is over {LONGEST_SECONDS / 60:.0f} minutes long, which is the limit; cut out the part you "
                "mean."
            )
        good = np.abs(block) < _LARGEST_SAMPLE  # false for what is not a number
        sane = block
        if not good.all():
            bad_samples += good.size - int(good.sum())
            sane = np.where(good, block, np.float32(0))
        if meter is not None:
            meter.add(sane)
        sound.add(sane if gains is None else gains @ sane)
    if length == 0:
        raise InvalidInput(f"“{name}” holds no samples; export or upload it again.")
    share = bad_samples / (length * channels)
    if share > MOST_NON_FINITE:
        raise InvalidInput(f"“{name}” is broken: {share:.0%} of its samples are not numbers; export it again.")
    if bad_samples:
        notes.append(f"{bad_samples} samples were not finite numbers and were set to zero.")
    return Clip(sound.samples(), reduced), meter.lufs() if meter else None, notes


class _Kept:
    """Samples (channels, n) that arrive in blocks, kept at ``rate``; memory is taken as they do, and never twice."""

    def __init__(self, channels: int, read_rate: int, rate: int, frames: int | None) -> None:
        most = math.ceil((LONGEST_SECONDS + 1) * rate)
        self._room = np.empty((channels, most if frames is None else min(frames, most)), np.float32)  # touched later
        self._length = 0
        self._resampler = None
        if read_rate != rate:
            import soxr

            self._resampler = soxr.ResampleStream(read_rate, rate, channels, dtype="float32", quality="HQ")

    def add(self, block: np.ndarray, *, last: bool = False) -> None:
        if self._resampler is not None:
            block = self._resampler.resample_chunk(np.ascontiguousarray(block.T), last=last).T
        end = min(self._length + block.shape[1], self._room.shape[1])
        self._room[:, self._length : end] = block[:, : end - self._length]
        self._length = end

    def samples(self) -> np.ndarray:
        self.add(self._room[:, :0], last=True)
        return np.ascontiguousarray(self._room[:, : self._length])


def _check_level(clip: Clip, name: str, notes: list[str]) -> None:
    """Refuse what is too short or silent; bring what is far too loud or too quiet to a usable level, in place."""
    if clip.seconds < SHORTEST_SECONDS:
        raise InvalidInput(
            f"“{name}” is {clip.seconds:.2g} s long; at least {SHORTEST_SECONDS:g} s is needed to hear a tempo."
        )
    samples = clip.samples
    peak = max(float(samples.max()), -float(samples.min()))
    if peak > 64:  # integers stored as floats
        samples /= np.float32(peak)
        notes.append(f"The samples reached {peak:.3g} times full scale and were brought down to it.")
        peak = 1.0
    # Without the very edges: those of a constant signal ring when it went through an mp3 encoder.
    edge = min(clip.length // 20, round(_RINGING_SECONDS * clip.sample_rate))
    inner = samples[:, edge : clip.length - edge]
    means = inner.mean(axis=1, dtype=np.float64, keepdims=True)
    power = 0.0
    for at in range(0, inner.shape[1], _BLOCK_SAMPLES):
        power += float(np.square(inner[:, at : at + _BLOCK_SAMPLES] - means).sum())
    level_db = 10 * math.log10(max(power / inner.size, 1e-24))
    constant_db = 20 * math.log10(max(float(np.abs(means).max()), 1e-12))
    least_db = max(SILENT_RMS_DB, constant_db + CONSTANT_FLOOR_DB)
    is_dither = level_db < DITHER_RMS_DB and max(np.unique(row[:_BLOCK_SAMPLES]).size for row in inner) <= DITHER_VALUES
    if level_db < least_db or is_dither:
        least = "more than dither" if is_dither else f"at least {least_db:.0f} dB"
        raise InvalidInput(
            f"“{name}” is silent (its level is {level_db:.0f} dB; {least} is needed); "
            "check the recording and upload it again."
        )
    if level_db < QUIET_RMS_DB and peak < RAISED_PEAK:
        gain = RAISED_PEAK / peak
        samples *= np.float32(gain)
        notes.append(f"It is very quiet ({level_db:.0f} dB) and was raised by {20 * math.log10(gain):.0f} dB.")


def read_back(path: str | os.PathLike[str]) -> Clip:
    """Read a WAV that we wrote, exactly as stored and without the guards for uploads (it may be silent or short)."""
    import soundfile

    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:  # a name need not be UTF-8
            if file.format not in ("WAV", "WAVEX"):
                raise InvalidInput(f"“{shown_name(path)}” is no WAV but {file.format}; make it again.")
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except soundfile.LibsndfileError as error:
        raise InvalidInput(f"“{shown_name(path)}” cannot be read ({error.error_string}); make it again.") from None
    return Clip(np.ascontiguousarray(samples.T), rate)


def decode_vorbis(data: bytes) -> np.ndarray:
    """Ogg Vorbis, as banks of samples hold it, as 16-bit samples of its first channel; raises OSError."""
    import soundfile

    try:
        samples, _ = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise OSError(str(error)) from None
    return np.ascontiguousarray(samples[:, 0])


# ----------------------------------------------------------------------------------------------------------------- rate


def resample(clip: Clip, sample_rate: int) -> Clip:
    """The clip at another rate (soxr, HQ), ``round(n * new / old)`` long; the same clip if its rate is right."""
    if clip.sample_rate == sample_rate:
        return clip
    import soxr

    out = soxr.resample(clip.samples.T, clip.sample_rate, sample_rate, quality="HQ").T
    want = round(clip.length * sample_rate / clip.sample_rate)
    fitted = np.zeros((clip.channels, want), np.float32)
    fitted[:, : min(want, out.shape[1])] = out[:, :want]
    return Clip(fitted, sample_rate)


# ------------------------------------------------------------------------------------------------------------- writing


def wav_bytes(clip: Clip, *, extra: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A 24-bit PCM WAV, with ``extra`` (four-letter tag, body) chunks."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, clip.samples.T, clip.sample_rate, format="WAV", subtype="PCM_24")
    data = buffer.getvalue()
    return with_chunks(data + b"\0" * (len(data) % 2), *extra)


def with_chunks(wav: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A WAV with further chunks before its samples, as some DAWs read no further."""
    at = 12
    while wav[at : at + 4] != b"data":
        at += 8 + (size := struct.unpack_from("<I", wav, at + 4)[0]) + size % 2
    added = b"".join(tag + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2) for tag, body in chunks)
    return wav[:4] + struct.pack("<I", len(wav) - 8 + len(added)) + wav[8:at] + added + wav[at:]


def wav_chunk(path: str | os.PathLike[str], tag: bytes) -> bytes | None:
    """The body of a WAV's first chunk called ``tag``; None if there is none or the file is not a WAV."""
    try:
        with open(path, "rb") as file:
            if file.read(12)[:4] != b"RIFF":
                return None
            while len(head := file.read(8)) == 8:
                size = struct.unpack("<I", head[4:])[0]
                if head[:4] == tag:
                    return file.read(min(size, 1 << 20))
                file.seek(size + (size & 1), os.SEEK_CUR)
    except OSError:
        return None
    return None


def mp3_bytes(clip: Clip) -> bytes:
    """A clip as mp3 (at most stereo, at a rate mp3 knows): about a tenth of the WAV, for listening in a page."""
    import soundfile

    known = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
    rate = clip.sample_rate if clip.sample_rate in known else 44_100
    sound = resample(Clip(clip.samples[:2], clip.sample_rate), rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(sound.samples.T, -1, 1), rate, format="MP3")
    return buffer.getvalue()


def write_wav(path: str | os.PathLike[str], clip: Clip, *, extra: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Write a 24-bit WAV whole or not at all; an existing file is never replaced (InvalidInput)."""
    write_whole(path, wav_bytes(clip, extra=extra))
