"""The download process: fetch some files of one Hub repository into the Hub's cache and say how it goes.

Run as a script by :mod:`.hub` in a process of its own, because a download that hangs can only be ended by ending its
process, and a partial file is then resumed by the next one. It reads one JSON object from stdin (``repository``,
``revision``, ``patterns``, ``gated``) and writes JSON lines: ``plan``, ``file``, then ``done`` or ``error``. The token
comes through the environment. Errors travel as a kind and plain facts, never as an exception's own text, which could
hold an address with credentials.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

SPARE_BYTES = 256 * 2**20  # the disk must keep this much room beside the download


def say(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


class TooLittleDisk(Exception):
    def __init__(self, needed: int, free: int) -> None:
        super().__init__(needed, free)
        self.needed, self.free = needed, free


def classify(error: BaseException) -> dict[str, Any]:
    """What went wrong, as one of a few kinds that :mod:`.hub` has a sentence for."""
    from huggingface_hub import errors

    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    family = {base.__module__.split(".")[0] for base in type(error).__mro__}
    facts: dict[str, Any] = {"status": status, "type": type(error).__name__}
    if isinstance(error, TooLittleDisk):
        return {"kind": "little-disk", "needed": error.needed, "free": error.free}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {"kind": "full-disk", **facts}
    if isinstance(error, errors.GatedRepoError):  # a subclass of "not found": ask first
        return {"kind": "gated", **facts}
    if isinstance(error, errors.OfflineModeIsEnabled):
        return {"kind": "offline", **facts}
    if isinstance(error, errors.RepositoryNotFoundError):
        return {"kind": "no-repository", **facts}
    if isinstance(error, errors.RevisionNotFoundError):
        return {"kind": "no-revision", **facts}
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return {"kind": "no-file", **facts}
    if status == 401:
        return {"kind": "wrong-token", **facts}
    if status == 403:
        return {"kind": "forbidden", **facts}
    if status == 429:
        return {"kind": "too-many", **facts}
    if status is not None and status >= 500:
        return {"kind": "hub-down", **facts}
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return {"kind": "truncated", **facts}
    if family & {"httpx", "httpx2", "httpcore", "requests", "urllib3"} or isinstance(
        error, ConnectionError | TimeoutError
    ):
        return {"kind": "network", **facts}
    cause = error.__cause__ or error.__context__
    if cause is not None and cause is not error:
        return classify(cause)
    return {"kind": "other", **facts}


def fetch(repository: str, revision: str, patterns: list[str], gated: bool) -> str:
    """Download what ``patterns`` name and is not cached yet; return the folder of the snapshot."""
    from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.utils import filter_repo_objects

    api = HfApi()
    if gated:
        api.auth_check(repository)
    about = api.model_info(repository, revision=revision, files_metadata=True, timeout=20)
    sizes = {file.rfilename: file.size or 0 for file in about.siblings or ()}
    wanted = sorted(filter_repo_objects(sizes, allow_patterns=patterns))
    left = [n for n in wanted if not isinstance(try_to_load_from_cache(repository, n, revision=about.sha), str)]
    needed = sum(sizes[name] for name in left)
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    say("plan", files=len(left), needed=needed, cached=sum(sizes[name] for name in wanted) - needed)
    free = shutil.disk_usage(cache).free
    if needed and free < needed + SPARE_BYTES:
        raise TooLittleDisk(needed, free)
    folder = None
    for name in sorted(wanted, key=lambda n: (sizes[n], n)):  # small files first: a wrong layout shows at once
        say("file", name=name, size=sizes[name])
        place = hf_hub_download(repository, name, revision=revision)
        folder = place[: -len(name)].rstrip(os.sep)
    if folder is None:
        raise FileNotFoundError(repository)
    return folder


def main() -> int:
    order = json.loads(sys.stdin.read())
    try:
        say("done", folder=fetch(**order))
    except Exception as error:
        say("error", **classify(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
