"""Which machines may be spoken to: checked at the very address that is connected to.

A name is resolved once, every address it has is checked, and the connection
goes to one of those: a name that means another machine the next time it is
asked for (DNS rebinding) cannot lead inside.
"""

from __future__ import annotations

import asyncio
import ipaddress
import typing
from collections.abc import Iterable

import httpcore

from entregent.errors import PermanentError, TransientError

__all__ = ["PinnedNetwork", "is_public", "resolved"]

RESOLVE_SECONDS = 10.0
_TCP = 6
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet.

    Parameters
    ----------
    address : str
        IPv4 or IPv6.

    Returns
    -------
    bool
        False for loopback, private, link-local, multicast, reserved ones, and
        for those of IPv6 that lead to such a one of IPv4.

    Examples
    --------
    >>> [is_public(one) for one in ("8.8.8.8", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False, False]
    """
    try:
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast for one in (found, *_within(found)))


def _within(address: Address) -> Iterable[Address]:
    """Return the addresses of IPv4 that one of IPv6 leads to."""
    if not isinstance(address, ipaddress.IPv6Address):
        return ()
    inner: list[Address | None] = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        inner.append(address.ipv4_mapped)
    return [one for one in inner if one is not None]


async def resolved(host: str, port: int, *, allow_private: bool, where: str) -> list[str]:
    """Return the addresses of a machine, all of them allowed.

    Parameters
    ----------
    host : str
        Name or address.
    port : int
    allow_private : bool
        Whether machines of one's own network may be spoken to.
    where : str
        Source, for messages.

    Returns
    -------
    list of str
        In the order to try.

    Raises
    ------
    TransientError
        Where the name cannot be resolved now.
    PermanentError
        Where an address is not allowed.
    """
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, proto=_TCP)
    except (OSError, TimeoutError, UnicodeError, ValueError) as error:
        raise TransientError(
            f"The name {host!r} cannot be resolved.",
            where=where,
            do="Check its spelling, and that this machine is online.",
        ) from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    inside = [address for address in addresses if not is_public(address)]
    if inside and not allow_private:
        raise PermanentError(
            f"{host} is {inside[0]}, a machine of a private network, which is not spoken to.",
            where=where,
            do="Set allow_private = true for this source where that is meant.",
        )
    return addresses


class PinnedNetwork(httpcore.AsyncNetworkBackend):
    """Connections to addresses that were checked.

    Parameters
    ----------
    allow_private : bool
    where : str
    """

    def __init__(self, *, allow_private: bool, where: str) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._allow_private = allow_private
        self._where = where

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: typing.Iterable[typing.Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a machine that answers."""
        addresses = await resolved(host, port, allow_private=self._allow_private, where=self._where)
        for number, address in enumerate(addresses, 1):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)
