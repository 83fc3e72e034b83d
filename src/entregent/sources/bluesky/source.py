"""Bluesky as it happens: the source of kind ``bluesky``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from entregent.clock import now as clock_now
from entregent.errors import SourceError, TransientError
from entregent.records import Gap
from entregent.sources.base import Batch
from entregent.sources.bluesky.events import Mapper
from entregent.sources.bluesky.firehose import FirehoseWire
from entregent.sources.bluesky.jetstream import JetstreamWire
from entregent.sources.bluesky.jetstream2 import NumberedJetstreamWire
from entregent.sources.bluesky.place import Place
from entregent.sources.bluesky.settings import BlueskySettings, read_settings
from entregent.sources.bluesky.stream import Refused, TooLarge, messages, opened
from entregent.sources.bluesky.wire import Heard, Wire
from entregent.sources.bluesky.xrpc import Xrpc
from entregent.sources.live import gathered
from entregent.sources.web import Web

__all__ = ["Bluesky", "BlueskySettings", "open_source"]

ALIVE_SECONDS = 10.0
_WIRES: Mapping[str, Callable[[str, BlueskySettings, Place | None, datetime], Wire]] = {
    "jetstream": JetstreamWire,
    "jetstream2": NumberedJetstreamWire,
    "firehose": FirehoseWire,
}


class Bluesky:
    """A stream of the network as a live source.

    Parameters
    ----------
    name : str
    settings : BlueskySettings
    now : callable, optional
        The clock.

    Notes
    -----
    What comes twice after a stream was opened anew is known by its ids, which
    hold author, collection and key; an edit is a later version of its post, a
    deletion a tombstone.
    """

    network = "bluesky"

    def __init__(
        self, name: str, settings: BlueskySettings, *, now: Callable[[], datetime] = clock_now
    ) -> None:
        self.name = name
        self.settings = settings
        self._now = now
        self._too_large = 0

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what happens, see :class:`entregent.sources.live.LiveSource`."""
        moment = self._now()
        place = Place.read(cursor, self.name)
        if place is not None and place.stream != self.settings.stream:
            # The numbers of one stream mean nothing to the other.
            gap = Gap(self.name, place.heard, moment, "OtherStream")
            place = None
        else:
            gap = None
        # Only addresses that stand in the settings are asked, so a private one is meant.
        async with Web(self.name, allow_private=True) as web:
            settings = await self._resolved(web)
            wire = _WIRES[settings.stream](self.name, settings, place, moment)
            await wire.prepare(web)
        try:
            connection = await opened(
                wire.url(),
                most_bytes=self.settings.longest,
                where=self.name,
                subprotocol=wire.subprotocol,
                deflate=wire.deflate,
            )
        except Refused as error:
            heard = wire.refused(error.error, moment)
            if heard is None or heard.trouble is None:
                raise
            yield _batch(Batch(), wire, heard)
            raise heard.trouble from error
        mapper = Mapper(self.name, self.settings.keep_raw_days, moment)
        try:
            hello = wire.hello()
            if hello is not None:
                await connection.send(hello)
            yield Batch(cursor=_written(wire), gaps=() if gap is None else (gap,))
            async with aclosing(self._heard(wire, connection, mapper)) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    yield batch
        finally:
            mapper.close()
            await connection.close()

    async def _resolved(self, web: Web) -> BlueskySettings:
        """Return the settings with the lasting id in the place of each handle, which may change hands."""
        xrpc = Xrpc(web, self._now)
        server = self.settings.appview.rstrip("/")
        dids = [await xrpc.did(account, server) for account in self.settings.accounts]
        return msgspec.structs.replace(self.settings, accounts=dids)

    async def _heard(self, wire: Wire, connection: ClientConnection, mapper: Mapper) -> AsyncIterator[Batch]:
        loop = asyncio.get_running_loop()
        spoke = alive = loop.time()
        try:
            async with aclosing(gathered(messages(connection, self.name))) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    if piece:
                        spoke = alive = loop.time()
                        batch, trouble = await asyncio.to_thread(self._batch, wire, mapper, piece)
                        yield batch
                        self._too_large = 0
                        if trouble is not None:
                            raise trouble
                        continue
                    patience = self.settings.patience
                    if patience and loop.time() - spoke > patience:
                        raise TransientError(f"Nothing came for {patience:.0f} s.", where=self.name)
                    if loop.time() - alive > ALIVE_SECONDS:
                        alive = loop.time()
                        if await _answers(connection):
                            yield Batch()
        except TooLarge:
            self._too_large += 1
            yield _batch(Batch(), wire, wire.skip(self._too_large, self._now()))
            raise

    def _batch(self, wire: Wire, mapper: Mapper, piece: list[bytes]) -> tuple[Batch, SourceError | None]:
        moment = self._now()
        heard = wire.hear(piece, moment)
        return _batch(mapper.batch(heard.events, moment), wire, heard), heard.trouble


def _batch(batch: Batch, wire: Wire, heard: Heard) -> Batch:
    notices = (*batch.notices, *heard.notices)
    return replace(batch, cursor=_written(wire), notices=notices, gaps=heard.gaps)


def _written(wire: Wire) -> str | None:
    return None if wire.place is None else wire.place.written()


async def _answers(connection: ClientConnection) -> bool:
    """Whether a server answers that has nothing to say; one that is gone ends the messages."""
    try:
        async with asyncio.timeout(ALIVE_SECONDS):
            await (await connection.ping())
    except (TimeoutError, ConnectionClosed):
        return False
    return True


def open_source(name: str, table: Mapping[str, Any], where: str) -> Bluesky:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`BlueskySettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    Bluesky

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    return Bluesky(name, read_settings(table, where))
