"""A small Jetstream on loopback: what it has it replays, then it goes on live; and it can misbehave.

It follows https://github.com/bluesky-social/jetstream (its first protocol):
cursors in microseconds, wishes in the address or as a message, cursors that it
does not have passed over in silence.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

POST = "app.bsky.feed.post"


def event(
    number: int,
    time_us: int,
    *,
    did: str = "did:plc:a",
    operation: str = "create",
    collection: str = POST,
    **record: object,
) -> bytes:
    """Return an event as Jetstream writes it, with the key that belongs to its number."""
    commit: dict[str, object] = {
        "rev": f"3l{number:011d}",
        "operation": operation,
        "collection": collection,
        "rkey": f"3k{number:011d}",
    }
    if operation != "delete":
        told = {"$type": collection, "text": f"post {number}", "createdAt": "2024-05-01T08:00:00Z", **record}
        commit |= {"record": told, "cid": f"bafy{number}"}
    return json.dumps({"did": did, "time_us": time_us, "kind": "commit", "commit": commit}).encode()


def post_id(number: int, did: str = "did:plc:a") -> str:
    """Return the id of the post of :func:`event`."""
    return f"bluesky:at://{did}/{POST}/3k{number:011d}"


class LoopbackJetstream:
    """Serves `events`, in a thread of its own.

    Parameters
    ----------
    events : list of bytes
        Texts as they are sent; those that are none of an event are sent in their turn.
    now_us : callable
        The server's clock.
    context : ssl.SSLContext, optional
        To serve ``wss``.
    """

    def __init__(
        self, events: list[bytes], now_us: Callable[[], int], context: ssl.SSLContext | None = None
    ) -> None:
        self.events = list(events)
        self.now_us = now_us
        self.floor = 0
        self.refused: tuple[HTTPStatus, dict[str, str], bytes] | None = None
        self.changed: Callable[[bytes], bytes] = lambda text: text
        self.asked: list[dict[str, list[str]]] = []
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: Server | None = None
        self.port = 0
        self.ordered = False
        """Whether events stand in order of their times, so that a place is found at once."""
        self.talks = 0
        """How many connections have come to the point of sending."""

    @property
    def url(self) -> str:
        return f"{'wss' if self._context else 'ws'}://localhost:{self.port}"

    def __enter__(self) -> LoopbackJetstream:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        async def begin() -> Server:
            return await serve(
                self._talk,
                "localhost",
                self.port,
                process_request=self._answer,
                ssl=self._context,
                close_timeout=0.5,
                max_size=10_000_000,
            )

        self._server = asyncio.run_coroutine_threadsafe(begin(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        async def end(server: Server) -> None:
            server.close()
            await server.wait_closed()

        if self._server is not None:
            asyncio.run_coroutine_threadsafe(end(self._server), self._loop).result()
            self._server = None

    @contextmanager
    def refusing(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Iterator[None]:
        self.refused = HTTPStatus(status), headers or {}, body
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
    def changing(self, how: Callable[[bytes], bytes]) -> Iterator[None]:
        self.changed = how
        try:
            yield
        finally:
            self.changed = lambda text: text

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.asked.append(parse_qs(urlsplit(request.path).query))
        if self.refused is None:
            return None
        status, headers, body = self.refused
        told = Headers({"Content-Length": str(len(body)), "Connection": "close", **headers})
        return Response(status.value, status.phrase, told, body)

    async def _talk(self, connection: ServerConnection) -> None:
        asked = self.asked[-1]
        wishes: dict[str, Any] = {
            "wantedCollections": asked.get("wantedCollections", []),
            "wantedDids": asked.get("wantedDids", []),
            "maxMessageSizeBytes": int(asked.get("maxMessageSizeBytes", ["0"])[0]),
        }
        if asked.get("requireHello") == ["true"]:
            hello = json.loads(await connection.recv())
            assert hello["type"] == "options_update"
            wishes = hello["payload"]
        cursor = int(asked.get("cursor", ["0"])[0])
        sent = 0
        if not 0 < cursor <= self.now_us():
            cursor, sent = 0, len(self.events)
        elif self.ordered:
            sent = bisect_left(self.events, cursor, key=lambda text: int(json.loads(text)["time_us"]))
        self.talks += 1
        try:
            while connection.state is State.OPEN:
                while sent < len(self.events):
                    text = self.events[sent]
                    sent += 1
                    if self._wanted(text, cursor, wishes):
                        # A relative of the text frame of the real server: bytes may be no text at all.
                        await connection.send(self.changed(text), text=True)
                await asyncio.sleep(0.01)
        except ConnectionClosed:
            return

    def _wanted(self, text: bytes, cursor: int, wishes: dict[str, Any]) -> bool:
        try:
            told = json.loads(text)
            time_us, did, kind = told["time_us"], told["did"], told["kind"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return True
        most = wishes.get("maxMessageSizeBytes") or 0
        if isinstance(time_us, int) and time_us < max(cursor, self.floor):
            return False
        dids, collections = wishes["wantedDids"], wishes["wantedCollections"]
        collection = told.get("commit", {}).get("collection", POST)
        return (
            (not dids or did in dids)
            and (not collections or kind != "commit" or collection in collections)
            and (not most or len(text) <= most)
        )
