"""From a file to blocks of samples. The only module that opens soundfile to read an upload, or the ``ffmpeg`` program.

A WAV with plain samples is read here, through chunks we have walked ourselves (:mod:`.containers`). Everything that has
to be *decoded* is decoded in a process of its own that is ended when it takes too long, and its sound is taken block by
block, so that no file can hold us up or fill the memory.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import InvalidInput, NotAvailable
from ..machine.run import bare_environment
from . import mp3
from .containers import Spliced, WavParts, kind_of, read_wav_parts

RATES = (4_000, 384_000)
MOST_CHANNELS = 32
DECODE_SECONDS = 60.0  # in all
STALL_SECONDS = 8.0  # without a single block
_BLOCK_SAMPLES = 1 << 17
_HEAD_BYTES = 1 << 12
_WORKER = Path(__file__).with_name("decode_worker.py")
_WHAT = {"mp4": "m4a/AAC", "matroska": "webm/matroska", "wma": "WMA", "wavpack": "WavPack"}
# ffmpeg's name for the container, given so that it guesses nothing (a playlist that names other files, for one).
_DEMUXERS = {"mp4": "mov", "wma": "asf", "wavpack": "wv"}
_BY_FFMPEG = ("mp4", "matroska", "wma", "wavpack", "aac")
_FFMPEG_NOISE = r"^\[.*?\] *|file:/.*?: (?=\S)"  # the part that speaks, and the whole path
_FFMPEG_MEMORY = 256 << 20  # the largest single allocation


class Undecodable(Exception):
    """A decoder refused the file; the text is its reason."""


@dataclass
class Stream:
    """Sound that arrives block by block.

    ``frames`` is the length the file claims (None: not known), ``mask`` a WAV's loudspeakers, ``blocks`` float32 arrays
    of shape (channels, n). What cannot be decoded raises :class:`Undecodable`, at once or on the way.
    """

    kind: str
    sample_rate: int
    channels: int
    frames: int | None
    blocks: Iterator[np.ndarray]
    mask: int = 0


def check_header(rate: int, channels: int, name: str) -> None:
    """Refuse a rate or a number of channels that cannot be meant; raises InvalidInput."""
    if not RATES[0] <= rate <= RATES[1]:
        raise InvalidInput(
            f"“{name}” claims a sample rate of {rate} Hz; only {RATES[0]} to {RATES[1]} Hz can be right. "
            "Export it again."
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise InvalidInput(
            f"“{name}” claims {channels} channels; 1 to {MOST_CHANNELS} can be read. Export it as stereo."
        )


Opener = Callable[[], AbstractContextManager[Stream]]


def decoders(file: BinaryIO, path: Path, name: str, most_seconds: float) -> tuple[str, list[Opener]]:
    """What kind of file it is, and the ways to read it, best first, each of which opens a :class:`Stream`.

    ``path`` is where the open ``file`` lies (ffmpeg wants to open it by itself), ``name`` what the musician calls it,
    for messages; no decoder goes on after ``most_seconds`` of sound. Raises InvalidInput if it is no audio that we
    know, and NotAvailable if the format needs ffmpeg and this machine has none.
    """
    size = os.fstat(file.fileno()).st_size
    data = file.read(_HEAD_BYTES)
    kind = kind_of(data)
    if kind in ("", "mp3"):  # an mp3's first frame may lie behind a picture or junk
        data += file.read()
        kind = kind_of(data)
    if kind in ("picture", "text"):
        what = "a picture" if kind == "picture" else "a text or web page"
        raise InvalidInput(f"“{name}” is {what}, not audio, whatever its name says; give an mp3 or wav file.")
    if kind == "":
        raise InvalidInput(f"“{name}” is not audio in a format we know; give an mp3 or wav file.")
    program = shutil.which("ffmpeg")
    ways: list[Opener] = [] if program is None else [lambda: _through_ffmpeg(program, path, kind, most_seconds)]
    if kind not in _BY_FFMPEG:
        ways.insert(0, lambda: _through_soundfile(file, size, data, kind, name, most_seconds))
    if not ways:
        raise NotAvailable(
            f"“{name}” is {_WHAT.get(kind, kind)}, which needs the ffmpeg program, and this machine has none; "
            "install ffmpeg or give an mp3 or wav."
        )
    return _WHAT.get(kind, kind), ways


@contextmanager
def _through_soundfile(
    file: BinaryIO, size: int, data: bytes, kind: str, name: str, most_seconds: float
) -> Iterator[Stream]:
    with contextlib.ExitStack() as stack:
        if kind == "wav":
            file.seek(0)
            parts = read_wav_parts(file, size, mp3.id3_bytes(file.read(10)))
            if parts is None:
                raise Undecodable("it has no samples or does not say what they are")
            check_header(parts.sample_rate, parts.channels, name)
            whole = Spliced(parts.header(), file, parts.data_start, parts.data_bytes)
            if parts.is_plain:
                yield stack.enter_context(_plain_wav(whole, parts))
                return
            given: BinaryIO = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(whole, given, 1 << 20)
        elif kind == "mp3":
            given = stack.enter_context(tempfile.TemporaryFile())
            given.write(mp3.repair(data) or data)
        else:
            given = file
        given.flush()
        given.seek(0)
        command = [sys.executable, str(_WORKER), str(most_seconds)]
        process = stack.enter_context(_child(command, bare_environment() | {"OPENBLAS_NUM_THREADS": "1"}, given))
        yield _au_stream(process, kind)


@contextmanager
def _plain_wav(whole: Spliced, parts: WavParts) -> Iterator[Stream]:
    import soundfile

    try:
        with soundfile.SoundFile(whole) as sound:
            step = max(1, _BLOCK_SAMPLES // sound.channels)

            def blocks() -> Iterator[np.ndarray]:
                while len(block := sound.read(step, dtype="float32", always_2d=True)):
                    yield block.T

            yield Stream("wav", sound.samplerate, sound.channels, sound.frames, blocks(), parts.channel_mask)
    except soundfile.SoundFileError as error:
        raise Undecodable(str(error).rsplit(":", 1)[-1].strip().rstrip(".")) from None


@contextmanager
def _through_ffmpeg(program: str, path: Path, kind: str, most_seconds: float) -> Iterator[Stream]:
    command = [program, "-v", "error", "-nostdin", "-max_alloc", str(_FFMPEG_MEMORY), "-protocol_whitelist", "file"]
    command += ["-f", _DEMUXERS.get(kind, kind), "-i", f"file:{path}", "-map", "0:a:0", "-t", str(most_seconds)]
    command += ["-f", "au", "-c:a", "pcm_f32be", "pipe:1"]
    with _child(command, bare_environment(), subprocess.DEVNULL) as process:
        yield _au_stream(process, kind, known_length=False)


# ---------------------------------------------------------------------------------------- a decoder in its own process


class _Child:
    """A decoder process whose output is read with a time limit."""

    def __init__(self, process: subprocess.Popen[bytes], errors: BinaryIO) -> None:
        self._process, self._errors = process, errors
        self._began = self._moved = time.monotonic()
        self._late = False
        self._done = threading.Event()
        threading.Thread(target=self._watch, name="decode-watch", daemon=True).start()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            now = time.monotonic()
            if now - self._moved > STALL_SECONDS or now - self._began > DECODE_SECONDS:
                self._late = True
                self._process.kill()
                return

    def read(self, most: int) -> bytes:
        """Up to ``most`` bytes; fewer only at the end."""
        assert self._process.stdout is not None
        data = self._process.stdout.read(most)
        self._moved = time.monotonic()
        return data

    def check(self) -> None:
        """Raise Undecodable unless the process has ended well."""
        code = self._process.wait()
        if self._late:
            raise Undecodable(f"decoding it did not end within {time.monotonic() - self._began:.0f} s")
        if code:
            self._errors.seek(0)
            lines = self._errors.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
            last = re.sub(_FFMPEG_NOISE, "", lines[-1]) if lines else ""
            raise Undecodable(last.strip().rstrip(".") or "its decoder broke off")

    def end(self) -> None:
        self._done.set()
        self._process.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()


@contextmanager
def _child(command: list[str], environment: dict[str, str], given: BinaryIO | int) -> Iterator[_Child]:
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=errors, env=environment)
        except OSError as error:
            raise Undecodable(f"its decoder could not be started: {error.strerror or error}") from None
        child = _Child(process, errors)
        try:
            yield child
        finally:
            child.end()


def _au_stream(child: _Child, kind: str, *, known_length: bool = True) -> Stream:
    """The stream that a decoder writes as Sun AU, 32-bit floats, big-endian."""
    head = child.read(24)
    if len(head) < 24 or head[:4] != b".snd":
        child.check()
        raise Undecodable("no audio in it")
    offset, _, encoding, rate, channels = struct.unpack(">5I", head[4:])
    note = child.read(offset - 24)
    if encoding != 6 or not channels:
        raise Undecodable("no audio in it")
    frames = struct.unpack(">Q", note)[0] if known_length and len(note) == 8 else 0

    def blocks() -> Iterator[np.ndarray]:
        frame = 4 * channels
        while len(data := child.read(max(1, _BLOCK_SAMPLES // channels) * frame)) >= frame:
            block = np.frombuffer(data[: len(data) // frame * frame], ">f4").astype(np.float32)
            yield block.reshape(-1, channels).T
        child.check()

    return Stream(kind, rate, channels, frames or None, blocks())
