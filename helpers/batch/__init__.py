"""Many ideas at once: planned jobs, a ledger that survives any stop, workers on this machine or on a Ray cluster."""

from .jobs import Job, plan_jobs
from .ledger import Ledger, LedgerRow
from .pool import LocalPool, Pool, RayPool
from .run import Summary, run_batch

__all__ = ["Job", "Ledger", "LedgerRow", "LocalPool", "Pool", "RayPool", "Summary", "plan_jobs", "run_batch"]
