"""Many ideas at once: planned jobs, a ledger that survives any stop, workers here or on a Ray cluster, packs."""
