"""Give a thread its text encoding back.

CUDA's run-time compiler (NVRTC before 12.6, so torch up to 2.6 on a GPU) leaves the thread that called it in the
locale "C" of ``uselocale(3)``. From then on that thread encodes text as ASCII: ``open()`` and ``subprocess`` fail on
``é``, and a hosted notebook refuses every ``!`` command with "A UTF-8 locale is required". ``setlocale`` cannot mend
it, because the locale of the thread wins over that of the process.
"""

from __future__ import annotations

import ctypes
import sys

_GLOBAL_LOCALE = ctypes.c_void_p(-1)  # LC_GLOBAL_LOCALE of glibc and musl


def heal_locale() -> bool:
    """Put the calling thread back on the locale of the process; call before and after work that may compile on a GPU.

    True when the thread had a locale of its own; always False where there is nothing to heal (not Linux).
    """
    if not sys.platform.startswith("linux"):
        return False
    uselocale = ctypes.CDLL(None).uselocale
    uselocale.argtypes = [ctypes.c_void_p]
    uselocale.restype = ctypes.c_void_p
    return uselocale(_GLOBAL_LOCALE) != _GLOBAL_LOCALE.value
