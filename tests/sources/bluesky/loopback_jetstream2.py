"""A small Jetstream of the second protocol on loopback, with or without a dictionary.

It follows the lexicons ``network.bsky.jetstream.*``.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

import zstandard
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from sources.bluesky.loopback_jetstream import LoopbackJetstream

NAME = "network.bsky.jetstream.subscribeEvents"


def numbered(number: int, event: bytes) -> bytes:
    """Return an event of the first protocol as a frame of the second, with its number."""
    told = json.loads(event)
    micros = told["time_us"]
    time = f"2024-05-01T08:{micros // 60_000_000 % 60:02d}:{micros // 1_000_000 % 60:02d}.000000Z"
    payload = {"$type": f"{NAME}#{told['kind']}", "seq": number, "did": told["did"], "time": time}
    payload |= told["commit"] if told["kind"] == "commit" else {told["kind"]: told[told["kind"]]}
    return json.dumps({"$type": "message", "payload": payload}).encode()


def info(name: str) -> bytes:
    return json.dumps({"$type": "message", "payload": {"$type": f"{NAME}#info", "name": name}}).encode()


class LoopbackJetstream2(LoopbackJetstream):
    """Serves `events` with the numbers from `first` on."""

    first = 1
    """Number of the first event that there is."""
    dictionary: bytes | None = None

    def start(self) -> None:
        async def begin() -> Server:
            return await serve(
                self._talk,
                "localhost",
                self.port,
                process_request=self._answer,
                subprotocols=[Subprotocol("xrpc.v1.json")],
                close_timeout=0.5,
            )

        self._server = asyncio.run_coroutine_threadsafe(begin(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]

    def teach(self) -> None:
        """Make a dictionary of the events that there are."""
        samples = [numbered(number, text) for number, text in enumerate(self.events * 50)]
        self.dictionary = zstandard.train_dictionary(4096, samples).as_bytes()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if "getZstdDictionary" in request.path:
            if self.dictionary is None:
                return _response(404, b'{"error":"MethodNotImplemented"}')
            return _response(200, self.dictionary)
        found = super()._answer(connection, request)
        if found is not None:
            return found
        cursor = int(self.asked[-1].get("cursor", ["0"])[0])
        if cursor < self.first - 1:
            return _response(400, b'{"error":"CursorTooOld","message":"the floor is higher"}')
        offered = request.headers.get("Sec-WebSocket-Extensions", "")
        if "zstdDictionary" in self.asked[-1] and "deflate" in offered:
            return _response(400, b'{"error":"InvalidRequest","message":"choose one compression"}')
        return None

    async def _talk(self, connection: ServerConnection) -> None:
        asked: dict[str, Any] = self.asked[-1]
        cursor = int(asked["cursor"][0])
        packed = "zstdDictionary" in asked
        packer = zstandard.ZstdCompressor(
            dict_data=zstandard.ZstdCompressionDict(self.dictionary) if packed and self.dictionary else None
        )

        async def send(frame: bytes) -> None:
            frame = self.changed(frame)
            await connection.send(packer.compress(frame) if packed else frame, text=not packed)

        assert connection.subprotocol == "xrpc.v1.json"
        sent = max(0, cursor - self.first)
        if cursor >= 10**15:
            sent = 0
            if cursor < self.floor:
                await send(info("OutdatedCursor"))
        elif cursor > self.first + len(self.events):
            await send(info("FutureCursor"))
            sent = len(self.events)
        self.talks += 1
        try:
            while connection.state is State.OPEN:
                while sent < len(self.events):
                    text, number = self.events[sent], self.first + sent
                    sent += 1
                    try:
                        frame = numbered(number, text)
                    except (ValueError, TypeError, KeyError):
                        frame = text
                    await send(frame)
                await asyncio.sleep(0.01)
        except ConnectionClosed:
            return


def _response(status: int, body: bytes) -> Response:
    told = Headers({"Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, HTTPStatus(status).phrase, told, body)
