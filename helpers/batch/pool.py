"""Where jobs run: processes of this machine, or one Ray actor a GPU."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from ..errors import InvalidInput, NotAvailable, first_line
from ..machine.home import available_memory_bytes, freed_memory_returned

CONNECT_SECONDS = 5.0
WORKER_GIB = 1.5  # the most one worker holds; an idea within the limits stays below it


class LocalPool:
    """Workers that run functions of :mod:`.run`, one at a time each: one that dies takes no other's job along.

    They are processes of this machine: as many as cores and free memory allow, or as many as asked. Another kind of
    worker is another way to begin, to start work and to end (:meth:`_new`, :meth:`_start`, :meth:`_end`).
    """

    shares_disk = True  # whether workers see the driver's folders

    def __init__(self, workers: int | None = None) -> None:
        fitting = int(available_memory_bytes() / 2**30 / WORKER_GIB)
        self.workers = workers or max(1, min(os.cpu_count() or 1, fitting))
        self._workers: list[Any] = [self._new() for _ in range(self.workers)]
        self._last: list[Future[Any] | None] = [None] * self.workers

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run the function on a worker that is idle; no more than ``workers`` run at once."""
        index = next(i for i, future in enumerate(self._last) if future is None or future.done())
        last = self._last[index]
        if last is not None and last.exception():  # work returns errors as data: the worker died, another comes
            self._end(self._workers[index])
            self._workers[index] = self._new()
        future = self._last[index] = self._start(self._workers[index], function, *args)
        return future

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self._workers:
            self._end(worker)

    def _new(self) -> Any:
        context = multiprocessing.get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        return ProcessPoolExecutor(1, context, _start_worker, (theirs,)), ours

    def _start(self, worker: Any, function: Callable[..., Any], *args: Any) -> Future[Any]:
        try:
            return worker[0].submit(function, *args)
        except BrokenProcessPool as error:  # it died while it had nothing to do
            future: Future[Any] = Future()
            future.set_exception(error)
            return future

    def _end(self, worker: Any) -> None:
        executor, line = worker
        line.close()
        executor.shutdown(wait=False, cancel_futures=True)


def _start_worker(line: Connection) -> None:
    """Set up a worker: one thread a library, Ctrl-C left to the driver; it ends when the driver closes ``line``."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def watch() -> None:
        with suppress(EOFError, OSError):
            line.recv()
        os._exit(1)

    with freed_memory_returned():
        threading.Thread(target=watch, daemon=True).start()


class RayPool(LocalPool):
    """One Ray actor for every GPU (for every core where the cluster has none), each holding one model.

    ``address`` is ``local`` (Ray starts here), ``auto`` or a cluster's address.
    """

    shares_disk = False

    def __init__(self, address: str, workers: int | None = None) -> None:
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        try:
            import ray
        except ModuleNotFoundError:
            raise NotAvailable("--ray needs Ray; install it with: pip install 'loops-generator[ray]'.") from None
        self._ray = ray
        if not ray.is_initialized():
            try:
                _require_answer(address)
                ray.init(
                    address=None if address == "local" else address,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
            except Exception as error:  # Ray raises it bare when a node does not start in time, or OSError
                raise NotAvailable(
                    f"No Ray cluster answers at {address!r} ({first_line(error)}); start one or say --ray local."
                ) from None
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        most, unit = (gpus, "GPUs") if gpus else (int(resources.get("CPU", 1)), "cores")
        count = workers or most
        needs = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": 1}
        if count > most:  # Ray would wait for more machines without a word
            raise InvalidInput(f"--workers is {count} and the cluster has {most} {unit}; one worker uses one.")
        self._actor = ray.remote(max_restarts=0, max_task_retries=0, **needs)(_Actor)
        super().__init__(count)

    def _new(self) -> Any:
        return self._actor.remote()

    def _start(self, worker: Any, function: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = worker.run.remote(function, *args).future()
        return future

    def _end(self, worker: Any) -> None:
        with suppress(Exception):
            self._ray.kill(worker)

    def close(self) -> None:
        super().close()
        self._ray.shutdown()


def _require_answer(address: str) -> None:
    """Raise OSError unless something listens at ``HOST:PORT``: Ray itself asks on for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


class _Actor:
    """Runs one function at a time; engines stay loaded between jobs in their registry."""

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)
