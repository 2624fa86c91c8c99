"""What the notebook remembers: ideas, settings, loops and their marks. Paths and plain values, saved as JSON.

Widgets die with the page and variables with the kernel; this file lets a cell that is run again put everything back.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..machine.files import read_json, write_whole

STATE_FILE = "notebook-state.json"
STATE_FORMAT = 1
_KINDS: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "str | None": (str, type(None)),
    "list[int]": list,
    "list[str]": list,
}


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


def _entry(record: type, data: dict[str, Any]) -> Any:
    """The record that ``data`` holds; raises ValueError or TypeError where a value is of another kind."""
    entry = record(**data)
    for row in fields(record):
        value, kinds = getattr(entry, row.name), _KINDS[str(row.type)]
        items = value if isinstance(value, list) else ()
        if not isinstance(value, kinds) or isinstance(value, bool) or not all(isinstance(i, str | int) for i in items):
            raise ValueError(f"{row.name} is {value!r}")
    return entry


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
        data = {"format": STATE_FORMAT, **asdict(self)}
        del data["folder"]
        write_whole(self.folder / STATE_FILE, json.dumps(data, ensure_ascii=False).encode(), replace=True)

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read the state of ``folder``; what is missing on disk is left out, an unreadable file is set aside."""
        path = Path(folder) / STATE_FILE
        state = cls(Path(folder))
        try:
            data = read_json(path.read_bytes())
            if data["format"] != STATE_FORMAT:
                raise ValueError(data["format"])
            state.ideas = [_entry(IdeaEntry, entry) for entry in data["ideas"]]
            state.runs = [_entry(RunEntry, entry) for entry in data["runs"]]
            state.current, state.form, state.marks = data["current"], dict(data["form"]), dict(data["marks"])
            for name in [e.file for e in state.ideas] + [name for run in state.runs for name in run.loops]:
                if Path(name).name != name or "\0" in name:  # a path out of our folder
                    raise ValueError(name)
            if not all(isinstance(text, str) for text in (*state.marks.values(), state.current or "")):
                raise ValueError("marks")
        except FileNotFoundError:
            return state
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            with suppress(OSError):
                path.replace(path.with_suffix(".unreadable.json"))
            return cls(Path(folder))
        state.ideas = [entry for entry in state.ideas if state.idea_path(entry).is_file()]
        if state.find(state.current) is None:
            state.current = state.ideas[-1].id if state.ideas else None
        for run in state.runs:
            run.loops = [name for name in run.loops if (state.folder / name).is_file()]
        state.runs = [run for run in state.runs if run.loops]
        return state
