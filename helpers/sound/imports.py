"""SciPy's parts, imported before a second thread can ask for them."""


def import_scipy() -> None:
    """Import the parts of SciPy in use; whatever starts a thread that measures sound calls this first.

    They import one another in rings. Two threads that enter a ring in different places wait for each other, and Python
    breaks that tie by handing one of them a half-imported module, which lacks the name that is asked for (importlib's
    ``_DeadlockError``).
    """
    import scipy.fft
    import scipy.ndimage
    import scipy.signal  # noqa: F401
