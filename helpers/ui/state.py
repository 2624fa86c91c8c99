"""What the notebook remembers: ideas, settings, loops and their marks. Paths and plain values, saved as JSON.

Widgets die with the page and variables with the kernel; this file lets a cell that is run again put everything back.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

STATE_FILE = "notebook-state.json"
STATE_FORMAT = 1


@dataclass
class IdeaEntry:
    """A saved idea: ``id`` is the start of its SHA-256, ``file`` its name inside the ideas folder."""

    id: str
    name: str
    file: str
    sha256: str
    seconds: float
    sample_rate: int
    channels: int
    peaks: list[int] = field(default_factory=list)


@dataclass
class RunEntry:
    """One press on Generate: title, idea, and the names of the loops' JSON files in the output folder, best first."""

    title: str
    idea: str | None
    loops: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class State:
    """Everything that survives a re-run. ``marks`` maps a loop's file name to ``kept`` or ``discarded``."""

    folder: Path
    ideas: list[IdeaEntry] = field(default_factory=list)
    current: str | None = None
    form: dict[str, Any] = field(default_factory=dict)
    runs: list[RunEntry] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def ideas_folder(self) -> Path:
        return self.folder / "ideas"

    def idea_path(self, entry: IdeaEntry) -> Path:
        return self.ideas_folder / entry.file

    def find(self, idea: str | None) -> IdeaEntry | None:
        return next((entry for entry in self.ideas if entry.id == idea), None)

    def add_idea(self, entry: IdeaEntry) -> None:
        """Keep an idea and make it the current one; the same sound is kept once."""
        self.ideas = [old for old in self.ideas if old.id != entry.id] + [entry]
        self.current = entry.id

    def forget_idea(self, idea: str) -> None:
        """Take an idea off the list; its file stays where it is."""
        self.ideas = [entry for entry in self.ideas if entry.id != idea]
        if self.current == idea:
            self.current = self.ideas[-1].id if self.ideas else None

    def save(self) -> None:
        """Write the state whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data = {"format": STATE_FORMAT, **asdict(self)}
        del data["folder"]
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".state-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False)
        os.replace(name, self.folder / STATE_FILE)

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read the state of ``folder``; what is missing on disk is left out, an unreadable file is set aside."""
        path = Path(folder) / STATE_FILE
        state = cls(Path(folder))
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["format"] != STATE_FORMAT:
                raise ValueError(data["format"])
            state.ideas = [IdeaEntry(**entry) for entry in data["ideas"]]
            state.runs = [RunEntry(**entry) for entry in data["runs"]]
            state.current, state.form, state.marks = data["current"], dict(data["form"]), dict(data["marks"])
        except FileNotFoundError:
            return state
        except (ValueError, KeyError, TypeError):
            path.replace(path.with_suffix(".unreadable.json"))
            return cls(Path(folder))
        state.ideas = [entry for entry in state.ideas if state.idea_path(entry).is_file()]
        if state.find(state.current) is None:
            state.current = state.ideas[-1].id if state.ideas else None
        for run in state.runs:
            run.loops = [name for name in run.loops if (state.folder / name).is_file()]
        state.runs = [run for run in state.runs if run.loops]
        return state
