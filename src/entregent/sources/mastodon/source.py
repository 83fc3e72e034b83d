"""Timelines of a server of Mastodon, or of one that speaks as it does: the source of kind ``mastodon``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from entregent.clock import now as clock_now
from entregent.errors import PermanentError
from entregent.sources.base import Batch
from entregent.sources.live import gathered
from entregent.sources.mastodon.place import Place, read_cursor, written_cursor
from entregent.sources.mastodon.reading import Piece, Reader
from entregent.sources.mastodon.settings import MastodonSettings, read_settings, timeline
from entregent.sources.mastodon.statuses import Statuses
from entregent.sources.secret import Secret, secret
from entregent.sources.web import Limits, Web
from entregent.sources.web.paced import Paced

__all__ = ["Mastodon", "MastodonSettings", "open_source"]

ALIVE_SECONDS = 10.0
MOST_WAITING = 100


class _Urls(msgspec.Struct):
    streaming: str = ""


class _Configuration(msgspec.Struct):
    urls: _Urls = msgspec.field(default_factory=_Urls)


class _Instance(msgspec.Struct):
    configuration: _Configuration = msgspec.field(default_factory=_Configuration)


class Mastodon:
    """Timelines of one server as a live source.

    Parameters
    ----------
    name : str
    settings : MastodonSettings
    token : Secret or None
    now : callable, optional
        The clock.

    Notes
    -----
    A stream is opened first and the past read beside it, so that nothing falls
    between the two; what comes twice is known by its address. An edit is a
    later version of its post, a deletion a tombstone.
    """

    network = "fediverse"

    def __init__(
        self,
        name: str,
        settings: MastodonSettings,
        token: Secret | None = None,
        *,
        now: Callable[[], datetime] = clock_now,
    ) -> None:
        self.name = name
        self.settings = settings
        self._token = token
        self._now = now

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what the timelines bring, see :class:`entregent.sources.live.LiveSource`."""
        places = read_cursor(cursor, self.name)
        headers = {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}
        statuses = Statuses(self.name, self.settings.keep_raw_days, self._now())
        limits = Limits(connections=20 + len(self.settings.timelines))
        loop = asyncio.get_running_loop()
        try:
            async with Web(
                self.name, headers=headers, limits=limits, allow_private=self.settings.allow_private
            ) as web:
                pieces = gathered(self._pieces(web, places))
                alive = loop.time()
                async with aclosing(pieces):  # type: ignore[type-var]
                    async for found in pieces:
                        told = [piece for piece in found if piece.statuses or piece.deleted or piece.place]
                        told += [piece for piece in found if piece.notices]
                        if not told and not (found and loop.time() - alive > ALIVE_SECONDS):
                            continue
                        alive = loop.time()
                        yield await asyncio.to_thread(self._batch, statuses, found, places)
        finally:
            statuses.close()

    def _batch(self, statuses: Statuses, pieces: list[Piece], places: dict[str, Place]) -> Batch:
        for piece in pieces:
            if piece.place is not None:
                places[piece.timeline] = piece.place
        batch = statuses.batch(
            [status for piece in pieces for status in piece.statuses],
            [number for piece in pieces for number in piece.deleted],
            self._now(),
        )
        return replace(
            batch,
            cursor=written_cursor(places),
            gaps=tuple(gap for piece in pieces for gap in piece.gaps),
            notices=(*batch.notices, *(notice for piece in pieces for notice in piece.notices)),
        )

    async def _pieces(self, web: Web, places: Mapping[str, Place]) -> AsyncIterator[Piece]:
        paced = Paced(web, self._now)
        streams = await self._streaming_server(web) if self.settings.stream else ""
        queue: asyncio.Queue[Piece] = asyncio.Queue(MOST_WAITING)
        running = []
        for name in self.settings.timelines:
            told, place = timeline(name), places.get(name)
            if told is None:
                raise PermanentError(f"There is no timeline {name!r}.", where=self.name)
            reader = Reader(web, paced, told, self.settings, streams, place, self.name, self._now)
            running.append(asyncio.create_task(reader.run(queue.put)))
        try:
            while True:
                getting = asyncio.create_task(queue.get())
                try:
                    await asyncio.wait({getting, *running}, return_when=asyncio.FIRST_COMPLETED)
                    if getting.done():
                        yield getting.result()
                        continue
                finally:
                    getting.cancel()
                for task in running:
                    if task.done():
                        # What came before a reader failed was yielded already: the queue is empty.
                        task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _streaming_server(self, web: Web) -> str:
        """Return where a server streams: often another machine."""
        try:
            answer = await web.get(f"{self.settings.server}/api/v2/instance", accept=(404,))
        except PermanentError:
            # A server may keep this to its members, and stream all the same.
            return self.settings.server
        if answer.status == 404:
            return self.settings.server
        told = answer.json(_Instance).configuration.urls.streaming
        if not told.startswith(("wss://", "ws://", "https://", "http://")):
            return self.settings.server
        return told.replace("wss://", "https://", 1).replace("ws://", "http://", 1).rstrip("/")


def open_source(name: str, table: Mapping[str, Any], where: str) -> Mastodon:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`MastodonSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    Mastodon

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = read_settings(table, where)
    token = None if told.token is None else secret(told.token, where=f"{where}.token")
    return Mastodon(name, told, token)
