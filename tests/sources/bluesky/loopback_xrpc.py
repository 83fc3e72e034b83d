"""Servers of the network on loopback that answer by HTTP: identities, records, profiles, search.

It follows the lexicons ``com.atproto.repo.listRecords``, ``com.atproto.identity.resolveHandle``,
``app.bsky.actor.getProfiles`` and ``app.bsky.feed.searchPosts``; and it can misbehave.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

POST = "app.bsky.feed.post"


class LoopbackXrpc:
    """Keeps `records` (URI to record) and serves them."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.handles: dict[str, str] = {}
        self.followers: dict[str, int] = {}
        self.indexed: dict[str, str] = {}
        self.refused: tuple[int, dict[str, str], bytes] | None = None
        self.refused_for: Callable[[str], bool] = lambda path: True
        self.headers: dict[str, str] = {}
        self.most = 100
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def __enter__(self) -> LoopbackXrpc:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"box": self})
        self._server = ThreadingHTTPServer(("localhost", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def refusing(
        self,
        status: int,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        when: Callable[[str], bool] = lambda path: True,
    ) -> Iterator[None]:
        self.refused, self.refused_for = (status, headers or {}, body), when
        try:
            yield
        finally:
            self.refused = None

    @contextmanager
    def gone(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def changing(self, **fields: object) -> Iterator[None]:
        """Let every record have some more fields."""
        before = {uri: dict(record) for uri, record in self.records.items()}
        for record in self.records.values():
            record.update(fields)
        try:
            yield
        finally:
            self.records = before

    # Answers

    def identity(self, did: str) -> dict[str, Any]:
        return {"id": did, "service": [{"id": "#atproto_pds", "serviceEndpoint": self.url}]}

    def list_records(self, asked: dict[str, str]) -> dict[str, Any]:
        start = f"at://{asked['repo']}/{asked['collection']}/"
        keys = sorted(uri.removeprefix(start) for uri in self.records if uri.startswith(start))
        keys = [key for key in keys if key > asked.get("cursor", "")][: min(int(asked["limit"]), self.most)]
        found = [{"uri": start + key, "cid": "bafy", "value": self.records[start + key]} for key in keys]
        return {"records": found, **({"cursor": keys[-1]} if keys else {})}

    def profiles(self, actors: list[str]) -> dict[str, Any]:
        handles = {did: handle for handle, did in self.handles.items()}
        return {
            "profiles": [
                {
                    "did": did,
                    "handle": handles.get(did, "handle.invalid"),
                    "displayName": "Alice",
                    "followersCount": self.followers.get(did, 0),
                    "followsCount": 7,
                    "postsCount": 12,
                    "createdAt": "2023-05-01T08:00:00.000Z",
                }
                for did in actors
            ]
        }

    def search(self, asked: dict[str, str]) -> dict[str, Any]:
        found = [
            (self.indexed[uri], uri)
            for uri, record in self.records.items()
            if asked["q"] in record.get("text", "") and self.indexed[uri] >= asked.get("since", "")
        ]
        found.sort(reverse=True)
        first = int(asked.get("cursor", "0"))
        size = min(int(asked["limit"]), self.most)
        views = [
            {
                "uri": uri,
                "cid": "bafy",
                "author": {"did": uri.split("/")[2], "handle": "alice.test"},
                "record": self.records[uri],
                "likeCount": 3,
                "replyCount": 0,
                "indexedAt": when,
            }
            for when, uri in found[first : first + size]
        ]
        more = {"cursor": str(first + size)} if first + size < len(found) else {}
        return {"posts": views, **more}


class _Handler(BaseHTTPRequestHandler):
    box: LoopbackXrpc

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        many = parse_qs(parts.query)
        asked = {key: values[0] for key, values in many.items()}
        name = parts.path.rpartition("/")[2]
        self.box.asked.append((name, asked))
        if self.box.refused is not None and self.box.refused_for(self.path):
            status, headers, body = self.box.refused
            return self._send(status, headers, body)
        answers: dict[str, Callable[[], Any]] = {
            "com.atproto.repo.listRecords": lambda: self.box.list_records(asked),
            "com.atproto.identity.resolveHandle": lambda: {"did": self.box.handles[asked["handle"]]},
            "app.bsky.actor.getProfiles": lambda: self.box.profiles(many["actors"]),
            "app.bsky.feed.searchPosts": lambda: self.box.search(asked),
        }
        if name in answers:
            try:
                told = answers[name]()
            except KeyError:
                return self._send(400, {}, b'{"error":"InvalidRequest","message":"Unable to resolve"}')
        elif name.startswith("did:"):
            told = self.box.identity(name)
        else:
            return self._send(404, {}, b"{}")
        headers = {"Content-Type": "application/json", **self.box.headers}
        return self._send(200, headers, json.dumps(told).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)
