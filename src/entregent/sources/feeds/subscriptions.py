"""Which feeds are subscribed at which hub, until when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import msgspec

from entregent.errors import SourceError
from entregent.i18n import T
from entregent.results import Notice
from entregent.sources.feeds.place import FeedPlace
from entregent.sources.feeds.websub import Answering, Delivery, Reply, Request, is_signed, secret_of, token_of
from entregent.sources.web import Web
from entregent.sources.web.redaction import shown

__all__ = ["Subscriptions"]

LEASE_SECONDS = 10 * 86_400
LEAST_LEASE, LONGEST_LEASE = 300, 30 * 86_400
AGAIN_SECONDS = 6 * 3600.0
KEPT_WITHIN = 20.0
MOST_AT_ONCE = 4


class Subscriptions(Answering):
    """The subscriptions of one source.

    Parameters
    ----------
    web : Web
    places : dict of str to FeedPlace
        Of all feeds; the end of each lease is kept there.
    callback : str
        Address at which hubs reach this machine.
    secret : str
    now : callable
    """

    def __init__(
        self,
        web: Web,
        places: dict[str, FeedPlace],
        callback: str,
        secret: str,
        now: Callable[[], datetime],
    ) -> None:
        self.web = web
        self.places = places
        self.callback = callback.rstrip("/")
        self.deliveries: asyncio.Queue[Delivery] = asyncio.Queue(maxsize=100)
        self._secret = secret
        self._now = now
        self._asked: dict[str, float] = {}
        self._told: list[Notice] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._tokens = {
            token_of(secret, place.topic): address for address, place in places.items() if place.topic
        }

    def renew(self) -> None:
        """Ask the hubs of feeds that have none, or whose lease ends soon."""
        moment = self._now().timestamp()
        for address, place in self.places.items():
            if len(self._asking) >= MOST_AT_ONCE:
                return
            ends_soon = place.lease - moment < min(LEASE_SECONDS / 4, 86_400)
            if place.hub and place.topic and not place.gone and ends_soon:
                if moment < self._asked.get(address, 0.0):
                    continue
                self._asked[address] = moment + AGAIN_SECONDS
                self._tokens[token_of(self._secret, place.topic)] = address
                task = asyncio.create_task(self._subscribe(address, place.hub, place.topic))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)

    async def _subscribe(self, address: str, hub: str, topic: str) -> None:
        form = {
            "hub.mode": "subscribe",
            "hub.topic": topic,
            "hub.callback": f"{self.callback}/{token_of(self._secret, topic)}",
            "hub.secret": secret_of(self._secret, topic),
            "hub.lease_seconds": str(LEASE_SECONDS),
        }
        try:
            await self.web.post(hub, form=form)
        except SourceError as error:
            told = T("A hub refused to send what a feed publishes; the feed is asked instead")
            self._told.append(Notice("feed.hub", told, 1, (f"{shown(address)}: {error.what}",)))

    async def answer(self, request: Request) -> Reply:
        """Confirm what was asked for, take what is signed, and nothing else."""
        address = self._tokens.get(request.path.rpartition("/")[2])
        place = self.places.get(address or "")
        if address is None or place is None or place.topic is None:
            return Reply(404)
        if request.method == "GET":
            return self._confirmed(address, place, request)
        if request.method != "POST":
            return Reply(405)
        if place.lease <= self._now().timestamp():
            # Not subscribed (any more): a hub takes 410 for "do not send again".
            return Reply(410)
        signature = request.headers.get("x-hub-signature", "")
        if not is_signed(request.body, signature, secret_of(self._secret, place.topic)):
            told = T("What was sent in the name of a hub was not signed by it, and was left out")
            self._told.append(Notice("feed.bad_signature", told, 1, (shown(address),)))
            return Reply(202)
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        content_type = request.headers.get("content-type", "")
        with suppress(asyncio.QueueFull, TimeoutError):
            self.deliveries.put_nowait(Delivery(address, place.topic, content_type, request.body, kept))
            async with asyncio.timeout(KEPT_WITHIN):
                if await kept:
                    return Reply(200)
        return Reply(503)

    def _confirmed(self, address: str, place: FeedPlace, request: Request) -> Reply:
        query = request.query
        if query.get("hub.topic") != place.topic or (address not in self._asked and not place.lease):
            return Reply(404)
        if query.get("hub.mode") == "denied":
            self.places[address] = msgspec.structs.replace(place, lease=0)
            return Reply(200)
        challenge = query.get("hub.challenge", "")
        if query.get("hub.mode") != "subscribe" or not challenge:
            return Reply(404)
        told = query.get("hub.lease_seconds", "")
        lease = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else LEASE_SECONDS
        until = self._now().timestamp() + min(max(lease, LEAST_LEASE), LONGEST_LEASE)
        self.places[address] = msgspec.structs.replace(place, lease=int(until))
        self._asked.pop(address, None)
        return Reply(200, challenge.encode())

    def notices(self) -> tuple[Notice, ...]:
        """Return what went wrong since the last time."""
        told, self._told = tuple(self._told), []
        return told

    async def close(self) -> None:
        """Stop asking."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
