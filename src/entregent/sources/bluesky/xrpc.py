"""Questions to servers of the network, by HTTP, no faster than they allow.

https://atproto.com/specs/xrpc
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from entregent.errors import PermanentError
from entregent.sources.web import Web

__all__ = ["Xrpc"]

Shape = TypeVar("Shape")


class _Service(msgspec.Struct):
    id: str = ""
    serviceEndpoint: Any = None


class _Identity(msgspec.Struct):
    service: list[_Service] = []


class _Resolved(msgspec.Struct):
    did: str


class Xrpc:
    """A client of several servers.

    Parameters
    ----------
    web : Web
    now : callable
        The clock.
    """

    def __init__(self, web: Web, now: Callable[[], datetime]) -> None:
        self._web = web
        self._now = now
        self._free_at: dict[str, float] = {}

    async def ask(
        self, server: str, method: str, shape: type[Shape], **params: str | int | Sequence[str] | None
    ) -> Shape:
        """Ask a server one question; where it said that no more may be asked, wait first.

        Parameters
        ----------
        server : str
            ``https://...``
        method : str
            Name of the lexicon, such as ``app.bsky.feed.searchPosts``.
        shape : type
            Of the answer.
        **params
            Those of None are left out.

        Returns
        -------
        object
            Of the type `shape`.

        Raises
        ------
        TransientError, PermanentError
            See :meth:`entregent.sources.web.Web.request`.
        """
        return await self._get(server, f"{server}/xrpc/{method}", shape, params)

    async def _get(self, server: str, address: str, shape: type[Shape], params: dict[str, Any]) -> Shape:
        loop = asyncio.get_running_loop()
        wait = self._free_at.get(server, 0.0) - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        answer = await self._web.get(address, params)
        if answer.allowance is not None:
            self._free_at[server] = loop.time() + answer.allowance.wait(self._now())
        return answer.json(shape)

    async def did(self, account: str, appview: str) -> str:
        """Return the lasting id of an account that is named by its handle or by that id."""
        if account.startswith("did:"):
            return account
        method = "com.atproto.identity.resolveHandle"
        return (await self.ask(appview, method, _Resolved, handle=account)).did

    async def home(self, did: str, identities: str) -> str:
        """Return the server that keeps what an account publishes.

        Raises
        ------
        PermanentError
            Where its identity names none.
        """
        if did.startswith("did:web:"):
            server = f"https://{did.removeprefix('did:web:').replace('%3A', ':')}"
            address = f"{server}/.well-known/did.json"
        else:
            server, address = identities, f"{identities}/{did}"
        identity = await self._get(server, address, _Identity, {})
        for service in identity.service:
            if service.id.endswith("#atproto_pds") and isinstance(service.serviceEndpoint, str):
                return service.serviceEndpoint.rstrip("/")
        raise PermanentError(f"The identity of {did} names no server.", where=self._web.where)
