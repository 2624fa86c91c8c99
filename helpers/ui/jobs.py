"""One job at a time, off the kernel's main thread, so that Cancel is heard and the notebook stays usable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import Cancelled
from ..records import CancelCheck, Progress
from .panel import explain, message

Work = Callable[[Progress, CancelCheck], Any]
Done = Callable[[Any], dict[str, str] | None]
Over = Callable[[], None] | None
REPORTS_PER_SECOND = 8
LONGEST_LOG = 200
_TRUST_AFTER_SECONDS, _TRUST_AFTER_SHARE = 1.0, 0.05  # an estimate from less than this would only jump about


class Jobs:
    """Runs work on a daemon thread and tells ``show`` (a dict for the page) how it goes.

    ``show`` is called from the job's thread and from the caller's; it must only assign traits. ``idle`` is called
    when a job has ended and another may start.
    """

    def __init__(self, show: Callable[[dict[str, Any]], None], idle: Callable[[], Any] = lambda: None) -> None:
        self._show, self._idle = show, idle
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._view: dict[str, Any] = {}
        self._log: list[str] = []
        self._began = self._stage_began = self._shown = 0.0

    @property
    def running(self) -> bool:
        thread = self._thread  # read once: the job clears it from its own thread
        return thread is not None and (thread.ident is None or thread.is_alive())

    @property
    def view(self) -> dict[str, Any]:
        """What the page shows: title, stage, fraction, left, log, cancelling, text and tone once it has ended."""
        return dict(self._view)

    def start(self, title: str, work: Work, done: Done, at: str = "", over: Over = None) -> bool:
        """Begin ``work`` unless a job is running; ``done`` gets its result on that thread and may return a message.

        ``at`` names what was pressed (a loop's id; empty: Generate), so that the page shows progress there. ``over`` is
        called at the end whatever happened. False when another job is running; nothing is started then.
        """
        with self._lock:
            if self.running:
                return False
            self._cancel.clear()
            self._log = []
            self._began = self._stage_began = time.monotonic()
            self._view = {"running": True, "title": title, "at": at, "stage": title, "fraction": None}
            self._view |= {"left": None, "log": []}
            self._thread = threading.Thread(target=self._run, args=(work, done, over), name="loops-job", daemon=True)
            self._show(self.view)
            self._thread.start()
            return True

    def cancel(self) -> None:
        """Ask the running job to stop; the page says so at once, the job ends at its next step."""
        if self.running and not self._cancel.is_set():
            self._cancel.set()
            self._view["cancelling"] = True
            self._show(self.view)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the job to end (scripts and tests); True when none is running any more."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join(seconds)
        return not self.running

    def log(self, line: str) -> None:
        """Add a line to the log that the page shows on demand."""
        self._log.append(f"{time.monotonic() - self._began:7.1f} s  {line}")
        del self._log[:-LONGEST_LOG]

    def tell(self, **facts: Any) -> None:
        """Add facts to what the page shows of the job, such as what is ready already."""
        self._view |= facts
        self._show(self.view)

    def report(self, stage: str, fraction: float | None = None, seconds_left: float | None = None) -> None:
        """The Progress handed to the work; at most a few times a second reach the page."""
        now = time.monotonic()
        changed = stage != self._view.get("stage")
        if changed:
            self.log(stage)
            self._stage_began = now
        if seconds_left is None and fraction is not None:
            spent = now - self._stage_began
            if spent > _TRUST_AFTER_SECONDS and fraction > _TRUST_AFTER_SHARE:
                seconds_left = spent * (1 - fraction) / fraction
        self._view.update(stage=stage, fraction=fraction, left=seconds_left, log=list(self._log))
        if changed or now - self._shown >= 1 / REPORTS_PER_SECOND:
            self._shown = now
            self._show(self.view)

    def _run(self, work: Work, done: Done, over: Over) -> None:
        try:
            end = done(work(self.report, self._cancel.is_set)) or {}
        except Cancelled:
            end = message("Cancelled; loops that were ready are kept.", "warn")
        except Exception as error:  # on a thread nobody else would see it
            end = explain(error)
            self.log(end["text"])
        if over is not None:
            over()
        seconds = time.monotonic() - self._began
        self.log(f"Ended after {seconds:.1f} s")
        told: dict[str, Any] = {name: self._view[name] for name in ("title", "at", "ready") if name in self._view}
        self._view = {"running": False, **told, "log": list(self._log), "seconds": seconds, **end}
        self._thread = None
        self._show(self.view)
        self._idle()
