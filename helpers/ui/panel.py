"""A panel: one widget on the page, drawn by our own script, fed with JSON, answering events and handing out files.

What is on screen travels as JSON traits. Sound and downloads travel as slices that the page asks for one by one, so
they fit through any transport, wait until somebody listens, and never end up inside the notebook file.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..errors import LoopsError, shown_text
from ..machine.faults import explain_fault

STATIC = Path(__file__).parent / "static"  # package data; nothing is fetched from a network
SHARED = ("base", "kernel", "waveform")  # scripts of all panels
SLICE_BYTES = 512 * 1024
_KEPT_FILES = 6  # a file is made once and kept while its slices are being fetched

Handler = Callable[..., Any]  # gets an event's fields by their names, and its bytes as ``data``


@dataclass(frozen=True)
class OfferedFile:
    """Bytes for the page with a media type, a file name for downloads, and numbers the player needs."""

    data: bytes
    type: str = "application/octet-stream"
    name: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


def message(text: str, tone: str = "info", details: str = "") -> dict[str, str]:
    """A sentence for the musician; ``tone`` is ``info``, ``good``, ``warn`` or ``bad``; details stay folded."""
    return {"text": text, "tone": tone, "details": details}


def explain(error: BaseException) -> dict[str, str]:
    """An exception as one sentence: our own errors as they stand, any other with its details folded."""
    if isinstance(error, LoopsError):
        return message(str(error), "bad")
    details = shown_text("".join(traceback.format_exception(error)).strip(), keep="\n")
    return message(f"That did not work. {explain_fault(error)} The rest still works; try again.", "bad", details)


def script(*names: str) -> str:
    """The scripts ``names`` joined into one ES module: a widget is one module and cannot import others.

    What all panels share comes first; the last name is the one that exports ``render``.
    """
    return "\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in (*SHARED, *names))


def _no_file(name: str) -> OfferedFile:
    raise LoopsError("This panel offers no files.")


class Panel(anywidget.AnyWidget):
    """Base of all panels. Subclasses set ``_esm`` and add synced traits."""

    title = ""  # as the page heads it
    _css = (STATIC / "style.css").read_text(encoding="utf-8")
    message = traitlets.Dict().tag(sync=True)
    served = traitlets.Bool(False).tag(sync=True)  # to visitors: the page says which one it is

    def __init__(self, handlers: dict[str, Handler], files: Callable[[str], OfferedFile] | None = None, **traits: Any):
        super().__init__(**traits)
        self._handlers = handlers
        self._file = functools.lru_cache(_KEPT_FILES)(files or _no_file)
        # One worker a panel: making a preview must never hold up the kernel, nor two of them each other's order.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loops-files")
        self.on_msg(self._receive)

    def listen(self, kind: str, handler: Handler) -> None:
        """Have one more kind of event answered."""
        self._handlers[kind] = handler

    def _receive(self, _widget: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        kind = content.get("kind")
        if kind == "file":
            self._worker.submit(self._send_slice, str(content.get("id")), int(content.get("at", 0)))
            return
        handler = self._handlers.get(str(kind))
        if handler is None:
            logging.getLogger(__name__).warning("The page sent an event nobody handles: %s", kind)
            return
        try:
            fields = {key: value for key, value in content.items() if key != "kind"}
            handler(**fields, **({"data": bytes(buffers[0])} if buffers else {}))
        except Exception as error:  # a widget swallows exceptions silently; say them instead
            self.message = explain(error) | {"at": str(content.get("name", ""))}
        self.send({"kind": "heard"})  # the page knows by this that the kernel is alive

    def _send_slice(self, name: str, at: int) -> None:
        try:
            file = self._file(name)
        except Exception as error:
            self.send({"kind": "file", "id": name, "error": explain(error)["text"]})
            return
        head = {"kind": "file", "id": name, "at": at, "size": len(file.data)}
        head["meta"] = {"type": file.type, "name": file.name, **file.meta}
        self.send(head, [file.data[at : at + SLICE_BYTES]])

    def __repr__(self) -> str:
        """What a front end without widgets shows, a saved notebook without its kernel among them."""
        return f"Loops Generator, {self.title}: run this cell to use it."

    def drop_files(self) -> None:
        """Forget files made earlier, because what they were made from has changed."""
        self._file.cache_clear()

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)
        super().close()


class UploadPanel(Panel):
    title = "UPLOAD"
    _esm = script("uploader")
    ideas: Any = traitlets.List().tag(sync=True)
    has_example = traitlets.Bool(False).tag(sync=True)
    limit_bytes = traitlets.Int(0).tag(sync=True)
    limit_seconds = traitlets.Float(0).tag(sync=True)


class ReadinessPanel(Panel):
    title = "MODELS"
    _esm = script("fold", "job", "readiness")
    report = traitlets.Dict().tag(sync=True)
    job = traitlets.Dict().tag(sync=True)


class LoginPanel(Panel):
    title = "LOGIN"
    _esm = script("fold", "login")
    status = traitlets.Dict().tag(sync=True)


class StudioPanel(Panel):
    title = "MODE"
    _esm = script("transport", "job", "heard", "settings", "studio")
    idea = traitlets.Dict().tag(sync=True)
    analysis = traitlets.Dict().tag(sync=True)
    form = traitlets.Dict().tag(sync=True)
    plan = traitlets.Dict().tag(sync=True)
    choices = traitlets.Dict().tag(sync=True)
    wrong = traitlets.Dict().tag(sync=True)
    job = traitlets.Dict().tag(sync=True)


class ResultsPanel(Panel):
    title = "RESULTS"
    _esm = script("transport", "job", "card", "deck", "results")
    groups: Any = traitlets.List().tag(sync=True)
    stack: Any = traitlets.List().tag(sync=True)
    job = traitlets.Dict().tag(sync=True)
    options = traitlets.Dict().tag(sync=True)
