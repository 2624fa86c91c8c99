"""Getting an idea in: acknowledged slices from our own widget, checked, kept under its own digest."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ..errors import InvalidInput, LoopsError
from ..export import read_sidecar
from ..machine.files import sha256_of, write_whole
from ..pipeline import Idea, load_idea
from ..report import channel_words
from ..sound.audio import LARGEST_BYTES
from .player import peaks
from .state import IdeaEntry, State

ID_LENGTH = 12


class Uploads:
    """Takes the slices of one file at a time into a temporary file; a slice out of order breaks nothing."""

    def __init__(self) -> None:
        self._open: tuple[int, IO[bytes], str] | None = None

    def take(self, upload: int, at: int, size: int, name: str, data: bytes = b"") -> dict[str, Any]:
        """Append one slice; returns the acknowledgement: how many bytes have been taken of which upload.

        Raises InvalidInput if the file is larger than the limit.
        """
        if size > LARGEST_BYTES or at + len(data) > LARGEST_BYTES:
            self._drop()
            raise InvalidInput(
                f"The file is {size / 2**20:.0f} MB, the limit is {LARGEST_BYTES / 2**20:.0f} MB; "
                "cut out the part you mean."
            )
        if self._open is None or self._open[0] != upload:
            self._drop()  # a new choice replaces the last
            file = tempfile.NamedTemporaryFile(prefix="loops-idea-")  # noqa: SIM115  open until it has arrived
            self._open = upload, file, name
        into = self._open[1]
        if into.tell() == at:
            into.write(data)
            into.flush()
        return {"kind": "ack", "upload": upload, "got": into.tell()}

    def finish(self, upload: int) -> tuple[IO[bytes], str]:
        """The temporary file of an upload that has arrived, which is gone when the caller closes it, and its name."""
        if self._open is None or self._open[0] != upload:
            raise InvalidInput("No file has arrived yet; choose an mp3 or wav file first.")
        _, file, name = self._open
        self._open = None
        return file, name

    def _drop(self) -> None:
        """Remove what has arrived."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def store_idea(state: State, source: Path, name: str, request: dict[str, Any] | None = None) -> tuple[IdeaEntry, Idea]:
    """Check an audio file and keep a copy among the notebook's ideas, under its own digest.

    Returns the entry (already the state's current idea) and the idea as read. Raises InvalidInput and NotAvailable as
    :func:`helpers.pipeline.load_idea`; nothing is kept then.
    """
    idea = load_idea(source, name)
    suffix = re.sub(r"[^a-z0-9.]", "", Path(name).suffix.lower())[:6]
    file = f"{idea.sha256[:ID_LENGTH]}{suffix}"
    state.ideas_folder.mkdir(parents=True, exist_ok=True)
    target = state.ideas_folder / file
    if not target.exists():
        write_whole(target, source.read_bytes())
    clip, known = idea.clip, state.find(idea.sha256[:ID_LENGTH])
    if known is not None:  # the same sound under another name: it keeps its own, and the part of it that is meant
        state.add_idea(known)
        return known, idea
    entry = IdeaEntry(
        idea.sha256[:ID_LENGTH],
        _free_name(state, idea.name),
        file,
        idea.sha256,
        clip.seconds,
        clip.sample_rate,
        clip.channels,
        peaks(clip, 480),
        request=request or known_request(state.folder, source, idea.sha256),
    )
    state.add_idea(entry)
    return entry, idea


def known_request(folder: Path, source: Path, sha256: str) -> dict[str, Any] | None:
    """The request of a loop in ``folder`` whose WAV is this very sound; None for anything else."""
    size = source.stat().st_size
    for wav in folder.glob("*.wav"):
        if wav.stat().st_size != size or not wav.with_suffix(".json").is_file():
            continue
        if sha256_of(wav) == sha256:
            with suppress(LoopsError):
                return read_sidecar(wav.with_suffix(".json"))[0].to_json()
    return None


def idea_view(entry: IdeaEntry) -> dict[str, Any]:
    """An idea as the studio draws it."""
    span = list(entry.span) if entry.span else None
    return {"id": entry.id, "name": entry.name, "seconds": entry.seconds, "peaks": entry.peaks, "span": span}


def sound_words(entry: IdeaEntry) -> str:
    """Rate and channels as a musician reads them, written in one place."""
    return f"{entry.sample_rate / 1000:.4g} kHz, {channel_words(entry.channels)}"


def _free_name(state: State, name: str) -> str:
    """``name``, numbered when another sound on the list already carries it."""
    taken = {entry.name for entry in state.ideas}
    stem, suffix = Path(name).stem, Path(name).suffix
    numbered = (name, *(f"{stem} ({number}){suffix}" for number in range(2, len(taken) + 2)))
    return next(free for free in numbered if free not in taken)


def idea_views(state: State) -> list[dict[str, Any]]:
    """The saved ideas as the page lists them, newest first."""
    return [idea_view(e) | {"sound": sound_words(e), "current": e.id == state.current} for e in reversed(state.ideas)]
