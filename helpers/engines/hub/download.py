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
from ...music.tables import read_toml
from ...records import CancelCheck, Progress, never_cancelled, silent_progress
from .sources import ModelSource, cached_folder, hub_cache, hub_endpoint, repository_folder, token_page

STALL_SECONDS = 90.0  # nothing new on disk for this long: the transfer hangs
READ_SECONDS = 15  # how long the Hub's library waits for one answer before it tries again
MOST_TRIES = 3
# Kinds worth another try; everything else will not change by asking again. (The Hub's library has tried five times
# before it says "network".)
_PASSING = {"stalled", "broken", "truncated"}
_REFUSALS = read_toml(__package__, "refusals.toml")


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

    Raises NotAvailable for every way the Hub, the network or the disk can refuse, each in its own words. Raises
    Cancelled if ``cancel`` became true; what has arrived is kept and resumed next time.
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
    kind = outcome.get("kind")
    known = kind if kind in _REFUSALS else "other"
    sentence = _REFUSALS[known] if token else _REFUSALS.get(f"{known}_no_token", _REFUSALS[known])
    return sentence.format(
        model=source.hub_id,
        page=source.page,
        gib=source.download_gib,
        revision=source.revisions[-1],
        hub=hub_endpoint(),
        tokens=token_page(),
        folder=repository_folder(source).parent,
        tries=MOST_TRIES,
        stall_seconds=STALL_SECONDS,
        needed_gib=outcome.get("needed", 0) / 2**30,
        free_gib=outcome.get("free", 0) / 2**30,
        status=outcome.get("status"),
        type=outcome.get("type", "unknown reason"),
    )


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
