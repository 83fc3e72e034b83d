"""Many feeds followed at once: the source of kind ``feeds``."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import msgspec

from entregent.clock import now as clock_now
from entregent.errors import PermanentError, SourceError, TransientError
from entregent.sources.base import Batch, joined
from entregent.sources.feeds.asking import Outcome, asked, delivered
from entregent.sources.feeds.place import FeedPlace, read_cursor, written_cursor
from entregent.sources.feeds.settings import FeedsSettings, addresses, read_settings
from entregent.sources.feeds.subscriptions import Subscriptions
from entregent.sources.feeds.websub import Delivery, received
from entregent.sources.secret import Secret, secret
from entregent.sources.web import Limits, Web

__all__ = ["Feeds", "FeedsSettings", "open_source"]

ALIVE_SECONDS = 10.0
TOGETHER_SECONDS = 1.0
_SPREAD = 0.1


class Feeds:
    """Feeds of blogs and of the press as a live source.

    Parameters
    ----------
    name : str
    settings : FeedsSettings
    feeds : sequence of str
        Addresses.
    now : callable, optional
        The clock.

    Notes
    -----
    A feed that fails is told once, is asked less and less often, and stops no
    other one. Only where none of all answers, the source fails.
    """

    network = "web"

    def __init__(
        self,
        name: str,
        settings: FeedsSettings,
        feeds: Sequence[str],
        *,
        secret: Secret | None = None,
        now: Callable[[], datetime] = clock_now,
    ) -> None:
        self.name = name
        self.settings = settings
        self._secret = secret
        self.feeds = tuple(feeds)
        self._now = now

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what the feeds publish, see :class:`entregent.sources.live.LiveSource`."""
        places = read_cursor(cursor, self.feeds, self.name)
        limits = Limits(
            silence=20.0,
            whole=60.0,
            most_bytes=self.settings.most_bytes,
            connections=self.settings.at_once,
        )
        async with (
            Web(self.name, limits=limits, allow_private=self.settings.allow_private) as web,
            self._subscribed(web, places) as hubs,
        ):
            async for batch in self._rounds(web, places, hubs):
                yield batch

    @asynccontextmanager
    async def _subscribed(
        self, web: Web, places: dict[str, FeedPlace]
    ) -> AsyncIterator[Subscriptions | None]:
        """Take what hubs send, where the settings ask for it."""
        if self.settings.callback is None or self._secret is None:
            yield None
            return
        hubs = Subscriptions(web, places, self.settings.callback, self._secret.reveal(), self._now)
        taken = received(
            self.settings.listen, hubs, most_bytes=self.settings.most_bytes, where=f"{self.name}.listen"
        )
        async with taken:
            try:
                yield hubs
            finally:
                await hubs.close()

    async def _rounds(
        self, web: Web, places: dict[str, FeedPlace], hubs: Subscriptions | None
    ) -> AsyncIterator[Batch]:
        round_ = _Round(places, self.settings, self._now)
        running: dict[asyncio.Task[Outcome], str] = {}
        sent: dict[asyncio.Task[Outcome], Delivery] = {}
        next_one = None if hubs is None else asyncio.create_task(hubs.deliveries.get())
        pending: list[Outcome] = []
        unkept: list[Delivery] = []
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        try:
            while True:
                for address, host in round_.next_ones(self.settings.at_once - len(running)):
                    asking = asked(web, address, places[address], self.settings, self._now())
                    running[asyncio.create_task(asking)] = host
                if hubs is not None:
                    hubs.renew()
                    if next_one is not None and next_one.done():
                        delivery = next_one.result()
                        next_one = asyncio.create_task(hubs.deliveries.get())
                        reading = delivered(delivery, places[delivery.address], self.settings, self._now())
                        sent[asyncio.create_task(reading)] = delivery
                wait = TOGETHER_SECONDS if pending or sent else round_.wait()
                await _something([*running, *sent, *([next_one] if next_one else [])], wait)
                for task in [task for task in running if task.done()]:
                    pending.append(task.result())
                    round_.came(running.pop(task), pending[-1])
                for reader in [reader for reader in sent if reader.done()]:
                    pending.append(reader.result())
                    unkept.append(sent.pop(reader))
                    round_.sent(pending[-1])
                patience = TOGETHER_SECONDS if pending else ALIVE_SECONDS
                if (pending and not running) or loop.time() - told_at >= patience:
                    batches = [outcome.batch for outcome in pending if outcome.batch is not None]
                    batches += [] if hubs is None else [Batch(notices=hubs.notices())]
                    pending = []
                    yield joined(batches, written_cursor(places))
                    while unkept:
                        _keep(unkept.pop())
                    told_at = loop.time()
                    failed = round_.all_failed()
                    if failed is not None:
                        raise failed
        finally:
            left: list[asyncio.Task[Any]] = [*running, *sent, *([next_one] if next_one else [])]
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)


class _Round:
    """Which feed is asked next: what is due, a few at once of each machine."""

    def __init__(
        self, places: dict[str, FeedPlace], settings: FeedsSettings, now: Callable[[], datetime]
    ) -> None:
        self.places = places
        self.settings = settings
        self._now = now
        # Where nothing answered before, waiting is up to whoever opens the source anew.
        afresh = all(place.failures for place in places.values() if not place.gone)
        self._due = [
            (0.0 if afresh else float(place.due), address)
            for address, place in places.items()
            if not place.gone
        ]
        heapq.heapify(self._due)
        self._ready: dict[str, deque[str]] = {}
        self._hosts: deque[str] = deque()
        self._running: Counter[str] = Counter()
        self._untried = {address for address, place in places.items() if not place.gone}
        self._errors: dict[str, SourceError] = {}

    def next_ones(self, most: int) -> list[tuple[str, str]]:
        """Return up to `most` feeds to ask now, with their machines."""
        moment = self._now().timestamp()
        while self._due and self._due[0][0] <= moment:
            _, address = heapq.heappop(self._due)
            host = _host(self.places[address].moved_to or address)
            if host not in self._ready:
                self._ready[host] = deque()
                self._hosts.append(host)
            self._ready[host].append(address)
        found: list[tuple[str, str]] = []
        for _ in range(len(self._hosts)):
            if len(found) >= most:
                break
            host = self._hosts.popleft()
            waiting = self._ready[host]
            while waiting and self._running[host] < self.settings.per_host and len(found) < most:
                found.append((waiting.popleft(), host))
                self._running[host] += 1
            if waiting:
                self._hosts.append(host)
            else:
                del self._ready[host]
        return found

    def wait(self) -> float:
        """Return seconds until the next feed is due, at most those between two signs of life."""
        if not self._due:
            return ALIVE_SECONDS
        return min(ALIVE_SECONDS, max(0.05, self._due[0][0] - self._now().timestamp()))

    def came(self, host: str, outcome: Outcome) -> None:
        """Take what came of one feed."""
        address = outcome.address
        # A hub may have confirmed meanwhile.
        place = msgspec.structs.replace(outcome.place, lease=self.places[address].lease)
        self.places[address] = place
        self._running[host] -= 1
        if not self._running[host]:
            del self._running[host]
        self._untried.discard(address)
        self._errors.pop(address, None)
        if outcome.error is not None:
            self._errors[address] = outcome.error
        if not place.gone:
            heapq.heappush(
                self._due, (place.due + _SPREAD * place.rest * _share(address, place.due), address)
            )
        if isinstance(outcome.error, TransientError) and outcome.error.retry_after is not None:
            self._hold(host, place.due)

    def sent(self, outcome: Outcome) -> None:
        """Take what a hub sent for one feed."""
        place = self.places[outcome.address]
        self.places[outcome.address] = msgspec.structs.replace(place, known=outcome.place.known)

    def _hold(self, host: str, until: int) -> None:
        """Put off all feeds of a machine that asks for it."""
        for address in self._ready.pop(host, ()):
            heapq.heappush(self._due, (float(until), address))
        self._hosts = deque(known for known in self._hosts if known != host)

    def all_failed(self) -> SourceError | None:
        """Return the error of the source, where no feed answers."""
        if self._untried:
            return None
        living = [address for address, place in self.places.items() if not place.gone]
        if not living:
            return PermanentError(
                "Every feed of this source was removed for good.", do="Take the source out of the settings."
            )
        if len(self._errors) < len(living):
            return None
        errors = list(self._errors.values())
        passing = [error for error in errors if isinstance(error, TransientError)]
        if not passing:
            return errors[0]
        waits = [error.retry_after for error in passing if error.retry_after is not None]
        first = passing[0]
        if len(waits) == len(errors):
            first.retry_after = min(waits)
        return first


async def _something(tasks: Sequence[asyncio.Task[Any]], wait: float) -> None:
    """Wait until something is done, for a while at the most."""
    if tasks:
        await asyncio.wait(tasks, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
    else:
        await asyncio.sleep(wait)


def _keep(delivery: Delivery) -> None:
    """Say that what a hub sent is kept: it was handed over, and the next batch was asked for."""
    if not delivery.kept.done():
        delivery.kept.set_result(True)


def _host(address: str) -> str:
    return urlsplit(address).netloc.lower()


def _share(address: str, due: int) -> float:
    """Return a number in [0, 1) that spreads the feeds over time, the same every time it is asked for."""
    return int.from_bytes(blake2b(f"{address} {due}".encode(), digest_size=4).digest()) / 2**32


def open_source(name: str, table: Mapping[str, Any], where: str) -> Feeds:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`FeedsSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    Feeds

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    settings = read_settings(table, where)
    known = None if settings.secret is None else secret(settings.secret, where=f"{where}.secret")
    return Feeds(name, settings, addresses(settings, where), secret=known)
