"""The download process: fetch some files of one Hub repository into the Hub's cache and say how it goes.

Run as a script by :mod:`.download` in a process of its own, because a download that hangs can only be ended by ending
its process. Its argument is one JSON object (the arguments of :func:`fetch`); it writes JSON lines: ``plan``, ``file``,
``bytes`` whenever more has arrived, then ``done`` or ``error``. The token comes through the environment. Errors travel
as a kind and plain facts, never as an exception's own text, which could hold an address with credentials.

Large files are fetched here rather than by ``hf_hub_download``, which begins again from nothing in every process and
shows nothing on disk for ten megabytes at a time. The result is the Hub's documented cache, blob by blob.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

SPARE_BYTES = 256 * 2**20  # the disk must keep this much free beside the download
RESUMABLE_BYTES = 2**20  # files from this size on are fetched piece by piece


def say(event: str, **facts: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")  # in one piece: two threads write
    sys.stdout.flush()


class Refusal(Exception):
    """What we find ourselves: ``little-disk``, ``truncated`` (not what the Hub's checksum says), ``incomplete``."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind, self.facts = kind, facts


def classify(error: BaseException) -> dict[str, Any]:
    """What went wrong, as one of a few kinds that :mod:`.download` has a sentence for."""
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    facts: dict[str, Any] = {"status": status, "type": type(error).__name__}
    families = {base.__module__.split(".")[0] for base in type(error).__mro__}
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, Refusal):
        return {"kind": error.kind, **facts, **error.facts}
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
    }
    for kind, applies in kinds.items():
        if applies:
            return {"kind": kind, **facts}
    cause = error.__cause__ or error.__context__
    return {"kind": "other", **facts} if cause is None or cause is error else classify(cause)


def fetch(
    repository: str,
    revisions: list[str],
    patterns: list[str],
    weights: list[list[str]],
    gated: bool,
    read_seconds: float,
) -> str:
    """Download what ``patterns`` name and is not cached yet; return the folder of the snapshot.

    The first of ``revisions`` is taken that has a file for each of ``weights``. No patterns: ask for access only, and
    return an empty text.
    """
    from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache

    constants.DOWNLOAD_CHUNK_SIZE = 2**18  # so that a slow connection is seen to move
    api = HfApi()
    if gated:
        api.auth_check(repository)
    revision, about, sizes = choose(api, repository, revisions, patterns, weights, read_seconds)
    left = [n for n in sizes if not isinstance(try_to_load_from_cache(repository, n, revision=about.sha), str)]
    needed = sum(sizes[name] for name in left)
    blobs = Path(constants.HF_HUB_CACHE) / ("models--" + repository.replace("/", "--")) / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    needed -= sum(piece.stat().st_size for piece in blobs.glob("*.incomplete"))
    say("plan", files=len(left), needed=max(0, needed))
    threading.Thread(target=report_growth, args=(blobs,), daemon=True).start()
    free = shutil.disk_usage(blobs).free
    if needed > 0 and free < needed + SPARE_BYTES:
        raise Refusal("little-disk", needed=needed, free=free)
    folder = None
    for name in sorted(sizes, key=lambda n: (sizes[n], n)):  # small files first: a wrong layout shows at once
        say("file", name=name, size=sizes[name])
        if name in left and sizes[name] >= RESUMABLE_BYTES:
            fetch_blob(repository, revision, name, blobs, read_seconds)
        place = hf_hub_download(repository, name, revision=revision)  # a blob that is there is only linked
        folder = place[: -len(name)].rstrip(os.sep)
    if folder is None and patterns:
        raise FileNotFoundError(repository)
    return folder or ""


def report_growth(folder: Path) -> None:
    """Say how many bytes more the folder holds, as often as it has grown."""
    first = seen = sum(entry.stat().st_size for entry in os.scandir(folder))
    while True:
        time.sleep(0.25)
        with contextlib.suppress(OSError):  # a piece has just been renamed
            there = sum(entry.stat().st_size for entry in os.scandir(folder))
            if there > first and there != seen:
                say("bytes", got=there - first)
            seen = there


def choose(
    api: Any, repository: str, revisions: list[str], patterns: list[str], weights: list[list[str]], read_seconds: float
) -> tuple[str, Any, dict[str, int]]:
    """The first revision that has a file for each of ``weights``, what the Hub says of it, and the sizes we fetch."""
    from huggingface_hub.utils import filter_repo_objects

    for revision in revisions:
        about = api.model_info(repository, revision=revision, files_metadata=True, timeout=read_seconds)
        sizes = {file.rfilename: file.size or 0 for file in about.siblings or ()}
        if all(list(filter_repo_objects(sizes, allow_patterns=part)) for part in weights):
            # Indexes of other formats and precisions match "*.json" too, and are of no use.
            useless = ["*.index.fp32.json", "*.bin.index*"]
            wanted = filter_repo_objects(sizes, allow_patterns=patterns, ignore_patterns=useless)
            return revision, about, {name: sizes[name] for name in wanted}
    raise Refusal("incomplete")


def fetch_blob(repository: str, revision: str, name: str, blobs: Path, read_seconds: float) -> None:
    """Fetch one large file into ``blobs`` under its checksum, going on where an earlier process stopped."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository, name, revision=revision)
    facts = get_hf_file_metadata(url, timeout=read_seconds)
    if facts.etag is None or facts.size is None:
        return  # no checksum, no safe resuming: left to the library
    blob = blobs / facts.etag
    if blob.exists():
        return
    piece = blob.with_name(f"{facts.etag}.incomplete")
    with piece.open("ab", buffering=0) as out:
        if out.tell() > facts.size:
            out.truncate(0)
        http_get(url, out, resume_size=out.tell(), headers=build_hf_headers(), expected_size=facts.size)
    if len(facts.etag) == 64 and _sha256(piece) != facts.etag:
        piece.unlink()
        raise Refusal("truncated")
    piece.replace(blob)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    order = json.loads(sys.argv[1])
    try:
        say("done", folder=fetch(**order))
    except Exception as error:
        say("error", **classify(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
