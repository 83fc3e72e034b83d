"""Accounts that matter, from their own servers: the source of kind ``bluesky-accounts``.

What an account published before anybody listened is asked from the server
that keeps it, in order of keys, so that the last key is the place to go on;
how many follow it is asked from a server that counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from entregent.clock import now as clock_now
from entregent.errors import ConfigError, PermanentError, SourceError, TransientError
from entregent.i18n import T
from entregent.results import Notice
from entregent.sources import registry
from entregent.sources.base import Batch
from entregent.sources.bluesky.events import COLLECTIONS, Mapper
from entregent.sources.bluesky.views import event_of, key_of, people
from entregent.sources.bluesky.xrpc import Xrpc
from entregent.sources.web import Web

__all__ = ["Accounts", "BlueskyAccountsSettings", "open_source"]

MOST_ACCOUNTS = 1000
PAGE, SHOWN_AT_ONCE = 100, 25
PAGES_AT_ONCE = 10
_FOLLOW, _PROFILE = "app.bsky.graph.follow", "app.bsky.actor.profile"
Places = dict[str, dict[str, str]]


class BlueskyAccountsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``bluesky-accounts``.

    Parameters
    ----------
    accounts : list of str
        Handles or DIDs.
    collections : list of str
        Kinds of records.
    days : float
        How far back the first look goes; whom they follow is read from the
        beginning.
    every_minutes : float
        How often it is looked again.
    appview : str
        Server that knows handles and counts followers; "" asks none.
    identities : str
        Server that knows where an account is kept.
    allow_private : bool
        Whether servers of a private network may be asked.
    keep_raw_days : int
        Days to keep records as they came; 0 keeps none.
    """

    accounts: list[str]
    collections: list[str] = msgspec.field(default_factory=lambda: list(COLLECTIONS))
    days: float = 30.0
    every_minutes: float = 60.0
    appview: str = "https://public.api.bsky.app"
    identities: str = "https://plc.directory"
    allow_private: bool = False
    keep_raw_days: int = 0


class _Record(msgspec.Struct):
    uri: str
    value: dict[str, Any]
    cid: str | None = None


class _Records(msgspec.Struct):
    records: list[_Record]
    cursor: str | None = None


class _Profiles(msgspec.Struct):
    profiles: list[dict[str, Any]]


class Accounts:
    """Accounts that matter as a live source.

    Parameters
    ----------
    name : str
    settings : BlueskyAccountsSettings
    now : callable, optional
        The clock.

    Notes
    -----
    It sees what is new, not edits and deletions: those come through a source
    of kind ``bluesky`` with the same accounts.
    """

    network = "bluesky"

    def __init__(
        self, name: str, settings: BlueskyAccountsSettings, *, now: Callable[[], datetime] = clock_now
    ) -> None:
        self.name = name
        self.settings = settings
        self._now = now

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what the accounts published, see :class:`entregent.sources.live.LiveSource`."""
        places = _read(cursor, self.name)
        mapper = Mapper(self.name, self.settings.keep_raw_days, self._now())
        try:
            async with Web(self.name, allow_private=self.settings.allow_private) as web:
                xrpc = Xrpc(web, self._now)
                while True:
                    async for batch in self._round(xrpc, mapper, places):
                        yield batch
                    await asyncio.sleep(60 * self.settings.every_minutes)
        finally:
            mapper.close()

    async def _round(self, xrpc: Xrpc, mapper: Mapper, places: Places) -> AsyncIterator[Batch]:
        """Look at each account once; one that cannot be read does not keep the others from being read."""
        failed: list[tuple[str, SourceError]] = []
        dids = []
        for account in self.settings.accounts:
            try:
                did = await xrpc.did(account, self.settings.appview)
                dids.append(did)
                server = await xrpc.home(did, self.settings.identities)
                for collection in self.settings.collections:
                    async for batch in self._records(xrpc, mapper, server, did, collection, places):
                        yield batch
            except (TransientError, PermanentError) as error:
                if getattr(error, "retry_after", None) is not None:
                    raise
                failed.append((account, error))
        if len(failed) == len(self.settings.accounts):
            raise failed[0][1]
        notices = tuple(
            Notice("account.unreachable", T("An account could not be read."), 1, (f"{name}: {error.what}",))
            for name, error in failed
        )
        yield Batch(notices=notices)
        if self.settings.appview:
            for first in range(0, len(dids), SHOWN_AT_ONCE):
                yield await self._sizes(xrpc, dids[first : first + SHOWN_AT_ONCE])

    async def _records(
        self, xrpc: Xrpc, mapper: Mapper, server: str, did: str, collection: str, places: Places
    ) -> AsyncIterator[Batch]:
        place = places.get(did, {}).get(collection)
        if place is None and collection not in (_FOLLOW, _PROFILE):
            place = key_of(self._now() - timedelta(days=self.settings.days))
        while True:
            moment = self._now()
            events: list[bytes] = []
            more = False
            for _ in range(PAGES_AT_ONCE):
                page = await xrpc.ask(
                    server,
                    "com.atproto.repo.listRecords",
                    _Records,
                    repo=did,
                    collection=collection,
                    limit=PAGE,
                    reverse="true",
                    cursor=place,
                )
                found = [event_of(one.uri, one.value, moment, one.cid) for one in page.records]
                events += [one for one in found if one is not None]
                last = page.records[-1].uri.rpartition("/")[2] if page.records else place
                more = bool(page.records) and page.cursor is not None and last != place
                place = last
                if not more:
                    break
            batch = await asyncio.to_thread(mapper.batch, events, moment)
            if place is not None and collection != _PROFILE:
                places.setdefault(did, {})[collection] = place
            yield replace(batch, cursor=json.dumps(places))
            if not more:
                return

    async def _sizes(self, xrpc: Xrpc, dids: list[str]) -> Batch:
        shown = await xrpc.ask(
            self.settings.appview, "app.bsky.actor.getProfiles", _Profiles, actors=tuple(dids)
        )
        accounts, sizes = people(shown.profiles, self._now())
        return Batch(accounts=accounts, observations=sizes, rows=len(accounts))


def _read(cursor: str | None, name: str) -> Places:
    if cursor is None:
        return {}
    try:
        return msgspec.json.decode(cursor, type=Places)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise PermanentError(
            f"The cursor {cursor[:80]!r} is none of accounts of Bluesky.",
            where=name,
            do="Give the source a new name.",
        ) from error


def open_source(name: str, table: Mapping[str, Any], where: str) -> Accounts:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`BlueskyAccountsSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    Accounts

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = registry.settings(BlueskyAccountsSettings, table, where)
    if not 1 <= len(told.accounts) <= MOST_ACCOUNTS:
        raise ConfigError(
            f"accounts has {len(told.accounts)} entries.", where=where, valid=(f"1 to {MOST_ACCOUNTS}",)
        )
    handles = [account for account in told.accounts if not account.startswith("did:")]
    if handles and not told.appview:
        raise ConfigError(
            f"accounts has the handle {handles[0]!r}, and no appview to ask for it.", where=where
        )
    unknown = [collection for collection in told.collections if collection not in COLLECTIONS]
    if unknown or not told.collections:
        raise ConfigError(f"collections has {unknown[:1] or 'no entry'}.", where=where, valid=COLLECTIONS)
    for key, server in (("appview", told.appview), ("identities", told.identities)):
        if (server or key == "identities") and not server.startswith(("https://", "http://")):
            raise ConfigError(f"{key} is {server!r}.", where=where, valid=("https://...",))
    registry.in_range(told, where, days=(0, 36_500), every_minutes=(0.01, 100_000), keep_raw_days=(0, 36_500))
    servers = {"appview": told.appview.rstrip("/"), "identities": told.identities.rstrip("/")}
    return Accounts(name, msgspec.structs.replace(told, **servers))
