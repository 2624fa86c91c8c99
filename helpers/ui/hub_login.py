"""LOGIN: a token goes to the kernel's environment, and the Hub is asked what it opens. It is never shown or stored."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ..engines import registry
from ..engines.hub import download as hub
from ..engines.hub.sources import model_page, token_page
from ..errors import InvalidInput
from . import colab
from .jobs import Jobs
from .panel import LoginPanel, Panel, message


def status() -> dict[str, Any]:
    """Whether a token is known, the page to make one, and each gated model's own page."""
    known = hub.find_token() is not None
    return {
        "known": known,
        "colab": colab.in_colab(),
        "tokens": token_page(),
        "models": [
            {"title": engine.info.title, "page": model_page(engine.info.hub_id)}
            for engine in registry.all_engines()
            if engine.info.gated and engine.info.hub_id
        ],
    }


def ask_hub() -> dict[str, str]:
    """What the Hub says of the gated models with the token at hand, as a message for the page. Needs the network."""
    opened = []
    for engine in registry.all_engines():
        if not engine.info.gated:
            continue
        if problem := engine.access_problem():
            return message(f"The token is kept for this session. {problem}", "warn")
        opened.append(engine.info.title)
    return message(f"The token is kept for this session and opens {' and '.join(opened)}.", "good")


class Login:
    """The panel's handlers; ``push`` assigns traits of a panel by its name, ``changed`` is told of a new token."""

    def __init__(self, push: Callable[..., None], changed: Callable[[], None]) -> None:
        self._push, self._changed = push, changed
        self.jobs = Jobs(self._show)

    def panel(self) -> Panel:
        """A fresh panel, with the hosted notebook's own secret taken first where there is one."""
        token = None if hub.find_token() else colab.secret_token()
        if token:
            os.environ["HF_TOKEN"] = token
        return LoginPanel({"token": self._on_token}, status=status())

    def _on_token(self, token: str) -> None:
        token = token.strip()
        if not token:
            raise InvalidInput("The field is empty; paste a token that begins with hf_.")
        os.environ["HF_TOKEN"] = token
        self._push("login", status=status())
        self._changed()
        self.jobs.start("Asking the Hub", lambda *_: ask_hub(), lambda answer: answer)

    def _show(self, view: dict[str, Any]) -> None:
        said = message("The token is kept for this session; asking the Hub what it opens …")
        self._push("login", message=said if view["running"] else message(view["text"], view["tone"]))
