"""The terminal: text that is safe to show, stdout for the result alone, a clean end on a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

from ..errors import NotAvailable, mask_secrets, shown_text

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """The system asked this process to end; ``status`` is the exit status for it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Make the signals that end a process unwind it like Ctrl-C does, so that what is half-made is removed.

    A second one while it unwinds is ignored. Does nothing off the main thread, which alone may set handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def end(number: int, _frame: Any) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for ending in ENDING_SIGNALS:
        if signal.getsignal(ending) == signal.SIG_DFL:
            before[ending] = signal.signal(ending, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def clean_stdout(as_json: bool) -> Iterator[Any]:
    """Keep stdout for the result alone: with ``as_json`` whatever libraries print goes to stderr."""
    if not as_json:
        yield sys.stdout
        return
    sys.stdout.flush()
    try:
        ours = os.dup(1)
    except OSError:
        yield sys.stdout
        return
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr), os.fdopen(os.dup(ours), "w", encoding="utf-8") as out:
            yield out
    finally:
        sys.stdout.flush()
        os.dup2(ours, 1)
        os.close(ours)


def say(text: str) -> None:
    """Print a line on stderr for the person at the terminal; where stderr cannot be written, do nothing."""
    text = shown_text(text, keep="\n")
    with suppress(OSError, ValueError):  # a terminal that has gone
        _print(text, sys.stderr)


def _print(text: str, out: Any) -> None:
    try:
        print(text, file=out, flush=True)
    except UnicodeEncodeError:  # a terminal without UTF-8
        print(text.encode("ascii", "replace").decode(), file=out, flush=True)


def json_text(data: Any) -> str:
    """JSON that holds no character a terminal would obey: they are escaped, as JSON allows. Secrets are masked."""
    text = mask_secrets(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))
    return re.sub(r"[^\n -~]", lambda c: c[0] if c[0].isprintable() else json.dumps(c[0])[1:-1], text)


def print_result(out: Any, text: str) -> None:
    """The result on stdout.

    Raises NotAvailable if it cannot be written, for one because the disk it is redirected to is full.
    """
    try:
        _print(text, out)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()
        raise NotAvailable(
            f"The result could not be written to standard output ({error.strerror or error}); what was made is there."
        ) from None


def silence_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush raises no error."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
