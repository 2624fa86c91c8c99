"""A Hub on loopback: the few addresses that a download asks, with every refusal on order.

with FakeHub({"config.json": b"{}", ...}) as hub:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    hub.refuse = "gated"            # or any other of REFUSALS
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

COMMIT = "c0ffee" * 6 + "beef"
COMMITS = {"refs/pr/10": "decade" * 6 + "beef"}
REFUSALS = (
    *("gated", "wrong-token", "forbidden", "no-repository", "no-revision", "too-many", "down"),  # said at once
    "silent",  # takes the question and never answers
    "truncated",  # sends a shorter file than it announced
    "changed",  # sends as many bytes, but others
    "breaking",  # closes the connection in the middle of every file
    "hanging",  # stops in the middle of every file and keeps the connection
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that left, as one that cancels does."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class FakeHub:
    """``files`` of one repository; ``asked`` collects (method, path, Authorization header) of every request.

    ``elsewhere``: the files of other revisions. ``listings``: names and sizes of whole repositories that can only be
    asked about, by ``owner/name@revision``.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.refuse = files, ""
        self.elsewhere: dict[str, dict[str, bytes]] = {}
        self.listings: dict[str, dict[str, int]] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self.ranges: list[str] = []
        self.times = 10**6  # how often a large file goes wrong before it goes well
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.closing = threading.Event()

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def paths(self, method: str) -> list[str]:
        return [path for asked, path, _ in self.asked if asked == method]


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        hub, path = self.hub, self.path.split("?")[0]
        hub.asked.append((self.command, path, self.headers.get("Authorization")))
        if hub.refuse == "silent":
            hub.closing.wait(60)
            return
        refusals = {
            "gated": (403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to model is restricted"}),
            "wrong-token": (401, {"X-Error-Message": "Invalid credentials in Authorization header"}),
            "forbidden": (403, {"X-Error-Message": "Forbidden"}),
            "no-repository": (404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}),
            "no-revision": (404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id: main"}),
            "too-many": (429, {}),
            "down": (500, {}),
        }
        if hub.refuse in refusals:
            status, headers = refusals[hub.refuse]
            self._send(status, b"", headers, head)
        elif path.endswith("/auth-check"):
            self._send(200, b"{}", {}, head)
        elif path.startswith("/api/models/"):
            repository, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            revision = unquote(revision) or "main"
            files = hub.elsewhere.get(revision, hub.files)
            siblings = [{"rfilename": name, "size": len(data), "blobId": _tag(data)} for name, data in files.items()]
            if hub.listings:
                sizes = hub.listings[f"{repository}@{revision}"]
                siblings = [{"rfilename": name, "size": size, "blobId": name} for name, size in sizes.items()]
            sha = COMMITS.get(revision, COMMIT)
            about = {"id": "x/y", "modelId": "x/y", "sha": sha, "siblings": siblings, "tags": [], "private": False}
            self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"}, head)
        elif "/resolve/" in path:
            revision, _, name = path.split("/resolve/")[1].partition("/")
            self._file(unquote(revision), name, head)
        else:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, head)

    def _file(self, revision: str, name: str, head: bool) -> None:
        hub = self.hub
        files = hub.elsewhere.get(revision, hub.files)
        if name not in files:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, head)
            return
        data = files[name]
        facts = {"ETag": f'"{_tag(data)}"', "X-Repo-Commit": COMMITS.get(revision, COMMIT), "Accept-Ranges": "bytes"}
        if not head and self.headers.get("Range"):
            hub.ranges.append(self.headers["Range"])
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        wrong = ""
        if not head and name.endswith(".safetensors") and hub.refuse in REFUSALS and hub.times > 0:
            hub.times -= 1
            wrong = hub.refuse
        if wrong == "truncated":
            data = data[:-1000]
        elif wrong == "changed":
            data = data[::-1]
        part = data[start:]
        if start:
            facts["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_response(206 if start else 200)
        for key, value in (facts | {"Content-Length": str(len(part))}).items():
            self.send_header(key, value)
        self.end_headers()
        if head:
            return
        if wrong in ("breaking", "hanging"):
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            self.close_connection = True
            if wrong == "hanging":
                hub.closing.wait(60)
        else:
            self.wfile.write(part)

    def _send(self, status: int, body: bytes, headers: dict[str, str], head: bool) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if not head:
            self.wfile.write(body)


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
