"""Asking one feed once, and when to ask it again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

import msgspec
from httpx import Headers

from entregent.errors import InputError, PermanentError, SourceError, TransientError
from entregent.i18n import T
from entregent.results import Notice
from entregent.sources.base import Batch
from entregent.sources.feeds.place import FeedPlace
from entregent.sources.feeds.settings import FeedsSettings
from entregent.sources.feeds.websub import Delivery
from entregent.sources.files.feeds import Fetched, fetched
from entregent.sources.files.format import Options
from entregent.sources.web import Answer, Web
from entregent.sources.web.redaction import shown

__all__ = ["Outcome", "asked", "delivered", "next_rest", "taken"]

LONGEST_REST = 86_400
ENTRIES_KNOWN = 3
_ACCEPTED = "application/atom+xml, application/rss+xml, application/rdf+xml, application/xml;q=0.9, */*;q=0.5"
_SLOWER, _FASTER = 1.5, 0.5
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """What came of asking one feed: its new place, and rows or an error, or neither where nothing was new."""

    address: str
    place: FeedPlace
    batch: Batch | None = None
    error: SourceError | None = None


async def asked(web: Web, address: str, place: FeedPlace, settings: FeedsSettings, now: datetime) -> Outcome:
    """Ask a feed for what is new.

    Parameters
    ----------
    web : Web
    address : str
        As the settings name it.
    place : FeedPlace
    settings : FeedsSettings
    now : datetime

    Returns
    -------
    Outcome
        Errors of this feed are in it; none is raised.
    """
    headers = {"Accept": _ACCEPTED}
    if place.etag:
        headers["If-None-Match"] = place.etag
    if place.modified:
        headers["If-Modified-Since"] = place.modified
    try:
        answer = await web.get(place.moved_to or address, headers=headers, accept=(304, 410))
        if answer.status == 410:
            gone = msgspec.structs.replace(place, gone=True, failures=0)
            told = T("A feed was removed for good; it is no longer asked")
            notice = Notice("feed.gone", told, 1, (shown(address),))
            return Outcome(address, gone, Batch(notices=(notice,)))
        if answer.moved_to is not None:
            place = msgspec.structs.replace(place, moved_to=answer.moved_to)
        if answer.status == 304:
            return Outcome(address, _rested(place, settings, now, changed=False, told=_told(answer, None)))
        return await taken(answer, address, place, settings, now)
    except SourceError as error:
        return _failed(address, place, settings, now, error)


async def taken(
    answer: Answer, address: str, place: FeedPlace, settings: FeedsSettings, now: datetime
) -> Outcome:
    """Read what a feed answered, or what its hub sent.

    Parameters
    ----------
    answer : Answer
    address : str
    place : FeedPlace
    settings : FeedsSettings
    now : datetime

    Returns
    -------
    Outcome

    Raises
    ------
    TransientError
        Where it is no feed.
    """
    digest = blake2b(answer.body, digest_size=12).hexdigest()
    if digest == place.digest:
        return Outcome(address, _rested(place, settings, now, changed=False, told=_told(answer, None)))
    options = Options(received_at=now, keep_raw_days=settings.keep_raw_days)
    content_type = answer.headers.get("content-type", "")
    try:
        # Parsing is slow, and the other feeds must not wait for it.
        read = await asyncio.to_thread(fetched, answer.body, answer.address, content_type, options)
    except InputError as error:
        raise TransientError(error.what, where=shown(answer.address), do=error.do) from error
    ids = [blake2b(id.encode(), digest_size=4).hexdigest() for id in read.batch.posts["id"].to_pylist()]
    changed = not set(ids[:ENTRIES_KNOWN]) <= set(place.known)
    batch = read.batch
    if ids and place.known and not set(ids) & set(place.known):
        told = T("A feed published more than it holds since it was last asked; entries may be missing")
        notice = Notice("feed.overrun", told, 1, (shown(address),))
        batch = replace(batch, notices=(*batch.notices, notice))
    links = _links(answer)
    place = msgspec.structs.replace(
        place,
        hub=links.get("hub") or read.hub,
        topic=links.get("self") or read.topic,
        etag=_header(answer, "etag"),
        modified=_header(answer, "last-modified"),
        digest=digest,
        known=ids[:ENTRIES_KNOWN] or place.known,
    )
    place = _rested(place, settings, now, changed=changed, told=_told(answer, read))
    return Outcome(address, place, batch)


async def delivered(delivery: Delivery, place: FeedPlace, settings: FeedsSettings, now: datetime) -> Outcome:
    """Read what a hub sent.

    Parameters
    ----------
    delivery : Delivery
    place : FeedPlace
    settings : FeedsSettings
    now : datetime

    Returns
    -------
    Outcome
        With the place of the feed as it was: what its server knows of us did
        not change.
    """
    answer = Answer(
        status=200,
        headers=Headers({"content-type": delivery.content_type} if delivery.content_type else {}),
        body=delivery.body,
        address=place.moved_to or delivery.address,
        where=delivery.address,
    )
    try:
        outcome = await taken(
            answer, delivery.address, msgspec.structs.replace(place, known=[]), settings, now
        )
    except TransientError as error:
        told = T("What a hub sent is no feed, and was left out")
        notice = Notice("feed.hub", told, 1, (f"{shown(delivery.address)}: {error.what}",))
        return Outcome(delivery.address, place, Batch(notices=(notice,)))
    known = [*outcome.place.known, *place.known][:ENTRIES_KNOWN]
    return replace(outcome, place=msgspec.structs.replace(place, known=known))


def next_rest(
    before: int, settings: FeedsSettings, *, changed: bool, told: int | None, failures: int = 0
) -> int:
    """Return how many seconds to leave a feed alone.

    Parameters
    ----------
    before : int
        Seconds it was left alone before; 0 where it was never asked.
    settings : FeedsSettings
    changed : bool
        Whether it had something new.
    told : int or None
        Seconds for which its server says that nothing changes.
    failures : int
        In a row.

    Returns
    -------
    int
        Half as long where it had something new, half as long again where not,
        within the settings, and not before its server wants; twice as long
        for each failure.

    Examples
    --------
    >>> next_rest(1800, FeedsSettings(), changed=False, told=None)
    2700
    >>> next_rest(1800, FeedsSettings(), changed=True, told=3600)
    3600
    """
    least, most = settings.every_minutes * 60, settings.slowest_minutes * 60
    if failures:
        return int(min(LONGEST_REST, least * 2.0 ** min(20, failures - 1)))
    rest = least if not before else min(most, max(least, before * (_FASTER if changed else _SLOWER)))
    return int(max(rest, min(told or 0, LONGEST_REST)))


def _rested(
    place: FeedPlace, settings: FeedsSettings, now: datetime, *, changed: bool, told: int | None
) -> FeedPlace:
    rest = next_rest(place.rest, settings, changed=changed, told=told)
    if place.lease > now.timestamp():
        # Its hub sends what is new; asking only finds what the hub forgot.
        rest = max(rest, int(settings.slowest_minutes * 60))
    return msgspec.structs.replace(place, rest=rest, due=int(now.timestamp()) + rest, failures=0)


def _failed(
    address: str, place: FeedPlace, settings: FeedsSettings, now: datetime, error: SourceError
) -> Outcome:
    failures = place.failures + 1
    rest = next_rest(place.rest, settings, changed=False, told=None, failures=failures)
    if isinstance(error, PermanentError):
        # Somebody must do something about it; once a day is enough to see that they did.
        rest = LONGEST_REST
    elif isinstance(error, TransientError) and error.retry_after is not None:
        rest = max(rest, int(error.retry_after))
    failed = msgspec.structs.replace(
        place,
        failures=failures,
        due=int(now.timestamp()) + rest,
        # A move that turns out wrong is taken back.
        moved_to=None if isinstance(error, PermanentError) else place.moved_to,
    )
    batch = None
    if failures == 1:
        told = T("A feed could not be read; it is asked again later")
        batch = Batch(notices=(Notice("feed.unreachable", told, 1, (f"{shown(address)}: {error.what}",)),))
    return Outcome(address, failed, batch, error)


def _told(answer: Answer, read: Fetched | None) -> int | None:
    found = _MAX_AGE.search(answer.headers.get("cache-control", ""))
    times = [int(found[1])] if found else []
    if read is not None and read.ttl:
        times.append(read.ttl)
    return max(times, default=None)


def _header(answer: Answer, name: str) -> str | None:
    value: str | None = answer.headers.get(name)
    # What cannot be sent back as it is, or is too long to be kept, is not.
    return value if value and value.isascii() and value.isprintable() and len(value) <= 500 else None


def _links(answer: Answer) -> Mapping[str, str]:
    links: dict[str, str] = {}
    for link in re.finditer(r"<([^>]*)>([^,<]*)", answer.headers.get("link", "")[:4000]):
        rel = re.search(r"rel\s*=\s*\"?([\w\s-]+)", link[2])
        for word in (rel[1] if rel else "").lower().split():
            links.setdefault(word, link[1])
    return links
