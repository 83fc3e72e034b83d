"""Jetstream: the network's events as JSON, told apart by time.

A server keeps a day or more. Its cursor is the microseconds of its clock; one
that it no longer has, or that lies ahead of its clock, it passes over in
silence, so what it sends first is held against what was asked for.

https://github.com/bluesky-social/jetstream
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from entregent.clock import from_micros, to_micros
from entregent.i18n import T
from entregent.records import Gap
from entregent.results import Notice
from entregent.sources.bluesky.events import time_of
from entregent.sources.bluesky.place import Place
from entregent.sources.bluesky.settings import BlueskySettings
from entregent.sources.bluesky.wire import Heard
from entregent.sources.web import Web

__all__ = ["JetstreamWire"]

# An address of more accounts may be refused by a server or a proxy on the way.
MOST_ACCOUNTS_IN_ADDRESS = 50
SKIPPED_MICROS = 1_000_000
TOLERATED_MICROS = 1_000_000
QUIET_MICROS = 60_000_000
_DAY_MICROS = 86_400_000_000


class JetstreamWire:
    """One connection to a Jetstream.

    Parameters
    ----------
    name : str
        Of the source.
    settings : BlueskySettings
    place : Place, optional
        Where to go on; from now on where None.
    moment : datetime
        Now.
    """

    subprotocol: str | None = None
    deflate = True

    def __init__(self, name: str, settings: BlueskySettings, place: Place | None, moment: datetime) -> None:
        self.name = name
        self._settings = settings
        self._rewind = round(settings.rewind_seconds * 1e6)
        if place is None:
            # Asked for by time, so that a crash before the first event loses nothing either.
            place = Place("jetstream", to_micros(moment) - self._rewind, moment, exact=True)
        self.place: Place = place
        self._from = place
        self._asked = max(0, place.number - (0 if place.exact else self._rewind))
        self._first = True

    def url(self) -> str:
        """Return what is opened, see :class:`entregent.sources.bluesky.wire.Wire`."""
        asked: list[tuple[str, str | int]] = [("cursor", self._asked)]
        asked.append(("maxMessageSizeBytes", self._settings.longest))
        if self._long():
            asked.append(("requireHello", "true"))
        else:
            asked += [("wantedCollections", one) for one in self._settings.collections]
            asked += [("wantedDids", one) for one in self._settings.accounts]
        return f"{self._settings.address}/subscribe?{urlencode(asked)}"

    async def prepare(self, web: Web) -> None:
        """Do nothing: the dictionary of this protocol comes with the program of its server, not from it."""

    def refused(self, error: str, moment: datetime) -> Heard | None:  # noqa: ARG002
        """Return None: this protocol passes over what it does not have."""
        return None

    def _long(self) -> bool:
        return len(self._settings.accounts) > MOST_ACCOUNTS_IN_ADDRESS

    def hello(self) -> str | None:
        """Return the wishes where they do not fit into an address."""
        if not self._long():
            return None
        wishes = {
            "wantedCollections": self._settings.collections,
            "wantedDids": self._settings.accounts,
            "maxMessageSizeBytes": self._settings.longest,
        }
        return json.dumps({"type": "options_update", "payload": wishes})

    def hear(self, messages: Sequence[bytes], moment: datetime) -> Heard:
        """Return what messages said, see :class:`entregent.sources.bluesky.wire.Wire`."""
        latest = to_micros(moment) + _DAY_MICROS
        times = [time for time in map(time_of, messages) if time is not None and 0 < time <= latest]
        if not times:
            return Heard(messages)
        missed = self._missed(times[0], moment) if self._first else None
        self._first = False
        self.place = Place("jetstream", times[-1], moment)
        return Heard(messages, gaps=() if missed is None else (missed,))

    def _missed(self, first: int, moment: datetime) -> Gap | None:
        """Return what was lost before the first event, told by what should have come again."""
        if first < self._asked - TOLERATED_MICROS:
            return Gap(self.name, self._from.heard, moment, "FutureCursor")
        tolerated = TOLERATED_MICROS
        if self._from.exact:
            # No event is known to stand there; but of the whole network some would have come soon.
            tolerated = _DAY_MICROS * 365 if self._settings.accounts else QUIET_MICROS
        if first > self._from.number + tolerated:
            return Gap(self.name, from_micros(self._from.number), from_micros(first), "OutdatedCursor")
        return None

    def skip(self, times: int, moment: datetime) -> Heard:
        """Go on behind a message that is too long: a second, twice as far each time."""
        start = self.place.number
        end = start + SKIPPED_MICROS * 2 ** (times - 1)
        self.place = Place("jetstream", end, moment, exact=True)
        gap = Gap(self.name, from_micros(start), from_micros(end), "stream.too_large")
        notice = Notice("stream.too_large", T("An event longer than can be read was passed over."))
        return Heard(notices=(notice,) if times == 1 else (), gaps=(gap,))
