"""Posts found by words: the source of kind ``bluesky-search``.

A search is read from the newest post back to where the last one began; a look
that was interrupted goes on at its page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from entregent.clock import from_micros, to_micros
from entregent.clock import now as clock_now
from entregent.errors import ConfigError, PermanentError
from entregent.sources import registry
from entregent.sources.base import Batch
from entregent.sources.bluesky.events import Mapper
from entregent.sources.bluesky.views import event_of, moment_of, people, post_counts
from entregent.sources.bluesky.xrpc import Xrpc
from entregent.sources.web import Web

__all__ = ["BlueskySearchSettings", "Search", "open_source"]

PAGE = 100
MOST_QUERIES = 100
OVERLAP = timedelta(minutes=10)


class BlueskySearchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``bluesky-search``.

    Parameters
    ----------
    queries : list of str
        As one types them into the search of Bluesky.
    days : float
        How far back the first look goes.
    every_minutes : float
        How often it is looked again.
    server : str
        That searches.
    allow_private : bool
        Whether a server of a private network may be asked.
    keep_raw_days : int
        Days to keep records as they came; 0 keeps none.
    """

    queries: list[str]
    days: float = 7.0
    every_minutes: float = 15.0
    server: str = "https://api.bsky.app"
    allow_private: bool = False
    keep_raw_days: int = 0


class _Found(msgspec.Struct):
    posts: list[dict[str, Any]]
    cursor: str | None = None


class _Look(msgspec.Struct, forbid_unknown_fields=True):
    """How far one query is read: all before `done` is, in microseconds; a look under way began at `began`."""

    done: int | None = None
    began: int | None = None
    page: str | None = None


class Search:
    """Searches as a live source.

    Parameters
    ----------
    name : str
    settings : BlueskySearchSettings
    now : callable, optional
        The clock.

    Notes
    -----
    A server indexes a post some time after it was published: every look goes
    back ten minutes behind the last one.
    """

    network = "bluesky"

    def __init__(
        self, name: str, settings: BlueskySearchSettings, *, now: Callable[[], datetime] = clock_now
    ) -> None:
        self.name = name
        self.settings = settings
        self._now = now

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what is found, see :class:`entregent.sources.live.LiveSource`."""
        looks = _read(cursor, self.name)
        mapper = Mapper(self.name, self.settings.keep_raw_days, self._now())
        try:
            async with Web(self.name, allow_private=self.settings.allow_private) as web:
                xrpc = Xrpc(web, self._now)
                while True:
                    for query in self.settings.queries:
                        look = looks.setdefault(query, _Look())
                        async for batch in self._look(xrpc, mapper, query, look):
                            yield replace(batch, cursor=msgspec.json.encode(looks).decode())
                    await asyncio.sleep(60 * self.settings.every_minutes)
        finally:
            mapper.close()

    async def _look(self, xrpc: Xrpc, mapper: Mapper, query: str, look: _Look) -> AsyncIterator[Batch]:
        if look.began is None:
            look.began, look.page = to_micros(self._now()), None
        earliest = from_micros(look.began) - timedelta(days=self.settings.days)
        since = earliest if look.done is None else from_micros(look.done) - OVERLAP
        while look.began is not None:
            moment = self._now()
            try:
                found = await xrpc.ask(
                    self.settings.server,
                    "app.bsky.feed.searchPosts",
                    _Found,
                    q=query,
                    sort="latest",
                    limit=PAGE,
                    since=f"{since:%Y-%m-%dT%H:%M:%SZ}",
                    cursor=look.page,
                )
            except PermanentError:
                if look.page is None:
                    raise
                # A page of an older look may be no longer known.
                look.page = None
                continue
            indexed = [moment_of(view.get("indexedAt"), moment) for view in found.posts]
            oldest = min((one for one in indexed if one is not None), default=None)
            over = not found.posts or not found.cursor or found.cursor == look.page
            if over or (oldest is not None and oldest < since):
                look.done, look.began, look.page = look.began, None, None
            else:
                look.page = found.cursor
            yield await asyncio.to_thread(_batch, mapper, found.posts, moment)


def _batch(mapper: Mapper, views: list[dict[str, Any]], moment: datetime) -> Batch:
    events = [
        event_of(
            view.get("uri"),
            view.get("record"),
            moment_of(view.get("indexedAt"), moment) or moment,
            view.get("cid"),
        )
        for view in views
    ]
    batch = mapper.batch([event for event in events if event is not None], moment)
    authors = [view["author"] for view in views if isinstance(view.get("author"), dict)]
    accounts, sizes = people(authors, moment)
    return replace(
        batch,
        accounts=pa.concat_tables([batch.accounts, accounts]),
        observations=pa.concat_tables([batch.observations, post_counts(views, moment), sizes]),
    )


def _read(cursor: str | None, name: str) -> dict[str, _Look]:
    if cursor is None:
        return {}
    try:
        return msgspec.json.decode(cursor, type=dict[str, _Look])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise PermanentError(
            f"The cursor {cursor[:80]!r} is none of a search.", where=name, do="Give the source a new name."
        ) from error


def open_source(name: str, table: Mapping[str, Any], where: str) -> Search:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`BlueskySearchSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    Search

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = registry.settings(BlueskySearchSettings, table, where)
    if not 1 <= len(told.queries) <= MOST_QUERIES or not all(query.strip() for query in told.queries):
        raise ConfigError("queries is empty, too long, or has an empty one.", where=where, valid=("words",))
    if not told.server.startswith(("https://", "http://")):
        raise ConfigError(f"server is {told.server!r}.", where=where, valid=("https://...",))
    registry.in_range(told, where, days=(0, 36_500), every_minutes=(0.01, 100_000), keep_raw_days=(0, 36_500))
    return Search(name, msgspec.structs.replace(told, server=told.server.rstrip("/")))
