"""Ideas and what was heard in them, read once; and every file the page may ask for, by name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from .. import pipeline
from ..errors import InvalidInput
from ..records import Analysis, Request
from . import analysis_card, cards, player
from .panel import OfferedFile
from .state import IdeaEntry, State

MOST_IDEAS_IN_MEMORY = 3
_MEDIA_TYPES = {"wav": "audio/wav", "mid": "audio/midi", "json": "application/json"}


class Library:
    """Sounds behind a state's entries. Used from the kernel's thread, the job's and the panels' file threads."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._ideas: OrderedDict[str, pipeline.Idea] = OrderedDict()  # the last few used: each may hold 200 MB
        self._analyses: dict[str, Analysis] = {}
        self._lock = threading.RLock()

    def keep(self, entry: IdeaEntry, idea: pipeline.Idea) -> None:
        """Remember an idea that has just been read; of many, the last few used."""
        with self._lock:
            self._ideas[entry.id] = idea
            self._ideas.move_to_end(entry.id)
            while len(self._ideas) > MOST_IDEAS_IN_MEMORY:
                self._ideas.popitem(last=False)

    def forget(self, idea: str) -> None:
        """Let go of an idea that was taken off the list."""
        with self._lock:
            self._ideas.pop(idea, None)
            self._analyses.pop(idea, None)

    def idea(self, entry: IdeaEntry) -> pipeline.Idea:
        """The idea behind an entry, read from its file on first use."""
        with self._lock:
            idea = self._ideas.get(entry.id) or pipeline.load_idea(self.state.idea_path(entry), entry.name)
            self.keep(entry, idea)
            return idea

    def heard(self, idea: str | None) -> Analysis | None:
        """What was heard in an idea; None until it has been."""
        return self._analyses.get(idea or "")

    def forget_heard(self) -> None:
        """Let go of every analysis: more can be heard now."""
        self._analyses.clear()

    def hear(self, entry: IdeaEntry, progress: pipeline.Progress = pipeline.silent_progress) -> Analysis:
        """Analyze an idea unless that has been done."""
        analysis = self.heard(entry.id)
        if analysis is None:
            analysis = pipeline.analyze_idea(self.idea(entry), progress)
            self._analyses[entry.id] = analysis
        return analysis

    # ------------------------------------------------------------------------------------------------ files for panels

    def preview(self, name: str) -> OfferedFile:
        """``preview:ID``: an idea for the page's <audio>."""
        entry = self.state.find(name.removeprefix("preview:"))
        if entry is None:
            raise InvalidInput("That idea is no longer on the list.")
        return player.preview_file(self.state.idea_path(entry), self.idea(entry).clip)

    def check(self, request: Request | None) -> OfferedFile:
        """The current idea with clicks and drone for ``request``'s tempo and key (None: as heard)."""
        entry = self.state.find(self.state.current)
        analysis = self.heard(self.state.current)
        if entry is None or analysis is None:
            raise InvalidInput("The idea has not been heard yet.")
        return analysis_card.check_file(self.idea(entry).clip, analysis, request)

    def result(self, name: str) -> OfferedFile:
        """``loop:NAME`` and ``idea:NAME`` as PCM, ``wav:`` ``mid:`` ``json:NAME`` as they are, ``zip:NAME|NAME...``."""
        kind, _, rest = name.partition(":")
        folder = self.state.folder
        if kind == "zip":
            return OfferedFile(cards.zip_loops(folder, rest.split("|")), "application/zip", "loops.zip")
        if kind == "loop":
            clip, _, _ = cards.loop_clip(folder, rest)
            return player.pcm_file(clip, gain=player.listening_gain(clip))
        if kind == "idea":
            return self._idea_under(rest)
        path: Path | None = next((p for p in cards.loop_files(folder, rest) if p.suffix == f".{kind}"), None)
        if path is None or kind not in _MEDIA_TYPES:
            raise InvalidInput(f"This loop has no {kind} file.")
        return OfferedFile(path.read_bytes(), _MEDIA_TYPES[kind], path.name)

    def _idea_under(self, name: str) -> OfferedFile:
        clip, request, data = cards.loop_clip(self.state.folder, name)
        digest = (data.get("idea") or {}).get("sha256", "")
        entry = next((e for e in self.state.ideas if e.sha256 == digest), None)
        if entry is None:
            raise InvalidInput("The idea of this loop is no longer on the list; upload it again to hear both.")
        analysis = self.hear(entry)
        rate = clip.sample_rate
        laid, together = player.lay_idea(
            self.idea(entry).clip, analysis, request, samples=clip.length, sample_rate=rate
        )
        return player.pcm_file(laid, gain=player.listening_gain(laid), together=together)
