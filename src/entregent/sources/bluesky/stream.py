"""One websocket: opening it, its messages, and what its failures mean."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.typing import Subprotocol

from entregent.errors import PermanentError, SourceError, TransientError

__all__ = ["Refused", "TooLarge", "messages", "opened", "refusal"]

OPEN_SECONDS = 20.0
PING_SECONDS = 20.0
CLOSE_SECONDS = 2.0
MOST_QUEUED = 64
_TOO_LARGE = 1009
_POLICY = 1008
_MISUSE = (400, 401, 402, 403, 404, 405, 406, 410, 451)


class Refused(PermanentError):
    """A server refuses to open a stream, and names the error."""

    error = ""


class TooLarge(TransientError):
    """A message is longer than what is read in one piece."""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; a date is left to our own waits."""
    text = headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() else None


def refusal(error: BaseException, where: str) -> SourceError | None:
    """Return what a failure to open a websocket means; None where it is no such failure.

    Parameters
    ----------
    error : BaseException
    where : str
        Name of the source and its server.

    Returns
    -------
    SourceError or None

    Examples
    --------
    >>> refusal(ConnectionRefusedError(111, "Connection refused"), "bluesky")
    TransientError('The server cannot be reached: Connection refused.')
    """
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        said = _said(error.response.body)
        if status in _MISUSE:
            refused = Refused(
                f"The server refuses with status {status}{said}.",
                where=where,
                do="Check server, accounts and collections of this source.",
            )
            refused.error = _named(error.response.body)
            return refused
        return TransientError(
            f"The server answers with status {status}{said} in place of a stream.",
            where=where,
            retry_after=_retry_after(error.response.headers),
        )
    if isinstance(error, InvalidURI):
        return PermanentError(
            f"The address of the server is none of a stream: {error}.", where=where, valid=("wss://...",)
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return PermanentError(
            f"The server's certificate is not trusted: {error.verify_message}.",
            where=where,
            do="Check the address, the clock of this machine and its certificates.",
        )
    if isinstance(error, InvalidMessage):
        return TransientError("The server's answer is none of HTTP.", where=where)
    if isinstance(error, InvalidHandshake | WebSocketException):
        return TransientError(f"The server did not open a stream: {error}.", where=where)
    if isinstance(error, TimeoutError):
        return TransientError(f"The server did not answer within {OPEN_SECONDS:.0f} s.", where=where)
    if isinstance(error, OSError):
        return TransientError(f"The server cannot be reached: {error.strerror or error}.", where=where)
    return None


class _Error(msgspec.Struct):
    error: str = ""


def _named(body: bytes | bytearray | None) -> str:
    try:
        return msgspec.json.decode(body or b"", type=_Error).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _said(body: bytes | bytearray | None) -> str:
    text = (body or b"")[:200].decode("utf-8", "replace").strip()
    return "" if not text or text.startswith("<") else f" ({' '.join(text.split())})"


async def opened(
    url: str, *, most_bytes: int, where: str, subprotocol: str | None = None, deflate: bool = True
) -> ClientConnection:
    """Open a websocket.

    Parameters
    ----------
    url : str
    most_bytes : int
        A longer message ends the connection, see :class:`TooLarge`.
    where : str
        For messages.
    subprotocol : str, optional
        What it is asked to speak.
    deflate : bool
        Whether compression is offered.

    Returns
    -------
    ClientConnection
        Whoever is slow to read slows the server down: few messages wait here.

    Raises
    ------
    TransientError, PermanentError
        See :func:`refusal`.
    """
    try:
        return await connect(
            url,
            subprotocols=None if subprotocol is None else [Subprotocol(subprotocol)],
            compression="deflate" if deflate else None,
            max_size=most_bytes,
            max_queue=MOST_QUEUED,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            close_timeout=CLOSE_SECONDS,
            user_agent_header="Entregent",
        )
    except (OSError, WebSocketException, ValueError) as error:
        told = refusal(error, where)
        if told is None:
            raise
        raise told from error


async def messages(connection: ClientConnection, where: str) -> AsyncIterator[bytes]:
    """Yield messages as bytes, text not decoded, until the connection ends.

    Raises
    ------
    TooLarge
        Where a message was longer than allowed.
    TransientError, PermanentError
        When the connection has ended, however it did.
    """
    while True:
        try:
            yield await connection.recv(decode=False)
        except ConnectionClosed as error:
            raise _closed(error, where) from error


def _closed(error: ConnectionClosed, where: str) -> SourceError:
    if error.sent is not None and error.sent.code == _TOO_LARGE and not error.rcvd_then_sent:
        return TooLarge("A message was longer than is read.", where=where)
    if error.rcvd is not None:
        why = f" ({error.rcvd.code}{' ' if error.rcvd.reason else ''}{error.rcvd.reason})"
        if error.rcvd.code == _POLICY:
            return PermanentError(
                f"The server ended the stream: what was asked for is not allowed{why}.",
                where=where,
                do="Check accounts and collections of this source.",
            )
        return TransientError(f"The server ended the stream{why}.", where=where)
    if error.sent is not None:
        return TransientError(f"The stream broke: {error.sent.reason or error.sent.code}.", where=where)
    return TransientError("The stream broke off.", where=where)
