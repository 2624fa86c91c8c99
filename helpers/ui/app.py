"""The callbacks of the page: what each button and field does. Work without state lies in other modules."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar

from IPython.display import display

from ..analysis import import_libraries
from ..errors import LoopsError
from ..machine.home import EXAMPLE_IDEA
from ..records import Analysis, Request
from ..sound.audio import LARGEST_BYTES, LONGEST_SECONDS
from . import analysis_card, cards, colab, snapshot, stack, uploader, visitors
from .form import Form, choices, loop_bars, read_settings, restored_form, settings_file, wrong
from .hub_login import Login
from .ideas import Ideas
from .installing import Installing
from .jobs import Jobs
from .library import Library
from .making import Making
from .panel import Handler, OfferedFile, Panel, ResultsPanel, StudioPanel, UploadPanel, message
from .plan import plan_view, planned
from .state import State

SHOWN_RUNS = 20  # older loops stay on disk; a page of hundreds would be slow to draw
Show = TypeVar("Show", bound=Callable[..., None])


def _in_turn(show: Show) -> Show:
    """A method that reads what is so and sends it to the page, one at a time.

    Cells, the page's events and a job run on threads of their own: what one of them read before another's news would
    reach the page after it, and ``hold_sync`` forgets what a second thread sets while the first one sends.
    """

    @wraps(show)
    def run(self: App, *args: Any, **given: Any) -> None:
        with self._showing:
            show(self, *args, **given)

    return run  # type: ignore[return-value]


class App:
    """One notebook's state, its panels and its jobs. ``folder`` holds everything it writes.

    A served page (Voilà) starts in a folder of its own inside it, and moves to its visitor's once the browser has said
    who that is.
    """

    def __init__(self, folder: Path) -> None:
        import_libraries()
        self.base, self.served = folder, visitors.is_served()
        self._panels: dict[str, Panel] = {}
        self._showing = threading.RLock()
        self._snapshot: Any = None
        self._still = ThreadPoolExecutor(1, thread_name_prefix="loops-still")  # nobody waits for the picture's mp3
        self.jobs = Jobs(self._show_job, self._hear_what_waits)
        self.models = Installing(folder, self.push, self._on_installed)
        self.login = Login(self.push, self.models.refresh)
        self.making = Making(self)
        self.ideas = Ideas(self)
        if self.served:
            visitors.sweep(folder)
        self._open(visitors.visitor_folder(folder) if self.served else folder)

    def _open(self, folder: Path) -> None:
        self.state = State.load(folder)
        self.form = restored_form(self.state.form)
        self.wrong: dict[str, dict[str, Any]] = {}
        self.library = Library(self.state)
        self._tried: set[str] = set()
        self._heard_bars: int | None = None  # what the idea that came in last set the bars to
        self._shown = 0
        self._plan: dict[str, Any] = {}
        self.ideas.opened()

    def visit(self, visitor: str) -> None:
        """Go on in the folder of this page's visitor; only a served page has visitors."""
        folder = visitors.visitor_folder(self.base, visitor)
        if not self.served or folder == self.state.folder or self.jobs.running:
            return
        self._open(folder)
        self.show_ideas()
        self.show_idea()
        self.show_plan()
        self.show_runs()
        self.hear_idea()

    def require_room(self) -> None:
        """Raise InvalidInput when a visitor may keep no more here."""
        if self.served:
            visitors.require_room(self.state.folder)

    # ------------------------------------------------------------------------------------------------------- panels

    def _show(self, name: str, make: Callable[[], Panel]) -> None:
        """Put a panel on the page: the same one whenever its cell is run again, so that no older view of it dies."""
        if name not in self._panels:
            panel = self._panels[name] = make()
            panel.served = self.served
            panel.listen("visitor", self.visit)
            panel.add_class(f"t-{name}")
        display(self._panels[name])

    @_in_turn
    def push(self, name: str, **traits: Any) -> None:
        """Assign traits of a panel, if it is on the page, all in one message."""
        panel = self._panels.get(name)
        if panel is not None:
            with panel.hold_sync():
                for trait, value in traits.items():
                    setattr(panel, trait, value)

    def send(self, name: str, content: dict[str, Any]) -> None:
        """Send an event to a panel, if it is on the page."""
        if name in self._panels:
            self._panels[name].send(content)

    def _show_job(self, view: dict[str, Any]) -> None:
        self.push("studio", job=view)
        self.push("results", job=view)

    def show_models(self) -> None:
        """The readiness table with what can be installed."""
        self._show("readiness", self.models.panel)
        self.models.refresh()

    def show_login(self) -> None:
        """A token for gated models: from Colab's secrets, the environment, or typed in here."""
        self._show("login", self.login.panel)

    def show_upload(self, file: str = "") -> None:
        """Uploader and saved ideas; ``file`` is taken from this machine at once."""

        handlers: dict[str, Handler] = {
            "slice": self.ideas.on_slice,
            "save": self.ideas.on_save,
            "choose": self.ideas.choose,
            "forget": self.ideas.forget,
            "restore": self.ideas.restore,
            "example": partial(self.ideas.add, EXAMPLE_IDEA),
        }
        limits = {"limit_bytes": LARGEST_BYTES, "limit_seconds": LONGEST_SECONDS}
        make = partial(UploadPanel, handlers, self._file, has_example=EXAMPLE_IDEA.is_file(), **limits)
        self._show("upload", make)
        self.show_ideas()
        if file.strip():
            self.ideas.add(Path(file.strip()).expanduser())

    def _file(self, name: str) -> OfferedFile:
        return self.library.file(name)  # of the library that is open when it is asked for

    def show_mode(self, mode: str = "", instrument: str = "", *, generate: bool = False) -> None:
        """The analysis card, the settings and Generate; ``generate`` presses it and waits (for run-all and scripts)."""

        handlers: dict[str, Handler] = {
            "set": self.change,
            "chord": self._on_chord,
            "span": self.ideas.cut,
            "reset": self._on_reset,
            "load": self._on_load,
            "generate": self.making.generate,
            "cancel": self.jobs.cancel,
        }
        for name, value in (("mode", mode.lower()), ("instrument", instrument)):
            if value.strip() and value != "as left":
                self.change(name, value)
        odd = self.wrong.pop("mode", None)
        self._show("studio", partial(StudioPanel, handlers, self._studio_file, choices=choices(), job=self.jobs.view))
        if odd is not None:  # said by the cell's form, not by a field of the panel
            self.push("studio", message=message(odd["text"], "warn"))
        self.show_idea()
        self.hear_idea()
        if generate:
            self.jobs.wait()
            self.making.generate()
            self.jobs.wait()

    def show_results(self) -> None:
        """The loops made so far, newest first, with the player, and a picture of them for readers without a kernel."""

        handlers: dict[str, Handler] = {
            "mark": self._on_mark,
            "level": self._on_level,
            "variation": self.making.vary,
            "again": self.making.again,
            "as_idea": self.ideas.add_loop,
            "stack_idea": self.ideas.add_stack,
            "drive": self._on_drive,
            "cancel": self.jobs.cancel,
        }
        self._show("results", partial(ResultsPanel, handlers, self._file, job=self.jobs.view))
        self._snapshot = display(snapshot.picture(self.state), display_id=True)
        self.show_runs()

    # ------------------------------------------------------------------------------------------- analysis and settings

    def forget_heard(self) -> None:
        """Clear what belongs to the last idea: its settings, refused values, plan and messages."""
        self.form.forget_heard()
        self.wrong.clear()
        self._plan = {}
        self.push("results", message={})

    @property
    def analysis(self) -> Analysis | None:
        """What was heard in the current idea; None until it has been heard."""
        return self.library.heard(self.state.current)

    def hear_idea(self) -> bool:
        """Analyze the current idea on the job thread unless that has been done; False when a job is running."""
        entry = self.state.find(self.state.current)
        if entry is None or self.analysis is not None:
            self.show_plan()
            return True

        def work(progress: Any, _: Any) -> Analysis:
            self._tried.add(entry.id)
            return self.library.hear(entry, progress)

        def done(analysis: Analysis) -> None:
            if self.ideas.is_new(entry.id):
                heard = loop_bars(analysis)
                if heard or self.form.bars == self._heard_bars:  # the last idea's length is not the next one's
                    self.form.bars = heard or Form.INITIAL["bars"]
                self._heard_bars = heard
            self.show_idea()
            self.show_plan()

        self.show_plan()
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
        self.show_plan()

    def change(self, name: str, value: Any) -> None:
        """One setting changed on the page; what cannot be used stays in its field, with its sentence beneath."""
        self.push("studio", message={})
        before = self.form.to_json()
        try:
            self.form.set(name, value)
            self.wrong.pop(name, None)
            if self.analysis is not None and name not in ("mode", "engine"):
                planned(self.form, self.analysis, check=False)
        except LoopsError as error:
            self.wrong[name] = wrong(name, value, error)
            self.form = Form(**before)
        self.remember()
        self.show_plan()

    def _on_chord(self, bar: int, text: str) -> None:
        name = f"chord-{bar}"
        self.wrong.pop(name, None)
        try:
            chords = analysis_card.with_chord(planned(self.form, self.analysis, check=False)[0], bar, text)
            Form().set("chords", chords)
        except LoopsError as error:
            self.wrong[name] = wrong(name, text, error)
            self.show_plan()
            return
        self.change("chords", chords)

    def _on_reset(self) -> None:
        self.form = Form(mode=self.form.mode, instrument=self.form.instrument)
        self.wrong.clear()
        self.remember()
        self.show_plan()

    def put_settings(self, form: Form) -> None:
        """Take over a whole set of settings."""
        self.form = form
        self.wrong.clear()
        self.remember()
        self.show_plan()

    def _on_load(self, text: str) -> None:
        self.put_settings(read_settings(text))
        self.push("studio", message=message("The settings were loaded.", "good"))

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

    @_in_turn
    def show_plan(self) -> None:
        """Send the settings and what they lead to; what cannot be planned leaves the last plan's figures standing."""
        self._shown += 1
        view = plan_view(self.form, self.analysis)
        self._plan = view if "error" not in view else self._plan | view
        plan = self._plan | {"number": self._shown}
        self.push("studio", form=self.form.to_json(), wrong=dict(self.wrong), plan=plan)
        if (panel := self._panels.get("studio")) is not None:
            panel.drop_files()

    # --------------------------------------------------------------------------------------------------------- results

    def _on_mark(self, name: str, mark: str) -> None:
        self.state.marks[name] = mark
        if not mark:
            del self.state.marks[name]
        self.remember()
        self.show_runs()

    def _on_level(self, name: str, level: float) -> None:
        self.state.levels[name] = min(1.0, max(0.0, level))
        self.remember()

    def _on_drive(self, names: list[str]) -> None:
        folder = colab.save_to_drive(path for name in names for path in cards.loop_files(self.state.folder, name))
        self.push("results", message=message(f"Saved to {folder}.", "good"))

    # ---------------------------------------------------------------------------------------- what the panels draw from

    def remember(self) -> None:
        """Write the state."""
        self.state.form = self.form.to_json()
        self.state.save()

    @_in_turn
    def show_ideas(self) -> None:
        self.push("upload", ideas=uploader.idea_views(self.state))

    @_in_turn
    def show_idea(self) -> None:
        entry = self.state.find(self.state.current)
        heard = self.analysis
        card = analysis_card.describe(heard, self.library.spans(entry)) if entry and heard else {}
        self.push("studio", idea=uploader.idea_view(entry) if entry else {}, analysis=card)

    @_in_turn
    def show_runs(self) -> None:
        """Draw the results anew: the run that is being made, then those on disk, newest first."""
        shown = self.state.runs[:SHOWN_RUNS]
        folder = "" if self.served else str(self.state.folder)
        options = {"drive": colab.in_colab(), "folder": folder, "older": len(self.state.runs) - len(shown)}
        groups = [cards.run_view(self.state, run) for run in shown]
        under_way = [self.making.under_way] if self.making.under_way else []
        self.push("results", options=options, stack=stack.view(self.state), groups=[*under_way, *groups])
        if self._snapshot is not None and not under_way:
            self._still.submit(lambda shown, state: shown.update(snapshot.picture(state)), self._snapshot, self.state)
