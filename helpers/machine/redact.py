"""Keep secrets out of anything a person may see: log lines, errors, progress."""

from __future__ import annotations

import os
import re

_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{6,}")
_HEADER = re.compile(r"(?i)(\bbearer\s+)[^\s'\"]+")
_SECRET_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN")
_SHORTEST_SECRET = 6  # shorter values would blank out ordinary words


def mask_secrets(text: str) -> str:
    """Replace passwords in URLs, bearer tokens and Hub tokens (by shape, and by the environment's value) by ``***``."""
    text = _URL_CREDENTIALS.sub("***", text)
    text = _HEADER.sub(r"\1***", text)
    text = _HUB_TOKEN.sub("***", text)
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "").strip()
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text
