"""The ideas: how they come in, which one is in use, and which part of it is meant."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, LoopsError
from ..music.pitch import Key, parse_key
from . import cards, stack, uploader
from .panel import explain, message
from .state import IdeaEntry

if TYPE_CHECKING:
    from .app import App


class Ideas:
    """What the UPLOAD panel's events do, for an app."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._removed: IdeaEntry | None = None
        self.uploads = uploader.Uploads()

    def opened(self) -> None:
        """The app has opened a folder."""
        self._chosen = self._app.state.current  # whose tempo, key and chords the settings hold
        self._new: set[str] = set()

    def is_new(self, idea: str) -> bool:
        """Whether an idea came in since the page was opened; asked once, when it has been heard."""
        new = idea in self._new
        self._new.discard(idea)
        return new

    def add(self, path: Path, name: str | None = None, request: dict[str, Any] | None = None) -> IdeaEntry | None:
        """Check and keep an audio file as the current idea, then start to hear it; a bad file becomes one sentence.

        ``request`` is the loop's own, where the sound is a loop that was made here.
        """
        known = {entry.id for entry in self._app.state.ideas}
        try:
            self._app.require_room()
            entry, idea = uploader.store_idea(self._app.state, path, name or path.name, request)
        except LoopsError as error:
            self._app.push("upload", message=explain(error))
            return None
        if entry.span is None:
            self._app.library.keep(entry, idea)
        self._new.add(entry.id)
        knows = " A loop made here: its tempo, key and chords are known." if entry.request else ""
        said = f"Saved “{entry.name}”: {entry.seconds:.1f} s, {uploader.sound_words(entry)}.{knows}"
        if entry.id in known and entry.name != idea.name:
            said = f"“{idea.name}” is the same sound as “{entry.name}”, which is in use now."
        self.choose(entry.id)
        self._app.push("upload", message=message(" ".join([said, *idea.notes]), "good"))
        return entry

    def choose(self, idea: str) -> None:
        """Make a saved idea the current one; settings that belong to the last one are cleared."""
        if self._app.state.find(idea) is None:
            raise InvalidInput("That idea is no longer on the list; upload it again.")
        if idea != self._chosen:
            self._app.forget_heard()
            self._app.push("upload", message={})
        self._app.state.current = self._chosen = idea
        self._app.remember()
        self._app.show_ideas()
        self._app.show_idea()
        self._app.hear_idea()

    def forget(self, idea: str) -> None:
        entry = self._app.state.find(idea)
        self._app.state.forget_idea(idea)
        self._app.library.forget(idea)
        if self._app.state.current:
            self.choose(self._app.state.current)
        self._app.remember()
        self._removed = entry
        undo = message(f"“{entry.name}” was removed.", "info") | {"undo": True} if entry else {}
        self._app.push("upload", message=undo)
        self._app.show_ideas()
        self._app.show_idea()
        self._app.show_plan()

    def restore(self) -> None:
        self._app.push("upload", message={})
        if self._removed is not None:
            self._app.state.add_idea(self._removed)
            self.choose(self._removed.id)
            self._removed = None

    def on_slice(self, **slice: Any) -> None:
        self._app.send("upload", self.uploads.take(**slice))

    def on_save(self, upload: int) -> None:
        file, name = self.uploads.finish(upload)
        with file:
            entry = self.add(Path(file.name), name)
        self._app.send("upload", {"kind": "saved", "upload": upload, "ok": entry is not None})

    def cut(self, span: list[float] | None) -> None:
        """The musician has drawn over the part of the idea that the loop is for; None: all of it again."""
        app = self._app
        entry = app.state.find(app.state.current)
        if entry is None or app.jobs.running:
            return
        chosen = None if span is None else app.library.whole_bars(entry, float(span[0]), float(span[1]))
        app.state.ideas = [dataclasses.replace(e, span=chosen) if e.id == entry.id else e for e in app.state.ideas]
        app.library.forget(entry.id)
        app.forget_heard()
        self._new.add(entry.id)
        app.remember()
        app.show_ideas()
        app.show_idea()
        app.hear_idea()

    def add_loop(self, name: str) -> None:
        """A loop becomes the idea; it keeps the tempo, the key and the chords that it was made in."""
        library = self._app.library
        loop = cards.stored(self._app.state.folder, name)
        request, entry = loop.request, library.idea_of(loop.document)
        if request.key is None and entry is not None:  # drums: the next part still belongs to the song
            request = request.with_(key=self._key_of(entry))
        added = self.add(loop.wav, loop.wav.name, request.to_json())
        if added is not None:
            said = f"“{added.name}” is now the idea, with its tempo, key and chords."
            self._app.push("results", message=message(said, "good") | {"at": name})

    def _key_of(self, entry: IdeaEntry) -> Key | None:
        """The key of an idea: the one the musician set, where the idea is in use, else the one heard."""
        if entry.id == self._app.state.current and self._app.form.key:
            return parse_key(self._app.form.key)
        heard = self._app.library.heard(entry.id)
        return heard.key.key if heard is not None and heard.key is not None else None

    def add_stack(self) -> None:
        """The idea with the kept loops over it becomes the idea, so that the next part is made for all of them."""
        current = self._app.state.find(self._app.state.current)
        key = self._key_of(current) if current is not None else None
        path, request = stack.mixed_idea(self._app.state, self._app.library, key)
        try:
            entry = self.add(path, path.name.lstrip("."), request)
        finally:
            path.unlink(missing_ok=True)
        if entry is not None:
            self._app.push("results", message=message("The next part will be made for the whole stack.", "good"))
