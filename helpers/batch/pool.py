"""Where jobs run: processes of this machine, or one Ray actor a GPU. Both give futures and say when a worker died."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, Protocol

from ..errors import InvalidInput, NotAvailable

WORKER_GIB = 1.5  # the most one worker holds; an idea within the limits stays below it
IN_FLIGHT = 2  # jobs handed to a worker at once, so that it never waits for the driver
JOBS_A_WORKER = 200  # then it is replaced, so that what a library leaks does not add up


class Pool(Protocol):
    """Runs functions of :mod:`.worker` elsewhere."""

    slots: int
    lost: tuple[type[BaseException], ...]  # what a future raises when its worker died
    shares_disk: bool  # whether workers see the driver's folders

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]: ...
    def close(self) -> None: ...


class LocalPool:
    """Processes of this machine: as many as cores and free memory allow, or as many as asked."""

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
    shares_disk = True

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or max(1, min(os.cpu_count() or 1, int(_free_gib() // WORKER_GIB)))
        self.slots = self._workers * IN_FLIGHT
        self._executor = self._started()

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            max_tasks_per_child=JOBS_A_WORKER,
        )

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        try:
            return self._executor.submit(function, *args)
        except BrokenProcessPool:  # a worker died; the pool starts anew
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = self._started()
            return self._executor.submit(function, *args)

    def close(self) -> None:
        processes = list((self._executor._processes or {}).values())
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            with suppress(Exception):
                process.terminate()


def _start_worker() -> None:
    """In every worker: one thread a library, Ctrl-C left to the driver, and an end when the driver is gone."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _free_gib() -> float:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) / (1 << 20)
    except (OSError, KeyError, ValueError):  # not Linux: what half of all memory is, where that can be told
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (2 << 30)
        except (OSError, ValueError, AttributeError):
            return 4.0


class RayPool:
    """One Ray actor for every GPU (for every core where the cluster has none), each holding one model.

    ``address`` is ``local`` (Ray starts here), ``auto`` or a cluster's address.
    """

    shares_disk = False

    def __init__(self, address: str, workers: int | None = None) -> None:
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        try:
            import ray
            from ray.exceptions import RayActorError, RayError
        except ModuleNotFoundError:
            raise NotAvailable("--ray needs Ray; install it with: pip install 'loops-generator[ray]'.") from None
        self._ray = ray
        self.lost: tuple[type[BaseException], ...] = (RayActorError, RayError)
        if not ray.is_initialized():
            try:
                ray.init(
                    address=None if address == "local" else address,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
            except Exception as error:  # Ray raises it bare when a node does not start in time
                line = (str(error).splitlines() or [""])[0]
                raise NotAvailable(
                    f"No Ray cluster answers at {address!r} ({line}); start one or say --ray local."
                ) from None
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        count = workers or gpus or int(resources.get("CPU", 1))
        needs = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": 1}
        if gpus and count > gpus:
            raise InvalidInput(f"--workers is {count} and the cluster has {gpus} GPUs; one worker uses one.")
        actor = ray.remote(max_restarts=-1, max_task_retries=0, **needs)(_Actor)
        self._actors = [actor.remote() for _ in range(count)]
        self._busy = [0] * count
        self._lock = threading.Lock()
        self.slots = count * IN_FLIGHT

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        with self._lock:
            index = min(range(len(self._busy)), key=self._busy.__getitem__)
            self._busy[index] += 1
        future: Future[Any] = self._actors[index].run.remote(function, *args).future()
        future.add_done_callback(lambda _: self._freed(index))
        return future

    def _freed(self, index: int) -> None:
        with self._lock:
            self._busy[index] -= 1

    def close(self) -> None:
        for actor in self._actors:
            with suppress(Exception):
                self._ray.kill(actor)
        self._ray.shutdown()


class _Actor:
    """Runs one function at a time; engines stay loaded between jobs in their registry."""

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)
