"""Loops Generator: one instrument's loop that fits a musician's idea.

Importing this package imports nothing heavy. Python programs start with :class:`Session`;
:mod:`helpers.pipeline` has each step by itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pipeline import Result

__version__ = "0.2.0"
__all__ = ["Session", "__version__"]


class Session:
    """An idea, heard once, and any number of parts for it.

    ``idea`` and ``analysis`` are what was read and heard; with ``start`` (seconds, or ``bar 5``) or ``bars_heard`` only
    of that part. Raises InvalidInput or NotAvailable where the file cannot be read.

    >>> song = Session("idea.wav")  # doctest: +SKIP
    >>> song.make("bass guitar", takes=1).loops[0].files.wav  # doctest: +SKIP
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        out_dir: str | os.PathLike[str] = "loops",
        *,
        start: str | float | None = None,
        bars_heard: int | None = None,
    ) -> None:
        from .pipeline import hear_part, load_idea

        self.idea, self.analysis = hear_part(load_idea(source), start, bars_heard)
        self.out_dir = out_dir

    def make(self, instrument: str, **settings: Any) -> Result:
        """Loops of one instrument, best first, written to ``out_dir``; settings as in
        :func:`helpers.planning.plan_request`.

        Raises InvalidInput, NotAvailable or Refused with the value, the rule and the way out; nothing is left on disk
        then.
        """
        import dataclasses

        from .pipeline import make_loops, plan_request

        request, notes = plan_request(self.analysis, instrument=instrument, **settings)
        result = make_loops(request, self.idea, self.analysis, self.out_dir)
        return dataclasses.replace(result, notes=(*notes, *result.notes))
