"""What the notebook remembers: ideas, settings, loops and their marks. Paths and plain values, saved as JSON.

Widgets die with the page and variables with the kernel; this file lets a cell that is run again put everything back.
Two notebooks may have the same folder open: saving brings both sides' changes together and loses neither's.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from ..machine.files import locked, read_json, write_whole

STATE_FILE = "notebook-state.json"
STATE_FORMAT = 1
Entry = TypeVar("Entry", "IdeaEntry", "RunEntry")
_KINDS: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "str | None": (str, type(None)),
    "list[int]": list,
    "list[str]": list,
    "list[float] | None": (list, type(None)),
    "dict[str, Any] | None": (dict, type(None)),
}


@dataclass
class IdeaEntry:
    """A saved idea: ``id`` is the start of its SHA-256 (and the span, for a part of a file), ``file`` its file's name.

    ``span`` is the stretch of the file in seconds that is meant, None for all of it. ``request`` is that of a loop of
    ours that was made an idea: it knows the tempo, the key and the chords.
    """

    id: str
    name: str
    file: str
    sha256: str
    seconds: float
    sample_rate: int
    channels: int
    peaks: list[int] = field(default_factory=list)
    span: list[float] | None = None
    request: dict[str, Any] | None = None


@dataclass
class RunEntry:
    """One press on Generate: title, idea, and the names of the loops' JSON files in the output folder, best first."""

    title: str
    idea: str | None
    loops: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    made: float = field(default_factory=time.time)


def _entry(record: type, data: dict[str, Any]) -> Any:
    """The record that ``data`` holds; raises ValueError or TypeError where a value is of another kind."""
    entry = record(**data)
    for row in fields(record):
        value, kinds = getattr(entry, row.name), _KINDS[str(row.type)]
        items = value if isinstance(value, list) else ()
        plain = all(isinstance(item, str | int | float) for item in items)
        if not isinstance(value, kinds) or isinstance(value, bool) or not plain:
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
    levels: dict[str, float] = field(default_factory=dict)  # of kept loops in the stack; 0 = mute
    desks: dict[str, dict[str, Any]] = field(default_factory=dict)  # the current idea and the form of each notebook

    def __post_init__(self) -> None:
        self._known: State | None = None  # as the file was when we last read or wrote it

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
        """Write the state whole or not at all, together with what another notebook has written meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock"):
            with suppress(*_UNREADABLE):  # of another version, or no state at all: ours replaces it
                self._merge(_read(self.folder / STATE_FILE))
            self.desks[_notebook()] = {"current": self.current, "form": dict(self.form)}
            data = {"format": STATE_FORMAT, **asdict(self)}
            del data["folder"]
            write_whole(self.folder / STATE_FILE, json.dumps(data, ensure_ascii=False).encode(), replace=True)
        self._known = self._copy()

    def _copy(self) -> State:
        ideas, runs = list(self.ideas), list(self.runs)
        return replace(self, ideas=ideas, runs=runs, marks=dict(self.marks), levels=dict(self.levels))

    def _merge(self, theirs: State | None) -> None:
        """Take over what others added, changed or removed since we last looked; our own changes win."""
        if theirs is None:
            return
        known = self._known or State(self.folder)
        self.ideas = _merged(self.ideas, theirs.ideas, known.ideas)
        self.runs = _merged(self.runs, theirs.runs, known.runs)
        self.runs.sort(key=lambda run: -run.made)
        _take_over(self.marks, theirs.marks, known.marks)
        _take_over(self.levels, theirs.levels, known.levels)
        self.desks |= theirs.desks

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read the state of ``folder``; what is missing on disk is left out, an unreadable file is set aside."""
        path = Path(folder) / STATE_FILE
        try:
            state = _read(path) or cls(Path(folder))
        except _UNREADABLE:
            with suppress(OSError):
                path.replace(path.with_suffix(".unreadable.json"))
            return cls(Path(folder))
        state._known = state._copy()
        state.ideas = [entry for entry in state.ideas if state.idea_path(entry).is_file()]
        if state.find(state.current) is None:
            state.current = state.ideas[-1].id if state.ideas else None
        for run in state.runs:
            run.loops = [name for name in run.loops if (state.folder / name).is_file()]
        state.runs = [run for run in state.runs if run.loops]
        return state


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


def _read(path: Path) -> State | None:
    """The state in a file; None where there is none. Raises one of _UNREADABLE for anything else."""
    try:
        data = read_json(path.read_bytes())
    except FileNotFoundError:
        return None
    if data["format"] != STATE_FORMAT:
        raise ValueError(data["format"])
    desks = dict(data.get("desks", {}))
    desk = desks.get(_notebook(), data)
    state = State(path.parent, current=desk["current"], form=dict(desk["form"]), marks=dict(data["marks"]), desks=desks)
    state.levels = {name: float(level) for name, level in dict(data.get("levels", {})).items()}
    state.ideas = [_entry(IdeaEntry, entry) for entry in data["ideas"]]
    for number, entry in enumerate(data["runs"]):
        # Version 0.1 wrote neither id nor time: the loops name the run, and the newest comes first.
        old = {"id": "|".join(entry["loops"]), "made": float(-number)}
        state.runs.append(_entry(RunEntry, old | entry))
    for name in [entry.file for entry in state.ideas] + [name for run in state.runs for name in run.loops]:
        if Path(name).name != name or "\0" in name:  # a path out of our folder
            raise ValueError(name)
    if not all(isinstance(text, str) for text in (*state.marks.values(), state.current or "")):
        raise ValueError("marks")
    return state


def _notebook() -> str:
    """The notebook of this kernel, as the server names it; empty where it does not."""
    return os.environ.get("JPY_SESSION_NAME", "")


def _take_over(ours: dict[str, Any], theirs: dict[str, Any], known: dict[str, Any]) -> None:
    """Set what others have set, remove what they have removed; what we have changed ourselves stays."""
    for name in set(theirs) | set(known):
        if ours.get(name) == known.get(name):
            ours.pop(name, None)
            ours.update({name: theirs[name]} if name in theirs else {})


def _merged(ours: list[Entry], theirs: list[Entry], known: list[Entry]) -> list[Entry]:
    """Ours without what others removed, then what others added."""
    here, there, before = ({entry.id for entry in entries} for entries in (ours, theirs, known))
    kept = [entry for entry in ours if entry.id in there or entry.id not in before]
    return kept + [entry for entry in theirs if entry.id not in here and entry.id not in before]
