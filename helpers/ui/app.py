"""The callbacks: what happens when something on the page is pressed. What can be a function elsewhere is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets
from IPython.display import display

from .. import pipeline
from ..errors import InvalidInput, LoopsError
from ..machine.home import EXAMPLE_IDEA
from ..records import Analysis, Request
from ..sound.audio import LARGEST_BYTES
from . import analysis_card, cards, colab, uploader
from .form import SKETCH, Form, choices, read_settings, restored_form, settings_file
from .hub_login import Login
from .installing import Installing
from .jobs import Jobs
from .library import Library
from .panel import Handler, OfferedFile, Panel, ResultsPanel, StudioPanel, UploadPanel, explain, message
from .plan import plan_view, planned
from .state import IdeaEntry, RunEntry, State

SHOWN_RUNS = 20  # older loops stay on disk; a page of hundreds would be slow to draw
ONE_AT_A_TIME = "One job at a time: wait for the running one, or cancel it in MODE."
NO_IDEA = "Upload an idea first, or press “Try the example idea” in the UPLOAD cell."


class App:
    """One notebook's state, its panels and its jobs. ``folder`` holds everything it writes."""

    def __init__(self, folder: Path) -> None:
        self.state = State.load(folder)
        self.form = restored_form(self.state.form)
        self.jobs = Jobs(lambda view: self._push("studio", job=view), self._hear_what_waits)
        self.models = Installing(folder, self._push, self._on_installed)
        self.login = Login(self._push, self.models.refresh)
        self.uploads = uploader.Uploads(self.state.ideas_folder)
        self._panels: dict[str, Panel] = {}
        self.library = Library(self.state)
        self._tried: set[str] = set()
        self._shown = 0
        self._chosen = self.state.current  # whose tempo, key and chords the settings speak of

    # ------------------------------------------------------------------------------------------------------- panels

    def _show(self, name: str, panel: Panel, *more: ipywidgets.Widget) -> None:
        """Put a panel on the page; the same cell's earlier panel goes."""
        old = self._panels.get(name)
        self._panels[name] = panel
        panel.add_class(f"t-{name}")
        display(ipywidgets.VBox([panel, *more]) if more else panel)
        if old is not None:
            old.close()

    def _push(self, name: str, **traits: Any) -> None:
        panel = self._panels.get(name)
        if panel is not None:
            for trait, value in traits.items():
                setattr(panel, trait, value)

    def show_models(self) -> None:
        """The readiness table with what can be installed."""
        self._show("readiness", self.models.panel())

    def show_login(self) -> None:
        """A token for gated models: from Colab's secrets, the environment, or typed in here."""
        self._show("login", self.login.panel())

    def show_upload(self, file: str = "", way: str = "panel") -> None:
        """The uploader and the saved ideas; ``file`` is taken from this machine at once, ``way`` names a fallback."""
        handlers: dict[str, Handler] = {
            "slice": self._on_slice,
            "save": self._on_save,
            "choose": lambda content, _: self.choose_idea(str(content["id"])),
            "forget": lambda content, _: self._on_forget(str(content["id"])),
            "example": lambda *_: self.add_idea(EXAMPLE_IDEA),
        }
        panel = UploadPanel(
            handlers, self.library.preview, has_example=EXAMPLE_IDEA.is_file(), limit_bytes=LARGEST_BYTES
        )
        more = [uploader.simple_uploader(self._on_simple)] if way == "simple" else []
        self._show("upload", panel, *more)
        self._show_ideas()
        for name, data in colab.upload_files() if way == "colab" else ():
            self._on_simple(name, data)
        if file.strip():
            self.add_idea(Path(file.strip()).expanduser())

    def show_mode(self, mode: str = "", instrument: str = "", *, generate: bool = False) -> None:
        """The analysis card, the settings and Generate; ``generate`` presses it and waits (for run-all and scripts)."""
        for name, value in (("mode", mode.lower()), ("instrument", instrument)):
            if value.strip() and value != "as left":
                self.form.set(name, value)
        handlers: dict[str, Handler] = {
            "set": lambda content, _: self.change(str(content["name"]), content.get("value")),
            "chord": lambda content, _: self._on_chord(int(content["bar"]), str(content["text"])),
            "reset": lambda *_: self._on_reset(),
            "load": lambda content, _: self._on_load(str(content["text"])),
            "generate": lambda *_: self.generate(),
            "cancel": lambda *_: self.jobs.cancel(),
        }
        self._show("studio", StudioPanel(handlers, self._studio_file, choices=choices(), job=self.jobs.view))
        self._show_idea()
        self.hear_idea()
        if generate:
            self.jobs.wait()
            self.generate()
            self.jobs.wait()

    def show_results(self) -> None:
        """The loops made so far, newest first, with the player."""
        handlers: dict[str, Handler] = {
            "mark": lambda content, _: self._on_mark(str(content["id"]), str(content.get("mark", ""))),
            "variation": lambda content, _: self.vary(str(content["id"])),
            "again": lambda content, _: self._on_again(str(content["id"])),
            "as_idea": lambda content, _: self._on_as_idea(str(content["id"])),
            "drive": lambda content, _: self._on_drive([str(name) for name in content["ids"]]),
        }
        self._show("results", ResultsPanel(handlers, self.library.result))
        self._show_runs()

    # -------------------------------------------------------------------------------------------------------- ideas

    def add_idea(self, path: Path, name: str | None = None) -> IdeaEntry | None:
        """Check and keep an audio file as the current idea, then start to hear it; a bad file becomes one sentence."""
        try:
            entry, idea = uploader.store_idea(self.state, path, name or path.name)
        except LoopsError as error:
            self._push("upload", message=explain(error))
            return None
        self.library.keep(entry, idea)
        channels = "mono" if entry.channels == 1 else f"{entry.channels} channels"
        said = f"Saved “{entry.name}”: {entry.seconds:.1f} s, {entry.sample_rate} Hz, {channels}."
        self._push("upload", message=message(" ".join([said, *idea.notes]), "good"))
        self.choose_idea(entry.id)
        return entry

    def choose_idea(self, idea: str) -> None:
        """Make a saved idea the current one; what was said about the last one's tempo and key is let go."""
        if self.state.find(idea) is None:
            raise InvalidInput("That idea is no longer on the list; upload it again.")
        if idea != self._chosen:
            self.form.forget_heard()
        self.state.current = self._chosen = idea
        self._remember()
        self._show_ideas()
        self._show_idea()
        self.hear_idea()

    def _on_forget(self, idea: str) -> None:
        self.state.forget_idea(idea)
        self.library.forget(idea)
        if self.state.current:
            self.choose_idea(self.state.current)
        self._remember()
        self._show_ideas()
        self._show_idea()

    def _on_slice(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        acknowledgement = self.uploads.take(content, buffers[0] if buffers else b"")
        self._panels["upload"].send(acknowledgement)

    def _on_save(self, content: dict[str, Any], _: list[bytes]) -> None:
        path, name = self.uploads.finish(int(content["upload"]))
        try:
            entry = self.add_idea(path, name)
        finally:
            path.unlink(missing_ok=True)
        self._panels["upload"].send({"kind": "saved", "upload": content["upload"], "ok": entry is not None})

    def _on_simple(self, name: str, data: bytes) -> None:
        content = {"upload": 0, "name": name, "size": len(data), "at": 0}
        self.uploads.take(content, data)
        self._on_save(content, [])

    # ------------------------------------------------------------------------------------------- analysis and settings

    @property
    def analysis(self) -> Analysis | None:
        """What was heard in the current idea; None until it has been heard."""
        return self.library.heard(self.state.current)

    def hear_idea(self) -> bool:
        """Analyze the current idea on the job thread unless that has been done; False when a job is running."""
        entry = self.state.find(self.state.current)
        if entry is None or self.analysis is not None:
            self._show_plan()
            return True

        def work(progress: Any, _: Any) -> Analysis:
            self._tried.add(entry.id)
            return self.library.hear(entry, progress)

        def done(_: Analysis) -> None:
            self._show_idea()
            self._show_plan()

        return self.jobs.start(f"Listening to “{entry.name}”", work, done)

    def _hear_what_waits(self) -> None:
        """Hear an idea that was chosen while another job ran; one that could not be heard is not tried for ever."""
        if self.state.current and self.analysis is None and self.state.current not in self._tried:
            self.hear_idea()

    def _on_installed(self, extras: set[str]) -> None:
        """Something new is on this machine: what can be chosen changes; with genre and mood, ideas are heard again."""
        if "tags" in extras:
            self.library.forget_heard()
            self._tried.clear()
            self.hear_idea()
        self._show_plan()

    def change(self, name: str, value: Any) -> None:
        """One setting changed on the page."""
        self._push("studio", message={})
        try:
            self.form.set(name, value)
        finally:
            self._remember()
            self._show_plan()

    def _on_chord(self, bar: int, text: str) -> None:
        request, _ = self.planned()
        if not 0 <= bar < request.bars:
            raise InvalidInput(f"The loop has {request.bars} bars; bar {bar + 1} is not among them.")
        self.change("chords", analysis_card.with_chord(request, bar, text))

    def _on_reset(self) -> None:
        self.form = Form(mode=self.form.mode, instrument=self.form.instrument)
        self._remember()
        self._show_plan()

    def _on_load(self, text: str) -> None:
        self.form = read_settings(text)
        self._remember()
        self._show_plan()
        self._push("studio", message=message("The settings were loaded.", "good"))

    def planned(self) -> tuple[Request, tuple[str, ...]]:
        """The request that Generate would make now, and what had to be assumed."""
        return planned(self.form, self.analysis)

    def _studio_file(self, name: str) -> OfferedFile:
        if name == "settings":
            return OfferedFile(settings_file(self.form), "application/json", "loops-settings.json")
        try:
            request = self.planned()[0]
        except LoopsError:
            request = None
        return self.library.check(request)

    def _show_plan(self) -> None:
        """Send the settings and what they lead to; numbered, so that a refused value on the page is drawn over too."""
        self._shown += 1
        view = plan_view(self.form, self.analysis) | {"number": self._shown}
        self._push("studio", form=self.form.to_json(), plan=view)
        if (panel := self._panels.get("studio")) is not None:
            panel.drop_files()

    # ---------------------------------------------------------------------------------------------------------- making

    def generate(self, request: Request | None = None, title: str = "") -> bool:
        """Make loops on the job thread; False when there is no idea yet or a job is running already."""
        entry, analysis = self.state.find(self.state.current), self.analysis
        if entry is None or analysis is None:
            text = "Still listening to the idea; press Generate again in a moment." if self.jobs.running else NO_IDEA
            self._push("studio", message=message(text, "warn"))
            return False
        notes: tuple[str, ...] = ()
        sketch_first = request is None
        if request is None:
            request, notes = self.planned()
        self._push("studio", message={})
        fixed: Request = request

        def work(progress: Any, cancel: Any) -> pipeline.Result:
            idea = self.library.idea(entry)
            if sketch_first and fixed.engine != SKETCH:
                # A sketch is heard within seconds, while the model still loads.
                first = pipeline.make_loops(
                    pipeline.sketch_of(fixed), idea, analysis, self.state.folder, progress, cancel
                )
                self._add_run(first, entry, "Sketch first: ")
            return pipeline.make_loops(fixed, idea, analysis, self.state.folder, progress, cancel)

        def done(result: pipeline.Result) -> dict[str, str]:
            self._add_run(result, entry, title, notes)
            count = sum(loop.fit.verdict != "failed" for loop in result.loops)
            if not count:
                return message("Loops were made, but none passed its fit card; their cards in RESULTS say why.", "warn")
            return message(f"{count} loop{'s' if count > 1 else ''} ready in RESULTS, the best fit first.", "good")

        return self.jobs.start(title or f"Making {request.instrument}", work, done)

    def _add_run(self, result: pipeline.Result, entry: IdeaEntry, title: str, notes: tuple[str, ...] = ()) -> None:
        request = result.request
        names = [loop.files.json.name for loop in result.loops]
        headline = f"{title}{request.instrument} for “{entry.name}”"
        self.state.runs.insert(0, RunEntry(headline, entry.id, names, [*notes, *result.notes, *result.refused]))
        self._remember()
        self._show_runs()

    def vary(self, name: str) -> bool:
        """Make variations of a loop: its own request with the next seeds of the same family."""
        started = self.generate(cards.variation_request(self._loop_of_this_idea(name)), "Variation: ")
        if not started:
            self._push("results", message=message(ONE_AT_A_TIME, "warn"))
        return started

    def _on_again(self, name: str) -> None:
        self.form = cards.same_again(self._loop_of_this_idea(name))
        self._remember()
        self._show_plan()
        said = "MODE holds this loop's settings and its seed: Generate makes it again, or change one thing first."
        self._push("results", message=message(said, "good"))

    def _loop_of_this_idea(self, name: str) -> Path:
        path = cards.loop_files(self.state.folder, name)[-1]
        run = next((run for run in self.state.runs if name in run.loops), None)
        if run is not None and run.idea and run.idea != self.state.current and self.state.find(run.idea):
            raise InvalidInput("That loop belongs to another idea; press Use beside that idea in UPLOAD first.")
        return path

    # --------------------------------------------------------------------------------------------------------- results

    def _on_mark(self, name: str, mark: str) -> None:
        self.state.marks[name] = mark
        if not mark:
            del self.state.marks[name]
        self._remember()
        self._show_runs()

    def _on_as_idea(self, name: str) -> None:
        entry = self.add_idea(cards.loop_files(self.state.folder, name)[0], Path(name).with_suffix(".wav").name)
        if entry is not None:
            said = f"“{entry.name}” is now the idea; MODE shows what was heard in it."
            self._push("results", message=message(said, "good"))

    def _on_drive(self, names: list[str]) -> None:
        folder = colab.save_to_drive(path for name in names for path in cards.loop_files(self.state.folder, name))
        self._push("results", message=message(f"Saved to {folder}.", "good"))

    # ---------------------------------------------------------------------------------------- what the panels draw from

    def _remember(self) -> None:
        self.state.form = self.form.to_json()
        self.state.save()

    def _show_ideas(self) -> None:
        self._push("upload", ideas=uploader.idea_views(self.state))

    def _show_idea(self) -> None:
        entry = self.state.find(self.state.current)
        idea = {"id": entry.id, "name": entry.name, "seconds": entry.seconds, "peaks": entry.peaks} if entry else {}
        card = analysis_card.describe(self.analysis) if entry and self.analysis else {}
        self._push("studio", idea=idea, analysis=card)

    def _show_runs(self) -> None:
        shown = self.state.runs[:SHOWN_RUNS]
        options = {
            "drive": colab.in_colab(),
            "folder": str(self.state.folder),
            "older": len(self.state.runs) - len(shown),
        }
        self._push("results", options=options, groups=[cards.run_view(self.state, run) for run in shown])
