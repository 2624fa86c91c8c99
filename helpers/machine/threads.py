"""Threads of the numerical libraries: one each, because our own pool works on many small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep BLAS and OpenMP to one thread: on short signals a second thread mostly waits."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
