"""Tiny products on two threads of a busy machine wait for each other longer than they compute."""

import importlib.util
import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    asked = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
    yield
    if asked is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = asked
