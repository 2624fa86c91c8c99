"""What a neural engine says about this machine: found without torch and without the network, in well under a second."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from typing import Any

from ..errors import InvalidInput
from ..machine.home import free_bytes
from ..records import EngineInfo, Readiness
from . import devices
from .hub import download as hub
from .hub.sources import ModelSource, cached_folder, cached_gib, hub_cache, local_folder

PACKAGES = ("torch", "diffusers", "transformers", "safetensors", "huggingface_hub")


def judge_readiness(info: EngineInfo, source: ModelSource, packages: tuple[str, ...] = PACKAGES) -> Readiness:
    """Packages, weights, token, disk and memory for one engine and one of its checkpoints.

    ``details`` holds the figures for a screen: GPU, precision, memory and disk in GiB (None = unknown), packages that
    are missing, ``weights`` (``local``, ``cached`` or ``download``) with the GiB left, and whether there is a token.
    """
    machine = devices.probe_machine()
    lacking = [name for name in packages if find_spec(name) is None]
    details: dict[str, Any] = {
        **dataclasses.asdict(machine),
        "precision": machine.precision,
        "packages_missing": lacking,
        "token": hub.find_token() is not None,
    }

    def answer(reason: str = "", remedy: str = "") -> Readiness:
        return Readiness(info.name, not reason, reason, remedy, details)

    try:
        local = local_folder(source)
    except InvalidInput as error:
        return answer(str(error))
    here = local or cached_folder(source)
    left = 0.0 if here else max(0.0, source.download_gib - cached_gib(source))
    free = free_bytes(hub_cache()) / devices.GIB
    details |= {
        "weights": "local" if local else "cached" if here else "download",
        "download_gib_left": left,
        "disk_free_gib": free,
    }
    if lacking:
        verb = "is" if len(lacking) == 1 else "are"
        return answer(f"{', '.join(lacking)} {verb} not installed.", "Run: loops-generator install diffusers.")
    if source.gated and not here and not details["token"]:
        reason, _, remedy = hub.explain(source, {"kind": "gated"}, token=False).partition("; ")
        return answer(f"{reason}.", remedy[:1].upper() + remedy[1:])
    if left > free:
        return answer(
            f"The weights need {left:.1f} GiB and {free:.1f} GiB of disk are free.",
            "Make room, or set HF_HOME to a larger disk.",
        )
    memory = machine.gpu_gib or machine.ram_gib
    needed = info.memory_gib * (1 if machine.gpu else 2)  # float32 on a CPU: twice the bytes
    if memory < needed and not local:
        return answer(
            f"The model needs about {needed:.1f} GiB and {machine.gpu or 'this machine'} has {memory:.1f}.",
            "Use a runtime with more memory (on Colab: a T4 GPU).",
        )
    return answer()
