"""Running another program: its lines as they come, secrets masked, stoppable with all its children."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence

from ..errors import CancelCheck, Cancelled, LoopsError, mask_secrets, never_cancelled
from .children import bare_environment

OnLine = Callable[[str], None]

# What begins the names of the variables that the programs we run are set up with.
_SETTINGS = (
    "PIP_", "HF_", "TRANSFORMERS_", "CUDA", "NVIDIA_", "TORCH", "PYTORCH_", "OMP_", "MKL_", "KMP_", "OPENBLAS_",
    "AUDIOCRAFT_", "LOOPS_", "CC", "CXX", "CFLAGS", "LDFLAGS",
)  # fmt: skip
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 3.0


class CommandFailed(LoopsError):
    """A command ended with an error or was silent for too long; ``lines`` are its last ones, secrets masked.

    ``code`` is the exit status, negative for a signal, None where it was ended because it said nothing.
    """

    def __init__(self, code: int | None, lines: Sequence[str]):
        super().__init__("The command said nothing for too long." if code is None else f"It ended with status {code}.")
        self.code = code
        self.lines = tuple(lines)


def child_environment() -> dict[str, str]:
    """What pip, the Hub's library and model programs need of our environment: their own settings, no secret; UTF-8."""
    utf8 = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    return bare_environment(*_SETTINGS, network=True) | utf8


def run_lines(
    command: Sequence[str],
    *,
    on_line: OnLine,
    cancel: CancelCheck = never_cancelled,
    env: dict[str, str] | None = None,
    silence_seconds: float = float("inf"),
) -> None:
    """Run ``command`` to its end, handing over each line (output and errors together) as it comes, secrets masked.

    Parameters
    ----------
    on_line
        Receives each line without its end.
    cancel
        Asked several times a second; when true the command and its children are ended.
    env
        Environment of the command; default :func:`child_environment`.
    silence_seconds
        How long the command may say nothing before it is ended.

    Raises
    ------
    CommandFailed
        If it ends with a status other than 0, or said nothing for ``silence_seconds``.
    Cancelled
        If ``cancel`` became true.
    """
    last: deque[str] = deque(maxlen=60)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    with subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=child_environment() if env is None else env,
        start_new_session=True,
    ) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line.rstrip("\r\n"))
            lines.put(None)

        threading.Thread(target=read, name="command-lines", daemon=True).start()
        silent = 0.0
        try:
            while True:
                if cancel():
                    raise Cancelled()
                try:
                    line = lines.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    silent += _POLL_SECONDS
                    if silent >= silence_seconds:
                        raise CommandFailed(None, last) from None
                    continue
                if line is None:
                    break
                silent = 0.0
                line = mask_secrets(line)
                last.append(line)
                on_line(line)
        except BaseException:
            end_process_group(process)
            raise
        code = process.wait()
    if code:
        raise CommandFailed(code, last)


def end_process_group(process: subprocess.Popen) -> None:
    """End a process and its children: interrupt first, so that pip can put back what it was replacing, then kill."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)  # once more after its end: a child may have outlived it
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
