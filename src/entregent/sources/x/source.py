"""X by the user's own token: the source of kind ``x``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from entregent.clock import now as clock_now
from entregent.i18n import T
from entregent.results import MOST_PLACES, Notice
from entregent.sources.base import Batch
from entregent.sources.files.format import Options
from entregent.sources.files.x_v2 import XV2
from entregent.sources.live import gathered
from entregent.sources.secret import Secret, secret
from entregent.sources.web import Web
from entregent.sources.x.asking import Asker, Piece
from entregent.sources.x.place import Place, read_cursor, written_cursor
from entregent.sources.x.settings import XSettings, read_settings

__all__ = ["X", "XSettings", "open_source"]

ALIVE_SECONDS = 10.0
MOST_WAITING = 20
_KNOWN = frozenset(
    (
        *("article", "attachments", "author_id", "card_uri", "community_id", "context_annotations"),
        *("conversation_id", "created_at", "display_text_range", "edit_controls", "edit_history_tweet_ids"),
        *("entities", "geo", "id", "in_reply_to_user_id", "lang", "media_metadata", "non_public_metrics"),
        *("note_tweet", "organic_metrics", "paid_partnership", "possibly_sensitive", "promoted_metrics"),
        *("public_metrics", "referenced_tweets", "reply_settings", "scopes", "source", "text", "username"),
        *("withheld", "suggested_source_links", "matched_media_notes"),
        *("name", "description", "verified_type", "url", "verified", "protected", "location"),
        *("pinned_tweet_id", "profile_image_url", "profile_banner_url", "most_recent_tweet_id"),
    )
)


class X:
    """Searches, mentions, people and a filtered stream as a live source.

    Parameters
    ----------
    name : str
    settings : XSettings
    token : Secret
    now : callable, optional
        The clock.

    Notes
    -----
    What it costs is counted with the cursor, so that it survives a restart. At
    the limit of the month the source waits for the next one.
    """

    network = "x"

    def __init__(
        self, name: str, settings: XSettings, token: Secret, *, now: Callable[[], datetime] = clock_now
    ) -> None:
        self.name = name
        self.settings = settings
        self._token = token
        self._now = now

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what X gives, see :class:`entregent.sources.live.LiveSource`."""
        place = read_cursor(cursor, self.name)
        options = Options(received_at=self._now(), keep_raw_days=self.settings.keep_raw_days)
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        run = XV2().opened(self.name, options)
        seen = 0
        loop = asyncio.get_running_loop()
        alive = loop.time()
        try:
            async with Web(self.name, headers=headers, allow_private=self.settings.allow_private) as web:
                asker = Asker(web, self.settings, place, self.name, self._now)
                pieces = gathered(_pieces(asker, self.settings))
                async with aclosing(pieces):  # type: ignore[type-var]
                    async for found in pieces:
                        pages = [piece.page for piece in found if piece.page is not None]
                        if not pages and not (found and loop.time() - alive > ALIVE_SECONDS):
                            continue
                        alive = loop.time()
                        _moved(place, found)
                        moment = self._now()
                        numbers = range(seen + 1, seen + len(pages) + 1)
                        seen += len(pages)
                        batch = (
                            await asyncio.to_thread(run.received, pages, numbers, moment)
                            if pages
                            else Batch()
                        )
                        yield replace(
                            batch,
                            cursor=written_cursor(place),
                            gaps=tuple(gap for piece in found for gap in piece.gaps),
                            notices=(*batch.notices, *_unknown(pages, self.name)),
                            budget=asker.purse.told(),
                        )
        finally:
            run.close()


def _moved(place: Place, pieces: Sequence[Piece]) -> None:
    for piece in pieces:
        place.looks |= piece.looks or {}
        place.spent = piece.spent or place.spent
        place.people_at = piece.people_at or place.people_at


async def _pieces(asker: Asker, settings: XSettings) -> AsyncIterator[Piece]:
    queue: asyncio.Queue[Piece] = asyncio.Queue(MOST_WAITING)
    running = []
    if settings.rules:
        running.append(asyncio.create_task(asker.stream(queue.put)))
    if settings.searches or settings.mentions_of or settings.people:
        running.append(asyncio.create_task(asker.look_again_and_again(queue.put)))
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
                    # What came before it failed was yielded already: the queue is empty.
                    task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _unknown(pages: Sequence[bytes], name: str) -> tuple[Notice, ...]:
    """Return the notice of fields that nobody knows."""
    found: list[str] = []
    for page in pages:
        data = msgspec.json.decode(page).get("data")
        for one in data if isinstance(data, list) else [data]:
            if isinstance(one, dict):
                found += sorted(one.keys() - _KNOWN)
    if not found:
        return ()
    text = T("A record has a field that is not known, and was read without it.")
    places = tuple(f"{name}: {field}" for field in dict.fromkeys(found))[:MOST_PLACES]
    return (Notice("field.unknown", text, len(found), places),)


def open_source(name: str, table: Mapping[str, Any], where: str) -> X:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`XSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    X

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = read_settings(table, where)
    return X(name, told, secret(told.token, where=f"{where}.token"))
