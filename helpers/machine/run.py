"""Running another program: what it may know, its lines as they come, secrets masked, stoppable with its children."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence

from ..errors import CancelCheck, Cancelled, LoopsError, is_secret_name, mask_secrets, never_cancelled

OnLine = Callable[[str], None]

# What begins the names of the variables that the programs we run are set up with.
_SETTINGS = (
    "PIP_", "HF_", "TRANSFORMERS_", "CUDA", "NVIDIA_", "TORCH", "PYTORCH_", "OMP_", "MKL_", "KMP_", "OPENBLAS_",
    "AUDIOCRAFT_", "LOOPS_", "CC", "CXX", "CFLAGS", "LDFLAGS",
)  # fmt: skip
# What any program needs to be found, to find its libraries and to speak UTF-8.
_NEEDED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_.+|TZ|TMPDIR|TEMP|TMP|TERM|LD_LIBRARY_PATH|DYLD_.+|XDG_.+|VIRTUAL_ENV|"
    r"CONDA_PREFIX|PYTHON.+",
    re.IGNORECASE,
)
_NETWORK = re.compile(r"(HTTPS?|FTP|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE", re.IGNORECASE)
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


def bare_environment(*prefixes: str, network: bool = False) -> dict[str, str]:
    """The environment for a child process: what every program needs, and the variables that begin with ``prefixes``.

    A variable whose name says that it holds a secret never passes; who means to hand one on adds it by hand.
    ``network``: proxies and certificates too.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not is_secret_name(name)
        and (_NEEDED.fullmatch(name) or name.startswith(prefixes) or (network and _NETWORK.fullmatch(name)))
    }


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

    ``on_line`` receives each line without its end. ``cancel`` is asked several times a second; when true the command
    and its children are ended. ``env`` is by default :func:`child_environment`. Raises CommandFailed if the command
    ends with a status other than 0, or is ended because it said nothing for ``silence_seconds``, and Cancelled.
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
            with contextlib.suppress(ValueError):  # it was closed: the command has been ended
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
