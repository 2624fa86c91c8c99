"""Audio in and out: read and check an upload, resample, measure level, write a WAV whole or not at all.

The only module that opens soundfile (and the ``ffmpeg`` program, for what soundfile refuses). Everything else sees a
:class:`~helpers.records.Clip`: finite float32 of shape (channels, samples) with its rate.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InvalidInput, NotAvailable
from ..machine.files import shown_name, write_whole
from ..records import Clip
from . import mp3

LONGEST_SECONDS = 600.0
SHORTEST_SECONDS = 1.0
LARGEST_BYTES = 200 * 1024 * 1024
RATES = (4_000, 384_000)
MOST_CHANNELS = 32
SILENT_RMS_DB = -60.0  # below this, with the constant part removed, there is nothing to hear
MOST_NON_FINITE = 0.01  # a few broken samples are set to zero; more is a broken file
FFMPEG_SECONDS = 60
_RINGING_SECONDS = 0.1


@dataclass(frozen=True)
class AudioFile:
    """A file that was read: its clip, the SHA-256 of its bytes, and what had to be said about it."""

    clip: Clip
    sha256: str
    notes: tuple[str, ...] = ()


def kind_of(data: bytes) -> str:
    """What the content is: ``wav flac ogg aiff mp3 mp4 matroska``, ``text``, ``picture``, or ``''`` when unknown."""
    head = data[:16]
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    for magic, kind in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"ID3", "mp3"), (b"\x1aE\xdf\xa3", "matroska")):
        if head.startswith(magic):
            return kind
    if head[4:8] == b"ftyp":
        return "mp4"
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")):
        return "picture"
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"{", b"<svg")):
        return "text"
    return "mp3" if mp3.find_first_frame(data) is not None else ""


def read_clip(path: str | os.PathLike[str]) -> Clip:
    """Read and check an audio file; see :func:`read_audio`."""
    return read_audio(path).clip


def read_audio(path: str | os.PathLike[str], name: str | None = None) -> AudioFile:
    """Read mp3, wav, flac, ogg or aiff (m4a, webm, opus-in-anything where ffmpeg is there), by content, not by name.

    Parameters
    ----------
    path
        Where the file lies.
    name
        What the musician calls it, for messages (an upload lies under another name for a while); default: its own.

    Returns
    -------
    AudioFile
        Samples finite, as stored otherwise (rate and channels untouched).

    Raises
    ------
    InvalidInput
        One sentence for each way a file can be unusable: missing, empty, over 200 MB, not audio, an absurd rate, over
        10 minutes, under a second, silent, broken.
    NotAvailable
        If the format needs ffmpeg and this machine has none.
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
        data = path.read_bytes()
    except FileNotFoundError:
        raise InvalidInput(f"There is no file “{name}”; check the path.") from None
    except OSError as error:
        raise InvalidInput(
            f"“{name}” cannot be read ({error.strerror or error}); check the path and its rights."
        ) from None
    samples, rate = _decode(data, path, name)
    return AudioFile(*_checked(samples, rate, name, hashlib.sha256(data).hexdigest()))


# ------------------------------------------------------------------------------------------------------------ decoding


def _decode(data: bytes, path: Path, name: str) -> tuple[np.ndarray, int]:
    kind = kind_of(data)
    if kind in ("picture", "text"):
        what = "a picture" if kind == "picture" else "a text or web page"
        raise InvalidInput(f"“{name}” is {what}, not audio, whatever its name says; give an mp3 or wav file.")
    if kind == "":
        raise InvalidInput(f"“{name}” is not audio in a format we know; give an mp3 or wav file.")
    if kind == "mp3":
        data = mp3.repair(data) or data
    if kind == "wav":
        data = _mended_wav(data, name)
    if kind in ("mp4", "matroska"):
        return _decode_with_ffmpeg(path, name, kind)
    try:
        return _decode_with_soundfile(data, name)
    except _Undecodable as error:
        if kind == "wav" or shutil.which("ffmpeg") is None:
            raise InvalidInput(
                f"“{name}” looks like {kind} but cannot be decoded ({error}); export it again as wav."
            ) from None
        return _decode_with_ffmpeg(path, name, kind)


class _Undecodable(Exception):
    pass


def _decode_with_soundfile(data: bytes, name: str) -> tuple[np.ndarray, int]:
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate, channels = file.samplerate, file.channels
            _check_header(rate, channels, name)
            # Compressed streams may not know their length: never read more than the limit and one second.
            most = int((LONGEST_SECONDS + 1) * rate)
            if file.frames > most and file.format != "MP3":
                _refuse_length(file.frames / rate, name)
            samples = file.read(frames=most, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise _Undecodable(str(error).split(":", 1)[-1].strip().rstrip(".")) from None
    return np.ascontiguousarray(samples.T), rate


def _decode_with_ffmpeg(path: Path, name: str, kind: str) -> tuple[np.ndarray, int]:
    program = shutil.which("ffmpeg")
    what = {"mp4": "m4a/AAC", "matroska": "webm/matroska"}.get(kind, kind)
    if program is None:
        raise NotAvailable(
            f"“{name}” is {what}, which needs the ffmpeg program, and this machine has none; "
            "install ffmpeg or give an mp3 or wav."
        )
    command = [program, "-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]
    command += ["-vn", "-t", str(LONGEST_SECONDS + 1), "-f", "wav", "-c:a", "pcm_f32le", "pipe:1"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=FFMPEG_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InvalidInput(f"“{name}” took over {FFMPEG_SECONDS} s to decode; convert it to wav first.") from None
    if done.returncode or len(done.stdout) < 64:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InvalidInput(
            f"“{name}” ({what}) cannot be decoded: {last[-1] if last else 'no audio in it'}; export it as wav."
        )
    try:
        return _decode_with_soundfile(_mended_wav(done.stdout, name), name)
    except _Undecodable as error:
        raise InvalidInput(f"“{name}” ({what}) cannot be decoded ({error}); export it as wav.") from None


def _mended_wav(data: bytes, name: str) -> bytes:
    """Check the fmt chunk; set a data length that is 0 or runs past the end (a recording cut off or streamed) right."""
    at, order = 12, ">" if data[:4] == b"RIFX" else "<"
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], struct.unpack_from(order + "I", data, at + 4)[0]
        if tag == b"fmt " and at + 16 <= len(data):
            channels, rate = struct.unpack_from(order + "HI", data, at + 10)
            _check_header(rate, channels, name)
        if tag == b"data":
            left = len(data) - at - 8
            if data[:4] != b"RF64" and (size == 0 or size > left) and left:
                mended = bytearray(data)
                struct.pack_into(order + "I", mended, at + 4, left)
                struct.pack_into(order + "I", mended, 4, len(data) - 8)
                return bytes(mended)
            return data
        at += 8 + size + (size & 1)
    return data


def _check_header(rate: int, channels: int, name: str) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise InvalidInput(
            f"“{name}” claims a sample rate of {rate} Hz; only {RATES[0]} to {RATES[1]} Hz can be right. "
            "Export it again."
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise InvalidInput(
            f"“{name}” claims {channels} channels; 1 to {MOST_CHANNELS} can be read. Export it as stereo."
        )


def _refuse_length(seconds: float, name: str) -> None:
    raise InvalidInput(
        f"“{name}” is {seconds / 60:.1f} minutes long, the limit is {LONGEST_SECONDS / 60:.0f}; "
        "cut out the part you mean."
    )


def _checked(samples: np.ndarray, rate: int, name: str, digest: str) -> tuple[Clip, str, tuple[str, ...]]:
    notes: list[str] = []
    if samples.shape[1] == 0:
        raise InvalidInput(f"“{name}” holds no samples; export or upload it again.")
    bad = ~np.isfinite(samples)
    if bad.any():
        share = bad.mean()
        if share > MOST_NON_FINITE:
            raise InvalidInput(f"“{name}” is broken: {share:.0%} of its samples are not numbers; export it again.")
        samples = np.where(bad, np.float32(0), samples)
        notes.append(f"{int(bad.sum())} samples were not finite numbers and were set to zero.")
    seconds = samples.shape[1] / rate
    if seconds > LONGEST_SECONDS:
        _refuse_length(seconds, name)
    if seconds < SHORTEST_SECONDS:
        raise InvalidInput(
            f"“{name}” is {seconds:.2g} s long; at least {SHORTEST_SECONDS:g} s is needed to hear a tempo."
        )
    peak = float(np.abs(samples).max())
    if peak > 64:  # integers stored as floats
        samples = samples / np.float32(peak)
        notes.append(f"The samples reached {peak:.3g} times full scale and were brought down to it.")
    moving = samples - samples.mean(axis=1, keepdims=True)
    # Without the very edges: those of a constant signal ring when it went through an mp3 encoder.
    edge = min(samples.shape[1] // 20, round(_RINGING_SECONDS * rate))
    rms = float(np.sqrt(np.mean(np.square(moving[:, edge : samples.shape[1] - edge], dtype=np.float64))))
    level_db = 20 * np.log10(max(rms, 1e-12))
    if level_db < SILENT_RMS_DB:
        raise InvalidInput(
            f"“{name}” is silent (its level is {level_db:.0f} dB; at least {SILENT_RMS_DB:g} dB is needed); "
            "check the recording and upload it again."
        )
    return Clip(np.ascontiguousarray(samples, dtype=np.float32), rate), digest, tuple(notes)


def read_back(path: str | os.PathLike[str]) -> Clip:
    """Read a WAV that we wrote, exactly as stored and without the guards for uploads (it may be silent or short)."""
    import soundfile

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    return Clip(np.ascontiguousarray(samples.T), rate)


# ------------------------------------------------------------------------------------------------ rate, level, loudness


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


def loudness_lufs(clip: Clip) -> float | None:
    """Integrated loudness (ITU-R BS.1770-4, gated) in LUFS; None when the clip is under 0.4 s or below the gate."""
    import pyloudnorm

    if clip.seconds < 0.4:
        return None
    samples = clip.samples[:2] if clip.channels <= 5 else clip.mono()[None]  # BS.1770 weighs at most five channels
    value = float(pyloudnorm.Meter(clip.sample_rate).integrated_loudness(samples.T.astype(np.float64)))
    return value if np.isfinite(value) else None


def true_peak_dbtp(clip: Clip) -> float:
    """True peak in dBTP: the largest magnitude after four-times oversampling (ITU-R BS.1770-4, annex 2)."""
    from scipy.signal import resample_poly

    factor = 4 if clip.sample_rate < 96_000 else 2
    peak = max(float(np.abs(resample_poly(channel, factor, 1)).max()) for channel in clip.samples)
    return 20 * float(np.log10(max(peak, float(np.abs(clip.samples).max()), 1e-12)))


# ------------------------------------------------------------------------------------------------------------- writing


def wav_bytes(clip: Clip, *, extra: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A 24-bit PCM WAV, with ``extra`` (four-letter tag, body) chunks after the samples."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, clip.samples.T, clip.sample_rate, format="WAV", subtype="PCM_24")
    data = bytearray(buffer.getvalue())
    if len(data) % 2:
        data += b"\0"
    for tag, body in extra:
        data += tag + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    struct.pack_into("<I", data, 4, len(data) - 8)
    return bytes(data)


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
