"""A Ray cluster that cannot do the work is refused before anything is sent to it."""

import socket
import sys
import types

import pytest

from helpers.batch.pool import RayPool
from helpers.errors import InvalidInput, NotAvailable


def test_a_cluster_that_is_not_there_or_too_small_is_refused_at_once(monkeypatch):
    ray = types.SimpleNamespace(
        is_initialized=lambda: False, init=lambda **_: None, cluster_resources=lambda: {"CPU": 2.0}
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        for text in (address, f"ray://{address}"):
            with pytest.raises(NotAvailable, match="No Ray cluster answers at"):
                RayPool(text)
    ray.is_initialized = lambda: True
    with pytest.raises(InvalidInput, match="--workers is 3 and the cluster has 2 cores"):
        RayPool("local", workers=3)
