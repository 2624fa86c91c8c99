"""Ideas and what was heard in them, read once; and every file the page may ask for, by name."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import pipeline
from ..errors import InvalidInput
from ..planning import inherit, part_of
from ..records import Analysis, Request, Span
from ..sound.audio import read_clip
from . import analysis_card, cards, player
from .panel import OfferedFile
from .state import IdeaEntry, State

MOST_IDEAS_IN_MEMORY = 3
LEAST_PART_SECONDS = 0.5
_MEDIA_TYPES = {"wav": "audio/wav", "mid": "audio/midi", "json": "application/json"}


def _whole(entry: IdeaEntry) -> IdeaEntry:
    """The entry with all of its file meant."""
    return entry if entry.span is None else replace(entry, id=f"{entry.id} whole", span=None)


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
        """Drop an idea that was taken off the list, and its analysis."""
        with self._lock:
            self._ideas.pop(idea, None)
            self._analyses.pop(idea, None)

    def idea(self, entry: IdeaEntry) -> pipeline.Idea:
        """The idea behind an entry, read from its file on first use."""
        with self._lock:
            idea = self._ideas.get(entry.id) or self._read(entry)
            self.keep(entry, idea)
            return idea

    def _read(self, entry: IdeaEntry) -> pipeline.Idea:
        idea = pipeline.load_idea(self.state.idea_path(entry), entry.name)
        return idea if entry.span is None else idea.part(*entry.span)

    def heard(self, idea: str | None) -> Analysis | None:
        """What was heard in an idea; None until it has been."""
        return self._analyses.get(idea or "")

    def forget_heard(self) -> None:
        """Drop every analysis, because more can be heard now."""
        self._analyses.clear()

    def hear(self, entry: IdeaEntry, progress: pipeline.Progress = pipeline.silent_progress) -> Analysis:
        """Analyze an idea unless that has been done."""
        analysis = self.heard(entry.id)
        if analysis is None:
            analysis = pipeline.analyze_idea(self.idea(entry), progress)
            if entry.span is not None:
                analysis = part_of(self.hear(_whole(entry), progress), analysis, *entry.span)
            elif entry.request is not None:
                analysis = inherit(analysis, Request.from_json(entry.request))
            self._analyses[entry.id] = analysis
        return analysis

    def spans(self, entry: IdeaEntry) -> tuple[Span, ...]:
        """The parts of an idea's file that loop best, also while one of them is in use; nothing is heard for it."""
        whole = self.heard(_whole(entry).id)
        return whole.spans if whole is not None else ()

    # ------------------------------------------------------------------------------------------------ files for panels

    def check(self, request: Request | None) -> OfferedFile:
        """The current idea with clicks and drone for ``request``'s tempo and key (None: as heard)."""
        entry = self.state.find(self.state.current)
        analysis = self.heard(self.state.current)
        if entry is None or analysis is None:
            raise InvalidInput("The idea has not been heard yet.")
        return analysis_card.check_file(self.idea(entry).clip, analysis, request)

    def file(self, name: str) -> OfferedFile:
        """``loop:NAME`` and ``idea:NAME`` as PCM, ``wav:`` ``mid:`` ``json:NAME`` as they are, ``zip:NAME|NAME...``;
        ``preview:ID``: an idea for the page's <audio>.
        """
        kind, _, rest = name.partition(":")
        folder = self.state.folder
        if kind == "preview":
            entry = self.state.find(rest)
            if entry is None:
                raise InvalidInput("That idea is no longer on the list.")
            return player.preview_file(self.state.idea_path(entry), self.idea(entry).clip)
        if kind == "zip":
            return cards.zip_loops(folder, rest.split("|"))
        if kind == "loop":
            clip = read_clip(cards.stored(folder, rest).wav)
            return player.pcm_file(clip, gain=player.listening_gain(clip))
        if kind == "idea":
            return self._idea_under(rest)
        path: Path | None = next((p for p in cards.loop_files(folder, rest) if p.suffix == f".{kind}"), None)
        if path is None or kind not in _MEDIA_TYPES:
            raise InvalidInput(f"This loop has no {kind} file.")
        return OfferedFile(path.read_bytes(), _MEDIA_TYPES[kind], path.name)

    def idea_of(self, document: dict[str, Any]) -> IdeaEntry | None:
        """The idea that a loop's JSON was made for, with the part of it that was meant, if it is still on the list."""
        made_for = document.get("idea") or {}
        entry = next((e for e in self.state.ideas if e.sha256 == made_for.get("sha256")), None)
        span = made_for.get("span")
        if entry is None or list(entry.span or ()) == list(span or ()):
            return entry
        return replace(entry, id=f"{entry.id} {span}", span=list(span) if span else None)

    def whole_bars(self, entry: IdeaEntry, first: float, last: float) -> list[float]:
        """The part from ``first`` to ``last`` seconds, moved to the bar lines that were heard in all of the file."""
        heard = self.hear(_whole(entry))
        self._analyses[f"{entry.id} whole"] = heard
        lines = np.array([*heard.tempo.downbeats, heard.seconds])
        begin, end = (float(lines[np.abs(lines - at).argmin()]) for at in (first, last))
        if end - begin < LEAST_PART_SECONDS:
            raise InvalidInput(f"That part is {max(0.0, end - begin):.1f} s long; draw over a bar or more.")
        return [begin, end]

    def _idea_under(self, name: str) -> OfferedFile:
        loop = cards.stored(self.state.folder, name)
        clip, entry = read_clip(loop.wav), self.idea_of(loop.document)
        if entry is None:
            raise InvalidInput("The idea of this loop is no longer on the list; upload it again to hear both.")
        analysis = self.hear(entry)
        rate = clip.sample_rate
        laid, together = player.lay_idea(
            self.idea(entry).clip, analysis, loop.request, samples=clip.length, sample_rate=rate
        )
        return player.pcm_file(laid, gain=player.listening_gain(laid), together=together)
