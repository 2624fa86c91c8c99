"""A take, whatever a model made of it, becomes an exact loop that proves itself, or is refused with the reason.

:func:`make_loop` does it; :func:`prove` measures the finished file. The steps can be called one by one: ``hearing``
hears a take, ``tempo``, ``find`` and ``window`` decide where its loop is, ``shift`` what its key needs, ``stretch``,
``cut``, ``seam`` and ``level`` do it, ``purity`` and ``proof`` measure the result.
"""

from .make import make_loop, plan_corrections
from .proof import prove

__all__ = ["make_loop", "plan_corrections", "prove"]
