"""What can go wrong, in words a musician can act on. The text of every error is shown as it stands."""

from collections.abc import Callable

CancelCheck = Callable[[], bool]  # asked often while work runs; once true, the work raises Cancelled


class LoopsError(Exception):
    """A failure we can put into one sentence: the value, the rule, the way out."""


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
    """The check of work that nobody can cancel."""
    return False
