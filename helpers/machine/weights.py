"""Learned weights as JSON beside the code that uses them: one reader, one writer, and where they come from.

A file holds ``script`` (what made it), ``data`` (from what), ``sha256`` (of its numbers, so that a change by hand is
noticed) and ``weights``. The scripts under ``benchmarks/`` and ``training/`` write it; nothing else does.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from importlib import resources
from typing import Any


@functools.lru_cache(maxsize=32)
def load_weights(package: str, name: str) -> dict[str, Any]:
    """The ``weights`` of ``weights/<name>.json`` in a package, for example ``load_weights(__package__, "purity")``.

    Raises ValueError if the numbers are not the ones that the script wrote.
    """
    document = json.loads((resources.files(package) / "weights" / f"{name}.json").read_text(encoding="utf-8"))
    if document["sha256"] != _digest(document["weights"]):
        raise ValueError(f"{name}.json was changed by hand; make it again with {document['script']}.")
    return document["weights"]


def weights_text(weights: dict[str, Any], script: str, data: str) -> str:
    """The file for ``weights``: numbers, strings and lists or dicts of them, a list of numbers on one line.

    Name the script and the data it read.
    """
    document = {"script": script, "data": data, "sha256": _digest(weights), "weights": weights}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return re.sub(r"\[([-+.,\deE\s]*)\]", lambda row: f"[{' '.join(row[1].split())}]", text) + "\n"


def _digest(weights: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()
