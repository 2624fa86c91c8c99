"""What a worker does: hear one idea, make one job's loops. Everything comes back as data, errors included."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import LoopsError
from .ledger import DONE, FAILED, REFUSED


@dataclass(frozen=True, eq=False)
class Heard:
    """An idea's analysis, or the sentence that says why there is none."""

    analysis: Any = None
    sentence: str = ""
    state: str = DONE


@dataclass(frozen=True, eq=False)
class Made:
    """A job's files by name (whole, as bytes), or the sentence that says why there are none."""

    state: str
    files: dict[str, bytes] = field(default_factory=dict)
    sentence: str = ""


def hear(idea: str) -> Heard:
    """The analysis of an idea."""
    from ..pipeline import analyze_idea, load_idea

    try:
        return Heard(analyze_idea(load_idea(idea)))
    except LoopsError as error:
        return Heard(sentence=str(error), state=REFUSED)
    except Exception as error:  # returned as data: a cluster would retry or hide what is raised
        return Heard(sentence=_in_words(error), state=FAILED)


def make(idea: str, settings: dict[str, Any], analysis: Any, scratch: str | None = None) -> Made:
    """The loops of one job, made in a folder below ``scratch`` (default: the system's) and returned as bytes."""
    from ..pipeline import load_idea, make_loops, plan_request

    try:
        with tempfile.TemporaryDirectory(prefix="loops-batch-", dir=scratch) as folder:
            request, _ = plan_request(analysis, **settings)
            result = make_loops(request, load_idea(idea), analysis, folder)
            files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.is_file()}
        return Made(DONE, files, " ".join(result.refused))
    except LoopsError as error:
        return Made(REFUSED, sentence=str(error))
    except Exception as error:
        return Made(FAILED, sentence=_in_words(error))


def _in_words(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0][:300]
    return f"{type(error).__name__}: {first}"
