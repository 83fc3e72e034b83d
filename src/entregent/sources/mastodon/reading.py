"""Reading one timeline: back to where the first look goes, up to now, and on as it is streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from entregent.clock import from_micros, to_micros
from entregent.errors import PermanentError, TransientError
from entregent.i18n import T
from entregent.records import Gap
from entregent.results import Notice
from entregent.sources.mastodon.place import Place, behind
from entregent.sources.mastodon.settings import MastodonSettings, Timeline
from entregent.sources.mastodon.statuses import Head, head_of
from entregent.sources.web import Web
from entregent.sources.web.paced import Paced

__all__ = ["Piece", "Reader"]

PAGE = 40
SILENCE_SECONDS = 90.0
_CAME = ("update", "status.update", "status_update")  # Not all servers write it with a dot.


@dataclass(frozen=True)
class Piece:
    """What came of a timeline: statuses, deleted numbers, and the place that is reached with them."""

    timeline: str
    statuses: tuple[bytes, ...] = ()
    deleted: tuple[str, ...] = ()
    place: Place | None = None
    gaps: tuple[Gap, ...] = ()
    notices: tuple[Notice, ...] = ()


class _Account(msgspec.Struct):
    id: str


class Reader:
    """Reads one timeline for as long as it is followed.

    Parameters
    ----------
    web : Web
    paced : Paced
    timeline : Timeline
    settings : MastodonSettings
    streams : str
        Server of the streams.
    place : Place or None
    name : str
        Of the source.
    now : callable
        The clock.
    """

    def __init__(
        self,
        web: Web,
        paced: Paced,
        timeline: Timeline,
        settings: MastodonSettings,
        streams: str,
        place: Place | None,
        name: str,
        now: Callable[[], datetime],
    ) -> None:
        self._web = web
        self._paced = paced
        self._timeline = timeline
        self._settings = settings
        self._streams = streams
        self._place = place
        self._name = name
        self._now = now
        self._path: str | None = None if timeline.account else timeline.path
        self._caught_up = False
        self._ahead: Head | None = None

    async def run(self, put: Callable[[Piece], Awaitable[None]]) -> None:
        """Read and hand over piece by piece; ends only by an error.

        Parameters
        ----------
        put : callable

        Raises
        ------
        TransientError, PermanentError
        """
        if self._settings.stream and self._timeline.stream:
            try:
                await self._streamed(self._timeline.stream, put)
            except PermanentError as error:
                # Some servers stream to their members only, and answer everybody.
                refused = Notice(
                    "stream.refused", T("A server does not stream to you; it is asked"), 1, (error.what,)
                )
                await put(Piece(self._timeline.name, notices=(refused,)))
        first = True
        while True:
            try:
                await self._catch_up(put)
            except PermanentError as error:
                if not self._timeline.account or (first and len(self._settings.timelines) == 1):
                    raise
                text = T("An account could not be read.")
                place = f"{self._timeline.account}: {error.what}"
                await put(
                    Piece(self._timeline.name, notices=(Notice("account.unreachable", text, 1, (place,)),))
                )
            first = False
            await asyncio.sleep(60 * self._settings.every_minutes)

    async def _streamed(self, stream: str, put: Callable[[Piece], Awaitable[None]]) -> None:
        # Opened before the past is read, so that nothing falls between the two.
        async with self._web.lines(
            f"{self._streams}{stream}", headers={"Accept": "text/event-stream"}, silence=SILENCE_SECONDS
        ) as lines:
            if lines.answer.is_page:
                lines.answer.json()
            catching = asyncio.create_task(self._catch_up(put))
            try:
                async for event, data in _events(aiter(lines)):
                    if catching.done():
                        catching.result()
                    if event in _CAME:
                        await put(self._came(data.encode()))
                    elif event == "delete":
                        await put(Piece(self._timeline.name, deleted=(data.strip(),)))
                    elif not event:
                        await put(Piece(self._timeline.name))
                if catching.done():
                    catching.result()
            finally:
                catching.cancel()
                await asyncio.gather(catching, return_exceptions=True)
        raise TransientError(f"The server ended the stream of {self._timeline.name}.", where=self._name)

    def _came(self, status: bytes) -> Piece:
        head = head_of(status)
        moved = None
        if head is not None:
            if self._caught_up:
                moved = self._moved_to([head])
            elif self._ahead is None or head.order > self._ahead.order:
                self._ahead = head
        return Piece(self._timeline.name, (status,), place=moved)

    def _moved_to(self, heads: list[Head]) -> Place | None:
        """Move the place on to the last of some statuses, where it is later."""
        place = self._place or Place()
        last = max(heads, key=lambda head: head.order)
        if place.newest is not None and last.order <= (len(place.newest), place.newest):
            return None
        at = place.at if last.created_at is None else to_micros(_aware(last.created_at))
        self._place = msgspec.structs.replace(place, newest=last.id, at=at)
        return self._place

    async def _catch_up(self, put: Callable[[Piece], Awaitable[None]]) -> None:
        if self._place is None:
            await self._begin(put)
        place = await self._forward(self._place or Place(), put)
        while place.back is not None:
            place = await self._back(place, put)
        self._caught_up = True
        if self._ahead is not None:
            await put(Piece(self._timeline.name, place=self._moved_to([self._ahead])))

    async def _begin(self, put: Callable[[Piece], Awaitable[None]]) -> None:
        since = to_micros(self._now() - timedelta(days=self._settings.days))
        statuses, heads = await self._page()
        if not heads:
            self._place = Place(newest="0", at=to_micros(self._now()))
            await put(Piece(self._timeline.name, place=self._place))
            return
        kept = _since(statuses, since)
        self._place = Place(since=since)
        self._moved_to(heads)
        more = len(kept) == len(statuses)
        back = min(heads, key=lambda head: head.order).id if more else None
        self._place = msgspec.structs.replace(self._place, back=back)
        await put(Piece(self._timeline.name, kept, place=self._place))

    async def _back(self, place: Place, put: Callable[[Piece], Awaitable[None]]) -> Place:
        statuses, heads = await self._page(max_id=place.back)
        kept = _since(statuses, place.since)
        last = min(heads, key=lambda head: head.order).id if heads else None
        over = not heads or len(kept) < len(statuses) or last == place.back
        self._place = msgspec.structs.replace(place, back=None if over else last)
        await put(Piece(self._timeline.name, kept, place=self._place))
        return self._place

    async def _forward(self, start: Place, put: Callable[[Piece], Awaitable[None]]) -> Place:
        asked = behind(start.newest or "0")
        first = True
        while True:
            statuses, heads = await self._page(min_id=asked)
            gaps = await self._cut(start, heads) if first else ()
            moved = self._moved_to(heads) if heads else None
            if statuses or gaps:
                await put(Piece(self._timeline.name, tuple(statuses), place=moved, gaps=gaps))
            last = max((head for head in heads), key=lambda head: head.order, default=None)
            if last is None or last.id == asked:
                await put(Piece(self._timeline.name))
                return self._place or start
            asked, first = last.id, False

    async def _cut(self, start: Place, heads: list[Head]) -> tuple[Gap, ...]:
        """Return the stretch that the server no longer has: the newest of a list are kept only."""
        if not self._timeline.cut or not heads or start.at is None or start.newest == "0":
            return ()
        oldest = min(heads, key=lambda head: head.order)
        if start.newest is not None and oldest.order <= (len(start.newest), start.newest):
            return ()
        _, before = await self._page(max_id=oldest.id, limit=1)
        if before or oldest.created_at is None:
            return ()
        return (Gap(self._name, from_micros(start.at), _aware(oldest.created_at), "OutdatedCursor"),)

    async def _page(self, limit: int = PAGE, **params: str | None) -> tuple[tuple[bytes, ...], list[Head]]:
        if self._path is None:
            lookup = f"{self._settings.server}/api/v1/accounts/lookup"
            found = (await self._paced.get(lookup, {"acct": self._timeline.account})).json(_Account)
            self._path = self._timeline.path.format(id=found.id)
        answer = await self._paced.get(
            self._settings.server + self._path, {**self._timeline.params, **params, "limit": limit}
        )
        statuses = tuple(bytes(one) for one in answer.json(list[msgspec.Raw]))
        heads = [head for head in map(head_of, statuses) if head is not None]
        return statuses, heads


def _since(statuses: tuple[bytes, ...], since: int) -> tuple[bytes, ...]:
    kept = []
    for status in statuses:
        head = head_of(status)
        if head is None or head.created_at is None or to_micros(_aware(head.created_at)) >= since:
            kept.append(status)
    return tuple(kept)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=from_micros(0).tzinfo)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """Yield name and data of the events of a stream, an empty name for a sign of life.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    name, data = "", list[str]()
    async for line in lines:
        if not line:
            if data:
                yield name or "message", "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif not field:
            yield "", ""
