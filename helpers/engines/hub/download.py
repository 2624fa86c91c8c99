"""Fetching weights from the Hub: access, disk, progress, and one sentence for each thing that can go wrong.

Large files are fetched here rather than by ``hf_hub_download``, which begins again from nothing in every process and
cannot be cancelled: by the library's own ``http_get``, which waits ten seconds for a byte and goes on where the
connection broke, into the Hub's documented cache, blob by blob. The token goes from the environment (or the Hub's own
token file) to the Hub and nowhere else.
"""

from __future__ import annotations

import errno
import io
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ...errors import Cancelled, NotAvailable, remember_secret
from ...machine.files import locked, sha256_of
from ...music.tables import read_toml
from ...records import CancelCheck, Progress, never_cancelled, silent_progress
from ..base import stop_if
from .sources import ModelSource, cached_folder, hub_cache, hub_endpoint, repository_folder, token_page

READ_SECONDS = 15  # how long the Hub may take for an answer
SPARE_BYTES = 256 * 2**20  # the disk must keep this much free beside the download
RESUMABLE_BYTES = 2**20  # files from this size on are fetched piece by piece
MOST_TRIES = 3
# Kinds worth another try; everything else will not change by asking again. (The Hub's library has tried five times
# before it says "network".)
_PASSING = {"broken", "truncated"}
_REFUSALS = read_toml(__package__, "refusals.toml")


T = TypeVar("T")


class Refusal(Exception):
    """What we find ourselves: ``little-disk``, ``truncated`` (not what the Hub's checksum says), ``incomplete``."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.facts = {"kind": kind} | facts


def find_token() -> str | None:
    """The Hub token, from wherever the Hub's own library finds one; None when there is none."""
    from huggingface_hub import get_token

    try:
        token = get_token()
    except OSError:  # its file lies where we may not look
        return None
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
        outcome, answered = {"kind": "incomplete"}, False
        try:
            plan = _attended(lambda _: choose(source), cancel)
            answered = True
            _attended(partial(_fetch, source, *plan, progress), cancel)
            if folder := cached_folder(source):
                return folder
        except Cancelled:
            raise Cancelled(f"Cancelled; what has arrived of {source.hub_id} is kept and resumed next time.") from None
        except Exception as error:  # the library has many, and those of its network libraries
            outcome = _classify(error)
        if outcome["kind"] == "network" and answered:
            outcome["kind"] = "broken"
        if outcome["kind"] in ("truncated", "full-disk", "little-disk"):
            _remove_pieces(source)  # damaged pieces cannot be resumed, and a full disk needs the space
        if outcome["kind"] not in _PASSING:
            break
    raise NotAvailable(explain(source, outcome, token=find_token() is not None))


def _attended(work: Callable[[CancelCheck], T], cancel: CancelCheck) -> T:
    """Do ``work`` on a thread, so that a press on Stop need not wait for a network that hangs.

    Work that is left so ends at the next byte, or when the network gives up: its own check stays true, while ``cancel``
    may be asked for something new by then.
    """
    future, left = Future[T](), threading.Event()

    def run() -> None:
        try:
            future.set_result(work(left.is_set))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="hub-fetch", daemon=True).start()
    try:
        while not wait([future], timeout=0.2).done:
            stop_if(cancel)
    finally:  # a cell may be interrupted too
        left.set()
    return future.result()


def check_access(source: ModelSource) -> str:
    """Ask the Hub whether this model may be downloaded; an empty text if so, else the sentence that says what to do.

    Needs the network, so for a button or a command, not for a first screen.
    """
    try:
        if not cached_folder(source):
            choose(source)
    except Exception as error:  # as in fetch_model
        return explain(source, _classify(error), token=find_token() is not None)
    return ""


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
        needed_gib=outcome.get("needed", 0) / 2**30,
        free_gib=outcome.get("free", 0) / 2**30,
        status=outcome.get("status"),
        type=outcome.get("type", "unknown reason"),
    )


def _remove_pieces(source: ModelSource) -> None:
    for piece in (repository_folder(source) / "blobs").glob("*.incomplete"):
        piece.unlink(missing_ok=True)


def choose(source: ModelSource) -> tuple[str, Any, dict[str, int]]:
    """The first revision that has weights for every part, what the Hub says of it, and the sizes of what we fetch.

    Raises what the Hub's library raises, and Refusal.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import filter_repo_objects

    api = HfApi(endpoint=hub_endpoint())
    for revision in source.revisions:
        about = api.model_info(source.hub_id, revision=revision, files_metadata=True, timeout=READ_SECONDS)
        if source.gated:
            api.auth_check(source.hub_id)
        sizes = {file.rfilename: file.size or 0 for file in about.siblings or ()}
        if all(list(filter_repo_objects(sizes, allow_patterns=list(part))) for part in source.weights):
            # Indexes of other formats and precisions match "*.json" too, and are of no use.
            useless = ["*.index.fp32.json", "*.bin.index*"]
            wanted = filter_repo_objects(sizes, allow_patterns=list(source.patterns), ignore_patterns=useless)
            return revision, about, {name: sizes[name] for name in wanted}
    raise Refusal("incomplete")


def _fetch(
    source: ModelSource, revision: str, about: Any, sizes: dict[str, int], progress: Progress, cancel: CancelCheck
) -> None:
    """Download what is not cached yet."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    model, cache = source.hub_id, hub_cache()
    left = [n for n in sizes if not isinstance(try_to_load_from_cache(model, n, cache, about.sha), str)]
    blobs = repository_folder(source) / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    needed = sum(sizes[name] for name in left) - sum(piece.stat().st_size for piece in blobs.glob("*.incomplete"))
    free = shutil.disk_usage(blobs).free
    if needed > 0 and free < needed + SPARE_BYTES:
        raise Refusal("little-disk", needed=needed, free=free)
    got, began = 0, time.monotonic()

    def on_bytes(count: int) -> None:
        nonlocal got
        stop_if(cancel)
        got += count
        seconds_left = (needed - got) * (time.monotonic() - began) / got if got else None
        progress(f"Downloading {model} ({needed / 1e9:.2f} GB)", min(1.0, got / max(1, needed)), seconds_left)

    with _quiet_library():
        for name in sorted(sizes, key=lambda n: (sizes[n], n)):  # small files first: a wrong layout shows at once
            stop_if(cancel)
            if name in left and sizes[name] >= RESUMABLE_BYTES:
                _fetch_blob(model, revision, name, blobs, on_bytes)
            # A blob that is there is only linked.
            hf_hub_download(
                model, name, revision=revision, cache_dir=cache, endpoint=hub_endpoint(), etag_timeout=READ_SECONDS
            )


def _fetch_blob(model: str, revision: str, name: str, blobs: Path, on_bytes: Callable[[int], None]) -> None:
    """Fetch one large file into ``blobs`` under its checksum, going on where an earlier try stopped."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    class Heard(io.FileIO):
        def write(self, data: Any) -> int:
            on_bytes(len(data))
            return super().write(data)

    url = hf_hub_url(model, name, revision=revision, endpoint=hub_endpoint())
    facts = get_hf_file_metadata(url, timeout=READ_SECONDS)
    if facts.etag is None or facts.size is None:
        return  # no checksum, no safe resuming: left to the library
    blob, locks = blobs / facts.etag, hub_cache() / ".locks" / blobs.parent.name  # where the library has its own
    piece = blob.with_name(f"{facts.etag}.incomplete")
    constants.DOWNLOAD_CHUNK_SIZE = 2**18  # so that a slow connection is seen to move
    locks.mkdir(parents=True, exist_ok=True)
    with locked(locks / f"{facts.etag}.piece.lock"):  # a notebook and a batch may want the same model
        if blob.exists():
            return
        with Heard(piece, "ab") as out:
            if out.tell() > facts.size:
                out.truncate(0)
            http_get(url, out, resume_size=out.tell(), headers=build_hf_headers(), expected_size=facts.size)
        if len(facts.etag) == 64 and sha256_of(piece) != facts.etag:
            raise Refusal("truncated")
        piece.replace(blob)


@contextmanager
def _quiet_library() -> Iterator[None]:
    """Keep the library's bars and its remarks on broken connections off the page for the length of a block."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    logger, before = logging.getLogger("huggingface_hub"), are_progress_bars_disabled()
    level = logger.level
    disable_progress_bars()
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        if not before:
            enable_progress_bars()


def _classify(error: BaseException) -> dict[str, Any]:
    """What went wrong, as one of the kinds that have a sentence in ``refusals.toml``."""
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    facts: dict[str, Any] = {"status": status, "type": type(error).__name__}
    families = {base.__module__.split(".")[0] for base in type(error).__mro__}
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, Refusal):
        return facts | error.facts
    kinds = {
        "full-disk": number in (errno.ENOSPC, errno.EDQUOT),
        "gated": isinstance(error, errors.GatedRepoError),  # a subclass of "not found": ask first
        "offline": isinstance(error, errors.OfflineModeIsEnabled),
        "no-repository": isinstance(error, errors.RepositoryNotFoundError),
        "no-revision": isinstance(error, errors.RevisionNotFoundError),
        "no-file": isinstance(error, errors.RemoteEntryNotFoundError),
        "wrong-token": status == 401,
        "forbidden": status == 403,
        "too-many": status == 429,
        "hub-down": status is not None and status >= 500,
        "truncated": "Consistency check failed" in str(error),
        "network": bool(families & {"httpx", "httpx2", "httpcore", "requests", "urllib3"})
        or isinstance(error, ConnectionError | TimeoutError),
        "unwritable": isinstance(error, PermissionError | NotADirectoryError | FileExistsError)
        or number == errno.EROFS,
    }
    for kind, applies in kinds.items():
        if applies:
            return {"kind": kind, **facts}
    cause = error.__cause__ or error.__context__
    return {"kind": "other", **facts} if cause is None or cause is error else _classify(cause)
