"""Our end of the pipe to a worker process: ask, watch, cancel, and say in words how it ended.

The protocol is that of :mod:`helpers.engines.audiocraft.worker`: JSON objects, one a line. Whatever the worker does
(crash, hang, talk nonsense, run out of memory) ends in a :class:`WorkerFailed`, and the next question starts a new one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...errors import Cancelled
from ...machine.redact import mask_secrets
from ...records import CancelCheck, never_cancelled

OnProgress = Callable[[dict[str, Any]], None]

LOG_LINES = 8
LONGEST_ANSWER = 1 << 20  # characters; a longer line is not one of ours
_POLL_SECONDS = 0.1
_CLOSE_SECONDS = 5.0


class WorkerFailed(Exception):
    """The worker could not do what was asked.

    ``kind`` is one of the worker's own (``memory``, ``download``, ``weights``, ``package``, ``request``, ``failed``) or
    ``ended``, ``silent``, ``nonsense``, ``start``; ``text`` says more; ``log`` holds the worker's last lines.
    """

    def __init__(self, kind: str, text: str, log: Sequence[str] = ()):
        super().__init__(text)
        self.kind, self.text, self.log = kind, text, tuple(log)


class WorkerLink:
    """A worker process, started on demand.

    Parameters
    ----------
    command, environment
        How it is started.
    cancel_seconds
        How long a cancel may take before the worker is ended instead.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str], *, cancel_seconds: float = 20.0) -> None:
        self._command, self._environment = list(command), environment
        self._cancel_seconds = cancel_seconds
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def folder(self) -> Path:
        """A folder for files that travel between the two, gone when the worker is."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="loops-worker-", ignore_cleanup_errors=True)
        return Path(self._scratch.name)

    def ask(
        self,
        what: str,
        *,
        silence_seconds: float,
        on_progress: OnProgress = lambda answer: None,
        cancel: CancelCheck = never_cancelled,
        cancellable: bool = False,
        **facts: Any,
    ) -> dict[str, Any]:
        """Ask for ``what`` and return the answer; starts the worker when it is not running.

        Parameters
        ----------
        silence_seconds
            How long the worker may say nothing before it counts as hung.
        on_progress
            Receives each progress answer.
        cancel, cancellable
            When ``cancel`` becomes true, a request the worker can stop by itself is cancelled there, which keeps the
            model loaded; any other ends the worker.

        Raises
        ------
        WorkerFailed
            In every way it can fail; a worker in an unknown state has been ended.
        Cancelled
            If ``cancel`` became true.
        """
        if not self.running:
            self._start()
        number = next(self._numbers)
        self._send({"id": number, "do": what, **facts})
        heard, cancelled_at = time.monotonic(), None
        try:
            while True:
                now = time.monotonic()
                if cancelled_at is None and cancel():
                    cancelled_at = now
                    if not cancellable:
                        raise Cancelled()
                    self._send({"id": number, "do": "cancel"})
                if cancelled_at is not None and now - cancelled_at > self._cancel_seconds:
                    raise Cancelled()
                if now - heard > silence_seconds:
                    raise self._failure("silent", f"said nothing for {silence_seconds:g} s")
                try:
                    answer = self._answers.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                heard = time.monotonic()
                if answer is None:
                    raise self._failure("ended", self._ending())
                kind = answer.get("is")
                if kind == "nonsense":
                    raise self._failure("nonsense", "answered with something that is not the protocol")
                if answer.get("id") != number:
                    continue  # of a request that was given up
                if kind == "progress":
                    if cancelled_at is None:
                        on_progress(answer)
                elif kind == "error" and answer.get("kind") == "cancelled":
                    raise _CancelledCleanly()
                elif kind == "error":
                    raise WorkerFailed(str(answer.get("kind")), mask_secrets(str(answer.get("text"))), self.log_tail())
                else:
                    return answer
        except WorkerFailed as failure:
            if failure.kind in ("silent", "ended", "nonsense"):
                self.kill()
            raise
        except _CancelledCleanly:
            raise Cancelled() from None
        except BaseException:  # given up in mid-answer: what it would still say belongs to nobody
            self.kill()
            raise

    def close(self) -> None:
        """Ask the worker to end; end it if it does not."""
        if self.running:
            with contextlib.suppress(WorkerFailed):
                self._send({"do": "close"})
            assert self._process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_CLOSE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the worker and its children at once; frees all its memory, on the GPU too."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def log_tail(self) -> list[str]:
        """The worker's last lines, secrets masked."""
        try:
            lines = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        return [mask_secrets(line)[:300] for line in lines if line.strip()][-LOG_LINES:]

    # ---- within

    def _start(self) -> None:
        self.kill()
        self._answers = queue.SimpleQueue()
        with (self.folder / "log.txt").open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=self._environment,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,  # an interrupt of the notebook must not reach it in mid-answer
                )
            except OSError as error:
                raise WorkerFailed("start", f"{self._command[0]} could not be started: {error.strerror}") from None
        threading.Thread(target=_pump, args=(self._process, self._answers), name="worker-answers", daemon=True).start()

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # it ended; what it said last is still in the pipe and is read by ask()
            return

    def _failure(self, kind: str, text: str) -> WorkerFailed:
        return WorkerFailed(kind, text, self.log_tail())

    def _ending(self) -> str:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_SECONDS)
        code = self._process.returncode
        if code is None:
            return "closed its pipe"
        if code == -signal.SIGKILL:
            return "was ended by the system (signal 9), which it does when memory runs out"
        if code < 0:
            return f"crashed (signal {-code}, {signal.Signals(-code).name})"
        return f"ended by itself (status {code})"


class _CancelledCleanly(Exception):
    """The worker has stopped the request by itself and is ready for the next."""


def _pump(process: subprocess.Popen[str], answers: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """Turn the worker's lines into answers until it ends; None comes last."""
    assert process.stdout is not None
    with process.stdout as lines:
        while line := lines.readline(LONGEST_ANSWER):
            try:
                answer = json.loads(line)
            except ValueError:
                answer = None
            answers.put(answer if isinstance(answer, dict) else {"is": "nonsense"})
    answers.put(None)
