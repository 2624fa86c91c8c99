"""Running pip: streamed, in UTF-8, stoppable, and explained when it fails."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cancelled, LoopsError, NotAvailable
from ..machine.redact import mask_secrets
from .requirements import constraints, read_requirements

OnLine = Callable[[str], None]
CancelCheck = Callable[[], bool]

LAST_LINES = 12
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 3.0
_BIG_FILE_BYTES = 20_000_000  # files below this arrive before a progress line would help

_OWN_ENVIRONMENT = "Make an environment of your own first: python3 -m venv .venv, then use .venv/bin/python."


@dataclass(frozen=True)
class Cause:
    """A failure we know: what pip's lines say, what it means, what to do. ``conflict``: other pins may solve it."""

    pattern: str
    meaning: str
    remedy: str
    conflict: bool = False


# The first whose pattern is found wins: a network failure also ends in "No matching distribution".
_CAUSES = (
    Cause(
        r"No space left on device|Errno 28",
        "the disk is full",
        "Free some space and install again.",
    ),
    Cause(
        r"externally-managed-environment",
        "this Python belongs to the operating system",
        _OWN_ENVIRONMENT,
    ),
    Cause(
        r"Permission denied|Errno 13",
        "this Python's folder cannot be written",
        _OWN_ENVIRONMENT,
    ),
    Cause(
        r"No module named '?pip\b",
        "this Python has no pip",
        "Run: python -m ensurepip --upgrade, then install again.",
    ),
    Cause(
        r"\b40[137] (?:Client )?Error|HTTP error 40[137]|Proxy Authentication",
        "the package index refused the login",
        "Check the index address and its password in pip's configuration.",
    ),
    Cause(
        r"NewConnectionError|name resolution|ConnectTimeout|Read ?[Tt]imed? ?out|ProxyError|SSLError"
        r"|SSLCertVerification|Connection(?:Error| reset| refused| aborted| broken)"
        r"|Name or service not known|Network is unreachable",
        "the package index cannot be reached",
        "Check the internet connection (or pip's index setting) and install again.",
    ),
    Cause(
        r"DO NOT MATCH THE HASHES|BadZipFile|IncompleteRead",
        "a download arrived damaged",
        "Install again.",
    ),
    Cause(
        r"ResolutionImpossible|conflicting dependencies|Cannot install",
        "packages already installed here exclude what is needed",
        "Install in a fresh runtime or a new environment (python3 -m venv .venv).",
        conflict=True,
    ),
    Cause(
        r"\(from versions: none\)",
        "the package index offers nothing of that name",
        "Check which index pip uses and whether it lets you in: python -m pip config list.",
    ),
    Cause(
        r"No matching distribution found|Could not find a version",
        "the package index has no fitting version for this Python",
        f"This is Python {sys.version_info.major}.{sys.version_info.minor}; 3.11 to 3.13 are known to work.",
        conflict=True,
    ),
)


class CommandFailed(LoopsError):
    """A command ended with an error; ``lines`` are its last ones, secrets masked."""

    def __init__(self, code: int, lines: Sequence[str]):
        super().__init__(f"The command ended with status {code}.")
        self.code = code
        self.lines = tuple(lines)


def never() -> bool:
    """The cancel check of work that cannot be cancelled."""
    return False


def pip_install(
    title: str,
    *,
    requirements: Path | None = None,
    packages: Sequence[str] = (),
    options: Sequence[str] = (),
    constrained: bool = True,
    on_line: OnLine,
    cancel: CancelCheck = never,
) -> None:
    """Install into the running interpreter's environment, keeping every version that is there.

    First everything installed is pinned. If that leaves no solution, a second try pins only what the runtime is built
    around (torch, numpy, the notebook's packages): those never move.

    Parameters
    ----------
    title
        What is being installed, for the error.
    requirements, packages
        A requirements file or requirement strings (or both).
    options
        More options for ``pip install``, such as ``--no-deps --target FOLDER``.
    constrained
        False for a folder of its own, where nothing can be replaced.
    on_line, cancel
        As for :func:`run_lines`.

    Raises
    ------
    NotAvailable
        With the cause, what to do, and pip's last lines.
    Cancelled
        If ``cancel`` became true.
    """
    lines = [*(read_requirements(requirements) if requirements else ()), *packages]
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", _progress_bar(), "--upgrade-strategy", "only-if-needed", *options]
    command += [*(("-r", str(requirements)) if requirements else ()), *packages]
    show = progress_lines(on_line)
    for protected_only in (False, True) if constrained else (False,):
        with tempfile.TemporaryDirectory(prefix="loops-install-") as folder:
            pins = []
            if constrained:
                file = Path(folder) / "constraints.txt"
                file.write_text(constraints(lines, protected_only=protected_only), encoding="utf-8")
                pins = ["-c", str(file)]
            try:
                run_lines([*command, *pins], on_line=show, cancel=cancel)
                return
            except CommandFailed as failure:
                cause = find_cause(failure.lines)
                if constrained and not protected_only and cause and cause.conflict:
                    on_line(
                        "Keeping every installed version leaves no solution; trying again, keeping only torch, numpy "
                        "and the notebook's own packages."
                    )
                    continue
                raise NotAvailable(explain(title, failure)) from None


def run_lines(
    command: Sequence[str], *, on_line: OnLine, cancel: CancelCheck = never, env: dict[str, str] | None = None
) -> None:
    """Run ``command`` to its end, handing over each line (output and errors together) as it comes, secrets masked.

    Raises
    ------
    CommandFailed
        If it ends with a status other than 0.
    Cancelled
        If ``cancel`` became true; the command and its children have been stopped.
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
        env=utf8_environment() if env is None else env,
        start_new_session=True,
    ) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line.rstrip("\r\n"))
            lines.put(None)

        reader = threading.Thread(target=read, name="install-lines", daemon=True)
        reader.start()
        try:
            while True:
                if cancel():
                    raise Cancelled("Cancelled; the installation was stopped. Install again to complete it.")
                try:
                    line = lines.get(timeout=_POLL_SECONDS)
                except queue.Empty:
                    continue
                if line is None:
                    break
                line = mask_secrets(line)
                last.append(line)
                on_line(line)
        except BaseException:
            stop_process(process)
            raise
        code = process.wait()
    if code:
        raise CommandFailed(code, last)


def stop_process(process: subprocess.Popen) -> None:
    """End a process and its children: interrupt first, so that pip can put back what it was replacing, then kill."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)  # once more after its end: a child may have outlived it
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)


def utf8_environment() -> dict[str, str]:
    """This process's environment with UTF-8 everywhere; pip's configuration is inherited."""
    return os.environ | {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}


def find_cause(lines: Sequence[str]) -> Cause | None:
    """What went wrong, from an installer's last lines; None when they match nothing we know."""
    text = "\n".join(lines)
    return next((cause for cause in _CAUSES if re.search(cause.pattern, text)), None)


def explain(title: str, failure: CommandFailed) -> str:
    """One sentence with the cause, one with the way out, and the last lines."""
    cause = find_cause(failure.lines)
    if cause:
        text = f"{title} could not be installed: {cause.meaning}. {cause.remedy}"
    else:
        text = (
            f"{title} could not be installed (the installer ended with status {failure.code}). "
            "The last lines say why; install again once that is mended."
        )
    tail = [line for line in failure.lines if line.strip()][-LAST_LINES:]
    return "\n".join([text, *(f"  {line}" for line in tail)])


def progress_lines(on_line: OnLine) -> OnLine:
    """Turn pip's raw progress (``Progress 1048576 of 52428800``) into a line every ten percent of a big file."""
    tenths = 0

    def show(line: str) -> None:
        nonlocal tenths
        match = re.fullmatch(r"\s*Progress (\d+) of (\d+)", line)
        if match is None:
            tenths = 0
            on_line(line)
            return
        done, total = int(match[1]), int(match[2])
        if total >= _BIG_FILE_BYTES and 10 * done // total > tenths:
            tenths = 10 * done // total
            on_line(f"  {10 * tenths} % of {total / 1e6:.0f} MB")

    return show


def _progress_bar() -> str:
    """``raw`` where this pip has it (24.1 and later): lines that can be read, instead of a bar that cannot."""
    try:
        major, minor = (int(part) for part in importlib.metadata.version("pip").split(".")[:2])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return "off"
    return "raw" if (major, minor) >= (24, 1) else "off"
