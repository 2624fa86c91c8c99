"""Fetching weights from the Hub: access, disk, progress, stalls, and one sentence for each thing that can go wrong.

A download runs in a process of its own (:mod:`.worker`), which says how it goes; when it says nothing for a while, it
is ended and another one goes on where it stopped. The token goes from the environment (or the Hub's own token file)
into that process and nowhere else.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from ...errors import Cancelled, NotAvailable, remember_secret
from ...machine.run import CommandFailed, child_environment, run_lines
from ...records import CancelCheck, Progress, never_cancelled, silent_progress
from .sources import ModelSource, cached_folder, hub_cache, hub_endpoint, repository_folder, token_page

STALL_SECONDS = 90.0  # nothing new on disk for this long: the transfer hangs
READ_SECONDS = 15  # how long the Hub's library waits for one answer before it tries again
MOST_TRIES = 3
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
        If ``cancel`` became true; what has arrived is kept and resumed next time.
    """
    if folder := cached_folder(source):
        return folder
    outcome: dict[str, Any] = {}
    for attempt in range(MOST_TRIES):
        again = f", try {attempt + 1} of {MOST_TRIES}" if attempt else ""
        progress(f"Downloading {source.hub_id}{again}", None, None)
        outcome = _run_worker(source, progress, cancel)
        if outcome["event"] == "done":
            if folder := cached_folder(source):
                return folder
            outcome = {"kind": "incomplete"}
        if outcome["kind"] in ("truncated", "full-disk", "little-disk"):
            _remove_pieces(source)  # damaged pieces cannot be resumed, and a full disk needs the space
        if outcome["kind"] not in _PASSING:
            break
    raise NotAvailable(explain(source, outcome, token=find_token() is not None))


def check_access(source: ModelSource) -> str:
    """Ask the Hub whether this model may be downloaded; an empty text if so, else the sentence that says what to do.

    Needs the network, so for a button or a command, not for a first screen.
    """
    if cached_folder(source):
        return ""
    outcome = _run_worker(source, access_only=True)
    return "" if outcome["event"] == "done" else explain(source, outcome, token=find_token() is not None)


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


def _run_worker(
    source: ModelSource,
    progress: Progress = silent_progress,
    cancel: CancelCheck = never_cancelled,
    *,
    access_only: bool = False,
) -> dict[str, Any]:
    """Run one download process; returns its last event: ``done``, or ``error`` with its kind."""
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
        "weights": () if access_only else source.weights,
        "patterns": () if access_only else source.patterns,
        "gated": source.gated,
        "read_seconds": READ_SECONDS,
    }
    last: dict[str, Any] = {"event": "error", "kind": "other", "type": "the download process ended"}
    needed: float | None = None
    started = time.monotonic()

    def on_line(line: str) -> None:
        nonlocal last, needed, started
        event: dict[str, Any] = json.loads(line) if line.startswith("{") else {"event": "remark"}
        if event["event"] in ("done", "error"):
            last = event
        elif event["event"] == "plan":
            needed, started = event["needed"], time.monotonic()
        if needed and event["event"] in ("plan", "bytes"):
            got = event.get("got", 0)
            left = (needed - got) * (time.monotonic() - started) / got if got else None
            progress(f"Downloading {source.hub_id} ({needed / 1e9:.2f} GB)", min(1.0, got / needed), left)

    program = [sys.executable, str(Path(__file__).with_name("worker.py")), json.dumps(order)]
    try:
        run_lines(program, on_line=on_line, cancel=cancel, env=environment, silence_seconds=STALL_SECONDS)
    except Cancelled:
        raise Cancelled(f"Cancelled; what has arrived of {source.hub_id} is kept and resumed next time.") from None
    except CommandFailed as failure:
        if failure.code is None:
            return {"event": "error", "kind": "network" if needed is None else "stalled"}
    if last.get("kind") == "network" and needed is not None:
        last["kind"] = "broken"  # the Hub did answer before
    return last
