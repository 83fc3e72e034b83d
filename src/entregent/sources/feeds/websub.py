"""WebSub: feeds that send what is new by themselves, through a hub.

Polling goes on beside it, rarely: a hub that forgets us costs time, no entry.

References
----------
Genestoux, J. & Parecki, A. (2018). WebSub. W3C Recommendation.
https://www.w3.org/TR/websub/
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import h11

from entregent.errors import ConfigError

__all__ = ["Answering", "Delivery", "Reply", "Request", "is_signed", "received", "secret_of", "token_of"]

MOST_WAITING = 100
SECONDS = 30.0
_WAYS = frozenset(("sha1", "sha256", "sha384", "sha512"))


def token_of(secret: str, topic: str) -> str:
    """Return the last part of the address at which a topic is taken: nobody else can tell it.

    Parameters
    ----------
    secret : str
    topic : str

    Returns
    -------
    str

    Examples
    --------
    >>> token_of("s", "https://a.example/feed") == token_of("s", "https://b.example/feed")
    False
    """
    return hmac.new(secret.encode(), f"token {topic}".encode(), hashlib.sha256).hexdigest()[:32]


def secret_of(secret: str, topic: str) -> str:
    """Return the secret that a hub signs with: one for each topic, so that no hub can speak for another.

    Parameters
    ----------
    secret : str
    topic : str

    Returns
    -------
    str
    """
    return hmac.new(secret.encode(), f"secret {topic}".encode(), hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Tell whether a hub that knows the secret sent a body.

    Parameters
    ----------
    body : bytes
    signature : str
        The header ``X-Hub-Signature``.
    secret : str

    Returns
    -------
    bool

    Examples
    --------
    >>> told = hmac.new(b"s", b"body", "sha256").hexdigest()
    >>> is_signed(b"body", f"sha256={told}", "s"), is_signed(b"b0dy", f"sha256={told}", "s")
    (True, False)
    """
    way, _, told = signature.strip().partition("=")
    if way not in _WAYS:
        return False
    expected = hmac.new(secret.encode(), body, way).hexdigest()
    return hmac.compare_digest(expected.encode(), told.strip().lower().encode("utf-8", "replace"))


@dataclass(frozen=True)
class Request:
    """What came in: headers with names in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    status: int
    body: bytes = b""


@dataclass(frozen=True)
class Delivery:
    """What a hub sent for a feed; `kept` is set once it is."""

    address: str
    topic: str
    content_type: str
    body: bytes = field(repr=False)
    kept: asyncio.Future[bool] = field(repr=False)


class Answering:
    """Something that answers requests."""

    async def answer(self, request: Request) -> Reply:
        """Return the reply to a request."""
        raise NotImplementedError


@asynccontextmanager
async def received(listen: str, answering: Answering, *, most_bytes: int, where: str) -> AsyncIterator[int]:
    """Take requests of hubs while the context is open.

    Parameters
    ----------
    listen : str
        ``HOST:PORT``.
    answering : Answering
    most_bytes : int
        Longest body.
    where : str
        Source, for messages.

    Yields
    ------
    int
        The port.

    Raises
    ------
    ConfigError
        Where nothing can be taken at that place.
    """
    host, _, port = listen.rpartition(":")
    waiting: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            waiting.add(task)
        try:
            if len(waiting) <= MOST_WAITING:
                async with asyncio.timeout(SECONDS):
                    await _served(reader, writer, answering, most_bytes)
        except (TimeoutError, OSError, h11.ProtocolError):
            # Whoever it was hangs up or does not speak the protocol: nothing was taken.
            writer.transport.abort()
        finally:
            writer.close()
            if task is not None:
                waiting.discard(task)

    try:
        server = await asyncio.start_server(connected, host.strip("[]"), int(port))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"listen is {listen!r}, where nothing can be taken: {error}.",
            where=where,
            do="Choose a free port.",
        ) from error
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(waiting):
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _served(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answering: Answering, most_bytes: int
) -> None:
    connection = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most_bytes:
                await _send(connection, writer, Reply(413))
                return
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            parts = urlsplit(head.target.decode("ascii", "replace"))
            query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in head.headers}
            request = Request(head.method.decode("ascii"), parts.path, query, headers, bytes(body))
            await _send(connection, writer, await answering.answer(request))
            return
        else:
            return


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, reply: Reply) -> None:
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(reply.body))),
        ("Connection", "close"),
    ]
    events = (h11.Response(status_code=reply.status, headers=headers), h11.Data(data=reply.body))
    for event in (*events, h11.EndOfMessage()):
        data = connection.send(event)
        if data:
            writer.write(data)
    await writer.drain()
