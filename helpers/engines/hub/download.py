"""Fetching weights from the Hub: access, disk, progress, stalls, and one sentence for each thing that can go wrong.

A download runs in a process of its own (:mod:`.worker`). Its progress is read off the cache's files; when nothing
grows for a while, the process is ended and another one goes on where it stopped.
The token goes from the environment (or the Hub's own token file) into that process and nowhere else.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import Cancelled, NotAvailable, remember_secret
from ...machine.run import child_environment
from ...records import CancelCheck, Progress, never_cancelled, silent_progress
from .sources import ModelSource, cached_folder, hub_cache, hub_endpoint, repository_folder, token_page

STALL_SECONDS = 90.0  # nothing new on disk for this long: the transfer hangs
READ_SECONDS = 15  # how long the Hub's library waits for one answer before it tries again
MOST_TRIES = 3
_POLL_SECONDS = 0.25
# Kinds worth another try; everything else will not change by asking again. (The Hub's library has tried five times
# before it says "network".)
_PASSING = {"stalled", "broken", "truncated"}


def find_token() -> str | None:
    """The Hub token, from wherever the Hub's own library finds one; None when there is none."""
    from huggingface_hub import get_token

    token = get_token()
    remember_secret(token or "")
    return token


def fetch_model(
    source: ModelSource, progress: Progress = silent_progress, cancel: CancelCheck = never_cancelled
) -> Path:
    """Return the folder of a complete checkpoint, downloading what is not cached yet.

    Raises
    ------
    NotAvailable
        For every way the Hub, the network or the disk can refuse, each in its own words.
    Cancelled
        Within a second of the musician's wish; what has arrived is kept and resumed next time.
    """
    if folder := cached_folder(source):
        return folder
    outcome: dict[str, Any] = {}
    for attempt in range(MOST_TRIES):
        progress(_stage(source, attempt), None, None)
        outcome = _Download(source, progress, cancel).run()
        if outcome["event"] == "done":
            if folder := cached_folder(source):
                return folder
            outcome = {"kind": "incomplete"}
        if outcome["kind"] in ("truncated", "full-disk", "little-disk"):
            _remove_pieces(source)  # what ended wrongly cannot be resumed, and a full disk needs its room back
        if outcome["kind"] not in _PASSING:
            break
    raise NotAvailable(explain(source, outcome, token=find_token() is not None))


def check_access(source: ModelSource) -> str:
    """Ask the Hub whether this model may be downloaded; an empty text if so, else the sentence that says what to do.

    Needs the network, so for a button or a command, not for a first screen.
    """
    if cached_folder(source):
        return ""
    outcome = _Download(source, patterns=()).run()
    return "" if outcome["event"] == "done" else explain(source, outcome, token=find_token() is not None)


def _stage(source: ModelSource, attempt: int) -> str:
    return f"Downloading {source.hub_id}" + (f", try {attempt + 1} of {MOST_TRIES}" if attempt else "")


def explain(source: ModelSource, outcome: dict[str, Any], *, token: bool) -> str:
    """One sentence or two for a failed download: what happened and what to do."""
    kind, page = outcome.get("kind"), source.page
    gib = 2**30
    steps = (
        f"open {page} while logged in, accept the licence, make a token with read access at "
        f"{token_page()}, and give it as HF_TOKEN (on Colab: a secret with notebook access)"
    )
    sentences = {
        "gated": (
            f"The licence of {source.hub_id} has not been accepted by the account of this token; open {page} while "
            "logged in with it and accept, then try again."
            if token
            else f"{source.hub_id} asks everyone to accept its licence and no Hub token was found; {steps}."
        ),
        "wrong-token": (
            f"The Hub did not accept the token for {source.hub_id}; it may be mistyped or expired. Make a new one with "
            f"read access at {token_page()} and set HF_TOKEN."
            if token
            else f"The Hub wants a login for {source.hub_id} and no token was found; {steps}."
        ),
        "forbidden": (
            f"The token may not read {source.hub_id}; give it read access to public gated repositories at "
            f"{token_page()}, and accept the licence at {page}."
        ),
        "no-repository": f"The Hub has no model {source.hub_id}, or hides it from this account; look at {page}.",
        "no-revision": f"{source.hub_id} has no revision {source.revisions[-1]!r}; look at {page}/tree/main.",
        "no-file": f"{source.hub_id} no longer holds a file we need; look at {page}/tree/main.",
        "incomplete": (f"{source.hub_id} does not hold everything we need as safetensors; look at {page}/tree/main."),
        "too-many": "The Hub asks us to slow down (too many requests from this address); wait some minutes, or log in.",
        "hub-down": f"The Hub answers with an error of its own ({outcome.get('status')}); try again later.",
        "network": (
            f"{hub_endpoint()} cannot be reached or did not answer in time; check the connection and try again."
        ),
        "broken": (
            f"The connection broke {MOST_TRIES} times while downloading {source.hub_id}; check it and try again. "
            "What has arrived is kept and will be resumed."
        ),
        "stalled": (
            f"The download of {source.hub_id} stood still {MOST_TRIES} times for {STALL_SECONDS:g} s; try again, or "
            "restart the runtime first. What has arrived is kept and will be resumed."
        ),
        "truncated": (
            f"A file of {source.hub_id} arrived cut short or changed {MOST_TRIES} times and was thrown away; try again "
            "later or on another connection."
        ),
        "little-disk": (
            f"{source.hub_id} needs {outcome.get('needed', 0) / gib:.1f} GiB more on disk and "
            f"{outcome.get('free', 0) / gib:.1f} GiB are free in {repository_folder(source).parent}; make room, or set "
            "HF_HOME to a larger disk."
        ),
        "full-disk": (
            f"The disk filled up while downloading {source.hub_id}; the piece was removed. Make room for "
            f"{source.download_gib:.1f} GiB in {repository_folder(source).parent}, or set HF_HOME to a larger disk."
        ),
        "offline": f"Offline mode is on (HF_HUB_OFFLINE) and {source.hub_id} is not complete in the cache; unset it.",
    }
    other = f"Downloading {source.hub_id} failed ({outcome.get('type', 'unknown reason')}); try again."
    return sentences.get(kind, other) if kind else other


def _remove_pieces(source: ModelSource) -> None:
    for piece in (repository_folder(source) / "blobs").glob("*.incomplete"):
        piece.unlink(missing_ok=True)


@dataclass
class _Download:
    """One process fetching one model, watched."""

    source: ModelSource
    progress: Progress = silent_progress
    cancel: CancelCheck = never_cancelled
    patterns: tuple[str, ...] | None = None  # None: all that the source needs

    def run(self) -> dict[str, Any]:
        """The last event: ``done``, or ``error`` with its kind."""
        with self._process() as process:
            lines: queue.Queue[str | None] = queue.Queue()
            threading.Thread(target=_pump, args=(process, lines), daemon=True).start()
            return self._watch(lines)

    @contextmanager
    def _process(self) -> Iterator[subprocess.Popen[str]]:
        source = self.source
        environment = child_environment() | {
            "HF_HUB_CACHE": str(hub_cache()),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",  # it shows nothing on disk, cannot be resumed, and is what hangs on Colab
            "HF_HUB_DOWNLOAD_TIMEOUT": str(READ_SECONDS),
            "HF_HUB_ETAG_TIMEOUT": str(READ_SECONDS),
        }
        if token := find_token():
            environment["HF_TOKEN"] = token
        order = {
            "repository": source.hub_id,
            "revisions": source.revisions,
            "weights": source.weights if self.patterns is None else (),
            "patterns": list(source.patterns if self.patterns is None else self.patterns),
            "gated": source.gated,
            "read_seconds": READ_SECONDS,
        }
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            encoding="utf-8",
        )
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(order))
            process.stdin.close()
            yield process
        finally:
            process.kill()
            process.wait()

    def _watch(self, lines: queue.Queue[str | None]) -> dict[str, Any]:
        stage = f"Downloading {self.source.hub_id}"
        blobs = repository_folder(self.source) / "blobs"
        needed: int | None = None
        seen = start = _bytes_in(blobs)
        grew_at = started_at = time.monotonic()
        while True:
            if self.cancel():
                raise Cancelled(f"Cancelled; what has arrived of {self.source.hub_id} is kept and resumed next time.")
            try:
                line = lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                line = ""
            now = time.monotonic()
            if line is None:
                return {"event": "error", "kind": "other", "type": "the download process ended"}
            if line:
                event, grew_at = json.loads(line), now
                if event["event"] == "plan":
                    needed, start, started_at = event["needed"], _bytes_in(blobs), now
                    stage += f" ({needed / 1e9:.2f} GB)"
                elif event["event"] != "file":
                    if event.get("kind") == "network" and needed is not None:
                        event["kind"] = "broken"  # the Hub did answer before
                    return event
            if (there := _bytes_in(blobs)) != seen:
                seen, grew_at = there, now
            if now - grew_at > STALL_SECONDS:
                return {"event": "error", "kind": "network" if needed is None else "stalled"}
            if needed:
                got = max(0, seen - start)
                left = (needed - got) * (now - started_at) / got if got > 0 else None
                self.progress(stage, min(1.0, got / needed), left)


def _pump(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            lines.put(line)
    lines.put(None)


def _bytes_in(folder: Path) -> int:
    try:
        return sum(entry.stat().st_size for entry in os.scandir(folder))
    except OSError:
        return 0
