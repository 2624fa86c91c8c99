"""What can go wrong, in words a musician can act on, and what may be shown: no secrets, no control characters.

The text of every error is shown as it stands, so it is made fit to be shown when the error is made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_HUB_TOKEN = re.compile(r"(?<![A-Za-z0-9])hf_(?=[A-Za-z0-9]*[A-Z0-9])[A-Za-z0-9]{6,}")
_HEADER = re.compile(r"(?i)(\bbearer\s+)[^\s'\"]+")
_SECRET_NAME = re.compile(
    r"TOKEN(?!IZ)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE
)
_SHORTEST_SECRET = 6  # shorter values would blank out ordinary words
_known_secrets: set[str] = set()


def is_secret_name(name: str) -> bool:
    """Whether an environment variable's name says that its value is a secret (not the path of one)."""
    return _SECRET_NAME.search(name) is not None and not name.upper().endswith(("_PATH", "_FILE", "_DIR"))


def remember_secret(value: str) -> None:
    """Mask ``value`` from now on: a token that was read from a file or typed in."""
    if len(value) >= _SHORTEST_SECRET:
        _known_secrets.add(value)


def mask_secrets(text: str) -> str:
    """Replace passwords in URLs, bearer tokens and Hub tokens (by shape, and secrets of the environment by value) by
    ``***``."""
    text = _URL_CREDENTIALS.sub("***", text)
    text = _HEADER.sub(r"\1***", text)
    text = _HUB_TOKEN.sub("***", text)
    values = {value.strip() for name, value in os.environ.items() if is_secret_name(name)} | _known_secrets
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text


def shown_text(text: str, *, keep: str = "") -> str:
    """``text`` as it may reach a terminal or a page: secrets masked, line breaks made spaces, every other character
    that is not printed (escape sequences, marks that turn the direction) replaced, but for those in ``keep``."""
    text = mask_secrets(str(text))
    return "".join(c if c.isprintable() or c in keep else " " if c in "\r\n\t" else "�" for c in text)


def first_line(error: BaseException) -> str:
    """What an exception says, its first line alone."""
    return str(error).strip().partition("\n")[0][:300] or "no message"


class Shown(str):
    """Text that has been made fit to be shown already."""

    __slots__ = ()


def with_details(text: str, lines: Iterable[str]) -> Shown:
    """A sentence, and below it lines of another program, indented."""
    return Shown("\n  ".join(shown_text(line) for line in (text, *lines)))


CancelCheck = Callable[[], bool]  # asked often while work runs; once true, the work raises Cancelled


class LoopsError(Exception):
    """A failure we can put into one sentence: the value, the rule, the way out."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text if isinstance(text, Shown) else shown_text(text))


class InvalidInput(LoopsError, ValueError):
    """A value or file we were handed cannot be used."""


class UnknownInstrument(InvalidInput):
    """A word for an instrument that is not understood; ``nearest`` are three that we know, the nearest first."""

    def __init__(self, word: str, nearest: tuple[str, ...]):
        super().__init__(
            f"“{word}” is not an instrument we know; did you mean {', '.join(nearest[:-1])} or {nearest[-1]}?"
        )
        self.word, self.nearest = word, nearest


class NotAvailable(LoopsError, RuntimeError):
    """Something this machine lacks: a package, a GPU, a token, disk or memory."""


class Refused(LoopsError, ValueError):
    """A take that no allowed correction can turn into the loop asked for."""


class Cancelled(LoopsError):
    """The musician asked to stop."""

    def __init__(self, text: str = "Cancelled; nothing was written by the step that was running."):
        super().__init__(text)


def never_cancelled() -> bool:
    """The check of work that cannot be cancelled."""
    return False
