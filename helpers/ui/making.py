"""Generate, variations, the same again: loops are made on the job thread and reach the page one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import pipeline
from ..pipeline import FinishedLoop
from ..records import Request
from . import cards
from .form import SKETCH
from .panel import message
from .state import IdeaEntry, RunEntry

if TYPE_CHECKING:
    from .app import App

BUSY = "One job at a time: wait for “{title}”, or cancel it."
IN_MODE = "MODE holds its settings and its seed: change one there, and Generate makes what differs by that alone."
IDEA_GONE = "The idea of that loop is no longer on the list; its tempo, key and chords are kept."
NO_IDEA = "Upload an idea first, or press “Try the example idea” under UPLOAD."


class Making:
    """What makes loops for an app, and the loops that are ready while the run still goes on."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.under_way: dict[str, Any] | None = None  # the run being made, as the page shows a group of loops

    def generate(self) -> bool:
        """Make loops for the current idea by the settings; False when there is none yet or a job is running."""
        app = self._app
        entry, analysis = app.state.find(app.state.current), app.analysis
        if entry is None or analysis is None:
            listening = "Still listening to the idea; press Generate again in a moment."
            app.push("studio", message=message(listening if app.jobs.running else NO_IDEA, "warn"))
            return False
        request, notes = app.planned()
        return self._start(entry, request, f"Making {request.instrument}", "", notes)

    def vary(self, name: str) -> bool:
        """Make variations of a loop: its own request with the next seeds of the same family."""
        loop = cards.stored(self._app.state.folder, name)
        request, entry = cards.variation_request(loop), self._app.library.idea_of(loop.document)
        notes = () if entry else (IDEA_GONE,)
        return self._start(entry, request, f"Variations of {request.instrument}", "Variation: ", notes, at=name)

    def again(self, name: str) -> bool:
        """Make a loop again; MODE gets its settings, its seed and its idea, so that one of them can be changed."""
        app = self._app
        loop = cards.stored(app.state.folder, name)
        form, entry = cards.same_again(loop), app.library.idea_of(loop.document)
        request = loop.request.with_(seed=form.seed, takes=form.takes)
        notes = (IN_MODE,) if entry else (IDEA_GONE, IN_MODE)
        if not self._start(entry, request, f"{request.instrument} again", "Same again: ", notes, at=name):
            return False
        if entry is not None and entry.id != app.state.current and app.state.find(entry.id):
            app.ideas.choose(entry.id)
        app.put_settings(form)
        return True

    def _start(
        self,
        entry: IdeaEntry | None,
        request: Request,
        job: str,
        title: str,
        notes: tuple[str, ...] = (),
        at: str = "",
    ) -> bool:
        app = self._app
        panel = "results" if at else "studio"
        app.require_room()
        app.push(panel, message={})

        def work(progress: Any, cancel: Any) -> pipeline.Result:
            idea, analysis = (app.library.idea(entry), app.library.hear(entry, progress)) if entry else (None, None)
            if not at and request.engine != SKETCH:
                # A sketch is heard within seconds, while the model still loads.
                quick = pipeline.sketch_of(request)
                first = pipeline.make_loops(quick, idea, analysis, app.state.folder, progress, cancel)
                self._keep(first, entry, "Sketch first: ")
            self._begin(request, entry, title)
            # One core shows and plays the first take while the others are made.
            return pipeline.make_loops(request, idea, analysis, app.state.folder, progress, cancel, self._one_more, 1)

        def done(result: pipeline.Result) -> dict[str, str]:
            self._keep(result, entry, title, notes)
            count = sum(loop.fit.verdict != "failed" for loop in result.loops)
            if not count:
                return message("None passed its fit card; the cards in RESULTS say why.", "warn")
            return message(f"{count} loop{'s are' if count > 1 else ' is'} ready.", "good")

        def over() -> None:
            self.under_way = None
            for name in ("studio", "results"):
                app.push(name, message={})  # what was refused meanwhile could be had now
            app.show_runs()

        started = app.jobs.start(job, work, done, at, over)
        if not started:
            busy = BUSY.format(title=app.jobs.view.get("title", "the running one"))
            app.push(panel, message=message(busy, "warn") | {"at": at})
        return started

    # ------------------------------------------------------------------------------------------------ one after another

    def _begin(self, request: Request, entry: IdeaEntry | None, title: str) -> None:
        head = {"title": _headline(request, entry, title), "facts": cards.facts(request), "notes": []}
        self.under_way = {**head, "loops": []}
        self._app.show_runs()

    def _one_more(self, loop: FinishedLoop) -> None:
        """Show a loop that is written and not yet ranked; it can be played, kept and saved."""
        if self.under_way is None:
            return
        card = cards.card(loop.files.json, 0)
        self.under_way = self.under_way | {"loops": [*self.under_way["loops"], card]}
        self._app.show_runs()
        self._app.jobs.tell(ready=[card["id"] for card in self.under_way["loops"]])

    def _keep(self, result: pipeline.Result, entry: IdeaEntry | None, title: str, notes: tuple[str, ...] = ()) -> None:
        """Remember a run whose loops are on disk."""
        names = [loop.files.json.name for loop in result.loops]
        run = RunEntry(_headline(result.request, entry, title), entry.id if entry else None, names)
        run.notes = [*notes, *result.notes, *result.refused]
        self.under_way = None
        self._app.state.runs.insert(0, run)
        self._app.remember()
        self._app.show_runs()
        self._app.jobs.tell(ready=names[:1])


def _headline(request: Request, entry: IdeaEntry | None, title: str) -> str:
    return f"{title}{request.instrument}" + (f" for “{entry.name}”" if entry else "")
