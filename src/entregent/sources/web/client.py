"""The one client of all live sources.

Time-outs, sizes and redirects are bounded, answers are sorted into those that
pass and those that do not, no cookie is kept, and no secret is told.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx
import msgspec

from entregent import __version__, clock
from entregent.errors import PermanentError, SourceError, TransientError
from entregent.sources.secret import Secret
from entregent.sources.web.addresses import PinnedNetwork
from entregent.sources.web.allowance import allowance, retry_after
from entregent.sources.web.answer import Answer, Lines
from entregent.sources.web.redaction import redacted, shown, silence

__all__ = ["USER_AGENT", "Limits", "Web"]

USER_AGENT = f"Entregent/{__version__} (self-hosted listening for communication teams)"
_MOVED = frozenset((301, 302, 303, 307, 308))
_MOVED_FOR_GOOD = frozenset((301, 308))
_TRY_AGAIN = frozenset((408, 421, 423, 425, 429))
_TOLD_KEYS = ("error_description", "message", "detail", "error", "title", "reason")
_MOST_TROUBLE = 65_536
_KEPT_ON_THE_WAY = frozenset(("accept", "accept-language", "if-none-match", "if-modified-since"))
_BROKEN = (
    httpx.HTTPError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)
_ADVICE: Mapping[int, str] = {
    401: "Check the secret of this source: it is wrong, expired or withdrawn.",
    403: "Check what the account of this secret may do, and that the server lets programs in.",
    404: "Check the address and the names in the settings of this source.",
    410: "It was removed for good: take it out of the settings.",
}


@dataclass(frozen=True)
class Limits:
    """What is waited for, and how much is taken.

    Seconds to connect, between two pieces of an answer, and for one whole
    answer; bytes of one answer (after decompression) or of one line of an
    endless one; redirects followed; connections open at once.
    """

    connect: float = 10.0
    silence: float = 30.0
    whole: float = 120.0
    most_bytes: int = 32 << 20
    redirects: int = 5
    connections: int = 20


class _Transport(httpx.AsyncBaseTransport):
    """Requests of httpx by httpcore, whose connections can be checked."""

    def __init__(self, network: PinnedNetwork, context: ssl.SSLContext, connections: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=30.0,
            network_backend=network,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._answer.aiter_stream():
            yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


class Web:
    """A client for the servers of one source; to be used in ``async with``.

    Parameters
    ----------
    where : str
        Source, for messages.
    headers : mapping, optional
        Sent with every request, to the origin first asked only: a redirect
        elsewhere does not take them along.
    secrets : iterable of Secret or str
        Never to be shown, wherever a server repeats them.
    limits : Limits
    allow_private : bool
        Whether machines of a private network may be spoken to.
    context : ssl.SSLContext, optional
        What certificates are trusted; those of the system unless told.

    Examples
    --------
    >>> async def status():
    ...     async with Web("sources.news") as web:
    ...         return (await web.get("http://127.0.0.1:9/feed")).status
    >>> asyncio.run(status())
    Traceback (most recent call last):
    entregent.errors.PermanentError: sources.news: 127.0.0.1 is 127.0.0.1, a machine of a private network, ...
    """

    def __init__(
        self,
        where: str,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[Secret | str] = (),
        limits: Limits | None = None,
        allow_private: bool = False,
        context: ssl.SSLContext | None = None,
    ) -> None:
        silence()
        self.where = where
        self.limits = limits or Limits()
        self._headers = dict(headers or {})
        self._secrets = [
            *(secret.reveal() if isinstance(secret, Secret) else secret for secret in secrets),
            *(value.split()[-1] for key, value in self._headers.items() if key.lower() == "authorization"),
        ]
        network = PinnedNetwork(allow_private=allow_private, where=where)
        self._client = httpx.AsyncClient(
            transport=_Transport(network, context or httpx.create_ssl_context(), self.limits.connections),
            headers={"User-Agent": USER_AGENT},
            timeout=httpx.Timeout(self.limits.silence, connect=self.limits.connect, pool=None),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    async def __aenter__(self) -> Web:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(
        self,
        address: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Ask for something, see :meth:`request`."""
        return await self.request("GET", address, params, headers=headers, accept=accept)

    async def post(
        self,
        address: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Send something, see :meth:`request`."""
        return await self.request("POST", address, json=json, form=form, headers=headers, accept=accept)

    async def request(
        self,
        method: str,
        address: str,
        params: Mapping[str, Any] | None = None,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Answer:
        """Send one request and return the whole answer.

        Parameters
        ----------
        method : str
        address : str
            ``http`` or ``https``.
        params : mapping, optional
            Of the query; values of None are left out.
        json, form : object, optional
            What is sent; bytes are JSON already, and are sent as they are.
        headers : mapping, optional
            Sent beside those of the client, to this origin only.
        accept : collection of int
            Statuses of 300 and above that the caller reads itself, such as 304.

        Returns
        -------
        Answer

        Raises
        ------
        TransientError
            For no connection, a time-out, 429 or 5xx, or an answer without
            end; `retry_after` where the server says it.
        PermanentError
            For other statuses from 400, an address that is not allowed, a
            certificate that is not valid.
        """
        try:
            async with (
                asyncio.timeout(self.limits.whole),
                self._opened(method, address, params, json, form, headers, accept) as (response, answer),
            ):
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > self.limits.most_bytes:
                        raise TransientError(
                            f"{shown(answer.address)} answers with more than {self.limits.most_bytes} bytes.",
                            where=self.where,
                        )
                return replace(answer, body=bytes(body))
        except (*_BROKEN, TimeoutError) as error:
            raise self._failed(error, address) from error

    @asynccontextmanager
    async def lines(
        self,
        address: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
    ) -> AsyncIterator[Lines]:
        """Ask for an answer that never ends, and read it line by line.

        Parameters
        ----------
        address : str
        params : mapping, optional
        headers : mapping, optional
        silence : float, optional
            Seconds without a byte after which the connection is taken for dead.

        Yields
        ------
        Lines

        Raises
        ------
        TransientError, PermanentError
            As :meth:`request`, also while it is read.
        """
        try:
            async with self._opened("GET", address, params, None, None, headers, (), silence) as (
                response,
                answer,
            ):
                yield Lines(answer, response.aiter_bytes, self.limits.most_bytes)
        except _BROKEN as error:
            raise self._failed(error, address) from error

    @asynccontextmanager
    async def _opened(
        self,
        method: str,
        address: str,
        params: Mapping[str, Any] | None,
        json: Any,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        accept: Collection[int],
        silence: float | None = None,
    ) -> AsyncIterator[tuple[httpx.Response, Answer]]:
        """Follow redirects to an answer that is good, its body not yet read."""
        wanted = {**self._headers, **(headers or {})}
        query = {key: value for key, value in (params or {}).items() if value is not None}
        here, lasting = address, True
        for _ in range(self.limits.redirects + 1):
            request = self._request(method, here, query, json, form, wanted, silence)
            response = await self._client.send(request, stream=True)
            try:
                target = response.headers.get("location")
                if response.status_code not in _MOVED or response.status_code in accept or not target:
                    moved = here if lasting and here != address else None
                    answer = self._answer(response, here, moved)
                    if not response.is_success and response.status_code not in accept:
                        raise await self._refused(response, answer)
                    yield response, answer
                    return
            finally:
                await response.aclose()
            lasting = lasting and response.status_code in _MOVED_FOR_GOOD
            there = self._target(here, target)
            if _origin(there) != _origin(here):
                if method != "GET":
                    raise PermanentError(
                        f"{shown(here)} sends what it is sent on to {shown(there)}.",
                        where=self.where,
                        do="Set the address of that server where you trust it.",
                    )
                wanted = {key: value for key, value in wanted.items() if key.lower() in _KEPT_ON_THE_WAY}
            if method != "GET" and response.status_code not in (307, 308):
                method, json, form = "GET", None, None
            here, query = there, {}
        raise TransientError(
            f"{shown(address)} redirects more than {self.limits.redirects} times.", where=self.where
        )

    def _request(
        self,
        method: str,
        address: str,
        query: Mapping[str, Any],
        json: Any,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str],
        silence: float | None,
    ) -> httpx.Request:
        try:
            parts = urlsplit(address)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname)
            if valid and not parts.username and not parts.password:
                return self._client.build_request(
                    method,
                    address,
                    params=query or None,
                    json=None if isinstance(json, bytes) else json,
                    content=json if isinstance(json, bytes) else None,
                    data=form,
                    headers=headers,
                    timeout=httpx.Timeout(
                        silence or self.limits.silence, connect=self.limits.connect, pool=None
                    ),
                )
        except (httpx.InvalidURL, ValueError):
            valid = False
        what = "holds a name and a password" if valid else "is no address of the web"
        raise PermanentError(
            f"{shown(address)!r} {what}.", where=self.where, valid=("https://example.org/path",)
        )

    def _target(self, here: str, target: str) -> str:
        try:
            return urljoin(here, target)
        except ValueError as error:
            raise TransientError(f"{shown(here)} redirects to no address.", where=self.where) from error

    def _answer(self, response: httpx.Response, address: str, moved_to: str | None) -> Answer:
        return Answer(
            status=response.status_code,
            headers=response.headers,
            body=b"",
            address=address,
            where=self.where,
            moved_to=moved_to,
            allowance=allowance(response.headers, clock.now()),
        )

    async def _refused(self, response: httpx.Response, answer: Answer) -> SourceError:
        """Return the error that a status is."""
        status = answer.status
        said = await self._said(response)
        what = f"{shown(answer.address)} answered {status} {response.reason_phrase}".rstrip() + said
        if status < 400 or status >= 500 or status in _TRY_AGAIN:
            return TransientError(
                what, where=self.where, retry_after=retry_after(response.headers, clock.now())
            )
        return PermanentError(
            what, where=self.where, do=_ADVICE.get(status, "Check the settings of this source.")
        )

    async def _said(self, response: httpx.Response) -> str:
        """Return the reason that a server gives with a status, in its own words."""
        body = b""
        try:
            async with asyncio.timeout(self.limits.connect):
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _MOST_TROUBLE:
                        return "."
        except (*_BROKEN, TimeoutError):
            return "."
        said = _reason(body)
        return f": {redacted(said, self._secrets).rstrip('.')}." if said else "."

    def _failed(self, error: Exception, address: str) -> SourceError:
        """Return the error that a broken connection is."""
        if isinstance(error, httpcore.LocalProtocolError | httpx.LocalProtocolError):
            # Its words hold the header, and with it the secret.
            return PermanentError(
                "What would be sent is no valid request.",
                where=self.where,
                do="Check that the secret of this source is one line of plain letters.",
            )
        host = urlsplit(address).hostname
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return PermanentError(
                    f"The certificate of {host} is not valid: {redacted(cause.verify_message)}.",
                    where=self.where,
                    do="Check the address, and the clock of this machine.",
                )
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, TimeoutError):
            what = f"{shown(address)} did not end its answer within {self.limits.whole:g} s."
        elif isinstance(error, httpcore.TimeoutException | httpx.TimeoutException):
            what = f"{shown(address)} does not answer."
        else:
            detail = redacted(str(error), self._secrets) or type(error).__name__
            what = f"The connection to {shown(address)} failed: {detail.rstrip('.')}."
        return TransientError(what, where=self.where)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    try:
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return parts.scheme, parts.hostname, None


def _reason(body: bytes) -> str:
    """Return what a body says went wrong, as the usual interfaces say it."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    while isinstance(found, dict):
        errors = found.get("errors")
        inner = next((found[key] for key in _TOLD_KEYS if isinstance(found.get(key), str | dict)), None)
        found = errors[0] if inner is None and isinstance(errors, list) and errors else inner
    return found if isinstance(found, str) else ""
