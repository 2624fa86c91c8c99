"""Every test is alone: caches, tokens, weights and SoundFonts of the machine's owner stay out, and so does the network.

``LOOPS_TEST_NETWORK=1`` lets the tests marked ``network`` run; without it they are skipped, and any other connection
than one within this machine fails.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

ONLINE = os.environ.get("LOOPS_TEST_NETWORK") == "1"
_OWNERS = (
    "HF_",
    "HUGGING",
    "LOOPS_",
    "XDG_CACHE",
    "XDG_CONFIG",
    "XDG_DATA",
    "TRANSFORMERS_",
    "DIFFUSERS_",
    "TORCH_HOME",
)


def pytest_configure(config):
    """Before anything is imported, because libraries read these variables once; child processes inherit them."""
    fonts = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    os.environ.setdefault("MPLCONFIGDIR", f"{fonts}/matplotlib")  # its list of fonts takes seconds to build
    for name in list(os.environ):
        if name.startswith(_OWNERS) and name != "LOOPS_TEST_NETWORK":
            del os.environ[name]
    home = tempfile.mkdtemp(prefix="loops-tests-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ |= {
        "XDG_CACHE_HOME": f"{home}/cache",
        "XDG_CONFIG_HOME": f"{home}/config",
        "LOOPS_HOME": f"{home}/loops",
        "HF_HOME": f"{home}/hub",
        "HF_HUB_OFFLINE": "0" if ONLINE else "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def pytest_collection_modifyitems(items):
    if not ONLINE:
        for item in items:
            if item.get_closest_marker("network"):
                item.add_marker(pytest.mark.skip(reason="needs the internet; set LOOPS_TEST_NETWORK=1"))


@pytest.fixture(autouse=True)
def room_on_the_disk(monkeypatch):
    """What is refused for want of room depends on what a test says is free, never on this machine's disk."""
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=2**40))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A connection that leaves this machine fails at once, with its address."""
    real = socket.socket.connect

    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise OSError(f"A test tried to reach {address[0]}:{address[1]}; mark it network, or give it a fake.")
        return real(self, address)

    if not ONLINE:
        monkeypatch.setattr(socket.socket, "connect", connect)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
