"""The tests see neither the network nor what the machine's owner keeps."""

import os
import socket
from pathlib import Path

import pytest

from helpers.machine.home import cache_home
from tests.conftest import ONLINE


@pytest.mark.skipif(ONLINE, reason="the network was asked for")
def test_a_connection_that_leaves_this_machine_fails():
    with socket.socket() as outside, pytest.raises(OSError, match=r"tried to reach 192\.0\.2\.1:80"):
        outside.connect(("192.0.2.1", 80))
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as inside:
        inside.connect(server.getsockname())


def test_nothing_of_the_owner_is_read():
    from huggingface_hub import constants, get_token

    assert "LOOPS_SOUNDFONT" not in os.environ and get_token() is None
    for place in (cache_home(), Path(constants.HF_HUB_CACHE)):
        assert Path.home() not in place.parents
