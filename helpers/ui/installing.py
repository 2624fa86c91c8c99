"""MODELS: packages and weights of the ticked models, one after another, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..engines import registry
from ..errors import NotAvailable
from ..install import install, installed
from . import readiness
from .jobs import Jobs
from .panel import ReadinessPanel, message


class Installing:
    """The panel's handlers; ``push`` assigns traits of a panel by its name, ``changed`` hears of what has arrived."""

    def __init__(self, folder: Path, push: Callable[..., None], changed: Callable[[], None]) -> None:
        self._folder, self._push, self._changed = folder, push, changed
        self.jobs = Jobs(lambda view: push("readiness", job=view))

    def panel(self) -> ReadinessPanel:
        """A fresh panel: what this machine can run, what each model still needs."""
        handlers = {
            "refresh": lambda *_: self.refresh(),
            "install": lambda content, _: self.install(list(content.get("names", []))),
            "cancel": lambda *_: self.jobs.cancel(),
        }
        return ReadinessPanel(handlers, report=readiness.report(self._folder), job=self.jobs.view)

    def refresh(self) -> None:
        """Look again at the machine."""
        self._push("readiness", report=readiness.report(self._folder))

    def install(self, engines: list[str]) -> bool:
        """Install the packages and fetch the weights of these engines; False if nothing was ticked or a job runs."""
        chosen = [name for name in registry.engine_names() if name in engines and name in readiness.FAMILIES]
        if not chosen:
            self._push("readiness", message=message("Tick at least one model first.", "warn"))
            return False
        self._push("readiness", message={})

        def work(progress: Any, cancel: Any) -> list[str]:
            for family in dict.fromkeys(readiness.FAMILIES[name] for name in chosen):
                if not installed(family).installed:
                    progress(f"Installing {family}")
                    install(family, on_line=self.jobs.log, cancel=cancel)
            problems = []
            for engine in map(registry.get_engine, chosen):
                try:
                    engine.fetch(progress, cancel)
                except NotAvailable as error:  # the other models' weights are wanted all the same
                    problems.append(f"{engine.info.title}: {error}")
            return problems

        def done(problems: list[str]) -> dict[str, str]:
            self.refresh()
            self._changed()
            if problems:
                return message(" ".join(["The packages are installed. Weights are missing.", *problems]), "warn")
            return message("Packages and weights are here; the first loop starts at once.", "good")

        titles = ", ".join(registry.get_engine(name).info.title for name in chosen)
        return self.jobs.start(f"Installing {titles}", work, done)
