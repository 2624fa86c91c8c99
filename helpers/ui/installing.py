"""MODELS: packages, weights and extras that are ticked, one after another, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..engines import registry
from ..errors import NotAvailable
from ..install import install, missing
from ..install.extras import EXTRAS
from ..pipeline import examine_models
from . import readiness
from .jobs import Jobs
from .panel import Handler, Panel, ReadinessPanel, message


class Installing:
    """The panel's handlers; ``push`` assigns traits of a panel by its name, ``changed`` is told of new extras."""

    def __init__(self, folder: Path, push: Callable[..., None], changed: Callable[[set[str]], None]) -> None:
        self._folder, self._push, self._changed = folder, push, changed
        self.jobs = Jobs(lambda view: push("readiness", job=view))

    def panel(self) -> Panel:
        """A fresh panel: what this machine can run, what each model still needs."""
        handlers: dict[str, Handler] = {
            "refresh": self.refresh,
            "install": self.install,
            "doctor": self.examine,
            "cancel": self.jobs.cancel,
        }
        return ReadinessPanel(handlers, report=readiness.report(self._folder), job=self.jobs.view)

    def refresh(self) -> None:
        """Look again at the machine."""
        self._push("readiness", report=readiness.report(self._folder))

    def examine(self) -> bool:
        """Make one short loop with every installed model and write the report; False while a job is running."""

        def done(result: tuple[dict[str, Any], Path]) -> dict[str, str]:
            made = sum(row["outcome"] == "made" for row in result[0]["engines"])
            return message(
                f"{made} models made a loop. The report is in {result[1]}; send it with your question.", "good"
            )

        return self.jobs.start("Examining the models", lambda *given: examine_models(self._folder, *given), done)

    def install(self, names: list[str]) -> bool:
        """Install the packages and fetch the weights of these engines, then these extras.

        Returns False if nothing was ticked or an installation is running.
        """
        models = [e for e in registry.all_engines() if e.info.name in names and e.info.packages]
        extras = [extra for extra in EXTRAS.values() if extra.name in names]
        if not models and not extras:
            self._push("readiness", message=message("Tick at least one line first.", "warn"))
            return False
        self._push("readiness", message={})
        fetches = [(engine.info.title, engine.fetch) for engine in models]
        fetches += [(extra.title, extra.fetch) for extra in extras]

        def work(progress: Any, cancel: Any) -> list[str]:
            for family in dict.fromkeys(engine.info.packages for engine in models):
                if missing(family):
                    progress(f"Installing {family}")
                    install(family, on_line=self.jobs.log, cancel=cancel)
            problems = []
            for title, fetch in fetches:
                try:
                    fetch(progress, cancel)
                except NotAvailable as error:  # the others are wanted all the same
                    problems.append(f"{title}: {error}")
            return problems

        def done(problems: list[str]) -> dict[str, str]:
            self.refresh()
            self._changed({extra.name for extra in extras})
            if problems:
                return message(" ".join(["Not everything could be fetched.", *problems]), "warn")
            return message("Everything that was ticked is here.", "good")

        return self.jobs.start(f"Installing {', '.join(title for title, _ in fetches)}", work, done)
