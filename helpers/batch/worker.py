"""What a worker does: hear one idea, make one job's loops. Everything comes back as data, errors included."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, LoopsError, Refused
from ..machine.home import freed_memory_returned
from .ledger import DONE, FAILED, REFUSED


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of a piece of work.

    ``state`` is done (``analysis`` of an idea, or ``files`` of a job by name, whole, as bytes), refused (the same work
    would be refused again) or failed (the machine was at fault); ``sentence`` says why.
    """

    state: str = DONE
    sentence: str = ""
    analysis: Any = None
    files: dict[str, bytes] = field(default_factory=dict)


def hear(idea: str) -> Answer:
    """The analysis of an idea."""
    from ..pipeline import analyze_idea, load_idea

    return _answer(lambda: Answer(analysis=analyze_idea(load_idea(idea))))


def make(idea: str, settings: dict[str, Any], analysis: Any, scratch: str | None = None) -> Answer:
    """The loops of one job, made in a folder below ``scratch`` (default: the system's) and returned as bytes."""
    from ..pipeline import load_idea, make_loops, plan_request

    def work() -> Answer:
        with tempfile.TemporaryDirectory(prefix="loops-batch-", dir=scratch) as folder:
            request, _ = plan_request(analysis, **settings)
            result = make_loops(request, load_idea(idea), analysis, folder)
            files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.is_file()}
        return Answer(sentence=" ".join(result.refused), files=files)

    return _answer(work)


def _answer(work: Callable[[], Answer]) -> Answer:
    try:
        with freed_memory_returned():
            return work()
    except LoopsError as error:
        # A full disk, a missing model or a drive that has gone may be mended; bad input stays bad.
        is_settled = isinstance(error, InvalidInput | Refused) and not isinstance(error.__context__, OSError)
        return Answer(REFUSED if is_settled else FAILED, str(error))
    except BaseException as error:  # a cluster would retry or hide what is raised; a panic in Rust is no Exception
        first = (str(error).splitlines() or [""])[0][:300]
        return Answer(FAILED, f"{type(error).__name__}: {first}")
