"""A take, whatever a model made of it, becomes an exact loop that proves itself, or is refused with the reason.

:func:`make_loop` does it; :func:`prove` measures the finished file. The steps can be called one by one: ``hearing``
hears a take, ``tempo``, ``find`` and ``window`` decide where its loop is, ``shift`` what its key needs, ``stretch``,
``seam`` and ``level`` do it, ``pulse``, ``purity``, ``seam_measure`` and ``fit`` measure the result, ``proof`` joins it
on one card.
"""

from .fit import IdeaSide
from .make import make_loop, plan_corrections
from .proof import prove
from .repair import plan_recomposed_bar, repair

__all__ = ["IdeaSide", "make_loop", "plan_corrections", "plan_recomposed_bar", "prove", "repair"]
